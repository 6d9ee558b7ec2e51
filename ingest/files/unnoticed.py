"""What the looks of a sheet keep from who delivers it: hidden parts, cells without a value, a sheet that is there twice.

What belongs here: finding that, and saying it in Dutch with places and without values. What it leads to is for whoever takes the file in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from ingest.files.sheet import Faulty, Header, Row, Sheet

#: How many places are named one by one.
NAMED = 10
#: A sheet that shares this part of its rows with another is a copy that was changed.
SHARED = 0.8
#: Fewer rows can be the same by chance.
FEWEST = 5


def letter(at: int) -> str:
    """A column as a spreadsheet names it: A is 0."""
    text = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        text = chr(65 + rest) + text
    return text


def listed(places: Iterable[object]) -> str:
    found = list(map(str, places))
    more = f" en nog {len(found) - NAMED}" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more


def faults(rows: Iterable[Row]) -> dict[str, Faulty]:
    """The cells without a value, by their place (D12)."""
    return {
        f"{letter(at)}{row.line}": cell for row in rows for at, cell in enumerate(row.cells) if isinstance(cell, Faulty)
    }


#: Errors as a Dutch Excel shows them; in the file they are English.
_DUTCH = {
    **{"#DIV/0!": "#DEEL/0!", "#N/A": "#N/B", "#NAME?": "#NAAM?", "#NULL!": "#LEEG!", "#NUM!": "#GETAL!"},
    **{"#REF!": "#VERW!", "#VALUE!": "#WAARDE!", "#SPILL!": "#OVERLOOP!", "#CALC!": "#BEREKENEN!"},
}


def written(fault: Faulty) -> list[str]:
    """How an error may be written by who sees it."""
    return [text for text in (fault.shown, _DUTCH.get(fault.shown)) if text]


def in_words(sheet: Sheet, faults: dict[str, Faulty]) -> str:
    """What is the matter with cells without a value, and where they are."""
    parts = []
    for kind, what in (("error", "een foutwaarde"), ("uncalculated", "een formule die nooit is berekend")):
        if places := [place for place, cell in faults.items() if cell.kind == kind]:
            shown = sorted({"/".join(written(cell)) for cell in faults.values() if cell.kind == kind} - {""})
            parts.append(f"{what}{f' ({listed(shown)})' if shown else ''} in {listed(places)}")
    return f"Werkblad {sheet.number} heeft {' en '.join(parts)}."


def hidden_rows(sheet: Sheet, header: Header) -> list[int]:
    """The lines of hidden rows below the header in which something stands."""
    return [row.line for row in sheet.rows[header.last + 1 :] if row.line in sheet.hidden_lines and row.filled]


def hidden_columns(sheet: Sheet, header: Header) -> list[str]:
    """The letters of hidden columns in which something stands."""
    if not sheet.hidden_columns:
        return []
    used = {at for row in sheet.rows[header.first :] for at in row.filled}
    return [letter(at) for at in sorted(sheet.hidden_columns & used)]


def copied(sheet: Sheet, header: Header, earlier: Sheet, above: Header) -> str | None:
    """``same`` when a sheet has the headings and the rows of an earlier one, ``changed`` when it looks like a copy of it that
    was worked on; else None."""
    mine = [_cells(row) for row in sheet.rows[header.last + 1 :] if row.filled]
    theirs = [_cells(row) for row in earlier.rows[above.last + 1 :] if row.filled]
    if not mine or not theirs or _headings(header) != _headings(above):
        return None
    shared = (Counter(mine) & Counter(theirs)).total()
    if shared == len(mine) == len(theirs):
        return "same"
    by_name = _stem(sheet.name) == _stem(earlier.name)
    fewest = min(len(mine), len(theirs))
    if shared and ((by_name and 2 * shared >= fewest) or (fewest >= FEWEST and shared >= SHARED * fewest)):
        return "changed"
    return None


def _stem(name: str) -> str:
    """The name of a sheet without what says that it is a copy: «Gegevens (2)», «Kopie van Gegevens»."""
    name = re.sub(r"(?i)[ _-]*(\(\d+\)|_\d+|\b(kopie|copy|oud|old|nieuw|new|backup))$", "", name.strip())
    return re.sub(r"(?i)^(kopie van|copy of) ", "", name).strip().lower()


def _headings(header: Header) -> list[tuple[str, ...]]:
    names = list(header.names)
    while names and not any(names[-1]):
        names.pop()
    return names


def _cells(row: Row) -> tuple[object, ...]:
    """The row as it is compared: trailing blanks and how a number is kept do not count."""
    cells = [str(cell).strip() if isinstance(cell, str) else cell for cell in row.cells]
    while cells and cells[-1] in (None, ""):
        cells.pop()
    return tuple(cells)
