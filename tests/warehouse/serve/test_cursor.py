"""A cursor goes on with the question that it came from; any other is refused, whoever made it."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.conftest import Center

LISTS = ("/v1/waarnemingen", "/v1/gebieden")
RANKED = {"sorteer": "-waarde"}


def cursor_of(center: Center, path: str, **params: Any) -> str:
    link = center.service.get(path, limiet=2, **params).json()["_links"]["next"]["href"]
    return str(requests.utils.urlparse(link).query.partition("cursor=")[2].partition("&")[0])


def refused(center: Center, path: str, cursor: str, **params: Any) -> None:
    answer = center.service.get(path, cursor=cursor, **params)
    assert answer.status_code == 400, (cursor, answer.text[:200])
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [e["name"] for e in answer.json()["errors"]] == ["cursor"]


def test_a_cursor_of_another_question_is_refused(center: Center) -> None:
    ours = {path: cursor_of(center, path) for path in LISTS}
    ranked = cursor_of(center, LISTS[0], **RANKED)
    for path in LISTS:
        assert center.service.get(path, cursor=ours[path], limiet=7).status_code == 200
    refused(center, LISTS[0], ours[LISTS[1]])
    refused(center, LISTS[1], ours[LISTS[0]])
    refused(center, LISTS[0], ranked)
    refused(center, LISTS[0], ours[LISTS[0]], **RANKED)
    refused(center, LISTS[0], ours[LISTS[0]], indicator="bev_inwoners")
    refused(center, LISTS[1], ours[LISTS[1]], soort="gemeente")
    refused(center, LISTS[0], ours[LISTS[0]], release=center.releases[0])


def test_a_cursor_of_which_a_sign_changed_is_refused(center: Center) -> None:
    cursor = cursor_of(center, LISTS[0])
    for at in range(0, len(cursor), 7):
        other = "A" if cursor[at] != "A" else "B"
        refused(center, LISTS[0], cursor[:at] + other + cursor[at + 1 :])
    refused(center, LISTS[0], cursor[:-9])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ras"), inner, max_size=3),
    max_leaves=6,
)


def packed(said: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(said, separators=(",", ":")).encode()).decode().rstrip("=")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=_JSON,
    release=st.sampled_from(["2026.1.1", "actueel", "", "x'; --", None, 3, []]) | st.just("OURS"),
    after=st.lists(st.integers() | st.text(max_size=10) | st.booleans() | st.none() | st.just([]), max_size=4),
    path=st.sampled_from(LISTS),
)
def test_whatever_is_made_up_is_refused_even_with_a_seal_that_fits(
    center: Center, said: Any, release: Any, after: list[Any], path: str
) -> None:
    release = center.releases[-1] if release == "OURS" else release
    seal = hashlib.sha256(json.dumps([path, [], release, after]).encode()).hexdigest()[:16]
    kinds = [str] * 3 if path == LISTS[0] else [str]
    fits = release in center.releases and [type(a) for a in after] == kinds and all(a.isprintable() for a in after)
    for cursor in (packed(said), packed({"r": release, "a": after, "s": seal})):
        if len(cursor) > 500:
            continue
        answer = center.service.get(path, cursor=cursor)
        assert answer.status_code == (200 if fits and cursor != packed(said) else 400), answer.text[:200]


@pytest.mark.parametrize(
    "cursor", ["a", "====", "A" * 500, base64.b64encode(b"[" * 370).decode(), "bnVsbA", "e30", "W10"]
)
def test_what_is_no_cursor_is_refused(center: Center, cursor: str) -> None:
    for path in LISTS:
        refused(center, path, cursor)
