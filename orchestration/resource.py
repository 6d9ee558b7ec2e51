"""What the steps of a Dagster run share: which data, for whom, and the right to write."""

# No `from __future__ import annotations` here: Dagster reads the annotations as they are.
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from dagster._utils.interrupts import check_captured_interrupt

from orchestration.instance import PROCESS
from orchestration.workspace import Workspace
from orchestration.writer import sign_of_life


class Run(dg.ConfigurableResource):
    """What one run works on, and the right to be the one that writes: it has it from its first step to its last.

    ``rdc run`` says which mode and scope; a run from the interface has neither, and takes ``auto`` and the scope that each
    table has."""

    mode: str = "auto"
    scope: str | None = None
    level: str = "public"

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Run"]:
        work = Workspace.open()
        what = "Dagster"
        if context.run and context.instance:
            what = f"Dagster, job {context.run.job_name}, run {context.run.run_id[:8]}"
            context.instance.add_run_tags(context.run.run_id, {PROCESS: sign_of_life(work.settings.home)})
        # All steps of a run are done in one process, so this lasts from the first to the last of them.
        told = context.log.info if context.log else lambda _: None
        with work.writing(what, told, _end_if_asked):
            if context.log and (why := work.clock_is_wrong()):
                context.log.warning(why)
            yield self

    def workspace(self) -> Workspace:
        return Workspace.open(level=self.level)


def _end_if_asked() -> None:
    """Dagster keeps an interrupt back until a step begins; one that waits for its turn is to hear it now."""
    if check_captured_interrupt():
        raise dg.DagsterExecutionInterruptedError
