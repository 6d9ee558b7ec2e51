"""Pages of the portal on a warehouse of whole-Netherlands size: ``python -m tests.benchmarks.portal``.

The pages of indicators, each with its charts and tables, for a municipality of the data centre: asked before (8 clients), and never
asked (one client, then 8). Told are the median and what the service's process used of a processor per page, which a busy machine
leaves as it is; the largest page as it is sent; and the memory at its highest.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.serve import CLIENTS, KEMPEN, at_once, generate, say
from tests.warehouse.conftest import Service


def spent(pid: int) -> float:
    """Seconds of a processor that a process used."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def asked(service: Service, paths: list[str], sizes: list[int]) -> list[float]:
    """Seconds per page, asked one after another on one connection."""
    connection, times = http.client.HTTPConnection("127.0.0.1", service.port, timeout=120), []
    for path in paths:
        start = time.perf_counter()
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        body = answer.read()
        times.append(time.perf_counter() - start)
        assert answer.status == 200, (path, answer.status, body[:300])
        sizes.append(len(body))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--indicators", type=int, default=80)
    parser.add_argument("--regions", type=int, default=15_000)
    parser.add_argument("--years", type=int, default=25)
    parser.add_argument("--pages", type=int, default=24, help="per measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        generate(home, options.indicators, options.regions, options.years)
        every = [f"/indicator/ind_{n:02d}?gebied={g}" for n in range(options.indicators) for g in KEMPEN]
        random.Random(7).shuffle(every)
        fresh: Iterator[str] = iter(every)
        with Service(home, {"RDC_SERVE_RATE": "1000000"}) as service:
            pid, sizes = service.process.pid, list[int]()
            first = [next(fresh) for _ in range(options.pages)]
            asked(service, [next(fresh)], sizes)  # what draws is imported, and V8 started
            _measure("never asked, one client", pid, [first], lambda paths: asked(service, paths, sizes))
            many = [list(itertools.islice(fresh, max(1, options.pages // CLIENTS))) for _ in range(CLIENTS)]
            _measure(f"never asked, {CLIENTS} clients", pid, many, lambda paths: asked(service, paths, sizes))
            _measure(
                f"asked before, {CLIENTS} clients", pid, [first] * CLIENTS, lambda paths: asked(service, paths, sizes)
            )
            peak = next(
                line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")
            )
            say(
                f"largest page {max(sizes):,} bytes compressed; service: {int(peak.split()[1]) / 1024:,.0f} MB at its highest"
            )


def _measure(title: str, pid: int, parts: list[list[str]], ask: Callable[[list[str]], list[float]]) -> None:
    before = spent(pid)
    times = ask(parts[0]) if len(parts) == 1 else at_once(lambda number: ask(parts[number]))
    used = (spent(pid) - before) / len(times)
    say(
        f"{title}: median {statistics.median(times) * 1e3:.0f} ms, {used * 1e3:.1f} ms of a processor a page ({len(times)} pages)"
    )


if __name__ == "__main__":
    main()
