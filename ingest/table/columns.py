"""What the cells of a declared column mean: regions, periods, members, figures, each column read once from all its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ingest.attempt import LandingError
from ingest.declaration import Table
from ingest.files import dates, numbers, percents, periods, unnoticed
from ingest.files.sheet import Faulty, blank, plain
from ingest.municipal.personal import personal_class, quotable
from ingest.table.declaration import REASONS, WRITTEN, File, MeasureColumn, PeriodColumn
from ingest.table.grid import Grid, file_of

#: Of what does not fit, so many are named.
_EXAMPLES = 3

#: A region's code as CBS writes them, and what can be one in digits: of these no number is taken for that of a person.
_CODE = re.compile(r"[A-Z]{2}(?=.*\d)[A-Z0-9]+")
_PLACE = re.compile(r"(?i)([A-Z]{2} ?)?\d{1,8}(\.0)?")
#: ``2023/2024`` and ``2023-24``.
_SCHOOL_YEAR = re.compile(r"((?:19|20)\d\d) ?[-/–] ?(\d{4}|\d\d)")


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
    # Before anything of a cell is told, or becomes the name of something.
    for name in (*filter(None, [file.region.names]), *file.dimensions):
        _nobody(file, name, [member(v) for v in grid.columns[name]], grid)
        _valued(file, name, grid)
    regions, names = _regions(table, grid)
    members = {name: [member(v) for v in grid.columns[name]] for name in file.dimensions}
    figures = {m.key: _figures(file, m, grid) for m in file.measures}
    return Columns(regions, names, _period_codes(table, grid), members, figures)


def member(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if blank(value) else " ".join(str(value).split())


def _places(grid: Grid, wrong: Sequence[int], values: Sequence[Any]) -> str:
    named = "; ".join(f"line {grid.lines[n]}: {_told(values[n])}" for n in wrong[:_EXAMPLES])
    return named + (f" and {len(wrong) - _EXAMPLES:,} more" if len(wrong) > _EXAMPLES else "")


def _told(value: Any) -> str:
    """A cell as a message has it, without what may be about a person."""
    return value.shown or "a formula that was never calculated" if isinstance(value, Faulty) else quotable(value)


def _valued(file: File, name: str, grid: Grid) -> None:
    """That no cell of a column of texts is an error or a formula without a value: it would be taken for a member."""
    values = grid.columns[name]
    wrong = [n for n, v in enumerate(values) if isinstance(v, Faulty)]
    if wrong:
        raise LandingError(f"{file.url}: column {name} has cells without a value: {_places(grid, wrong, values)}")


def _nobody(file: File, name: str, values: Sequence[str | None], grid: Grid, first: int = 0) -> None:
    """Personal data is refused, wherever it comes from; the message has none of it.

    :param first: which row the first of the values is of.
    """
    for n, value in enumerate(values, first):
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
        if text and not _PLACE.fullmatch(text):
            _nobody(file, declared.column, [text], grid, n)
        if isinstance(value, Faulty) and not value.shown:
            wrong.append(n)
            codes.append(None)
            continue
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
        return bare if _CODE.fullmatch(bare) else None
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
    decision = dates.decide(values)
    # Which number of a date is the month shows in the whole column, or not at all.
    order = None if decision.doubt else decision.order
    wrong = []
    for n, value in enumerate(values):
        code = _period(value, file.period, order)
        if code is None:
            wrong.append(n)
        found.append(code or "")
    if wrong:
        raise LandingError(
            f"{file.url}: column {file.period.column} must have periods (2024, 2024JJ00, 2024 Q1, 2024-03, 31-12-2024; bare numbers "
            f"behind a year need `counts`), got {_places(grid, wrong, values)}"
        )
    return found


def _period(value: Any, declared: PeriodColumn, order: dates.Order | None) -> str | None:
    """CBS's code. A day is one of its own, or lies in the month that is counted, as a cell of a spreadsheet and as a text."""
    if isinstance(value, Faulty):
        return None
    if not isinstance(value, date):
        try:
            code = periods.code(value, declared.counts)
        except periods.UncountedError:
            return None
        if declared.school_year and code is None and (years := _SCHOOL_YEAR.fullmatch(member(value))):
            code = f"{years[1]}JJ00" if int(years[2]) == (int(years[1]) + 1) % 10 ** len(years[2]) else None
        if code is not None:
            return code[:4] + "SJ00" if declared.school_year and code.endswith("JJ00") else code
        written = dates.parts(member(value))
        if written is None or order is None:
            return None
        try:
            value = written.day(order)
        except (ValueError, OverflowError):
            return None
    if declared.counts not in (None, "month"):
        return None  # a spreadsheet makes the first of February of 2024-2
    return f"{value:%YMM%m}" if declared.counts else f"{value:%Y%m%d}"


def _figures(file: File, measure: MeasureColumn, grid: Grid) -> Figures:
    """A column of numbers, read once from all its rows."""
    column, cells = measure.column, grid.columns[measure.column]
    missing = {text.strip().casefold(): REASONS[reason] for text, reason in file.missing.items()}

    def reason(cell: Any) -> str | None:
        if isinstance(cell, Faulty):
            return next((missing[t.casefold()] for t in unnoticed.written(cell) if t.casefold() in missing), None)
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
    way = _percents(
        file, measure, grid, [None if why else cell for cell, why in zip(cells, reasons, strict=True)], texts
    )
    values: list[float | None] = []
    wrong = []
    for n, (cell, why) in enumerate(zip(cells, reasons, strict=True)):
        number = None if why else _number(percents.meaning(cell, way, decision.decimal), decision.decimal)
        if number is None and not why:
            wrong.append(n)
        values.append(number)
    if wrong:
        raise LandingError(
            f"{file.url}: column {column} must have numbers, got {_places(grid, wrong, cells)}. A text that stands for a missing number is "
            "declared under `missing`, with its reason"
        )
    return Figures(values, reasons)


def _percents(
    file: File, measure: MeasureColumn, grid: Grid, cells: Sequence[Any], texts: Sequence[numbers.Written | None]
) -> percents.Kept:
    """Whether 12,3% is 12.3 or 0.123 in a column: as its unit says.

    :raises LandingError: some of its cells are percentages and others are not, or its unit is none.
    """
    percent, bare = percents.shown(cells, texts)
    kept = percents.kept(measure.unit)
    if percent is not None and bare is not None:
        raise LandingError(
            f"{file.url}: column {measure.column} has percentages and bare numbers ({_places(grid, [percent, bare], cells)}), so what "
            "they are can't be seen"
        )
    if percent is not None and kept is None:
        raise LandingError(
            f"{file.url}: column {measure.column} has percentages ({_places(grid, [percent], cells)}), but its unit is "
            f"{measure.unit}; declare '%' or 'fractie'"
        )
    return kept or "number"


def _number(cell: Any, decimal: numbers.Decimals) -> float | None:
    if isinstance(cell, Faulty | bool | datetime | date):
        return None
    if isinstance(cell, str):
        found = numbers.written(cell)
        return float(found.meanings[decimal]) if found and decimal in found.meanings else None
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return None
    return number if number - number == 0 else None
