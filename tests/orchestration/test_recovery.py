"""`rdc backup` and `rdc restore`: the same again to the last byte, or a refusal that names what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.errors import MendableError
from ingest.settings import Settings
from ingest.storage import durable
from ingest.verified import file_sha256
from orchestration import home_format, writer
from orchestration.recovery import kept
from orchestration.recovery.backup import backup
from orchestration.recovery.repository import Backup, BackupError, Repository
from orchestration.recovery.restore import restore
from tests.faulty import at_write, in_a_child, named, writes
from tests.orchestration.test_killed import delivered, everything, whole
from warehouse.making.same import compare
from warehouse.releases.release import Releases

PROJECT = Path(__file__).parents[2]
SECRET = {"RDC_PSEUDONYM_KEY": "a secret for tests, and for nothing else", "RDC_DROP_SETTLE_SECONDS": "0"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder with a delivery, a snapshot of it, a key and two releases; and what is not kept."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRET.items():
            patch.setenv(name, value)
        home = tmp_path_factory.mktemp("recovery") / "home"
        filled(home)
        yield home


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That folder, to spoil."""
    for name, value in SECRET.items():
        monkeypatch.setenv(name, value)
    shutil.copytree(made, tmp_path / "home")
    return tmp_path / "home"


def filled(home: Path) -> None:
    delivered(home)
    everything(home)
    everything(home)
    for name in ("dbt/target/manifest.json", "tmp/left", "dagster/history/notes.txt"):
        durable.write(home / name, "x")
    durable.write(home / "dagster/dagster.yaml", "telemetry: {enabled: false}")
    closed = home / "warehouse" / "restricted" / "partners"
    closed.mkdir(parents=True)
    closed.chmod(0o700)
    durable.write(closed / "what.json", "{}", durable.PRIVATE)


def state(home: Path) -> dict[str, tuple[Any, ...]]:
    """All that is kept of a data folder: rights, and of a file its time and content."""
    found = {}
    for one in kept.found(home):
        mode = stat.S_IMODE(one.facts.st_mode)
        found[one.path] = (mode,) if one.is_folder else (mode, one.facts.st_mtime_ns, file_sha256(one.place))
    return found


def same_figures(one: Path, other: Path) -> int:
    """How many rows of releases there are, which are all the same in two data folders."""
    rows = 0
    for release in Releases(one / "warehouse").all():
        with duckdb.connect() as con:
            for name, home in (("one", one), ("other", other)):
                con.execute(f"attach '{Releases(home / 'warehouse').path(release.release_id)}' as {name} (read_only)")
            tables = compare(con, "one", "other")
        assert all(table.same for table in tables)
        rows += sum(table.rows for table in tables)
    return rows


@pytest.mark.parametrize(
    "spoil",
    [
        lambda facts: facts["files"][0].update(path="../../elsewhere"),
        lambda facts: facts["files"][0].update(path="/tmp/elsewhere"),
        lambda facts: facts["files"][0].update(sha256="../../rdc-backups.json"),
        lambda facts: facts["folders"].update({"warehouse/../../elsewhere": 0o755}),
    ],
    ids=["above", "absolute", "content", "folder"],
)
def test_a_backup_that_someone_wrote_into_restores_nothing_elsewhere(
    home: Path, tmp_path: Path, spoil: Callable[[dict[str, Any]], None]
) -> None:
    backup(Settings(home), tmp_path / "kept")
    [record] = (tmp_path / "kept" / "backups").iterdir()
    facts = durable.read_record(record, "", strict=True)
    spoil(facts)
    durable.record(record, facts)
    with pytest.raises(BackupError, match=r"lies outside a data folder|no SHA-256"):
        restore(Settings(tmp_path / "again"), tmp_path / "kept")
    assert not (tmp_path / "again").exists()


def test_what_is_restored_is_the_same(home: Path, tmp_path: Path) -> None:
    before = state(home)
    first, _ = backup(Settings(home), tmp_path / "kept")
    restored = Settings(tmp_path / "again")
    restore(restored, tmp_path / "kept")
    assert state(restored.home) == before
    assert same_figures(home, restored.home) > 100
    assert first.releases == {"public": Releases(home / "warehouse").all()[-1].release_id}
    assert stat.S_IMODE((restored.home / "warehouse/restricted/partners").stat().st_mode) == 0o700
    assert stat.S_IMODE((restored.home / "keys.json").stat().st_mode) == 0o600
    assert not (restored.home / "dbt").exists()
    assert [f.name for f in (restored.home / "dagster").iterdir()] == ["dagster.yaml"]
    # What belongs to others is in it too.
    assert all(stat.S_IMODE(f.stat().st_mode) & 0o077 == 0 for f in (tmp_path / "kept").rglob("*"))
    # The next run goes on where the first folder was.
    everything(restored.home)
    whole(restored.home)
    assert len(Releases(restored.home / "warehouse").all()) == 2


def test_a_second_backup_copies_what_is_new(home: Path, tmp_path: Path) -> None:
    _, first = backup(Settings(home), tmp_path / "kept")
    contents = {f: f.stat().st_mtime_ns for f in (tmp_path / "kept/objects").rglob("*") if f.is_file()}
    again, none = backup(Settings(home), tmp_path / "kept")
    assert (first > 1_000_000, none, again.number) == (True, 0, 2)
    durable.write(home / "region.yml", "name: another")
    third, new = backup(Settings(home), tmp_path / "kept")
    assert new == len("name: another")
    assert contents.items() <= {f: f.stat().st_mtime_ns for f in contents}.items()
    with_it, without = Settings(tmp_path / "with"), Settings(tmp_path / "without")
    restore(with_it, tmp_path / "kept")
    restore(without, tmp_path / "kept", 1)
    assert (with_it.home / "region.yml").is_file() and not (without.home / "region.yml").exists()
    # Older ones go, with what they alone had.
    (home / "region.yml").unlink()
    last, _ = backup(Settings(home), tmp_path / "kept", keep=1)
    of = Repository(tmp_path / "kept")
    assert [b.number for b in of.all()] == [last.number] and list(of.damaged(last)) == []
    region = next(f.sha256 for f in third.files if f.path == "region.yml")
    assert not of.content(region).exists()


def test_one_byte_of_any_file_is_seen(home: Path, tmp_path: Path) -> None:
    made, _ = backup(Settings(home), tmp_path / "kept")
    files = [f for f in (tmp_path / "kept").rglob("*") if f.is_file() and f.stat().st_size]
    assert len(files) > 20
    names = {f.sha256: f.path for f in made.files}
    for number, file in enumerate(sorted(files)):
        before = file.read_bytes()
        at = (number * 7919) % len(before)
        file.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
        with pytest.raises(MendableError) as refused:
            restore(Settings(tmp_path / "again"), tmp_path / "kept")
        assert names.get(file.name, file.name) in str(refused.value)
        assert not (tmp_path / "again").exists()
        file.write_bytes(before)
    file.unlink()
    with pytest.raises(MendableError, match=r"gone|no backup"):
        restore(Settings(tmp_path / "again"), tmp_path / "kept")


def test_nothing_is_overwritten(home: Path, tmp_path: Path) -> None:
    backup(Settings(home), tmp_path / "kept")
    before = state(home)
    with pytest.raises(BackupError, match="has data in it"):
        restore(Settings(home), tmp_path / "kept")
    assert state(home) == before
    with pytest.raises(BackupError, match="not apart"):
        backup(Settings(home), home / "backups")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").touch()
    with pytest.raises(BackupError, match="other things in it"):
        backup(Settings(home), tmp_path / "photos")
    with pytest.raises(BackupError, match="no data to back up"):
        backup(Settings(tmp_path / "nothing"), tmp_path / "other")
    with pytest.raises(BackupError, match="has no backups"):
        restore(Settings(tmp_path / "again"), tmp_path / "nothing")


def test_links_are_told_of_and_not_followed(home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("of another")
    (home / "drop/wmo_jeugd_clienten/link.csv").symlink_to(secret)
    (home / "snapshots").rename(tmp_path / "elsewhere")
    (home / "snapshots").symlink_to(tmp_path / "elsewhere")  # a folder on another disk
    made, _ = backup(Settings(home), tmp_path / "kept")
    assert list(made.left_out) == ["drop/wmo_jeugd_clienten/link.csv"]
    assert file_sha256(secret) not in {f.sha256 for f in made.files}
    restore(Settings(tmp_path / "again"), tmp_path / "kept")
    (home / "drop/wmo_jeugd_clienten/link.csv").unlink()
    assert state(tmp_path / "again") == state(home)


HOLDING = """
import sys
from pathlib import Path
from orchestration.writer import writing
from tests.warehouse import made
home = Path(sys.argv[1])
with writing(home, "a run"):
    (home / "clock.json").unlink()  # something half done
    print("held", flush=True)
    sys.stdin.readline()
    made.publish(home / "warehouse")
    (home / "clock.json").write_text('{"highest": null}')
"""


def test_a_run_that_is_going_on_is_waited_for(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LOOK_SECONDS", 0.05)
    found: list[Backup] = []
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(home)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdin and run.stdout and run.stdout.readline() == "held\n"
        making = threading.Thread(target=lambda: found.append(backup(Settings(home), tmp_path / "kept")[0]))
        making.start()
        while not any((tmp_path / "kept").glob("objects/*/*")):
            assert making.is_alive()  # it copies already what can't change
        assert not any((tmp_path / "kept").glob("backups/*"))
        run.communicate("go on\n")
    making.join()
    [made] = found
    assert made.releases["public"] == Releases(home / "warehouse").all()[-1].release_id
    assert "clock.json" in {f.path for f in made.files}
    restore(Settings(tmp_path / "again"), tmp_path / "kept")
    assert same_figures(home, tmp_path / "again") > 100


def some(names: list[str]) -> list[str]:
    """Of many writes alike a part, and the last ones, which make it count."""
    return [*names[:-6:6], *names[-6:]]


def everywhere(folder: Path) -> None:
    """A kill at writes of a backup and of a restore, in a process that forks before DuckDB has threads."""
    os.environ |= SECRET
    home = folder / "home"
    assert in_a_child(lambda: filled(home)) == 0
    before = state(home)

    def at(where: Path, work: Any, name: str) -> None:
        in_a_child(lambda: (at_write(where, named(name), "kill"), work()))

    first = folder / "first"
    for number, name in enumerate(some(writes(first, lambda: backup(Settings(home), first)))):
        into = folder / f"kept-{number}"
        at(into, lambda into=into: backup(Settings(home), into), name)
        of = Repository(into)
        assert all(list(of.damaged(made)) == [] for made in of.all()), name
        made, _ = backup(Settings(home), into)
        assert list(of.damaged(made)) == [] and not list(into.rglob("*.part")), name
        shutil.rmtree(into)
    again = folder / "again"
    names = writes(again, lambda: restore(Settings(again), first))
    assert len(names) > 10, names
    for number, name in enumerate(some(names)):
        target = folder / f"again-{number}"
        at(target, lambda target=target: restore(Settings(target), first), name)
        trusted = False
        try:
            home_format.check(target)
            trusted = not kept.is_empty(target)
        except home_format.HomeError as refused:
            assert "rdc restore" in str(refused)
        assert not trusted or state(target) == before, name
        if not trusted:
            restore(Settings(target), first)
        assert state(target) == before and not list(target.rglob("*.part")), name
        shutil.rmtree(target)


@pytest.mark.long
def test_a_kill_at_a_write_leaves_nothing_that_is_trusted(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from tests.orchestration.test_recovery import everywhere; everywhere(Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


# -- which form a data folder has ---------------------------------------------------------------------------------------


def test_a_newer_folder_is_refused_before_anything_is_touched(home: Path, tmp_path: Path) -> None:
    durable.record(home / home_format.NAME, {"format": home_format.FORMAT + 1, "version": "9.0"})
    before = state(home)
    rdc = [str(Path(sys.executable).with_name("rdc"))]
    for arguments in (["run"], ["status"], ["backup", str(tmp_path / "kept")]):
        done = subprocess.run(
            [*rdc, *arguments], env=os.environ | {"RDC_HOME": str(home)}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1 and "version 9.0" in done.stdout + done.stderr, done
    assert state(home) == before and not (tmp_path / "kept").exists()
    (home / home_format.NAME).unlink()
    made, _ = backup(Settings(home), tmp_path / "kept")
    file = tmp_path / "kept/backups/000001.json"
    facts = durable.read_record(file, "")
    durable.record(file, facts | {"home_format": home_format.FORMAT + 1, "version": "9.0"})
    with pytest.raises(BackupError, match=r"version 9\.0"):
        restore(Settings(tmp_path / "again"), tmp_path / "kept")
    assert json.loads(json.dumps(made.home_format)) == 1


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": 1}', b'{"format": "1"}', b"[]", b"\xff"])
def test_a_form_that_can_not_be_told_is_not_guessed(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / home_format.NAME
    file.write_bytes(content)
    with pytest.raises(durable.Damaged, match=f"rm {file}"):
        home_format.check(tmp_path)
    file.unlink()
    home_format.begin(tmp_path)
    assert home_format.of(tmp_path) == home_format.FORMAT
