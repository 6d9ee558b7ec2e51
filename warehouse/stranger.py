"""What another service says, before anything is done with it: names, addresses, texts, and where a key may go.

What belongs here: checks of what comes from a server that we did not make. A name is checked before it becomes a path, an
address before it is asked, and a text before it reaches a terminal. What fits no pattern is refused, never repaired.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

#: Headers that open something, and so go to the service that they were given for and nowhere else.
_SECRET = ("X-Api-Key", "Authorization", "Cookie")
_RELEASE = re.compile(r"[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,6}", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DEEPEST = 4
#: No text of a server is worth more of a terminal than this.
_LONGEST = 2_000


class StrangeError(Exception):
    """Something that a server said and that nothing may be done with; the message says what, without repeating it raw."""


def release_id(value: Any) -> str:
    """:raises StrangeError: this is no name of a release, such as 2026.11.2."""
    if not (isinstance(value, str) and _RELEASE.fullmatch(value)):
        raise StrangeError(f"it names a release {plain(value, 80)!r}; a release is called like 2026.11.2")
    return value


def file_name(value: Any) -> str:
    """:raises StrangeError: this is no name of a file of a release, such as tables/wonen.csv."""
    parts = value.split("/") if isinstance(value, str) else []
    if not 1 <= len(parts) <= _DEEPEST or not all(_PART.fullmatch(p) for p in parts):
        raise StrangeError(
            f"it offers a file {plain(value, 80)!r}; a file of a release is called like tables/wonen.csv"
        )
    return str(value)


def digest(value: Any) -> str:
    """:raises StrangeError: this is no SHA-256."""
    if not (isinstance(value, str) and _DIGEST.fullmatch(value)):
        raise StrangeError(f"it says {plain(value, 80)!r} where a SHA-256 should be")
    return value


def within(folder: Path, name: str) -> Path:
    """The place of a file in a folder, links followed.

    :raises StrangeError: it would be outside.
    """
    target = folder / file_name(name)
    if not target.resolve().is_relative_to(folder.resolve()):
        raise StrangeError(f"it offers a file outside its folder: {name!r} would be {target.resolve()}")
    return target


def plain(value: Any, longest: int = _LONGEST) -> str:
    """A text without what steers a terminal or turns its reading direction, on one line."""
    text = " ".join(str(value)[: 4 * longest].split())
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
    return text if len(text) <= longest else text[:longest] + "…"


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what a key is given for.

    :raises StrangeError: this is no address over http.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise StrangeError(f"{plain(url, 80)!r} is no address") from None
    if scheme not in ("http", "https") or not host:
        raise StrangeError(f"{plain(url, 80)!r} is no address of a service")
    return scheme, host, port or {"http": 80, "https": 443}[scheme]


class GuardedSession(requests.Session):
    """Sends a key to the service that it was given for: not along a redirect to another scheme, host or port. Never goes from
    https to http, with or without a key: what comes back could be anyone's."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.home = origin(url)
        self.max_redirects = 5
        # Proxies and certificates of the environment count (trust_env); passwords of a .netrc are for other programs.
        self.auth = _as_it_is

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        there = origin(prepared_request.url or "")
        if origin(response.url)[0] == "https" and there[0] == "http":
            raise StrangeError(f"it sends us from https to http ({plain(prepared_request.url, 200)})")
        if there != self.home:
            for name in _SECRET:
                prepared_request.headers.pop(name, None)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
