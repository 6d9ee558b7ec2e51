"""Ingest of wide v3 tables, against peers that fetch the same bytes: ``python -m tests.benchmarks.ingest``.

The work is 20 tables of 18,300 regions by 115 measures (1.76 GB of JSON), served from loopback by a process of its own that
sends prepared bytes. Every contestant runs in a fresh process, in turn, so that a machine that slows down slows all of them.
Peers run in an interpreter of their own (``--peers``, with the packages of ``peers.txt``), so that the project needs none of
them; statline-bq needs one of Python 3.8 or 3.9 (``--statline-bq``). Those that are not installed there are left out and named.
Those that take minutes do the whole work once. The last lines compare four connections with one at 150 ms.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

#: Fewer regions only to see that the benchmark works.
REGIONS, MEASURES, PAGE = int(os.environ.get("BENCH_REGIONS", "18300")), 115, 10_000


# -- the server -------------------------------------------------------------------------------------------------------


def _bodies() -> dict[str, bytes]:
    """Everything that the server sends, made once. All tables have the same figures; only their ids differ."""
    rng = random.Random(2026)
    # As long as CBS's own keys are: most of a page is keys.
    keys = [f"{f'GemiddeldAantalOnderwerpNummer{n}'[:30]}_{n}" for n in range(1, MEASURES + 1)]
    regions = [f"BU{n:08d}" for n in range(REGIONS)]
    rows = []
    for number, region in enumerate(regions):
        row = {"ID": number, "WijkenEnBuurten": region}
        for at, key in enumerate(keys):
            row[key] = None if rng.random() < 0.4 else rng.randrange(100_000) if at % 3 else rng.randrange(1000) / 10
        rows.append(json.dumps(row, separators=(",", ":")).encode())
    properties = [
        {
            "ID": 0,
            "Position": 0,
            "ParentID": None,
            "Type": "GeoDetail",
            "Key": "WijkenEnBuurten",
            "Title": "W",
            "Description": None,
        }
    ]
    properties += [
        {
            **{
                "ID": n + 1,
                "Position": n + 1,
                "ParentID": None,
                "Type": "Topic",
                "Key": k,
                "Title": f"Onderwerp {n}",
                "Description": None,
            },
            **{"Datatype": "Long" if n % 3 else "Double", "Unit": "aantal", "Decimals": 0 if n % 3 else 1},
        }
        for n, k in enumerate(keys)
    ]
    codes = [{"Key": f"{r:<10}", "Title": r, "Description": None} for r in regions]
    fields = "".join(f'<Property Name="{k}" Type="Edm.{"Int64" if n % 3 else "Double"}"/>' for n, k in enumerate(keys))
    bodies = {
        "$metadata": (
            '<Edmx><EntityType Name="TData"><Property Name="ID" Type="Edm.Int32"/>'
            f'<Property Name="WijkenEnBuurten" Type="Edm.String"/>{fields}</EntityType></Edmx>'
        ).encode(),
        "DataProperties": json.dumps({"value": properties}).encode(),
        "CategoryGroups": b'{"value":[]}',
        "WijkenEnBuurten": json.dumps({"value": codes}).encode(),
    }
    for start in range(0, REGIONS, PAGE):
        bodies[f"rows{start}"] = b",\r\n".join(rows[start : start + PAGE])
    return bodies


def serve(latency: float, pipe) -> None:
    bodies = _bodies()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 20

        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            time.sleep(latency)
            url = urlsplit(self.path)
            parts = unquote(url.path).strip("/").split("/")
            query = {k: v[0] for k, v in parse_qs(url.query).items()}
            if parts[0] == "changed":
                CHANGED[parts[1]] = CHANGED.get(parts[1], 1) + 1
                self._send([b"{}"])
            elif parts[0] == "ODataCatalog":
                table = query["$filter"].split("'")[1]
                self._send([json.dumps({"value": [_info(table)]}).encode()])
            elif len(parts) < 4 or parts[3] == "TableInfos":
                names = [
                    "TableInfos",
                    "UntypedDataSet",
                    "TypedDataSet",
                    "DataProperties",
                    "CategoryGroups",
                    "WijkenEnBuurten",
                ]
                root = f"http://{self.headers['Host']}/ODataFeed/odata/{parts[2]}"
                listed = [{"name": n, "url": f"{root}/{n}"} for n in names]
                self._send([json.dumps({"value": listed if len(parts) < 4 else [_info(parts[2])]}).encode()])
            elif parts[3] in ("TypedDataSet", "UntypedDataSet"):
                start = int(query.get("$skip", 0))
                head = b'{\r\n  "odata.metadata":"x","value":[\r\n'
                link = f"http://{self.headers['Host']}/ODataFeed/odata/{parts[2]}/{parts[3]}?$format=json&$skip={start + PAGE}"
                tail = f'],"odata.nextLink":"{link}"\r\n}}' if start + PAGE < REGIONS else "]\r\n}"
                self._send([head, bodies[f"rows{start}"], tail.encode()])
            else:
                self._send([bodies[parts[3]]])

        def _send(self, parts: list[bytes]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(sum(map(len, parts))))
            self.end_headers()
            for part in parts:
                self.wfile.write(part)
            self.wfile.flush()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pipe.send((server.server_port, sum(len(v) for k, v in bodies.items() if k.startswith("rows"))))
    server.serve_forever()


#: Per table that was said to have changed, the day on which it did.
CHANGED: dict[str, int] = {}


def _info(table: str) -> dict[str, object]:
    return {
        **{
            "ID": 0,
            "Identifier": table,
            "Title": table,
            "Modified": f"2026-01-{CHANGED.get(table, 1):02d}T02:00:00",
            "RecordCount": REGIONS,
        },
        "ColumnCount": MEASURES + 2,
        **{"Catalog": "CBS", "Period": "2024", "Frequency": "Perjaar"},
    }


# -- the contestants --------------------------------------------------------------------------------------------------


def ours(base: str, tables: list[str], folder: Path) -> None:
    """What the project does: proved, hashed, compressed snapshots with typed Parquet, four tables at a time."""
    from concurrent.futures import ThreadPoolExecutor

    from ingest.declaration import Table
    from ingest.http import CONNECTIONS_PER_HOST, Client
    from ingest.settings import Settings
    from ingest.snapshot import Store
    from ingest.statline.landing import land

    settings = Settings(folder, v3_url=base)
    store, client = Store(settings.snapshots), Client()
    declared = [
        Table(id=t, title=t, protocol="v3", cadence="year", period="2024JJ00", source_id="cbs", file="benchmark")
        for t in tables
    ]
    with ThreadPoolExecutor(int(os.environ.get("BENCH_CONNECTIONS", CONNECTIONS_PER_HOST))) as pool:
        for outcome in pool.map(lambda t: land(t, settings, store, client), declared):
            if outcome.result != "fetched":
                raise SystemExit(outcome.reason)


def _pages(base: str, table: str):
    import requests

    session = requests.Session()
    url = f"{base}/ODataFeed/odata/{table}/TypedDataSet?$format=json"
    while url:
        content = session.get(url, timeout=60).content
        yield content
        url = (
            f"{base}/ODataFeed/odata/{table}/TypedDataSet?$format=json&$skip={PAGE}"
            if b"odata.nextLink" in content[-400:]
            else ""
        )


def requests_orjson(base: str, tables: list[str], _: Path) -> None:
    """The floor of many clients: parse the bytes on one core, keep nothing."""
    import orjson

    for table in tables:
        for content in _pages(base, table):
            orjson.loads(content)


def requests_simdjson(base: str, tables: list[str], _: Path) -> None:
    """The limit of one core: a lazy parse, keep nothing."""
    import simdjson

    parser = simdjson.Parser()
    for table in tables:
        for content in _pages(base, table):
            document = parser.parse(content)
            del document


def cbsodata_pandas_duckdb(base: str, tables: list[str], folder: Path) -> None:
    """What an analyst writes: cbsodata into pandas into DuckDB."""
    import cbsodata.cbsodata3 as cbsodata
    import duckdb
    import pandas as pd

    cbsodata.options.use_https = False
    with duckdb.connect(str(folder / "peer.duckdb")) as con:
        for table in tables:
            con.register("frame", pd.DataFrame(cbsodata.get_data(table, catalog_url=base.removeprefix("http://"))))
            con.execute(f'create table "{table}" as select * from frame')


def dlt_duckdb(base: str, tables: list[str], folder: Path) -> None:
    """dlt with its Parquet loader into DuckDB."""
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(folder / "dlt")}
    import dlt
    import requests

    def rows(table: str):
        for content in _pages(base, table):
            yield json.loads(content)["value"]

    del requests
    pipeline = dlt.pipeline(
        "peer",
        destination=dlt.destinations.duckdb(str(folder / "peer.duckdb")),
        pipelines_dir=str(folder / "pipelines"),
    )
    found = [dlt.resource(rows(t), name=f"t{t.lower()}", write_disposition="replace") for t in tables]
    pipeline.run(found, loader_file_format="parquet")


def statline_bq(base: str, tables: list[str], folder: Path) -> None:
    """statline-bq up to its Parquet files, which it would then upload. It knows the address of CBS only: sent to ours."""
    import requests

    get = requests.get
    requests.get = lambda url, *rest, **more: get(url.replace("https://opendata.cbs.nl", base), *rest, **more)
    from statline_bq.main import _cbsodata_to_local

    for table in tables:
        _, files = _cbsodata_to_local(table, "v3", third_party=False, out_dir=folder / table)
        if not any("TypedDataSet" in str(file) for file in files):
            raise SystemExit(f"no rows of {table}")


CONTESTANTS = {
    "ours": (ours, None),
    "requests + orjson": (requests_orjson, "orjson"),
    "requests + simdjson": (requests_simdjson, "simdjson"),
    "cbsodata + pandas + DuckDB": (cbsodata_pandas_duckdb, "pandas"),
    "dlt": (dlt_duckdb, "dlt"),
    "statline-bq": (statline_bq, "statline_bq"),
}
#: These take minutes for what the others do in seconds: they do the work once, between two times ours.
SLOW = ("dlt", "statline-bq")

#: The interpreter of each contestant that is not ours to run.
INTERPRETERS: dict[str, str] = {}


def _has(name: str, package: str) -> bool:
    looked = [
        INTERPRETERS[name],
        "-c",
        f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)",
    ]
    return subprocess.run(looked, check=False).returncode == 0


def _contest(name: str, base: str, count: int) -> None:
    """In a process of its own: do the work, print seconds and peak memory in MB."""
    folder = Path(tempfile.mkdtemp())
    try:
        started = time.perf_counter()
        CONTESTANTS[name][0](base, [f"9{n:04d}NED" for n in range(count)], folder)
        seconds = time.perf_counter() - started
        print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(name: str, base: str, count: int, **environment: str) -> tuple[float, float]:
    command = [
        INTERPRETERS.get(name, sys.executable),
        "-m",
        "tests.benchmarks.ingest",
        "--contestant",
        name,
        "--base",
        base,
        "--tables",
        str(count),
    ]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stdout}{done.stderr}")
    seconds, memory = json.loads(done.stdout.splitlines()[-1])
    return seconds, memory


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--tables", type=int, default=20)
    options.add_argument("--peers", metavar="PYTHON", help="the interpreter that has the peers' packages")
    options.add_argument("--statline-bq", metavar="PYTHON", help="one of 3.8 or 3.9 with statline-bq 0.2.0")
    options.add_argument("--only", nargs="*", help="these contestants, besides ours")
    options.add_argument("--contestant", help=argparse.SUPPRESS)
    options.add_argument("--base", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.contestant:
        _contest(asked.contestant, asked.base, asked.tables)
        return

    INTERPRETERS.update({n: asked.peers or sys.executable for n in CONTESTANTS if n != "ours"})
    INTERPRETERS["statline-bq"] = asked.statline_bq or INTERPRETERS["statline-bq"]
    here = {n: f for n, (f, needs) in CONTESTANTS.items() if not needs or _has(n, needs)}
    missing = [n for n in CONTESTANTS if n not in here]
    names = [n for n in here if asked.only is None or n == "ours" or n in asked.only]
    receive, send = multiprocessing.Pipe(False)
    server = multiprocessing.Process(target=serve, args=(0.0, send), daemon=True)
    server.start()
    port, size = receive.recv()
    base = f"http://127.0.0.1:{port}"
    print(
        f"{asked.tables} tables of {REGIONS:,} x {MEASURES}, {asked.tables * size / 1e9:.2f} GB of JSON, {asked.rounds} rounds"
    )
    for name in missing:
        print(f"left out, not installed: {name}")
    quick = [n for n in names if n not in SLOW]
    found: dict[str, list[tuple[float, float]]] = {n: [] for n in quick}
    for _ in range(asked.rounds):
        for name in quick:
            found[name].append(_measure(name, base, asked.tables))
    print(
        "\n| contestant | seconds (min, median, max) | ours / theirs, median of rounds | peak MB |\n|---|---|---|---|"
    )
    for name in quick:
        seconds = sorted(s for s, _ in found[name])
        ratio = statistics.median(o[0] / t[0] for o, t in zip(found["ours"], found[name], strict=True))
        print(
            f"| {name} | {seconds[0]:.1f}, {statistics.median(seconds):.1f}, {seconds[-1]:.1f} | "
            f"{'-' if name == 'ours' else f'{ratio:.2f}'} | {max(m for _, m in found[name]):.0f} |"
        )
    for name in (n for n in names if n in SLOW):
        (before, _), (theirs, memory), (after, _) = (_measure(n, base, asked.tables) for n in ("ours", name, "ours"))
        own = (before + after) / 2
        print(f"| {name}, once | {theirs:.1f} against {own:.1f} | {own / theirs:.3f} | {memory:.0f} |")
    server.terminate()

    receive, send = multiprocessing.Pipe(False)
    far = multiprocessing.Process(target=serve, args=(0.15, send), daemon=True)
    far.start()
    base = f"http://127.0.0.1:{receive.recv()[0]}"
    ratios, few = [], min(8, asked.tables)
    for _ in range(asked.rounds):
        four, one = (_measure("ours", base, few, BENCH_CONNECTIONS=str(n))[0] for n in (4, 1))
        ratios.append(one / four)
    print(f"\n150 ms away, {few} tables: four connections are {statistics.median(ratios):.2f} times as fast as one")
    far.terminate()


if __name__ == "__main__":
    main()
