"""What must be said of a file at a URL before it can be a table: where it is, and what its columns are."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ingest.errors import address

#: Reasons that a publisher can give for a missing number, as StatLine writes them in v4 (``ValueAttribute``).
REASONS = {
    "impossible": "Impossible",
    "confidential": "Confidential",
    "not_available": "NotAvailable",
    "unknown": "Unknown",
}
Reason = Literal["impossible", "confidential", "not_available", "unknown"]

#: How a publisher writes a region, and what stands before its digits in CBS's codes, with how many of them.
WRITTEN: dict[str, tuple[str, int]] = {
    "gemeente": ("GM", 4),
    "wijk": ("WK", 6),
    "buurt": ("BU", 8),
    "provincie": ("PV", 2),
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RegionColumn(_Strict):
    """The column that says where.

    :param written: ``code``: CBS's own (GM0770); ``gemeente``, ``wijk``, ``buurt`` or ``provincie``: its digits, with or without
        the letters and the leading zeros.
    :param names: the column with the region's name, if there is one.
    :param others: what stands there in rows that are about no region (``Onbekend``, ``Totaal``); such rows are left out and told.
    """

    column: str
    written: Literal["code", "gemeente", "wijk", "buurt", "provincie"] = "code"
    names: str | None = None
    others: tuple[str, ...] = ()


class PeriodColumn(_Strict):
    """The column that says when: years, CBS's codes, dates, or words such as ``2024 Q1``.

    :param counts: what a bare number behind a year counts (``2024-1``).
    :param school_year: a year is the school year that begins in it.
    """

    column: str
    counts: Literal["month", "quarter", "half_year"] | None = None
    school_year: bool = False


class MeasureColumn(_Strict):
    """A column with figures.

    :param code: its key in the warehouse; made from the column's name by default.
    """

    column: str
    title: str
    unit: str
    code: str = Field("", pattern=r"^([A-Za-z]\w*)?$")
    decimals: int = Field(0, ge=0, le=6)
    description: str | None = None

    @property
    def key(self) -> str:
        return self.code or keyed(self.column)


class File(_Strict):
    """A file at a URL, and what its columns are. Every other column is left out.

    :param sheet: of a spreadsheet the one with the table, by its name; the first by default.
    :param decimal: the sign before the decimals, where the numbers themselves do not show it.
    :param dimensions: columns that tell figures of one region and period apart (an age group, a kind of school).
    :param missing: texts that stand where a number is missing, and why it is.
    """

    url: str
    region: RegionColumn
    period: PeriodColumn | None = None
    measures: tuple[MeasureColumn, ...] = Field(min_length=1)
    dimensions: tuple[str, ...] = ()
    sheet: str | None = None
    decimal: Literal["comma", "point"] | None = None
    missing: dict[str, Reason] = Field(default_factory=dict)

    @field_validator("url")
    @classmethod
    def _no_secret(cls, value: str) -> str:
        return address(value, "; an address that needs one is not for this protocol")

    @model_validator(mode="after")
    def _each_once(self) -> File:
        named = [self.region.column, *([self.period.column] if self.period else []), *self.dimensions]
        named += [m.column for m in self.measures]
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"a column is one thing: {', '.join(twice)} stands twice")
        keys = [m.key for m in self.measures] + [keyed(name) for name in self.dimensions]
        if twice := sorted({key for key in keys if keys.count(key) > 1 or key.lower() in _TAKEN}):
            raise ValueError(f"give a `code` of its own to the columns that would be called {', '.join(twice)}")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is used, by its heading."""
        return (
            *(self.region.column, *([self.region.names] if self.region.names else [])),
            *([self.period.column] if self.period else []),
            *self.dimensions,
            *(m.column for m in self.measures),
        )


#: Columns that every landed table has.
_TAKEN = {"id", "measure", "value", "valueattribute", "stringvalue", "origin", "region", "period"}
REGION, PERIOD = "Region", "Period"


def keyed(heading: str) -> str:
    """A heading as a key: ``Aantal leerlingen`` is ``AantalLeerlingen``."""
    words = re.findall(r"[^\W_]+", heading)
    return "".join(word[:1].upper() + word[1:] for word in words) or "Kolom"
