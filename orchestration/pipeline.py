"""The recipe of a run, step by step, without Dagster: what the Dagster assets call and what ``rdc run`` follows.

plan      ask every source whether it changed
ingest    fetch what did, audit what arrived, accept it or put it in quarantine
inputs    choose a snapshot per table: live, last good, or sample
build     candidate, dbt
audit     dbt's tests and Great Expectations; a critical failure stops here
release   promote the candidate
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from expectations import CheckResult
from ingest.drift import BREAKING, Change
from ingest.http import CONNECTIONS_PER_HOST, Client, FetchError, UnreachableError
from ingest.land import Progress, in_scope, land, unchanged
from ingest.outcome import FAILED, FETCHED, QUARANTINED, UNCHANGED, UNREACHABLE, Outcome, Outcomes
from ingest.registry import Acceptance, Registry, Table, accept_change, accepted
from ingest.settings import Settings
from ingest.snapshot import Snapshot, Store, Verdict, now
from ingest.statline import service
from orchestration import municipal
from warehouse.build import Node
from warehouse.candidate import Candidate, Input
from warehouse.release import Release, Releases, summary

if TYPE_CHECKING:
    from warehouse.indicators import Registry as IndicatorRegistry

MODES = ("auto", "live", "sample")

#: Who may see a release: everyone, the partners of the data center, or one municipality (by its code).
PUBLIC, PARTNERS = "public", "partners"


class BusyError(Exception):
    """Another run holds the data folder."""


class AcceptError(Exception):
    """A snapshot that can't be accepted."""


class BlockedError(Exception):
    """The audit found something critical: the current release stays."""


@dataclass
class Workspace:
    """Everything that a run works with, made from the settings.

    :param level: for whom the release is. Each level but ``public`` has a series of releases of its own, in
        ``warehouse/restricted/<level>``, so that what is not public never comes near the public file.
    """

    settings: Settings
    registry: Registry
    store: Store
    releases: Releases
    outcomes: Outcomes
    client: Client = field(default_factory=Client)
    level: str = PUBLIC

    @classmethod
    def open(cls, settings: Settings | None = None, level: str = PUBLIC) -> Workspace:
        settings = settings or Settings.from_env()
        return cls(
            settings=settings,
            registry=Registry.load(settings.own_sources),
            store=Store(settings.snapshots),
            releases=Releases(settings.releases(level), own=settings.own_indicators),
            outcomes=Outcomes(settings.snapshots),
            level=level,
        )

    def at(self, level: str) -> Workspace:
        """The same data folder, seen by others."""
        releases = Releases(self.settings.releases(level), own=self.settings.own_indicators)
        return replace(self, level=level, releases=releases)

    def sees(self, table: Table) -> bool:
        """Whether a table may be in a release of this level. What is for fewer people never is."""
        return table.sharing_level in (None, PUBLIC) or (
            self.level != PUBLIC and (table.sharing_level == PARTNERS or table.municipality == self.level)
        )

    @property
    def indicators(self) -> IndicatorRegistry:
        """The indicators of a release of this level: the project's, and the user's own that it may have.

        :raises IndicatorError: a definition can't be used.
        """
        from warehouse.indicators import load

        return load(own=self.settings.own_indicators, closed=self.closed)

    @property
    def closed(self) -> set[str]:
        """The tables that a release of this level may know nothing of."""
        return {t.id for t in self.registry.tables.values() if not self.sees(t)}

    def levels(self) -> list[str]:
        """The levels that there is something for: ``public``, and each for which a table has a snapshot."""
        closed = [t for t in self.registry.tables.values() if t.sharing_level not in (None, PUBLIC)]
        return [
            PUBLIC,
            *sorted(
                {t.municipality or PARTNERS for t in closed if self.store.good(t.id)}, key=lambda lv: lv != PARTNERS
            ),
        ]

    @property
    def candidate(self) -> Candidate:
        return Candidate(self.releases.folder)

    @property
    def audit_file(self) -> Path:
        return self.candidate.folder / "audit.json"

    @property
    def refused_report(self) -> Path:
        """The quality report of the last candidate that was refused."""
        return self.releases.folder / "refused.html"

    @property
    def scratch(self) -> Path:
        """dbt's own output; may be thrown away at any time."""
        return self.settings.home / "dbt"

    def selected(self, ids: tuple[str, ...]) -> list[Table]:
        """The tables that a run looks after: those named, or else all that are not on request, and those that are and
        were asked for or delivered before.

        :raises RegistryError: an id is not declared.
        """
        named = self.registry.select(ids)
        return [t for t in named if ids or not t.on_request or self.store.newest(t.id) or municipal.awaits(self, t)]

    def lock(self, wait: float = 0) -> FileLock:
        """The one run that may write. The operating system frees it when its process ends, however it ends.

        :raises BusyError: another process has it.
        """
        self.settings.home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.settings.home / ".run.lock", is_singleton=True, thread_local=False)
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            raise BusyError(
                f"Another run is working in {self.settings.home}. Wait until it has finished; `rdc status` shows its work."
            ) from None
        return lock

    def sweep(self) -> None:
        """Clear what a killed run left. Only with the lock."""
        self.store.sweep()
        for level in self.levels():
            self.at(level).releases.sweep()


# -- plan and ingest --------------------------------------------------------------------------------------------------


def plan(work: Workspace, tables: Iterable[Table], scope: str | None = None) -> dict[str, Outcome]:
    """Ask each source once whether its table changed. No outcome is kept; ``fetched`` means: to be fetched."""

    def ask(table: Table) -> Outcome:
        at = now()
        if table.protocol == "municipal":
            return municipal.plan(work, table)
        try:
            head = service(table, work.settings, work.client).head(table)
        except UnreachableError as error:
            return Outcome(table.id, at, UNREACHABLE, str(error))
        except FetchError as error:
            return Outcome(table.id, at, FAILED, f"{table.id}: {error}")
        last = work.store.newest(table.id)
        if last and unchanged(last, head, in_scope(table, last, scope)):
            return Outcome(table.id, at, UNCHANGED, "", last.snapshot_id, head.modified, last.row_count)
        return Outcome(table.id, at, FETCHED, modified=head.modified)

    with ThreadPoolExecutor(2 * CONNECTIONS_PER_HOST) as pool:
        return {outcome.table_id: outcome for outcome in pool.map(ask, tables)}


def ingest(
    work: Workspace,
    tables: list[Table],
    progress: Progress = lambda *_: None,
    done: Callable[[Outcome], None] = lambda _: None,
    scope: str | None = None,
) -> dict[str, Outcome]:
    """Land the tables, downloads side by side, and audit what arrived. Every attempt is written to the log."""

    def one(table: Table) -> Outcome:
        if table.protocol == "municipal":
            outcome = municipal.land(work, table, progress)
        else:
            outcome = land(table, work.settings, work.store, work.client, progress, scope)
        done(outcome)
        return outcome

    with ThreadPoolExecutor(CONNECTIONS_PER_HOST) as pool:
        outcomes = {outcome.table_id: outcome for outcome in pool.map(one, tables)}
    refused = judge(work, tables)
    for table_id, reason in refused.items():
        outcomes[table_id] = replace(outcomes[table_id], result=QUARANTINED, reason=reason)
    for outcome in outcomes.values():
        work.outcomes.append(outcome)
    return outcomes


def judge(work: Workspace, tables: list[Table]) -> dict[str, str]:
    """Audit every snapshot that has no verdict yet; the reason of each table whose newest one was refused."""
    from expectations.snapshots import SnapshotFacts, audit_snapshots

    waiting: list[Snapshot] = [s for t in tables for s in work.store.unjudged(t.id)]
    if waiting:
        declared = {t.id: t for t in tables}
        results = audit_snapshots([_facts(work.store, s, declared[s.table_id].columns, SnapshotFacts) for s in waiting])
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
            refused[table.id] = (
                f"{table.id}: snapshot {newest.snapshot_id} is in quarantine: {' '.join(verdict.reasons)} The last good one "
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
    from warehouse.indicators import load

    if change.check != "measure_gone" or change.column is None:
        return []
    return [
        f"Pas aan in dbt_project/indicators/{theme}.yml, indicator {indicator}, versie {version}: {edit}."
        for theme, indicator, version, edit in load(own=work.settings.own_indicators).edits(
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


def _facts(store: Store, snapshot: Snapshot, columns: tuple[str, ...], kind: type) -> Any:
    before = store.good(snapshot.table_id)
    return kind(
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
        declared_columns=columns,
    )


def prunable(work: Workspace, days: float) -> list[Snapshot]:
    """The snapshots that nothing needs any more: older than so many days, used by no release and by no figure of its
    history, and neither the newest nor the last good one of their table."""
    from warehouse.read import reading

    needed: set[str] = set()
    for releases in (work.at(level).releases for level in work.levels()):
        needed |= {used["snapshot_id"] for release in releases.all() for used in release.inputs.values()}
        if releases.current():
            with reading(releases) as reader:
                found_in = reader.rows("select distinct snapshot_id from core.indicator_history")
            needed |= {r["snapshot_id"] for r in found_in}
    found = []
    for folder in sorted(work.store.root.glob("*/")):
        kept = [work.store.newest(folder.name), work.store.good(folder.name)]
        found += [
            s
            for s in work.store.all(folder.name)
            if s not in kept
            and s.snapshot_id not in needed
            and (datetime.now(UTC) - datetime.fromisoformat(s.fetched_at)).total_seconds() > days * 86_400
        ]
    return found


# -- inputs -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """What a run uses for a table, or why it has nothing."""

    table: Table
    input: Input | None
    reason: str = ""


def choose(work: Workspace, mode: str, asked: dict[str, Outcome]) -> list[Choice]:
    """A snapshot for every declared table that this level may see.

    ``sample`` takes the bundled extract and nothing else; ``live`` never takes it; ``auto`` takes it only for a table
    that has no snapshot of its own. A table is either sample or not: its figures never mix.
    """
    choices = []
    for table in filter(work.sees, work.registry.tables.values()):
        if table.on_request and not work.store.newest(table.id) and table.id not in asked:
            continue
        sample = work.store.sample(table.id)
        outcome = asked.get(table.id)
        why = outcome.reason if outcome and outcome.result not in (FETCHED, UNCHANGED) else ""
        if mode == "sample":
            found = Input(table, sample, "sample", "asked for with --source sample") if sample else None
            choices.append(Choice(table, found, "" if found else "not in the bundled sample"))
            continue
        good = work.store.good(table.id)
        if good:
            choices.append(Choice(table, Input(table, good, "last_good" if why else "live", why), why))
        elif sample and mode == "auto":
            note = why or "not fetched yet"
            choices.append(Choice(table, Input(table, sample, "sample", note), note))
        else:
            choices.append(Choice(table, None, why or (outcome.reason if outcome else "") or "not fetched yet"))
    return choices


# -- build, audit, release --------------------------------------------------------------------------------------------


def prepare(work: Workspace, inputs: list[Input]) -> None:
    delivered = [t.id for t in work.registry.tables.values() if t.protocol == "municipal"]
    work.candidate.prepare(
        inputs, work.releases.current_file, work.outcomes.file, work.indicators, work.closed, delivered
    )


def build(work: Workspace) -> list[Node]:
    """dbt, with its tests. What they found is kept beside the candidate, for the audit."""
    from warehouse.build import dbt_build, project_with
    from warehouse.codebook import wide_tables

    project = project_with(wide_tables(work.indicators), work.scratch)
    nodes = dbt_build(work.candidate.file, work.scratch, project)
    _keep(work, [_dbt_check(node) for node in nodes if node.resource_type in ("test", "unit_test")], complete=False)
    return nodes


def audit(work: Workspace, inputs: list[Input]) -> list[CheckResult]:
    """All checks on the candidate: those of its snapshots, dbt's tests, and Great Expectations on core and marts."""
    from expectations.candidate import audit_candidate

    results = [
        CheckResult(**result)
        for item in inputs
        if (verdict := work.store.verdict(item.snapshot))
        for result in verdict.results
    ]
    results += [r for r in _kept(work)[0] if r.suite == "dbt"]
    results += audit_candidate(work.candidate.file)
    with work.candidate.connect() as con:
        con.execute(
            """
            create or replace table core.check_result (
                suite varchar, subject varchar, check_name varchar, column_name varchar, severity varchar,
                success boolean, description varchar, observed varchar, ran_at timestamptz
            )
            """
        )
        con.execute("comment on table core.check_result is 'How this release was judged: one row per check.'")
        rows = [
            [r.suite, r.subject, r.check, r.column, r.severity, r.success, r.description, r.observed, r.ran_at]
            for r in results
        ]
        if rows:
            con.executemany("insert into core.check_result values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    _keep(work, results, complete=True)
    return results


def refusal(work: Workspace) -> str | None:
    """Why the candidate may not be released, or None when it was audited and nothing critical failed."""
    if not work.audit_file.is_file():
        return "The candidate was not audited, so it can't be released. Run `rdc run`."
    results, complete = _kept(work)
    broken = [r for r in results if not r.success and r.severity == "critical"]
    if not broken:
        return (
            None if complete else "The audit of the candidate did not finish, so it can't be released. Run `rdc run`."
        )
    more = f" and {len(broken) - 5} more" if len(broken) > 5 else ""
    return (
        f"{len(broken)} critical check(s) failed, so the current release stays: "
        + "; ".join(f"{r.subject} {r.check}: {r.observed}" for r in broken[:5])
        + more
    )


def _keep(work: Workspace, results: list[CheckResult], complete: bool) -> None:
    content = {"complete": complete, "results": [asdict(r) for r in results]}
    work.audit_file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _kept(work: Workspace) -> tuple[list[CheckResult], bool]:
    content = json.loads(work.audit_file.read_text(encoding="utf-8"))
    return [CheckResult(**item) for item in content["results"]], content["complete"]


def report(work: Workspace, inputs: list[Input]) -> str:
    """The quality report of the candidate, as HTML."""
    from expectations.report import render

    facts = report_facts(inputs, work.releases.next_id(datetime.now(UTC)))
    return render(_kept(work)[0], "Kwaliteitsrapport", facts)


def _dbt_check(node: Node) -> CheckResult:
    return CheckResult(
        suite="dbt",
        subject="dbt",
        check=node.name,
        severity="critical" if node.status != "warn" else "warning",
        success=node.status in ("pass", "success"),
        description=f"De dbt-test {node.name} vindt geen fouten.",
        observed=node.message or "niets gevonden",
        ran_at=now(),
    )


def release(work: Workspace, inputs: list[Input]) -> Release:
    """Promote the audited candidate.

    :raises BlockedError: a critical check failed, or the candidate was not audited; the current release stays.
    """
    if why := refusal(work):
        raise BlockedError(why)
    return work.releases.publish(work.candidate, inputs, summary(_kept(work)[0]), report(work, inputs))


def rollback(work: Workspace, release_id: str) -> tuple[Release, dict[str, Release | None]]:
    """Make an earlier release current; of the public series with what partners and municipalities see of it.

    A restricted release holds all that is public besides. Would it stay, then those who may see more would go on seeing what
    was taken back from everyone. So each goes back to its newest release that was made from the same public snapshots by the
    same code. Going back in a restricted series leaves the others alone: what is public is not touched by it.

    :returns: the release, and per restricted series what is current there now; None where no release of it is alike.
    :raises ReleaseError: a release is not there or was changed; nothing was rolled back then.
    """
    found = work.releases.checked(release_id)
    others: dict[str, Release | None] = {}
    for level in work.settings.restricted if work.level == PUBLIC else []:
        releases = work.at(level).releases
        alike = releases.alike(found, work.closed)
        others[level] = releases.checked(alike.release_id) if alike else None
    # Restricted ones first: broken off half-way, nobody sees more of what is taken back than before.
    for level, other in others.items():
        if other:
            work.at(level).releases.rollback(other.release_id)
    return work.releases.rollback(release_id), others


def report_facts(inputs: list[Input], release_id: str) -> dict[str, Any]:
    return {
        "release_id": release_id,
        "date": now(),
        "tables": [
            {
                "table_id": item.table.id,
                "title": item.snapshot.title,
                "origin": item.origin,
                "fetched_at": item.snapshot.fetched_at,
                "modified": item.snapshot.modified,
                "note": item.note,
            }
            for item in inputs
        ],
    }
