"""A first live run from nothing: ``python -m tests.benchmarks.first``.

Every table that an indicator needs, in its real shape with made figures, from a stand-in 150 ms away; regions as many as there are
(all municipalities, our wijken and buurten). The measure is the fetching of all of them, four connections a host, against two
things: the floor that requests and latency set, and a peer that makes the same requests over four connections a host and
throws the answers away, in turn with us. The stand-in, the ingest and the peer are a process each. No building, no audit.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import queue
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

CONNECTIONS = 4


def serve(latency: float, pipe: Connection) -> None:
    """The stand-in; whatever is sent to it makes it tell what it was asked since the last time."""
    from tests.sample_tables import sample_tables
    from tests.standin import StandIn, shapes

    # As many municipalities as the country has, under codes of which none is ours.
    shapes.OTHERS = tuple(f"GM{number}" for number in range(2000, 2337))
    real = sample_tables()
    tables = [*real, *shapes.shaped_tables(skip=[t.id for t in real])]
    with StandIn(tables, latency=latency) as cbs:
        pipe.send(cbs.env)
        while pipe.recv():
            asked, cbs.requests = cbs.requests, []
            urls = [
                f"http://{r.headers['Host']}{quote(r.path)}" + (f"?{urlencode(r.query)}" if r.query else "")
                for r in asked
            ]
            pipe.send(urls)


def ours() -> dict[str, float]:
    """What the project does up to its snapshots."""
    from ingest.outcome import FETCHED
    from orchestration import pipeline
    from orchestration.workspace import Workspace

    with tempfile.TemporaryDirectory() as home:
        os.environ["RDC_HOME"] = home
        work = Workspace.open()
        wanted = [t for t in work.selected(()) if t.protocol != "municipal"]
        started, before = time.monotonic(), time.process_time()
        fetched = [o for o in pipeline.landed(work, wanted) if o.result == FETCHED]
        seconds, cpu = time.monotonic() - started, time.process_time() - before
        size = sum(f.stat().st_size for f in Path(home).rglob("*.parquet"))
    return {
        **{"seconds": seconds, "cpu": cpu, "tables": len(fetched), "wanted": len(wanted), "bytes": size},
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def bare(urls: list[str]) -> dict[str, float]:
    """The same requests over as many connections, and nothing else."""
    import requests

    hosts: dict[str, queue.SimpleQueue[str]] = {}
    for url in urls:
        hosts.setdefault(urlsplit(url).netloc, queue.SimpleQueue()).put(url)

    def work(waiting: queue.SimpleQueue[str]) -> None:
        with requests.Session() as session:
            while not waiting.empty():
                try:
                    url = waiting.get_nowait()
                except queue.Empty:
                    return
                session.get(url, timeout=60).raise_for_status()

    threads = [threading.Thread(target=work, args=(w,)) for w in hosts.values() for _ in range(CONNECTIONS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"seconds": time.monotonic() - started, "cpu": time.process_time()}


def _measure(name: str, environment: dict[str, str], urls: list[str]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.first", "--contestant", name],
        env=os.environ | environment,
        input=json.dumps(urls),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument(
        "--latency", type=float, default=0.15, metavar="SECONDS", help="more shows waiting alone, without CPU"
    )
    options.add_argument("--contestant", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.contestant:
        print(json.dumps(ours() if asked.contestant == "ours" else bare(json.load(sys.stdin))))
        return

    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(asked.latency, there), daemon=True)
    server.start()
    environment = here.recv()
    ratios, floors = [], []
    for number in range(1, asked.rounds + 1):
        own = _measure("ours", environment, [])
        here.send(True)
        urls = here.recv()
        peer = _measure("bare", environment, urls)
        here.send(True)
        here.recv()
        # Each host has its own connections.
        floor = (
            max(math.ceil(n / CONNECTIONS) for n in Counter(urlsplit(u).netloc for u in urls).values()) * asked.latency
        )
        ratios.append(own["seconds"] / peer["seconds"])
        floors.append(own["seconds"] / floor)
        print(
            f"{number}: {own['tables']:.0f} of {own['wanted']:.0f} tables, {len(urls)} requests, "
            f"{own['bytes'] / 1e6:.1f} MB of Parquet, {own['memory']:.0f} MB of memory; {own['seconds']:.1f} s "
            f"({own['cpu']:.1f} s of CPU), bare {peer['seconds']:.1f} s ({peer['cpu']:.1f}), floor {floor:.1f} s",
            flush=True,
        )
    here.send(False)
    print(
        f"median of {asked.rounds} rounds: {statistics.median(ratios):.2f} times the bare requests, "
        f"{statistics.median(floors):.2f} times the floor"
    )


if __name__ == "__main__":
    main()
