"""Dagster's own books: where they are kept, how its runs take turns, and what becomes of a run whose process was killed."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.storage import durable
from ingest.storage.paths import plain
from orchestration.writer import lives

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dagster import DagsterInstance, RunRecord

#: The tag with the sign of life of the process that a run is in, and the one of a run whose process was killed.
PROCESS, KILLED = "rdc/process", "rdc/killed"
#: A run that has no sign of life gets it within seconds; after this long it never will.
SILENT_SECONDS = 300.0
#: How Dagster calls a run that is being executed.
_OPEN = ("STARTING", "STARTED", "CANCELING")

_CONFIG = """\
telemetry:
  enabled: false
nux:
  enabled: false
# One writer: runs wait here for their turn, and not each with a process of its own.
concurrency:
  runs:
    max_concurrent_runs: 1
# What waits is looked at each second; Dagster's own five are a sixth of a run.
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 1
# A run that never comes to life is given up.
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
# What a schedule or sensor did at a look.
retention:
  schedule:
    purge_after_days: 30
  sensor:
    purge_after_days:
      skipped: 7
      success: 30
      failure: 30
"""
#: What earlier versions wrote; a file that was changed since is left alone.
_BEFORE = (
    "",
    "telemetry:\n  enabled: false\nnux:\n  enabled: false\n",
    _CONFIG[: _CONFIG.index("# What waits")] + _CONFIG[_CONFIG.index("# A run") : _CONFIG.index("# What a schedule")],
    _CONFIG[: _CONFIG.index("# What a schedule")],
)


def is_cut_off(settings: str) -> bool:
    """Whether what is in ``dagster.yaml`` is the beginning of what we wrote, broken off in a line: it may be YAML all the same."""
    return not settings.endswith("\n") and settings not in _BEFORE and _CONFIG.startswith(settings)


def dagster_home(home: Path) -> Path:
    """Where Dagster keeps its runs, as the environment says or in the data folder; made when it is not there yet."""
    folder = _place(home)
    durable.folder(folder, 0o700)
    with suppress(PermissionError):  # of another owner
        folder.chmod(0o700)  # its databases name what is not for everyone, and are readable themselves
    config = folder / "dagster.yaml"
    if not config.exists() or config.read_text(encoding="utf-8") in _BEFORE:
        durable.write(config, _CONFIG)
    return folder


def _place(home: Path) -> Path:
    return plain(Path(os.environ.get("DAGSTER_HOME") or home / "dagster"))


def going_on(instance: DagsterInstance) -> list[str]:
    """The ids of the runs that are being executed."""
    return [record.dagster_run.run_id for record in _open(instance)]


def has_open_run(home: Path) -> bool:
    """Whether a run is written down as going on. Read from Dagster's file itself: to load Dagster for it takes a second, also of a
    command that finds nothing to do."""
    file = _place(home) / "history" / "runs.db"
    if not file.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as con:
            return con.execute(f"select 1 from runs where status in {_OPEN} limit 1").fetchone() is not None
    except sqlite3.Error:  # `rdc doctor` tells what is wrong with it
        return False


def close_dead_runs(instance: DagsterInstance, home: Path, broken_off: Collection[str] = ()) -> int:
    """Mark the runs as failed whose process is gone, which would stay «started» for ever and keep all others waiting.

    :param broken_off: runs that were ended on purpose before they were done; some write their own end.
    :returns: how many there were. The sensors ask for them once more.
    """
    from dagster import DagsterRunStatus

    closed = set()
    for record in _open(instance):
        run = record.dagster_run
        sign = run.tags.get(PROCESS)
        silent = (datetime.now(UTC) - record.update_timestamp.replace(tzinfo=UTC)).total_seconds()
        if not lives(home, sign) if sign else silent > SILENT_SECONDS or run.run_id in broken_off:
            instance.add_run_tags(run.run_id, {KILLED: "yes"})
            instance.report_run_failed(run, "The process of this run was ended from outside.")
            closed.add(run.run_id)
    for run_id in broken_off:
        ended = instance.get_run_by_id(run_id)
        if ended and ended.status in (DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED):
            instance.add_run_tags(run_id, {KILLED: "yes"})
            closed.add(run_id)
    return len(closed)


def _open(instance: DagsterInstance) -> Sequence[RunRecord]:
    from dagster import DagsterRunStatus, RunsFilter

    states = [DagsterRunStatus(name) for name in _OPEN]
    return instance.get_run_records(RunsFilter(statuses=states))
