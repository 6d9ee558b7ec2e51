"""A table of a release in the format that its reader works with.

What belongs here: one module per family of formats. Each takes an :class:`~warehouse.export.extraction.Extract` and gives
bytes piece by piece, so that a large table needs no more memory than a page of it (a workbook and a JSON-stat cube excepted,
which can't be written so). :mod:`warehouse.reading.published` says which columns there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from warehouse.export.extraction import LONG_SHAPE, TABLE, WIDE, ExportError, Extract, extract
from warehouse.export.plain import csv_pieces, csv_text, csv_typed_pieces, json_pieces, json_value, swing_pieces, text

__all__ = [
    "FORMATS",
    "LONG_SHAPE",
    "TABLE",
    "WIDE",
    "ExportError",
    "Extract",
    "Format",
    "csv_text",
    "extract",
    "json_value",
    "pieces",
    "text",
    "write",
]


@dataclass(frozen=True)
class Format:
    """A format that a table can be had in.

    :param shape: the shape that it needs whatever was asked for; None takes any.
    :param in_memory: it is made whole before a byte of it leaves.
    """

    name: str
    extension: str
    media_type: str
    title: str
    is_text: bool = True
    shape: str | None = None
    in_memory: bool = False


FORMATS = {
    f.name: f
    for f in (
        Format("csv", "csv", "text/csv; charset=utf-8", "CSV (ISO: komma, decimale punt)"),
        Format(
            "csv-nl", "csv", "text/csv; charset=utf-8", "CSV voor een Nederlandse Excel (puntkomma, decimale komma)"
        ),
        Format(
            "xlsx",
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "Excel",
            is_text=False,
            in_memory=True,
        ),
        Format("parquet", "parquet", "application/vnd.apache.parquet", "Parquet", is_text=False),
        Format("json", "json", "application/json", "JSON"),
        Format("jsonstat", "json", "application/json", "JSON-stat 2.0", shape=LONG_SHAPE, in_memory=True),
        Format("swing", "csv", "text/csv; charset=utf-8", "Swing-importbestand", shape=WIDE),
        Format("gpkg", "gpkg", "application/geopackage+sqlite3", "GeoPackage", is_text=False, shape=WIDE),
    )
}


def pieces(found: Extract, fmt: str, geo: Path | None = None) -> Iterator[bytes]:
    """The extract in a format, piece by piece.

    :param fmt: a name in :data:`FORMATS`. ``csv`` is ISO (UTF-8, comma, decimal point); ``csv-nl`` opens in a Dutch Excel
        as it is (UTF-8 with byte-order mark, semicolon, decimal comma, CRLF).
    :param geo: folder with boundaries, for a GeoPackage.
    :raises ExportError: the table can't be had in this format; the message says what can.
    """
    from warehouse.export import geopackage, jsonstat, parquet, workbook

    makers: dict[str, Callable[[Extract], Iterator[bytes]]] = {
        "csv": csv_typed_pieces,
        "csv-nl": lambda e: csv_pieces(e, ";", ",", "\r\n", mark=True),
        "json": json_pieces,
        "jsonstat": jsonstat.pieces,
        "xlsx": workbook.pieces,
        "parquet": parquet.pieces,
        "swing": swing_pieces,
        "gpkg": lambda e: geopackage.pieces(e, geo),
    }
    needed = FORMATS[fmt].shape
    if needed and found.shape != needed:
        raise ExportError(f"{found.name} has no figures per region and period, so it can't be had as {fmt}.")
    return makers[fmt](found)


def write(found: Extract, fmt: str, target: Path, geo: Path | None = None) -> int:
    """Write an extract to a file, which is there whole or not at all; its number of bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.part")
    size = 0
    try:
        with beside.open("wb") as out:
            for piece in pieces(found, fmt, geo):
                size += out.write(piece)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return size
