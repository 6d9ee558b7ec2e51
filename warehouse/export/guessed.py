"""What makes every reader of a CSV guess the same types, without being told.

A CSV has no types; pandas looks at all of it, DuckDB at the first 20,480 rows, readr at 1,000 and polars at 100. A column that
is whole in those rows and broken behind them stops such a reader; one that is empty in them becomes text, or in R a truth
value, silently. So a column with a broken figure somewhere has a decimal point in every figure, and a row that shows what an
otherwise empty column holds goes in front.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import duckdb

from ingest.sql import identifier
from warehouse.export.extraction import Extract

#: The column with a row's number, from 1 on; never written.
ROW = "row_nr_"
#: The rows that the most hasty reader looks at.
SEEN = 100


@dataclass(frozen=True)
class Guess:
    """:param broken: the columns with a figure that is not whole.
    :param first: the numbers of the rows that go in front.
    """

    broken: frozenset[str]
    first: tuple[int, ...]

    def ordered(self, sql: str) -> str:
        """SQL for the same rows with those in front, and :data:`ROW` behind them."""
        rows = f"(select *, row_number() over () as {ROW} from ({sql}))"
        return f"select * exclude ({ROW}) from {rows} order by {self.order}"

    @property
    def order(self) -> str:
        return f"{ROW} in ({', '.join(map(str, self.first))}) desc, {ROW}" if self.first else ROW


def look(con: duckdb.DuckDBPyConnection, numbered: str, extracted: Extract) -> Guess:
    """Go through the rows once.

    :param numbered: SQL for them, with :data:`ROW` in it.
    """
    parts = []
    for column in extracted.columns:
        name = identifier(column.name)
        parts.append(f"min({ROW}) filter ({name} is not null)")
        parts.append(f"bool_or({name} <> trunc({name}) or abs({name}) >= 1e15)" if column.type == "number" else "false")
    [row] = con.execute(f"select {', '.join(parts)} from ({numbered})", extracted.parameters).fetchall()
    broken = frozenset(c.name for c, is_broken in zip(extracted.columns, row[1::2], strict=True) if is_broken)
    return Guess(broken, _in_front(row[0::2]))


def _in_front(first_filled: Iterable[Any]) -> tuple[int, ...]:
    """The rows to put in front: of each column that is empty in what the hasty see, the first in which it is not.

    They take places themselves, so that what was just in sight may be pushed out of it.
    """
    places = sorted({int(n) for n in first_filled if n is not None})
    chosen: set[int] = set()
    while more := {n for n in places if n > SEEN - len(chosen)} - chosen:
        chosen |= more
    return tuple(sorted(chosen))
