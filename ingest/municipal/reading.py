"""How the columns of a delivery are to be read, each decided once, from all its rows.

What one cell means often shows in its neighbours only: whether ``1.234`` is a thousand, whether ``2/3/2024`` is in March. A
column that shows two meanings at once stops the delivery: whichever were chosen, some figures would be wrong, and nobody
would see it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.files import dates, numbers, percents, periods
from ingest.files.dates import Order
from ingest.files.numbers import Decimals
from ingest.municipal.contract import Column, Contract


@dataclass(frozen=True)
class Reading:
    """How the cells of one column are read."""

    decimal: Decimals | None = None
    order: Order = "dmy"
    percent: percents.Kept = "number"


#: For a value that has no column around it: as it shows itself.
AS_IT_STANDS = Reading()


@dataclass(frozen=True)
class Cell:
    """A cell of a column, with where it stands as the sender is told it."""

    place: str
    value: Any


@dataclass
class Decided:
    """The reading of every column that needs one.

    :param problems: why the delivery can't be read, in Dutch, with where and never what.
    :param warnings: what was chosen although the file does not show it.
    """

    readings: dict[str, Reading] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def of(self, column: Column) -> Reading:
        return self.readings.get(column.name, Reading())


def matters(column: Column) -> bool:
    """Whether what a cell of it means may show in its neighbours only."""
    return column.type in ("integer", "decimal", "x", "y", "date", "period", "key")


def decide(contract: Contract, cells: Mapping[str, Sequence[Cell]]) -> Decided:
    """:param cells: per column of the contract all its cells, over all sheets."""
    decided = Decided()
    _numbers(contract, cells, decided)
    _dates(contract, cells, decided)
    _periods(contract, cells, decided)
    _keys(contract, cells, decided)
    return decided


def _numbers(contract: Contract, cells: Mapping[str, Sequence[Cell]], decided: Decided) -> None:
    undecided: dict[str, Cell] = {}
    shown: dict[str, list[str]] = {"comma": [], "point": []}
    for column in contract.columns:
        if column.type not in ("integer", "decimal", "x", "y"):
            continue
        own = [c for c in cells.get(column.name, ()) if column.reason(c.value) is None]
        texts = [numbers.written(c.value) if isinstance(c.value, str) else None for c in own]
        percent = _percent(contract, column, own, texts, decided) if column.type in ("integer", "decimal") else "number"
        if column.type in ("x", "y"):
            # A coordinate is seldom written in thousands: the one sign that it has is the decimal one.
            comma = any("," in c.value for c in own if isinstance(c.value, str))
            decision = numbers.decide(texts, None, "comma" if comma else "point")
        else:
            decision = numbers.decide(texts, contract.layout.decimal)
            if decision.shown:
                shown[decision.decimal].append(column.name)
            if decision.either is not None:
                undecided[column.name] = own[decision.either]
        decided.readings[column.name] = Reading(decision.decimal, percent=percent)
        if decision.doubt is not None:
            decided.problems.append(_doubt(column, own, decision.doubt))
        dashes = sum(1 for c in own if isinstance(c.value, str) and not c.value.strip("-\u2012\u2013\u2014\u2212 "))
        if dashes and column.empty and column.type in ("integer", "decimal"):
            decided.warnings.append(
                f"Kolom {column.name}: in {dashes} {'cel' if dashes == 1 else 'cellen'} staat een streepje. Gelezen is dat er geen "
                "cijfer is, niet dat het nul is. Laat in het contract zetten wat het betekent: `missing: {'-': nul}`, of een reden."
            )
    for name, cell in undecided.items():
        where = f"Kolom {name}: {cell.place} ({_shape(cell)}) kan met een decimale komma en met een decimale punt gelezen worden"
        if shown["point"]:
            decided.problems.append(
                f"{where}; andere kolommen ({', '.join(shown['point'])}) hebben een decimale punt. Schrijf de getallen zonder "
                "scheiding van duizendtallen, of laat `layout.decimal` in het contract zetten. Er is niets overgenomen."
            )
        elif not shown["comma"]:
            decided.warnings.append(
                f"{where}. Gelezen is met een decimale komma: 1.234 is een duizendtal, 1,234 niet. Klopt dat niet, laat dan "
                "`layout: {decimal: point}` in het contract zetten."
            )


def _percent(
    contract: Contract,
    column: Column,
    own: Sequence[Cell],
    texts: Sequence[numbers.Written | None],
    decided: Decided,
) -> percents.Kept:
    """Whether a percentage is kept as 12,3 or as 0,123: as the unit says."""
    shown, bare = percents.shown([cell.value for cell in own], texts)
    if shown is None:
        return "number"
    units = [column.unit, *(m.unit for m in contract.observation.measures if column.name in (m.sum, m.value))]
    kept = percents.kept(next((u for u in units if u), None))
    if bare is not None:
        decided.problems.append(
            f"Kolom {column.name} heeft percentages en gewone getallen door elkaar ({own[shown].place} en {own[bare].place}). Zet in alle "
            "cellen een percentage, of in geen enkele. Er is niets overgenomen."
        )
    elif kept is None:
        decided.problems.append(
            f"Kolom {column.name} heeft percentages ({own[shown].place}), maar de eenheid in het contract is geen percentage. Lever de "
            "getallen zoals afgesproken, of laat de eenheid ('%' of 'fractie') wijzigen. Er is niets overgenomen."
        )
    return kept or "number"


def _shape(cell: Cell) -> str:
    found = numbers.written(str(cell.value))
    return f"van de vorm {found.shape}" if found else "een getal"


def _doubt(column: Column, own: Sequence[Cell], doubt: numbers.Doubt) -> str:
    one = own[doubt.first]
    if doubt.kind == "against contract" or doubt.second is None:
        return (
            f"Kolom {column.name}: {one.place} ({_shape(one)}) past niet bij het decimaalteken van het contract "
            "(`layout.decimal`). Er is niets overgenomen; lever de getallen zoals afgesproken of laat het contract wijzigen."
        )
    other = own[doubt.second]
    return (
        f"Kolom {column.name} heeft getallen met een decimale komma en met een decimale punt door elkaar: {one.place} "
        f"({_shape(one)}) en {other.place} ({_shape(other)}). Wat een duizendtal is, is zo niet te zien. Schrijf alle getallen "
        "van de kolom op één manier. Er is niets overgenomen."
    )


def _dates(contract: Contract, cells: Mapping[str, Sequence[Cell]], decided: Decided) -> None:
    for column in contract.columns:
        if column.type != "date":
            continue
        own = cells.get(column.name, ())
        decision = dates.decide(c.value for c in own)
        decided.readings[column.name] = Reading(order=decision.order)
        if decision.doubt is not None:
            one, other = decision.doubt
            places = own[one].place if other is None else f"{own[one].place} en {own[other].place}"
            decided.problems.append(
                f"Kolom {column.name} heeft datums waarvan niet vaststaat wat de dag is en wat de maand ({places}). Schrijf alle "
                "datums van de kolom als dd-mm-jjjj of jjjj-mm-dd. Er is niets overgenomen."
            )
        elif decision.order == "mdy":
            decided.warnings.append(f"Kolom {column.name} is gelezen als Amerikaanse datums: maand/dag/jaar.")


def _periods(contract: Contract, cells: Mapping[str, Sequence[Cell]], decided: Decided) -> None:
    column = contract.by_name[contract.observation.period]
    if column.type != "period" or column.counts:
        return
    own = cells.get(column.name, ())
    at = periods.uncounted([c.value for c in own], contract.observation.period_type)
    if at is not None:
        decided.problems.append(
            f"Kolom {column.name}: {own[at].place} is een nummer achter een jaar, en geen nummer in de kolom is hoger dan 4. Zo is "
            "niet te zien of het maanden, kwartalen of halfjaren zijn. Schrijf 2024 Q1 of maart 2024, of laat `counts` in het "
            "contract zetten. Er is niets overgenomen."
        )


#: A spreadsheet keeps fifteen digits of a number, and makes zeros of the others.
KEPT_DIGITS = 15
_SCIENTIFIC = re.compile(r"(?i)\d(?:[.,]\d+)?E\+\d{1,3}")


def _keys(contract: Contract, cells: Mapping[str, Sequence[Cell]], decided: Decided) -> None:
    """Keys that went through a spreadsheet as numbers: several persons or cases have become one."""
    column = contract.of_type("key")
    if column is None:
        return
    own = cells.get(column.name, ())
    lost = next((c for c in own if _lost_digits(c.value)), None)
    if lost is None:
        long = [c for c in own if isinstance(c.value, str) and re.fullmatch(r"\s*[0-9]{16,}\s*", c.value)]
        keys = {c.value.strip() for c in long}
        zeros = [len(tail) if not (tail := key[KEPT_DIGITS:]).strip("0") else 0 for key in keys]
        # A key may end in a zero; that all of them do, or do and are the same, is the spreadsheet's doing.
        if zeros and all(zeros) and (sum(zeros) >= 3 or len(keys) < len(long)):
            lost = long[0]
    if lost is not None:
        decided.problems.append(
            f"Kolom {column.name}: {lost.place} heeft een sleutel van meer dan {KEPT_DIGITS} cijfers die als getal door een "
            "rekenblad is gegaan (zoals 1,23457E+15). Daarbij gaan cijfers verloren en worden verschillende sleutels gelijk. "
            "Exporteer rechtstreeks uit het systeem naar CSV zonder het bestand in Excel te openen en op te slaan, of zet de "
            "kolom op Tekst voordat de sleutels erin komen. Er is niets overgenomen."
        )


def _lost_digits(value: Any) -> bool:
    if isinstance(value, float):
        return abs(value) >= 10**KEPT_DIGITS
    return isinstance(value, str) and _SCIENTIFIC.fullmatch(value.strip()) is not None
