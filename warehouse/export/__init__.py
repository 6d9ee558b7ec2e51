"""A table of a release in the format that its reader works with.

What belongs here: one module per family of formats. Each takes an :class:`~warehouse.export.extraction.Extract` and gives
bytes piece by piece, so that a large table needs no more memory than a page of it (a workbook and a JSON-stat cube excepted,
which can't be written so). :mod:`warehouse.reading.published` says which columns there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name

from warehouse.export.extraction import ExportError, Extract, extract
from warehouse.export.plain import csv_text, json_value, text
from warehouse.formats import FORMATS, LONG_SHAPE, TABLE, WIDE, Format

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


def pieces(extracted: Extract, fmt: str, geo: Path | None = None) -> Iterator[bytes]:
    """The extract in a format, piece by piece.

    :param fmt: a name in :data:`FORMATS`. ``csv`` is ISO (UTF-8, comma, decimal point); ``csv-nl`` opens in a Dutch Excel
        as it is (UTF-8 with byte-order mark, semicolon, decimal comma, CRLF).
    :param geo: folder with boundaries, for a GeoPackage.
    :raises ExportError: the table can't be had in this format; the message says what can.
    """
    form = FORMATS[fmt]
    if form.shape and extracted.shape != form.shape:
        raise ExportError(f"{extracted.name} has no figures per region and period, so it can't be had as {fmt}.")
    made_by = resolve_name(f"{__name__}.{form.made_by}")
    return made_by(extracted, geo) if form.on_a_map else made_by(extracted)


def write(extracted: Extract, fmt: str, target: Path, geo: Path | None = None) -> int:
    """Write an extract to a file, which is there whole or not at all; its number of bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.part")
    size = 0
    try:
        with beside.open("wb") as out:
            for piece in pieces(extracted, fmt, geo):
                size += out.write(piece)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return size
