"""What ``rdc status`` knows: per table what the release uses, what the source last said, and what is wrong."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ingest.declaration import Table
from ingest.municipal.source import stray_folders
from ingest.outcome import FETCHED, QUARANTINED, UNCHANGED, Outcome
from orchestration import damage, pipeline
from orchestration.workspace import Workspace

#: A source that was not asked with success for this many days counts as stale, whatever its cadence.
UNASKED_DAYS = 8


def overview(work: Workspace) -> dict[str, Any]:
    """The current release, and a record per declared table.

    ``state`` is ``ok``, ``sample``, ``stale`` (a newer version is due, or the source was not heard), ``failed``
    (the last attempt went wrong), ``quarantined`` (the newest snapshot was refused) or ``none`` (no data at all);
    ``why`` says more.
    """
    release = work.releases.current()
    log = work.outcomes.all()
    latest = {o.table_id: o for o in log}
    heard = {o.table_id: o for o in log if o.result in (FETCHED, UNCHANGED)}
    inputs = release.inputs if release else {}
    looked_after = {t.id for t in work.selected(())}
    shown = [t for t in work.registry.tables.values() if t.id in looked_after or t.id in latest]
    return {
        "release": asdict(release) if release else None,
        "file": str(work.releases.current_file) if release else None,
        "damage": [asdict(d) for d in damage.lost(work.settings)],
        "withheld": work.withheld(),
        "stray": stray_folders(work),
        "clock": work.clock_is_wrong(),
        "refused": _refused(work, release.created_at if release else None),
        "tables": [_table(work, t, inputs.get(t.id), latest.get(t.id), heard.get(t.id)) for t in shown],
    }


def _refused(work: Workspace, released_at: str | None) -> str | None:
    """The report of a candidate that was refused after the current release was made."""
    if not work.refused_report.is_file():
        return None
    at = datetime.fromtimestamp(work.refused_report.stat().st_mtime, UTC)
    return str(work.refused_report) if released_at is None or at > datetime.fromisoformat(released_at) else None


def _table(
    work: Workspace, table: Table, used: dict[str, str] | None, last: Outcome | None, heard: Outcome | None
) -> dict[str, Any]:
    good, newest, clock = work.store.good(table.id), work.store.newest(table.id), work.clock
    shown = good or work.store.sample(table.id)
    verdict = work.store.verdict(newest) if newest else None
    state, why = "ok", ""
    if broken := pipeline.spoilt(work, table):
        state, why = "failed", broken
    elif (last and last.result == QUARANTINED) or (verdict and not verdict.accepted):
        state = "quarantined"
        why = last.reason if last and last.result == QUARANTINED else "; ".join(verdict.reasons if verdict else [])
    elif last and last.result not in (FETCHED, UNCHANGED):
        state, why = ("failed" if last.failed else "stale"), last.reason
    elif good and (due := _overdue(table, good.modified)):
        state, why = "stale", due
    elif heard and _days(heard.at) > UNASKED_DAYS:
        state, why = "stale", f"the source was last heard {_days(heard.at):.0f} days ago; run `rdc run`"
    if state == "ok" and last and last.result in (FETCHED, UNCHANGED):
        why = last.reason  # a file that is still being written, say, or a snapshot that was changed on disk
    if good is None and state in ("ok", "stale"):
        state = "sample" if shown else "none"
        why = why or ("only the bundled sample so far; run `rdc run`" if shown else "not ingested yet; run `rdc run`")
    checks = verdict.results if verdict else []
    return {
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


def _overdue(table: Table, modified: str) -> str:
    if table.max_age_days is None or not modified:
        return ""
    days = _days(modified)
    if days <= table.max_age_days:
        return ""
    return (
        f"the source's last change is {days:.0f} days ago, though it publishes every {table.cadence.replace('_', '-')}"
    )


def _days(moment: str) -> float:
    then = datetime.fromisoformat(moment)
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return (datetime.now(UTC) - then).total_seconds() / 86_400
