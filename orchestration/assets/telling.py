"""Who is told, and what is measured, while the daemon runs."""

# No `from __future__ import annotations` here: Dagster reads the annotations of a step's parameters as they are.
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from orchestration import metrics
from orchestration.alerts.channels import declared
from orchestration.alerts.tell import tell
from orchestration.workspace import Workspace

#: A build follows an ingest within this time; what both find is one message.
SETTLE_SECONDS = 90
_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def alerts() -> dg.SensorDefinition:
    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=120,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells what is wrong, once, to whoever alerts.yml or RDC_ALERTS names; the weekly digest too. Writes RDC_METRICS_FILE.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> Iterator[dg.SkipReason]:
        work = Workspace.open()
        try:
            metrics.write(work)
        except OSError as error:
            context.log.warning(f"{metrics.FILE}: {error}")
        if not declared(work.settings.home):
            yield dg.SkipReason("Nobody is to be told: no channel is declared.")
            return
        if context.instance.get_runs_count(dg.RunsFilter(statuses=_UNDER_WAY)) or _just_ended(context.instance):
            yield dg.SkipReason("A run is going on, or has just ended; all that it finds is told at once.")
            return
        done = tell(work)
        for problem in done.failed:
            context.log.warning(problem)
        yield dg.SkipReason("; ".join([*done.sent, *done.failed]) or f"Nothing new to tell; {done.waiting} wait.")

    return alerts


def _just_ended(instance: dg.DagsterInstance) -> bool:
    ended = [r.end_time for r in instance.get_run_records(limit=1) if r.end_time]
    return bool(ended) and datetime.now(UTC).timestamp() - ended[0] < SETTLE_SECONDS
