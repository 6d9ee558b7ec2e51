"""A model of the dbt project on tables that a test made: its SQL as dbt would write it, without dbt (which takes seconds)."""

from __future__ import annotations

import duckdb

from warehouse.reading import models


def build(con: duckdb.DuckDBPyConnection, model: str) -> None:
    """Make the model's table (``mart/policy_goal``)."""
    schema, _, name = model.partition("/")
    con.execute(f'create or replace table {schema}."{name}" as {models.model(model)}')
