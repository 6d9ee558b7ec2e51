"""A model of the dbt project on tables that a test made: its SQL as dbt would write it, without dbt (which takes seconds)."""

from __future__ import annotations

from pathlib import Path

import duckdb
import jinja2

PROJECT = Path(__file__).parent.parent / "dbt_project"


def sql_of(model: str) -> str:
    """The SQL of a model (``mart/policy_goal``); ``ref`` is a table in core or mart, ``source`` one in its schema."""
    schemas = {file.stem: file.parent.name for file in (PROJECT / "models").rglob("*.sql")}
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined)
    environment.globals |= {
        "ref": lambda name: f'{schemas[name]}."{name}"',
        "source": lambda schema, name: f'{schema}."{name}"',
        "config": lambda **_: "",
    }
    # All macros before the model, the ones that use no other first: in Jinja a macro is known from where it stands.
    macros = "\n".join(
        (PROJECT / "macros" / f"{name}.sql").read_text(encoding="utf-8") for name in ("regions", "reasons", "verdict")
    )
    text = (PROJECT / "models" / f"{model}.sql").read_text(encoding="utf-8")
    return environment.from_string(macros + text).render()


def build(con: duckdb.DuckDBPyConnection, model: str) -> None:
    """Make the model's table."""
    schema, _, name = model.partition("/")
    con.execute(f'create or replace table {schema}."{name}" as {sql_of(model)}')
