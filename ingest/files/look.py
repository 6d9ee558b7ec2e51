"""What the parts of a spreadsheet's file say of its sheets, that the values do not.

The library that gives the values lays out a whole rectangle before it gives one, and does not say what is hidden, what shows a
percentage, and what has no value. So each kind of file is looked through first: :mod:`xlsx`, :mod:`ods`, :mod:`xls`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.parsers import expat

from ingest.files.sheet import MOST_CELLS, Faulty, UnreadableError
from ingest.files.unnoticed import letter

MOST_SHEETS = 256

PROTECTED = (
    "Het rekenblad is beveiligd met een wachtwoord. Haal de beveiliging eraf (Bestand > Info > Werkmap beveiligen > "
    "Versleutelen met wachtwoord, maak het wachtwoord leeg), sla het op en lever het opnieuw."
)


@dataclass
class Look:
    """What the parts of the file say of a sheet, that the values do not. Places are (row, column), counted from 0."""

    name: str
    last_row: int = -1
    last_column: int = -1
    at_row: str = ""
    at_column: str = ""
    faulty: dict[tuple[int, int], Faulty] = field(default_factory=dict)
    percent: set[tuple[int, int]] = field(default_factory=set)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    #: Formulas, and those of them with a value other than 0.
    formulas: set[tuple[int, int]] = field(default_factory=set)
    worked_out: bool = False

    def holds(self, row: int, column: int) -> None:
        """Something stands here. More than can be laid out stops the look at once."""
        if row > self.last_row:
            self.last_row, self.at_row = row, f"{letter(column)}{row + 1}"
        if column > self.last_column:
            self.last_column, self.at_column = column, f"{letter(column)}{row + 1}"

    def check(self, number: int) -> None:
        if (self.last_row + 1) * (self.last_column + 1) > MOST_CELLS:
            far = " en ".join(dict.fromkeys((self.at_column, self.at_row)))
            raise UnreadableError(
                f"Werkblad {number} beslaat {self.last_row + 1} rijen en {self.last_column + 1} kolommen, meer dan "
                f"{MOST_CELLS // 1_000_000} miljoen cellen. Staat er per ongeluk iets in cel {far}? Haal dat weg, of lever een "
                "CSV-bestand."
            )


def parse(
    packed: zipfile.ZipFile,
    part: zipfile.ZipInfo,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:
    """A part through a parser that keeps nothing. Names come without their namespace."""
    parser = expat.ParserCreate()
    names: dict[str, str] = {}

    def local(name: str) -> str:
        found = names.get(name)
        if found is None:
            found = names[name] = name.rpartition(":")[2]
        return found

    def no_doctype(*_: object) -> None:
        raise UnreadableError("Het rekenblad heeft een onderdeel dat er niet in hoort (DOCTYPE).")

    parser.StartElementHandler = lambda name, attributes: start(local(name), attributes)
    if end:
        parser.EndElementHandler = lambda name: end(local(name))
    if text:
        parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = no_doctype
    with packed.open(part) as stream:
        parser.ParseFile(stream)


def attribute(attributes: dict[str, str], name: str) -> str | None:
    """By its name without a namespace."""
    return next((value for key, value in attributes.items() if key.rpartition(":")[2] == name), None)
