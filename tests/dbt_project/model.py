"""A model of the dbt project on tables that a test made: its SQL as dbt would write it, without dbt (which takes seconds)."""

from __future__ import annotations

import duckdb
import yaml

from ingest.project import DBT_PROJECT
from warehouse.reading import models


def _var(name: str) -> object:
    """A variable of the project, as dbt gives it."""
    return yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"][name]


models._environment().globals["var"] = _var


def build(con: duckdb.DuckDBPyConnection, model: str) -> None:
    """Make the model's table (``mart/policy_goal``)."""
    schema, _, name = model.partition("/")
    con.execute(f'create or replace table {schema}."{name}" as {models.model(model)}')
