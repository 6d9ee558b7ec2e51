"""What a run tells of its sources: one cause once, and nothing that failed as if it had not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.outcome import FAILED, FETCHED, UNREACHABLE, Outcome
from orchestration import pipeline
from orchestration import run as running
from orchestration.causes import causes, lines
from orchestration.run import run
from orchestration.workspace import Workspace
from tests.ingest.statline.test_landing import v3_table
from tests.standin import Fault, StandIn

NO_ANSWER = "no answer ([Errno 111] Connection refused)"


def away(table_id: str) -> Outcome:
    return Outcome(table_id, "", UNREACHABLE, f"opendata.cbs.nl: {NO_ANSWER}", host="opendata.cbs.nl", cause=NO_ANSWER)


def test_one_cause_is_one_line_that_says_how_many_tables_it_costs() -> None:
    outcomes = {f"8{n:04d}NED": away(f"8{n:04d}NED") for n in range(90)}
    own = Outcome("70000ned", "", FAILED, "70000ned: http://x: expected rows, got none", host="x", cause="none")
    outcomes |= {own.table_id: own, "60000ned": Outcome("60000ned", "", FETCHED)}
    reasons = {i: o.reason for i, o in outcomes.items() if o.reason}

    told = lines(reasons, outcomes)

    assert [t.split(": 80000NED")[0] for t in told] == [f"opendata.cbs.nl: {NO_ANSWER}: costs 90 tables", own.reason]
    assert told[0].endswith("80011NED and 78 more")
    assert len(lines(reasons, outcomes, verbose=True)) == 91
    assert [(c.host, len(c.tables)) for c in causes(outcomes.values())] == [("opendata.cbs.nl", 90), ("x", 1)]


@pytest.fixture
def one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """A data folder in which one table can be run, with all work of Dagster left out but the steps that it calls."""
    (tmp_path / "sources").mkdir()
    with StandIn([v3_table("85001NED"), v3_table("85003NED")], page_size=7) as cbs:
        for name, value in (cbs.env | {"RDC_HOME": str(tmp_path), "RDC_HTTP_ATTEMPTS": "1"}).items():
            monkeypatch.setenv(name, value)
        from click.testing import CliRunner

        from orchestration.cli import main

        for table_id in ("85001NED", "85003NED"):
            assert CliRunner().invoke(main, ["sources", "add", table_id]).exit_code == 0
        yield cbs


class _Result:
    success = True
    all_events: tuple[Any, ...] = ()


def test_an_ingest_that_breaks_off_is_the_outcome_of_every_table_in_it(
    one_table: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of one that was never taken in before, and not told with what was said of it some other day."""
    work = Workspace.open()
    work.outcomes.append(Outcome("85003NED", "2026-01-01T00:00:00+00:00", FAILED, "85003NED: an older trouble"))

    class Broken(_Result):
        success = False

    monkeypatch.setattr(running, "_execute", lambda *_, **__: Broken())
    status = run("auto", ("85001NED", "85003NED"), None, True)

    assert status == 1
    latest = work.outcomes.latest()
    for table_id in ("85001NED", "85003NED"):
        assert latest[table_id].result == FAILED and "the ingest broke off" in latest[table_id].reason


def test_one_page_that_can_not_be_read_costs_its_table_alone(
    one_table: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error page that says that it is compressed and is not, at the first table: the other is taken, the status is 1."""

    def ingest(work: Workspace, _: str, tables: Any, *__: Any, **___: Any) -> _Result:
        pipeline.ingest(work, tables)
        return _Result()

    monkeypatch.setattr(running, "_execute", ingest)
    monkeypatch.setattr(running.pipeline, "judged", lambda *_: {})
    monkeypatch.setattr(running, "_build", lambda *_: "")
    one_table.fault("85001NED", Fault.GZIP_IN_NAME_503, times=None)

    status = run("auto", ("85001NED", "85003NED"), None, True)

    record = json.loads(capsys.readouterr().out)
    latest = Workspace.open().outcomes.latest()
    assert (latest["85003NED"].result, latest["85003NED"].rows) == (FETCHED, 24)
    assert latest["85001NED"].result == FAILED and "HTTP 503" in latest["85001NED"].reason
    assert status == 1
    assert [(c["tables"], "HTTP 503" in c["cause"]) for c in record["causes"]] == [(["85001NED"], True)]
