"""A figure, an area and the boundaries of areas, as pages and charts tell them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from warehouse.places import unnumbered
from warehouse.reading.published import MISSING_REASONS
from warehouse.serve.portal import dutch

#: The figures of one region and period that CBS marks as not final, and how.
PROVISIONAL = {"Voorlopig": "*", "NaderVoorlopig": "**"}
#: How CBS writes a figure that is not there (verklaring van tekens); what is not a sign of CBS is a word.
SIGNS = {
    "impossible": "n.v.t.",
    "confidential": "x",
    "not_available": ".",
    "suppressed": "x",
    "not_yet_published": "volgt",
    "unknown": ".",
}
#: The signs of figures that are not there, each with its reason.
MISSING = [(sign, MISSING_REASONS[reason]) for reason, sign in SIGNS.items()]


@dataclass(frozen=True)
class Area:
    """A region as pages name it.

    :param until: its last day, where it is there no more.
    """

    code: str
    name: str
    kind: str
    parent: str | None = None
    until: date | None = None

    @property
    def slug(self) -> str:
        """Its name in an address: ``reusel-de-mierden``."""
        return re.sub(r"[^a-z0-9]+", "-", unicodedata.normalize("NFKD", self.name).lower()).strip("-")

    @property
    def municipality(self) -> str | None:
        """The code of the municipality that it is or lies in."""
        return (
            self.code if self.kind == "gemeente" else f"GM{self.code[2:6]}" if self.kind in ("wijk", "buurt") else None
        )


@dataclass(frozen=True)
class Figure:
    """One figure with its label, as a page shows it.

    :param restricted: not for everyone: it is here because of the asker's key.
    """

    indicator: str
    version: int
    area: str
    area_name: str
    area_kind: str
    period: str
    start: date
    value: float | None
    unit: str
    decimals: int
    lower: float | None
    upper: float | None
    missing: str | None
    reason: str | None
    note: str | None
    status: str | None
    series_break: str | None
    reference: str | None
    geography: int | None
    method: str | None
    table: str | None
    attribution: str | None
    restricted: bool

    @property
    def text(self) -> str:
        """The number as it is written, or the sign that stands for it."""
        if self.value is None:
            return SIGNS.get(self.missing or "unknown", ".")
        return dutch.number(self.value, self.decimals)

    @property
    def why(self) -> str:
        """Why there is no number, in words."""
        said = self.reason or "onbekend"
        return f"{said} ({self.note.rstrip('.')})" if self.note and self.value is None else said

    @property
    def mark(self) -> str:
        return PROVISIONAL.get(self.status or "", "")

    @property
    def path(self) -> str:
        return f"/cijfer/{self.indicator}/{self.area}/{self.period}"


@dataclass(frozen=True)
class Boundaries:
    """Areas to draw a map on.

    :param year: of which division they are.
    :param shapes: name and GeoJSON geometry (WGS 84) by code.
    :param attribution: whose they are, as it is to be named.
    """

    year: int
    shapes: dict[str, tuple[str, dict[str, Any]]]
    attribution: str


def figure_of(row: dict[str, Any]) -> Figure:
    return Figure(
        indicator=row["indicator_id"],
        version=row["definition_version"],
        area=row["region_code"],
        area_name=short_name(row["region_name"] or row["region_code"]),
        area_kind=row["region_type"] or "",
        period=row["period_code"],
        start=row["start_date"],
        value=row["value"],
        unit=row["unit"] or "",
        decimals=row["decimals"] or 0,
        lower=row["lower_bound"],
        upper=row["upper_bound"],
        missing=row["missing_reason"],
        reason=row["reason"],
        note=row["note"],
        status=row["period_status"],
        series_break=row["series_break"],
        reference=row["reference_period"],
        geography=row["geography_year"],
        method=row["method"],
        table=row["table_id"],
        attribution=row["attribution"],
        restricted=bool(row["restricted"]),
    )


def short_name(name: str) -> str:
    """A wijk as people call it: without its number (``Wijk 02 Hapert``)."""
    return unnumbered(name)


def used_signs(figures: Iterable[Figure]) -> list[tuple[str, str]]:
    """The signs that stand in a table, each with what it means: what its key says."""
    found: dict[str, set[str]] = {}
    for figure in figures:
        if figure.value is None:
            found.setdefault(figure.text, set()).add(figure.reason or "onbekend")
        elif figure.mark:
            found.setdefault(figure.mark, set()).add(
                "voorlopig cijfer" if figure.mark == "*" else "nader voorlopig cijfer"
            )
    return [(sign, "; ".join(sorted(words))) for sign, words in sorted(found.items())]
