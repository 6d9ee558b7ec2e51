"""What goes with time, so that years of daily runs fit on a disk: the one place that says how long a thing is kept.

Looked at after each run, of a shell and of Dagster alike. What is never removed: a snapshot that a kept release or a figure of
its history came from, the newest and the last good one of each table, whatever municipalities delivered and the memory of what was
published of it, what was damaged, and what someone put into the folder.

======================== ============================================================================ =======
``RDC_KEEP_RELEASES``    releases of each series, the current one whatever its age                    10
``RDC_KEEP_SNAPSHOTS``   days that a snapshot is kept which nothing needs any more                    365
``RDC_KEEP_LOGS``        days that attempts at the sources, runs, and questions with a key are kept     400
``RDC_KEEP_RUNS``        days that Dagster remembers a run                                            30
======================== ============================================================================ =======
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.outcome import FETCHED, UNCHANGED
from ingest.settings import number
from ingest.source import source_of
from ingest.storage.clock import ClockError
from ingest.storage.log import Log
from orchestration import runs
from orchestration.workspace import Workspace, prunable

if TYPE_CHECKING:
    from dagster import DagsterInstance

#: A log of the service is put by when it is larger than this, and goes when what is in it is old enough.
AUDIT_BYTES = 10_000_000
#: Runs of a job, for each of those who may see what, that Dagster remembers whatever their age.
NEWEST_RUNS = 3


@dataclass(frozen=True)
class Retention:
    """For how many days a thing is kept; 0: as short as can be."""

    snapshots: int
    logs: int
    runs: int

    @classmethod
    def from_env(cls) -> Retention:
        """:raises SettingsError: a variable is no number of days."""
        return cls(
            number("RDC_KEEP_SNAPSHOTS", 365, 0), number("RDC_KEEP_LOGS", 400, 0), number("RDC_KEEP_RUNS", 30, 0)
        )


def keep_within(work: Workspace, retention: Retention | None = None) -> None:
    """Remove what is older than it is kept, but for Dagster's. Only with the run lock.

    Nothing is removed for its age while the clock can't be trusted.
    """
    retention = retention or Retention.from_env()
    if work.clock_is_wrong():
        return
    with suppress(ClockError):
        for snapshot in prunable(work, retention.snapshots):
            table = work.registry.tables.get(snapshot.table_id)
            # What a source of no name now was, and for whom, nobody can tell: that takes a hand (`rdc sources prune`).
            if table and not source_of(table).private:
                work.store.remove(snapshot)
    before = datetime.now(UTC) - timedelta(days=retention.logs)
    _trim(work.outcomes.log, before, _attempt)
    _trim(runs.log(work.settings.home), before, _run)
    _audit(work.settings.home / "serve" / "audit.jsonl", before)


def _trim(log: Log, before: datetime, of: Callable[[dict[str, Any]], Hashable]) -> None:
    """Of what is older, the last line of each kind stays: what is known of a thing does not go with its age."""
    lines = log.read()
    old = [line for line in lines if _moment(line["at"]) < before]
    if not old:
        return
    needed = {id(line) for line in {of(line): line for line in lines}.values()}
    if any(id(line) not in needed for line in old):
        log.write([line for line in lines if _moment(line["at"]) >= before or id(line) in needed])


def _attempt(line: dict[str, Any]) -> Hashable:
    """Of each table the last attempt that its source answered, and the last that it did not."""
    return line["table_id"], line["result"] in (FETCHED, UNCHANGED)


def _run(line: dict[str, Any]) -> Hashable:
    """Of each job, for each of those it is for, the last run that went well, and the last that did not."""
    return line["job"], line["level"], not line.get("failure")


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _audit(file: Path, before: datetime) -> None:
    """The service opens its log for each line, so it goes on in a new one when this is given another name."""
    if file.is_file() and file.stat().st_size > AUDIT_BYTES:
        file.rename(file.with_name(f"audit-{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"))
    for old in file.parent.glob("audit-*.jsonl"):
        if datetime.fromtimestamp(old.stat().st_mtime, UTC) < before:
            old.unlink()


def forget_runs(instance: DagsterInstance, days: int, newest: int = NEWEST_RUNS) -> int:
    """Let Dagster forget the runs that ended so many days ago, with their events and logs; how many.

    What the graph shows stays: the run in which an asset was last made, and the newest of each job. A run that was not
    forgotten to its end, as its process was killed, is at the next time.
    """
    from dagster import DagsterRunStatus, RunsFilter

    ended = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
    before = datetime.now(UTC) - timedelta(days=days)
    old = instance.get_run_records(RunsFilter(statuses=ended, created_before=before))
    if old:
        shown: set[str | None] = set()
        for entry in (asset.asset_entry for asset in instance.get_asset_records()):
            made = entry.last_materialization_record
            shown |= {entry.last_run_id, made.run_id if made else None}
        count: dict[tuple[str, str | None], int] = {}
        for record in instance.get_run_records():  # newest first
            run = record.dagster_run
            of = run.job_name, run.tags.get("dagster/partition")
            count[of] = count.get(of, 0) + 1
            if count[of] <= newest:
                shown.add(run.run_id)
        old = [record for record in old if record.dagster_run.run_id not in shown]
    for record in old:
        instance.delete_run(record.dagster_run.run_id)
    if old:
        _remove_left(instance)
    return len(old)


def _remove_left(instance: DagsterInstance) -> None:
    """The files of runs that are forgotten, which Dagster leaves: the database of its events, and what it printed."""
    root = Path(instance.root_directory)
    # Files first: a run that begins meanwhile is among the runs then.
    files = [file for file in (root / "history" / "runs").glob("*.db*") if file.name.count("-") >= 4]
    folders = [folder for folder in (root / "storage").glob("*-*-*-*-*") if folder.is_dir()]
    known = {record.dagster_run.run_id for record in instance.get_run_records()}
    for file in files:
        if file.name.partition(".")[0] not in known:
            file.unlink(missing_ok=True)
    for folder in folders:
        if folder.name not in known:
            shutil.rmtree(folder, ignore_errors=True)
