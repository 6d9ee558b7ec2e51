"""Formats that are text: CSV in two tongues, JSON, and the import file of Swing."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from warehouse.export.extraction import Extract
from warehouse.export.guessed import ROW, look


def text(value: Any, point: str = ".") -> str:
    """A value as a CSV has it: whole numbers without decimals, others to the last digit, nothing for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal):
        number = float(value)
        if math.isfinite(number) and number.is_integer() and abs(number) < 1e15:
            return str(int(number))
        return repr(number).replace(".", point)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def json_value(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value


def csv_text(names: Iterable[str], rows: Iterable[Sequence[Any]], delimiter: str, point: str, line_end: str) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=line_end)
    writer.writerow(names)
    writer.writerows([text(v, point) for v in row] for row in rows)
    return buffer.getvalue()


def csv_pieces(extracted: Extract, delimiter: str, point: str, line_end: str, mark: bool = False) -> Iterator[bytes]:
    """:param mark: start with a byte-order mark, by which Excel knows UTF-8."""
    if mark:
        yield b"\xef\xbb\xbf"
    yield csv_text(extracted.names, [], delimiter, point, line_end).encode()
    yield from _csv_rows(_pointed(extracted, point), delimiter, point, line_end)


def csv_dutch_pieces(extracted: Extract) -> Iterator[bytes]:
    """As a Dutch Excel opens it."""
    return csv_pieces(extracted, ";", ",", "\r\n", mark=True)


def _pointed(extracted: Extract, point: str) -> Iterator[list[tuple[Any, ...]]]:
    """The rows, with the margins that stand together in a text written with the same decimal sign as the figures."""
    if point == "." or "margins" not in extracted.names:
        yield from extracted.batches()
        return
    at = extracted.names.index("margins")
    for batch in extracted.batches():
        yield [(*row[:at], row[at] and row[at].replace(".", point), *row[at + 1 :]) for row in batch]


def csv_typed_pieces(extracted: Extract) -> Iterator[bytes]:
    """CSV of which every reader guesses the same types; see :mod:`warehouse.export.guessed`."""
    guess = look(extracted.published.con, f"select *, row_number() over () as {ROW} from ({extracted.sql})", extracted)
    yield csv_text(extracted.names, [], ",", ".", "\n").encode()
    broken = [n for n, name in enumerate(extracted.names) if name in guess.broken]

    def written(row: tuple[Any, ...]) -> tuple[Any, ...]:
        cells = list(row)
        for n in broken:
            cells[n] = None if cells[n] is None else repr(float(cells[n]))
        return tuple(cells)

    ordered = replace(extracted, sql=guess.ordered(extracted.sql)) if guess.first else extracted
    yield from _csv_rows(([written(row) for row in batch] for batch in ordered.batches()), ",", ".", "\n")


def _csv_rows(batches: Iterable[list[tuple[Any, ...]]], delimiter: str, point: str, line_end: str) -> Iterator[bytes]:
    for batch in batches:
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, delimiter=delimiter, lineterminator=line_end)
        writer.writerows([text(v, point) for v in row] for row in batch)
        yield buffer.getvalue().encode()


def json_pieces(extracted: Extract) -> Iterator[bytes]:
    """An object with what must be known of the rows, then the rows."""
    head = {
        "table": extracted.name,
        "title": extracted.title,
        "shape": extracted.shape,
        "release": extracted.release_id,
        "columns": [{k: v for k, v in asdict(c).items() if v not in (None, (), False)} for c in extracted.columns],
        "definitions": [{k: json_value(v) for k, v in d.items()} for d in extracted.definitions],
        "sources": [{k: json_value(v) for k, v in s.items()} for s in extracted.sources],
    }
    yield json.dumps(head, ensure_ascii=False, default=str)[:-1].encode() + b', "rows": ['
    first = True
    for batch in extracted.batches():
        lines = [
            json.dumps(
                {n: json_value(v) for n, v in zip(extracted.names, row, strict=True)}, ensure_ascii=False, default=str
            )
            for row in batch
        ]
        yield (("\n" if first else ",\n") + ",\n".join(lines)).encode()
        first = False
    yield b"\n]}\n"


#: The kinds of region that Swing knows by name, and the letters before their number.
_SWING_LEVELS = {"gemeente": "GM", "wijk": "WK", "buurt": "BU", "provincie": "PV", "corop": "CR", "ggd_regio": "GG"}


def swing_pieces(extracted: Extract) -> Iterator[bytes]:
    """A data file for the import of Swing: a row per period and region, a column per indicator, and what must be known of it.

    Swing's own layout with an indicator per column, by its fixed names ``PERIOD``, ``GEOLEVEL`` and ``GEOITEM``
    (https://studiohelp.swing.eu/support/solutions/articles/103000336212-import); region numbers without letters and leading
    zeros, as there. A year is ``2024``, another period as CBS writes it. The columns behind the indicators are ours: Swing
    has no place for them. Not tried in Swing itself.
    """
    indicators = [c.name for c in extracted.columns if c.is_indicator]
    told = {
        "peildatum": "reference_period",
        "indelingsjaar": "geography_year",
        "indelingsjaar_anders": "geography_year_other",
        "status": "period_status",
        "reden_ontbreekt": "reason",
        "marges": "margins",
        "reeksbreuk": "series_break",
        "toelichting": "note",
        "definitieversie": "definition_version",
        "definitieversie_anders": "definition_version_other",
        "bron": "attribution",
        "release": "release_id",
    }
    yield (
        b"\xef\xbb\xbf" + csv_text(["PERIOD", "GEOLEVEL", "GEOITEM", *indicators, *told], [], ";", ",", "\r\n").encode()
    )
    at = {name: place for place, name in enumerate(extracted.names)}

    def line(row: tuple[Any, ...]) -> tuple[Any, ...]:
        kind, code, period = row[at["region_type"]], row[at["region_code"]], row[at["period_code"]]
        number = code.removeprefix(_SWING_LEVELS.get(kind, ""))
        return (
            period.removesuffix("JJ00"),
            kind,
            int(number) if number.isdecimal() else code,
            *(row[at[name]] for name in (*indicators, *told.values())),
        )

    yield from _csv_rows(([line(row) for row in batch] for batch in extracted.batches()), ";", ",", "\r\n")
