"""What is declared of a source table, whoever declares it: a publisher's file, the user, or a contract."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ingest.datacenter import here
from ingest.errors import MendableError
from ingest.protocols import known_protocol
from ingest.table.declaration import File

#: The same safe loader in C where it is there: ten times as quick, and every command reads the registry.
SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: How long a table may go without a new version before it counts as stale, per cadence. CBS publishes no machine
#: calendar, so these are the interval itself and half of it again.
CADENCE_DAYS = {"month": 46, "quarter": 137, "half_year": 274, "year": 548, "once": None}

PERIOD = re.compile(r"\d{4}(JJ00|SJ00|HJ0[12]|KW0[1-4]|MM(0[1-9]|1[0-2]))")


class RegistryError(MendableError, ValueError):
    """A declaration that can't be used; the message names file, table and field."""


def known_scope(value: str) -> str:
    """A scope under the one name that it has here: ``nederland``, or the slug of the region (also as ``region``).

    :raises ValueError: there is no such scope.
    """
    own = here().slug
    if value not in ("nederland", "region", own):
        raise ValueError(
            f"{value!r} is no scope; there are {own} (our municipalities and what they are compared with) and nederland"
        )
    return own if value == "region" else value


class StatedStatus(BaseModel):
    """The status of a table's periods as its explanation says it, where the periods themselves are all called Definitief.

    :param edition: day on which the source changed the table last, of the edition whose explanation was read.
    :param periods: the periods that are not final; one after the last of them is provisional until someone has read on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    edition: date
    periods: dict[str, Literal["Voorlopig", "NaderVoorlopig"]] = Field(min_length=1)

    @field_validator("periods")
    @classmethod
    def _period_codes(cls, value: dict[str, str]) -> dict[str, str]:
        for code in value:
            if not PERIOD.fullmatch(code):
                raise ValueError(f"{code!r} is not a CBS period code such as 2020JJ00, 2024KW01 or 2024MM12")
        return value


class Table(BaseModel):
    """One table of a publisher: where it is, what of it we take, and on which terms it may be shared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(
        pattern=r"^[0-9A-Za-z][0-9A-Za-z_-]*$", description="the publisher's identifier; its case is significant in v4"
    )
    title: str
    protocol: str
    catalog: Literal["cbs", "third-party"] = "cbs"
    cadence: Literal["month", "quarter", "half_year", "year", "once"]
    period: str | None = Field(None, description="the period of all figures, for a table without a time dimension")
    filter: str | None = Field(None, description="OData filter that declares the slice to take; none takes the table")
    scope: str = Field(
        "nederland",
        description="nederland: all regions; region (or the region's slug): its municipalities with their wijken and buurten, "
        "and what they are compared with",
    )
    via: Literal["odata", "csv"] = Field("odata", description="csv: the bulk file of v4, where that is cheaper")
    region_dimension: str | None = Field(
        None, description="of a table with two dimensions of regions: the one that its figures are about"
    )
    at: File | None = Field(None, description="protocol table: where the file is, and what its columns are")
    first_year: int | None = Field(None, ge=1990, description="protocol boundaries: the first year that is taken")
    columns: tuple[str, ...] = Field((), description="stems that are bound, checked when the table is taken in")
    owner: str | None = None
    licence: str | None = None
    attribution: str | None = None
    sharing_level: Literal["public", "partners", "municipality"] | None = None
    municipality: str | None = Field(None, description="whose table it is, where no other municipality may see it")
    on_request: bool = Field(False, description="ingested when asked for by id; kept fresh once it has a snapshot")
    due_day: int | None = Field(
        None,
        ge=1,
        le=28,
        description="of a delivery: the day of the month by which the one over the period before it is in",
    )
    why: str | None = Field(None, description="why this table, or why this protocol, in a sentence")
    stated_status: StatedStatus | None = Field(
        None, description="the status of periods, of a table that gives it in its explanation only"
    )
    # Filled in from the publisher and the file, never written by hand.
    source_id: str = ""
    file: str = ""

    @model_validator(mode="before")
    @classmethod
    def _as_before(cls, said: object) -> object:
        # Files that were written before what was seen had a place of its own (ingest/seen.py) say `verified`.
        return {k: v for k, v in said.items() if k != "verified"} if isinstance(said, dict) else said

    @field_validator("protocol")
    @classmethod
    def _registered(cls, value: str) -> str:
        return known_protocol(value)

    @field_validator("scope")
    @classmethod
    def _known_scope(cls, value: str) -> str:
        return known_scope(value)

    @field_validator("period")
    @classmethod
    def _period_code(cls, value: str | None) -> str | None:
        if value is not None and not PERIOD.fullmatch(value):
            raise ValueError(f"{value!r} is not a CBS period code such as 2020JJ00, 2024KW01 or 2024MM12")
        return value

    @model_validator(mode="after")
    def _bulk_is_whole(self) -> Table:
        if self.via == "csv" and (self.protocol != "v4" or self.filter is not None or self.scope != "nederland"):
            raise ValueError(
                "`via: csv` is the bulk file of a whole v4 table; it goes without `filter` and `scope: region`"
            )
        return self

    @model_validator(mode="after")
    def _whereabouts(self) -> Table:
        if (self.protocol == "table") != (self.at is not None):
            raise ValueError(
                "`at` says where a table of protocol `table` is, and what its columns are; no other table has it"
            )
        return self

    @model_validator(mode="after")
    def _years(self) -> Table:
        if (self.protocol == "boundaries") != (self.first_year is not None):
            raise ValueError("`first_year` says from which year on boundaries are taken; no other table has it")
        return self

    @property
    def max_age_days(self) -> int | None:
        return CADENCE_DAYS[self.cadence]
