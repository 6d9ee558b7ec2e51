"""What the cells of a declared column mean: regions, periods, members, figures, each column read once from all its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ingest.attempt import LandingError
from ingest.declaration import Table
from ingest.files import numbers, periods
from ingest.files.sheet import Faulty, blank, plain
from ingest.municipal.personal import personal_class
from ingest.table.declaration import REASONS, WRITTEN, File
from ingest.table.grid import Grid, file_of
from ingest.words import shown

#: Of what does not fit, so many are named.
_EXAMPLES = 3


@dataclass(frozen=True)
class Figures:
    """Numbers, and for each that is missing why, as StatLine's ``ValueAttribute`` has it."""

    values: list[float | None]
    reasons: list[str | None]


@dataclass(frozen=True)
class Columns:
    """What every row says, column by column.

    :param regions: codes; None for a row that is declared to be about no region.
    :param names: the regions' names, as far as the file has them.
    :param periods: codes; empty texts where the period of the whole table is declared.
    :param members: per further dimension.
    :param figures: per measure, by its key.
    """

    regions: list[str | None]
    names: dict[str, str]
    periods: list[str]
    members: dict[str, list[str]]
    figures: dict[str, Figures]


def typed(table: Table, grid: Grid) -> Columns:
    """:raises LandingError: a cell is not what its column is declared to be; with its line."""
    file = file_of(table)
    regions, names = _regions(table, grid)
    members = {name: [member(v) for v in grid.columns[name]] for name in file.dimensions}
    for name, values in {**members, file.region.column: regions}.items():
        _nobody(file, name, values, grid)
    figures = {m.key: _figures(file, m.column, grid) for m in file.measures}
    return Columns(regions, names, _period_codes(table, grid), members, figures)


def member(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if blank(value) else " ".join(str(value).split())


def _places(grid: Grid, wrong: Sequence[int], values: Sequence[Any]) -> str:
    named = "; ".join(f"line {grid.lines[n]}: {shown(repr(values[n]), 60)}" for n in wrong[:_EXAMPLES])
    return named + (f" and {len(wrong) - _EXAMPLES:,} more" if len(wrong) > _EXAMPLES else "")


def _nobody(file: File, name: str, values: Sequence[str | None], grid: Grid) -> None:
    """Personal data is refused, wherever it comes from; the message has none of it."""
    for n, value in enumerate(values):
        if value and (found := personal_class(value)):
            raise LandingError(
                f"{file.url}: column {name}, line {grid.lines[n]} has what looks like personal data ({found}); nothing of the file "
                "is kept"
            )


def _regions(table: Table, grid: Grid) -> tuple[list[str | None], dict[str, str]]:
    """Per row its region's code, None for a row that is declared to be about none; and the names that the file has."""
    file = file_of(table)
    declared, values = file.region, grid.columns[file.region.column]
    others = {plain(text) for text in declared.others}
    codes: list[str | None] = []
    wrong = []
    for n, value in enumerate(values):
        text = member(value)
        if plain(text) in others and (text or "" in declared.others):
            codes.append(None)
            continue
        code = _code(text, declared.written)
        if code is None:
            wrong.append(n)
        codes.append(code)
    if wrong:
        raise LandingError(
            f"{file.url}: column {declared.column} must have codes of regions ({declared.written}), got {_places(grid, wrong, values)}. "
            f"Rows about no region are declared under `region.others` of {table.id} in {table.file}"
        )
    names: dict[str, str] = {}
    if declared.names:
        for code, name in zip(codes, grid.columns[declared.names], strict=True):
            if code is not None:
                names[code] = member(name)
    return codes, names


def _code(text: str, written: str) -> str | None:
    bare = "".join(text.split()).upper()
    if written == "code":
        return bare if len(bare) > 2 and bare[:2].isalpha() and bare[2:].isalnum() else None
    letters, width = WRITTEN[written]
    digits = bare.removeprefix(letters).removesuffix(".0")
    return letters + digits.zfill(width) if digits.isascii() and digits.isdecimal() and len(digits) <= width else None


def _period_codes(table: Table, grid: Grid) -> list[str]:
    file = file_of(table)
    if file.period is None:
        if table.period is None:
            raise LandingError(
                f"{table.id} has no column of periods, so its period must be declared: add `period:` (such as 2024JJ00) in {table.file}"
            )
        return [""] * len(grid.lines)
    values = grid.columns[file.period.column]
    found: list[str] = []
    wrong = []
    for n, value in enumerate(values):
        try:
            code = _period(value, file.period.counts)
        except periods.UncountedError:
            code = None
        if code is None:
            wrong.append(n)
        elif file.period.school_year and code.endswith("JJ00"):
            code = code[:4] + "SJ00"
        found.append(code or "")
    if wrong:
        raise LandingError(
            f"{file.url}: column {file.period.column} must have periods (2024, 2024JJ00, 2024 Q1, 2024-03; bare numbers behind a year "
            f"need `counts`), got {_places(grid, wrong, values)}"
        )
    return found


def _period(value: Any, counts: Any) -> str | None:
    if isinstance(value, datetime | date):
        return f"{value:%Y%m%d}"
    return periods.code(value, counts)


def _figures(file: File, column: str, grid: Grid) -> Figures:
    """A column of numbers, read once from all its rows."""
    cells = grid.columns[column]
    missing = {text.strip().casefold(): REASONS[reason] for text, reason in file.missing.items()}

    def reason(cell: Any) -> str | None:
        text = "" if blank(cell) else str(cell).strip()
        return missing.get(text.casefold()) or (None if text else REASONS["unknown"])

    reasons = [reason(cell) for cell in cells]
    texts = [
        numbers.written(cell) if isinstance(cell, str) and not why else None
        for cell, why in zip(cells, reasons, strict=True)
    ]
    decision = numbers.decide(texts, file.decimal, "point")
    if decision.doubt is not None:
        doubt = [n for n in (decision.doubt.first, decision.doubt.second) if n is not None]
        raise LandingError(
            f"{file.url}: column {column} has numbers that can't be read in one way ({_places(grid, doubt, cells)}); say which "
            "sign stands before the decimals with `decimal: comma` or `decimal: point`"
        )
    if decision.either is not None and file.decimal is None:
        raise LandingError(
            f"{file.url}: column {column} can be read with a decimal comma and with a decimal point "
            f"({_places(grid, [decision.either], cells)}); say which with `decimal: comma` or `decimal: point`"
        )
    values: list[float | None] = []
    wrong = []
    for n, (cell, why) in enumerate(zip(cells, reasons, strict=True)):
        number = None if why else _number(cell, decision.decimal)
        if number is None and not why:
            wrong.append(n)
        values.append(number)
    if wrong:
        raise LandingError(
            f"{file.url}: column {column} must have numbers, got {_places(grid, wrong, cells)}. A text that stands for a missing number is "
            "declared under `missing`, with its reason"
        )
    return Figures(values, reasons)


def _number(cell: Any, decimal: numbers.Decimals) -> float | None:
    if isinstance(cell, Faulty | bool | datetime | date):
        return None
    if isinstance(cell, str):
        found = numbers.written(cell)
        meaning = found.meaning(decimal) if found and not found.percent else None
        return None if meaning is None or decimal not in (found.meanings if found else {}) else float(meaning)
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return None
    return number if number - number == 0 else None
