"""Parquet, written by DuckDB, with what must be known of the table in the file's own metadata."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ingest.sql import literal
from warehouse.export.extraction import Extract

_PIECE = 1 << 20


def pieces(extracted: Extract) -> Iterator[bytes]:
    with tempfile.TemporaryDirectory(prefix="rdc-", dir=extracted.published.scratch) as folder:
        target = Path(folder) / "table.parquet"
        write(extracted, target)
        yield from read(target)


def write(extracted: Extract, target: Path) -> None:
    """Write to a file that nobody reads yet."""
    told = {
        "table": extracted.name,
        "title": extracted.title,
        "release": extracted.release_id,
        "licence": "CC-BY-4.0",
        "attribution": "; ".join(sorted({s["attribution"] for s in extracted.sources if s["attribution"]})),
        "columns": json.dumps({c.name: c.description for c in extracted.columns}, ensure_ascii=False),
        "definitions": json.dumps(extracted.definitions, ensure_ascii=False, default=str),
    }
    metadata = ", ".join(f"{literal(key)}: {literal(value)}" for key, value in told.items())
    extracted.published.con.execute(
        f"copy ({extracted.sql}) to {literal(str(target))} (format parquet, compression zstd, kv_metadata {{{metadata}}})",
        extracted.parameters,
    )


def read(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while piece := source.read(_PIECE):
            yield piece
