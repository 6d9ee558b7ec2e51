"""Fetching a file at a URL whole, and only when it is another than the last one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

from ingest.files.sheet import MOST_BYTES
from ingest.http import Client, FetchError


@dataclass(frozen=True)
class Arrived:
    """A file in memory. ``stamp`` tells it from the next one: ETag, time of last change, SHA-256 of its bytes."""

    data: bytes
    stamp: dict[str, str]
    modified: str


def conditions(stamp: dict[str, str]) -> dict[str, str]:
    named = {"If-None-Match": stamp.get("etag"), "If-Modified-Since": stamp.get("last_modified")}
    return {name: value for name, value in named.items() if value}


def fetch(url: str, client: Client, known: dict[str, str]) -> Arrived:
    expected = f"a file of at most {MOST_BYTES:,} bytes"

    def take(response: requests.Response) -> Arrived:
        body = bytearray()
        for chunk in response.iter_content(1 << 18):
            body += chunk
            if len(body) > MOST_BYTES:
                raise FetchError(url, expected, "more")
        headers = response.headers
        stamp = {
            "etag": headers.get("ETag", ""),
            "last_modified": headers.get("Last-Modified", ""),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        try:
            moment = parsedate_to_datetime(headers["Last-Modified"]).astimezone(UTC)
        except (KeyError, TypeError, ValueError):
            moment = datetime.now(UTC)
        return Arrived(bytes(body), stamp, moment.isoformat(timespec="seconds"))

    request = requests.Request("GET", url, headers=conditions(known)).prepare()
    return client.read(request, take, expected)
