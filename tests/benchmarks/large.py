"""A warehouse of 31 million cells: made whole, and made after one of its tables changed: ``python -m tests.benchmarks.large``.

The work is 60 tables of 4,575 regions by 115 measures besides the sample's tables of OData v4, so that there are indicators, exports and
an audit of them. The peer unpivots the same Parquet into one table (as ``tests.benchmarks.long_table`` does), and nothing else. Told is
what the whole command takes, ingest included: seconds, CPU seconds and the most memory that a process of it had.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

TABLES = int(os.environ.get("BENCH_TABLES", "60"))
os.environ.setdefault("BENCH_REGIONS", str(31_565_000 // 115 // TABLES))


def bare(snapshots: Path, target: Path) -> float:
    """Seconds of the bare UNPIVOT of all large tables."""
    import duckdb

    files = sorted(str(max(folder.glob("*/data.parquet"))) for folder in snapshots.glob("9*NED"))
    with duckdb.connect(str(target)) as con:
        con.execute("set memory_limit = '450MB'; set preserve_insertion_order = false")
        started = time.perf_counter()
        for number, file in enumerate(files):
            region = '"WijkenEnBuurten"'
            wide = f"select columns(* exclude (\"ID\", origin, {region}))::double, {region} from read_parquet('{file}')"
            con.execute(
                ("create table cell as " if number == 0 else "insert into cell by name ")
                + f"select * from ({wide}) unpivot include nulls (value for measure in (columns(* exclude ({region}))))"
            )
        con.execute("checkpoint")
        return time.perf_counter() - started


def main() -> None:
    from tests.benchmarks.changed import measure
    from tests.benchmarks.declared import declare
    from tests.benchmarks.ingest import serve
    from tests.sample_tables import only_the_sample, sample_tables
    from tests.standin import StandIn, V4Table

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    rdc = Path(sys.executable).with_name("rdc")
    receive, send = multiprocessing.Pipe(False)
    multiprocessing.Process(target=serve, args=(0.0, send), daemon=True).start()
    v3 = f"http://127.0.0.1:{receive.recv()[0]}"
    ids = [f"9{n:04d}NED" for n in range(TABLES)]
    with (
        StandIn([t for t in sample_tables() if isinstance(t, V4Table)]) as cbs,
        tempfile.TemporaryDirectory() as folder,
    ):
        home = Path(folder)
        environment = cbs.env | {"RDC_HOME": folder, "RDC_STATLINE_V3_URL": v3}
        only_the_sample(home)
        own = home / "sources" / "on_request.txt"
        others = [t.id for t in sample_tables() if not isinstance(t, V4Table)]
        own.write_text(own.read_text(encoding="utf-8") + "".join(f"{t}\n" for t in others), encoding="utf-8")
        declare(home, ids, period="2024JJ00")
        print(
            f"{TABLES} tables; first run: {measure(rdc, 'run', '--scope', 'nederland', environment=environment)}",
            flush=True,
        )
        for number in range(1, asked.rounds + 1):
            target = home / "bare.duckdb"
            peer = bare(home / "snapshots", target)
            target.unlink()
            whole = measure(rdc, "rebuild", environment=environment)
            urllib.request.urlopen(f"{v3}/changed/{ids[number]}").read()
            changed = measure(rdc, "run", environment=environment)
            print(
                f"{number}: bare UNPIVOT {peer:.1f} s; made whole {whole} ({whole.seconds / peer:.1f} times); "
                f"one table changed {changed}, of a whole {changed.seconds / whole.seconds:.2f}",
                flush=True,
            )
        shutil.rmtree(home / "warehouse")


if __name__ == "__main__":
    main()
