"""What someone builds by hand, of what a build would be made from now: any dbt command, some models alone, a look at them.

It has a database of its own, so that a build and a hand never touch the same file, and nothing of it is ever released.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from expectations import CheckResult
from ingest.errors import MendableError
from ingest.storage import durable
from orchestration import pipeline
from orchestration.workspace import PUBLIC, Workspace
from warehouse.making.build import Node, dbt_build, dbt_command, needs_project, project_with, read_text
from warehouse.making.candidate import Candidate
from warehouse.making.effects import WorkedOut, work_out
from warehouse.registry.wide import wide_tables

#: The folder of that database, and the file in it that says what was laid out.
FOLDER, STATE = "by-hand", "inputs.txt"


class NothingToBuildError(MendableError):
    """There is nothing yet that dbt could work on."""


@dataclass(frozen=True)
class Bench:
    """Where someone works by hand: the database, dbt's own files, and the project that it builds."""

    file: Path
    folder: Path
    project: Path


def run(work: Workspace, arguments: list[str]) -> bool:
    """Run a dbt command as it is written, and print what dbt prints. What needs no project (`--version`, `--help`) lays out nothing.

    :returns: whether dbt succeeded.
    :raises NothingToBuildError: no table was taken in yet.
    """
    if not needs_project(arguments):
        return dbt_command(arguments, Candidate(_folder(work)).file, _folder(work))
    with work.writing("rdc dbt " + " ".join(arguments[:3])):
        bench = _laid_out(work)
        return dbt_command(arguments, bench.file, bench.folder, bench.project)


def build(work: Workspace, select: list[str]) -> list[Node]:
    """Build these models, or run these tests, by their names. Only with the lock.

    :raises NothingToBuildError: no table was taken in yet.
    """
    bench = _laid_out(work)
    return dbt_build(bench.file, bench.folder, bench.project, select)


def audit(work: Workspace) -> list[CheckResult]:
    """What Great Expectations says of what is built by hand. Only with the lock.

    :raises NothingToBuildError: no table was taken in yet.
    """
    from expectations.candidate import audit_candidate

    return audit_candidate(_laid_out(work).file)


def effects(work: Workspace) -> tuple[WorkedOut, list[CheckResult]]:
    """What policy choices did, by the figures that are built by hand, and how that is judged. Only with the lock.

    :raises NothingToBuildError: no table was taken in yet.
    """
    from expectations.candidate import audit_effects

    bench = _laid_out(work)
    with duckdb.connect(str(bench.file)) as con:
        found = work_out(con)
    return found, audit_effects(bench.file)


def _folder(work: Workspace) -> Path:
    # What is not for everyone is built where only its owner can look, as its releases are.
    return (work.scratch if work.level == PUBLIC else work.releases.folder) / FOLDER


def _laid_out(work: Workspace) -> Bench:
    """The inputs are laid out and every model is built first, where they are others than the last time; so that a single model
    finds those that it draws on."""
    inputs = pipeline.inputs(work)
    if not inputs:
        raise NothingToBuildError("No table was taken in yet, so dbt has nothing to work on. Run `rdc run` first.")
    pipeline.keep_apart(work)
    folder = _folder(work)
    candidate = Candidate(folder)
    bench = Bench(candidate.file, folder, project_with(wide_tables(work.indicators), folder))
    state = work.releases.fingerprint(inputs)
    if not (bench.file.is_file() and read_text(folder / STATE) == state):
        (folder / STATE).unlink(missing_ok=True)
        pipeline.lay_out(work, candidate, inputs)
        dbt_build(bench.file, folder, bench.project)
        durable.write(folder / STATE, state)
    return bench
