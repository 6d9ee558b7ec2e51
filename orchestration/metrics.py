"""Figures about the data centre for Prometheus: how old, how large, how long, how many are wrong. Never a figure of a source.

`rdc serve` has them at ``/metrics`` with its requests. A run of a shell, and the daemon every two minutes, write them to
``RDC_METRICS_FILE``, where that is set, for the textfile collector of node_exporter. Sources that are not public are counted, not named.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from ingest.settings import Settings
from ingest.storage import durable
from orchestration.alerts.concerns import concerns, room
from orchestration.runs import all_runs
from orchestration.state import states
from orchestration.workspace import PUBLIC, Workspace

FILE = "RDC_METRICS_FILE"
#: A scrape within so many seconds of another gets what that one got.
FRESH_SECONDS = 15.0
_Make = Callable[..., Gauge]
_PARTS = ("snapshots", "warehouse", "dagster", "municipal", "dbt", "tmp")


def collected(work: Workspace, at: datetime | None = None) -> CollectorRegistry:
    """All of them, as they are at this moment."""
    at, registry = at or datetime.now(UTC), CollectorRegistry()

    def gauge(name: str, help_: str, *labels: str) -> Gauge:
        return Gauge(f"rdc_{name}", help_, labels, registry=registry)

    _release(work, gauge)
    _sources(work, at, gauge)
    _runs(work, gauge)
    sizes = gauge("home_bytes", "Size of a part of the data folder", "part")
    for part in _PARTS:
        if (folder := work.settings.home / part).is_dir():
            sizes.labels(part).set(_size(folder))
    free, needed = room(work)
    gauge("disk_free_bytes", "Free on the disk of the data folder").set(free)
    gauge("disk_needed_bytes", "What a next run may take of it").set(needed)
    gauge("metrics_timestamp_seconds", "When these were made").set(at.timestamp())
    return registry


def _release(work: Workspace, gauge: _Make) -> None:
    releases = work.at(PUBLIC).releases
    gauge("releases_kept", "Public releases that are kept").set(len(releases.all()))
    made = gauge("release_timestamp_seconds", "When the current public release was made")
    size = gauge("release_bytes", "Size of the current public release")
    checks = gauge("release_checks", "Checks of the current public release", "outcome")
    if current := releases.current():
        gauge("release_info", "The current public release", "release").labels(current.release_id).set(1)
        made.set(datetime.fromisoformat(current.created_at).timestamp())
        size.set(current.bytes)
        for outcome, number in current.checks.items():
            checks.labels(outcome).set(number)


def _sources(work: Workspace, at: datetime, gauge: _Make) -> None:
    tables = states(work, at)
    age = gauge("source_age_seconds", "Since the snapshot in use was fetched", "table")
    modified = gauge("source_modified_timestamp_seconds", "What the source says of its last change", "table")
    checked = gauge("source_checked_timestamp_seconds", "When the source was asked last", "table")
    rows = gauge("source_rows", "Rows of the snapshot in use", "table")
    seconds = gauge("source_fetch_seconds", "How long the last attempt took", "table")
    for state in (s for s in tables if s.table.sharing_level in (None, PUBLIC)):
        table, found = state.table.id, state.record
        for which, moment in ((modified, found["modified"]), (checked, found["checked_at"])):
            if moment:
                which.labels(table).set(_stamp(moment))
        if found["fetched_at"]:
            age.labels(table).set(at.timestamp() - _stamp(found["fetched_at"]))
            rows.labels(table).set(found["rows"])
        if state.last and state.last.seconds is not None:
            seconds.labels(table).set(state.last.seconds)
    number = gauge("sources", "Sources that are looked after, by how they stand", "state")
    stand = Counter(s.state for s in tables)
    for name in ("ok", "sample", "stale", "failed", "quarantined", "none"):
        number.labels(name).set(stand[name])
    wrong = gauge("concerns", "What is wrong, by kind, and whether it asks for someone", "kind", "asks")
    for (kind, asks), count in Counter((c.kind, c.asks) for c in concerns(work, at, tables)).items():
        wrong.labels(kind, "yes" if asks else "no").set(count)


def _runs(work: Workspace, gauge: _Make) -> None:
    ended = gauge("run_timestamp_seconds", "When the last run of a job ended", "job")
    took = gauge("run_seconds", "How long the last run of a job took", "job")
    failed = gauge("run_failed", "Whether the last run of a job broke off", "job")
    for run in all_runs(work.settings.home):
        if run.level == PUBLIC:
            ended.labels(run.job).set(_stamp(run.at))
            took.labels(run.job).set(run.seconds)
            failed.labels(run.job).set(bool(run.failure))


def _stamp(moment: str) -> float:
    found = datetime.fromisoformat(moment)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _size(folder: Path) -> int:
    size = 0
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                size += Path(root, name).lstat().st_size
            except FileNotFoundError:
                continue
    return size


def write(work: Workspace) -> None:
    """Write them where ``RDC_METRICS_FILE`` says; nothing where nobody asked for it.

    :raises OSError: it can't be written.
    """
    if name := os.environ.get(FILE, "").strip():
        durable.write(Path(name), generate_latest(collected(work)))


class Scraped:
    """The same for a service that is asked again and again."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, Lock()
        self._at, self._text = float("-inf"), b""

    def __call__(self) -> bytes:
        with self._lock:
            if time.monotonic() - self._at > FRESH_SECONDS:
                # What is declared may have changed since the service began.
                self._text = generate_latest(collected(Workspace.open(self._settings)))
                self._at = time.monotonic()
            return self._text
