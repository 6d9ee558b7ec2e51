"""Periods as people write them, as CBS's codes: ``2024``, ``maart 2024``, ``2024 Q1``, ``1e halfjaar 2024``.

A bare number (``2024-1``) may count months, quarters or half-years, and reads as well either way; only a contract can say which.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from statistics import median
from typing import Any, Literal

Counts = Literal["month", "quarter", "half_year"]

_YEAR = r"(?P<y>(?:19|20)\d\d)"
_CODES: dict[Counts, str] = {"month": "MM", "quarter": "KW", "half_year": "HJ"}
_MOST: dict[Counts, int] = {"month": 12, "quarter": 4, "half_year": 2}
_WORDS: dict[str, Counts] = {
    **dict.fromkeys(("q", "k", "kw", "kwt", "kwartaal"), "quarter"),
    **dict.fromkeys(("h", "hj", "halfjaar", "half jaar"), "half_year"),
    **dict.fromkeys(("m", "mm", "maand"), "month"),
}
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            *("jan januari", "feb februari", "mrt maart", "apr april", "mei", "jun juni"),
            *("jul juli", "aug augustus", "sep sept september", "okt oktober", "nov november", "dec december"),
        ),
        1,
    )
    for name in names.split()
}
_WORD = "(?P<word>" + "|".join(sorted(_WORDS, key=len, reverse=True)) + ")"
_NAMED = tuple(
    re.compile(form)
    for form in (
        rf"{_YEAR}[-/ ]?{_WORD}[-. ]?0?(?P<n>\d{{1,2}})",
        rf"{_YEAR}[-/, ]*(?P<n>\d{{1,2}})(?:e|de|ste) {_WORD}",
        rf"{_WORD}[-. ]?0?(?P<n>\d{{1,2}})[-/, ]+{_YEAR}",
        rf"(?P<n>\d{{1,2}})(?:e|de|ste)? ?{_WORD}[-/, ]*{_YEAR}",
    )
)
_BARE = (re.compile(rf"{_YEAR} ?[-/]? ?(?P<n>\d{{1,2}})"), re.compile(rf"(?P<n>\d{{1,2}}) ?[-/ ] ?{_YEAR}"))
_MONTH = (re.compile(rf"(?P<month>[a-z]+)\.?[-/ ]+{_YEAR}"), re.compile(rf"{_YEAR}[-/ ]+(?P<month>[a-z]+)\.?"))

#: A year this far from all others of a delivery is a slip, if hardly any row has it.
FAR = 8


class UncountedError(Exception):
    """A bare number, of which nothing says what it counts."""


def _text(value: Any) -> str:
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    return " ".join(str(whole).lower().split())


def bare(value: Any) -> str | None:
    """The digits of a number behind a year (``1`` of ``2024-1``), if it is no more than that."""
    found = next(filter(None, (form.fullmatch(_text(value)) for form in _BARE)), None)
    return found["n"] if found else None


def code(value: Any, counts: Counts | None = None) -> str | None:
    """CBS's code, or None where it is no period.

    :param counts: what bare numbers count. Without it, two digits are a month, as ISO 8601 has it.
    :raises UncountedError: one digit, which may be anything.
    """
    text = _text(value)
    if re.fullmatch(r"\d{4}(jj00|sj00|hj0[12]|kw0[1-4]|mm(0[1-9]|1[0-2]))", text):
        return text.upper()
    if re.fullmatch(_YEAR, text):
        return f"{text}JJ00"
    for form in _NAMED:
        if found := form.fullmatch(text):
            return _numbered(found["y"], _WORDS[found["word"]], int(found["n"]))
    for form in _MONTH:
        if (found := form.fullmatch(text)) and found["month"] in _MONTHS:
            return f"{found['y']}MM{_MONTHS[found['month']]:02d}"
    for form in _BARE:
        if found := form.fullmatch(text):
            if counts is None and len(found["n"]) == 1:
                raise UncountedError
            return _numbered(found["y"], counts or "month", int(found["n"]))
    return None


def _numbered(year: str, kind: Counts, number: int) -> str | None:
    return f"{year}{_CODES[kind]}{number:02d}" if 1 <= number <= _MOST[kind] else None


def uncounted(values: Sequence[Any], kind: str) -> int | None:
    """The first place of a column of which the bare numbers may be months as well as quarters or half-years, although they are
    written like months: where quarters or half-years are counted up, and none is higher than a quarter's."""
    if kind not in ("quarter", "half_year"):
        return None
    numbers: dict[int, int] = {}
    starts = True
    for at, value in enumerate(values):
        if isinstance(value, date):
            # A spreadsheet makes the first of February of 2024-2.
            if value.day == 1:
                numbers.setdefault(value.month, at)
                starts = starts and value.month in (1, 4, 7, 10)
        elif (digits := bare(value)) and len(digits) == 2:
            numbers.setdefault(int(digits), at)
            starts = False
    higher = [at for number, at in numbers.items() if number > 1]
    return higher[0] if higher and not starts and max(numbers) <= _MOST["quarter"] else None


def far_years(years: Iterable[int]) -> set[int]:
    """Years far outside the others of a delivery, that hardly any row has: slips (2042 for 2024)."""
    counted = Counter(years)
    groups: list[list[int]] = []
    for year in sorted(counted):
        if groups and year - groups[-1][-1] < FAR:
            groups[-1].append(year)
        else:
            groups.append([year])
    if len(groups) < 2:
        return set()
    most = max(groups, key=lambda g: sum(counted[y] for y in g))
    usual = median(counted[y] for y in most)
    rare = max(1.0, 0.05 * counted.total())
    return {
        year
        for group in groups
        if group is not most and sum(counted[y] for y in group) <= rare
        for year in group
        if 4 * counted[year] <= usual
    }
