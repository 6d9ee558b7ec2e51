"""What a user can mend, and how a mistake in a declaration is told."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pydantic import ValidationError

#: Lists in declarations, and what one of their entries is.
_ENTRIES = {
    "tables": "table",
    "goals": "goal",
    "interventions": "intervention",
    "indicators": "indicator",
    "series": "series",
}


class MendableError(Exception):
    """Something that whoever runs a command can put right. The message says what is wrong, where, and what to do about it; the
    command tells it in a line and ends with 1."""


def explained(error: ValidationError, content: object = None) -> list[str]:
    """What is wrong in a declaration, a line each, in the words of its file: an entry by its id, a field by its name.

    :param content: what was read, for the ids in it.
    """
    lines = []
    for item in error.errors():
        place = list(item["loc"])
        where = f"field {'.'.join(map(str, place)) or '(the file itself)'}"
        if len(place) >= 2 and place[0] in _ENTRIES and isinstance(place[1], int):
            entry = content[place[0]][place[1]] if isinstance(content, dict) else None
            name = entry.get("id") if isinstance(entry, dict) else None
            within = ".".join(map(str, place[2:])) or "(itself)"
            where = f"{_ENTRIES[str(place[0])]} {name or f'number {place[1] + 1}'}: field {within}"
        lines.append(f"{where}: {item['msg'].removeprefix('Value error, ')}")
    return lines


def address(url: str, instead: str = "") -> str:
    """An address as a declaration may have it.

    :param instead: what else to do than to write a secret in it.
    :raises ValueError: it is no address of the web, or has a user or password in it, which every message and log would quote.
    """
    try:
        parts = urlsplit(url)
        secret, host = parts.username or parts.password, parts.hostname
    except ValueError:
        raise ValueError("url is no address; write https://host/path") from None
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in url):
        raise ValueError("url must start with http:// or https:// and name a host, without spaces")
    if secret:
        raise ValueError(f"url has a user or password in it{instead}")
    return url
