"""A run in which nothing changed at CBS: ``python -m tests.benchmarks.unchanged``.

Sixty tables, 150 ms away, four connections: the floor is fifteen rounds of one request. The measure is the whole command, from
start to exit, against that floor; it must not import Dagster, dbt or Great Expectations.
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.declared import declare
from tests.sample_tables import only_the_sample, sample_tables
from tests.standin import StandIn, V3Table

TABLES, LATENCY, CONNECTIONS = 60, 0.15, 4


def main(rounds: int = 5) -> None:
    default = sample_tables()
    more = [
        V3Table.build(f"9{n:04d}NED", dims={"RegioS": ["NL01", "GM0770"], "Perioden": ["2024JJ00"]}, topics=["A"],
                      rows=[("NL01", "2024JJ00", n), ("GM0770", "2024JJ00", n)])
        for n in range(TABLES - len(default))
    ]  # fmt: skip
    rdc = Path(sys.executable).with_name("rdc")
    with tempfile.TemporaryDirectory() as folder, StandIn([*default, *more]) as cbs:
        only_the_sample(Path(folder))
        declare(Path(folder), [t.id for t in more])
        environment = os.environ | cbs.env | {"RDC_HOME": folder}
        subprocess.run([rdc, "run"], env=environment, check=True, capture_output=True)
        cbs.latency = LATENCY
        seconds = []
        for _ in range(rounds):
            started = time.perf_counter()
            done = subprocess.run([rdc, "run"], env=environment, check=True, capture_output=True, text=True)
            seconds.append(time.perf_counter() - started)
            assert "Nothing changed" in done.stdout, done.stdout
        asked = len(cbs.requests)
    floor = math.ceil(TABLES / CONNECTIONS) * LATENCY
    median = statistics.median(seconds)
    print(f"{TABLES} tables, {LATENCY * 1000:.0f} ms away, nothing changed, {rounds} rounds")
    print(
        f"whole command: {min(seconds):.2f}, {median:.2f}, {max(seconds):.2f} s (min, median, max); floor {floor:.2f} s"
    )
    print(
        f"over 1.2 x the floor: {median - 1.2 * floor:.2f} s; to the floor: {median / floor:.2f}; {asked} requests in all"
    )


if __name__ == "__main__":
    main()
