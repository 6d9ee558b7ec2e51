"""What a source sent, as a snapshot keeps it: put together again to the byte."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import zstandard


@dataclass(frozen=True)
class Page:
    """One page of rows as received.

    A body of JSON is kept in three parts: ``head`` before the rows, the rows in ``file`` (zstandard), ``tail`` behind them.
    Rows that the service parts by line ends are kept a row a line and ``between`` is what parted them; others are kept as
    the array that they came in. A bulk file is kept whole in ``file``. ``sha256`` is over the exact body, which
    :func:`body` puts together again. ``next`` is where the service says the next page is; ``part`` is
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


def body(page: Page, folder: Path) -> bytes:
    """The exact body of a page, or of a bulk file, as the service sent it: what ``sha256`` and ``bytes`` are about."""
    if page.file.endswith(".zip"):
        return (folder / page.file).read_bytes()
    with zstandard.open(folder / page.file, "rb") as file:
        rows = file.read()
    if page.between:
        between = page.between.encode()
        rows = rows[1:-1].replace(as_line(between), between)
    return page.head.encode() + rows + page.tail.encode()


def as_line(between: bytes) -> bytes:
    """What parts two rows, at the same length, with its comma as the one line end."""
    return re.sub(rb"[\t\r\n]", b" ", between).replace(b",", b"\n")
