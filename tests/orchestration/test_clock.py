"""A clock that was wrong costs no figure, is told, and is put right by one command."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import time_machine
from click.testing import CliRunner

from ingest.settings import Settings
from ingest.snapshot import MANIFEST
from ingest.storage.clock import Clock, ClockError
from ingest.storage.durable import Damaged
from orchestration import pipeline
from orchestration.cli import main
from orchestration.workspace import Workspace, prunable
from tests.ingest.statline.test_landing import V3
from tests.orchestration.test_one_writer import chosen
from tests.orchestration.test_pipeline import cbs, take, work  # noqa: F401
from tests.standin import StandIn
from tests.warehouse.releases.test_release import CHECKS, candidate
from warehouse.making.publishing import publish
from warehouse.releases.plan import Plan
from warehouse.releases.release import Release

RIGHT = datetime(2026, 11, 1, 6, tzinfo=UTC)
AHEAD = datetime(2035, 3, 1, 6, tzinfo=UTC)


def fetch(work: Workspace, cbs: StandIn, at: datetime) -> str:  # noqa: F811
    """A version of the table that was published and fetched at that moment."""
    with time_machine.travel(at, tick=True), work.writing("a test"):
        cbs[V3.id].touch()
        assert take(work).result == "fetched"
        newest = work.store.newest(V3.id)
    assert newest
    return newest.snapshot_id


def release(work: Workspace, at: datetime) -> Release:  # noqa: F811
    with time_machine.travel(at, tick=True), work.writing("a test"):
        return publish(work.releases, candidate(work.releases.folder, 1), chosen(work), CHECKS, "<html></html>")


def rdc(work: Workspace, at: datetime, *arguments: str, status: int = 0) -> str:  # noqa: F811
    with time_machine.travel(at, tick=True):
        done = CliRunner().invoke(main, arguments, env={"RDC_HOME": str(work.settings.home)}, catch_exceptions=False)
    assert done.exit_code == status, done.output
    return " ".join(done.output.split())


def test_what_is_fetched_later_is_used_whatever_the_clock_said(work: Workspace, cbs: StandIn) -> None:  # noqa: F811
    made = [fetch(work, cbs, at) for at in (RIGHT, AHEAD, RIGHT + timedelta(days=1), RIGHT + timedelta(hours=1))]
    assert [s.snapshot_id for s in work.store.all(V3.id)] == made
    good = work.store.good(V3.id)
    assert good and good.snapshot_id == made[-1]
    assert pipeline.plan(work, [V3])[V3.id].result == "unchanged"


def test_snapshots_without_a_number_come_first_in_the_order_of_their_time(
    work: Workspace,  # noqa: F811
    cbs: StandIn,  # noqa: F811
) -> None:
    made = [fetch(work, cbs, RIGHT), fetch(work, cbs, AHEAD)]
    for snapshot_id in made:  # as an earlier version wrote them
        file = work.store.root / V3.id / snapshot_id / MANIFEST
        content = json.loads(file.read_text())
        file.write_text(json.dumps({k: v for k, v in content.items() if k not in ("sequence", "checksum")}))
    assert [s.snapshot_id for s in work.store.all(V3.id)] == made
    made.append(fetch(work, cbs, RIGHT + timedelta(days=1)))
    assert [s.snapshot_id for s in work.store.all(V3.id)] == made


def test_the_newest_release_is_the_last_one_made(work: Workspace, cbs: StandIn) -> None:  # noqa: F811
    """With the highest id for the newest, every run after a rollback made the same release again."""
    fetch(work, cbs, RIGHT)
    first, ahead = release(work, RIGHT), release(work, AHEAD)
    fetch(work, cbs, RIGHT + timedelta(days=1))
    last = release(work, RIGHT + timedelta(days=1))
    assert [r.release_id for r in work.releases.all()] == ["2026.11.1", "2035.3.1", "2026.11.2"]
    assert work.releases.all() == [first, ahead, last]
    work.releases.rollback(ahead.release_id)
    assert not work.releases.is_new(chosen(work))


def known(work: Workspace, at: datetime, value: float) -> list[tuple[float, datetime, datetime | None]]:  # noqa: F811
    """The history of one figure after a build at that moment, as the model makes it, laid down as the current release."""
    with time_machine.travel(at, tick=True), work.writing("a test"):
        pipeline.prepare(work, chosen(work))
    corrections = Plan.read(work.candidate.folder).corrections
    with work.candidate.connect() as con:
        [(known_at,)] = con.execute("select known_at from raw.build").fetchall()
        before = con.execute("select value, known_from, known_to from raw.published order by known_from").fetchall()
    history = [(v, since, known_at if until is None else until) for v, since, until in before]
    history.append((value, known_at, None))
    folder = work.releases.folder / "releases" / "2026.1.1"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = Release("2026.1.1", at.isoformat(), {}, "", "", 0, {}, {}, None, "", 1, corrections)
    (folder / "release.json").write_text(json.dumps(asdict(made)))
    work.releases.current_file.unlink(missing_ok=True)
    with duckdb.connect(str(folder / "rdc.duckdb")) as con:
        con.execute("create schema core; create table core.indicator_term (indicator_id varchar, table_id varchar)")
        con.execute(
            "create table core.indicator_history (indicator_id varchar, definition_version integer, region_code varchar, "
            "period_code varchar, value double, missing_reason varchar, period_status varchar, snapshot_id varchar, "
            "known_from timestamptz, known_to timestamptz)"
        )
        con.executemany(
            "insert into core.indicator_history values ('i', 1, 'GM0770', '2024JJ00', $1, null, null, 'T-1-x', $2, $3)",
            history,
        )
    work.releases.current_file.hardlink_to(folder / "rdc.duckdb")
    return history


def in_turn(history: list[tuple[float, datetime, datetime | None]]) -> bool:
    moments = [m for _, since, until in history for m in (since, until) if m]
    return moments == sorted(moments) and len({since for _, since, _ in history}) == len(history)


def test_the_periods_of_a_figure_stay_in_turn_and_are_corrected(work: Workspace, cbs: StandIn) -> None:  # noqa: F811
    fetch(work, cbs, RIGHT)
    known(work, RIGHT, 1)
    known(work, AHEAD, 2)
    known(work, AHEAD + timedelta(seconds=20), 3)
    back = known(work, RIGHT + timedelta(days=2), 4)
    assert in_turn(back) and back[-1][1] > AHEAD
    found = rdc(work, RIGHT + timedelta(days=2), "clock", status=1)
    assert "a run has seen 2035-03-01" in found and "rdc clock --right" in found
    before = work.releases.fingerprint(chosen(work))
    assert "next `rdc run`" in rdc(work, RIGHT + timedelta(days=3), "clock", "--right")
    assert "in order" in rdc(work, RIGHT + timedelta(days=3), "clock")
    work = work.at("public")
    assert work.releases.fingerprint(chosen(work)) != before  # so the next run makes a release of it
    corrected = known(work, RIGHT + timedelta(days=3, minutes=1), 5)
    assert [v for v, *_ in corrected] == [1, 2, 3, 4, 5] and in_turn(corrected)
    assert corrected[0][1] == back[0][1]  # what was told right stays
    assert all(RIGHT < since < RIGHT + timedelta(days=4) for _, since, _ in corrected[1:])
    # And that is all: nothing is moved twice.
    again = known(work, RIGHT + timedelta(days=4), 6)
    assert again[:4] == corrected[:4] and in_turn(again)
    # Nor is what is made when it really is that late.
    late = known(work, AHEAD, 7)
    assert late[-1][1] >= AHEAD and known(work, AHEAD + timedelta(hours=1), 8)[:6] == late[:6]


def test_the_moment_of_fetching_is_corrected_in_what_is_told_and_nowhere_else(
    work: Workspace,  # noqa: F811
    cbs: StandIn,  # noqa: F811
) -> None:
    fetch(work, cbs, RIGHT)
    ahead = fetch(work, cbs, AHEAD)
    manifest = work.store.get(V3.id, ahead).file(MANIFEST).read_bytes()
    rdc(work, RIGHT + timedelta(days=1), "clock", "--right")
    pipeline.prepare(work, chosen(work))
    with work.candidate.connect() as con:
        [(told,)] = con.execute("select fetched_at from raw.snapshot").fetchall()
    assert RIGHT < told < RIGHT + timedelta(days=1, minutes=1)
    assert work.store.get(V3.id, ahead).file(MANIFEST).read_bytes() == manifest


def test_a_jump_ahead_is_told_and_takes_nothing_away(work: Workspace, cbs: StandIn) -> None:  # noqa: F811
    for n in range(3):
        fetch(work, cbs, RIGHT + timedelta(minutes=n))
    fetch(work, cbs, AHEAD)
    with time_machine.travel(AHEAD):
        assert "jumped there from 2026-11-01" in (work.clock_is_wrong() or "")
        with pytest.raises(ClockError, match="Nothing is removed"):
            prunable(work, 30)
    assert "jumped there" in rdc(work, AHEAD, "status")
    assert json.loads(rdc(work, AHEAD, "clock", "--right", "--json"))["corrected"] is False  # it was off so long
    with time_machine.travel(AHEAD + timedelta(hours=1)):
        assert work.clock_is_wrong() is None
        assert prunable(work, 30)


def test_rows_of_deliveries_do_not_expire_by_a_clock_that_jumped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingest.municipal import source
    from ingest.municipal.layer import Layer

    gone: list[int] = []
    monkeypatch.setattr(Layer, "expire", lambda self, days: gone.append(days))
    opened = Workspace.open(Settings(tmp_path))
    table = next(t for t in opened.registry.tables.values() if t.protocol == "municipal")
    for moment, expected in ((RIGHT, 1), (RIGHT + timedelta(days=7), 2), (AHEAD, 2)):
        with time_machine.travel(moment), opened.writing("a test"):
            source.land(opened, table)
        assert len(gone) == expected


def test_a_home_from_before_knows_its_last_moment(work: Workspace, cbs: StandIn) -> None:  # noqa: F811
    fetch(work, cbs, AHEAD)
    (work.settings.home / "clock.json").unlink()
    rdc(work, RIGHT, "clock", "--right")
    assert work.clock.corrections[0].until.startswith("2035-03-01")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"highest": 1}', '{"corrections": [1]}', "null"])
def test_a_damaged_file_is_set_aside_and_made_anew(work: Workspace, content: str) -> None:  # noqa: F811
    file = work.settings.home / "clock.json"
    file.write_text(content)
    with pytest.raises(Damaged):
        Clock.read(work.settings.home)
    rdc(work, RIGHT, "status")
    rdc(work, RIGHT, "clock", "--right")
    assert Clock.read(work.settings.home).highest
    assert [f.read_text() for f in work.settings.home.glob("damaged/*/clock.json")] == [content]


def test_two_jumps_keep_their_order() -> None:
    clock = Clock().seen(RIGHT).seen(AHEAD).seen(AHEAD.replace(year=2040)).right(RIGHT + timedelta(days=1), {})
    told = [clock.corrected(m) for m in (RIGHT, AHEAD, AHEAD.replace(year=2040), AHEAD.replace(year=2041))]
    assert told[0] == RIGHT and told == sorted(told)
    assert told[2] == RIGHT + timedelta(days=1) and told[3].year == 2041
    assert clock.wrong(RIGHT + timedelta(days=1, minutes=1)) is None


def test_a_clock_that_is_set_back_a_little_is_in_order() -> None:
    clock = Clock().seen(RIGHT)
    assert clock.wrong(RIGHT - timedelta(minutes=4)) is None
    assert clock.wrong(RIGHT - timedelta(minutes=6))
    assert clock.seen(RIGHT + timedelta(days=30)).wrong(RIGHT + timedelta(days=30)) is None
