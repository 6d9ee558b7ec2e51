"""The tables that a build starts from: schema ``raw`` of a candidate, with the columns that dbt's own declaration of its
sources gives them (``models/staging/_raw.yml``). That is the one list of them: the tables and the rows follow from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import duckdb
import yaml

from ingest.declaration import SAFE_LOADER
from ingest.project import DBT_PROJECT
from ingest.sql import add_rows, identifier

SOURCES = DBT_PROJECT / "models" / "staging" / "_raw.yml"


@lru_cache
def _declared() -> dict[str, dict[str, str]]:
    [source] = yaml.load(SOURCES.read_text(encoding="utf-8"), Loader=SAFE_LOADER)["sources"]
    return {t["name"]: {c["name"]: c["data_type"] for c in t["columns"]} for t in source["tables"]}


def tables() -> list[str]:
    """The tables by name; beside them there is a view on each snapshot's rows."""
    return list(_declared())


def columns(table: str) -> dict[str, str]:
    """The columns of a table and their types, in order."""
    return _declared()[table]


def create(con: duckdb.DuckDBPyConnection, *tables: str) -> None:
    """Make these tables, empty."""
    for table in tables:
        shape = ", ".join(f"{identifier(name)} {kind}" for name, kind in columns(table).items())
        con.execute(f"create table raw.{table} ({shape})")


def insert(con: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows.

    :raises ValueError: a row has not exactly the table's columns.
    """
    names, rows = columns(table).keys(), list(rows)
    for row in rows:
        if row.keys() != names:
            raise ValueError(f"raw.{table}: a row and {SOURCES.name} differ in {', '.join(sorted(row.keys() ^ names))}")
    add_rows(con, f"raw.{table}", [[row[name] for name in names] for row in rows])
