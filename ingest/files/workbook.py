"""A spreadsheet as sheets of rows.

What belongs here: which kind of spreadsheet it is, what is refused before anything is read, and its cells with what a look
through the file (:mod:`look`) says of them.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from ingest.files import ods, xls, xlsx
from ingest.files.look import MOST_SHEETS, PROTECTED, Look
from ingest.files.sheet import MOST_UNPACKED, Percent, Row, Sheet, UnreadableError

#: What a zip packs at most, beyond some megabytes; text of a spreadsheet packs ten to thirty times.
MOST_RATIO = 300

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read(data: bytes) -> list[Sheet]:
    """:raises UnreadableError: it is no spreadsheet that can be read, is protected, or is far too large."""
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    if data.startswith(OLE):
        looks = xls.looks(data)
    else:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            looks = _looks(packed)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        metadata = book.sheets_metadata
    except BaseException as error:  # a panic in the Rust library is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        if "password" in str(error).lower():
            raise UnreadableError(PROTECTED) from None
        raise UnreadableError(f"Het rekenblad is beschadigd en niet te lezen ({type(error).__name__}).") from None
    if len(metadata) > MOST_SHEETS:
        raise UnreadableError(f"Het rekenblad heeft meer dan {MOST_SHEETS} werkbladen.")
    by_name = {look.name: look for look in looks}
    found = []
    for number, meta in enumerate(metadata, 1):
        if meta.typ != SheetTypeEnum.WorkSheet:
            continue  # a chart, a macro
        look = by_name.get(meta.name)
        if look is None:
            raise UnreadableError(f"Het rekenblad is beschadigd en niet te lezen (werkblad {number} ontbreekt).")
        look.check(number)
        page = book.get_sheet_by_index(number - 1)
        cells = page.to_python(skip_empty_area=False)
        sheet = Sheet(
            number,
            _rows(cells, look),
            [(a[0], a[1], b[0], b[1]) for a, b in page.merged_cell_ranges or []],
            hidden=meta.visible != SheetVisibleEnum.Visible,
            name=meta.name,
            hidden_lines=frozenset(n + 1 for n in look.hidden_rows),
            hidden_columns=frozenset(look.hidden_columns),
        )
        if any(row.filled for row in sheet.rows):
            found.append(sheet)
    if not found:
        raise UnreadableError("Het rekenblad heeft geen gevuld werkblad.")
    return found


def _rows(cells: Sequence[Sequence[object]], look: Look) -> list[Row]:
    marked: dict[int, dict[int, object]] = {}
    for (line, column), fault in look.faulty.items():
        marked.setdefault(line, {})[column] = fault
    for line, column in look.percent:
        marked.setdefault(line, {}).setdefault(column, Percent)
    rows = []
    for n in range(max(len(cells), max(marked, default=-1) + 1)):
        row: list[object] = [None if cell == "" else cell for cell in (cells[n] if n < len(cells) else ())]
        for column, mark in marked.get(n, {}).items():
            row += [None] * (column + 1 - len(row))
            value = row[column]
            if mark is not Percent:
                row[column] = mark
            elif isinstance(value, int | float) and not isinstance(value, bool):
                row[column] = Percent(value)
        rows.append(Row(n + 1, tuple(row)))
    return rows


def _looks(packed: zipfile.ZipFile) -> list[Look]:
    items = packed.infolist()
    size, most = sum(item.file_size for item in items), sum(item.compress_size for item in items)
    if size > MOST_UNPACKED or size > 20_000_000 + MOST_RATIO * most:
        raise UnreadableError(
            "Het rekenblad is uitgepakt veel te groot. Verwijder lege opmaak en afbeeldingen, of lever CSV."
        )
    if any(item.flag_bits & 1 for item in items):
        raise UnreadableError(PROTECTED)
    parts = {item.filename.replace("\\", "/").lstrip("/").lower(): item for item in items}
    if "content.xml" in parts:
        if "meta-inf/manifest.xml" in parts and b"encryption-data" in packed.read(parts["meta-inf/manifest.xml"]):
            raise UnreadableError(PROTECTED)
        return ods.looks(packed, parts["content.xml"])
    if "xl/workbook.bin" in parts:
        raise UnreadableError(
            "Het bestand is een binair rekenblad (.xlsb); wat daarin verborgen of niet berekend is, is niet te zien. Sla het in "
            "Excel op als .xlsx en lever het opnieuw."
        )
    if "xl/workbook.xml" not in parts:
        raise UnreadableError("Het bestand is geen rekenblad. Lever een .xlsx- of CSV-bestand.")
    return xlsx.looks(packed, parts)
