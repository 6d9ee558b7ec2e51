"""Dagster's books are the same, at less cost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite import sqlite_event_log

from orchestration import books


@dg.multi_asset(
    specs=[dg.AssetSpec(f"a{n}") for n in range(5)],
    check_specs=[dg.AssetCheckSpec("c", asset=f"a{n}") for n in range(5)],
)
def some():
    for n in range(5):
        yield dg.MaterializeResult(asset_key=f"a{n}")
        yield dg.AssetCheckResult(asset_key=f"a{n}", check_name="c", passed=n != 3)


def told(folder: Path) -> tuple[list[str], list[bool]]:
    """What a run writes down: its events, and how its checks ended."""
    folder.mkdir()
    silent = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    job = dg.Definitions(assets=[some], jobs=[dg.define_asset_job("all")], executor=dg.in_process_executor)
    config = "telemetry:\n  enabled: false\n"
    (folder / "dagster.yaml").write_text(config)
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        run = job.resolve_job_def("all").execute_in_process(instance=instance, run_config=silent)
        events = [e.dagster_event_type.value for e in instance.all_logs(run.run_id) if e.dagster_event_type]
    with dg.DagsterInstance.from_config(str(folder)) as again:
        records = [again.event_log_storage.get_latest_asset_check_execution_by_key([k]) for k in some.check_keys]
    return events, sorted(r.event.dagster_event.event_specific_data.passed for found in records for r in found.values())


def test_a_run_writes_down_the_same_with_an_engine_per_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counted(url: str, **options: object) -> object:
        made.append(url)
        return create(url, **options)

    create = getattr(sqlite_event_log.create_engine, "_make", sqlite_event_log.create_engine)
    monkeypatch.setattr(sqlite_event_log, "create_engine", counted)
    plain = told(tmp_path / "plain")
    assert len(made) > 40
    made.clear()
    with books.quick(), books.quick():
        assert told(tmp_path / "quick") == plain
        assert len(made) == 2  # of the run, and of all runs
        assert plain[1] == [False, True, True, True, True]
        kept = list(books._kept.values())
        assert kept
    assert books._kept == {}
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        kept[0].execute("select 1")
