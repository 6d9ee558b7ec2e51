"""How a check is declared: an expectation of Great Expectations, its severity, and in Dutch what it asks.

Most rules are queries (:func:`rows`): Great Expectations' own regex expectations do not run on DuckDB, and a query can
say which figures are at fault. Its other expectations are used where they say the same thing shorter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingest.datacenter import here
from ingest.sql import literals

#: The rows that a query is asked of, as Great Expectations fills them in.
_ALL = "select * from {batch}"
#: How many of the things at fault a result names.
EXAMPLES = 3


@dataclass(frozen=True)
class Check:
    """One check on a table.

    :param expectation: name of a class in ``great_expectations.expectations``; ``arguments`` are its own.
    :param noun: what is counted, Dutch, one and many.
    """

    name: str
    description: str
    expectation: str
    arguments: Mapping[str, Any]
    severity: str = "critical"
    column: str | None = None
    noun: tuple[str, str] = ("rij", "rijen")


@dataclass(frozen=True)
class Subject:
    """A table and all that is asked of it. ``name`` is how results call it; ``schema`` and ``table`` find it."""

    suite: str
    name: str
    schema: str
    table: str
    checks: Sequence[Check]


def own_regions() -> str:
    """A condition: the row is of one of our municipalities, or of them together. Such a fault is named first."""
    return f"region_code in {literals((*here().codes, here().code))}"


def rows(
    name: str,
    description: str,
    query: str,
    *,
    severity: str = "critical",
    column: str | None = None,
    noun: tuple[str, str] = ("rij", "rijen"),
    first: str = "true",
) -> Check:
    """A check by a query that selects a text per thing at fault, as ``example``, and nothing when all is well.

    The query calls the table itself ``audited``. Of the texts only a few are fetched, with the number of all of them:
    a fault in a million rows must not become a million rows in memory.

    :param first: which examples are shown first, as an SQL condition on the query's columns.
    """
    wrapped = (
        # Great Expectations puts the table in as a subquery, of which the alias depends on the words in the query.
        # Counted apart: `count(*) over ()` behind a join breaks down once in a thousand times when DuckDB 1.5.5 has several
        # threads ("Attempted to access index 0 within vector of size 0").
        f"with audited as not materialized ({_ALL}), found as materialized ({query}) "
        "select example, (select count(*) from found) as total from found "
        f"order by ({first}) desc, example limit {EXAMPLES}"
    )
    arguments = {"unexpected_rows_query": _escape(wrapped)}
    return Check(name, description, "UnexpectedRowsExpectation", arguments, severity, column, noun)


def within(check: Check, condition: str) -> Check:
    """The same check, asked only of the rows for which a condition holds; one that is no query stays as it is."""
    query = check.arguments.get("unexpected_rows_query")
    if query is None:
        return check
    asked = str(query).replace(_ALL, f"{_ALL} where {_escape(condition)}", 1)
    return replace(check, arguments={"unexpected_rows_query": asked})


def not_empty(description: str, least: int = 1) -> Check:
    """That a table has rows. It is asked of every table, since it also tells the other results how many there are."""
    return Check("not_empty", description, "ExpectTableRowCountToBeBetween", {"min_value": least})


def shown(number: str) -> str:
    """SQL that writes a number as a Dutch reader does, without thousands: ``145,2``."""
    return f"coalesce(replace(printf('%.10g', ({number})::double), '.', ','), 'leeg')"


def _escape(query: str) -> str:
    """Great Expectations reads braces as placeholders, SQLAlchemy a colon with a word as a parameter."""
    braces = query.replace("{", "{{").replace("}", "}}").replace("{{batch}}", "{batch}")
    return re.sub(r"(?<![:\w\\]):(?=\w)", r"\\:", braces)
