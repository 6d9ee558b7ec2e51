"""dbt by hand: any dbt command, on what a build would be made from now."""

from __future__ import annotations

from ingest.errors import MendableError
from ingest.storage import durable
from orchestration import pipeline
from orchestration.workspace import Workspace
from warehouse.making.build import dbt_build, dbt_command, needs_project, project_with, read_text
from warehouse.making.candidate import Candidate
from warehouse.registry.wide import wide_tables

#: In the data folder's ``dbt/``: a candidate of its own, so that a build and a hand never touch the same file.
FOLDER, STATE = "by-hand", "inputs.txt"


class NothingToBuildError(MendableError):
    """There is nothing yet that dbt could work on."""


def run(work: Workspace, arguments: list[str]) -> bool:
    """Run a dbt command as it is written, and print what dbt prints.

    The inputs are laid out and every model is built first, where they are others than the last time; so that a single model
    finds those that it draws on. Nothing is audited or released.

    What needs no project (`--version`, `--help`) lays out nothing.

    :returns: whether dbt succeeded.
    :raises NothingToBuildError: no table was taken in yet.
    """
    folder = work.scratch / FOLDER
    if not needs_project(arguments):
        return dbt_command(arguments, Candidate(folder).file, folder)
    with work.writing("rdc dbt " + " ".join(arguments[:3])):
        inputs = [c.input for c in pipeline.choose(work, "auto", work.outcomes.latest()) if c.input]
        if not inputs:
            raise NothingToBuildError("No table was taken in yet, so dbt has nothing to work on. Run `rdc run` first.")
        candidate, project = Candidate(folder), project_with(wide_tables(work.indicators), folder)
        state = work.releases.fingerprint(inputs)
        if not (candidate.file.is_file() and read_text(folder / STATE) == state):
            (folder / STATE).unlink(missing_ok=True)
            pipeline.lay_out(work, candidate, inputs)
            dbt_build(candidate.file, folder, project)
            durable.write(folder / STATE, state)
        return dbt_command(arguments, candidate.file, folder, project)
