"""A delivered file as sheets of rows, and where its header is.

What belongs here: what a sheet, a row and a cell are, whatever they came as, finding the header under the notes that stand
above it, and undoing what people do to a sheet to make it pleasant to read: merged headers, years side by side, totals.
Telling formats apart is :mod:`formats`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

#: Above this a file is not read: it is not an export of a municipality of 20,000 inhabitants.
MOST_BYTES = 200_000_000
MOST_UNPACKED = 800_000_000
#: Cells that are laid out, the empty ones between the filled ones too.
MOST_CELLS = 20_000_000
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
