"""What we ingest, declared: one YAML file per publisher, plus the user's own in ``$RDC_HOME/sources``.

Municipal sources are declared as contracts, one file each (:mod:`ingest.municipal.contract`); here each is a table too.

A source table is declared, never coded. A declaration that can't be used is an error that names file, table and
field, so that whoever edits the file knows where to look.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from ingest.declaration import SAFE_LOADER, RegistryError, Table
from ingest.errors import explained
from ingest.municipal import contract
from ingest.municipal.contract import Contract
from ingest.storage import durable
from ingest.words import did_you_mean

SHIPPED = Path(__file__).parent / "sources"


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
        for table_id in ids:
            if table_id not in self.tables:
                raise RegistryError(
                    f"Table {table_id} is not declared.{did_you_mean(table_id, self.tables, 0.6)} `rdc sources list` shows what is; "
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
        raise RegistryError("\n".join(f"{file}: {line}" for line in explained(error, content))) from error
    shared = publisher.model_dump(include={"owner", "licence", "attribution", "sharing_level"})
    return [
        table.model_copy(
            update={key: value for key, value in shared.items() if getattr(table, key) is None}
            | {"source_id": publisher.source_id, "file": str(file)}
        )
        for table in publisher.tables
    ]


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
        wrong = "; ".join(explained(error)) if isinstance(error, ValidationError) else str(error)
        raise RegistryError(
            f"{file}: not a list of accepted snapshots (`- {{snapshot: ID, by: NAME, at: 2026-01-31}}`): {wrong}"
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
