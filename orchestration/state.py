"""How each source table stands: what the release uses of it, what its source last said, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ingest.declaration import Table
from ingest.outcome import FETCHED, QUARANTINED, UNCHANGED, Outcome
from ingest.snapshot import Snapshot
from orchestration import pipeline
from orchestration.alerts.quiet import AMSTERDAM
from orchestration.rhythm import expected
from orchestration.workspace import Workspace

#: A source that was not asked with success for this many days counts as stale, whatever its cadence.
UNASKED_DAYS = 8


@dataclass(frozen=True)
class State:
    """How one table stands.

    :param state: ``ok``, ``sample``, ``stale`` (a newer version is due, or the source was not heard), ``failed`` (the last attempt
        went wrong), ``quarantined`` (the newest snapshot was refused) or ``none`` (no data at all); ``why`` says more.
    :param last: the last attempt; ``since`` is the first of those in a row that brought nothing good.
    :param spoilt: what is wrong with a snapshot as it lies on disk.
    :param overdue: a newer version is due.
    """

    table: Table
    state: str
    why: str
    last: Outcome | None
    since: str | None
    spoilt: str
    overdue: bool
    record: dict[str, Any] = field(repr=False)


def states(work: Workspace, at: datetime | None = None) -> list[State]:
    """A state per table that is looked after, or was asked for before."""
    at = at or datetime.now(UTC)
    release = work.releases.current()
    log = work.outcomes.all()
    latest = {o.table_id: o for o in log}
    heard = {o.table_id: o for o in log if o.result in (FETCHED, UNCHANGED)}
    since: dict[str, str] = {}
    for outcome in log:
        if outcome.result in (FETCHED, UNCHANGED):
            since.pop(outcome.table_id, None)
        else:
            since.setdefault(outcome.table_id, outcome.at)
    inputs = release.inputs if release else {}
    looked_after = {t.id for t in work.selected(())}
    return [
        _state(work, at, t, inputs.get(t.id), latest.get(t.id), heard.get(t.id), since.get(t.id))
        for t in work.registry.tables.values()
        if t.id in looked_after or t.id in latest
    ]


def _state(
    work: Workspace,
    at: datetime,
    table: Table,
    used: dict[str, str] | None,
    last: Outcome | None,
    heard: Outcome | None,
    since: str | None,
) -> State:
    good, newest, clock = work.store.good(table.id), work.store.newest(table.id), work.clock
    shown = good or work.store.sample(table.id)
    verdict = work.store.verdict(newest) if newest else None
    state, why = "ok", ""
    due = _overdue(table, good, at) if good else ""
    broken = pipeline.spoilt(work, table)
    if broken:
        state, why = "failed", broken
    elif (last and last.result == QUARANTINED) or (verdict and not verdict.accepted):
        state = "quarantined"
        why = last.reason if last and last.result == QUARANTINED else "; ".join(verdict.reasons if verdict else [])
    elif last and last.result not in (FETCHED, UNCHANGED):
        state, why = ("failed" if last.failed else "stale"), last.reason
    elif due:
        state, why = "stale", due
    elif heard and days_between(heard.at, at) > UNASKED_DAYS:
        state, why = "stale", f"the source was last heard {days_between(heard.at, at):.0f} days ago; run `rdc run`"
    if state == "ok" and last and last.result in (FETCHED, UNCHANGED):
        why = last.reason  # a file that is still being written, say, or a snapshot that was changed on disk
    if good is None and state in ("ok", "stale"):
        state = "sample" if shown else "none"
        why = why or ("only the bundled sample so far; run `rdc run`" if shown else "not ingested yet; run `rdc run`")
    checks = verdict.results if verdict else []
    record = {
        "table_id": table.id,
        "title": table.title,
        "source_id": table.source_id,
        "state": state,
        "why": why,
        "origin": used["origin"] if used else None,
        "checked_at": last.at if last else None,
        "result": last.result if last else None,
        "modified": shown.modified if shown else None,
        "snapshot_id": shown.snapshot_id if shown else None,
        "fetched_at": clock.fetched(shown).isoformat(timespec="milliseconds") if shown else None,
        "rows": shown.row_count if shown else None,
        "checks": f"{sum(c['success'] for c in checks)}/{len(checks)}" if checks else None,
    }
    return State(table, state, why, last, since, broken, bool(due), record)


def _overdue(table: Table, snapshot: Snapshot, at: datetime) -> str:
    next_one = expected(table, snapshot)
    if next_one is None or at.astimezone(AMSTERDAM).date() < next_one.late_from:
        return ""
    days = days_between(snapshot.modified, at)
    why = (
        f"it was to come by {next_one.last}"
        if next_one.said
        else f"it publishes every {table.cadence.replace('_', '-')}"
    )
    return f"the source's last change is {days:.0f} days ago, though {why}"


def days_between(moment: str, at: datetime) -> float:
    """Days from a moment that was written down until another."""
    return (at - moment_of(moment)).total_seconds() / 86_400


def moment_of(text: str) -> datetime:
    """A moment that was written down; one without a zone is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
