"""What the steps of a Dagster run share: which data, for whom, and the right to write."""

# No `from __future__ import annotations` here: Dagster reads the annotations as they are.
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import dagster as dg
from dagster._utils.interrupts import check_captured_interrupt
from pydantic import PrivateAttr

from ingest.settings import Settings
from ingest.snapshot import now
from ingest.storage.durable import Damaged
from orchestration import books, runs
from orchestration.damage import mended
from orchestration.instance import PROCESS
from orchestration.retention import Retention, forget_runs, keep_within
from orchestration.workspace import PUBLIC, Workspace
from orchestration.writer import sign_of_life, writing

#: The tag of Dagster that says which partition a run is of.
PARTITION = "dagster/partition"


class Run(dg.ConfigurableResource):
    """What one run works on, and the right to be the one that writes: it has it from its first step to its last.

    ``rdc run`` says which mode and scope; a run from the interface has neither, and takes ``auto`` and the scope that each
    table has. For whom it is, is its partition."""

    mode: str = "auto"
    scope: str | None = None
    _level: str = PrivateAttr(default=PUBLIC)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Run"]:
        settings = Settings.from_env()
        self._level = context.run.tags.get(PARTITION, PUBLIC) if context.run else PUBLIC
        log, what = context.log or logging.getLogger(__name__), "Dagster"
        if context.run and context.instance:
            what = f"Dagster, job {context.run.job_name}, run {context.run.run_id[:8]}"
            context.instance.add_run_tags(context.run.run_id, {PROCESS: sign_of_life(settings.home)})
        # All steps of a run are done in one process, so this lasts from the first to the last of them.
        with writing(settings.home, what, log.info, _end_if_asked):
            # As every command does: what can't be used as it is, is put aside before a step works with it.
            for found in mended(settings, dagster=False):
                log.warning(str(found))
            # It is opened now, so that what was declared while this waited holds.
            work = Workspace.open(settings)
            with work.writing(what), books.quick():
                if why := work.clock_is_wrong():
                    log.warning(why)
                started = time.monotonic()
                yield self
                if context.run and context.instance:
                    self._note(settings, context.run, context.instance, time.monotonic() - started)
            with work.writing(what):
                keep_within(work)
            if context.instance:
                forget_runs(context.instance, Retention.from_env().runs)

    def _note(self, settings: Settings, run: dg.DagsterRun, instance: dg.DagsterInstance, seconds: float) -> None:
        """Write down how the run ended, for whoever watches."""
        failed = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        failure = next((runs.failure(entry.dagster_event) for entry in failed if entry.dagster_event), "")
        with suppress(OSError, Damaged):
            runs.note(settings.home, runs.Run(run.job_name, self._level, now(), seconds, failure))

    def workspace(self) -> Workspace:
        return Workspace.open(level=self._level)


def _end_if_asked() -> None:
    """Dagster keeps an interrupt back until a step begins; one that waits for its turn is to hear it now."""
    if check_captured_interrupt():
        raise dg.DagsterExecutionInterruptedError
