"""Fetching a file at a URL whole, and only when it is another than the last one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

from ingest.files.sheet import MOST_BYTES
from ingest.http import Client, body


@dataclass(frozen=True)
class Arrived:
    """A file in memory. ``stamp`` tells it from the next one: ETag, time of last change, SHA-256 of its bytes."""

    data: bytes
    stamp: dict[str, str]
    modified: str


def conditions(stamp: dict[str, str]) -> dict[str, str]:
    named = {"If-None-Match": stamp.get("etag"), "If-Modified-Since": stamp.get("last_modified")}
    return {name: value for name, value in named.items() if value}


def moment_of(headers: Mapping[str, str]) -> str | None:
    """When a server says that a file changed last; None where it does not say."""
    try:
        moment = parsedate_to_datetime(headers["Last-Modified"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return None
    return moment.isoformat(timespec="seconds")


def fetch(url: str, client: Client, known: dict[str, str]) -> Arrived:
    def take(response: requests.Response) -> Arrived:
        data = body(response, url, "a file", MOST_BYTES)
        headers = response.headers
        stamp = {
            "etag": headers.get("ETag", ""),
            "last_modified": headers.get("Last-Modified", ""),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        return Arrived(data, stamp, moment_of(headers) or datetime.now(UTC).isoformat(timespec="seconds"))

    request = requests.Request("GET", url, headers=conditions(known)).prepare()
    return client.read(request, take, "a file")
