"""Tables of core that no model makes, written into a candidate once dbt is done: how it was judged, and which release it became.

Their columns and texts stand where those of all tables of core do, as a source of dbt (``models/core/_core.yml``): that is the
one list of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import duckdb
import yaml

from ingest.declaration import SAFE_LOADER
from ingest.project import DBT_PROJECT
from ingest.sql import identifier, literal

DECLARED = DBT_PROJECT / "models" / "core" / "_core.yml"


@lru_cache
def _declared() -> dict[str, dict[str, Any]]:
    [source] = yaml.load(DECLARED.read_text(encoding="utf-8"), Loader=SAFE_LOADER)["sources"]
    return {table["name"]: table for table in source["tables"]}


def create(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Make the table anew, empty, with its texts; the names of its columns."""
    declared = _declared()[table]
    columns = declared["columns"]
    shape = ", ".join(f"{identifier(c['name'])} {c['data_type']}" for c in columns)
    con.execute(f"create or replace table core.{table} ({shape})")
    con.execute(f"comment on table core.{table} is {literal(declared['description'])}")
    for column in columns:
        con.execute(f"comment on column core.{table}.{identifier(column['name'])} is {literal(column['description'])}")
    return [c["name"] for c in columns]
