"""The long table of cells, sorted for reading, against the bare ``UNPIVOT`` of DuckDB: ``python -m tests.benchmarks.long_table``.

The work is 15 tables of 18,300 regions by 115 measures, 31.6 million cells. Ours is what a build does: rows and cells loaded
snapshot by snapshot through dbt, with an integer key for rows and measures, a reason for every missing value, each part sorted
by measure and row. The peer unpivots the same Parquet into one table and keeps the region codes as they are.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.ingest import MEASURES, REGIONS, ours, serve

TABLES = 15
REGION = '"WijkenEnBuurten"'


def _land(home: Path) -> None:
    receive, send = multiprocessing.Pipe(False)
    server = multiprocessing.Process(target=serve, args=(0.0, send), daemon=True)
    server.start()
    ours(f"http://127.0.0.1:{receive.recv()[0]}", [f"9{n:04d}NED" for n in range(TABLES)], home)
    server.terminate()


def _ours(home: Path) -> tuple[float, int]:
    from ingest.declaration import Table
    from ingest.settings import Settings
    from ingest.snapshot import Store
    from warehouse.making.build import PROJECT, _environment, _invoke
    from warehouse.making.candidate import Candidate
    from warehouse.releases.inputs import Input

    settings = Settings(home)
    store = Store(settings.snapshots)
    tables = [
        Table(id=f"9{n:04d}NED", title="T", protocol="v3", cadence="year", period="2024JJ00") for n in range(TABLES)
    ]
    candidate = Candidate(home / "warehouse")
    candidate.prepare([Input(t, store.newest(t.id), "live") for t in tables], None, home / "none")
    with _environment(candidate.file):
        result = _invoke(["run", "--select", "source_row", "cell"], home / "dbt", PROJECT)
    assert result.success, result.exception
    seconds = sum(r.execution_time for r in result.result.results)
    with candidate.connect(read_only=True) as con:
        return seconds, con.execute("select count(*) from core.cell").fetchall()[0][0]


def _bare(home: Path) -> tuple[float, int]:
    import duckdb

    from ingest.settings import Settings
    from ingest.snapshot import Store

    store = Store(Settings(home).snapshots)
    files = [str(store.newest(f"9{n:04d}NED").file("data.parquet")) for n in range(TABLES)]
    target = home / "bare.duckdb"
    target.unlink(missing_ok=True)
    with duckdb.connect(str(target)) as con:
        con.execute("set memory_limit = '450MB'; set preserve_insertion_order = false")
        started = time.perf_counter()
        for number, file in enumerate(files):
            wide = f"select columns(* exclude (\"ID\", origin, {REGION}))::double, {REGION} from read_parquet('{file}')"
            con.execute(
                ("create table cell as " if number == 0 else "insert into cell by name ")
                + f"select * from ({wide}) unpivot include nulls (value for measure in (columns(* exclude ({REGION}))))"
            )
        con.execute("checkpoint")
        seconds = time.perf_counter() - started
        return seconds, con.execute("select count(*) from cell").fetchall()[0][0]


def _measure(name: str, home: Path) -> tuple[float, float]:
    command = [sys.executable, "-m", "tests.benchmarks.long_table", "--contestant", name, "--home", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stdout}{done.stderr}")
    seconds, cells, memory = json.loads(done.stdout.splitlines()[-1])
    assert cells == TABLES * REGIONS * MEASURES, cells
    return seconds, memory


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--contestant", choices=("ours", "bare"), help=argparse.SUPPRESS)
    options.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.contestant:
        seconds, cells = (_ours if asked.contestant == "ours" else _bare)(asked.home)
        print(json.dumps([seconds, cells, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _land(home)
        found: dict[str, list[tuple[float, float]]] = {"ours": [], "bare": []}
        for _ in range(asked.rounds):
            for name, of in found.items():
                of.append(_measure(name, home))
    ratio = statistics.median(o[0] / b[0] for o, b in zip(found["ours"], found["bare"], strict=True))
    for name, of in found.items():
        seconds = sorted(s for s, _ in of)
        print(
            f"{name}: {seconds[0]:.1f}, {statistics.median(seconds):.1f}, {seconds[-1]:.1f} s; {max(m for _, m in of):.0f} MB"
        )
    print(f"ours / bare UNPIVOT, median of {asked.rounds} rounds: {ratio:.2f}")


if __name__ == "__main__":
    main()
