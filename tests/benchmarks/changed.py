"""What a run costs when one table changed at its source: ``python -m tests.benchmarks.changed``.

A first run takes everything; then a figure of one small table changes, and the whole command is measured from start to exit:
seconds, CPU seconds and the most memory that a process of it had. ``--recorded FOLDER`` serves the recorded tables in it, without
it the declared tables are served in their real shapes, with made figures. The peer is ``rdc rebuild`` on the same snapshots, in the same
run: it makes everything anew.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

#: Small, of our own region alone, and read by several indicators.
CHANGED = "85005NED"


class Cost(NamedTuple):
    seconds: float
    cpu: float
    megabytes: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.cpu:.1f} s of CPU, {self.megabytes:.0f} MB"


def serve(recorded: str, pipe: Connection) -> None:
    """The stand-in; each message makes one figure of the table another."""
    from tests.sample_tables import sample_tables
    from tests.standin import StandIn, recorded_tables, shapes

    if recorded:
        tables = recorded_tables(recorded)
    else:
        real = sample_tables()
        tables = [*real, *shapes.shaped_tables(skip=[t.id for t in real])]
    with StandIn(tables) as cbs:
        pipe.send(cbs.env)
        table = cbs.table(CHANGED)
        row = next(table.rows.objects())
        place, measure = {name: row[name] for name in table.dimensions}, table.measures[0]
        while (value := pipe.recv()) is not None:
            table.set_value(place, measure, value)
            table.touch(datetime.now().isoformat(timespec="seconds"))
            pipe.send(True)


@contextmanager
def standing_in(recorded: str) -> Iterator[tuple[dict[str, str], Callable[[float], float]]]:
    """The stand-in in a process of its own, so that it costs who is measured nothing.

    :returns: the environment that leads to it, and what makes one figure of :data:`CHANGED` another; that gives the time.
    """
    here, there = multiprocessing.Pipe()
    multiprocessing.get_context("spawn").Process(target=serve, args=(recorded, there), daemon=True).start()
    environment = here.recv()

    def change(value: float) -> float:
        here.send(value)
        here.recv()
        return time.time()

    yield environment, change
    here.send(None)


def measure(*arguments: str | Path, environment: dict[str, str]) -> Cost:
    """Run a command to its end."""
    started = time.perf_counter()
    process = subprocess.Popen(
        arguments, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = process.stdout.read() if process.stdout else b""
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"{arguments}: {said.decode()}")
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main() -> None:
    from tests.sample_tables import only_the_sample

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--recorded", default="", metavar="FOLDER", help="serve the recorded tables in it")
    asked = options.parse_args()
    rdc = Path(sys.executable).with_name("rdc")
    with standing_in(asked.recorded) as (served, change), tempfile.TemporaryDirectory() as home:
        environment = served | {"RDC_HOME": home}
        if asked.recorded:
            only_the_sample(Path(home))
        print(f"first run: {measure(rdc, 'run', environment=environment)}", flush=True)
        ratios = []
        for number in range(1, asked.rounds + 1):
            change(100 + number)
            own = measure(rdc, "run", environment=environment)
            peer = measure(rdc, "rebuild", environment=environment)
            ratios.append((own.seconds / peer.seconds, own.cpu / peer.cpu))
            print(f"{number}: one table changed: {own}; all made anew: {peer}", flush=True)
    seconds, cpu = (statistics.median(r) for r in zip(*ratios, strict=True))
    print(f"median of {asked.rounds} rounds: {seconds:.2f} of the seconds of a rebuild, {cpu:.2f} of its CPU")


if __name__ == "__main__":
    main()
