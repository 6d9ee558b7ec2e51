"""A first live run from nothing: ``python -m tests.benchmarks.first``.

Every table that an indicator needs, in its real shape with made figures, from a stand-in 150 ms away; regions as many as there are
(all municipalities, our wijken and buurten). The measure is the fetching of all of them, four connections a host, against the floor
that requests and latency set. No building, no audit.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from pathlib import Path

from ingest.outcome import FETCHED
from tests.sample_tables import sample_tables
from tests.standin import StandIn, shapes

LATENCY, CONNECTIONS = 0.15, 4


def main() -> None:
    from orchestration import pipeline
    from orchestration.workspace import Workspace

    # As many municipalities as the country has, under codes of which none is ours.
    shapes.OTHERS = tuple(f"GM{number}" for number in range(2000, 2337))
    real = sample_tables()
    tables = [*real, *shapes.shaped_tables(skip=[t.id for t in real])]
    with tempfile.TemporaryDirectory() as home, StandIn(tables, latency=LATENCY) as cbs:
        os.environ.update(cbs.env | {"RDC_HOME": home})
        work = Workspace.open()
        wanted = [t for t in work.selected(()) if t.protocol != "municipal"]
        done: list[float] = []
        started = time.monotonic()
        pipeline.ingest(work, wanted, done=lambda outcome: done.append(time.monotonic() - started))
        asked = len(cbs.requests)
        fetched = [o for o in work.outcomes.latest().values() if o.result == FETCHED]
        size = sum(f.stat().st_size for f in Path(home).rglob("*.parquet"))
    floor = math.ceil(asked / CONNECTIONS) * LATENCY
    print(f"{len(fetched)} of {len(wanted)} tables, {asked} requests, {size / 1e6:.1f} MB of Parquet")
    print(f"fetched in {max(done):.1f} s; floor {floor:.1f} s: {max(done) / floor:.2f} times")


if __name__ == "__main__":
    main()
