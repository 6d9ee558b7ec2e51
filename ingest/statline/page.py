"""A page of rows, or a bulk file, streamed to disk in bounded memory and checked on the way.

DuckDB streams bare rows several times faster than the OData envelope around them, and a row a line faster than an array,
which it scans for the ends of its rows. So the rows go to a file of their own, a row a line where that can be undone, and
the envelope's head and tail are kept beside it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import IO, Any

import requests
import zstandard

from ingest.http import Client, LoopError, TransientError
from ingest.received import Page, as_line, body
from ingest.statline.answer import TwiceError, document, records, unique
from ingest.words import glimpse, shown

_BLANK = rb"[ \t\r\n]*"
_ARRAY = re.compile(rb'"value"\s*:\s*\[')
_OPENED = re.compile(_BLANK + rb"\{" + _BLANK)
_BETWEEN = re.compile(_BLANK + rb"\}" + _BLANK + rb"," + _BLANK + rb"\{" + _BLANK)
#: A value that no row of a table has: true, false, a list or an object. In a text it can be anything, so what is found is
#: looked at.
_STRANGE = re.compile(rb":(?:[tf\[{]|[ \t\r\n]+[tf\[{])")
#: White space before such a value is looked for in this much, where two chunks meet.
_SEAM = 64
_CLOSED = re.compile(_BLANK + rb"\}" + _BLANK + rb"\Z")
#: The envelope behind the array holds a next link and little else; the array's end is looked for in this much.
_TAIL = 16_384
#: What comes before the array, and the first two rows, are looked for in this much.
_HEAD = 65_536
#: The quickest level, with a window (128 KiB) that stays in a core's cache: a tenth less time, three per cent more room.
_COMPRESSION = zstandard.ZstdCompressionParameters.from_level(1, window_log=17)


class _UnevenError(Exception):
    """A page whose rows are not all parted by the same bytes."""


class Envelope:
    """Splits a streamed OData body into head, rows and tail, and hashes all of it.

    :param lines: write the rows a row a line where they are parted by a line end, which can't stand inside a JSON string
        (RFC 8259, section 7): what parts them is overwritten, at the same length, so that only its comma is a line end.
        Rows that are parted otherwise are written as the array that they came in.
    """

    def __init__(self, url: str, rows: zstandard.ZstdCompressionWriter, lines: bool = True) -> None:
        self.url = url
        self.bytes = 0
        #: What parts the rows as they came; empty where they are kept as an array.
        self.between = b""
        self._line = b""
        self._head: bytes | None = None
        self._before_array = b""
        self._rows = rows
        self._lines = lines
        self._held = bytearray()
        #: How far into what is held the rows are parted.
        self._parted = 0
        self._sha = hashlib.sha256()
        self._last = b""
        #: Whether some row may have a value that is neither a number nor a text.
        self.strange = False

    def feed(self, chunk: bytes) -> None:
        """:raises _UnevenError: the page must be fetched again, as an array."""
        self.bytes += len(chunk)
        self._sha.update(chunk)
        self._held += chunk
        if self._head is not None:
            self._look(chunk)
        if self._head is None and len(self._held) > _HEAD:
            self._begin()
        if self._head is not None and len(self._held) > 4 * _TAIL:
            self._write(len(self._held) - _TAIL)

    def finish(self) -> tuple[dict[str, Any], str, str, str]:
        """The envelope without its rows, then head, tail and SHA-256.

        :raises TransientError: what came is not an OData page (a web page, nothing) or the JSON is cut short.
        :raises _UnevenError: the page must be fetched again, as an array.
        """
        if self._head is None:
            self._begin()
        assert self._head is not None
        end = len(self._held)
        while (end := self._held.rfind(b"]", 0, end)) >= 0:
            try:
                envelope = unique(self._before_array + b"[]" + self._held[end + 1 :])
            except TwiceError as error:
                raise TransientError(self.url, "a whole JSON document", str(error)) from None
            except ValueError:
                continue
            if not isinstance(envelope, dict):
                continue
            if self.between:
                closed = _CLOSED.search(self._held, 0, end)
                if closed is None or self._part(closed.start()) != closed.start():
                    raise _UnevenError
                tail = self._held[closed.start() :]
                self._rows.write(self._held[: closed.start()] + b"}")
            else:
                tail = self._held[end + 1 :]
                self._rows.write(self._held[: end + 1])
            return envelope, self._head.decode(), tail.decode(), self._sha.hexdigest()
        raise TransientError(
            self.url,
            "a whole JSON document",
            f"JSON cut short after {self.bytes:,} bytes: …{glimpse(bytes(self._held[-60:]))}",
        )

    def _begin(self) -> None:
        start = bytes(self._held)
        array = _ARRAY.search(start)
        if not array:
            raise TransientError(self.url, 'OData JSON with a "value" array', glimpse(start))
        before = array.end() - 1
        self._before_array = start[:before]
        opened = _OPENED.match(start, array.end())
        if self._lines and opened:
            partings = (found[0] for found in _BETWEEN.finditer(start, opened.end()))
            self.between = next((p for p in partings if b"\n" in p and len(p) < _TAIL), b"")
            if self.between:
                self._line = as_line(self.between)
                before = opened.end()
                self._rows.write(b"{")
        self._head = start[:before]
        del self._held[:before]
        self._look(bytes(self._held))

    def _look(self, rows: bytes) -> None:
        self.strange = self.strange or bool(_STRANGE.search(rows) or _STRANGE.search(self._last + rows[:_SEAM]))
        self._last = rows[-_SEAM:] if len(rows) >= _SEAM else (self._last + rows)[-_SEAM:]

    def _write(self, end: int) -> None:
        if self.between:
            # A line end behind this may belong to bytes that begin before it.
            end = self._part(end) - len(self.between)
            self._parted -= end
        self._rows.write(memoryview(self._held)[:end])
        del self._held[:end]

    def _part(self, end: int) -> int:
        """Put each row on a line of its own, up to there or to the end of what parts the last two; where that was."""
        held, between, line, parted = self._held, self.between, self._line, self._parted
        first, size = between.index(b"\n"), len(between)
        while (at := held.find(b"\n", parted, end)) >= 0:
            start, parted = at - first, at - first + size
            if start < 0 or not held.startswith(between, start):
                raise _UnevenError
            held[start:parted] = line
        self._parted = max(parted, end)
        return self._parted


def follow(
    client: Client,
    first: str,
    into: Path,
    before: int,
    done: Sequence[Page],
    next_link: Callable[[dict[str, Any]], str | None],
    what: str,
) -> Iterator[Page]:
    """Fetch the first page and follow the next links, going on behind the pages that are ``done``.

    :param before: how many pages of other slices there are, for the numbering.
    :param next_link: takes a page's envelope and gives the address of the next page, on our host.
    :raises LoopError: a next link leads to a page that was already seen.
    """
    seen = {page.url for page in done}
    number = before + len(done)
    url = done[-1].next if done else first
    # A service that does not part its rows by line ends on one page won't on the next.
    lines = not done or bool(done[-1].between)
    while url:
        if url in seen:
            raise LoopError(url, "a next link to a page not seen yet", f"a loop after {number - before} pages")
        seen.add(url)
        number += 1
        expected = f"page {number} of {what}"
        try:
            page, envelope = _fetch(client, url, into, number, expected, lines)
        except _UnevenError:
            page, envelope = _fetch(client, url, into, number, expected, lines=False)
        lines = bool(page.between)
        url = next_link(envelope)
        yield replace(page, next=url)


def _fetch(
    client: Client, url: str, into: Path, number: int, expected: str, lines: bool
) -> tuple[Page, dict[str, Any]]:
    """Fetch one page to ``into``; the page's record, and its envelope without the rows (there the next link is)."""
    target = into / f"page-{number:05d}.json.zst"

    def consume(response: requests.Response) -> tuple[Page, dict[str, Any]]:
        # Started anew at each try: a broken attempt is overwritten.
        with target.open("wb") as file, _compressed(file) as rows:
            envelope = Envelope(url, rows, lines)
            for chunk in response.iter_content(1 << 18):
                envelope.feed(chunk)
            rest, head, tail, sha256 = envelope.finish()
        page = Page(number, url, target.name, head, tail, envelope.bytes, sha256, between=envelope.between.decode())
        if envelope.strange:
            _of_values(page, into, expected)
        return page, rest

    return client.read(requests.Request("GET", url).prepare(), consume, expected)


def _of_values(page: Page, folder: Path, expected: str) -> None:
    """That every row has numbers, texts and nulls only: ``true`` would be kept as 1, and a list as its text.

    :raises TransientError: one has something else.
    """
    for row in records(document(body(page, folder), page.url, expected), page.url, expected):
        for key, value in row.items():
            if isinstance(value, bool | list | dict):
                said = shown(json.dumps(value), 80)
                raise TransientError(page.url, "numbers and texts in every row", f"{said} for {shown(key, 80)}")


def _compressed(file: IO[bytes]) -> zstandard.ZstdCompressionWriter:
    return zstandard.ZstdCompressor(compression_params=_COMPRESSION).stream_writer(file)


def bulk(client: Client, url: str, into: Path, expected: str) -> Page:
    """Fetch a bulk file (CSV, or a ZIP with ``Observations.csv`` in it) as one page, kept as it came."""

    def consume(response: requests.Response) -> Page:
        chunks = response.iter_content(1 << 18)
        start = next(chunks, b"")
        if re.match(rb"(?i)\s*<(!doctype|html|\?xml)", start) or not start:
            raise TransientError(url, expected, glimpse(start))
        target = into / ("bulk.zip" if start.startswith(b"PK") else "bulk.csv.zst")
        sha, size = hashlib.sha256(), 0
        with target.open("wb") as file:
            out: Any = file if target.suffix == ".zip" else _compressed(file)
            for chunk in chain([start], chunks):
                out.write(chunk)
                sha.update(chunk)
                size += len(chunk)
            if out is not file:
                out.close()
        return Page(1, url, target.name, "", "", size, sha.hexdigest())

    return client.read(requests.Request("GET", url).prepare(), consume, expected)


def observations_csv(file: Path) -> IO[bytes]:
    """The observations of a bulk file, decompressed.

    :raises zipfile.BadZipFile: a ZIP that is damaged, or without ``Observations.csv``.
    """
    if file.suffix == ".zip":
        archive = zipfile.ZipFile(file)
        name = next((n for n in archive.namelist() if n.rpartition("/")[2].lower() == "observations.csv"), None)
        if name is None:
            raise zipfile.BadZipFile(f"no Observations.csv among {', '.join(archive.namelist()) or 'nothing'}")
        return archive.open(name)
    return zstandard.open(file, "rb")


def page_columns(file: Path) -> list[str] | None:
    """The columns of a page, from its first row (or a bulk file's header); None when the page has no rows.

    :raises ValueError: it has no rows that can be read.
    """
    if not file.name.endswith(".json.zst"):
        with observations_csv(file) as source:
            start = source.read(1 << 16)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ValueError("UTF-16, where CSV of CBS is UTF-8")
        line = next(io.StringIO(start.decode("utf-8-sig", "ignore")), "")
        return next(csv.reader([line], delimiter=";"), [])
    row = _first_row(file)
    return None if row is None else list(row)


def _first_row(file: Path) -> dict[str, Any] | None:
    """The first row of a page, or None when the page has no rows."""
    with file.open("rb") as source, zstandard.ZstdDecompressor().stream_reader(source) as reader:
        text = reader.read(1 << 20).decode("utf-8", "ignore").lstrip("[ \r\n\t")
    if text.startswith("]") or not text:
        return None
    row, _ = json.JSONDecoder().raw_decode(text)
    if not isinstance(row, dict):
        raise ValueError(f"a row that is no object: {shown(text, 80)}")
    return row
