"""A delivered file as sheets of rows, whatever it came as: CSV, a spreadsheet, JSON. In memory; nothing is written.

What belongs here: telling formats apart, finding the header under the notes that stand above it, and undoing what people
do to a sheet to make it pleasant to read: merged headers, years side by side, a block per municipality, totals.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

#: Above this a file is not read: it is not an export of a municipality of 20,000 inhabitants.
MOST_BYTES = 200_000_000
MOST_UNPACKED = 800_000_000
#: The header is looked for among the first rows.
HEADER_WITHIN = 40

TOTAL_WORDS = re.compile(r"(?i)^\s*(sub|eind|gemeente|algeheel |generaal )?(totaal|totalen|total|som)\b")


class UnreadableError(Exception):
    """A file that can't be read at all; the message is Dutch, for the sender, and has nothing of the content."""


@dataclass(frozen=True)
class Row:
    """A row as it stands in the file: its line (1 is the first), and its cells."""

    line: int
    cells: tuple[Any, ...]

    @property
    def filled(self) -> list[int]:
        return [n for n, cell in enumerate(self.cells) if not blank(cell)]


class Percent(float):
    """A number in a cell that shows a percentage: 0.123 that is read as 12,3%."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Faulty:
    """A cell that holds something, but no value: who reads it as empty loses a figure.

    :param kind: ``error`` (#DIV/0!), or ``uncalculated``: a formula that no program ever worked out.
    :param shown: what stands in the cell, of an error.
    """

    kind: Literal["error", "uncalculated"]
    shown: str = ""

    def __str__(self) -> str:
        return self.shown


@dataclass
class Sheet:
    """A sheet of a file: what a cell holds is None, text, a number (:class:`Percent` where it shows one), a date, or
    :class:`Faulty`.

    :param merged: ranges of cells that were merged: (first row, first column, last row, last column), counted from 0.
    :param hidden: who looks at the file does not see it; so with the lines and columns (counted from 0) that are hidden.
    """

    number: int
    rows: list[Row]
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    hidden: bool = False
    name: str = ""
    hidden_lines: frozenset[int] = frozenset()
    hidden_columns: frozenset[int] = frozenset()

    def cell(self, row: int, column: int) -> Any:
        """A cell by its place, counted from 0; None outside the sheet (a merged range may lie there)."""
        cells = self.rows[row].cells if row < len(self.rows) else ()
        return cells[column] if column < len(cells) else None


def blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip(" \t\r\n\u00a0\ufeff"))


def plain(text: object) -> str:
    """A header as it is compared: letters and digits, lower case, without accents."""
    decomposed = unicodedata.normalize("NFKD", str(text))
    return re.sub(r"[^a-z0-9]", "", "".join(c for c in decomposed if not unicodedata.combining(c)).lower())


def read(data: bytes) -> list[Sheet]:
    """The sheets of a file, by its content and not by its name.

    :raises UnreadableError: it is none of the formats, damaged, or far too large.
    """
    if len(data) > MOST_BYTES:
        raise UnreadableError(f"Het bestand is groter dan {MOST_BYTES // 1_000_000} MB.")
    if not data.strip():
        raise UnreadableError("Het bestand is leeg.")
    try:
        if data[:4] == b"PK\x03\x04" or data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
            return _spreadsheet(data)
        text = _text(data)
        if text.lstrip()[:1] in "{[":
            return [_json(text)]
        return [_csv(text)]
    except UnreadableError:
        raise
    except RecursionError:
        raise UnreadableError("Het bestand is te diep genest om te lezen.") from None
    except Exception as error:
        # Never the library's own words: they may quote the content.
        raise UnreadableError(f"Het bestand is beschadigd en niet te lezen ({type(error).__name__}).") from None


# -- spreadsheets -----------------------------------------------------------------------------------------------------


def _spreadsheet(data: bytes) -> list[Sheet]:
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(item.file_size for item in packed.infolist()) > MOST_UNPACKED:
                raise UnreadableError("Het rekenblad is uitgepakt veel te groot.")
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    except BaseException as error:  # a panic in the Rust library is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise UnreadableError(f"Het rekenblad is beschadigd en niet te lezen ({type(error).__name__}).") from None
    sheets = []
    for number, meta in enumerate(book.sheets_metadata, 1):
        if meta.typ != SheetTypeEnum.WorkSheet:
            continue  # a chart, a macro
        sheet = book.get_sheet_by_index(number - 1)
        cells = sheet.to_python(skip_empty_area=False)
        rows = [Row(n, tuple(None if c == "" else c for c in row)) for n, row in enumerate(cells, 1)]
        merged = [(a[0], a[1], b[0], b[1]) for a, b in sheet.merged_cell_ranges or []]
        if any(row.filled for row in rows):
            sheets.append(Sheet(number, rows, merged, hidden=meta.visible != SheetVisibleEnum.Visible))
    if not sheets:
        raise UnreadableError("Het rekenblad heeft geen gevuld werkblad.")
    return sheets


# -- text -------------------------------------------------------------------------------------------------------------


def _text(data: bytes) -> str:
    """UTF-8 (or UTF-16 with its mark), else Windows-1252, which is what Dutch exports are otherwise."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding)
    if b"\x00" in data[:4096]:
        raise UnreadableError("Het bestand is geen tekst, rekenblad of JSON.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # Five bytes mean nothing in Windows-1252; they become a sign that no value may have.
        return data.decode("cp1252", errors="replace")


def _csv(text: str) -> Sheet:
    """Rows with the separator that cuts most lines into the same, larger number of cells."""
    csv.field_size_limit(10_000_000)
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    if text.startswith("sep=") and len(lines) > 1:
        separator, lines = lines[0][4:5] or ";", lines[1:]
    else:
        separator = max(";,\t|", key=lambda s: _cut(lines, s))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=False)
    rows, before = [], 0
    for cells in reader:
        if not (before == 0 and cells and cells[0].startswith("sep=")):
            rows.append(Row(before + 1, tuple(c if c.strip() else None for c in cells)))
        before = reader.line_num
    return Sheet(1, rows)


def _cut(lines: Sequence[str], separator: str) -> int:
    """How many lines have the number of cells that most lines have, times that number less one."""
    widths: dict[int, int] = {}
    for cells in csv.reader(lines, delimiter=separator):
        widths[len(cells)] = widths.get(len(cells), 0) + 1
    return max(((n - 1) * times for n, times in widths.items()), default=0)


# -- JSON -------------------------------------------------------------------------------------------------------------


def _json(text: str) -> Sheet:
    """Records as rows: a list of objects, or the one list of objects in an object (GeoJSON: its features)."""
    content = json.loads(text, parse_constant=lambda _: None)
    records = _records(content)
    header: dict[str, int] = {}
    flat = [_flat(record) for record in records]
    for record in flat:
        for name in record:
            header.setdefault(name, len(header))
    rows = [Row(0, tuple(header))]
    for number, record in enumerate(flat, 1):
        rows.append(Row(number, tuple(record.get(name) for name in header)))
    return Sheet(1, rows)


def _records(content: Any) -> list[dict[str, Any]]:
    while isinstance(content, dict):
        lists = [v for v in content.values() if isinstance(v, list) and v and all(isinstance(i, dict) for i in v)]
        inner = [v for v in content.values() if isinstance(v, dict)]
        if len(lists) == 1:
            content = lists[0]
        elif not lists and len(inner) == 1 and len(content) <= 3:
            content = inner[0]
        else:
            raise UnreadableError("De JSON heeft geen (of meer dan één) lijst met records.")
    if not isinstance(content, list) or not all(isinstance(i, dict) for i in content):
        raise UnreadableError("De JSON is geen lijst met records.")
    return content


def _flat(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested fields as ``location.buurt_code``; of GeoJSON the properties as they are, and a point as ``x`` and ``y``."""
    found: dict[str, Any] = {}
    if not prefix and record.get("type") == "Feature" and isinstance(record.get("properties"), dict):
        found |= _flat(record["properties"], "")
        found |= _point(record.get("geometry"), "")
        return found
    for name, value in record.items():
        if isinstance(value, dict):
            point = _point(value, f"{prefix}{name}.")
            found |= point or _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            found[f"{prefix}{name}"] = json.dumps(value, ensure_ascii=False) if value else None
        else:
            found[f"{prefix}{name}"] = value
    return found


def _point(geometry: Any, prefix: str) -> dict[str, Any]:
    if not (isinstance(geometry, dict) and geometry.get("type") == "Point"):
        return {}
    coordinates = geometry.get("coordinates")
    if not (isinstance(coordinates, list) and len(coordinates) >= 2):
        return {}
    return {f"{prefix}x": coordinates[0], f"{prefix}y": coordinates[1]}


# -- the header -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Header:
    """Where the header is, and what it says.

    :param last: index of its last row.
    :param names: per column of the sheet what stands above it, from the top down, merged cells filled in.
    """

    first: int
    last: int
    names: tuple[tuple[str, ...], ...]


def find_header(sheet: Sheet, known: Iterable[str], spread: bool) -> Header | None:
    """The row (or rows, one above the other) that name most of the known columns; None when no row names two of them, or
    the only one.

    :param known: the declared names, as :func:`plain` writes them.
    :param spread: whether there is a row with values above the names.
    """
    wanted = set(known)
    best, at = 0, -1
    for n, row in enumerate(sheet.rows[:HEADER_WITHIN]):
        # A cell that is merged downwards names its column in each of its rows.
        reaching = [sheet.cell(top, left) for top, left, bottom, _ in sheet.merged if top < n <= bottom]
        hits = len({plain(c) for c in (*row.cells, *reaching) if isinstance(c, str | int | float)} & wanted)
        if hits > best:
            best, at = hits, n
    if best < min(2, len(wanted)):
        return None
    first = at
    # Rows that are merged into, or above, this one belong to the header too.
    for top, _, bottom, _ in sheet.merged:
        if bottom == at and top < first:
            first = top
    if first == at and at > 0:
        above = sheet.rows[at - 1]
        merged_above = any(top <= at - 1 <= bottom and right > left for top, left, bottom, right in sheet.merged)
        if (spread or merged_above) and len(above.filled) > (0 if spread else 1):
            first = at - 1
    width = max(len(row.cells) for row in sheet.rows)
    grid = [
        [_header_text(row.cells[c] if c < len(row.cells) else None) for c in range(width)]
        for row in sheet.rows[first : at + 1]
    ]
    for top, left, bottom, right in sheet.merged:
        for r in range(max(top, first), min(bottom, at) + 1):
            for c in range(left, min(right, width - 1) + 1):
                grid[r - first][c] = _header_text(sheet.cell(top, left))
    if spread and len(grid) > 1 and not sheet.merged:
        # In a CSV nothing is merged: a value above holds until the next one.
        last = ""
        for c in range(width):
            last = grid[0][c] = grid[0][c] or last
    return Header(first, at, tuple(tuple(grid[r][c] for r in range(len(grid))) for c in range(width)))


def _header_text(value: Any) -> str:
    if blank(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value).split())
