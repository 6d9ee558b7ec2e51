"""Names and values as SQL writes them, where a parameter can't stand: in ``copy``, in a table function, in a view; and rows, by name
or many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb


def identifier(name: str) -> str:
    """A name: ``"Aantal ""schoon"" m²"``."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A text, or a path as text: ``'s-Hertogenbosch`` is ``'''s-Hertogenbosch'``."""
    return "'" + str(value).replace("'", "''") + "'"


def literals(values: Iterable[object]) -> str:
    """Several, as ``in`` takes them: ``('a', 'b')``."""
    return "(" + ", ".join(map(literal, values)) + ")"


def records(answered: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The rows of a question that was executed, each by its columns' names."""
    names = [column[0] for column in answered.description or []]
    return [dict(zip(names, row, strict=True)) for row in answered.fetchall()]


def add_rows(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Add rows, each with a value for every column. Many at a time: ``executemany`` commits each by itself, which takes a millisecond
    and more."""
    for start in range(0, len(rows), 200):
        some = rows[start : start + 200]
        values = ", ".join([f"({', '.join(['?'] * len(some[0]))})"] * len(some))
        con.execute(f"insert into {table} values {values}", [value for row in some for value in row])
