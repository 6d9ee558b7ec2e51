"""What both services tell about a table, in one form."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ingest.answer import named
from ingest.declaration import Table
from ingest.http import FetchError
from ingest.words import shown

SUFFIX = re.compile(r"^(?P<stem>.+)_(?P<suffix>\d+)$")
REGION = re.compile(r"^(NL\d{1,2}|LD\w{2}|PV\d{2}|CR\d{2}|GM\d{4}|WK\d{6}|BU\d{8})$")


@dataclass(frozen=True)
class Head:
    """What tells one version of a table from the next; asked before anything is fetched.

    :param stamp: the fields that move when CBS publishes (``Modified``, version …); equal stamps mean unchanged.
    :param count: the service's own number of rows (v3) or observations (v4) of the *whole* table, if it says so.
    """

    table_id: str
    title: str
    modified: str
    stamp: dict[str, str]
    count: int | None
    count_source: str
    period_text: str


class Dimension(NamedTuple):
    """An axis of the table. ``kind`` is ``region``, ``time`` or ``other``."""

    key: str
    kind: str
    title: str
    position: int


class Codes(NamedTuple):
    """The members of a dimension in the service's order, a column each: a table of wijken and buurten has eighteen thousand.

    ``code`` is trimmed, ``status`` is a period's (Definitief, Voorlopig …).
    """

    code: Sequence[str]
    title: Sequence[str]
    description: Sequence[str | None]
    group: Sequence[str | None]
    status: Sequence[str | None]

    @classmethod
    def read(cls, entries: list[dict[str, Any]], key: str, group: str, url: str) -> Codes:
        """From a code list; ``key`` and ``group`` are what the service calls these fields, ``url`` is where it came from."""
        groups = [entry.get(group) for entry in entries]
        return cls(
            [named(entry, key, url).strip() for entry in entries],
            [clean(entry.get("Title")) for entry in entries],
            [prose(entry.get("Description")) for entry in entries],
            [None if above is None else str(above) for above in groups],
            [entry.get("Status") for entry in entries],
        )

    @classmethod
    def named(cls, titles: dict[str, str]) -> Codes:
        """From titles by code, with nothing else known."""
        nothing = [None] * len(titles)
        return cls(list(titles), list(titles.values()), nothing, nothing, nothing)


class Measure(NamedTuple):
    """A column (v3) or measure (v4). The stem is the key without its yearly moving suffix; v4 codes have none.

    ``path`` is the titles of the topic groups above it, from the outside in, joined by `` > ``.
    """

    code: str
    stem: str
    title: str
    path: str
    unit: str | None
    datatype: str
    decimals: int | None
    description: str | None
    position: int

    @property
    def is_text(self) -> bool:
        return self.datatype == "String"


@dataclass(frozen=True)
class Metadata:
    """The shape of a table. ``codes`` are by dimension; ``raw`` has every metadata resource as the service gave it, by name."""

    dimensions: tuple[Dimension, ...]
    codes: dict[str, Codes]
    measures: tuple[Measure, ...]
    info: dict[str, Any]
    raw: dict[str, Any]

    def dimension(self, kind: str) -> Dimension | None:
        """The one dimension of this kind, or None. A table with two is an error where it is read, not here."""
        return next((d for d in self.dimensions if d.kind == kind), None)

    def about(self, region: str | None) -> Metadata:
        """The same table with this dimension as its regions, and every other that has regions as an ordinary one."""
        if region is None:
            return self
        changed = tuple(
            d._replace(kind="region" if d.key == region else "other" if d.kind == "region" else d.kind)
            for d in self.dimensions
        )
        return replace(self, dimensions=changed)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over dimensions and measures: what an indicator could be bound to. Order and descriptions don't count."""
        shape = {
            "dimensions": sorted((d.key, d.kind) for d in self.dimensions),
            "measures": sorted(
                (m.code, m.title, m.path, m.unit or "", m.datatype, m.decimals or 0) for m in self.measures
            ),
        }
        return hashlib.sha256(json.dumps(shape, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class Slice:
    """A part of a table that is fetched, counted and proved on its own.

    :param filter: as the service takes it; None is the whole table.
    :param regions: the region codes (trimmed) that it may bring; None is any.
    """

    filter: str | None = None
    regions: frozenset[str] | None = None


@dataclass(frozen=True)
class Page:
    """One page of rows as received.

    A body of JSON is kept in three parts: ``head`` before the rows, the rows in ``file`` (zstandard), ``tail`` behind them.
    Rows that the service parts by line ends are kept a row a line and ``between`` is what parted them; others are kept as
    the array that they came in. A bulk file is kept whole in ``file``. ``sha256`` is over the exact body, which
    :func:`ingest.statline.page.body` puts together again. ``next`` is where the service says the next page is; ``part`` is
    the slice, counted from 0.
    """

    number: int
    url: str
    file: str
    head: str
    tail: str
    bytes: int
    sha256: str
    next: str | None = None
    part: int = 0
    between: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Service(Protocol):
    """How a StatLine service is asked. Every method raises :class:`ingest.http.FetchError` with URL and expectation."""

    #: The kind of rows: ``wide`` has a column per measure (v3), ``long`` a row per observation (v4).
    layout: str

    def head(self, table: Table) -> Head: ...

    def metadata(self, table: Table) -> Metadata: ...

    def slices(self, table: Table, metadata: Metadata) -> list[Slice]:
        """What to ask for, so that the declared filter and scope come whole.

        :raises FilterError: the service would not do what the declared filter says.
        """
        ...

    def count(self, table: Table, head: Head, part: Slice) -> tuple[int, str]:
        """The service's own count of a slice, and the URL that said so."""
        ...

    def pages(self, table: Table, part: Slice, into: Path, before: int, done: Sequence[Page] = ()) -> Iterator[Page]:
        """Fetch a slice page after page into a folder, in the service's own order, going on behind those that are ``done``.

        :param before: how many pages of other slices there are, for the numbering.
        """
        ...

    def columns(self, metadata: Metadata) -> list[str]:
        """The keys that every row must have, and no others."""
        ...

    def cell_url(self, table: Table, keys: dict[str, str], measure: str) -> str:
        """The address at which anyone can look one figure up at the source."""
        ...


def clean(text: object) -> str:
    """A title as a person reads it: no-break spaces become spaces, runs of blanks one, ends trimmed."""
    return " ".join(str(text or "").split())


def prose(text: object) -> str | None:
    """A description with one kind of line end and no blank rim; None when there is nothing left."""
    if text is None:
        return None
    lines = str(text).replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    return lines.strip() or None


def integer(text: str, url: str) -> int:
    """A count as these services send it: bare digits, sometimes behind a byte-order mark."""
    digits = text.strip().lstrip("\ufeff").strip()
    if not (digits.isascii() and digits.isdecimal()):
        raise FetchError(url, "a number of rows", shown(repr(digits[:80])))
    return int(digits)


def infer_region(dimensions: list[Dimension], codes: dict[str, Codes]) -> list[Dimension]:
    """Where no dimension calls itself geographic, take those whose codes are (nearly) all region codes."""
    if any(d.kind == "region" for d in dimensions):
        return dimensions
    return [
        d._replace(kind="region")
        if (members := codes[d.key].code) and sum(bool(REGION.match(m)) for m in members) >= 0.9 * len(members)
        else d
        for d in dimensions
    ]
