"""The shape of a table, whatever it came from: its dimensions, their members, its measures; and how it lies in a snapshot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import orjson

from ingest.sql import identifier, literal


class Dimension(NamedTuple):
    """An axis of the table. ``kind`` is ``region``, ``time`` or ``other``."""

    key: str
    kind: str
    title: str
    position: int


class Codes(NamedTuple):
    """The members of a dimension in the service's order, a column each: a table of wijken and buurten has eighteen thousand.

    ``code`` is trimmed, ``status`` is a period's (Definitief, Voorlopig …).
    """

    code: Sequence[str]
    title: Sequence[str]
    description: Sequence[str | None]
    group: Sequence[str | None]
    status: Sequence[str | None]

    @classmethod
    def named(cls, titles: dict[str, str]) -> Codes:
        """From titles by code, with nothing else known."""
        nothing = [None] * len(titles)
        return cls(list(titles), list(titles.values()), nothing, nothing, nothing)


class Measure(NamedTuple):
    """A column (v3) or measure (v4). The stem is the key without its yearly moving suffix; v4 codes have none.

    ``path`` is the titles of the topic groups above it, from the outside in, joined by `` > ``.
    """

    code: str
    stem: str
    title: str
    path: str
    unit: str | None
    datatype: str
    decimals: int | None
    description: str | None
    position: int

    @property
    def is_text(self) -> bool:
        return self.datatype == "String"


@dataclass(frozen=True)
class Metadata:
    """The shape of a table. ``codes`` are by dimension; ``raw`` has every metadata resource as the service gave it, by name."""

    dimensions: tuple[Dimension, ...]
    codes: dict[str, Codes]
    measures: tuple[Measure, ...]
    info: dict[str, Any]
    raw: dict[str, Any]

    def dimension(self, kind: str) -> Dimension | None:
        """The one dimension of this kind, or None. A table with two is an error where it is read, not here."""
        return next((d for d in self.dimensions if d.kind == kind), None)

    def about(self, region: str | None) -> Metadata:
        """The same table with this dimension as its regions, and every other that has regions as an ordinary one."""
        if region is None:
            return self
        changed = tuple(
            d._replace(kind="region" if d.key == region else "other" if d.kind == "region" else d.kind)
            for d in self.dimensions
        )
        return replace(self, dimensions=changed)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over dimensions and measures: what an indicator could be bound to. Order and descriptions don't count."""
        shape = {
            "dimensions": sorted((d.key, d.kind) for d in self.dimensions),
            "measures": sorted(
                (m.code, m.title, m.path, m.unit or "", m.datatype, m.decimals or 0) for m in self.measures
            ),
        }
        return hashlib.sha256(json.dumps(shape, ensure_ascii=False).encode()).hexdigest()


_METADATA = {
    "dimensions": {"key": "VARCHAR", "kind": "VARCHAR", "title": "VARCHAR", "position": "INTEGER"},
    "codes": {
        **dict.fromkeys(("dimension", "code", "title", "description", "group", "status"), "VARCHAR"),
        "position": "INTEGER",
    },
    "measures": {
        **dict.fromkeys(("code", "stem", "title", "path", "unit", "datatype"), "VARCHAR"),
        **{"decimals": "INTEGER", "description": "VARCHAR", "position": "INTEGER"},
    },
}


def write_metadata(con: duckdb.DuckDBPyConnection, folder: Path, metadata: Metadata) -> None:
    """The normalised metadata as Parquet: what dbt reads."""
    codes = metadata.codes
    found: dict[str, list[Any]] = {
        "dimensions": list(zip(*metadata.dimensions, strict=True)),
        "codes": [
            [dimension for dimension, members in codes.items() for _ in members.code],
            *([item for members in codes.values() for item in getattr(members, field)] for field in Codes._fields),
            [position for members in codes.values() for position in range(len(members.code))],
        ],
        "measures": list(zip(*metadata.measures, strict=True)),
    }
    for name, columns in _METADATA.items():
        # Column by column, which DuckDB reads in half the time.
        by_column = dict(zip(columns, found[name] or [()] * len(columns), strict=True))
        document = folder / f"{name}.json"
        size = document.write_bytes(orjson.dumps(by_column))
        arrays = struct({key: f"{kind}[]" for key, kind in columns.items()})
        unnested = ", ".join(f"unnest({identifier(key)}) as {identifier(key)}" for key in columns)
        con.execute(
            f"copy (select {unnested} from read_json({literal(document)}, maximum_object_size = {size + 1024}, "
            f"columns = {arrays})) to {literal(folder / f'{name}.parquet')} (format parquet, compression zstd)"
        )
        document.unlink()


def struct(columns: dict[str, str]) -> str:
    """Columns and their types, as DuckDB's readers take them."""
    return "{" + ", ".join(f"{literal(k)}: {literal(t)}" for k, t in columns.items()) + "}"
