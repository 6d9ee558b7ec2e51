"""What both services tell about a table, in one form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ingest.declaration import Table
from ingest.http import FetchError
from ingest.metadata import Codes, Dimension, Metadata
from ingest.received import Page
from ingest.scope import REGION
from ingest.statline.answer import named
from ingest.words import shown

SUFFIX = re.compile(r"^(?P<stem>.+)_(?P<suffix>\d+)$")


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


@dataclass(frozen=True)
class Slice:
    """A part of a table that is fetched, counted and proved on its own.

    :param filter: as the service takes it; None is the whole table.
    :param regions: the region codes (trimmed) that it may bring; None is any.
    """

    filter: str | None = None
    regions: frozenset[str] | None = None


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


def code_list(entries: list[dict[str, Any]], key: str, group: str, url: str) -> Codes:
    """The members of a dimension; ``key`` and ``group`` are what the service calls these fields, ``url`` is where they are from."""
    groups = [entry.get(group) for entry in entries]
    return Codes(
        [named(entry, key, url).strip() for entry in entries],
        [clean(entry.get("Title")) for entry in entries],
        [prose(entry.get("Description")) for entry in entries],
        [None if above is None else str(above) for above in groups],
        [entry.get("Status") for entry in entries],
    )


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
