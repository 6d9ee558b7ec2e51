"""What a definition says of its figures besides the figure: what date they are about, where their series breaks, and whether
they can be compared over time at all. Declared in the registry, never read from its wording.

What belongs here: the rules for a reference date that a definition may name, and how all of it is laid out for dbt, which
works out the days (``core.indicator_reference``) and the breaks (``core.indicator_value``).
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator

from ingest.months import MONTHS

if TYPE_CHECKING:
    from warehouse.registry.indicators import Registry

#: The whole period, its first or last day, or the first day of the period a year earlier (the value date of the WOZ).
WORDS = ("period", "start", "end", "previous_start")
#: The kinds of period that a rule may be given for, as ``core.period`` names them.
PERIOD_TYPES = ("jaar", "schooljaar", "halfjaar", "kwartaal", "maand", "dag")
_DAY = re.compile(r"\d\d-\d\d")
_CODE = re.compile(r"\d{4}[A-Z0-9]{2}\d\d|\d{8}")


def _rule(text: str) -> str:
    if text in WORDS:
        return text
    days = text.split("/")
    if len(days) > 2 or not all(_DAY.fullmatch(day) for day in days):
        raise ValueError(
            f"{text!r} is no rule for a reference date: write {', '.join(WORDS)}, a day of the period's year (10-01) or the "
            "first and last of some days (09-01/12-31)"
        )
    for day in days:
        try:
            date(2023, int(day[:2]), int(day[3:]))
        except ValueError:
            raise ValueError(
                f"{day} is no day that every year has; a day is written as month-day, such as 10-01"
            ) from None
    if days != sorted(days):
        raise ValueError(f"{text}: the last day comes before the first")
    return text


def _place(text: str) -> str:
    if text not in PERIOD_TYPES and not _CODE.fullmatch(text):
        raise ValueError(
            f"{text!r} is neither a kind of period ({', '.join(PERIOD_TYPES)}) nor the code of one (2025JJ00)"
        )
    return text


Rule = Annotated[str, AfterValidator(_rule)]
#: One rule for all, or a rule per kind of period or for a single period; what is not named is the whole period.
Reference = Rule | dict[Annotated[str, AfterValidator(_place)], Rule]


def rows(registry: Registry) -> dict[str, list[dict[str, Any]]]:
    """The labels as rows of ``raw.label`` (one per definition), ``raw.reference`` (``*`` stands for every kind of period) and
    ``raw.series_break``."""
    found: dict[str, list[dict[str, Any]]] = {"label": [], "reference": [], "series_break": []}
    for _, indicator in registry.indicators():
        for version in indicator.versions:
            key = {"indicator_id": indicator.id, "version": version.version}
            said = version.reference if isinstance(version.reference, dict) else {"*": version.reference}
            found["label"].append(
                key
                | {
                    "reference": in_words(version.reference),
                    "is_total": version.is_total,
                    "not_comparable": version.not_comparable,
                }
            )
            found["reference"] += [key | {"period": period, "rule": rule} for period, rule in said.items()]
            found["series_break"] += [key | {"first_period": b.first, "why": b.why} for b in version.breaks]
    return found


_IN_WORDS = {
    "period": "de hele periode",
    "start": "de eerste dag van de periode",
    "end": "de laatste dag van de periode",
    "previous_start": "de eerste dag van de periode een jaar eerder",
}


def in_words(reference: Reference) -> str:
    """A rule as a reader meets it, Dutch."""
    if isinstance(reference, dict):
        return "; ".join(f"{period}: {in_words(rule)}" for period, rule in reference.items())
    if reference in _IN_WORDS:
        return _IN_WORDS[reference]
    days = [f"{int(day[3:])} {MONTHS[int(day[:2]) - 1]}" for day in reference.split("/")]
    return f"{' tot en met '.join(days)} van het jaar"
