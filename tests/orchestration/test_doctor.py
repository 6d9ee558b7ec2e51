"""``rdc doctor``: every check sees its own trouble, made for real, and says the repair; what `--fix` does harms nothing."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import threading
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ingest.outcome import UNCHANGED, Outcome
from ingest.settings import Settings
from ingest.storage.clock import Clock
from orchestration.doctor import folder, machine, outside
from orchestration.doctor.examine import CHECKS, examined, fixed
from orchestration.doctor.finding import Finding
from orchestration.workspace import Workspace
from tests.orchestration.alerts.receivers import Webhook
from tests.orchestration.conftest import Rdc
from warehouse.serve.keys import Keys


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    return Workspace.open(Settings(tmp_path))


def wrong(findings: Iterator[Finding]) -> list[Finding]:
    return [f for f in findings if not f.good]


def mended(work: Workspace, check) -> list[Finding]:
    """What is wrong, after `--fix` did what it can."""
    assert fixed(wrong(check(work)))
    return wrong(check(work))


def test_a_sound_installation_is_told_so(released: Rdc, tmp_path: Path) -> None:
    with Webhook() as hook:
        rdc = released.copy(tmp_path / "home", released.env | {"RDC_ALERTS": hook.url})
        names = ("RDC_STATLINE_V3_URL", "RDC_STATLINE_V4_URL", "RDC_PDOK_URL")
        rdc.env = rdc.env | {"RDC_STATLINE_THIRD_PARTY_URL": rdc.env[names[0]]}
        found = rdc.json("doctor")
    assert found["good"], [f for f in found["findings"] if not f["good"]]
    assert len({f["check"] for f in found["findings"]}) >= 14


def test_each_check_is_tried_here() -> None:
    tried = Path(__file__).read_text(encoding="utf-8")
    assert [c.__name__ for c in CHECKS if f".{c.__name__})" not in tried and f".{c.__name__}(" not in tried] == []


def test_versions_are_held_against_the_lock(work: Workspace, tmp_path: Path) -> None:
    assert wrong(machine.versions(work)) == []
    lock = tmp_path / "requirements.lock"
    lock.write_text('duckdb==0.0.1 \\\n    --hash=sha256:00\nclick==0.0.2 ; python_version < "3.0" \\\n')
    [found] = wrong(machine.versions(work, lock))
    assert "duckdb is" in found.said and "0.0.1" in found.said and "click" not in found.said


def test_space_for_a_next_run(work: Workspace) -> None:
    assert wrong(machine.space(work)) == []
    work.releases.folder.mkdir()
    with work.releases.current_file.open("wb") as file:
        file.truncate(1 << 42)
    assert "rdc sources prune" in wrong(machine.space(work))[0].repair


def test_the_time_zone_is_known(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong(machine.time_zone(work)) == []
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath(to=[])
    try:
        assert "tzdata" in wrong(machine.time_zone(work))[0].repair
    finally:
        zoneinfo.reset_tzpath()


def test_a_clock_that_went_back(work: Workspace) -> None:
    assert wrong(machine.clock(work)) == []
    Clock(highest=(datetime.now(UTC) + timedelta(days=2)).isoformat()).write(work.settings.home)
    assert "rdc clock --right" in wrong(machine.clock(work))[0].repair


def test_a_port_that_someone_else_has(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("nothing of ours") as port:
        monkeypatch.setenv("RDC_UI_PORT", str(port))
        assert [f for f in wrong(machine.ports(work)) if str(port) in f.said and "RDC_UI_PORT" in f.repair]


def test_a_folder_that_can_not_be_written() -> None:
    assert "chown" in wrong(folder.rights(Workspace.open(Settings(Path("/proc/self")))))[0].repair


def test_a_secret_that_others_can_read(work: Workspace) -> None:
    file = work.settings.home / "alerts.yml"
    file.write_text("channels: []")
    file.chmod(0o644)
    [found] = wrong(folder.rights(work))
    assert "chmod 600" in found.repair
    assert mended(work, folder.rights) == []
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user(work: Workspace) -> None:
    assert wrong(folder.owner(work)) == []
    file = work.settings.home / "clock.json"
    file.write_text("{}")
    os.chown(file, 65534, 65534)
    assert "chown" in wrong(folder.owner(work))[0].repair


def test_damage_is_seen_and_mended(work: Workspace) -> None:
    work.outcomes.append(Outcome("83625NED", "2026-11-24T09:00:00+00:00", UNCHANGED))
    with work.outcomes.file.open("a") as log:
        log.write("no line of ours\n")
    [found] = wrong(folder.damaged(work))
    assert "outcomes.jsonl" in found.said
    assert mended(work, folder.damaged) == []
    assert len(work.outcomes.all()) == 1


def killed(home: Path, code: str) -> None:
    """A process of ours that is killed while it works."""
    code = f"import os, signal\nfrom pathlib import Path\nhome = Path({str(home)!r})\n{code}\n    os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)


def test_what_a_killed_process_left(work: Workspace) -> None:
    assert wrong(folder.leftovers(work)) == []
    killed(work.settings.home, "from ingest.storage.scratch import claimed\nwith claimed(home):")
    assert "leftovers" in wrong(folder.leftovers(work))[0].said
    assert mended(work, folder.leftovers) == []
    assert list((work.settings.home / "tmp").glob("*-*")) == []


def test_a_lock_that_nobody_holds_any_more(work: Workspace) -> None:
    killed(work.settings.home, "from orchestration.writer import writing\nwith writing(home, 'a trial'):")
    [found] = wrong(folder.locks(work))
    assert "a trial" in found.said
    assert mended(work, folder.locks) == []


def test_a_lock_that_someone_holds_is_told_and_left_alone(work: Workspace) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom orchestration.writer import writing\n"
        f"with writing(Path({str(work.settings.home)!r}), 'a trial'):\n    print('holds', flush=True)\n    sys.stdin.read()"
    )
    held = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert held.stdout is not None and held.stdout.readline()
    try:
        found = list(folder.locks(work))
        assert all(f.good for f in found) and "a trial" in found[0].said
    finally:
        held.communicate(b"")


def test_a_released_file_that_does_not_open(work: Workspace) -> None:
    work.releases.folder.mkdir()
    work.releases.current_file.write_bytes(b"no database" * 1000)
    assert "rdc rollback" in wrong(folder.released_file(work))[0].repair


def test_books_of_dagster_that_are_broken(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    file = work.settings.home / "dagster" / "history" / "runs.db"
    file.parent.mkdir(parents=True)
    with sqlite3.connect(file) as con:
        con.execute("create table runs (body text)")
        con.executemany("insert into runs values (?)", [("x" * 500,)] * 200)
    con.close()
    content = bytearray(file.read_bytes())
    content[8192:16384] = b"\x01" * 8192
    file.write_bytes(content)
    assert "runs.db" in wrong(folder.dagster_books(work))[0].said


def test_a_run_whose_process_is_gone(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from dagster import DagsterInstance, DagsterRunStatus, job

    from orchestration.instance import PROCESS, dagster_home

    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("DAGSTER_HOME", str(dagster_home(work.settings.home)))

    @job
    def nothing() -> None: ...

    with DagsterInstance.get() as instance:
        instance.create_run_for_job(nothing, status=DagsterRunStatus.STARTED, tags={PROCESS: "1-gone"})
    assert "1 runs are open" in wrong(folder.dagster_books(work))[0].said
    assert mended(work, folder.dagster_books) == []


@contextmanager
def serving(said: str, date: str | None = None) -> Iterator[int]:
    """A host that answers with its own idea of the time."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(f"HTTP/1.0 200 OK\r\n{f'Date: {date}' if date else 'X: y'}\r\n\r\n{said}".encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def test_hosts_that_are_not_reached_and_a_clock_that_is_off(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with serving("ok", "Sun, 01 Nov 2026 00:00:00 GMT") as port:
        alive = f"http://127.0.0.1:{port}"
        work = Workspace.open(Settings(tmp_path, alive, dead, alive, alive))
        found = wrong(outside.hosts(work))
    assert {f.check for f in found} == {"hosts", "clock"}
    assert [f for f in found if dead.removeprefix("http://") in f.said]


def test_a_key_that_expires(work: Workspace) -> None:
    assert wrong(outside.keys(work)) == []
    Keys(work.settings.home).add("bureau", "Omgevingsdienst", "partners", days=5)
    assert "rdc keys add" in wrong(outside.keys(work))[0].repair


def test_that_nobody_is_told(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RDC_ALERTS", raising=False)
    assert "rdc alerts test" in wrong(outside.channels(work))[0].repair
    monkeypatch.setenv("RDC_ALERTS", "json://localhost")
    assert wrong(outside.channels(work)) == []
    monkeypatch.setenv("RDC_QUIET_HOURS", "always")
    assert "RDC_QUIET_HOURS" in wrong(outside.channels(work))[0].said


def test_a_schedule_that_stands_still(work: Workspace) -> None:
    assert wrong(outside.schedule(work)) == []
    work.outcomes.append(Outcome("83625NED", (datetime.now(UTC) - timedelta(days=5)).isoformat(), UNCHANGED))
    assert "rdc run" in wrong(outside.schedule(work))[0].repair


def test_a_check_that_breaks_off_costs_no_other(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    (work.settings.home / "keys.json").mkdir()
    found = list(examined(Workspace.open(Settings(work.settings.home, *["http://127.0.0.1:9"] * 4))))
    assert {f.check for f in found} >= {"versions", "damage", "schedule"}
