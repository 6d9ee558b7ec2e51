"""What happens by itself: the jobs, when they are started, and what looks whether there is something to do."""

# No `from __future__ import annotations` here: Dagster reads the annotations of a step's parameters as they are.
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from ingest.declaration import Table
from ingest.municipal.source import state_of
from ingest.outcome import FETCHED
from ingest.settings import number
from ingest.source import source_of
from orchestration import pipeline
from orchestration.alerts.quiet import AMSTERDAM, is_quiet
from orchestration.assets.keys import table_key
from orchestration.assets.telling import alerts
from orchestration.instance import KILLED, close_dead_runs
from orchestration.rhythm import MORNING, due, expected_now
from orchestration.workspace import Workspace

#: The tag that says what a sensor asked a run for.
ASKED = "rdc/asked"
#: How often sources are asked what changed. Where someone sets it, all of them are, and not those that expect something.
LOOK = "RDC_STATLINE_LOOK_SECONDS"


@dataclass(frozen=True)
class Automation:
    jobs: list[Any]
    schedules: list[dg.ScheduleDefinition]
    sensors: list[dg.SensorDefinition]


def _request(context: dg.SensorEvaluationContext, key: str, **how: Any) -> dg.RunRequest:
    """Ask for a run once per state of things; once more for each time that its process was killed, up to three times."""
    killed = context.instance.get_runs_count(dg.RunsFilter(tags={ASKED: key, KILLED: "yes"}))
    return dg.RunRequest(run_key=f"{key}#{min(killed, 3)}", tags={ASKED: key}, **how)


def _due_request(tables: list[Table], at: datetime) -> dg.RunRequest:
    """Ask for what is due: once a day for the same tables, whoever notices it."""
    key = (
        f"due {at.astimezone(AMSTERDAM):%Y-%m-%d} "
        + hashlib.sha256(" ".join(t.id for t in tables).encode()).hexdigest()[:8]
    )
    return dg.RunRequest(run_key=key, tags={ASKED: key}, asset_selection=[table_key(t) for t in tables])


def automation(work: Workspace, tables: dg.AssetsDefinition) -> Automation:
    contracts = work.registry.contracts
    every_source = dg.AssetSelection.assets(tables)
    looked_after = dg.AssetSelection.assets(*(table_key(t) for t in work.selected(())))
    ingest_job = dg.define_asset_job(
        "ingest", selection=looked_after, description="Fetch what changed at the sources, and audit what arrived."
    )
    build_job = dg.define_asset_job(
        "build",
        selection=dg.AssetSelection.all() - every_source,
        description="Candidate, dbt, audit, release; from the last good snapshots.",
    )

    @dg.schedule(
        name="daily",
        job=ingest_job,
        cron_schedule=f"{MORNING.minute} {MORNING.hour} * * *",
        execution_timezone=AMSTERDAM.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every morning, the sources whose rhythm says so (orchestration/rhythm.py); the build follows by itself.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        work, at = Workspace.open(), datetime.now(UTC)
        asked = due(work, at)
        if is_quiet(at):
            return dg.SkipReason("It is quiet now (RDC_QUIET_HOURS); `sources_moved` asks afterwards.")
        return _due_request(asked, at) if asked else dg.SkipReason("No source is due.")

    @dg.sensor(
        name="sources_moved",
        job=ingest_job,
        minimum_interval_seconds=number(LOOK, 3600, 1),
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sources_moved(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Asks the sources that may have something new by now, and asks for the tables that have; and catches up what was due
        while nothing ran."""
        work, at = Workspace.open(), datetime.now(UTC)
        if is_quiet(at):
            yield dg.SkipReason("It is quiet now (RDC_QUIET_HOURS).")
            return
        # What the schedule asks for has half an hour to begin.
        if missed := due(work, at - timedelta(minutes=30)):
            yield _due_request(missed, at)
            return
        tables = [t for t in work.selected(()) if source_of(t).asked]
        answers = pipeline.plan(work, tables if os.environ.get(LOOK) else expected_now(work, tables, at))
        moved = [a for a in answers.values() if a.result == FETCHED]
        if not moved:
            yield dg.SkipReason("No table has a new version.")
        else:
            yield _request(
                context,
                ";".join(sorted(f"{a.table_id}@{a.modified}" for a in moved)),
                asset_selection=[table_key(work.registry.tables[a.table_id]) for a in moved],
            )

    delivery_job = dg.define_asset_job(
        "deliveries",
        selection=dg.AssetSelection.assets(*(table_key(t) for t in work.registry.tables.values() if t.id in contracts)),
        description="Take in what municipalities delivered.",
    )

    @dg.sensor(
        name="municipal_deliveries",
        job=delivery_job,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def municipal_deliveries(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Looks into the drop folder, and asks for the sources that something whole and new was put down for."""
        work = Workspace.open()
        # Sources with an address are asked by the daily schedule, not every minute.
        dropped = [t for t in work.registry.tables.values() if t.id in contracts and not contracts[t.id].ways_in]
        new = [a.table_id for a in pipeline.plan(work, dropped).values() if a.result == FETCHED]
        if not new:
            yield dg.SkipReason("Nothing new was delivered.")
        else:
            keys = [table_key(work.registry.tables[i]) for i in new]
            # Asked for once per state of the folders: what can't be taken in is not tried again every minute.
            yield _request(context, state_of(work, new), asset_selection=keys)

    @dg.sensor(
        name="build_what_is_new",
        job=build_job,
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def build_what_is_new(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Asks for a build when the newest release was made from something else than what is here now: after every ingest,
        also one in which some tables failed, and after a build that was killed."""
        work = Workspace.open()
        close_dead_runs(context.instance, work.settings.home)
        # Not how many there are: the log forgets what is old enough.
        asked = max((outcome.at for outcome in work.outcomes.all()), default="")
        if not asked:
            yield dg.SkipReason("No source was asked yet.")
            return
        new = False
        for level in work.levels():
            at = work.at(level)
            inputs = pipeline.inputs(at)
            if not inputs or not at.releases.is_new(inputs):
                continue
            new = True
            newest = next((r.release_id for r in reversed(at.releases.all())), "-")
            yield _request(
                context,
                # What was refused once is refused again, so it waits until a source was asked anew.
                f"build-{level}-{newest}-{at.releases.fingerprint(inputs)[:16]}-{asked}",
                partition_key=level,
            )
        if not new:
            yield dg.SkipReason("Nothing changed since the newest release.")

    return Automation(
        jobs=[ingest_job, delivery_job, build_job],
        schedules=[daily],
        sensors=[sources_moved, municipal_deliveries, build_what_is_new, alerts()],
    )
