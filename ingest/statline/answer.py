"""A JSON answer of a source, read strictly: what is not exactly what was asked is an error that names the address.

Strictly means UTF-8, one object, no name twice in an object (which of the two holds is anybody's guess), and no number that
JSON does not have.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import orjson

from ingest.http import FetchError, TransientError
from ingest.words import glimpse, shown

_NAMED = re.compile(rb'"[ \t\r\n]*:')


class TwiceError(ValueError):
    """A name that an object has twice."""


def document(body: bytes, url: str, expected: str) -> dict[str, Any]:
    """:raises TransientError: it is no JSON, or JSON of another kind."""
    try:
        found = orjson.loads(body)
        # Every name of every object stands before a colon. So where there are no more of these than names were read, no
        # name came twice; text with a colon behind a quotation mark makes for a closer look, at a tenth of the speed.
        if len(_NAMED.findall(body)) != _names(found):
            unique(body)
    except TwiceError as error:
        raise TransientError(url, expected, str(error)) from None
    except ValueError:
        raise TransientError(url, expected, f"no JSON: {glimpse(body)}") from None
    if not isinstance(found, dict):
        raise TransientError(url, expected, f"JSON of another kind ({type(found).__name__})")
    return found


def records(page: dict[str, Any], url: str, expected: str) -> list[dict[str, Any]]:
    """The objects that an OData answer lists."""
    value = page.get("value")
    if not isinstance(value, list):
        raise TransientError(url, expected, 'JSON without a "value" list')
    if strange := [item for item in value if not isinstance(item, dict)]:
        raise TransientError(
            url, expected, f'a "value" list of other things than objects: {shown(repr(strange[0]), 80)}'
        )
    return value


def unique(body: bytes) -> Any:
    """JSON in which no object has a name twice.

    :raises ValueError: one does, or it is no JSON.
    """
    return json.loads(body, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise TwiceError(f"JSON that has {shown(twice, 80)!r} twice in one object")
    return found


def _names(value: Any) -> int:
    """How many names all objects in a JSON value have together."""
    if isinstance(value, dict):
        return len(value) + sum(_names(item) for item in value.values() if isinstance(item, dict | list))
    if isinstance(value, list):
        return sum(_names(item) for item in value if isinstance(item, dict | list))
    return 0


# -- fields -----------------------------------------------------------------------------------------------------------


def named(entry: dict[str, Any], key: str, url: str) -> str:
    """The field by which an entry is known.

    :raises FetchError: it has none.
    """
    found = entry.get(key)
    if not isinstance(found, str | int) or isinstance(found, bool) or not str(found).strip():
        raise FetchError(url, f"a {key} in every entry", f"one without: {shown(str(entry), 120)}")
    return str(found)


def counted(value: object, url: str, field: str) -> int | None:
    """A count in a document; None where the service gives none.

    :raises FetchError: it is no number of rows.
    """
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    if isinstance(value, str) and (digits := value.strip()).isascii() and digits.isdecimal():
        return int(digits[:18])
    raise FetchError(url, f"a number of rows ({field})", shown(repr(value), 80))


def moment(value: object, url: str, field: str) -> str:
    """When a source says that it changed; empty where it does not say.

    :raises FetchError: it is no date or time.
    """
    text = str(value or "").strip()
    try:
        if text:
            datetime.fromisoformat(text)
    except ValueError:
        raise FetchError(url, f"a date or time ({field})", shown(repr(value), 80)) from None
    return text


def link(value: object, url: str) -> str | None:
    """The address of the next page; None on the last.

    :raises FetchError: it is no address.
    """
    if value is None or isinstance(value, str):
        return value or None
    raise FetchError(url, "an address of the next page", shown(repr(value), 80))
