"""The short form in which a test writes down a synthetic table, and how a short form is filled in.

A dimension is its codes, a topic is its key, a group is a title around topics; ``Dim``, ``Topic`` and
``Group`` say more where a test needs more. Titles, kinds, widths and data types that are left out follow
CBS's own habits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

#: The codes, or the codes with their titles, or with fields of their metadata (``Title``, ``Status`` ...).
Codes = Sequence[str] | Mapping[str, str | Mapping[str, Any] | None]

#: Rows by column name, or as sequences.
RowsSaid = Sequence[Mapping[str, Any] | Sequence[Any]]

#: How wide v3 writes the codes of a region dimension, whatever the codes that a test uses.
_WIDTHS = {"GeoDimension": 6, "GeoDetail": 10}

_MONTHS = ("januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober")
_MONTHS += ("november", "december")


@dataclass(frozen=True)
class Dim:
    """A dimension. ``kind`` is CBS's own word: Dimension, TimeDimension, GeoDimension or GeoDetail."""

    key: str
    codes: Codes = ()
    kind: str = ""
    title: str = ""
    #: How wide v3 pads its codes; the widest code where nothing is said.
    width: int | None = None

    @property
    def is_time(self) -> bool:
        return self.kind == "TimeDimension"

    @property
    def is_region(self) -> bool:
        return self.kind in _WIDTHS

    def entries(self) -> dict[str, dict[str, Any]]:
        """Per code (trimmed) the fields that the test gave for it."""
        if not isinstance(self.codes, Mapping):
            return {code.rstrip(): {} for code in self.codes}
        return {
            code.rstrip(): dict(said) if isinstance(said, Mapping) else {"Title": said} if said else {}
            for code, said in self.codes.items()
        }


@dataclass(frozen=True)
class Topic:
    """A topic of v3 or a measure of v4: one thing that is counted or measured."""

    key: str
    title: str = ""
    unit: str = "aantal"
    decimals: int = 0
    #: Long, Double or String; Double where there are decimals.
    datatype: str = ""
    description: str = ""
    #: What CBS says an empty cell means: Impossible, Missing or Zero.
    default: str = "Impossible"
    presentation: str = "Absolute"


@dataclass(frozen=True)
class Group:
    """Topics under a common title; groups may be nested."""

    title: str
    members: Sequence[Topic | Group | str] = field(default_factory=tuple)
    description: str = ""


@dataclass(frozen=True)
class Missing:
    """An empty cell of v4 and its reason (``ValueAttribute``): Impossible, Confidential, NotAvailable ..."""

    reason: str = "Impossible"


def dimensions(said: Sequence[str | Dim] | Mapping[str, Codes | Dim]) -> list[Dim]:
    """The dimensions of a table in full, from names, from names with their codes, or from ``Dim``."""
    if isinstance(said, Mapping):
        short = [codes if isinstance(codes, Dim) else Dim(key, codes) for key, codes in said.items()]
    else:
        short = [dim if isinstance(dim, Dim) else Dim(dim) for dim in said]
    kinds = ((dim, dim.kind or _kind(dim.key)) for dim in short)
    return [replace(dim, kind=kind, title=dim.title or title_of(dim.key)) for dim, kind in kinds]


def with_codes_of(dims: Sequence[Dim], rows: Sequence[Mapping[str, Any]]) -> list[Dim]:
    """The same dimensions, which now also have the codes that the rows use, and a width."""
    complete = []
    for dim in dims:
        entries = dim.entries()
        for row in rows:
            entries.setdefault(str(row[dim.key]).rstrip(), {})
        width = dim.width or _WIDTHS.get(dim.kind) or max(map(len, entries), default=0)
        complete.append(replace(dim, codes=entries, width=width))
    return complete


def numbered(members: Sequence[Topic | Group | str]) -> list[Topic | Group]:
    """Topics in full whose keys end in their number, as v3 has them: ``AantalInwoners_5``."""
    count = 0

    def fill(member: Topic | Group | str) -> Topic | Group:
        nonlocal count
        if isinstance(member, Group):
            return replace(member, members=[fill(inner) for inner in member.members])
        topic = Topic(member) if isinstance(member, str) else member
        count += 1
        suffixed = re.search(r"_\d+$", topic.key)
        return complete(topic if suffixed else replace(topic, key=f"{topic.key}_{count}"))

    return [fill(member) for member in members]


def complete(topic: Topic | str) -> Topic:
    """A topic with its title and data type."""
    topic = Topic(topic) if isinstance(topic, str) else topic
    datatype = topic.datatype or ("Double" if topic.decimals else "Long")
    return replace(topic, title=topic.title or title_of(topic.key), datatype=datatype)


def topics_in(members: Sequence[Topic | Group | str]) -> Iterator[Topic]:
    """All topics, at whatever depth, in order."""
    for member in members:
        if isinstance(member, Group):
            yield from topics_in(member.members)
        else:
            yield complete(member)


def as_mappings(rows: RowsSaid, columns: Sequence[str]) -> list[Mapping[str, Any]]:
    """Rows by column name; a row given as a sequence has its dimensions first and then its topics."""
    return [row if isinstance(row, Mapping) else dict(zip(columns, row, strict=True)) for row in rows]


def title_of(key: str) -> str:
    """What a column would be called: ``GemiddeldAardgasverbruik_55`` is 'Gemiddeld aardgasverbruik'."""
    stem = re.sub(r"_\d+$", "", key).removeprefix("k_")
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]*\d+|[A-Z]+(?![a-z])", stem)
    return " ".join(words).capitalize() or key


def period_title(code: str) -> str:
    """A period in words, as CBS puts it: ``2024KW01`` is '2024 1e kwartaal'."""
    year, grain, number = code[:4], code[4:6], code[6:]
    match grain:
        case "JJ":
            return year
        case "SJ":
            return f"{year}/'{int(year[2:]) + 1:02d}"
        case "KW":
            return f"{year} {int(number)}e kwartaal"
        case "HJ":
            return f"{year} {int(number)}e halfjaar"
        case "MM":
            return f"{year} {_MONTHS[int(number) - 1]}"
    return code


def _kind(key: str) -> str:
    if key.startswith(("Perioden", "Periods")):
        return "TimeDimension"
    if key.startswith("WijkenEnBuurten"):
        return "GeoDetail"
    return "GeoDimension" if key.startswith(("Regio", "Gemeente")) else "Dimension"
