"""How figures, dates and periods are written in Dutch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from ingest.months import MONTHS

_PARTS = {"JJ": "", "HJ": "halfjaar", "KW": "kwartaal", "MM": "maand"}
_PERIOD = re.compile(r"(\d{4})(JJ|SJ|HJ|KW|MM)(\d\d)")


def number(value: float | None, decimals: int | None = None) -> str:
    """A number as Dutch writes it, rounded half away from zero: ``1.234,5``. Without ``decimals`` as exact as it is."""
    if value is None:
        return ""
    exact = Decimal(repr(float(value)))
    if decimals is not None:
        exact = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    elif exact == exact.to_integral_value():
        exact = exact.quantize(Decimal(1))
    if not exact:
        exact = abs(exact)  # no minus before a nought
    whole, _, part = f"{exact:,f}".partition(".")
    return whole.replace(",", ".").replace("-", "−") + (f",{part}" if part else "")


def day(value: date | datetime | str | None) -> str:
    """A date in words: ``1 januari 2026``."""
    if value is None:
        return ""
    found = date.fromisoformat(value[:10]) if isinstance(value, str) else value
    return f"{found.day} {MONTHS[found.month - 1]} {found.year}"


def month(value: date) -> str:
    """``juni 2027``."""
    return f"{MONTHS[value.month - 1]} {value.year}"


def period(code: str | None) -> str:
    """A period as people say it: ``2026``, ``eerste halfjaar 2024``, ``januari 2024``; any other code as it is."""
    if not (found := _PERIOD.fullmatch(code or "")):
        return code or ""
    year, kind, at = found[1], found[2], int(found[3])
    if kind == "JJ":
        return year
    if kind == "SJ":
        return f"schooljaar {year}-{int(year) + 1}"
    if kind == "MM":
        return f"{MONTHS[at - 1]} {year}" if 1 <= at <= 12 else str(code)
    return f"{at}e {_PARTS[kind]} {year}"


def reference(said: str | None) -> str:
    """What date a figure is about: ``op 1 januari 2026``, ``in 2024``, ``van 1 oktober 2023 tot en met 30 september 2024``."""
    if not said:
        return ""
    first, _, last = said.partition("/")
    if not last:
        return f"op {day(first)}"
    if first[5:] == "01-01" and last[5:] == "12-31":
        return f"in {first[:4]}" if first[:4] == last[:4] else f"in {first[:4]} tot en met {last[:4]}"
    return f"van {day(first)} tot en met {day(last)}"


def listed(items: list[str]) -> str:
    """``Bergeijk, Bladel en Eersel``."""
    return f"{', '.join(items[:-1])} en {items[-1]}" if len(items) > 1 else "".join(items)


def sentence(text: str) -> str:
    """With a capital in front."""
    return text[:1].upper() + text[1:]


_STARRED = re.compile(r"\*([^*]+)\*")
_REGION = re.compile(r"\b(?:GM\d{4}|WK\d{6}|BU\d{8})\b")


def spoken(text: str, names: Mapping[str, str]) -> str:
    """What a command says, for who reads a page: periods and regions by their names, and quotation marks for asterisks.

    :param names: of regions, by their codes.
    """
    text = _STARRED.sub(r"‘\1’", text)
    text = _REGION.sub(lambda found: names.get(found[0], found[0]), text)
    return _PERIOD.sub(lambda found: period(found[0]), text)
