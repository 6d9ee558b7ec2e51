"""A look through Excel's file: a zip of XML, read in one pass that keeps nothing."""

from __future__ import annotations

import re
import zipfile

from ingest.files.look import MOST_SHEETS, Look, attribute, parse
from ingest.files.sheet import MOST_CELLS, Faulty, UnreadableError


def looks(packed: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo]) -> list[Look]:
    names: list[tuple[str, str]] = []
    targets: dict[str, str] = {}
    stale = False

    def book(tag: str, attributes: dict[str, str]) -> None:
        nonlocal stale
        if tag == "sheet":
            names.append((attributes.get("name", ""), attribute(attributes, "id") or ""))
        elif tag == "calcPr":
            stale = attributes.get("fullCalcOnLoad") in ("1", "true")

    def relation(tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship" and attributes.get("TargetMode") != "External":
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    parse(packed, parts["xl/workbook.xml"], book)
    if "xl/_rels/workbook.xml.rels" in parts:
        parse(packed, parts["xl/_rels/workbook.xml.rels"], relation)
    if len(names) > MOST_SHEETS:
        raise UnreadableError(f"Het rekenblad heeft meer dan {MOST_SHEETS} werkbladen.")
    percents = _percents(packed, parts)
    found = []
    for number, (name, key) in enumerate(names, 1):
        target = targets.get(key, "").replace("\\", "/")
        path = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        part = parts.get(re.sub(r"[^/]+/\.\./", "", path).lower())
        look = Look(name)
        if part is not None and "worksheets/" in part.filename.replace("\\", "/"):
            _xlsx_sheet(packed, part, look, percents, number)
        if stale and look.formulas and not look.worked_out:
            # Whoever wrote it asks for all to be calculated anew, and left nothing or 0 everywhere.
            look.faulty |= dict.fromkeys(look.formulas, Faulty("uncalculated"))
        found.append(look)
    return found


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
        parse(packed, parts["xl/styles.xml"], start, end)
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
    packed: zipfile.ZipFile, part: zipfile.ZipInfo, look: Look, percents: frozenset[str], number: int
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

    parse(packed, part, start, end, text)
    look.check(number)
