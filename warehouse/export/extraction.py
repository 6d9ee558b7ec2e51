"""What is taken from a release: some rows of one table, with what a reader must know about them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.errors import MendableError
from warehouse.columns import Column
from warehouse.formats import LONG_SHAPE, TABLE, WIDE
from warehouse.reading.published import LONG, REFERENCE, Published, among

_BATCH = 5_000


class ExportError(MendableError, LookupError):
    """A table, shape or format that can't be had; the message says what can."""


@dataclass
class Extract:
    """Rows of one table, not read yet.

    :param name: ``wonen`` for the table of a theme, ``core.region`` and the like for others.
    :param shape: :data:`WIDE`, :data:`LONG_SHAPE` or :data:`TABLE`.
    :param definitions: of its indicators, a record per version; ``sources``: its source tables.
    :param changes: what this release changed in it since the one before (records of :class:`warehouse.making.diff.Diff`).
    :param left_out: rows that the format it was last made in has no place for (a map: regions without a boundary).
    """

    published: Published
    name: str
    title: str
    shape: str
    columns: list[Column]
    sql: str
    parameters: list[Any]
    definitions: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    changes: dict[str, Any] = field(default_factory=dict)
    left_out: int = 0

    @property
    def release_id(self) -> str:
        return self.published.release_id

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.columns]

    @property
    def is_sample(self) -> bool:
        return any(s["origin"] == "sample" for s in self.sources)

    def batches(self, size: int = _BATCH) -> Iterator[list[tuple[Any, ...]]]:
        cursor = self.published.con.execute(self.sql, self.parameters)
        while rows := cursor.fetchmany(size):
            yield rows

    def rows(self) -> Iterator[tuple[Any, ...]]:
        for batch in self.batches():
            yield from batch

    def count(self) -> int:
        [(rows,)] = self.published.con.execute(f"select count(*) from ({self.sql})", self.parameters).fetchall()
        return rows


def extract(
    published: Published,
    name: str,
    regions: Sequence[str] = (),
    periods: Sequence[str] = (),
    shape: str | None = None,
    folder: Path | None = None,
) -> Extract:
    """Take a table, for some regions and periods (their codes) or for all.

    :param name: a theme, or a table by schema and name (``core.region``).
    :param shape: :data:`WIDE` (the default for a theme) or :data:`LONG_SHAPE`.
    :param folder: the release's folder, for what changed.
    :raises ExportError: a filter or shape that the table can't take, or a table that is not published to this scope.
    """
    schema, _, table = name.rpartition(".")
    theme = table if schema in ("", "mart") and table in published.themes else None
    row = "v." if theme else ""
    parameters: list[Any] = []
    conditions = [
        among(f"{row}{column}", asked, parameters)
        for column, asked in (("region_code", regions), ("period_code", periods))
        if asked
    ]
    where = " and ".join(conditions) or "true"
    if theme:
        definitions = [i for i in published.indicators if i["theme"] == theme]
        shape = shape or WIDE
        columns = published.wide_columns(theme) if shape == WIDE else LONG
        if shape == WIDE:
            sql = f"select * from ({published.wide(theme, where)}) order by region_code, period_code"
        else:
            rows = published.long(f"{published.of_theme(theme)} and ({where})")
            sql = f"select * from ({rows}) order by indicator_id, region_code, period_code"
        title = published.themes[theme]
        changes = _changes(folder, {d["indicator_id"] for d in definitions}, theme)
        sources = published.sources(theme)
        return Extract(published, theme, title, shape, columns, sql, parameters, definitions, sources, changes)
    if shape in (WIDE, LONG_SHAPE):
        raise ExportError(f"{name} is no table of indicators, so it has one shape only.")
    schema = schema or published.schema_of(table)
    if not published.whole and not (table in REFERENCE and schema == published.schema_of(table)):
        raise ExportError(f"{schema}.{table} is not published.")
    columns = published.table_columns(schema, table)
    known = {c.name for c in columns}
    for column, asked in (("region_code", regions), ("period_code", periods)):
        if asked and column not in known:
            raise ExportError(f"{schema}.{table} has no {column}, so it can't be filtered by it.")
    reference = table in REFERENCE and schema == published.schema_of(table)
    relation = published.relation(table) if reference else f'select * from "{schema}"."{table}"'
    order = ", ".join(c for c in ("region_code", "period_code") if c in known)
    sql = f"select * from ({relation}) where {where}" + (f" order by {order}" if order else "")
    title = REFERENCE[table][0] if table in REFERENCE else f"{schema}.{table}"
    definitions = published.indicators if "indicator_id" in known else []
    return Extract(
        published, f"{schema}.{table}", title, TABLE, columns, sql, parameters, definitions, published.sources()
    )


def _changes(folder: Path | None, indicators: set[str], theme: str) -> dict[str, Any]:
    """The part of a release's diff that is about these indicators."""
    file = folder / "diff.json" if folder else None
    if file is None or not file.is_file():
        return {}
    found = json.loads(file.read_text(encoding="utf-8"))
    return {
        "old": found["old"],
        "new": found["new"],
        "values": [v for v in found["values"] if v["indicator_id"] in indicators],
        "definitions": [d for d in found["definitions"] if d["indicator_id"] in indicators],
        "schema": [s for s in found["schema"] if s["table"] == f"mart.{theme}"],
        "by_indicator": {k: v for k, v in found["by_indicator"].items() if k in indicators},
    }
