"""Dates as people and programs write them: what a text may mean, and in which order a whole column has day and month.

A time with a zone (``Z``, ``+00``) is brought to the Netherlands before its day is taken: 23:30 UTC on 31 December is in the
next year here. A date without a time never shifts, whatever stands behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any, Literal
from zoneinfo import ZoneInfo

HERE = ZoneInfo("Europe/Amsterdam")

Order = Literal["dmy", "mdy"]

_TIME = r"""
    (?:[T\s]+|,\s*)
    (?P<hour>\d{1,2})(?:[:.]?(?P<minute>\d{2})(?:[:.]?(?P<second>\d{2})(?:[.,]\d+)?)?)?
    \s*(?P<half>[ap]\.?\s?m\.?)?
    \s*(?:uur|u\.?|h)?
    \s*(?P<zone>Z|UTC|GMT|CES?T|MES?T|(?:UTC|GMT)?[-+\u2212]\d{1,2}(?::?\d{2}){0,2})?(?:\[[\w/+-]+\])?
"""
#: Of a date without a time (XML, GeoJSON) a zone says nothing.
_NO_TIME = r"(?:Z|[-+]\d{2}:\d{2})?"
_YEAR_FIRST = re.compile(
    rf"(?P<y>\d{{4}})(?P<sign>[-/.]?)(?P<m>\d{{1,2}})(?P=sign)(?P<d>\d{{1,2}})(?:{_TIME}|{_NO_TIME})", re.X | re.I
)
_YEAR_LAST = re.compile(
    rf"(?P<d>\d{{1,2}})(?P<sign>[-/.\s])\s?(?P<m>\d{{1,2}})(?P=sign)\s?(?P<y>\d{{4}})(?:{_TIME}|{_NO_TIME})",
    re.X | re.I,
)
_NAMED = {"Z": 0, "UTC": 0, "GMT": 0, "CET": 1, "MET": 1, "CEST": 2, "MEST": 2}

#: Of real dates three in five have a day over 12. Fewer than this, and it is a slip rather than another order.
LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Parts:
    """A date as it is written, before it is decided which of its numbers is the month."""

    match: re.Match[str]
    year_first: bool

    @property
    def first(self) -> int:
        return int(self.match["d"])

    @property
    def second(self) -> int:
        return int(self.match["m"])

    @property
    def half_day(self) -> bool:
        """Whether its time is one of twelve hours (AM, PM)."""
        return self.match["half"] is not None

    def day(self, order: Order) -> date:
        """The day in the Netherlands.

        :raises ValueError: there is no such day or time.
        """
        month, day = (self.second, self.first) if order == "dmy" or self.year_first else (self.first, self.second)
        whole = date(int(self.match["y"]), month, day)
        if self.match["hour"] is None:
            return whole
        hour, minute, second = (int(self.match[name] or 0) for name in ("hour", "minute", "second"))
        if self.half_day and hour <= 12:
            hour = hour % 12 + (12 if self.match["half"][0] in "pP" else 0)
        late = timedelta(days=1) if (hour, minute, second) == (24, 0, 0) else timedelta()
        moment = datetime(whole.year, whole.month, whole.day, 0 if late else hour, minute, min(second, 59)) + late
        if (zone := self.match["zone"]) is None:
            return moment.date()
        return moment.replace(tzinfo=_zone(zone)).astimezone(HERE).date()


def _zone(text: str) -> timezone:
    name = text.upper().replace("\u2212", "-")
    if name in _NAMED:
        return timezone(timedelta(hours=_NAMED[name]))
    digits = re.sub(r"\D", "", name)
    hours, rest = (
        (digits, "")
        if len(digits) <= 2
        else (digits[:-2], digits[-2:])
        if len(digits) <= 4
        else (digits[:2], digits[2:4])
    )
    offset = timedelta(hours=int(hours), minutes=int(rest or 0))
    return timezone(-offset if "-" in name else offset)


def parts(text: str) -> Parts | None:
    """None where it is no date at all."""
    text = text.strip()
    if len(text) > 60:
        return None
    if found := _YEAR_FIRST.fullmatch(text):
        # 20241231 has both months and days in two digits, or it is another number.
        joined = not found["sign"] and len(re.match(r"\d+", text)[0]) != 8  # type: ignore[index]
        return None if joined else Parts(found, True)
    if found := _YEAR_LAST.fullmatch(text):
        return Parts(found, False)
    return None


@dataclass(frozen=True)
class Decision:
    """The order of day and month of a column.

    :param doubt: two places that contradict each other (the second may be missing), when it can't be read.
    """

    order: Order = "dmy"
    doubt: tuple[int, int | None] | None = None


def decide(values: Iterable[Any]) -> Decision:
    """Day and month as the Dutch write them, unless the column is American: AM or PM, or months that don't exist."""
    seen = last = slashes = 0
    day_first: list[int] = []
    month_first: list[int] = []
    real: list[int] = []  # dates of a spreadsheet, all with a day that could be a month
    late = False  # one of them can't be
    half = None
    for at, value in enumerate(values):
        if isinstance(value, date):
            seen += 1
            real.append(at)
            late = late or value.day > 12
            continue
        found = parts(value) if isinstance(value, str) else None
        seen += found is not None
        if found is None or found.year_first:
            continue
        last += 1
        slashes += found.match["sign"] == "/"
        if found.half_day and half is None:
            half = at
        if found.first > 12 >= found.second:
            day_first.append(at)
        elif found.second > 12 >= found.first:
            month_first.append(at)
    enough = len(month_first) >= LEAST_SHARE * seen
    if month_first and day_first:
        # One slip in a clear column is that row's; more is a column out of two programs.
        few, many = sorted((day_first, month_first), key=len)
        if len(few) >= LEAST_SHARE * (len(few) + len(many)):
            return Decision(doubt=(day_first[0], month_first[0]))
        return Decision("dmy" if many is day_first else "mdy")
    if real and month_first and enough and not late:
        # A Dutch Excel that opened American dates: it took those that it could, day and month exchanged.
        return Decision(doubt=(month_first[0], real[0]))
    if day_first:
        return Decision()
    if half is not None:
        return Decision("mdy") if slashes == last else Decision(doubt=(half, None))
    if not month_first or 2 * last < seen:
        return Decision()
    if slashes == last and enough:
        return Decision("mdy")
    return Decision(doubt=(month_first[0], None))
