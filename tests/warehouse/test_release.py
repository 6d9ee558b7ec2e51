"""A release is there whole or not at all, and an earlier one can be had back."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from warehouse.candidate import Candidate
from warehouse.release import ReleaseError, Releases

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
    return releases.publish(candidate(folder, figure), [], CHECKS, "<html></html>")


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
    # Killed after the folder got its name, before it became current: undone.
    (folder / "2026.1.1").mkdir()
    os.link(folder / release.release_id / "rdc.duckdb", tmp_path / "other")
    (tmp_path / "other").rename(folder / "2026.1.1" / "copy.duckdb")
    # Killed while it was written: undone.
    (folder / ".2026.1.2").mkdir()
    # Killed after it became current, before it was marked: finished.
    (folder / release.release_id / "promoted").unlink()

    releases = Releases(tmp_path)
    releases.sweep()

    assert [r.release_id for r in releases.all()] == [release.release_id]
    assert releases.current() == release
    assert sorted(p.name for p in folder.iterdir()) == [release.release_id]


def test_a_file_system_without_hard_links_gets_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    first = publish(tmp_path, 1)
    publish(tmp_path, 2)
    releases = Releases(tmp_path)
    releases.rollback(first.release_id)
    assert (figure(releases.current_file), releases.current()) == (1, first)
