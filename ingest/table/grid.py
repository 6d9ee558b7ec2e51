"""A file as columns: its rows under the heading, as far as the declaration names their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from ingest.attempt import LandingError
from ingest.declaration import Table
from ingest.engine import duck
from ingest.files import formats, reader
from ingest.files.sheet import Sheet, UnreadableError, blank, plain
from ingest.municipal.personal import personal_class
from ingest.sql import identifier
from ingest.table.declaration import File
from ingest.words import shown


def file_of(table: Table) -> File:
    if table.at is None:
        raise LandingError(
            f"{table.id} is declared with protocol `table`, so `at:` must say where it is. Mend it in {table.file}"
        )
    return table.at


@dataclass(frozen=True)
class Grid:
    """The rows under the heading, as far as the declaration names their columns.

    :param lines: per row its line in the file.
    """

    columns: dict[str, list[Any]]
    lines: list[int]


def read(table: Table, data: bytes) -> Grid:
    file = file_of(table)
    if (found := formats.parquet(data)) is not None:
        return _parquet(table, file, found)
    try:
        sheets = reader.read(data)
    except UnreadableError as error:
        raise LandingError(f"{file.url}: {error}") from error
    sheet = _sheet(file, sheets)
    at = next((n for n, row in enumerate(sheet.rows[:40]) if _names(row.cells) >= set(file.columns)), None)
    if at is None:
        best = max(sheet.rows[:40], key=lambda row: len(_names(row.cells) & set(file.columns)), default=None)
        there = sorted(_names(best.cells)) if best else []
        missing = [c for c in file.columns if c not in there]
        # A row with none of them is no heading but somebody's data, as far as anyone can see.
        nearest = (
            f"The nearest heading is in line {best.line}: {_listed(there)}"
            if best and len(missing) < len(file.columns)
            else "None of them stands in the first forty lines"
        )
        raise LandingError(
            f"{file.url}: expected the columns {', '.join(file.columns)}; without {', '.join(missing)}. {nearest}. Mend `at:` of "
            f"{table.id} in {table.file}"
        )
    heading = [_heading(cell) for cell in sheet.rows[at].cells]
    twice = [c for c in file.columns if heading.count(c) > 1]
    if twice:
        raise LandingError(
            f"{file.url}: the heading has {', '.join(twice)} more than once, so which one counts can't be seen"
        )
    places = {name: heading.index(name) for name in file.columns}
    rows = [row for row in sheet.rows[at + 1 :] if row.filled]
    hidden = [row.line for row in rows if row.line in sheet.hidden_lines]
    if hidden:
        raise LandingError(
            f"{file.url}: {len(hidden)} rows are hidden (line {hidden[0]}), so what counts can't be seen"
        )
    return Grid(
        {name: [row.cells[p] if p < len(row.cells) else None for row in rows] for name, p in places.items()},
        [row.line for row in rows],
    )


def _heading(cell: Any) -> str:
    return "" if blank(cell) else " ".join(str(cell).split())


def _listed(names: Sequence[str], most: int = 600) -> str:
    """Headings or sheets as a message has them, without those that are about a person."""
    return shown(", ".join(f"({kind})" if (kind := personal_class(name)) else name for name in names), most)


def _names(cells: Sequence[Any]) -> set[str]:
    return {_heading(cell) for cell in cells} - {""}


def _sheet(file: File, sheets: Sequence[Sheet]) -> Sheet:
    if file.sheet is not None:
        found = [s for s in sheets if plain(s.name) == plain(file.sheet)]
        if not found:
            names = _listed([s.name for s in sheets], 300)
            raise LandingError(f"{file.url}: there is no sheet {file.sheet}; there are {names}")
        return found[0]
    visible = [s for s in sheets if not s.hidden and s.rows]
    if not visible:
        raise LandingError(f"{file.url}: expected a table, got a file without rows")
    return visible[0]


def _parquet(table: Table, file: File, data: bytes) -> Grid:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".parquet") as kept, duck() as con:
        kept.write(data)
        kept.flush()
        try:
            there = [r[0] for r in con.execute("select name from parquet_schema(?)", [kept.name]).fetchall()]
            missing = [c for c in file.columns if c not in there]
            if missing:
                raise LandingError(
                    f"{file.url}: expected the columns {', '.join(file.columns)}; without {', '.join(missing)}. It has "
                    f"{_listed(there[1:])}. Mend `at:` of {table.id} in {table.file}"
                )
            named = ", ".join(identifier(c) for c in file.columns)
            rows = con.execute(f"select {named} from read_parquet(?)", [kept.name]).fetchall()
        except duckdb.Error as error:
            raise LandingError(f"{file.url}: expected a Parquet file, got {shown(str(error), 300)}") from error
    by_column = list(zip(*rows, strict=True)) or [()] * len(file.columns)
    return Grid({c: list(v) for c, v in zip(file.columns, by_column, strict=True)}, list(range(1, len(rows) + 1)))
