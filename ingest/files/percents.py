"""Percentages: what a cell that shows one means in the unit of its column. A spreadsheet keeps 12,3% as 0.123, a CSV as a text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

from ingest.files.numbers import Decimals, Written, written
from ingest.files.sheet import Percent

#: Whether 12,3% is kept as 12.3 or as 0.123.
Kept = Literal["number", "fraction"]

#: Units in which 12,3% is written 0,123.
_FRACTIONS = {"fractie", "aandeel", "deel", "ratio", "verhouding", "quote", "1", "fraction", "share", "proportion"}


def kept(unit: str | None) -> Kept | None:
    """As the unit says; None where it is no percentage. Without a unit 12,3% is 12.3."""
    words = " ".join((unit or "").lower().split())
    if words in _FRACTIONS:
        return "fraction"
    return "number" if not words or re.match(r"%|procent|percent", words) else None


def shown(cells: Sequence[Any], texts: Sequence[Written | None]) -> tuple[int | None, int | None]:
    """The first cell of a column that shows a percentage, and the first number without the sign. A zero is one with it and
    without.

    :param texts: per cell what :func:`ingest.files.numbers.written` makes of it, where it is a text.
    """
    percent = bare = None
    for at, (cell, found) in enumerate(zip(cells, texts, strict=True)):
        if isinstance(cell, Percent) or (found and found.percent):
            percent = at if percent is None else percent
        elif (isinstance(cell, int | float) and cell) or (found and any(found.meanings.values())):
            bare = at if bare is None else bare
    return percent, bare


def meaning(value: Any, way: Kept, decimal: Decimals | None) -> Any:
    """A cell that shows a percentage as its number in the unit of its column; any other as it is."""
    if isinstance(value, Percent):
        return value if way == "fraction" else float(Decimal(repr(float(value))) * 100)
    if way == "fraction" and isinstance(value, str) and (found := written(value)) and found.percent:
        number = found.meaning(decimal)
        return value if number is None else float(number / 100)
    return value
