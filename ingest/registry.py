"""What we ingest, declared: one YAML file per publisher, plus the user's own in ``$RDC_HOME/sources``.

Municipal sources are declared as contracts, one file each (:mod:`ingest.municipal.contract`); here each is a table too.

A source table is declared, never coded. A declaration that can't be used is an error that names file, table and
field, so that whoever edits the file knows where to look.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from ingest.datacenter import here
from ingest.protocols import known_protocol
from ingest.storage import durable
from ingest.table.declaration import File

if TYPE_CHECKING:
    from ingest.municipal.contract import Contract

SHIPPED = Path(__file__).parent / "sources"

#: The same safe loader in C where it is there: ten times as quick, and every command reads the registry.
SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: How long a table may go without a new version before it counts as stale, per cadence. CBS publishes no machine
#: calendar, so these are the interval itself and half of it again.
CADENCE_DAYS = {"month": 46, "quarter": 137, "half_year": 274, "year": 548, "once": None}

PERIOD = re.compile(r"\d{4}(JJ00|SJ00|HJ0[12]|KW0[1-4]|MM(0[1-9]|1[0-2]))")


class RegistryError(ValueError):
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
    columns: tuple[str, ...] = Field((), description="stems that are bound, checked when the table is taken in")
    owner: str | None = None
    licence: str | None = None
    attribution: str | None = None
    sharing_level: Literal["public", "partners", "municipality"] | None = None
    municipality: str | None = Field(None, description="whose table it is, where no other municipality may see it")
    on_request: bool = Field(False, description="ingested when asked for by id; kept fresh once it has a snapshot")
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

    @property
    def max_age_days(self) -> int | None:
        return CADENCE_DAYS[self.cadence]


class Publisher(BaseModel):
    """A file of declarations: the publisher's terms and its tables."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source_id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    licence: str
    attribution: str
    owner: str
    sharing_level: Literal["public", "partners", "municipality"] = "public"
    tables: list[Table]

    @model_validator(mode="after")
    def _no_table_twice(self) -> Publisher:
        seen: set[str] = set()
        for table in self.tables:
            if table.protocol == "municipal":
                raise ValueError(f"table {table.id}: a municipal source is a contract, a file of its own in municipal/")
            if table.id in seen:
                raise ValueError(f"table {table.id} is declared twice")
            seen.add(table.id)
        return self


class Registry:
    """All declared tables, by id; ``contracts`` says more of those that municipalities deliver."""

    def __init__(self, tables: dict[str, Table], contracts: dict[str, Contract] | None = None) -> None:
        self.tables = tables
        self.contracts = contracts or {}

    @classmethod
    def load(cls, own: Path | None = None, shipped: Path = SHIPPED) -> Registry:
        """Read the shipped files and the user's own.

        :raises RegistryError: naming file, table and field of every declaration that can't be used.
        """
        tables: dict[str, Table] = {}
        files = sorted(shipped.glob("*.yml")) + (sorted(own.glob("*.yml")) if own and own.is_dir() else [])
        for file in files:
            for table in _read(file):
                if table.id in tables:
                    raise RegistryError(
                        f"{file}: table {table.id} is already declared in {tables[table.id].file}; remove one of the two"
                    )
                tables[table.id] = table
        from ingest.municipal import contract

        contracts = contract.load(own, shipped / "municipal")
        for table_id in _only_on_request(own, tables):
            tables[table_id] = tables[table_id].model_copy(update={"on_request": True})
        for declared in contracts.values():
            if declared.id in tables:
                raise RegistryError(f"{declared.file}: {declared.id} is already a table of {tables[declared.id].file}")
            tables[declared.id] = declared.table
        return cls(tables, contracts)

    def select(self, ids: tuple[str, ...]) -> list[Table]:
        """The tables of these ids, or all of them when none is named.

        :raises RegistryError: for an id that is not declared, with the ids that come nearest.
        """
        import difflib

        for table_id in ids:
            if table_id not in self.tables:
                near = difflib.get_close_matches(table_id, self.tables, n=3, cutoff=0.6)
                hint = f" Did you mean {', '.join(near)}?" if near else ""
                raise RegistryError(
                    f"Table {table_id} is not declared.{hint} `rdc sources list` shows what is; "
                    f"`rdc sources add {table_id}` declares it."
                )
        return [self.tables[i] for i in (dict.fromkeys(ids) if ids else self.tables)]


#: In ``$RDC_HOME/sources``: the tables that this data folder takes only when they are asked for, a line each.
ON_REQUEST = "on_request.txt"


def _only_on_request(own: Path | None, tables: dict[str, Table]) -> list[str]:
    file = own / ON_REQUEST if own else None
    if file is None or not file.is_file():
        return []
    named = [
        words[0] for line in file.read_text(encoding="utf-8").splitlines() if (words := line.split("#")[0].split())
    ]
    if unknown := [name for name in named if name not in tables]:
        raise RegistryError(f"{file}: {', '.join(unknown)} is not declared; `rdc sources list` shows what is")
    return named


def _read(file: Path) -> list[Table]:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=SAFE_LOADER)
    except yaml.YAMLError as error:
        raise RegistryError(f"{file}: not readable as YAML: {error}") from error
    except UnicodeDecodeError as error:
        raise RegistryError(f"{file}: not UTF-8 ({error}); save it as UTF-8") from error
    try:
        publisher = Publisher.model_validate(content)
    except ValidationError as error:
        raise RegistryError("\n".join(f"{file}: {line}" for line in _explain(error, content))) from error
    shared = publisher.model_dump(include={"owner", "licence", "attribution", "sharing_level"})
    return [
        table.model_copy(
            update={key: value for key, value in shared.items() if getattr(table, key) is None}
            | {"source_id": publisher.source_id, "file": str(file)}
        )
        for table in publisher.tables
    ]


def _explain(error: ValidationError, content: object) -> list[str]:
    """Pydantic's errors in the words of the file: the table by its id, the field by its name."""
    lines = []
    for item in error.errors():
        place = list(item["loc"])
        if len(place) >= 2 and place[0] == "tables" and isinstance(place[1], int):
            table = content["tables"][place[1]] if isinstance(content, dict) else None
            name = table.get("id", f"number {place[1] + 1}") if isinstance(table, dict) else f"number {place[1] + 1}"
            where = f"table {name}: field {'.'.join(map(str, place[2:])) or '(itself)'}"
        else:
            where = f"field {'.'.join(map(str, place)) or '(the file itself)'}"
        lines.append(f"{where}: {item['msg'].removeprefix('Value error, ')}")
    return lines


def _accepted_file(own: Path, table_id: str) -> Path:
    return own / "accepted" / f"{table_id}.yml"


class Acceptance(BaseModel):
    """A change at a source that someone looked at and found right: the snapshot that may pass, who says so, and since when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    snapshot: str
    by: str
    at: date
    changes: tuple[str, ...] = ()


def accepted(own: Path, table_id: str) -> dict[str, Acceptance]:
    """The accepted changes of a table, by snapshot: ``$RDC_HOME/sources/accepted/<table>.yml``, a list.

    :raises RegistryError: naming the file and what is wrong in it.
    """
    file = _accepted_file(own, table_id)
    if not file.is_file():
        return {}
    try:
        found = TypeAdapter(list[Acceptance]).validate_python(yaml.safe_load(file.read_text(encoding="utf-8")) or [])
    except (yaml.YAMLError, ValidationError) as error:
        raise RegistryError(
            f"{file}: not a list of accepted snapshots (`- {{snapshot: ID, by: NAME, at: 2026-01-31}}`): {error}"
        ) from error
    return {item.snapshot: item for item in found}


def accept_change(own: Path, table_id: str, acceptance: Acceptance) -> Path:
    """Add an accepted change to the file of its table."""
    known = accepted(own, table_id) | {acceptance.snapshot: acceptance}
    content = [item.model_dump(mode="json") | {"changes": list(item.changes)} for item in known.values()]
    return _write_yaml(_accepted_file(own, table_id), content)


def add_own(own: Path, table: Table) -> Path:
    """Register a table of the user's own."""
    declared = table.model_dump(
        exclude_none=True, exclude={"source_id", "file", "owner", "licence", "attribution", "sharing_level"}
    )
    content = {
        "source_id": table.source_id,
        "name": table.owner,
        "licence": table.licence,
        "attribution": table.attribution,
        "owner": table.owner,
        "sharing_level": table.sharing_level or "public",
        "tables": [declared],
    }
    return _write_yaml(own / f"{table.id}.yml", content)


def _write_yaml(file: Path, content: object) -> Path:
    durable.write(file, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return file
