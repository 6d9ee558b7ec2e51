"""How each run ended, whoever started it: a line per Dagster job in ``$RDC_HOME/runs.jsonl``, written as the run lets go of the data
folder. A run whose process was killed leaves no line; Dagster marks it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingest.storage.durable import PRIVATE
from ingest.storage.log import Log

NAME = "runs.jsonl"
INGEST, BUILD = "ingest", "build"


@dataclass(frozen=True)
class Run:
    """One run of a job.

    :param level: for whom it was; an ingest is for everyone.
    :param at: when it ended; ``seconds`` how long it took once it had its turn.
    :param failure: what it broke off with; empty where it did what it was to do.
    """

    job: str
    level: str
    at: str
    seconds: float
    failure: str = ""


def failure(event: Any) -> str:
    """What a step of Dagster broke off with, from its event: the cause that lies deepest, in one line."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return f"step {event.step_key} failed: {' '.join(str(error.message if error else '').split())}"


def log(home: Path) -> Log:
    return Log(home / NAME, PRIVATE, fits=lambda facts: Run(**facts), sync=False)


def note(home: Path, run: Run) -> None:
    log(home).append(asdict(run))


def all_runs(home: Path) -> list[Run]:
    return [Run(**facts) for facts in log(home).read()]


def latest_runs(home: Path, job: str) -> dict[str, Run]:
    """The last run of a job, per level."""
    return {run.level: run for run in all_runs(home) if run.job == job}
