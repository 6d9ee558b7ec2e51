"""What goes with time, and what never does."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ingest.outcome import FAILED, FETCHED, UNCHANGED, Outcome
from ingest.settings import Settings, SettingsError
from ingest.snapshot import SAMPLE, Snapshot, Verdict
from ingest.storage import durable
from ingest.storage.clock import Clock
from orchestration import retention
from orchestration.instance import dagster_home
from orchestration.resource import Run
from orchestration.retention import NEWEST_RUNS, Retention, forget_runs, keep_within
from orchestration.workspace import Workspace
from tests.orchestration.conftest import Rdc

NOW = datetime.now(UTC)
NOTHING = Retention(snapshots=0, logs=0, runs=0)


def days_ago(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat(timespec="milliseconds")


def test_of_old_attempts_the_last_of_each_table_stays(tmp_path: Path) -> None:
    work = Workspace.open(Settings(tmp_path))
    for table, days, result in [
        ("A", 900, FETCHED),
        ("A", 800, UNCHANGED),
        ("A", 700, FAILED),
        ("B", 800, FETCHED),
        ("B", 3, UNCHANGED),
        ("B", 2, FAILED),
    ]:
        work.outcomes.append(Outcome(table, days_ago(days), result))
    latest = work.outcomes.latest()
    keep_within(work, Retention(365, 400, 30))
    found = [
        (o.table_id, round((NOW - datetime.fromisoformat(o.at)).days / 100), o.result) for o in work.outcomes.all()
    ]
    assert found == [("A", 8, UNCHANGED), ("A", 7, FAILED), ("B", 0, UNCHANGED), ("B", 0, FAILED)]
    assert work.outcomes.latest() == latest
    before = work.outcomes.file.stat().st_mtime_ns
    keep_within(work, Retention(365, 400, 30))
    assert work.outcomes.file.stat().st_mtime_ns == before


def test_of_old_runs_the_last_of_each_kind_stays(tmp_path: Path) -> None:
    from orchestration import runs

    for days, failure in ((900, ""), (800, "a fault"), (700, ""), (1, "")):
        runs.note(tmp_path, runs.Run("build", "public", days_ago(days), 1.0, failure))
    keep_within(Workspace.open(Settings(tmp_path)), Retention(365, 400, 30))
    assert [(run.at, run.failure) for run in runs.all_runs(tmp_path)] == [(days_ago(800), "a fault"), (days_ago(1), "")]


def test_the_log_of_questions_is_put_by_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AUDIT_BYTES", 10)
    work = Workspace.open(Settings(tmp_path))
    folder = tmp_path / "serve"
    folder.mkdir()
    (folder / "audit.jsonl").write_text('{"key": "eersel"}\n')
    (folder / "audit-20200101T000000.jsonl").write_text("{}\n")
    os.utime(folder / "audit-20200101T000000.jsonl", (0, 0))
    keep_within(work, Retention(365, 400, 30))
    [left] = folder.iterdir()
    assert left.name.startswith("audit-2") and "eersel" in left.read_text()


def laid_down(work: Workspace, table: str, number: int, days: float) -> Snapshot:
    """A snapshot that was fetched so many days ago."""
    sample = Snapshot.read(SAMPLE / "84131NED")
    moment = NOW - timedelta(days=days)
    snapshot_id = f"{table}-{moment:%Y%m%dT%H%M%S}000Z-{sample.sha256[:8]}"
    folder = work.store.root / table / snapshot_id
    shutil.copytree(sample.path, folder)
    facts = sample.manifest() | {
        "table_id": table,
        "snapshot_id": snapshot_id,
        "fetched_at": days_ago(days),
        "sequence": number,
    }
    durable.record(folder / "snapshot.json", facts)
    made = work.store.get(table, snapshot_id)
    work.store.judge(made, Verdict(True, days_ago(days), [], []))
    return made


def test_a_snapshot_that_nothing_needs_goes(tmp_path: Path) -> None:
    work = Workspace.open(Settings(tmp_path))
    table = "84131NED"
    first, second, newest = (laid_down(work, table, n, days) for n, days in enumerate((800, 500, 450), 1))
    # Of a source that is declared no more nobody can tell whose it was.
    undeclared = [laid_down(work, "GONE", n, 900 - n) for n in range(3)]
    keep_within(work, Retention(600, 400, 30))
    assert work.store.all(table) == [second, newest]
    Clock(highest=(NOW + timedelta(days=4000)).isoformat()).write(tmp_path)
    keep_within(work, NOTHING)  # while the clock can't be trusted
    assert work.store.all(table) == [second, newest]
    (tmp_path / "clock.json").unlink()
    keep_within(work, NOTHING)
    assert work.store.all(table) == [newest]
    assert work.store.all("GONE") == undeclared
    assert first.path.exists() is False


def test_what_municipalities_delivered_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.orchestration.test_killed import CONTRACT, delivered, everything, whole

    monkeypatch.setenv("RDC_PSEUDONYM_KEY", "a secret for tests, and for nothing else")
    monkeypatch.setenv("RDC_DROP_SETTLE_SECONDS", "0")
    home = tmp_path / "home"
    delivered(home)
    everything(home)
    work = Workspace.open(Settings(home))
    laid_down(work, "84131NED", 1, 1)
    before = {f: f.read_bytes() for folder in ("municipal", "drop") for f in (home / folder).rglob("*") if f.is_file()}
    snapshots = work.store.all(CONTRACT)
    keep_within(work, NOTHING)
    assert snapshots and work.store.all(CONTRACT) == snapshots
    assert {f: f.read_bytes() for f in before} == before
    whole(home)


def test_dagster_forgets_what_its_graph_does_not_show(tmp_path: Path) -> None:
    @dg.asset
    def seldom() -> None: ...

    @dg.asset
    def daily() -> None: ...

    folder = dagster_home(tmp_path)
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        first = dg.materialize([seldom, daily], instance=instance).run_id
        others = [dg.materialize([daily], instance=instance).run_id for _ in range(5)]
        assert forget_runs(instance, 30) == 0
        # One that a killed process forgot by half.
        instance.run_storage.delete_run(others[0])
        assert forget_runs(instance, 0, newest=2) == 2
        kept = {first, *others[-2:]}
        assert {r.dagster_run.run_id for r in instance.get_run_records()} == kept
        assert {f.stem for f in (folder / "history/runs").glob("*-*.db")} == kept
        assert {f.name for f in (folder / "storage").glob("*-*-*")} <= kept
        for key, run in (("seldom", first), ("daily", others[-1])):
            event = instance.get_latest_materialization_event(dg.AssetKey(key))
            assert event and event.run_id == run
        assert forget_runs(instance, 0, newest=2) == 0


def test_a_run_of_dagster_looks_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDC_HOME", str(tmp_path))
    monkeypatch.setenv("RDC_KEEP_RUNS", "0")

    @dg.asset(required_resource_keys={"run"})
    def one() -> None: ...

    work = Workspace.open(Settings(tmp_path))
    for days in (900, 800, 1):
        work.outcomes.append(Outcome("A", days_ago(days), FAILED))
    with dg.DagsterInstance.from_config(str(dagster_home(tmp_path))) as instance:
        for _ in range(NEWEST_RUNS + 2):
            assert dg.materialize([one], instance=instance, resources={"run": Run()}).success
        assert len(instance.get_run_records()) == NEWEST_RUNS
    assert [o.at for o in work.outcomes.all()] == [days_ago(1)]


def test_rdc_run_looks_after_it_also_where_nothing_changed(released: Rdc, tmp_path: Path) -> None:
    rdc = released.copy(tmp_path / "home", released.env)
    log = Workspace.open(Settings(rdc.home)).outcomes.log
    old = log.read()[0] | {"at": days_ago(900)}
    log.write([old, *log.read()])
    rdc("run")
    assert old not in log.read()


def test_a_setting_that_is_no_number_of_days_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDC_KEEP_RUNS", "always")
    with pytest.raises(SettingsError, match="RDC_KEEP_RUNS"):
        Retention.from_env()
