"""The service against DuckDB in-process, on a warehouse of whole-Netherlands size: ``python -m tests.benchmarks.serve``.

30 million figures (80 indicators, 15,000 regions, 25 years) are generated. Three questions are asked, each time for another
indicator, year or municipality, by 8 clients at once: through HTTP from a service in a process of its own, and on a warm
connection in this process (a cursor per thread). Both get the same SQL, so that the ratio of the medians is what the service
adds: HTTP, JSON, headers. In turn, question by question, so that a machine that slows down slows both.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb

from ingest.datacenter import here
from tests.warehouse.conftest import Service
from warehouse.reading.published import Published
from warehouse.sharing.access import EVERYTHING

CLIENTS = 8
KEMPEN = [f"GM{n:04d}" for n in (770, 1724, 1728, 823, 1667)]
THEMES = ("bevolking", "wonen", "sociaal_domein", "gezondheid", "onderwijs", "economie", "veiligheid", "ruimte")


def say(text: str) -> None:
    print(text, flush=True)


def regions_of_the_country(number: int) -> list[tuple[str, str]]:
    """Codes and kinds of so many regions: the country, the own municipalities with their wijken and buurten, and others."""
    center = here()
    found = [("NL01", "land"), (center.code, "groep"), (center.corop, "corop"), (center.province, "provincie")]
    found += [(code, "gemeente") for code in KEMPEN]
    found += [(f"WK{code[2:]}{n:02d}", "wijk") for code in KEMPEN for n in range(5)]
    found += [(f"BU{code[2:]}{n:04d}", "buurt") for code in KEMPEN for n in range(25)]
    others = [(m.code, "gemeente") for g in center.groups.values() for m in g.members]
    found += [(f"GM{3000 + n}", "gemeente") for n in range(max(0, 342 - len(KEMPEN)))]
    found += [other for other in dict.fromkeys(others) if other not in found]
    found += [(f"BU{n:08d}", "buurt") for n in range(max(0, number - len(found)))]
    return found[:number]


def generate(
    folder: Path,
    indicators: int,
    regions: int,
    years: int,
    named: Sequence[str] = (),
    more: Callable[[duckdb.DuckDBPyConnection], None] = lambda _: None,
) -> None:
    """A released file with the tables that the service reads, sorted as a real one.

    :param named: what the first indicators are called; ``more`` puts other tables in it.
    """
    place = folder / "warehouse" / "releases" / "2026.1.1"
    place.mkdir(parents=True)
    with duckdb.connect(str(place / "rdc.duckdb")) as con:
        con.execute("create schema core; create schema mart")
        con.execute(
            f"""
            create table core.region (region_code varchar, region_type varchar, name varchar, parent_code varchar, valid_from date,
                valid_to date);
            create table core.region_group as
            select 'KEMPEN' as group_code, 'De Kempen' as group_name, unnest({KEMPEN}) as region_code,
                date '2000-01-01' as valid_from, null::date as valid_to, 'x' as source;
            create table core.period as
            select (2000 + i) || 'JJ00' as period_code, 'jaar' as period_type, make_date((2000 + i)::int, 1, 1) as start_date,
                make_date((2000 + i)::int, 12, 31) as end_date from range({years}) t(i);
            create table core."table" as select 'T' as table_id, 'cbs' as source_id, 'v3' as protocol, 'Tabel' as title, 'live' as origin,
                'CBS' as owner, 'CC BY 4.0' as licence, 'Bron: CBS' as attribution, 'public' as sharing_level,
                '2026' as modified, now() as fetched_at, 'T-1' as snapshot_id;
            create table core.release as select '2026.1.1' as release_id, now() as created_at;
            """
        )
        con.execute(
            "insert into core.region select code, kind, 'Gebied ' || code, null, date '2000-01-01', null "
            "from (select unnest($1::varchar[]) as code, unnest($2::varchar[]) as kind) order by code",
            [list(column) for column in zip(*regions_of_the_country(regions), strict=True)],
        )
        names = [*named, *(f"ind_{n:02d}" for n in range(len(named), indicators))][:indicators]
        themes = [THEMES[n % len(THEMES)] for n in range(indicators)]
        con.execute(
            "create table core.indicator as select unnest($1::varchar[]) as indicator_id, 1 as version, "
            "unnest($2::varchar[]) as theme, unnest($2::varchar[]) as theme_title, unnest($3::int[]) as position, "
            "'Naam' as name_nl, 'Definitie op 1 januari' as definition, 'aantal' as unit, 0 as decimals, 'neutraal' as direction, "
            "'sum' as aggregation, 1.0 as factor, null::varchar as why_not, null::varchar as numerator, "
            "null::varchar as denominator, null::varchar as caveats, "
            "'CBS' as source, null::int as bbv, date '2000-01-01' as valid_from, null::date as valid_to, "
            "false as is_total, null::varchar as reference, null::varchar as not_comparable, null::varchar as no_figure",
            [names, themes, list(range(indicators))],
        )
        con.execute(
            """
            create table core.indicator_term as select 1 as binding_id, 'T' as table_id, indicator_id from core.indicator;
            create table core.indicator_value as
            select indicator_id, 1 as definition_version, region_code, period_code,
                case when hash(indicator_id, region_code, period_code) % 10 < 3 then null
                    else (hash(indicator_id, region_code, period_code) % 100000) / 10 end as value,
                case when hash(indicator_id, region_code, period_code) % 10 < 3 then 'unknown' end as missing_reason,
                null::varchar as note, 'Definitief' as period_status, 'published' as method, 'T-1' as snapshot_id,
                'T' as table_id, 1 as binding_id
            from core.indicator, core.region, core.period order by indicator_id, region_code, period_code
            """
        )
        for theme in dict.fromkeys(themes):
            own = [n for n, t in zip(names, themes, strict=True) if t == theme]
            if theme != THEMES[0]:
                con.execute(f"create table mart.{theme} as select null::varchar as region_code limit 0")
                continue
            columns = ", ".join(f"max(value) filter (indicator_id = '{n}') as {n}" for n in own)
            con.execute(
                f"create table mart.{theme} as select region_code, period_code, {columns} from core.indicator_value "
                f"where indicator_id in ({', '.join(repr(n) for n in own)}) group by all order by all"
            )
        more(con)
        [(rows,)] = con.execute("select count(*) from core.indicator_value").fetchall()
    size = (place / "rdc.duckdb").stat().st_size
    say(f"{rows:,} figures, {size / 1e6:,.0f} MB")
    record = {
        **{
            "release_id": "2026.1.1",
            "created_at": "2026-01-01T00:00:00+00:00",
            "inputs": {},
            "fingerprint": "",
            "sha256": "",
        },
        **{"bytes": size, "tables": {}, "checks": {}, "previous": None},
    }
    (place / "release.json").write_text(json.dumps(record))
    (place / "promoted").touch()
    (folder / "warehouse" / "rdc.duckdb").hardlink_to(place / "rdc.duckdb")


Question = tuple[str, Callable[[random.Random], tuple[str, str, list[object]]]]


def questions(published: Published, indicators: int, years: int) -> list[Question]:
    """Name, and a maker of one instance: its address, and the same as SQL with parameters."""

    def ranking(rng: random.Random) -> tuple[str, str, list[object]]:
        name, year = f"ind_{rng.randrange(indicators):02d}", f"{2000 + rng.randrange(years)}JJ00"
        where = (
            "v.indicator_id = $1 and v.period_code = $2 and v.region_code in "
            "(select region_code from core.region where region_type = 'gemeente')"
        )
        sql = f"select * from ({published.long(where)}) order by value desc nulls last, region_code"
        return (
            f"/v1/waarnemingen?indicator={name}&periode={year}&gebiedSoort=gemeente&sorteer=-waarde",
            sql,
            [name, year],
        )

    def series(rng: random.Random) -> tuple[str, str, list[object]]:
        name = f"ind_{rng.randrange(indicators):02d}"
        where = "v.indicator_id = $1 and v.region_code in ($2, $3, $4, $5, $6)"
        sql = f"select * from ({published.long(where)}) order by indicator_id, region_code, period_code"
        asked = "&".join(f"gebied={g}" for g in KEMPEN)
        return f"/v1/waarnemingen?indicator={name}&{asked}", sql, [name, *KEMPEN]

    def table(rng: random.Random) -> tuple[str, str, list[object]]:
        year = f"{2000 + rng.randrange(years)}JJ00"
        sql = published.wide(THEMES[0], "v.period_code = $1 and v.region_code in ($2, $3, $4, $5, $6)")
        asked = "&".join(f"gebied={g}" for g in KEMPEN)
        return (
            f"/v1/tabellen/{THEMES[0]}?periode={year}&{asked}",
            f"select * from ({sql}) order by region_code, period_code",
            [year, *KEMPEN],
        )

    return [
        ("one indicator, five municipalities, all years", series),
        ("ranking of all municipalities", ranking),
        ("one theme table", table),
    ]


def at_once(work: Callable[[int], list[float]]) -> list[float]:
    with ThreadPoolExecutor(CLIENTS) as pool:
        return [seconds for found in pool.map(work, range(CLIENTS)) for seconds in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--indicators", type=int, default=80)
    parser.add_argument("--regions", type=int, default=15_000)
    parser.add_argument("--years", type=int, default=25)
    parser.add_argument("--requests", type=int, default=12, help="per client and question")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        started = time.perf_counter()
        generate(home, options.indicators, options.regions, options.years)
        say(f"generated in {time.perf_counter() - started:.0f} s")
        con = duckdb.connect(
            str(home / "warehouse" / "rdc.duckdb"), read_only=True, config={"threads": 2, "memory_limit": "512MB"}
        )
        published = Published(con, "2026.1.1", EVERYTHING)
        with Service(home, {"RDC_SERVE_RATE": "1000000"}) as service:
            slowest = 0.0
            for title, make in questions(published, options.indicators, options.years):

                def direct(number: int, make=make) -> list[float]:  # type: ignore[no-untyped-def]
                    rng, cursor, times = random.Random(number), con.cursor(), []
                    for _ in range(options.requests):
                        _, sql, parameters = make(rng)
                        start = time.perf_counter()
                        cursor.execute(sql, parameters).fetchall()
                        times.append(time.perf_counter() - start)
                    return times

                def through(number: int, make=make) -> list[float]:  # type: ignore[no-untyped-def]
                    rng, times = random.Random(100 + number), []
                    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=120)
                    for _ in range(options.requests):
                        path, _, _ = make(rng)
                        start = time.perf_counter()
                        connection.request("GET", path)
                        answer = connection.getresponse()
                        body = answer.read()
                        times.append(time.perf_counter() - start)
                        assert answer.status == 200 and len(body) > 500, body[:300]
                    return times

                at_once(lambda n: direct(n)[:1])
                rounds = [(at_once(direct), at_once(through)) for _ in range(3)]
                inside = statistics.median(t for r in rounds for t in r[0])
                outside = statistics.median(t for r in rounds for t in r[1])
                slowest = max(slowest, outside / inside)
                print(
                    f"{title}: in-process {inside * 1e3:.1f} ms, HTTP {outside * 1e3:.1f} ms, ratio {outside / inside:.2f}"
                )
            status = Path(f"/proc/{service.process.pid}/status")
            if status.is_file():
                peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
                say(f"service: {int(peak.split()[1]) / 1024:,.0f} MB at its highest")
            say(f"largest ratio {slowest:.2f} (aim: at most 2)")
    sys.exit(0)


if __name__ == "__main__":
    main()
