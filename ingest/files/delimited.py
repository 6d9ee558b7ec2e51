"""Text with a separator as rows, held to its own lines: a quotation mark that is never closed swallows the rows behind it, and
whoever reads on would not see that they are gone.

What belongs here: which sign separates, how quotation marks are written, and whether every line is accounted for. A record over
several lines is believed when its quotation marks are right and no line within it could be a row.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.files.sheet import MOST_CELLS, Faulty, Row, Sheet, UnreadableError

#: What a spreadsheet leaves in its CSV where it had no value to show, in English and in Dutch; the last is a narrow column.
ERRORS = re.compile(
    r"#(?:DIV/0!|DEEL/0!|N/A|N/B|NAME\?|NAAM\?|NULL!|LEEG!|NUM!|GETAL!|REF!|VERW!|VALUE!|WAARDE!|SPILL!|OVERLOOP!"
    r"|CALC!|BEREKENEN!|GETTING_DATA|#{2,})"
)
#: A line that no delivery has: whoever takes it into a record is still within quotation marks.
_END = "\x1d"
_SAMPLE = 200


def read(text: str) -> Sheet:
    """:raises UnreadableError: quotation marks that do not come out, naming the line."""
    csv.field_size_limit(10_000_000)
    lines = list(io.StringIO(text.rstrip("\x1a"), newline=""))
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += "\n"
    filled = [line for line in lines[:_SAMPLE] if line.strip()]
    if text.startswith("sep=") and len(filled) > 1:
        separator = filled[0][4:5].strip("\r\n") or ";"
    else:
        separator = max(";,\t|", key=lambda s: _fit(filled, s))
    found = _parse(lines, separator, escaped=False)
    if re.search(r'\\["\r\n]', text):
        # MySQL and PHP write \" for a quotation mark. Which of the two it is, the whole file tells.
        other = _parse(lines, separator, escaped=True)
        both = not (found.rough or found.open or other.rough or other.open) and other.odd <= found.odd
        if other.rank < found.rank:
            found = other
        if not found.fault and (found.rough or (both and found.count != other.count)):
            line = found.first_rough or 1 + next(n for n, line in enumerate(lines) if re.search(r'\\["\r\n]', line))
            raise UnreadableError(
                f"Regel {line}: aanhalingstekens en backslashes staan door elkaar, zodat niet vaststaat waar cellen "
                "beginnen en eindigen. Er is niets overgenomen. Laat het exporterende programma aanhalingstekens in tekst verdubbelen."
            )
    if found.fault:
        raise UnreadableError(found.fault)
    return Sheet(1, found.rows)


# -- the separator ----------------------------------------------------------------------------------------------------


def _fit(lines: Sequence[str], separator: str) -> tuple[int, int, int]:
    """How well a separator cuts. First, whether the rows that have the usual number of cells begin with a heading: a sign within
    the values of a column cuts these alike as well, but not the heading above them. Then how many lines it cuts."""
    rows = [cells for cells in csv.reader([*lines, _END], delimiter=separator) if cells]
    if rows.pop() != [_END] and 2 * len(rows) < len(lines):  # an open quotation mark
        rows = [cells for line in lines for cells in csv.reader([line], delimiter=separator) if cells]
    width = _usual(rows)
    usual = [len(cells) == width for cells in rows]
    times = sum(usual)
    if width < 2:
        return -1, 0, 0
    first = next((n for n in range(len(rows)) if usual[n] and usual[n + 1 : n + 2] == [True]), usual.index(True))
    headed = _headed([cells for cells, is_usual in zip(rows[first:], usual[first:], strict=True) if is_usual])
    return headed, times if headed == _UNDECIDED else 0, (width - 1) * times


_UNHEADED, _UNDECIDED, _HEADED = range(3)


def _headed(rows: Sequence[Sequence[str]]) -> int:
    """Whether the first row is a heading: it has no figure in a column that has figures below. Rows with years that stand
    above several columns each may come before it."""
    figures = [[any(map(str.isdigit, cell)) for cell in cells] for cells in rows]
    top = 0
    while top < min(2, len(rows) - 2) and any(figures[top]) and not all(map(str.strip, rows[top])):
        top += 1
    below = figures[top + 1 :]
    columns = [n for n in range(len(rows[0])) if below and 2 * sum(row[n] for row in below) > len(below)]
    if not columns:
        return _UNDECIDED
    return _HEADED if any(not figures[top][n] for n in columns) else _UNHEADED


def _usual(rows: Sequence[Sequence[str]]) -> int:
    """The number of cells that says most: of a row, times how many have it."""
    widths = Counter(map(len, rows))
    return max(widths, key=lambda n: ((n - 1) * widths[n], widths[n]), default=0)


# -- rows -------------------------------------------------------------------------------------------------------------


@dataclass
class _Reading:
    """The rows under one way of writing quotation marks.

    :param fault: why they can't be believed, naming the line.
    :param rough: records in which a quotation mark stands where none should; ``first_rough`` is the first one's line.
    :param odd: records with another number of cells than most.
    """

    rows: list[Row] = field(default_factory=list)
    fault: str = ""
    rough: int = 0
    first_rough: int = 0
    odd: int = 0
    open: bool = False
    count: int = 0

    @property
    def rank(self) -> tuple[bool, int, int]:
        return bool(self.fault), self.rough, self.odd


def _parse(lines: list[str], separator: str, escaped: bool) -> _Reading:
    if escaped:  # MySQL's sign for nothing
        nothing = re.compile(rf"(?<![^{re.escape(separator)}])\\N(?=[{re.escape(separator)}\r\n])")
        lines = [nothing.sub("", line) for line in lines]
    proper = _proper(separator, escaped)
    reader = csv.reader(
        itertools.chain(lines, [_END]), delimiter=separator, escapechar="\\" if escaped else None, strict=False
    )
    found, before, cells_seen = _Reading(), 0, 0
    records: list[tuple[int, int, list[str], bool]] = []
    for cells in reader:
        begin, before = before, reader.line_num
        if before > len(lines):
            if cells != [_END]:
                found.open, found.fault = True, _told(begin + 1, "wordt niet meer gesloten")
            break
        if not cells or (begin == 0 and cells[0].startswith("sep=")):
            continue
        cells_seen += len(cells)
        if cells_seen > MOST_CELLS:
            raise UnreadableError(f"Het bestand heeft meer dan {MOST_CELLS // 1_000_000} miljoen cellen.")
        record = "".join(lines[begin:before]) if before > begin + 1 else lines[begin]
        rough = '"' in record and not proper.fullmatch(record.rstrip("\r\n"))
        found.rough += rough
        if rough and not found.first_rough:
            found.first_rough = begin + 1
        records.append((begin, before, cells, rough))
    found.count = len(records)
    width = _usual([cells for begin, end, cells, _ in records if end == begin + 1])
    found.odd = sum(len(cells) != width for _, _, cells, _ in records)
    shapes: list[Counter[str]] | None = None
    for begin, end, cells, rough in records:
        if end > begin + 1 and not (escaped and _continued(lines[begin:end])):
            shapes = shapes if shapes is not None else _shapes(records, width)
            if rough or (len(cells) not in (1, width)):
                found.fault = _told(begin + 1, f"sluit pas op regel {end}, en daar niet goed")
            elif _swallowed(lines[begin:end], cells, separator, width, shapes):
                found.fault = _told(begin + 1, f"sluit pas op regel {end}; de regels daartussen zijn zelf rijen")
            if found.fault:
                break
        found.rows.append(Row(begin + 1, tuple(map(_cell, cells))))
    return found


def _told(line: int, what: str) -> str:
    return (
        f"Regel {line}: een aanhalingsteken aan het begin van een cel {what}. De rijen erachter zouden verloren gaan, dus er is "
        "niets overgenomen. Sluit het aanhalingsteken, of laat het exporterende programma aanhalingstekens in tekst verdubbelen."
    )


def _cell(text: str) -> str | Faulty | None:
    if text[:1] == "#" and ERRORS.fullmatch(text.strip()):
        return Faulty("error", text.strip())
    return text if text.strip() else None


def _proper(separator: str, escaped: bool) -> re.Pattern[str]:
    """A record whose quotation marks enclose whole cells."""
    s = re.escape(separator)
    cell = rf'(?>"(?>[^"\\]|\\.|"")*+"|(?!")(?>[^{s}\\]|\\.)*+)' if escaped else rf'(?>"(?>[^"]|"")*+"|(?!")[^{s}]*+)'
    return re.compile(rf"{cell}(?>{s}{cell})*+", re.DOTALL)


def _continued(record: Sequence[str]) -> bool:
    """Whether each line but the last ends in a backslash: MySQL's line break within a value."""
    return all(re.search(r"(?<!\\)(\\\\)*\\\r?\n?$", line) for line in record[:-1])


def _shape(cell: str) -> str:
    """What a value looks like: ``01-02-2024`` is 9-9-9, ``Groen en water`` is a a a."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", cell.strip(' \t\r\n"')))


def _shapes(records: Sequence[tuple[int, int, list[str], bool]], width: int) -> list[Counter[str]]:
    """Per column the shapes of its values in rows of one line."""
    found: list[Counter[str]] = [Counter() for _ in range(width)]
    for begin, end, cells, _ in records:
        if end == begin + 1 and len(cells) == width:
            for seen, cell in zip(found, cells, strict=True):
                seen[_shape(cell)] += 1
    return found


def _swallowed(
    record: Sequence[str], cells: Sequence[str], separator: str, width: int, shapes: list[Counter[str]]
) -> bool:
    """Whether a line within a record of several lines could be a row itself."""
    telling = _telling(cells, shapes)
    inner = record[1:-1]
    first = _alone(record[0], separator)
    if len(first) == width and all(_fits(c, t) for c, t in zip(first, telling, strict=False) if c[:1] != '"'):
        # The text that is open may have begun in the last column: then the record's last line can be a row as well.
        inner = record[1:]
    return any(_could_be_row(_alone(line, separator), width, telling) for line in inner if line.strip())


def _alone(line: str, separator: str) -> list[str]:
    return line.rstrip("\r\n").split(separator)


def _telling(cells: Sequence[str], shapes: list[Counter[str]]) -> list[set[str] | None]:
    """Per column the shapes that a value has there; None where they are too many to tell a row from other text. Where there
    are hardly any rows, what has figures in the record itself must have them."""
    rows = shapes[0].total() if shapes else 0
    if rows > 2:
        return [set(seen) if len(seen) <= max(2, rows // 4) else None for seen in shapes]
    return [{_shape(cell)} if "9" in _shape(cell) and "\n" not in cell else None for cell in cells]


def _fits(cell: str, telling: set[str] | None) -> bool:
    return telling is None or _shape(cell) in telling


def _could_be_row(cells: list[str], width: int, telling: list[set[str] | None]) -> bool:
    if not 2 <= len(cells) <= width or not all(map(_fits, cells, telling)):
        return False
    return len(cells) == width or any(t and "9" in _shape(cell) for cell, t in zip(cells, telling, strict=False))
