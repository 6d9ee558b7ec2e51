"""The SQL of the dbt project's models as dbt writes it, for tables that dbt does not make: a day in the past, a test.

So that a published table has one definition, whoever makes it. References are to the schemas ``staging``, ``core``, ``mart`` and
``raw`` of the database that is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from ingest.project import DBT_PROJECT

#: Macros that the models below use, the ones that use no other first: in Jinja a macro is known from where it stands.
_MACROS = ("regions", "reasons", "verdict", "theme_mart")


def model(name: str) -> str:
    """The SQL of a model (``mart/policy_goal``)."""
    return _rendered((DBT_PROJECT / "models" / f"{name}.sql").read_text(encoding="utf-8"))


def wide_table(indicators: Sequence[str]) -> str:
    """The SQL of a theme's table with a column for each of these indicators."""
    return _rendered("{{ theme_mart(indicators) }}", indicators=list(indicators))


def _rendered(text: str, **values: Any) -> str:
    return str(_environment().from_string(_macros() + text).render(**values))


@cache
def _environment() -> Any:
    from jinja2 import Environment, StrictUndefined

    models = DBT_PROJECT / "models"
    schemas = {file.stem: file.relative_to(models).parts[0] for file in models.rglob("*.sql")}
    environment = Environment(extensions=["jinja2.ext.do"], undefined=StrictUndefined)
    environment.globals |= {
        "ref": lambda name: f'{schemas[name]}."{name}"',
        "source": lambda schema, name: f'{schema}."{name}"',
        "config": lambda **_: "",
        # Of what is made here every part is made now.
        "made_now": lambda column, kind="indicator": "true",
    }
    return environment


@cache
def _macros() -> str:
    return "\n".join((DBT_PROJECT / "macros" / f"{name}.sql").read_text(encoding="utf-8") for name in _MACROS)
