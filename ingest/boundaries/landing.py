"""The boundaries of all years as one snapshot. What is final is not fetched again: it goes on from the snapshot before.

A row is an area in a year. A year that PDOK does not have, or that can't be used, costs the others nothing: it goes on as it was,
or is told in the snapshot's warnings.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson
import zstandard

from ingest.attempt import Attempt, LandingError
from ingest.boundaries.asking import KINDS, Answer, Area, address, areas
from ingest.boundaries.shapes import DECIMALS, TOLERANCE, ShapeError, simplified
from ingest.datacenter import here
from ingest.declaration import Table
from ingest.engine import duck
from ingest.home import Home
from ingest.http import FetchError, NotFoundError, TransientError, UnreachableError
from ingest.metadata import Codes, Dimension, Measure, Metadata, write_metadata
from ingest.outcome import UNCHANGED, Outcome
from ingest.received import Page
from ingest.scope import regions_of
from ingest.snapshot import AREAS, Landing, Snapshot, Store
from ingest.source import Progress
from ingest.sql import literal
from ingest.words import shown

REGION, PERIOD, NAME, GEOMETRY = "Gebied", "Perioden", "Naam", "Geometrie"
#: Years before the newest in which CBS may still correct a year's boundaries.
OPEN_YEARS = 2

Row = tuple[str, str, str]  # code, name, geometry as GeoJSON


@dataclass(frozen=True)
class Year:
    """The areas of a year, simplified; and the answers that they came in, where they came now."""

    year: int
    rows: list[Row]
    answers: list[Answer] | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(self.rows, ensure_ascii=False).encode()).hexdigest()


def declared(table: Table) -> str:
    """Tells one declaration from the next: all years are fetched anew when it, or who we are, is another."""
    said = [table.first_year, regions_of(here().slug), here().box, TOLERANCE, DECIMALS]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def land(home: Home, table: Table, own: Attempt, progress: Progress) -> Outcome:
    """Take in the years that are new, and those that may have changed.

    :raises UnreachableError: PDOK can't be reached.
    :raises LandingError: it has no year that can be used.
    """
    last = home.store.newest(table.id)
    spoilt = home.store.changed(last) if last else []
    before = _kept(last) if last and not spoilt and last.stamp.get("declared") == declared(table) else {}
    years, warnings = _years(home, table, before, progress)
    if not years:
        raise LandingError(f"{home.settings.pdok_url}: expected boundaries of a year, got none. {' '.join(warnings)}")
    stamp = {"declared": declared(table)} | {str(y.year): y.sha256 for y in years}
    if last and not spoilt and last.stamp == stamp:
        return own.outcome(UNCHANGED, snapshot_id=last.snapshot_id, rows=last.row_count, modified=last.modified)
    snapshot = _lay_down(home, table, years, last if before else None, stamp, warnings, own.at)
    size = sum(len(a.body) for y in years for a in y.answers or ())
    return own.fetched(snapshot, size, last, spoilt)


def _years(home: Home, table: Table, before: dict[int, Year], progress: Progress) -> tuple[list[Year], list[str]]:
    newest = datetime.now(UTC).year
    asked = range(table.first_year or newest, newest + 1)
    found, warnings = [], list[str]()
    for number, year in enumerate(asked, 1):
        if year in before and year <= newest - OPEN_YEARS:
            found.append(before[year])
        else:
            try:
                found.append(_fetched(home, year))
            except (UnreachableError, TransientError):
                raise
            except NotFoundError:
                warnings.append(f"PDOK has no boundaries of {year}")
            except (FetchError, LandingError, ShapeError) as error:
                found += [before[year]] if year in before else []
                warnings.append(f"the boundaries of {year} can't be used: {shown(str(error), 300)}")
        progress(table.id, number, len(asked))
    return found, warnings


def _fetched(home: Home, year: int) -> Year:
    found, answers = areas(home.client, home.settings.pdok_url, year)
    rows: list[Row] = []
    for kind in KINDS:
        once: dict[str, Area] = {a.code: a for a in found[kind]}
        if len(once) < len(found[kind]):
            raise LandingError(f"{address(home.settings.pdok_url, year)}: a {kind} is there twice")
        shapes = simplified([a.geometry for a in once.values()])
        rows += [(a.code, a.name, s) for a, s in zip(once.values(), shapes, strict=True)]
    return Year(year, sorted(rows), answers)


def _kept(last: Snapshot) -> dict[int, Year]:
    """The years of a snapshot, to go on with."""
    with duckdb.connect() as con:
        rows = con.execute(
            f'select "{PERIOD}"[:4]::int, "{REGION}", "{NAME}", "{GEOMETRY}" from read_parquet(?) order by "ID"',
            [str(last.file("data.parquet"))],
        ).fetchall()
    years: dict[int, list[Row]] = {}
    for year, *row in rows:
        years.setdefault(year, []).append((row[0], row[1], row[2]))
    return {year: Year(year, found) for year, found in years.items()}


# -- on disk ----------------------------------------------------------------------------------------------------------


def _lay_down(
    home: Home,
    table: Table,
    years: list[Year],
    last: Snapshot | None,
    stamp: dict[str, str],
    warnings: list[str],
    at: str,
) -> Snapshot:
    store: Store = home.store
    rows = [(f"{y.year}JJ00", *row) for y in years for row in y.rows]
    with store.landing(table.id, json.dumps(stamp), (LandingError, MemoryError)) as landing:
        pages = [page for y in years for page in _pages(landing, y, last)]
        metadata = write(landing.path, table, rows)
        return landing.commit(
            store.root / table.id,
            source_id=table.source_id,
            table_id=table.id,
            title=table.title,
            protocol=table.protocol,
            catalog="pdok",
            origin="live",
            layout=AREAS,
            url=address(home.settings.pdok_url, years[-1].year),
            fetched_at=at,
            modified=at,  # PDOK does not say
            stamp=stamp,
            row_count=len(rows),
            expected_count=len(rows),
            count_source="numberMatched of each year's answers; of them the areas of the region",
            region_dimension=REGION,
            time_dimension=PERIOD,
            other_dimensions=[],
            period=None,
            filter=None,
            scope=here().slug,
            schema_fingerprint=metadata.fingerprint,
            licence=table.licence or "",
            attribution=table.attribution or "",
            warnings=warnings,
            pages=pages,
        )


def _pages(landing: Landing, year: Year, last: Snapshot | None) -> list[dict[str, Any]]:
    """The answers of a year, written now or laid over from the snapshot before. ``part`` is the year."""
    if year.answers is None:
        kept = [page for page in last.pages if page["part"] == year.year] if last else []
        for page in kept:
            shutil.copy2(last.file(page["file"]), landing.path / page["file"])  # type: ignore[union-attr]
        return kept
    made = []
    for number, answer in enumerate(year.answers, 1):
        name = f"{year.year}-{number}-{answer.kind}.json.zst"
        (landing.path / name).write_bytes(zstandard.ZstdCompressor(level=10).compress(answer.body))
        sha256 = hashlib.sha256(answer.body).hexdigest()
        made.append(Page(number, answer.url, name, "", "", len(answer.body), sha256, part=year.year).as_dict())
    return made


def write(folder: Path, table: Table, rows: Sequence[tuple[str, str, str, str]], origin: str = "live") -> Metadata:
    """The areas as a snapshot keeps them: rows of period, code, name and geometry, and the metadata that say so."""
    metadata = _metadata(table, rows)
    raw = zstandard.ZstdCompressor(level=1).compress(orjson.dumps(metadata.raw))
    (folder / "metadata.json.zst").write_bytes(raw)
    document = folder / "rows.json"
    names = (PERIOD, REGION, NAME, GEOMETRY)
    document.write_bytes(b"\n".join(orjson.dumps(dict(zip(names, row, strict=True))) for row in rows))
    columns = ", ".join(f"{name}: 'VARCHAR'" for name in names)
    with duck() as con:
        write_metadata(con, folder, metadata)
        con.execute(
            f'copy (select row_number() over (order by "{PERIOD}", "{REGION}") - 1 as "ID", *, {literal(origin)} as origin '
            f"from read_json({literal(document)}, format = 'newline_delimited', columns = {{{columns}}}) "
            f'order by "ID") to {literal(folder / "data.parquet")} (format parquet, compression zstd, compression_level 15)'
        )
    document.unlink()
    return metadata


def _metadata(table: Table, rows: Sequence[tuple[str, str, str, str]]) -> Metadata:
    dimensions = (Dimension(REGION, "region", "Gebied", 0), Dimension(PERIOD, "time", "Jaar van de indeling", 1))
    names = {code: name for _, code, name, _ in rows}
    years = {period: period[:4] for period, *_ in rows}
    measures = (
        Measure(NAME, NAME, "Naam van het gebied", "", None, "String", None, None, 0),
        Measure(GEOMETRY, GEOMETRY, "Grens van het gebied", "", None, "String", None, "GeoJSON, WGS 84", 1),
    )
    raw = {"first_year": table.first_year, "tolerance_metres": TOLERANCE, "decimals": DECIMALS}
    codes = {REGION: Codes.named(names), PERIOD: Codes.named(years)}
    return Metadata(dimensions, codes, measures, {"Title": table.title, "Source": table.owner}, raw)
