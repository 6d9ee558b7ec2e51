"""Listings page by page: a cursor says where a page ended, of which question and which release."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from fastapi.responses import Response

from warehouse.serve.api.answers import answer_json, link
from warehouse.serve.api.questions import RELEASE, named
from warehouse.serve.library import Opened
from warehouse.serve.problem import Fault, Problem
from warehouse.serve.request import Asked


def start(
    asked: Asked, release: str | None, cursor: str | None, kinds: Sequence[type]
) -> tuple[Opened, list[Any] | None]:
    """The release of a listing and where it goes on: a cursor stays with the release that its first page came from.

    :param kinds: what says where a page of this listing ended.
    :raises Problem: the cursor is none of ours, is of another question, or its release is gone.
    """
    if cursor is None:
        return asked.open(named(release)), None
    try:
        said = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        name, after, seal = said["r"], said["a"], said["s"]
        ok = isinstance(name, str) and bool(re.fullmatch(RELEASE, name)) and seal == _seal(asked, name, after)
        # Whoever can make a seal can make it around anything.
        ok = ok and [type(a) for a in after] == list(kinds)
        ok = ok and all(a.isprintable() and len(a) <= 200 if type(a) is str else 0 <= a <= 10**9 for a in after)
    except (ValueError, KeyError, TypeError, RecursionError):
        ok = False
    if not ok:
        why = "Deze cursor is niet van deze vraag; begin opnieuw zonder cursor."
        raise Problem(400, why, [Fault("query", "cursor", why)])
    try:
        return asked.open(name), after
    except Problem as problem:
        why = f"Release {name} van deze cursor is er niet (meer); begin opnieuw zonder cursor."
        raise Problem(400, why, [Fault("query", "cursor", why)]) from problem


def _seal(asked: Asked, release: str, after: list[Any]) -> str:
    """What ties a cursor to the question that it goes on with; a digit of it that changed on its way is noticed too."""
    given = sorted((k, v) for k, v in asked.request.query_params.multi_items() if k not in ("cursor", "limiet"))
    text = json.dumps([asked.request.url.path, given, release, after])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def page_links(asked: Asked, opened: Opened, more: list[Any] | None, headers: dict[str, str]) -> dict[str, Any]:
    links: dict[str, Any] = {"self": link(asked)}
    if more:
        said = {"r": opened.release_id, "a": more, "s": _seal(asked, opened.release_id, more)}
        cursor = base64.urlsafe_b64encode(json.dumps(said, separators=(",", ":")).encode()).decode().rstrip("=")
        links["next"] = link(asked, cursor=cursor)
        headers["Link"] = f'<{links["next"]["href"]}>; rel="next"'
    return links


def paged(
    asked: Asked,
    opened: Opened,
    body: dict[str, Any],
    more: list[Any] | None,
    headers: dict[str, str],
) -> Response:
    return answer_json(asked, opened, body | {"_links": page_links(asked, opened, more, headers)}, headers)
