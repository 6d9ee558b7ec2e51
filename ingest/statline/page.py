"""A page of rows, or a bulk file, streamed to disk in bounded memory and checked on the way.

DuckDB streams a bare JSON array several times faster than the OData envelope around it, so the array goes to a file
of its own and the envelope's head and tail are kept beside it.
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
from ingest.statline.model import Page

_ARRAY = re.compile(rb'"value"\s*:\s*\[')
#: The envelope behind the array holds a next link and little else; the array's end is looked for in this much.
_TAIL = 16_384
_HEAD = 65_536
#: The quickest level, with a window (128 KiB) that stays in a core's cache: a tenth less time, three per cent more room.
_COMPRESSION = zstandard.ZstdCompressionParameters.from_level(1, window_log=17)


class Envelope:
    """Splits a streamed OData body into head, array and tail, and hashes all of it."""

    def __init__(self, url: str, array: zstandard.ZstdCompressionWriter) -> None:
        self.url = url
        self.head: bytes | None = None
        self.bytes = 0
        self._array = array
        self._held = b""
        self._sha = hashlib.sha256()

    def feed(self, chunk: bytes) -> None:
        self.bytes += len(chunk)
        self._sha.update(chunk)
        self._held += chunk
        if self.head is None:
            found = _ARRAY.search(self._held)
            if not found:
                if len(self._held) > _HEAD:
                    raise TransientError(self.url, 'OData JSON with a "value" array', _glimpse(self._held))
                return
            self.head, self._held = self._held[: found.end() - 1], self._held[found.end() - 1 :]
        if len(self._held) > 4 * _TAIL:
            self._array.write(self._held[:-_TAIL])
            self._held = self._held[-_TAIL:]

    def finish(self) -> tuple[dict[str, Any], str, str, str]:
        """The envelope without its rows, then head, tail and SHA-256.

        :raises TransientError: what came is not an OData page (a web page, nothing) or the JSON is cut short.
        """
        if self.head is None:
            raise TransientError(self.url, 'OData JSON with a "value" array', _glimpse(self._held))
        end = len(self._held)
        while (end := self._held.rfind(b"]", 0, end)) >= 0:
            tail = self._held[end + 1 :]
            try:
                envelope = json.loads(self.head + b"[]" + tail)
            except ValueError:
                continue
            self._array.write(self._held[: end + 1])
            return envelope, self.head.decode(), tail.decode(), self._sha.hexdigest()
        raise TransientError(
            self.url,
            "a whole JSON document",
            f"JSON cut short after {self.bytes:,} bytes: …{_glimpse(self._held[-60:])}",
        )


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
    while url:
        if url in seen:
            raise LoopError(url, "a next link to a page not seen yet", f"a loop after {number - before} pages")
        seen.add(url)
        number += 1
        page, envelope = _fetch(client, url, into, number, f"page {number} of {what}")
        url = next_link(envelope)
        yield replace(page, next=url)


def _fetch(client: Client, url: str, into: Path, number: int, expected: str) -> tuple[Page, dict[str, Any]]:
    """Fetch one page to ``into``; the page's record, and its envelope without the rows (there the next link is)."""
    target = into / f"page-{number:05d}.json.zst"

    def consume(response: requests.Response) -> tuple[Page, dict[str, Any]]:
        # Started anew at each try: a broken attempt is overwritten.
        with target.open("wb") as file, _compressed(file) as array:
            envelope = Envelope(url, array)
            for chunk in response.iter_content(1 << 18):
                envelope.feed(chunk)
            rest, head, tail, sha256 = envelope.finish()
        return Page(number, url, target.name, head, tail, envelope.bytes, sha256), rest

    return client.read(requests.Request("GET", url).prepare(), consume, expected)


def _compressed(file: IO[bytes]) -> zstandard.ZstdCompressionWriter:
    return zstandard.ZstdCompressor(compression_params=_COMPRESSION).stream_writer(file)


def bulk(client: Client, url: str, into: Path, expected: str) -> Page:
    """Fetch a bulk file (CSV, or a ZIP with ``Observations.csv`` in it) as one page, kept as it came."""

    def consume(response: requests.Response) -> Page:
        chunks = response.iter_content(1 << 18)
        start = next(chunks, b"")
        if re.match(rb"(?i)\s*<(!doctype|html|\?xml)", start) or not start:
            raise TransientError(url, expected, _glimpse(start))
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
    """The columns of a page, from its first row (or a bulk file's header); None when the page has no rows."""
    if not file.name.endswith(".json.zst"):
        with observations_csv(file) as source:
            line = next(io.TextIOWrapper(source, encoding="utf-8-sig"), "")
        return next(csv.reader([line], delimiter=";"), [])
    row = _first_row(file)
    return None if row is None else list(row)


def _first_row(file: Path) -> dict[str, Any] | None:
    """The first row of a page's array, or None when the page has no rows."""
    with file.open("rb") as source, zstandard.ZstdDecompressor().stream_reader(source) as reader:
        text = reader.read(1 << 20).decode("utf-8", "ignore").lstrip("[ \r\n\t")
    if text.startswith("]") or not text:
        return None
    row, _ = json.JSONDecoder().raw_decode(text)
    return row


def _glimpse(start: bytes) -> str:
    text = " ".join(start[:400].decode("utf-8", "replace").split())[:120]
    if re.match(r"(?i)<(!doctype|html|\?xml)", text):
        return f"a web page: {text}"
    return text or "an empty answer"
