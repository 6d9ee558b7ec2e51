"""When a source is asked and its next version expected: by its own rhythm, in Amsterdam, and caught up after an outage."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ingest.outcome import FETCHED, UNCHANGED, Outcome
from ingest.registry import Registry
from ingest.snapshot import SAMPLE, Snapshot
from ingest.statline.announced import announced
from orchestration.rhythm import due, expected, last_due
from orchestration.workspace import Settings, Workspace

WEDNESDAY = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
SAMPLED = Snapshot.read(SAMPLE / "84799NED")


def table(cadence: str = "year", **more: object):
    declared = next(t for t in Registry.load().tables.values() if t.protocol == "v3" and not t.on_request)
    return declared.model_copy(update={"cadence": cadence} | more)


def snapshot(modified: str) -> Snapshot:
    return replace(SAMPLED, modified=modified)


@pytest.mark.parametrize(
    ("said", "first", "last"),
    [
        # As CBS writes it, in 85005NED, 03759ned and 84131NED.
        (
            "Medio juni 2026 worden er nader voorlopige cijfers over geheel 2025 toegevoegd.",
            (2026, 6, 1),
            (2026, 6, 30),
        ),
        (
            "In het tweede kwartaal van 2027 worden de cijfers van 1 januari 2027 en de gemiddelde cijfers over 2026 in deze "
            "publicatie opgenomen.",
            (2027, 4, 1),
            (2027, 6, 30),
        ),
        ("April 2019: Cijfers over 2017 2. DEFINITIES EN VERKLARING Mei 2018", (2019, 4, 1), (2019, 4, 30)),
        ("De cijfers over december 2025 komen in maart 2026.", (2026, 3, 1), (2026, 3, 31)),
        ("In het vierde kwartaal van 2026.", (2026, 10, 1), (2026, 12, 31)),
    ],
)
def test_what_cbs_announces_is_understood(said: str, first: tuple[int, int, int], last: tuple[int, int, int]) -> None:
    assert announced(f"Wanneer komen er nieuwe cijfers? {said}") == (date(*first), date(*last))


@pytest.mark.parametrize(
    "said",
    [
        "Elk kwartaal worden er nieuwe cijfers toegevoegd indien deze beschikbaar zijn.",
        "De nieuwe cijfers worden circa één tot drie maanden na het verslagjaar gepubliceerd.",
        "Nieuwe cijfers verschijnen in het derde kwartaal van het jaar volgend op het verslagjaar.",
        "Deze tabel is stopgezet. De cijfers over maart 2020 waren de laatste.",
    ],
)
def test_what_names_no_month_is_no_announcement(said: str) -> None:
    assert announced(f"Wanneer komen er nieuwe cijfers? {said}") is None


def test_what_changes_monthly_is_asked_every_morning_and_what_is_complete_once_a_month() -> None:
    def when(cadence: str, modified: str) -> str:
        return last_due(table(cadence), snapshot(modified), True, WEDNESDAY).isoformat()

    assert when("month", "2026-11-20") == "2026-11-25T06:00:00+00:00"
    assert when("year", "2026-08-01") == "2026-11-23T06:00:00+00:00"
    assert when("year", "2025-11-28") == "2026-11-25T06:00:00+00:00", "it is expected within the week"
    assert when("once", "2021-03-26") == "2026-11-02T06:00:00+00:00"


def test_the_morning_is_the_same_hour_in_summer() -> None:
    at = datetime(2026, 7, 15, 9, 0, tzinfo=UTC)
    assert last_due(table("month"), snapshot("2026-07-01"), True, at).isoformat() == "2026-07-15T05:00:00+00:00"


def test_what_failed_is_asked_again_the_next_morning() -> None:
    failed = WEDNESDAY - timedelta(hours=25)
    assert last_due(table("once"), snapshot("2021-03-26"), False, WEDNESDAY) > failed


def test_a_missed_run_is_caught_up_once(tmp_path: Path) -> None:
    work = Workspace.open(Settings(tmp_path))
    everything = {t.id for t in work.selected(())}
    assert {t.id for t in due(work, WEDNESDAY)} == everything, "nothing was ever asked"
    before = WEDNESDAY - timedelta(days=5)
    for table_id in everything:
        work.outcomes.append(Outcome(table_id, before.isoformat(), UNCHANGED))
    assert {t.id for t in due(work, WEDNESDAY)} == everything
    for table_id in everything:
        work.outcomes.append(Outcome(table_id, WEDNESDAY.isoformat(), FETCHED))
    assert due(work, WEDNESDAY + timedelta(hours=5)) == []


def test_a_delivery_is_late_the_day_after_it_was_agreed(tmp_path: Path) -> None:
    contract = Registry.load().tables["klantcontacten"].model_copy(update={"due_day": 10})
    next_one = expected(contract, snapshot("2026-11-08T10:00:00+00:00"))
    assert next_one is not None and next_one.said
    assert (next_one.last, next_one.late_from) == (date(2026, 12, 10), date(2026, 12, 11))


def test_without_an_announcement_late_follows_from_the_interval() -> None:
    assert expected(table("once"), snapshot("2020-01-01")) is None
    yearly = expected(table("year"), snapshot("2025-03-01"))
    assert yearly is not None and not yearly.said and yearly.late_from == date(2026, 9, 1)
