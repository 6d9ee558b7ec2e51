"""What becomes of a snapshot: accepted, or in quarantine with its reasons, until someone lets the change through."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from expectations import CheckResult
from ingest.datacenter import here
from ingest.declaration import Table
from ingest.drift import BREAKING, Change
from ingest.errors import MendableError
from ingest.outcome import FETCHED, Outcome
from ingest.registry import Acceptance, accept_change, accepted
from ingest.snapshot import Snapshot, Store, Verdict, now
from orchestration.workspace import Workspace

if TYPE_CHECKING:
    from expectations.snapshots import SnapshotFacts


#: As many reasons are told where a snapshot is refused; its verdict has all.
_REASONS = 5


class AcceptError(MendableError):
    """A snapshot that can't be accepted."""


def judge(work: Workspace, tables: list[Table]) -> dict[str, str]:
    """Audit every snapshot that has no verdict yet; the reason of each table whose newest one was refused."""
    from expectations.snapshots import audit_snapshots

    waiting: list[Snapshot] = [s for t in tables for s in work.store.unjudged(t.id)]
    if waiting:
        declared = {t.id: t for t in tables}
        results = audit_snapshots([_facts(work.store, s, declared[s.table_id].columns) for s in waiting])
        for snapshot in waiting:
            found = [*results[snapshot.snapshot_id], *drift_checks(work, snapshot)]
            _give_verdict(work.store, snapshot, found)
    refused = {}
    for table in tables:
        newest = work.store.newest(table.id)
        verdict = work.store.verdict(newest) if newest else None
        if newest and verdict and not verdict.accepted:
            if acceptance := _acceptance(work, newest, verdict):
                _let_through(work, newest, verdict, acceptance.by)
                continue
            more = len(verdict.reasons) - _REASONS
            why = " ".join(verdict.reasons[:_REASONS]) + (
                f" (and {more} more: `rdc status --json`)" if more > 0 else ""
            )
            refused[table.id] = (
                f"{table.id}: snapshot {newest.snapshot_id} is in quarantine: {why} The last good one "
                f"serves on. When the change is right, `rdc sources accept {table.id}` lets it through (it adds `- {{snapshot: "
                f"{newest.snapshot_id}, by: NAME, at: DATE}}` to sources/accepted/{table.id}.yml in the data folder); mend the "
                f"indicators bound to it first, in dbt_project/indicators."
            )
    return refused


def to_judge(work: Workspace, table: Table) -> bool:
    """Whether something of a table waits for a verdict: a snapshot without one, or a change accepted since."""
    if work.store.unjudged(table.id):
        return True
    newest = work.store.newest(table.id)
    verdict = work.store.verdict(newest) if newest else None
    return bool(newest and verdict and not verdict.accepted and _acceptance(work, newest, verdict))


def _acceptance(work: Workspace, snapshot: Snapshot, verdict: Verdict) -> Acceptance | None:
    found = accepted(work.settings.own_sources, snapshot.table_id).get(snapshot.snapshot_id)
    return found if found and not _broken(verdict) else None


def drift_checks(work: Workspace, snapshot: Snapshot) -> list[CheckResult]:
    """What changed since the last good snapshot, as checks: breaking ones are critical, the others are told."""
    from ingest.drift import changes

    before = work.store.good(snapshot.table_id)
    if before is None:
        return []
    return [
        CheckResult(
            suite="snapshot",
            subject=snapshot.table_id,
            check=f"drift_{change.check}" + (f"_{change.column}" if change.column else ""),
            severity="critical" if change.level == BREAKING else "info",
            success=change.level != BREAKING,
            description="De levering sluit aan op de vorige.",
            observed=" ".join([change.text, *_edits(work, snapshot.table_id, change)]),
            column=change.column,
            ran_at=now(),
        )
        for change in changes(before, snapshot)
    ]


def _edits(work: Workspace, table_id: str, change: Change) -> list[str]:
    """The edits of the indicator registry that a column which is gone asks for, in Dutch; none for another change."""
    from warehouse.registry.indicators import load

    if change.check != "measure_gone" or change.column is None:
        return []
    return [
        f"Pas aan in {file if '/' in file else f'dbt_project/indicators/{file}'}, indicator {indicator}, versie {version}: {edit}."
        for file, indicator, version, edit in load(own=work.settings.own_indicators).edits(
            table_id, change.column, change.near or "NIEUWE_NAAM"
        )
    ]


def _give_verdict(store: Store, snapshot: Snapshot, results: list[CheckResult], accepted_by: str | None = None) -> None:
    broken = [r for r in results if not r.success and r.severity == "critical"]
    store.judge(
        snapshot,
        Verdict(
            accepted=not broken or accepted_by is not None,
            judged_at=now(),
            reasons=[r.observed if r.check.startswith("drift_") else f"{r.description} {r.observed}" for r in broken],
            results=[asdict(r) for r in results],
            accepted_by=accepted_by,
        ),
    )


def accept(work: Workspace, table: Table) -> Snapshot:
    """Let the quarantined newest snapshot of a table through: someone looked at what changed and found it right.

    Only a change against the snapshot before can be accepted; a snapshot that is broken in itself can't.

    :raises AcceptError: nothing is in quarantine, or what is there is broken.
    """
    newest = work.store.newest(table.id)
    verdict = work.store.verdict(newest) if newest else None
    if newest is None or verdict is None or verdict.accepted:
        raise AcceptError(f"No snapshot of {table.id} is in quarantine; `rdc status` shows which are.")
    if broken := _broken(verdict):
        raise AcceptError(
            f"Snapshot {newest.snapshot_id} is not only changed but broken, so it can't be accepted: "
            + " ".join(f"{r.description} {r.observed}" for r in broken)
        )
    who = os.environ.get("USER") or os.environ.get("LOGNAME") or "unknown"
    accept_change(
        work.settings.own_sources,
        table.id,
        Acceptance(snapshot=newest.snapshot_id, by=who, at=datetime.now(UTC).date(), changes=tuple(verdict.reasons)),
    )
    _let_through(work, newest, verdict, who)
    return newest


def _broken(verdict: Verdict) -> list[CheckResult]:
    """What is critically wrong with a snapshot in itself, besides what changed against the one before."""
    results = [CheckResult(**r) for r in verdict.results]
    return [r for r in results if not r.success and r.severity == "critical" and not r.check.startswith("drift_")]


def _let_through(work: Workspace, snapshot: Snapshot, verdict: Verdict, who: str) -> None:
    results = [CheckResult(**r) for r in verdict.results]
    told = [replace(r, success=True, severity="info") if r.check.startswith("drift_") else r for r in results]
    _give_verdict(work.store, snapshot, told, accepted_by=who)
    rows = snapshot.row_count
    work.outcomes.append(
        Outcome(snapshot.table_id, now(), FETCHED, f"accepted by {who}", snapshot.snapshot_id, snapshot.modified, rows)
    )


def _facts(store: Store, snapshot: Snapshot, columns: tuple[str, ...]) -> SnapshotFacts:
    from expectations.snapshots import SnapshotFacts

    before = store.good(snapshot.table_id)
    return SnapshotFacts(
        snapshot_id=snapshot.snapshot_id,
        table_id=snapshot.table_id,
        folder=snapshot.path,
        layout=snapshot.layout,
        row_count=snapshot.row_count,
        expected_count=snapshot.expected_count,
        region_dimension=snapshot.region_dimension,
        time_dimension=snapshot.time_dimension,
        other_dimensions=tuple(snapshot.other_dimensions),
        period=snapshot.period,
        previous_row_count=before.row_count if before else None,
        had_ours=_has_ours(before) if before else None,
        declared_columns=columns,
    )


def _has_ours(snapshot: Snapshot) -> bool:
    """Whether a municipality of ours is in a snapshot."""
    import duckdb

    if snapshot.region_dimension is None:
        return False
    with duckdb.connect() as con:
        found = con.execute(
            f'select count(*) from read_parquet(?) where list_contains(?, "{snapshot.region_dimension}")',
            [str(snapshot.file("data.parquet")), list(here().codes)],
        ).fetchall()
    return bool(found[0][0])
