"""``rdc run``: the two Dagster jobs, with a progress bar before, and a summary after.

When no source has anything new and the newest release was made from the same snapshots by the same code, nothing heavy
is imported: the run says so and ends.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from ingest.declaration import Table
from ingest.errors import MendableError
from ingest.outcome import FAILED, FETCHED, QUARANTINED, UNCHANGED, Outcome
from ingest.registry import SHIPPED
from ingest.snapshot import now
from ingest.source import source_of
from ingest.words import shown
from orchestration import books, pipeline, runs, show
from orchestration.alerts.after import tell_after
from orchestration.causes import causes, lines
from orchestration.interrupt import heard, stop_if_asked
from orchestration.judging import to_judge
from orchestration.pipeline import Choice, Watch
from orchestration.retention import keep_within
from orchestration.workspace import PUBLIC, Workspace
from orchestration.writer import BusyError, sign_of_life
from warehouse.releases.inputs import Input

#: With fewer bytes than this to spare, what breaks a run off is the disk: DuckDB, SQLite and dbt each say so in their own way.
FULL = 16 << 20


class DiskFullError(MendableError):
    """There is no room to go on."""


def run(mode: str, table_ids: tuple[str, ...], scope: str | None, as_json: bool, verbose: bool = False) -> int:
    """One run; the exit status: 0 done, 1 something failed.

    :param verbose: tell each table's reason, also where many have the same.
    :raises KeyboardInterrupt: it was stopped with Ctrl-C; what was released stays as it is.
    """
    work = Workspace.open()
    with heard():
        try:
            return _run(work, mode, table_ids, scope, as_json, verbose)
        except BusyError:
            raise
        except Exception:
            stop_if_asked()  # What was broken off fails in its own words.
            tell_after(work)
            raise


def _run(
    work: Workspace, mode: str, table_ids: tuple[str, ...], scope: str | None, as_json: bool, verbose: bool
) -> int:
    started = time.monotonic()
    selected = work.selected(table_ids)
    with work.writing("rdc run"):
        # What someone asked for must come; of all the other tables it is told where a source did not answer.
        asked = {t.id for t in selected if table_ids or Path(t.file).parent != SHIPPED}
        status = _alone(work, selected, mode, scope, as_json, verbose, started, asked)
        keep_within(work)
    tell_after(work)
    return status


def _alone(
    work: Workspace,
    selected: list[Table],
    mode: str,
    scope: str | None,
    as_json: bool,
    verbose: bool,
    started: float,
    asked: set[str],
) -> int:
    """The run itself, of the one process that writes."""
    try:
        work.sweep()
        _close_dead(work)
        outcomes = {} if mode == "sample" else _ingest(work, selected, scope)
        shown_to = [PUBLIC] if mode == "sample" else work.levels()
        levels = {level: pipeline.choose(work.at(level), mode, work.outcomes.latest()) for level in shown_to}
        inputs = pipeline.chosen(levels[PUBLIC])
        choices = list({c.table.id: c for found in levels.values() for c in found}.values())
        if not inputs:
            nothing = {c.table.id: f"no data at all ({c.reason})" for c in choices}
            for line in lines(nothing, work.outcomes.latest(), verbose):
                show.fail(line)
            show.fail("No table has any data, so there is nothing to release.")
            return 1
        problem, released = "", None
        if work.releases.is_new(inputs):
            problem = pipeline.lost(work, inputs) or _build(work, mode)
            released = None if problem else work.releases.current()
        problems = [problem] if problem else []
        # What goes wrong with what one municipality may see costs the others nothing.
        for level, chosen in levels.items() if not problem else ():
            if level != PUBLIC and (
                why := _build_restricted(work.at(level), mode, [c.input for c in chosen if c.input])
            ):
                problems.append(f"{level}: {why}")
        failed = _failures(mode, asked, outcomes, choices)
        held_back = [] if problem else [*_withheld(work), *_not_answered(work)]
        told = Telling(failed, outcomes, work.outcomes.latest(), verbose, held_back, problems)
        if as_json:
            show.as_json(_record(work, choices, outcomes, released, problems))
        else:
            _summary(work, choices, told, released, time.monotonic() - started)
        return 1 if problems or failed or held_back else 0
    except Exception as error:
        if full := _full(work, str(error)):
            raise DiskFullError(f"{full} ({type(error).__name__})") from error
        raise


def _close_dead(work: Workspace) -> None:
    """A run that was killed once its release was there has left nothing to build, and so no other run that would close it."""
    from orchestration.instance import close_dead_runs, dagster_home, has_open_run

    if has_open_run(work.settings.home):
        from dagster import DagsterInstance

        with DagsterInstance.from_config(str(dagster_home(work.settings.home))) as instance:
            close_dead_runs(instance, work.settings.home)


def _full(work: Workspace, why: str) -> str:
    """What to say where a run broke off since the disk is full, or nothing. What was being written may be gone by now, and with
    it the proof: then the words of the failure tell."""
    free = shutil.disk_usage(work.settings.home).free
    if free >= FULL and not any(words in why for words in (os.strerror(errno.ENOSPC), "disk is full")):
        return ""
    return (
        f"The disk of {work.settings.home} is full ({free / 1e6:.1f} MB free now), so the run broke off. The current release and "
        "all snapshots are as they were. Make room (`rdc sources prune` shows which snapshots nothing needs any more), then run "
        "again."
    )


def _ingest(work: Workspace, tables: list[Table], scope: str | None) -> dict[str, Outcome]:
    """Ask all sources, then fetch what changed (and try again what could not be asked) in a Dagster run."""
    with show.bar() as bar:
        task = bar.add_task("asking the sources", total=len(tables))
        answers = pipeline.plan(work, tables, scope)
        bar.update(task, completed=len(tables))
    todo = [t for t in tables if answers[t.id].result in (FETCHED, FAILED)]
    waiting = [t for t in tables if t not in todo and to_judge(work, t)]
    before = work.outcomes.all()
    latest = {outcome.table_id: outcome for outcome in before}
    broke_off = ""
    if todo or waiting:
        with show.bar() as bar:
            watch = _watch(bar, len(todo) + len(waiting))
            result = _execute(work, "ingest", [*todo, *waiting], scope=scope, watch=watch)
            broke_off = "" if result.success else _first_failure(result)
    written = {outcome.table_id: outcome for outcome in work.outcomes.all()[len(before) :]}
    for table in tables:
        if table.id in written:
            answers[table.id] = written[table.id]
            continue
        if table in todo or table in waiting:
            # What was said of it before is no answer for now.
            reason = shown(
                f"{table.id}: it was not taken in, as the ingest broke off: {broke_off or 'no outcome was kept'}"
            )
            answers[table.id] = Outcome(table.id, now(), FAILED, reason)
        else:
            answers[table.id] = _remembered(work, answers[table.id], latest.get(table.id))
        work.outcomes.append(answers[table.id])
    return answers


def _remembered(work: Workspace, answer: Outcome, before: Outcome | None) -> Outcome:
    """An unchanged table whose newest snapshot is in quarantine is still in quarantine."""
    if answer.result == UNCHANGED and before and before.result == QUARANTINED:
        return Outcome(**(asdict(answer) | {"result": QUARANTINED, "reason": before.reason}))
    return answer


def _build(work: Workspace, mode: str) -> str:
    """Build, audit and release in a Dagster run; what went wrong, or nothing."""
    with show.bar() as bar:
        task = bar.add_task("building, auditing, releasing", total=None)
        result = _execute(work, "build", None, mode)
        bar.update(task, total=1, completed=1)
    if result.success:
        return ""
    problem = pipeline.tell_refusal(work) or _first_failure(result)
    return _full(work, problem) or problem


def _build_restricted(work: Workspace, mode: str, inputs: list[Input]) -> str:
    """A release for those who may see more, in a folder that nobody else can open."""
    if not work.releases.is_new(inputs):
        return ""
    problem = _build(work, mode)
    if not problem:
        show.note(f"Released for {work.level} only: {work.releases.current_file}")
    return problem


def _first_failure(result: Any) -> str:
    for event in result.all_events:
        if event.is_step_failure:
            return runs.failure(event)
    return "the build failed; `rdc ui` shows its log"


def _execute(
    work: Workspace,
    job: str,
    tables: list[Table] | None,
    mode: str = "auto",
    scope: str | None = None,
    watch: Watch | None = None,
) -> Any:
    from dagster import DagsterInstance

    from orchestration import definitions
    from orchestration.assets.keys import table_key
    from orchestration.instance import PROCESS, close_dead_runs, dagster_home

    os.environ["DAGSTER_HOME"] = str(dagster_home(work.settings.home))
    os.environ["RDC_HOME"] = str(work.settings.home)
    with books.quick(), DagsterInstance.get() as instance:
        close_dead_runs(instance, work.settings.home)
        # What is in a job can't be given another resource: who looks on goes in as the definitions are made, in a fraction of a second.
        defs = definitions.definitions(work, watch) if watch else definitions.defs
        result = defs.resolve_job_def(job).execute_in_process(
            instance=instance,
            asset_selection=[table_key(t) for t in tables] if tables is not None else None,
            partition_key=work.level if tables is None else None,
            run_config={
                # Its log is kept in the instance, where `rdc ui` shows it; the terminal is ours.
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                "resources": {"run": {"config": {"mode": mode} | ({"scope": scope} if scope else {})}},
            },
            raise_on_error=False,
            tags={PROCESS: sign_of_life(work.settings.home), "rdc/mode": mode},
        )
    stop_if_asked()
    return result


def _watch(bar: Any, total: int) -> Watch:
    """What moves the progress bar on as tables come in, as the resource ``watch`` of the Dagster run."""
    task = bar.add_task("fetching", total=total)

    class Shown(Watch):
        def progress(self, table_id: str, pages: int, expected: int) -> None:
            bar.update(
                task, description=f"fetching {table_id} (page {pages} of about {max(1, -(-expected // 10_000))})"
            )

        def done(self, outcome: Outcome) -> None:
            bar.advance(task)

    return Shown()


# -- what happened ----------------------------------------------------------------------------------------------------


def _failures(mode: str, asked: set[str], outcomes: dict[str, Outcome], choices: list[Choice]) -> dict[str, str]:
    """What makes the run end with status 1, by table: a source that answered wrongly, one that did not answer where live was
    asked for, and a table that was asked for and has no data at all."""
    failed = {
        i: o.reason
        for i, o in outcomes.items()
        if o.failed or (mode == "live" and o.result not in (FETCHED, UNCHANGED))
    }
    # A delivery that is still being written is no failure: the next run takes it in.
    waiting = {o.table_id for o in outcomes.values() if o.result == UNCHANGED and o.reason}
    for choice in choices:
        if choice.spoilt:
            failed[choice.table.id] = choice.spoilt
        if choice.table.id in waiting or choice.table.id in failed:
            continue
        if choice.input is None and choice.table.id in asked and mode != "sample":
            failed[choice.table.id] = f"no data at all ({choice.reason})"
    return failed


@dataclass
class Telling:
    """What is told of the sources: what failed, and what came of every table in this run and before."""

    failed: dict[str, str]
    outcomes: dict[str, Outcome]
    latest: dict[str, Outcome]
    verbose: bool
    withheld: list[str]
    #: Why there is no new release, per level for which there is none.
    problems: list[str]

    def lines(self, reasons: dict[str, str]) -> list[str]:
        return lines(reasons, self.latest, self.verbose)


def _withheld(work: Workspace) -> list[str]:
    """What the current releases do not have as the registry does not fit their tables: a line per indicator and table."""
    said: dict[tuple[str, str], list[str]] = {}
    for item in work.withheld():
        kept = f" {item['kept_figures']:,} figures of before serve on." if item["kept_figures"] else ""
        line = f"{item['reason']} Mend {item['place']}.{kept}"
        said.setdefault((item["indicator_id"], item["table_id"]), []).append(line)
    return [
        f"{indicator} is withheld for {table}: {of_one[0]}"
        + (f" ({len(of_one) - 1} more like it: `rdc status`)" if len(of_one) > 1 else "")
        for (indicator, table), of_one in said.items()
    ]


def _not_answered(work: Workspace) -> list[str]:
    """What is wrong with policy choices, and what broke off as their effect was worked out. No figure waits for it."""
    _, wrong = work.interventions
    said = [f"A policy choice is left out: {line}" for line in wrong]
    current = work.releases.current()
    if current and "mart.policy_effect" in current.tables:
        with duckdb.connect(str(work.releases.current_file), read_only=True) as con:
            found = con.execute(
                "select intervention_id, indicator_id, reason from mart.policy_effect where made_from = '' order by all"
            ).fetchall()
        said += [f"The effect of {one} on {indicator} was not worked out: {why}." for one, indicator, why in found]
    return said


def _summary(
    work: Workspace,
    choices: list[Choice],
    told: Telling,
    released: Any,
    seconds: float,
) -> None:
    outcomes = told.outcomes
    maps = [c for c in choices if not source_of(c.table).figures]
    choices = [c for c in choices if c not in maps]
    show.table(
        "",
        ["table", "title", "origin", "this run", "rows", "modified"],
        [
            (
                *(c.table.id, _short(c.table.title, 60), c.input.origin if c.input else "none"),
                outcomes[c.table.id].result if c.table.id in outcomes else "-",
                *((f"{c.input.snapshot.row_count:,}", c.input.snapshot.modified[:10]) if c.input else (None, None)),
            )
            for c in choices
            if c.input or c.table.id in told.failed
        ],
        right=("rows",),
    )
    sample = [c for c in choices if c.input and c.input.origin == "sample"]
    if sample:
        show.warn(
            "SAMPLE, NOT LIVE",
            f"{len(sample)} of {len(choices)} tables come from the sample extract bundled with the project, not from CBS:\n"
            + "\n".join(
                f"  {_short(t, 300)}"
                for t in told.lines({c.table.id: c.reason or c.input.note for c in sample if c.input})
            ),
        )
    kept = [c for c in choices if c.input and c.input.origin == "last_good"]
    if kept:
        show.warn(
            "LAST GOOD SNAPSHOT",
            "These tables could not be refreshed; their last good snapshot serves on:\n"
            + "\n".join(f"  {c.table.id}  of {c.input.snapshot.fetched_at}" for c in kept if c.input)
            + "\n"
            + "\n".join(_short(t, 300) for t in told.lines({c.table.id: c.reason for c in kept})),
        )
    if wrong := work.clock_is_wrong():
        show.warn("CLOCK", wrong)
    absent = {c.table.id: c.reason for c in choices if c.input is None and c.table.id not in told.failed}
    if absent:
        show.warn(
            "NO DATA YET",
            f"{len(absent)} tables are not in this release, and an indicator that needs one says so:\n"
            + "\n".join(f"  {_short(t, 300)}" for t in told.lines(absent)),
        )
    for outcome in outcomes.values():
        if outcome.result == UNCHANGED and outcome.reason:
            show.warn("NOT TAKEN IN YET", outcome.reason)
        elif outcome.result == FETCHED and outcome.reason:
            show.warn("CHANGED ON DISK", outcome.reason)
    for line in [*told.lines(told.failed), *told.withheld, *told.problems]:
        show.fail(line)
    if released:
        checks = released.checks
        show.line(
            f"Released {released.release_id}: {len(released.inputs.keys() - {c.table.id for c in maps})} tables, "
            f"{released.tables.get('core.cell', 0):,} observations, {checks['passed']} checks passed, "
            f"{checks['warning']} warnings ({seconds:.0f} s)",
            strong=released.release_id,
        )
        show.line(f"  {work.releases.current_file}")
        show.line(f"  quality report: {work.releases.report(released.release_id)}")
        for choice in maps:
            if choice.input is None or choice.input.origin != "live":
                show.line(f"  boundaries for maps: {choice.input.origin if choice.input else 'none'}")
    elif not told.problems:
        current = work.releases.current()
        what = f"Nothing new, and {len(told.failed)} tables failed" if told.failed else "Nothing changed"
        release_id = current.release_id if current else "-"
        show.line(f"{what}; release {release_id} stays ({seconds:.1f} s)", strong=release_id)


def _short(text: str, most: int = 160) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _record(
    work: Workspace, choices: list[Choice], outcomes: dict[str, Outcome], released: Any, problems: list[str]
) -> dict[str, Any]:
    current = work.releases.current()
    return {
        "release": current.release_id if current else None,
        "new_release": released is not None,
        "problem": "; ".join(problems) or None,
        "clock": work.clock_is_wrong(),
        "causes": [asdict(cause) for cause in causes(outcomes.values())],
        "tables": [
            {
                "table_id": c.table.id,
                "origin": c.input.origin if c.input else None,
                "snapshot_id": c.input.snapshot.snapshot_id if c.input else None,
                "rows": c.input.snapshot.row_count if c.input else None,
                "result": outcomes[c.table.id].result if c.table.id in outcomes else None,
                "reason": c.reason or None,
            }
            for c in choices
        ],
    }
