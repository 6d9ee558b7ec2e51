"""Temporary files lie in the data folder and go with the process, however it ends; and a data folder may be called anything."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.engine import duck
from ingest.sql import literal
from ingest.storage import scratch
from ingest.storage.paths import for_duckdb, is_plain, plain

ODD = "a'b;c?d#e %20 [x]*"


def test_what_a_killed_process_left_goes_and_what_lives_stays(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, tempfile, time\nfrom ingest.storage import scratch\n"
        "with scratch.claimed(pathlib.Path(sys.argv[1])):\n"
        "    print(tempfile.mkdtemp(), flush=True)\n    time.sleep(60)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in "ab"
    ]
    killed, lives = (Path(p.stdout.readline().strip()) for p in started if p.stdout)
    assert killed.is_dir() and killed.is_relative_to(tmp_path / "tmp")
    started[0].send_signal(signal.SIGKILL)
    started[0].wait()
    assert killed.is_dir()
    before = tempfile.gettempdir()
    with scratch.claimed(tmp_path):
        assert not killed.parent.exists() and lives.is_dir()
        assert Path(tempfile.gettempdir()).is_relative_to(tmp_path / "tmp")
        assert (tmp_path / "tmp").stat().st_mode & 0o777 == 0o700
        with scratch.claimed(tmp_path):  # nested: the same
            own = Path(tempfile.gettempdir())
        assert own.is_dir()
    started[1].send_signal(signal.SIGKILL)
    started[1].wait()
    assert tempfile.gettempdir() == before
    scratch.sweep(tmp_path)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_engine_of_a_process_that_stays_has_room_in_every_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.engine._kept", None)

    def spill() -> Path:
        with duck() as con:
            return Path(con.execute("select current_setting('temp_directory')").fetchall()[0][0])

    places = []
    for _ in range(2):
        with scratch.claimed(tmp_path):
            places.append(spill())
            assert places[-1].is_dir()
        assert not places[-1].exists()
    assert spill().is_dir()


def test_where_nothing_can_be_written_temporary_files_lie_where_they_always_do(tmp_path: Path) -> None:
    (tmp_path / "tmp").write_text("in the way", encoding="utf-8")
    before = tempfile.gettempdir()
    with scratch.claimed(tmp_path):
        assert tempfile.gettempdir() == before


@given(st.text("a'\";?#% []*\\@&$é漢/.", min_size=1, max_size=12))
@settings(max_examples=60)
def test_a_plain_path_means_the_same_file(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    path = tmp_path_factory.mktemp("odd") / name.strip("/.") / "file"
    path.parent.mkdir(parents=True, exist_ok=True)
    found = plain(path)
    found.write_text(name, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == name
    assert is_plain(found) and plain(found) == found == plain(path)


def test_duckdb_reads_and_writes_in_an_odd_folder(tmp_path: Path) -> None:
    file = tmp_path / ODD / "rdc.duckdb"
    file.parent.mkdir()
    made = for_duckdb(file.parent) / "made.duckdb"
    with duckdb.connect(str(made)) as con:
        con.execute("create table t as select 1 as a")
        con.execute(f"copy t to {literal(file.with_name('t.parquet'))} (format parquet)")
    shutil.move(made, file)
    with duckdb.connect() as con:
        con.execute(f"attach {literal(file)} as odd (read_only)")
        read = f"select a from odd.t union all select a from read_parquet({literal(file.with_name('t.parquet'))})"
        assert con.execute(read).fetchall() == [(1,), (1,)]
    assert sorted(f.name for f in file.parent.iterdir()) == ["rdc.duckdb", "t.parquet"]


def test_a_link_that_someone_else_made_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / f"rdc-links-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    found = plain(tmp_path / ODD / "file")
    assert not found.is_relative_to(folder) and found.parent.readlink() == tmp_path / ODD
