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

from ingest.municipal.files import MOST_CELLS, Faulty, Row, Sheet, UnreadableError

#: What a spreadsheet leaves in its CSV where it had no value to show, in English and in Dutch; the last is a narrow column.
ERRORS = re.compile(
    r"#(?:DIV/0!|DEEL/0!|N/A|N/B|NAME\?|NAAM\?|NULL!|LEEG!|NUM!|GETAL!|REF!|VERW!|VALUE!|WAARDE!|SPILL!|OVERLOOP!"
    r"|CALC!|BEREKENEN!|GETTING_DATA|#{2,})"
)
#: A line that no delivery has: whoever takes it into a record is still within quotation marks.
_END = "\x1d"
_SAMPLE = 200
_FIGURE = re.compile(r"[\d\W]*\d[\d\W]*")


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
        if other.rank < found.rank:
            found = other
    if found.fault:
        raise UnreadableError(found.fault)
    return Sheet(1, found.rows)


# -- the separator ----------------------------------------------------------------------------------------------------


def _fit(lines: Sequence[str], separator: str) -> tuple[bool, int]:
    """How well a separator cuts: whether the line above the first figures has as many cells as these (a heading does; signs
    within values do not come in it), then how many lines have the usual number of cells, times that number less one."""
    rows = [cells for cells in csv.reader(lines, delimiter=separator) if cells]
    if 2 * len(rows) < len(lines):  # an open quotation mark
        rows = [cells for line in lines for cells in csv.reader([line], delimiter=separator) if cells]
    width = _usual(rows)
    first = next(
        (n for n, cells in enumerate(rows) if len(cells) == width and any(map(_FIGURE.fullmatch, cells))), None
    )
    headed = not first or (len(rows[first - 1]) == width and not any(map(_FIGURE.fullmatch, rows[first - 1])))
    return headed and width > 1, sum((width - 1) for cells in rows if len(cells) == width)


def _usual(rows: Sequence[Sequence[str]]) -> int:
    """The number of cells that says most: of a row, times how many have it."""
    widths = Counter(map(len, rows))
    return max(widths, key=lambda n: ((n - 1) * widths[n], widths[n]), default=0)


# -- rows -------------------------------------------------------------------------------------------------------------


@dataclass
class _Reading:
    """The rows under one way of writing quotation marks.

    :param fault: why they can't be believed, naming the line.
    :param rough: records in which a quotation mark stands where none should.
    :param odd: records with another number of cells than most.
    """

    rows: list[Row] = field(default_factory=list)
    fault: str = ""
    rough: int = 0
    odd: int = 0

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
                found.fault = _told(begin + 1, "wordt niet meer gesloten")
            break
        if not cells or (begin == 0 and cells[0].startswith("sep=")):
            continue
        cells_seen += len(cells)
        if cells_seen > MOST_CELLS:
            raise UnreadableError(f"Het bestand heeft meer dan {MOST_CELLS // 1_000_000} miljoen cellen.")
        record = "".join(lines[begin:before]) if before > begin + 1 else lines[begin]
        rough = '"' in record and not proper.fullmatch(record.rstrip("\r\n"))
        found.rough += rough
        records.append((begin, before, cells, rough))
    width = _usual([cells for begin, end, cells, _ in records if end == begin + 1])
    found.odd = sum(len(cells) != width for _, _, cells, _ in records)
    shapes: list[Counter[str]] | None = None
    for begin, end, cells, rough in records:
        if end > begin + 1 and not (escaped and _continued(lines[begin:end])):
            shapes = shapes if shapes is not None else _shapes(records, width)
            if rough or (len(cells) not in (1, width)):
                found.fault = _told(begin + 1, f"sluit pas op regel {end}, en daar niet goed")
            elif _swallowed(lines[begin:end], separator, width, shapes):
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


def _swallowed(record: Sequence[str], separator: str, width: int, shapes: list[Counter[str]]) -> bool:
    """Whether a line within a record of several lines could be a row itself."""
    inner = record[1:-1]
    if len(_alone(record[0], separator)) >= width:
        # The text that is open began in the last column: the record's last line can be a row as well.
        inner = record[1:]
    return any(_could_be_row(_alone(line, separator), width, shapes) for line in inner if line.strip())


def _alone(line: str, separator: str) -> list[str]:
    return line.rstrip("\r\n").split(separator)


def _could_be_row(cells: list[str], width: int, shapes: list[Counter[str]]) -> bool:
    if not 2 <= len(cells) <= width:
        return False
    rows = shapes[0].total() if shapes else 0
    telling = [n for n in range(len(cells)) if len(shapes[n]) <= max(2, rows // 4)] if rows > 2 else []
    matching = [n for n in telling if _shape(cells[n]) in shapes[n]]
    if len(matching) < len(telling):
        return False
    return len(cells) == width or any("9" in _shape(cells[n]) for n in matching)
