"""A spreadsheet as sheets of rows.

What belongs here: reading cells, and before that a look at the parts of the file itself, since the library that gives the
values lays out a whole rectangle before it gives one, and does not say what is hidden, what shows a percentage, and what has no
value. Both kinds of file (Excel's, LibreOffice's) are zips of XML, read in one pass with constant memory.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.parsers import expat

from ingest.municipal.files import MOST_CELLS, MOST_UNPACKED, Faulty, Percent, Row, Sheet, UnreadableError
from ingest.municipal.sheets import letter

MOST_SHEETS = 256
#: What a zip packs at most, beyond some megabytes; text of a spreadsheet packs ten to thirty times.
MOST_RATIO = 300

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass
class _Look:
    """What the parts of the file say of a sheet, that the values do not. Places are (row, column), counted from 0."""

    name: str
    last_row: int = -1
    last_column: int = -1
    at_row: str = ""
    at_column: str = ""
    faulty: dict[tuple[int, int], Faulty] = field(default_factory=dict)
    percent: set[tuple[int, int]] = field(default_factory=set)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    #: Formulas, and those of them with a value other than 0.
    formulas: set[tuple[int, int]] = field(default_factory=set)
    worked_out: bool = False

    def holds(self, row: int, column: int) -> None:
        """Something stands here. More than can be laid out stops the look at once."""
        if row > self.last_row:
            self.last_row, self.at_row = row, f"{letter(column)}{row + 1}"
        if column > self.last_column:
            self.last_column, self.at_column = column, f"{letter(column)}{row + 1}"

    def check(self, number: int) -> None:
        if (self.last_row + 1) * (self.last_column + 1) > MOST_CELLS:
            far = " en ".join(dict.fromkeys((self.at_column, self.at_row)))
            raise UnreadableError(
                f"Werkblad {number} beslaat {self.last_row + 1} rijen en {self.last_column + 1} kolommen, meer dan "
                f"{MOST_CELLS // 1_000_000} miljoen cellen. Staat er per ongeluk iets in cel {far}? Haal dat weg, of lever een "
                "CSV-bestand."
            )


def read(data: bytes) -> list[Sheet]:
    """:raises UnreadableError: it is no spreadsheet that can be read, is protected, or is far too large."""
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    looks: list[_Look] | None = None
    if data.startswith(OLE):
        _not_protected(data)
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
    by_name = {look.name: look for look in looks or []}
    found = []
    for number, meta in enumerate(metadata, 1):
        if meta.typ != SheetTypeEnum.WorkSheet:
            continue  # a chart, a macro
        look = by_name.get(meta.name)
        if looks is not None and look is None:
            raise UnreadableError(f"Het rekenblad is beschadigd en niet te lezen (werkblad {number} ontbreekt).")
        if look:
            look.check(number)
        page = book.get_sheet_by_index(number - 1)
        cells = page.to_python(skip_empty_area=False)
        sheet = Sheet(
            number,
            _rows(cells, look),
            [(a[0], a[1], b[0], b[1]) for a, b in page.merged_cell_ranges or []],
            hidden=meta.visible != SheetVisibleEnum.Visible,
            name=meta.name,
            hidden_lines=frozenset(n + 1 for n in look.hidden_rows) if look else frozenset(),
            hidden_columns=frozenset(look.hidden_columns) if look else frozenset(),
        )
        if any(row.filled for row in sheet.rows):
            found.append(sheet)
    if not found:
        raise UnreadableError("Het rekenblad heeft geen gevuld werkblad.")
    return found


def _rows(cells: list[list[object]], look: _Look | None) -> list[Row]:
    marked: dict[int, dict[int, object]] = {}
    if look:
        for (row, column), fault in look.faulty.items():
            marked.setdefault(row, {})[column] = fault
        for row, column in look.percent:
            marked.setdefault(row, {}).setdefault(column, Percent)
    rows = []
    for n in range(max(len(cells), max(marked, default=-1) + 1)):
        row = [None if cell == "" else cell for cell in (cells[n] if n < len(cells) else ())]
        for column, mark in marked.get(n, {}).items():
            row += [None] * (column + 1 - len(row))
            value = row[column]
            if mark is not Percent:
                row[column] = mark
            elif isinstance(value, int | float) and not isinstance(value, bool):
                row[column] = Percent(value)
        rows.append(Row(n + 1, tuple(row)))
    return rows


# -- what protects it -------------------------------------------------------------------------------------------------

PROTECTED = (
    "Het rekenblad is beveiligd met een wachtwoord. Haal de beveiliging eraf (Bestand > Info > Werkmap beveiligen > "
    "Versleutelen met wachtwoord, maak het wachtwoord leeg), sla het op en lever het opnieuw."
)


def _not_protected(data: bytes) -> None:
    """An old container holds an old spreadsheet (.xls), or a new one that is encrypted, or no spreadsheet at all."""
    if "EncryptedPackage".encode("utf-16-le") in data or "EncryptionInfo".encode("utf-16-le") in data:
        raise UnreadableError(PROTECTED)
    if not any(name.encode("utf-16-le") in data for name in ("Workbook", "Book")):
        raise UnreadableError(
            "Het bestand is geen rekenblad, maar een ander document van een Office-programma (Word, Outlook, Access …) of een "
            "beschadigd rekenblad. Lever een .xlsx- of CSV-bestand."
        )


# -- the parts of the file --------------------------------------------------------------------------------------------


def _looks(packed: zipfile.ZipFile) -> list[_Look]:
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
        return _ods(packed, parts["content.xml"])
    if "xl/workbook.bin" in parts:
        raise UnreadableError(
            "Het bestand is een binair rekenblad (.xlsb); wat daarin verborgen of niet berekend is, is niet te zien. Sla het in "
            "Excel op als .xlsx en lever het opnieuw."
        )
    if "xl/workbook.xml" not in parts:
        raise UnreadableError("Het bestand is geen rekenblad. Lever een .xlsx- of CSV-bestand.")
    return _xlsx(packed, parts)


def _parse(
    packed: zipfile.ZipFile,
    part: zipfile.ZipInfo,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:
    """A part through a parser that keeps nothing. Names come without their namespace."""
    parser = expat.ParserCreate()
    names: dict[str, str] = {}

    def local(name: str) -> str:
        found = names.get(name)
        if found is None:
            found = names[name] = name.rpartition(":")[2]
        return found

    def no_doctype(*_: object) -> None:
        raise UnreadableError("Het rekenblad heeft een onderdeel dat er niet in hoort (DOCTYPE).")

    parser.StartElementHandler = lambda name, attributes: start(local(name), attributes)
    if end:
        parser.EndElementHandler = lambda name: end(local(name))
    if text:
        parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = no_doctype
    with packed.open(part) as stream:
        parser.ParseFile(stream)


def _attribute(attributes: dict[str, str], name: str) -> str | None:
    """By its name without a namespace."""
    return next((value for key, value in attributes.items() if key.rpartition(":")[2] == name), None)


# -- Excel ------------------------------------------------------------------------------------------------------------


def _xlsx(packed: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo]) -> list[_Look]:
    names: list[tuple[str, str]] = []
    targets: dict[str, str] = {}
    stale = False

    def book(tag: str, attributes: dict[str, str]) -> None:
        nonlocal stale
        if tag == "sheet":
            names.append((attributes.get("name", ""), _attribute(attributes, "id") or ""))
        elif tag == "calcPr":
            stale = attributes.get("fullCalcOnLoad") in ("1", "true")

    def relation(tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship" and attributes.get("TargetMode") != "External":
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    _parse(packed, parts["xl/workbook.xml"], book)
    if "xl/_rels/workbook.xml.rels" in parts:
        _parse(packed, parts["xl/_rels/workbook.xml.rels"], relation)
    if len(names) > MOST_SHEETS:
        raise UnreadableError(f"Het rekenblad heeft meer dan {MOST_SHEETS} werkbladen.")
    percents = _percents(packed, parts)
    looks = []
    for number, (name, key) in enumerate(names, 1):
        target = targets.get(key, "").replace("\\", "/")
        path = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        part = parts.get(re.sub(r"[^/]+/\.\./", "", path).lower())
        look = _Look(name)
        if part is not None and "worksheets/" in part.filename.replace("\\", "/"):
            _xlsx_sheet(packed, part, look, percents, number)
        if stale and look.formulas and not look.worked_out:
            # Whoever wrote it asks for all to be calculated anew, and left nothing or 0 everywhere.
            look.faulty |= dict.fromkeys(look.formulas, Faulty("uncalculated"))
        looks.append(look)
    return looks


def _percents(packed: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo]) -> frozenset[str]:
    """The styles of cells that show a percentage."""
    formats = {"9", "10"}
    found: list[str] = []
    within = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal within
        if tag == "numFmt":
            shown = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", attributes.get("formatCode", ""))
            (formats.add if "%" in shown else formats.discard)(attributes.get("numFmtId", ""))
        elif tag == "cellXfs":
            within = True
        elif tag == "xf" and within:
            found.append(attributes.get("numFmtId", "0"))

    def end(tag: str) -> None:
        nonlocal within
        if tag == "cellXfs":
            within = False

    if "xl/styles.xml" in parts:
        _parse(packed, parts["xl/styles.xml"], start, end)
    return frozenset(str(n) for n, number_format in enumerate(found) if number_format in formats)


_PLACE = re.compile(r"([A-Z]{1,3})(\d{1,7})")


def _column(letters: str) -> int:
    found = 0
    for sign in letters:
        found = 26 * found + ord(sign) - 64
    return found - 1


def _flat(size: str | None) -> bool:
    """Whether a row or column is too low or narrow to be seen."""
    return size is not None and re.fullmatch(r"0*(\.\d*)?", size) is not None and float(f"0{size}") < 0.5


def _xlsx_sheet(
    packed: zipfile.ZipFile, part: zipfile.ZipInfo, look: _Look, percents: frozenset[str], number: int
) -> None:
    row = column = -1
    kind = style = ""
    formula = within = False
    value: list[str] = []
    columns: dict[str, int] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, kind, style, formula, within
        if tag == "c":
            place = _PLACE.fullmatch(attributes.get("r", ""))
            if place:
                letters = place[1]
                at = columns.get(letters)
                if at is None:
                    at = columns[letters] = _column(letters)
                column, row = at, int(place[2]) - 1
            else:
                column += 1
            kind, style, formula = attributes.get("t", ""), attributes.get("s", ""), False
            value.clear()
        elif tag == "v" or tag == "t":
            within = True
        elif tag == "f":
            formula = True
        elif tag == "row":
            line = attributes.get("r", "")
            row, column = int(line) - 1 if line.isdigit() else row + 1, -1
            if attributes.get("hidden") in ("1", "true") or _flat(attributes.get("ht")):
                look.hidden_rows.add(row)
        elif tag == "col" and (attributes.get("hidden") in ("1", "true") or _flat(attributes.get("width"))):
            low, high = int(attributes.get("min", "1")), int(attributes.get("max", "1"))
            look.hidden_columns.update(range(low - 1, min(high, 16_384)))

    def text(data: str) -> None:
        if within and len(value) < 40:
            value.append(data)

    def end(tag: str) -> None:
        nonlocal within
        if tag == "v" or tag == "t":
            within = False
        elif tag == "c":
            shown = "".join(value)
            if formula:
                place = (row, column)
                look.formulas.add(place)
                look.worked_out |= bool(shown) and shown not in ("0", "0.0")
                if not shown and kind != "str":
                    look.faulty[place] = Faulty("uncalculated")
                    look.holds(row, column)
            if kind == "e":
                look.faulty[row, column] = Faulty("error", shown)
                look.holds(row, column)
            elif shown:
                look.holds(row, column)
                if style in percents and kind in ("", "n"):
                    look.percent.add((row, column))
            if len(look.faulty) > MOST_CELLS // 10:
                raise UnreadableError(f"Werkblad {number} heeft te veel foutwaarden of formules zonder waarde.")

    _parse(packed, part, start, end, text)
    look.check(number)


# -- LibreOffice ------------------------------------------------------------------------------------------------------


def _ods(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> list[_Look]:
    looks: list[_Look] = []
    row = column = 0
    repeated = 1
    at_column = 0
    cell: dict[str, str] = {}
    wide = 1
    depth = texts = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, repeated, at_column, cell, wide, texts, depth
        if tag == "table":
            depth += 1
        if tag == "table" and depth == 1:
            looks.append(_Look(_attribute(attributes, "name") or ""))
            row = at_column = 0
            if len(looks) > MOST_SHEETS:
                raise UnreadableError(f"Het rekenblad heeft meer dan {MOST_SHEETS} werkbladen.")
        elif depth != 1:
            return
        elif tag == "table-column":
            times = int(_attribute(attributes, "number-columns-repeated") or 1)
            if _attribute(attributes, "visibility") in ("collapse", "filter"):
                looks[-1].hidden_columns.update(range(at_column, min(at_column + times, 16_384)))
            at_column += times
        elif tag == "table-row":
            repeated = int(_attribute(attributes, "number-rows-repeated") or 1)
            column = 0
            if _attribute(attributes, "visibility") in ("collapse", "filter"):
                looks[-1].hidden_rows.update(range(row, min(row + repeated, 1_048_576)))
        elif tag in ("table-cell", "covered-table-cell"):
            wide = int(_attribute(attributes, "number-columns-repeated") or 1)
            cell = {name.rpartition(":")[2]: value for name, value in attributes.items()}
            cell["office"] = attributes.get("office:value-type", "")
            cell["shows"] = attributes.get("calcext:value-type", "")
            texts = 0

    def text(data: str) -> None:
        nonlocal texts
        if depth == 1 and data.strip():
            texts += 1
            if cell.get("shows") == "error":
                cell["error"] = cell.get("error", "") + data

    def end(tag: str) -> None:
        nonlocal row, column, depth
        if tag == "table":
            depth -= 1
        elif depth != 1:
            return
        elif tag == "table-row":
            row += repeated
        elif tag in ("table-cell", "covered-table-cell"):
            look, kind = looks[-1], cell.get("office", "")
            fault = None
            if cell.get("shows") == "error":
                fault = Faulty("error", cell.get("error", "").strip())
            elif "formula" in cell and not kind:
                fault = Faulty("uncalculated")
            if fault or kind or texts:
                look.holds(row + repeated - 1, column + wide - 1)
                look.check(len(looks))
            if fault or kind == "percentage":
                places = {(r, c) for r in range(row, row + repeated) for c in range(column, column + wide)}
                if fault:
                    look.faulty |= dict.fromkeys(places, fault)
                else:
                    look.percent |= places
            column += wide

    _parse(packed, part, start, end, text)
    return looks
