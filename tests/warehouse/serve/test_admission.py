"""Who is let in, how often, and what is written down of it: the counting itself, by a clock that a test turns."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request

from warehouse.serve import admission, keys
from warehouse.serve.admission import Admission
from warehouse.serve.keys import Key, Keys
from warehouse.serve.problem import Problem
from warehouse.sharing.access import PUBLIC, Scope


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(admission, "time", found)
    return found


def asked(host: str | None = "203.0.113.9", **headers: str) -> Request:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": named, "client": (host, 5000) if host else None, "state": {}})


def refusal(gate: Admission, request: Request) -> Problem:
    with pytest.raises(Problem) as refused:
        gate.admit(request)
    return refused.value


def test_an_address_has_its_number_a_minute_and_gets_it_back_evenly(tmp_path: Path, clock: Clock) -> None:
    gate = Admission(tmp_path, 6)
    for _ in range(6):
        caller = gate.admit(asked())
        assert caller.key is None and caller.scope == PUBLIC
    problem = refusal(gate, asked())
    assert (problem.status, problem.headers) == (429, {"Retry-After": "10"})
    assert problem.detail == "Meer dan 6 vragen per minuut; probeer het over 10 seconden weer."
    assert gate.admit(asked("203.0.113.10")).key is None, "another address counts apart"
    clock.now += 4
    assert refusal(gate, asked()).headers == {"Retry-After": "6"}
    clock.now += 6  # What was refused took nothing away.
    gate.admit(asked())
    refusal(gate, asked())
    clock.now += 3600
    for _ in range(6):  # It fills up to a minute's worth and no further.
        gate.admit(asked())
    refusal(gate, asked())


@pytest.mark.parametrize("per_minute", [1, 7, 11, 13, 59, 61, 600])
def test_who_is_told_to_come_back_is_let_in_then_and_not_before(tmp_path: Path, clock: Clock, per_minute: int) -> None:
    gate = Admission(tmp_path, per_minute)
    for _ in range(per_minute):
        gate.admit(asked())
    wait = int(refusal(gate, asked()).headers["Retry-After"])
    clock.now += max(0, wait - 1)
    assert refusal(gate, asked()).status == 429
    clock.now += 1
    gate.admit(asked())


def test_nobody_is_told_to_come_back_at_once(tmp_path: Path, clock: Clock) -> None:
    fast = Admission(tmp_path, 6000)
    for _ in range(6000):
        fast.admit(asked())
    assert refusal(fast, asked()).headers == {"Retry-After": "1"}


def test_a_network_of_one_subscriber_is_one_and_an_unknown_address_too(tmp_path: Path, clock: Clock) -> None:
    gate = Admission(tmp_path, 1)
    gate.admit(asked("2001:db8::1"))
    assert refusal(gate, asked("2001:db8::ffff")).status == 429
    gate.admit(asked(None))
    assert refusal(gate, asked(None)).status == 429


def test_what_is_counted_is_forgotten_once_it_is_full_again(tmp_path: Path, clock: Clock) -> None:
    gate = Admission(tmp_path, 5)
    for n in range(6000):
        gate._count(f"early {n}", 5)
    clock.now += 30
    for n in range(4000):
        gate._count(f"late {n}", 5)
    assert len(gate._buckets) == 10_000
    clock.now += 30
    gate._count("one more", 5)
    assert gate._buckets.keys() == {*(f"late {n}" for n in range(4000)), "one more"}


def test_a_key_counts_by_its_own_number_wherever_it_comes_from(tmp_path: Path, clock: Clock) -> None:
    _, secret = Keys(tmp_path).add("eersel-bi", "Eersel", "municipality", ["GM0770"], per_minute=3)
    gate = Admission(tmp_path, 1)
    for host in ("203.0.113.1", "203.0.113.2", "203.0.113.1"):
        request = asked(host, x_api_key=secret)
        caller = gate.admit(request)
        assert caller.scope == Scope("municipality", ("GM0770",)) and request.state.key_id == "eersel-bi"
    assert refusal(gate, asked("203.0.113.3", x_api_key=secret)).detail.startswith("Meer dan 3 vragen")
    gate.admit(asked("203.0.113.1"))  # Without the key it is someone else.


def basic(user: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def test_a_key_is_read_wherever_a_program_puts_it(tmp_path: Path, clock: Clock) -> None:
    _, secret = Keys(tmp_path).add("abc", "Partner", "partners")
    gate = Admission(tmp_path, 600)
    for headers in (
        {"x_api_key": secret},
        {"authorization": f"Bearer {secret}"},
        {"authorization": f"bearer  {secret} "},
        {"authorization": basic("", secret)},
        {"authorization": basic("wie dan ook", secret).replace("Basic", "BASIC")},
        {"x_api_key": secret, "authorization": "Bearer another"},
    ):
        assert gate.admit(asked(**headers)).scope == Scope("partners"), headers
    for headers in (
        *({"authorization": text} for text in ("Basic", "Bearer", "", f"Digest {secret}", f"Token {secret}", secret)),
        {"x_api_key": ""},
    ):
        assert gate.admit(asked(**headers)).scope == PUBLIC, headers


def test_a_key_that_opens_nothing_is_refused_and_counts_as_its_address(tmp_path: Path, clock: Clock) -> None:
    made = Keys(tmp_path)
    _, gone = made.add("gone-key", "Partner", "partners")
    made.revoke("gone-key")
    _, late = made.add("late-key", "Partner", "partners", days=0)
    gate = Admission(tmp_path, 100)
    for number, (headers, why, key_id) in enumerate(
        (
            ({"x_api_key": gone}, "De sleutel is ingetrokken.", "gone-key"),
            ({"x_api_key": late}, f"De sleutel is verlopen op {datetime.now(UTC):%Y-%m-%d}.", "late-key"),
            ({"x_api_key": "rdc_nonsense"}, "Deze sleutel is niet bekend.", "unknown"),
            ({"x_api_key": "x" * 5000}, "Deze sleutel is niet bekend.", "unknown"),
            ({"authorization": "Basic $$$"}, "Deze sleutel is niet bekend.", "unknown"),
            ({"authorization": "Basic /w=="}, "Deze sleutel is niet bekend.", "unknown"),
            ({"authorization": basic("name", "")}, "Deze sleutel is niet bekend.", "unknown"),
        ),
        1,
    ):
        request = asked(**headers)
        problem = refusal(gate, request)
        assert (problem.status, problem.detail, request.state.key_id) == (401, why, key_id)
        assert [(f.place, f.name, f.detail) for f in problem.faults] == [("header", "X-Api-Key", why)]
        assert problem.headers["WWW-Authenticate"].startswith('Basic realm="')
        assert gate._buckets == {"@203.0.113.9": (100 - number, clock.now)}
    few = Admission(tmp_path, 1)
    assert refusal(few, asked(x_api_key="rdc_guess")).status == 401
    assert refusal(few, asked(x_api_key="rdc_guess")).status == 429, "who guesses is slowed down"


def test_a_secret_is_looked_at_up_to_its_longest(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[int] = []
    gate = Admission(tmp_path, 100)
    monkeypatch.setattr(gate.keys, "find", lambda secret: looked_up.append(len(secret)))
    for size in (200, 201):
        refusal(gate, asked(x_api_key="x" * size))
    refusal(gate, asked(authorization=basic("", "y" * 100_000)))
    assert looked_up == [200]


def test_keys_that_cant_be_read_open_nothing_and_close_nothing_that_is_public(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    _, secret = Keys(tmp_path).add("abc", "Partner", "partners")
    (tmp_path / "keys.json").write_text("{")
    gate = Admission(tmp_path, 100)
    problem = refusal(gate, asked(x_api_key=secret))
    assert (problem.status, problem.headers) == (503, {"Retry-After": "60"})
    assert "The keys can't be read" in caplog.text
    assert gate.admit(asked()).scope == PUBLIC


# -- the log ----------------------------------------------------------------------------------------------------------


def test_a_line_for_what_came_with_a_key_and_none_for_others(tmp_path: Path, clock: Clock) -> None:
    _, secret = Keys(tmp_path).add("abc", "Partner", "partners")
    gate = Admission(tmp_path, 100)
    request = asked(x_api_key=secret)
    request.scope["route"] = SimpleNamespace(path="/v1/tabellen/{tabel}")
    gate.admit(request)
    gate.note(request, "GET", 200, "2026.11.1")
    wrong = asked(x_api_key="rdc_nonsense")
    refusal(gate, wrong)
    gate.note(wrong, "HEAD", 401, None)
    nobody = asked()
    gate.admit(nobody)
    gate.note(nobody, "GET", 200, "2026.11.1")
    file = tmp_path / "serve" / "audit.jsonl"
    lines: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    told = [
        {k: v for k, v in line.items() if k in ("key_id", "method", "resource", "status", "release")} for line in lines
    ]
    assert told == [
        {"key_id": "abc", "method": "GET", "resource": "/v1/tabellen/{tabel}", "status": 200, "release": "2026.11.1"},
        {"key_id": "unknown", "method": "HEAD", "resource": "unknown", "status": 401, "release": None},
    ]
    assert all(abs(datetime.now(UTC) - datetime.fromisoformat(line["at"])) < timedelta(minutes=5) for line in lines)
    assert "203.0.113.9" not in file.read_text() and secret not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_what_cant_be_written_down_is_not_answered(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    _, secret = Keys(tmp_path).add("abc", "Partner", "partners")
    (tmp_path / "serve" / "audit.jsonl").mkdir(parents=True)
    gate = Admission(tmp_path, 100)
    request, nobody = asked(x_api_key=secret), asked()
    gate.admit(request)
    gate.admit(nobody)
    with pytest.raises(Problem) as refused:
        gate.note(request, "GET", 200, None)
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "60"})
    assert "The audit log can't be written" in caplog.text
    gate.note(nobody, "GET", 200, None)


# -- keys -------------------------------------------------------------------------------------------------------------


def test_a_key_holds_up_to_the_moment_that_it_says() -> None:
    key = Key("abc", "Partner", "", "partners", (), "2026-01-01T00:00:00+00:00", "2026-06-01T00:00:00+00:00")
    end = datetime(2026, 6, 1, tzinfo=UTC)
    assert key.refused(end - timedelta(seconds=1)) == ""
    assert key.refused(end) == "De sleutel is verlopen op 2026-06-01."


def test_what_is_kept_of_a_key(tmp_path: Path) -> None:
    made = Keys(tmp_path)
    before = datetime.now(UTC).replace(microsecond=0)
    key, secret = made.add("eersel", "Gemeente Eersel", "municipality", ["GM0770", "GM1728", "GM0770"], days=30)
    assert key.municipalities == ("GM0770", "GM1728")
    assert datetime.fromisoformat(key.expires_at) - datetime.fromisoformat(key.created_at) == timedelta(days=30)
    assert before <= datetime.fromisoformat(key.created_at) <= datetime.now(UTC)
    assert key.per_minute == 600 and key.revoked_at is None and made.all() == [key]
    content = (tmp_path / "keys.json").read_text()
    assert secret not in content and keys._digest(secret) in content
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
    default, _ = made.add("default", "Partner", "partners")
    assert datetime.fromisoformat(default.expires_at) - datetime.fromisoformat(default.created_at) == timedelta(
        days=365
    )


def test_a_service_sees_a_key_that_is_made_or_revoked_at_once(tmp_path: Path) -> None:
    serving, commands = Keys(tmp_path), Keys(tmp_path)
    assert serving.find("anything") is None and serving.all() == []
    key, secret = commands.add("abc", "Partner", "partners")
    other, other_secret = commands.add("other", "Partner", "partners")
    assert serving.find(secret) == key and serving.find(other_secret) == other
    assert serving.find(secret + "x") is None and serving.find("") is None
    revoked = commands.revoke("abc")
    assert serving.find(secret) == revoked and revoked.refused(datetime.now(UTC)) == "De sleutel is ingetrokken."
    assert serving.find(other_secret) == other, "the other one still opens"
    assert commands.revoke("abc").revoked_at == revoked.revoked_at, "it was revoked then, and not now"


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("ab", True),
        ("a" * 41, True),
        ("a" * 42, False),
        ("a", False),
        ("-a", False),
        ("9-a", True),
        ("Ab", False),
        ("a_b", False),
    ],
)
def test_a_name_of_a_key(tmp_path: Path, name: str, fits: bool) -> None:
    if fits:
        assert Keys(tmp_path).add(name, "Partner", "partners")[0].key_id == name
    else:
        with pytest.raises(keys.AccessKeyError, match="is no name for a key"):
            Keys(tmp_path).add(name, "Partner", "partners")
