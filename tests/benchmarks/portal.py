"""Pages of the portal on a warehouse of whole-Netherlands size: ``python -m tests.benchmarks.portal``.

Of each kind of page those of the data centre's areas, with their charts, maps and tables: never asked, by one client; then of all
kinds together never asked and asked before, by 8. Told are the median and what the service's process used of a processor per page,
which a busy machine leaves as it is; the largest page as it is sent; and the memory at its highest.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from ingest.datacenter import here
from tests.benchmarks.serve import CLIENTS, KEMPEN, THEMES, at_once, generate, regions_of_the_country, say
from tests.warehouse.conftest import Service
from warehouse.serve.portal.pages.area import KEY_FIGURES as KEY


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


def addresses(indicators: int) -> dict[str, list[str]]:
    """Addresses of pages, by kind, in an order that is the same each time."""
    names = [*KEY, *(f"ind_{n:02d}" for n in range(len(KEY), indicators))]
    small = [(kind, code) for code, kind in regions_of_the_country(400) if kind in ("wijk", "buurt")]
    found = {
        "indicator": [f"/indicator/{n}?gebied={g}" for n in names for g in KEMPEN],
        "area": [f"/gemeente/{g}" for g in KEMPEN] + [f"/{kind}/{code}" for kind, code in small],
        "compare": [f"/vergelijk?indicator={n}&gebied={g}&gebied=NL01" for n in names for g in KEMPEN],
        "theme": [f"/thema/{t}" for t in THEMES],
        "search": [f"/zoeken?q=Gebied+{code}" for _, code in small],
    }
    for paths in found.values():
        random.Random(7).shuffle(paths)
    return found


def borders(con: duckdb.DuckDBPyConnection) -> None:
    """Areas to draw maps on: rings of so many corners as simplified ones have."""
    turns = [n * math.tau / 60 for n in range(61)]
    rows = []
    for at, (code, kind) in enumerate(r for r in regions_of_the_country(600) if r[1] in ("gemeente", "wijk", "buurt")):
        if here().owns(code) or kind == "gemeente":
            x, y = 5 + at % 40 / 40, 51 + at // 40 / 40
            ring = [[round(x + math.cos(t) / 90, 5), round(y + math.sin(t) / 90, 5)] for t in turns]
            rows.append([code, kind, json.dumps({"type": "Polygon", "coordinates": [ring]})])
    con.execute(
        "create table core.region_boundary as select unnest($1::varchar[]) as region_code, unnest($2::varchar[]) as region_type, "
        "2024 as valid_year, 'Gebied ' || region_code as name, unnest($3::varchar[]) as geometry, 'CBS en Kadaster' as attribution",
        [list(column) for column in zip(*rows, strict=True)],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--indicators", type=int, default=80)
    parser.add_argument("--regions", type=int, default=15_000)
    parser.add_argument("--years", type=int, default=25)
    parser.add_argument("--pages", type=int, default=24, help="per measurement")
    parser.add_argument("--home", type=Path, help="where the warehouse is made, and used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = options.home or Path(scratch)
        if not (home / "warehouse").exists():
            generate(home, options.indicators, options.regions, options.years, KEY, borders)
        kinds = addresses(options.indicators)
        with Service(home, {"RDC_SERVE_RATE": "1000000"}) as service:
            pid, sizes = service.process.pid, list[int]()
            asked(service, [kinds["indicator"].pop()], sizes)  # what draws is imported, and V8 started
            first = []
            for kind, paths in {"home": ["/"], **kinds}.items():
                some = [paths.pop() for _ in range(min(options.pages, len(paths) * 2 // 3 or 1))]
                _measure(f"{kind}, never asked, one client", pid, [some], lambda paths: asked(service, paths, sizes))
                first += some
            fresh = [
                path
                for paths in zip(kinds["indicator"], kinds["area"], kinds["compare"], strict=False)
                for path in paths
            ]
            many = [fresh[n::CLIENTS][: max(3, options.pages // CLIENTS)] for n in range(CLIENTS)]
            _measure(f"never asked, {CLIENTS} clients", pid, many, lambda paths: asked(service, paths, sizes))
            again = [random.Random(n).sample(first, len(first)) for n in range(CLIENTS)]
            _measure(f"asked before, {CLIENTS} clients", pid, again, lambda paths: asked(service, paths, sizes))
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
