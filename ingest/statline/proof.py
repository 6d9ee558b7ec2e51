"""Whether a table arrived whole: as many rows as the service counts, none twice, every code one that its metadata list."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from ingest.attempt import LandingError
from ingest.metadata import Metadata
from ingest.received import Page
from ingest.sql import identifier, literal
from ingest.statline.model import Slice
from ingest.words import shown


@dataclass(frozen=True)
class Arrived:
    """A table as it came, in the folder where it lands.

    :param layout: ``wide`` (v3) or ``long`` (v4).
    :param counts: per slice the service's own count, and the address that said so.
    """

    folder: Path
    layout: str
    metadata: Metadata
    slices: list[Slice]
    counts: list[tuple[int, str]]
    pages: list[Page]


def prove(con: duckdb.DuckDBPyConnection, arrived: Arrived) -> int:
    """That as many rows arrived as the service says it has, none twice, and every code is one that it lists.

    Of slices each is proved on its own: its regions have as many rows as the service counts with the same filter, and no
    region came that was not asked for (a service that ignores a filter answers with HTTP 200).

    :returns: how many rows there are.
    :raises LandingError: what was expected, and what came.
    """
    folder, layout, metadata, pages = arrived.folder, arrived.layout, arrived.metadata, arrived.pages
    expected = sum(count for count, _ in arrived.counts)
    keys = [d.key for d in metadata.dimensions] + ([] if layout == "wide" else ["Measure"])
    data = f"read_parquet({literal(folder / 'data.parquet')})"
    key = ", ".join(map(identifier, keys))
    rows, distinct = con.execute(
        f"select (select count(*) from {data}), (select count(*) from (select distinct {key} from {data}))"
    ).fetchall()[0]
    for number, (part, (count, count_source)) in enumerate(zip(arrived.slices, arrived.counts, strict=True)):
        found = rows
        if part.regions is not None and (region := metadata.dimension("region")):
            regions = sorted(part.regions)
            found = con.execute(
                f"select count(*) from {data} where list_contains(?, {identifier(region.key)})", [regions]
            ).fetchall()[0][0]
        if found != count:
            own = [page for page in pages if page.part == number] or pages
            raise LandingError(
                f"{own[0].url}: expected {count:,} rows as {count_source} says, got {found:,} in {len(own)} pages; "
                "the answer is not whole, though its status was 200"
            )
    if rows != expected:
        raise LandingError(
            f"{pages[0].url}: expected rows of the regions that were asked for, got {rows - expected:,} of others; the "
            "service ignored the filter, though its status was 200"
        )
    if distinct != rows:
        raise LandingError(
            f"{pages[0].url}: expected one row per {', '.join(keys)}, got {rows - distinct:,} rows that repeat another"
        )
    if layout == "long":
        silent = con.execute(
            f"select count(*) from {data} where Value is null and StringValue is null "
            "and coalesce(ValueAttribute, 'None') = 'None'"
        ).fetchall()[0][0]
        strange = con.execute(
            f"select distinct ValueAttribute from {data} where not regexp_full_match(ValueAttribute, '[A-Za-z]+') limit 5"
        ).fetchall()
        _none(strange, f"{pages[0].url}: expected a word for every reason (ValueAttribute)")
        if silent:
            raise LandingError(
                f"{pages[0].url}: expected a reason (ValueAttribute) for every missing value, got {silent:,} without"
            )
    codes = literal(folder / "codes.parquet")
    known = {
        d.key: f"select code from read_parquet({codes}) where dimension = {literal(d.key)}" for d in metadata.dimensions
    }
    if layout == "long":
        known["Measure"] = f"select code from read_parquet({literal(folder / 'measures.parquet')})"
    for name, listed in known.items():
        strange = con.execute(
            f"select distinct d.{identifier(name)} from {data} d anti join ({listed}) c on c.code = d.{identifier(name)} limit 5"
        ).fetchall()
        _none(strange, f"{pages[0].url}: expected only codes of {name} that its metadata lists")
    return int(rows)


def _none(strange: list[tuple[Any, ...]], expected: str) -> None:
    if strange:
        raise LandingError(f"{expected}, got " + ", ".join(shown(repr(value), 80) for (value,) in strange))
