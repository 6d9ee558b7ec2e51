"""The rows of a sheet that are data, by column of the contract; totals, headings and notes are counted by kind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ingest.files import sheet, unnoticed
from ingest.files.sheet import Faulty, Header, Row, Sheet, blank, plain
from ingest.municipal.contract import Column, Contract
from ingest.municipal.header import Shape, shape_of
from ingest.municipal.record import Intake
from ingest.municipal.region import Geography, NoRegionError
from ingest.municipal.values import BadValueError, agreed, nothing, parse


def lines_of(
    intake: Intake,
    contract: Contract,
    sheet: Sheet,
    header: Header,
    name: str,
    geography: Geography,
) -> list[Line]:
    """The lines of a sheet that are data; the others are counted by kind."""
    body = [row for row in sheet.rows[header.last + 1 :] if row.filled]
    shape = shape_of(intake, contract, sheet, header)
    if shape is None:
        intake.received += len(body)
        intake.withheld += len(body)
        return []
    heads = {plain(n) for names in header.names for n in names if n}
    width = len(header.names)
    section: Any = None
    lines: list[Line] = []
    last_data = max((n for n, row in enumerate(body) if len(row.filled) > 1), default=-1)
    columns = {at: contract.by_name[key] for _, group in shape.groups for key, at in (shape.shared | group).items()}
    labels = [shape.shared[c.name] for c in contract.columns if c.type not in _NUMBERS and c.name in shape.shared]
    for n, row in enumerate(body):
        only = row.cells[row.filled[0]] if len(row.filled) == 1 else None
        if contract.layout.section and only is not None and (value := _section(only, contract, geography)) is not None:
            section = value
            intake.received += 1
            intake.dropped["tussenkoppen"] += 1
        elif _is_total(row, labels, columns):
            intake.received += 1
            intake.dropped["totalen"] += 1
        elif len(row.filled) > 1 and {plain(row.cells[c]) for c in row.filled} <= heads and _repeats(row, header):
            intake.received += 1
            intake.dropped["herhaalde koppen"] += 1
        elif only is not None and width > 1 and n > last_data and isinstance(only, str):
            intake.received += 1
            intake.dropped["voetnoten"] += 1
        else:
            lines += _lines(intake, contract, sheet, row, shape, section, name, width)
    _faults(intake, sheet, body)
    return lines


def _faults(intake: Intake, sheet: Sheet, body: list[Row]) -> None:
    """Cells without a value: in what is taken in they stop the file, for what they stand for would be missing in the totals."""
    found = unnoticed.faults(body)
    counting = {place: cell for place, cell in found.items() if (sheet.number, place) in intake.faults}
    if counting:
        intake.stop(
            unnoticed.in_words(sheet, counting)
            + " Open het bestand in Excel, laat het rekenen, herstel de fouten, sla het op en lever het opnieuw."
        )
    if rest := {place: cell for place, cell in found.items() if place not in counting}:
        intake.warnings.append(unnoticed.in_words(sheet, rest) + " Die cellen tellen niet mee.")


#: Types of columns in which no word stands that could say «Totaal».
_NUMBERS = ("integer", "decimal", "x", "y", "date", "key")


def _repeats(row: Row, header: Header) -> bool:
    return any(
        plain(row.cells[c]) == plain(names[-1]) for c, names in enumerate(header.names) if c in row.filled and names[-1]
    )


def _is_total(row: Row, labels: list[int], columns: Mapping[int, Column]) -> bool:
    """A word such as «Totaal» where a row's first text or one of its labels stands, unless it is an agreed value there."""
    first = next((at for at in row.filled if isinstance(row.cells[at], str)), None)
    places = [*([] if first is None else [first]), *(at for at in labels if at < len(row.cells))]
    return any(
        isinstance(text := row.cells[at], str)
        and len(text) < 60
        and sheet.TOTAL_WORDS.match(text) is not None
        and (not agreed(text, columns[at]) if at in columns else _is_label(text, row, columns))
        for at in places
    )


def _is_label(text: str, row: Row, columns: Mapping[int, Column]) -> bool:
    """Whether a text of a dropped column is the label of a totals row, and not somebody's «Totaal kapotte lantaarn»: of such a
    row nothing is missing."""
    needed = [at for at, column in columns.items() if column.required and not column.empty]
    return len(text.split()) < 3 or any(at >= len(row.cells) or blank(row.cells[at]) for at in needed)


def _section(value: Any, contract: Contract, geography: Geography) -> Any:
    """The value of a heading above a block of rows, if it is one."""
    if isinstance(value, Faulty):
        return None
    column = contract.by_name[contract.layout.section or ""]
    try:
        if column.type == "gemeente":
            geography.gemeente(value, column.synonyms)
        elif column.type == "region":
            return None
        else:
            parse(value, column)
    except (BadValueError, NoRegionError):
        return None
    return value


@dataclass(frozen=True)
class Line:
    """A row of data by column of the contract; of a row with years side by side there is one per year.

    :param outside: filled cells beside the columns of the header, by their letter.
    """

    sheet: int
    number: int
    cells: dict[str, Any]
    outside: tuple[tuple[str, Any], ...] = ()


def _lines(
    intake: Intake, contract: Contract, sheet: Sheet, row: Row, shape: Shape, section: Any, name: str, width: int
) -> Iterator[Line]:
    columns = contract.by_name
    outside = tuple((unnoticed.letter(at), row.cells[at]) for at in row.filled if at >= width)
    for above, group in shape.groups:
        places = shape.shared | group
        cells = {key: row.cells[at] if at < len(row.cells) else None for key, at in places.items()}
        if group and all(nothing(cells[key]) for key in group):
            continue  # nothing stands under this heading
        if above:
            cells[contract.layout.spread or ""] = above
        if section is not None and blank(cells.get(contract.layout.section or "")):
            cells[contract.layout.section or ""] = section
        if contract.layout.file_year and blank(cells.get(contract.layout.file_year)):
            year = re.search(r"(?<!\d)20\d\d(?!\d)", name)
            cells[contract.layout.file_year] = year[0] if year else None
        for key, at in places.items():
            fault = cells[key]
            if not isinstance(fault, Faulty):
                continue
            if sign := next((s for s in unnoticed.written(fault) if columns[key].reason(s)), None):
                cells[key] = sign  # the contract says why there is no number
            else:
                intake.faults.add((sheet.number, f"{unnoticed.letter(at)}{row.line}"))
        yield Line(sheet.number, row.line, cells, outside)
