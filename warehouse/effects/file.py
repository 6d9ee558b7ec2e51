"""An analyst's own panel from a CSV file, by the names of its columns. Which sign separates is found out; 1,5 and 1.5 are both read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from warehouse.effects.panel import PanelError

#: What stands for no value: nothing, what programs write, and the signs of CBS (unknown or secret, empty for logical reasons).
_NO_VALUE = {"", "na", "nan", "null", "none", ".", "x", "-"}


@dataclass(frozen=True)
class Table:
    """The cells of a file as text, a list per column."""

    file: Path
    columns: dict[str, list[str]]

    def names(self, column: str) -> list[str]:
        """:raises PanelError: there is no such column."""
        if column not in self.columns:
            raise PanelError(f"{self.file} has no column {column!r}. It has: {', '.join(self.columns)}")
        return self.columns[column]

    def periods(self, column: str) -> list[str]:
        """Periods as they are written, but for a whole number, of which 1975.0 and 1975 are the same."""
        return [cell.removesuffix(".0") if cell.removesuffix(".0").isdigit() else cell for cell in self.names(column)]

    def values(self, column: str) -> list[float | None]:
        """:raises PanelError: a cell that is no number."""
        found = []
        for line, cell in enumerate(self.names(column), start=2):
            found.append(_value(cell, f"{self.file}, row {line}, column {column!r}"))
        return found


def read(file: Path) -> Table:
    """:raises PanelError: the file is not there, or can't be read as CSV with a header."""
    import duckdb

    if not file.is_file():
        raise PanelError(f"There is no file {file}. Name one that is there with --data.")
    try:
        with duckdb.connect() as con:
            cursor = con.execute("select * from read_csv(?, all_varchar = true, header = true)", [str(file)])
            names = [column[0] for column in cursor.description or []]
            rows = cursor.fetchall()
    except duckdb.Error as error:
        raise PanelError(f"{file} can't be read as CSV: {str(error).splitlines()[0]}") from error
    if not rows:
        raise PanelError(f"{file} has a header and no rows")
    cells = ([(cell or "").strip() for cell in column] for column in zip(*rows, strict=True))
    return Table(file, dict(zip(names, cells, strict=True)))


def chosen(options: Sequence[str], known: Sequence[str]) -> list[str]:
    """What was asked for, given one by one or with commas between them; a name that has a comma itself is taken whole."""
    there = set(known)
    found: list[str] = []
    for option in options:
        found += [option] if option in there else [part.strip() for part in option.split(",") if part.strip()]
    return list(dict.fromkeys(found))


def _value(cell: str, where: str) -> float | None:
    if cell.lower() in _NO_VALUE:
        return None
    try:
        value = float(cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell)
    except ValueError:
        raise PanelError(f"{where}: {cell!r} is no number") from None
    if not np.isfinite(value):
        raise PanelError(f"{where}: {cell!r} is no finite number")
    return value
