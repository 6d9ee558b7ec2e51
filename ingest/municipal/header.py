"""Which column of a sheet is which of the contract. A column that the contract does not know stops the whole file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from ingest.files import unnoticed
from ingest.files.sheet import Header, Sheet, find_header, plain
from ingest.municipal.contract import Column, Contract
from ingest.municipal.record import Intake


def _aliases(contract: Contract) -> dict[str, Column]:
    found: dict[str, Column] = {}
    for column in contract.columns:
        for name in (column.name, *column.aliases, *([column.title] if column.title else [])):
            found.setdefault(plain(name.rstrip("*")), column)
    return found


def header_of(sheet: Sheet, contract: Contract) -> Header | None:
    aliases = _aliases(contract)
    if contract.layout.spread:
        aliases = {k: c for k, c in aliases.items() if c.name != contract.layout.spread}
    return find_header(sheet, aliases, bool(contract.layout.spread))


def _match(names: tuple[str, ...], aliases: Mapping[str, Column], contract: Contract) -> tuple[Column | None, str]:
    """The column that a header means, and the value above it where values are spread."""
    spread = contract.layout.spread
    above, own = ("", names)
    if spread and len(names) > 1 and plain(names[0]) not in aliases:
        above, own = names[0], names[1:]
    distinct = [n for n in dict.fromkeys(own) if n]
    for text in (*(distinct[-1:]), " ".join(distinct), *distinct[:-1]):
        if column := aliases.get(plain(text)):
            return column, above
    for column in contract.columns:
        start = column.name.rstrip("*")
        if column.name.endswith("*") and any(n.lower().startswith(start.lower()) for n in distinct):
            return column, above
    return None, above


@dataclass(frozen=True)
class Shape:
    """Where each declared column stands: once, or once per value that is spread over the header."""

    shared: dict[str, int]
    groups: list[tuple[str, dict[str, int]]]
    known: frozenset[int]


def shape_of(intake: Intake, contract: Contract, sheet: Sheet, header: Header) -> Shape | None:
    aliases = _aliases(contract)
    body = sheet.rows[header.last + 1 :]
    used = {n for row in body for n in row.filled}
    shared: dict[str, int] = {}
    groups: dict[str, dict[str, int]] = {}
    strange: list[str] = []
    known: set[int] = set()
    for at, names in enumerate(header.names):
        if not any(names):
            if at in used:
                strange.append(f"kolom {unnoticed.letter(at)} (zonder kop)")
            continue
        column, above = _match(names, aliases, contract)
        if column is None:
            strange.append(f"kolom {unnoticed.letter(at)}" + _hint(names, aliases))
            continue
        known.add(at)
        if column.type == "drop":
            continue
        into = groups.setdefault(above, {}) if above and contract.layout.spread else shared
        if column.name in into:
            intake.stop(
                f"Kolom {column.name} staat er twee keer in (kolom {unnoticed.letter(into[column.name])} en {unnoticed.letter(at)})."
            )
            return None
        into[column.name] = at
    if strange:
        intake.stop(
            f"Het bestand heeft kolommen die niet zijn afgesproken: {', '.join(strange)}. Haal ze weg, of laat ze in het "
            f"contract opnemen. Er is niets overgenomen."
        )
        return None
    filled = {contract.layout.spread, contract.layout.section, contract.layout.file_year}
    everywhere = set(shared) | {name for _, group in groups.items() for name in group} | filled
    absent = [c.name for c in contract.columns if c.required and c.type != "drop" and c.name not in everywhere]
    if absent:
        intake.stop(f"Het bestand mist de kolommen {', '.join(absent)}.")
        return None
    return Shape(shared, list(groups.items()) or [("", {})], frozenset(known))


def _hint(names: tuple[str, ...], aliases: Mapping[str, Column]) -> str:
    """Which declared column an unknown header resembles. The header itself is not repeated: where a file has no header, it
    is someone's data."""
    near = difflib.get_close_matches(plain(" ".join(names)), list(aliases), n=1, cutoff=0.75)
    return f" (lijkt op {aliases[near[0]].name})" if near else ""
