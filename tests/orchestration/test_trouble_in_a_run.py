"""A whole ``rdc run`` that is killed (-9) at a write of Dagster, dbt, the audit or the release, or that finds the disk full: what
was released is served all the while, and the next run ends well, with no step by hand.

The writes of a delivery and of a release alone, each of them, are tried in ``test_killed.py``.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tests.faulty import at_write, in_a_child, named, writes
from tests.orchestration.conftest import Rdc
from tests.sample_tables import only_the_sample, sample_tables
from tests.standin import StandIn

PROJECT = Path(__file__).parents[2]
TABLE = "85098NED"

#: Every write has its turn with this set, which takes an hour; else each shard tries a few.
EVERY_WRITE = "RDC_TEST_EVERY_WRITE" in os.environ
SHARDS, TRIED_PER_SHARD = 2, 4

FIGURES = "select count(*), sum(value), count(distinct indicator_id) from core.indicator_value"


def run() -> None:
    """``rdc run``, in this process."""
    from orchestration.cli import main

    try:
        main(["run"])
    except SystemExit as stopped:
        if stopped.code:
            raise


def kinds(names: Iterable[str]) -> list[str]:
    """One write of each kind: what dbt compiles, a file for each model, counts as one."""
    one_of: dict[str, str] = {}
    for name in names:
        one_of.setdefault("/".join(name.split("/")[:3]) if "dbt/target/" in name else name, name)
    return list(one_of.values())


def _python(
    *arguments: str, before: Iterable[str] = (), env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RDC_", "DAGSTER_", "PYTEST_", "COLUMNS"))}
    return subprocess.run(
        [*before, sys.executable, *arguments],
        cwd=PROJECT,
        env=environment | (env or {}) | {"RDC_HTTP_TIMEOUT": "2", "RDC_HTTP_ATTEMPTS": "2"},
        capture_output=True,
        text=True,
        timeout=7200,
        check=False,
    )


def figures(home: Path) -> tuple[object, ...]:
    with duckdb.connect(str(home / "warehouse" / "rdc.duckdb"), read_only=True) as con:
        return con.execute(FIGURES).fetchone() or ()


def whole(home: Path, expected: tuple[object, ...]) -> None:
    """The run after the trouble made the release that was wanted, and left nothing behind."""
    from ingest.settings import Settings
    from ingest.verified import file_sha256
    from orchestration.damage import mended
    from warehouse.releases.release import Releases

    assert mended(Settings(home)) == []
    shelf = Releases(home / "warehouse")
    kept, current = shelf.all(), shelf.current()
    assert current == kept[-1] and file_sha256(shelf.current_file) == current.sha256
    assert len({r.release_id for r in kept}) == len(kept) > 1
    assert figures(home) == expected
    with closing(sqlite3.connect(home / "dagster" / "history" / "runs.db")) as con:
        states = [state for (state,) in con.execute("select status from runs")]
    assert not {"STARTED", "STARTING", "QUEUED"} & set(states), states
    assert list((home / "tmp").iterdir()) == [] and not (home / ".run.json").exists()
    left = [p for p in (home / "warehouse").rglob("*") if p.name.endswith(".part") or p.name.startswith(".2")]
    assert left == [], left


def heavy_imports() -> None:
    """Once here, instead of in every child. Not the definitions: what dbt's parser holds then, a child waits for without end."""
    import dagster_dbt
    import dbt.cli.main
    import great_expectations
    import pandas

    del dagster_dbt, dbt, great_expectations, pandas


def killed_everywhere(folder: Path, shard: int) -> None:
    """Run in a process of its own, that forks before DuckDB has threads."""
    heavy_imports()
    with StandIn(sample_tables(), page_size=100) as cbs:
        os.environ.update(cbs.env)

        def at(home: Path, work: Callable[[], object], where: str) -> int:
            os.environ["RDC_HOME"] = str(home)
            ended = in_a_child(work)
            print(f"{where}: {ended}", flush=True)
            return ended

        first = folder / "first" / "home"
        only_the_sample(first)
        if at(first, run, "the first release") != 0:
            raise AssertionError("the first run did not end well")
        cbs[TABLE].touch()
        second = Path(shutil.copytree(first, folder / "second" / "home"))
        os.environ["RDC_HOME"] = str(second)
        found = kinds(writes(second, run))
        expected = figures_of(second)
        assert len(found) > 60, found
        chosen = found[shard::SHARDS]
        if not EVERY_WRITE:
            chosen = [
                name
                for name in chosen
                if any(part in name for part in (" dbt/", " dagster/", "candidate", ".run.json"))
            ]
            chosen = chosen[:: max(1, len(chosen) // TRIED_PER_SHARD)]
        met = 0
        for number, name in enumerate(chosen):
            home = Path(shutil.copytree(first, folder / f"{number}" / "home"))
            ended = at(home, lambda home=home, name=name: (at_write(home, named(name), "kill"), run()), name)
            met += ended == -9
            if at(home, run, f"{name}, once more") != 0:
                raise AssertionError(f"the run after a kill at {name} did not end well")
            if at(home, lambda home=home: whole(home, expected), f"{name}, whole") != 0:
                raise AssertionError(f"after {name} ({ended})")
            shutil.rmtree(home)
    print(met, len(chosen))


def figures_of(home: Path) -> tuple[object, ...]:
    """Asked in a process of its own, as DuckDB's threads don't survive a fork."""
    asked = f"from tests.orchestration.test_trouble_in_a_run import *; print(repr(figures(Path({str(home)!r}))))"
    told = subprocess.run([sys.executable, "-c", asked], cwd=PROJECT, capture_output=True, text=True, check=True)
    return eval(told.stdout)  # our own repr


@pytest.mark.long
@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_kill_at_a_write(tmp_path: Path, shard: int) -> None:
    program = (
        "import sys, pathlib; from tests.orchestration.test_trouble_in_a_run import killed_everywhere; "
        "killed_everywhere(pathlib.Path(sys.argv[1]), int(sys.argv[2]))"
    )
    done = _python("-c", program, str(tmp_path), str(shard))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    met, tried = map(int, done.stdout.split()[-2:])
    assert met == tried


# -- a full disk ------------------------------------------------------------------------------------------------------

#: In namespaces of its own, where a file system may be mounted without being root; it is gone with its process.
ON_A_SMALL_DISK = 'set -e; mount -t tmpfs -o size=600m none "$1"; cp -a "$2/." "$1/"; shift 2; exec "$@"'
ROOMS = (0.1, 2, 5, 10, 16, 22, 28, 36, 44, 60, 80)


def small_disks() -> bool:
    try:
        return subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def filled(home: Path, room: float) -> Path:
    """Someone else's file, that leaves this many MB of the disk."""
    filler = home / "a large file of someone else"
    free = os.statvfs(home).f_bavail * os.statvfs(home).f_frsize
    with filler.open("wb") as out:
        for _ in range(int(free - room * 2**20) // 2**16):
            out.write(bytes(2**16))
    return filler


def on_a_full_disk(home: Path) -> None:
    """Run on a disk that is full, again and again with more room, until a run ends well: a run breaks off at another place each
    time, DuckDB's, SQLite's and dbt's writes among them."""

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from orchestration.cli import main; main(['run'])"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)

    os.environ["RDC_HOME"] = str(home)
    before, broke_off = figures(home), 0
    for room in ROOMS:
        filler = filled(home, room)
        done = run()
        said = done.stdout + done.stderr
        filler.unlink()
        print(f"{room} MB: {done.returncode} {said[-400:] if done.returncode else ''}", flush=True)
        assert "Traceback" not in said, said
        if done.returncode == 0:
            break
        broke_off += 1
        assert done.returncode == 1 and "is full (" in " ".join(said.split()), said
        assert figures(home) == before, f"with {room} MB: what was released is not served any more"
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    whole(home, figures(home))
    print(broke_off)


@pytest.mark.long
@pytest.mark.skipif(not small_disks(), reason="no file system may be mounted here: a small disk can't be had")
def test_a_full_disk(released: Rdc, tmp_path: Path) -> None:
    (disk := tmp_path / "disk").mkdir()
    program = (
        "import sys, pathlib; from tests.orchestration.test_trouble_in_a_run import on_a_full_disk; "
        "on_a_full_disk(pathlib.Path(sys.argv[1]))"
    )
    with StandIn(sample_tables(), page_size=100) as other:
        other[TABLE].touch()
        before = ("unshare", "-rm", "sh", "-c", ON_A_SMALL_DISK, "sh", str(disk), str(released.home))
        done = _python("-c", program, str(disk), before=before, env=other.env)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert int(done.stdout.split()[-1]) >= 4, done.stdout
