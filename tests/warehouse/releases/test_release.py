"""A release is there whole or not at all, and an earlier one can be had back."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.storage import durable
from ingest.verified import file_sha256
from tests.faulty import in_a_child
from tests.warehouse import made
from warehouse.making import publishing
from warehouse.making.candidate import Candidate
from warehouse.releases.release import ReleaseError, Releases
from warehouse.releases.sums import SUMS, read_sums

PROJECT = Path(__file__).parents[3]
CHECKS = {"passed": 1, "critical": 0, "warning": 0, "info": 0}


def candidate(folder: Path, figure: int) -> Candidate:
    made = Candidate(folder)
    made.folder.mkdir(parents=True)
    with made.connect() as con:
        con.execute("create schema raw; create schema core; create schema staging")
        con.execute(f"create table core.figure as select {figure} as value; create table raw.left_over as select 1")
        con.execute("create view core.seen as select * from core.figure")
    return made


def publish(folder: Path, figure: int, keep: int = 10):
    releases = Releases(folder, keep=keep)
    return publishing.publish(releases, candidate(folder, figure), [], CHECKS, "<html></html>")


def figure(file: Path) -> int:
    with duckdb.connect(str(file), read_only=True) as con:
        return con.execute("select value from core.seen").fetchall()[0][0]


def test_a_release_stands_on_its_own(tmp_path: Path) -> None:
    release = publish(tmp_path, 1)
    releases = Releases(tmp_path)
    assert releases.current() == release
    assert not list(tmp_path.glob("**/*.wal"))
    assert not (tmp_path / "candidate").exists()
    with duckdb.connect() as con:  # whatever name a partner attaches it by
        con.execute(f"attach '{releases.current_file}' as kempen (read_only)")
        assert con.execute("select value from kempen.core.seen").fetchall() == [(1,)]
        schemas = {
            r[0]
            for r in con.execute("select schema_name from duckdb_schemas() where database_name = 'kempen'").fetchall()
        }
    assert "raw" not in schemas and "staging" not in schemas


def test_another_region_is_another_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDC_HOME", str(tmp_path))
    releases = Releases(tmp_path / "warehouse")
    shipped, code = releases.fingerprint([]), releases.code()
    text = (PROJECT / "region.yml").read_text(encoding="utf-8")
    (tmp_path / "region.yml").write_text(text, encoding="utf-8")
    assert releases.fingerprint([]) == shipped  # it says the same
    shutil.copy(PROJECT / "tests" / "regions" / "de_peel.yml", tmp_path / "region.yml")
    assert releases.fingerprint([]) != shipped and releases.code() != code


def test_code_is_told_by_its_files_wherever_the_project_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "serve" / "rdc"
    monkeypatch.setattr("warehouse.releases.release.PROJECT", project)
    releases = Releases(tmp_path / "warehouse")

    def changed(file: str) -> bool:
        before = releases.code()
        (project / file).parent.mkdir(parents=True, exist_ok=True)
        (project / file).write_text("select 1", encoding="utf-8")
        return releases.code() != before

    assert changed("dbt_project/models/core/model.sql") and changed("warehouse/making/build.py")
    assert not changed("warehouse/serve/api.py") and not changed("dbt_project/target/model.sql")


def test_a_reader_keeps_what_it_opened(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    with duckdb.connect(str(tmp_path / "rdc.duckdb"), read_only=True) as before:
        publish(tmp_path, 2)
        assert before.execute("select value from core.figure").fetchall() == [(1,)]
    assert figure(tmp_path / "rdc.duckdb") == 2


def test_ids_count_within_the_month_and_are_in_order(tmp_path: Path) -> None:
    made = [publish(tmp_path, n) for n in range(11)]
    assert [m.release_id.rsplit(".", 1)[1] for m in made] == [str(n) for n in range(1, 12)]
    assert [r.release_id for r in Releases(tmp_path).all()] == [m.release_id for m in made][-10:]


def test_rollback_and_forward_again(tmp_path: Path) -> None:
    first, second = publish(tmp_path, 1), publish(tmp_path, 2)
    releases = Releases(tmp_path)
    assert releases.rollback(first.release_id) == first
    assert (figure(releases.current_file), releases.current()) == (1, first)
    releases.rollback(first.release_id)  # twice is once
    assert releases.rollback(second.release_id) == second
    assert figure(releases.current_file) == 2
    assert not list(tmp_path.glob(".rdc.duckdb*"))


def test_a_changed_release_is_not_made_current(tmp_path: Path) -> None:
    first = publish(tmp_path, 1)
    publish(tmp_path, 2)
    file = Releases(tmp_path).path(first.release_id)
    file.chmod(0o644)
    with file.open("r+b") as raw:
        raw.seek(5000)
        raw.write(b"x")
    with pytest.raises(ReleaseError, match="it was changed since"):
        Releases(tmp_path).rollback(first.release_id)
    assert figure(tmp_path / "rdc.duckdb") == 2


def test_an_unknown_release_names_the_known_ones(tmp_path: Path) -> None:
    release = publish(tmp_path, 1)
    with pytest.raises(ReleaseError, match=release.release_id.replace(".", r"\.")):
        Releases(tmp_path).get("2020.1.1")


def test_old_releases_go_but_never_the_current_one(tmp_path: Path) -> None:
    first = publish(tmp_path, 1, keep=2)
    Releases(tmp_path).rollback(first.release_id)
    for n in range(2, 6):
        publish(tmp_path, n, keep=2)
    assert len(Releases(tmp_path).all()) == 2


def test_what_a_killed_run_left_is_finished_or_undone(tmp_path: Path) -> None:
    release = publish(tmp_path, 1)
    folder = tmp_path / "releases"
    releases = Releases(tmp_path)
    for name in ("2026.1.1", ".2026.1.1"):  # after the folder got its name, or before
        (folder / name).mkdir()
        (folder / name / "file").touch()
        durable.record(tmp_path / "making.json", {"release_id": "2026.1.1"})
        releases.sweep()
        assert sorted(p.name for p in folder.iterdir()) == [release.release_id]
    # Killed after it became current, before it was marked: finished.
    (folder / release.release_id / "promoted").unlink()
    durable.record(tmp_path / "making.json", {"release_id": release.release_id})
    releases.sweep()
    assert [r.release_id for r in releases.all()] == [release.release_id]
    assert releases.current() == release
    assert not (tmp_path / "making.json").exists()


def test_what_someone_laid_beside_the_releases_is_left_alone(tmp_path: Path) -> None:
    first = publish(tmp_path, 1)
    folder = tmp_path / "releases"
    laid = [
        folder / f"{first.release_id} copy",
        folder / f"{first.release_id}.old",
        folder / "2020.1.1",
        folder / ".mine",
    ]
    for path in laid:
        shutil.copytree(folder / first.release_id, path)
    (folder / "2020.1.2").mkdir()
    (folder / "2020.1.2" / "notes.txt").touch()
    (tmp_path / "my.part").touch()
    (tmp_path / ".my.part").touch()
    before = {p for p in tmp_path.rglob("*") if any(p.is_relative_to(at) for at in [*laid, folder / "2020.1.2"])}
    for n in range(2, 5):
        Releases(tmp_path).sweep()
        publish(tmp_path, n, keep=1)
    assert [r.tables for r in Releases(tmp_path).all()] == [Releases(tmp_path).current().tables]
    assert len(Releases(tmp_path).all()) == 1 and not (folder / first.release_id).exists()
    assert {p for p in before if not p.exists()} == set()
    assert (tmp_path / "my.part").exists() and (tmp_path / ".my.part").exists()


def test_the_current_release_shares_no_bytes_with_the_kept_one(tmp_path: Path) -> None:
    first = publish(tmp_path, 1)
    releases = Releases(tmp_path)
    assert not releases.current_file.samefile(releases.path(first.release_id))
    assert file_sha256(releases.current_file) == first.sha256
    # A data folder of before: the two were one file by two names.
    releases.current_file.unlink()
    os.link(releases.path(first.release_id), releases.current_file)
    assert releases.current() == first
    releases.sweep()
    assert not releases.current_file.samefile(releases.path(first.release_id))
    # A data folder that was copied without its times.
    os.utime(releases.current_file)
    assert releases.current() == first


def test_a_number_is_never_given_twice(tmp_path: Path) -> None:
    first, second = publish(tmp_path, 1), publish(tmp_path, 2)
    Releases(tmp_path).rollback(first.release_id)
    shutil.move(tmp_path / "releases" / second.release_id, tmp_path / "elsewhere")
    assert publish(tmp_path, 3).release_id.endswith(".3")


def killed_while_releasing(folder: Path) -> None:
    """Release over and over, each time in a process that is killed (-9) one step further on, until one gets to its end.

    A step is each rename and link, and every eighth file or folder that is made or removed. Run in a process of its own, that
    forks before DuckDB has threads.
    """
    import pandas  # noqa: F401  (once here, instead of in every child; DuckDB looks for it)
    import rdflib.plugins.serializers.jsonld
    import rdflib.plugins.serializers.turtle  # noqa: F401

    ready, releases = folder / "ready", Releases(folder / "warehouse", keep=2)
    assert in_a_child(lambda: [made.publish(releases.folder), made.publish(releases.folder)]) == 0
    assert in_a_child(lambda: made.candidate(ready)) == 0
    step, killed = 0, True
    while killed:
        shutil.copytree(ready / "candidate", releases.folder / "candidate")
        killed = in_a_child(lambda at=step: dying_at(at, releases)) != 0  # type: ignore[misc]
        current = releases.current()
        assert current is not None and file_sha256(releases.current_file) == current.sha256
        for release in {current.release_id, *(r.release_id for r in releases.all())}:
            home = releases.folder / "releases" / release
            sums = read_sums((home / SUMS).read_text(encoding="utf-8"))
            assert {name: file_sha256(home / name) for name in sums} == sums, (step, release)
            written = {f.relative_to(home).as_posix() for f in home.rglob("*") if f.is_file()}
            assert written - {SUMS, "promoted"} == set(sums) and "tables/wonen.parquet" in sums, (step, written)
        releases.sweep()
        shutil.rmtree(releases.folder / "candidate", ignore_errors=True)
        left = {p.name for p in (releases.folder / "releases").iterdir()}
        assert left == {r.release_id for r in releases.all()} and not list(releases.folder.glob(".*")), (step, left)
        step += 1
    assert len(left) == 2
    print(step)


def dying_at(step: int, releases: Releases) -> None:
    steps, small = iter(range(step)), itertools.count(1)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        opened = event == "open" and (arguments[2] & os.O_CREAT)
        # What is removed with its folder is named within it.
        removed = event in ("os.remove", "os.rmdir")
        ours = str(arguments[0]).startswith(str(releases.folder)) or (removed and not str(arguments[0]).startswith("/"))
        if not ours or not (opened or removed or event in ("os.mkdir", "os.rename", "os.link")):
            return
        decides = event in ("os.rename", "os.link") or str(arguments[0]).endswith("promoted")
        if (decides or next(small) % 8 == 0) and next(steps, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    publishing.publish(releases, Candidate(releases.folder), [], CHECKS, "<html></html>")


def test_killed_at_any_step_of_a_release_there_is_the_whole_of_it_or_nothing(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from tests.warehouse.releases.test_release import killed_while_releasing as run; "
        "run(pathlib.Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 10  # it died on the way, again and again
