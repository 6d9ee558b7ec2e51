"""The recipe of a run, step by step, without Dagster: what the Dagster assets call and what ``rdc run`` follows.

plan      ask every source whether it changed
ingest    fetch what did, audit what arrived, accept it or put it in quarantine
inputs    choose a snapshot per table: live, last good, or sample
build     candidate, dbt
audit     dbt's tests and Great Expectations; a critical failure stops here
effects   what policy choices did, by the audited figures; it stops nothing
release   promote the candidate
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from expectations import CheckResult
from ingest.attempt import Attempt, attempt
from ingest.declaration import RegistryError, Table
from ingest.errors import MendableError
from ingest.http import CONNECTIONS_PER_HOST
from ingest.outcome import FETCHED, QUARANTINED, UNCHANGED, Outcome
from ingest.snapshot import AREAS, now
from ingest.source import source_of
from ingest.sql import add_rows, identifier, literal, records
from ingest.storage import durable
from orchestration import ahead
from orchestration.interrupt import stop_if_asked
from orchestration.judging import judge
from orchestration.workspace import PUBLIC, Workspace
from warehouse.making import written
from warehouse.making.base import Base, SpoiltBaseError, base_of
from warehouse.making.build import Node
from warehouse.making.candidate import Candidate
from warehouse.making.effects import WorkedOut, work_out
from warehouse.making.publishing import publish
from warehouse.releases.inputs import Input
from warehouse.releases.plan import Plan, PlanError
from warehouse.releases.release import Release, ReleaseError, summary

#: Tables under way at once. Twice the connections: while one is parsed or written, another is asked for.
AT_ONCE = 2 * CONNECTIONS_PER_HOST

ASKED_FOR_SAMPLE = "asked for with --source sample"


NOT_AUDITED = "The candidate was not audited, so it can't be released. Run `rdc run`."


class BlockedError(MendableError):
    """The audit found something critical: the current release stays."""


class Watch:
    """Who looks on while tables come in; as it is, it shows nothing."""

    def progress(self, table_id: str, pages: int, expected: int) -> None: ...

    def done(self, outcome: Outcome) -> None: ...


# -- plan and ingest --------------------------------------------------------------------------------------------------


def plan(work: Workspace, tables: Iterable[Table], scope: str | None = None) -> dict[str, Outcome]:
    """Ask each source once whether its table changed. No outcome is kept; ``fetched`` means: to be fetched."""

    def ask(table: Table) -> Outcome:
        return source_of(table).plan(work, table, scope)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {outcome.table_id: outcome for outcome in pool.map(ask, tables)}


def ingest(
    work: Workspace, tables: list[Table], watch: Watch | None = None, scope: str | None = None
) -> dict[str, Outcome]:
    """Land the tables, downloads side by side, and audit what arrived. Every attempt is written to the log."""
    found = {outcome.table_id: outcome for outcome in landed(work, tables, watch or Watch(), scope)}
    outcomes = {table.id: found[table.id] for table in tables}
    for table_id, refused in judged(work, tables).items():
        outcomes[table_id] = replace(
            outcomes[table_id], result=refused.result, reason=refused.reason, host=None, cause=None
        )
    for outcome in outcomes.values():
        work.outcomes.append(outcome)
    return outcomes


def landed(work: Workspace, tables: list[Table], watch: Watch, scope: str | None = None) -> Iterator[Outcome]:
    """The tables as they arrive, not yet audited, those of each service spread over the whole."""

    def progress(table_id: str, pages: int, expected: int) -> None:
        ahead.load()
        watch.progress(table_id, pages, expected)

    def one(table: Table) -> Outcome:
        outcome = source_of(table).land(work, table, progress, scope)
        watch.done(outcome)
        return outcome

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(one, spread(tables))


def spread(tables: Sequence[Table]) -> list[Table]:
    """Each service's tables evenly over the whole, in their own order: each service has connections of its own, and one whose
    tables all come last would be waited for while the others have nothing to do."""
    services: dict[tuple[str, str | None], list[Table]] = {}
    for table in tables:
        services.setdefault((table.protocol, table.catalog), []).append(table)
    placed = [((n + 0.5) / len(own), table) for own in services.values() for n, table in enumerate(own)]
    return [table for _, table in sorted(placed, key=lambda one: one[0])]


def judged(work: Workspace, tables: list[Table]) -> dict[str, Outcome]:
    """What the audit refused. Where it breaks off, each table is judged alone: what one of them holds costs no other."""

    from warehouse.registry.indicators import IndicatorError

    def one(table: Table) -> Outcome:
        def judging(own: Attempt) -> Outcome:
            refused = judge(work, [table])
            return own.outcome(QUARANTINED, refused[table.id]) if refused else own.outcome(UNCHANGED)

        return attempt(table.id, judging, quote=not source_of(table).private)

    try:
        refused = judge(work, tables)
    except (RegistryError, IndicatorError):
        raise  # a file of the one who runs this, which names itself
    except Exception:
        alone = {table.id: one(table) for table in tables}
        return {table_id: outcome for table_id, outcome in alone.items() if outcome.failed}
    return {table_id: Attempt(table_id).outcome(QUARANTINED, reason) for table_id, reason in refused.items()}


# -- inputs -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """What a run uses for a table, or why it has nothing."""

    table: Table
    input: Input | None
    reason: str = ""
    #: What is wrong with a newer snapshot that can't be used as it lies on disk.
    spoilt: str = ""


def spoilt(work: Workspace, table: Table) -> str:
    """What is wrong with the snapshot of a table that a build would use; empty where nothing is."""
    found = work.store.spoilt(table.id)
    if found is None:
        return ""
    snapshot, changed = found
    good = work.store.good(table.id)
    instead = (
        f"the last good one, of {good.fetched_at}, serves on" if good else "there is no earlier one that could serve"
    )
    return (
        f"{table.id}: snapshot {snapshot.snapshot_id} is not as it was laid down ({', '.join(changed)} changed or gone), so it is "
        f"not used; {instead}. `rdc run` fetches it anew where the source answers"
    )


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
        broken = "" if mode == "sample" else spoilt(work, table)
        why = broken or (outcome.reason if outcome and outcome.result not in (FETCHED, UNCHANGED) else "")
        if mode == "sample":
            found = Input(table, sample, "sample", ASKED_FOR_SAMPLE) if sample else None
            choices.append(Choice(table, found, "" if found else "not in the bundled sample"))
            continue
        good = work.store.good(table.id)
        if good:
            choices.append(Choice(table, Input(table, good, "last_good" if why else "live", why), why, broken))
        elif sample and mode == "auto":
            note = why or "not fetched yet"
            choices.append(Choice(table, Input(table, sample, "sample", note), note, broken))
        else:
            reason = why or (outcome.reason if outcome else "") or "not fetched yet"
            choices.append(Choice(table, None, reason, broken))
    return choices


def inputs(work: Workspace, mode: str = "auto") -> list[Input]:
    """What a build would be made from now."""
    return chosen(choose(work, mode, work.outcomes.latest()))


def chosen(choices: Iterable[Choice]) -> list[Input]:
    """What a build would be made from; nothing where there are boundaries and no figures."""
    found = [c.input for c in choices if c.input]
    return found if any(i.snapshot.layout != AREAS for i in found) else []


def lost(work: Workspace, inputs: list[Input]) -> str:
    """Why no release may be made of these inputs: figures of the current one would be gone for no other reason than that a disk,
    or someone, changed a snapshot or took it away. Empty where nothing is lost so."""
    current = work.releases.current()
    if current is None or any(item.note == ASKED_FOR_SAMPLE for item in inputs):
        return ""
    used = {item.table.id for item in inputs if item.origin != "sample"}
    for table_id, before in current.inputs.items():
        table = work.registry.tables.get(table_id)
        if table is None or not work.sees(table) or before["origin"] == "sample" or table_id in used:
            continue
        why = spoilt(work, table) or f"{table_id}: no snapshot of it is left. `rdc run` fetches it anew"
        return f"The current release stays, as the figures of {table_id} would be gone from the next one. {why}"
    return ""


# -- build, audit, release --------------------------------------------------------------------------------------------


def keep_apart(work: Workspace) -> None:
    """Where what is not for everyone is made and released, nobody but its owner can look."""
    if work.level != PUBLIC:
        folder = work.settings.warehouse / "restricted"
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)


def prepare(work: Workspace, inputs: list[Input], whole: bool = False) -> None:
    """Lay out the candidate, and write down what it is made from: from here on :func:`planned` says it.

    :param whole: make everything anew, also what did not change since the current release.
    :raises BlockedError: a snapshot that the current release was made from can't be used, and no other can serve.
    """
    work.audit_file.unlink(
        missing_ok=True
    )  # it is of the candidate before, and what goes wrong from here on is not in it
    if why := lost(work, inputs):
        raise BlockedError(why)
    keep_apart(work)
    work.note_levels()
    current, corrections, at = work.releases.current(), len(work.clock.corrections), datetime.now(UTC)
    file, code = work.releases.current_file, work.releases.code()
    base = None if whole else base_of(current, file, code, inputs, work.closed, corrections)
    try:
        plan = work.releases.plan(inputs, at, corrections, current if base else None)
        known_at = lay_out(work, work.candidate, inputs, plan, base)
    except SpoiltBaseError:
        # Readers of the current release learn of it elsewhere (orchestration/damage.py).
        known_at = lay_out(work, work.candidate, inputs, work.releases.plan(inputs, at, corrections))
    work.saw(known_at)


def lay_out(
    work: Workspace, candidate: Candidate, inputs: list[Input], plan: Plan | None = None, base: Base | None = None
) -> datetime:
    """Start a candidate anew with these inputs.

    :param plan: which build it is for; without one nothing will be released of it.
    :param base: the release that it goes on from.
    :raises SpoiltBaseError: the file of that release is not what was released.
    :returns: the moment from which what is built of it is known.
    """
    clock, current = work.clock, work.releases.current()
    return candidate.prepare(
        inputs,
        work.releases.current_file,
        work.outcomes.file,
        work.indicators,
        work.closed,
        [t.id for t in work.registry.tables.values() if source_of(t).private],
        plan,
        clock,
        current.corrections if current else 0,
        base,
        work.interventions[0],
    )


def planned(work: Workspace) -> list[Input]:
    """What the candidate is made from, as its plan says; whatever arrived since is for the next build.

    :raises PlanError: there is no plan, or what it names is no longer there.
    """
    found = []
    for table_id, chosen in Plan.read(work.candidate.folder).inputs.items():
        table, name = work.registry.tables.get(table_id), chosen["snapshot_id"]
        sample = work.store.sample(table_id) if chosen["origin"] == "sample" else None
        if table is None or (chosen["origin"] == "sample" and (sample is None or sample.snapshot_id != name)):
            raise PlanError(
                f"{table_id} was taken out of the sources while a build with it was going on; run `rdc run` again"
            )
        found.append(Input(table, sample or work.store.get(table_id, name), chosen["origin"], chosen["note"]))
    return found


def build(work: Workspace) -> list[Node]:
    """dbt, with its tests. What they found is kept beside the candidate, for the audit."""
    from warehouse.making.build import dbt_build, project_with
    from warehouse.registry.wide import wide_tables

    project = project_with(wide_tables(work.indicators), work.scratch)
    earlier = _earlier(work)
    # A unit test asks the code, which is the same where a build goes on from a release.
    nodes = dbt_build(work.candidate.file, work.scratch, project, leave_out="unit_test" if earlier else None)
    found = [_dbt_check(node) for node in nodes if node.resource_type in ("test", "unit_test")]
    asked = {result.check for result in found}
    found += [r for r in earlier if r.suite == "dbt" and r.check not in asked]
    _keep(work, found, complete=False)
    return nodes


def row_counts(work: Workspace) -> dict[str, int]:
    """How many rows each table of the candidate has, by schema and name."""
    import duckdb

    with duckdb.connect(str(work.candidate.file), read_only=True) as con:
        named = con.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name in ('staging', 'core', 'mart')"
        )
        counts = [
            f"select {literal(f'{schema}.{table}')}, (select count(*) from {identifier(schema)}.{identifier(table)})"
            for schema, table in named.fetchall()
        ]
        return dict(con.execute(" union all ".join(counts)).fetchall()) if counts else {}


def _earlier(work: Workspace) -> list[CheckResult]:
    """How the release was judged that the candidate goes on from; nothing where it started from nothing."""
    base = Plan.read(work.candidate.folder).base
    if base is None:
        return []
    import duckdb

    with duckdb.connect(str(work.releases.path(base)), read_only=True) as con:
        found = con.execute(
            'select suite, subject, check_name as "check", severity, success, description, observed, '
            'column_name as "column", ran_at::varchar as ran_at from core.check_result'
        )
        return [CheckResult(**row) for row in records(found)]


def audit(work: Workspace) -> list[CheckResult]:
    """All checks on the candidate: those of its snapshots, dbt's tests, and Great Expectations on core and marts."""
    from expectations.candidate import audit_candidate

    inputs = planned(work)

    results = [
        CheckResult(**result)
        for item in inputs
        if (verdict := work.store.verdict(item.snapshot))
        for result in verdict.results
    ]
    results += [r for r in _kept(work)[0] if r.suite == "dbt"]
    results += audit_candidate(work.candidate.file, _earlier(work))
    _keep(work, results, complete=False)
    return results


def effects(work: Workspace) -> tuple[WorkedOut, list[CheckResult]]:
    """What policy choices did, by the audited figures: only what changed is worked out, and none of it keeps a release back. With
    it the audit is complete.

    :returns: what was worked out, and how it was judged.
    """
    from expectations.candidate import audit_effects

    with work.candidate.connect() as con:
        found = work_out(con)
    judged = audit_effects(work.candidate.file)
    _keep(work, [*_kept(work)[0], *judged], complete=True)
    return found, judged


def note_checks(work: Workspace) -> dict[str, int]:
    """Write into the candidate how it was judged.

    :returns: number of checks by outcome.
    :raises BlockedError: it was not audited to the end.
    """
    if not work.audit_file.is_file() or not (kept := _kept(work))[1]:
        raise BlockedError(NOT_AUDITED)
    results = kept[0]
    with work.candidate.connect() as con:
        names = written.create(con, "core.check_result")
        # `check` and `column` are words of SQL.
        records = [asdict(r) | {"check_name": r.check, "column_name": r.column} for r in results]
        add_rows(con, "core.check_result", [[record[name] for name in names] for record in records])
    return summary(results)


def refusal(work: Workspace) -> str | None:
    """Why the candidate may not be released, or None when it was audited and nothing critical failed."""
    if not work.audit_file.is_file():
        return NOT_AUDITED
    results, complete = _kept(work)
    broken = _critical(results)
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


def tell_refusal(work: Workspace) -> str:
    """Keep the report of a candidate that its audit refused, where `rdc status` finds it; why, or nothing where no check did."""
    if not work.audit_file.is_file() or not _critical(_kept(work)[0]):
        return ""
    durable.write(work.refused_report, report(work))
    return f"{refusal(work)}. The whole report: {work.refused_report}"


def _critical(results: list[CheckResult]) -> list[CheckResult]:
    return [r for r in results if not r.success and r.severity == "critical"]


def _keep(work: Workspace, results: list[CheckResult], complete: bool) -> None:
    content = {"complete": complete, "results": [asdict(r) for r in results]}
    durable.write(work.audit_file, json.dumps(content, ensure_ascii=False))


def _kept(work: Workspace) -> tuple[list[CheckResult], bool]:
    content = json.loads(work.audit_file.read_text(encoding="utf-8"))
    return [CheckResult(**item) for item in content["results"]], content["complete"]


def report(work: Workspace) -> str:
    """The quality report of the candidate, as HTML."""
    from expectations.report import render

    facts = report_facts(planned(work), work.releases.next_id(datetime.now(UTC)))
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


def release(work: Workspace) -> Release:
    """Promote the audited candidate, if it holds what its plan says.

    :raises PlanError: it does not; the current release stays.
    :raises BlockedError: a critical check failed, or the candidate was not audited; the current release stays.
    :raises KeyboardInterrupt: the run was to stop; the current release stays.
    """
    if why := refusal(work):
        raise BlockedError(why)
    checks, text = summary(_kept(work)[0]), report(work)
    stop_if_asked()
    plan = Plan.read(work.candidate.folder)
    return publish(work.releases, work.candidate, planned(work), checks, text, plan)


def rollback(work: Workspace, release_id: str) -> tuple[Release, dict[str, Release | None]]:
    """Make an earlier release current; of the public series with what partners and municipalities see of it.

    A restricted release holds all that is public besides. Would it stay, then those who may see more would go on seeing what
    was taken back from everyone. So each goes back to its newest release that was made from the same public snapshots by the
    same code. Going back in a restricted series leaves the others alone: what is public is not touched by it.

    :returns: the release, and per restricted series what is current there now; None where no release of it is alike.
    :raises ReleaseError: a release is not there, was changed, or would open what was closed since; nothing was rolled back then.
    """
    found = work.releases.checked(release_id)
    work.note_levels()
    if opened := work.releases.opens(found):
        raise ReleaseError(
            f"Release {release_id} was not made current: it would open again what was closed since: "
            f"{', '.join(map(str, opened))}. Choose one that `rdc releases` shows without anything closed. Is such a source to be "
            "open again, then say so in its declaration (sharing_level) and run `rdc run`: the release of that run has it."
        )
    others: dict[str, Release | None] = {}
    for level in work.settings.restricted if work.level == PUBLIC else []:
        releases = work.at(level).releases
        matching = releases.matching(found, work.closed)
        others[level] = releases.checked(matching.release_id) if matching else None
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
