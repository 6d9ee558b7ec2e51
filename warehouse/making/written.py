"""Tables that no model makes, written into a candidate once dbt is done: how it was judged, which release it became, and what
policy choices did.

Their columns and texts stand where those of all tables do, as sources of dbt (``models/core/_core.yml``,
``models/mart/_policy_effect.yml``): these are the one list of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import duckdb
import yaml

from ingest.declaration import SAFE_LOADER
from ingest.project import DBT_PROJECT
from ingest.sql import identifier, literal

DECLARED = [DBT_PROJECT / "models" / name for name in ("core/_core.yml", "mart/_policy_effect.yml")]


@lru_cache
def _declared() -> dict[str, dict[str, Any]]:
    """The tables by schema and name."""
    return {
        f"{source['schema']}.{table['name']}": table
        for file in DECLARED
        for source in yaml.load(file.read_text(encoding="utf-8"), Loader=SAFE_LOADER)["sources"]
        for table in source["tables"]
    }


def columns(table: str) -> list[str]:
    """The names of the columns of a table (``core.release``), in order."""
    return [column["name"] for column in _declared()[table]["columns"]]


def create(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Make the table anew, empty, with its texts; the names of its columns."""
    declared = _declared()[table]
    shape = ", ".join(f"{identifier(c['name'])} {c['data_type']}" for c in declared["columns"])
    con.execute(f"create or replace table {table} ({shape})")
    con.execute(f"comment on table {table} is {literal(declared['description'])}")
    for column in declared["columns"]:
        con.execute(f"comment on column {table}.{identifier(column['name'])} is {literal(column['description'])}")
    return columns(table)
