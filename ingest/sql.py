"""Names and values as SQL writes them, where a parameter can't stand: in ``copy``, in a table function, in a view."""

from __future__ import annotations

from collections.abc import Iterable


def identifier(name: str) -> str:
    """A name: ``"Aantal ""schoon"" m²"``."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A text, or a path as text: ``'s-Hertogenbosch`` is ``'''s-Hertogenbosch'``."""
    return "'" + str(value).replace("'", "''") + "'"


def literals(values: Iterable[object]) -> str:
    """Several, as ``in`` takes them: ``('a', 'b')``."""
    return "(" + ", ".join(map(literal, values)) + ")"
