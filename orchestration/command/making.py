"""Making a release: ``rdc run``, and what goes on in it by hand or by itself."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn

import click

from orchestration import show
from orchestration.command.friendly import friendly, json_option


class _Scope(click.ParamType):  # type: ignore[type-arg]
    """The scopes of this data centre: its region, by its slug, and the whole country."""

    name = "region|nederland"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from ingest.declaration import known_scope

        try:
            return known_scope(value)
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


@click.command()
@click.option(
    "--source",
    "mode",
    type=click.Choice(["auto", "live", "sample"]),
    default="auto",
    show_default=True,
    help="auto: live, else the last good snapshot, else the sample; live: never the sample; sample: nothing else.",
)
@click.option(
    "--table", "tables", multiple=True, metavar="ID", help="Ingest only this table; may be given more than once."
)
@click.option(
    "--scope",
    type=_Scope(),
    help="Regions to take: our municipalities and what they are compared with, or whole tables; stays so for later runs.",
)
@click.option("--verbose", is_flag=True, help="Tell each table's reason, also where many have the same.")
@json_option
@friendly
def run(mode: str, tables: tuple[str, ...], scope: str | None, verbose: bool, as_json: bool) -> None:
    """Ingest what changed, build, audit and release."""
    from orchestration.run import run as go

    try:
        status = go(mode, tables, scope, as_json, verbose)
    except KeyboardInterrupt:
        _stop("Stopped. What was released stays as it is; the next `rdc run` goes on with what was fetched.")
    sys.exit(status)


def _stop(told: str) -> NoReturn:
    """End at once. A query of the build may still be running in a thread, and DuckDB aborts a process that ends before it. So what
    is to be tidied up is, and then the process is gone."""
    show.fail(told)
    atexit._run_exitfuncs()
    os._exit(1)


@click.command()
@click.option("--release", "publish", is_flag=True, help="Publish what was made where it is not the same.")
@json_option
@friendly
def rebuild(publish: bool, as_json: bool) -> None:
    """Make the current release again, whole, from its snapshots alone, and compare every row."""
    from orchestration.rebuild import rebuild as go

    try:
        status = go(publish, as_json)
    except KeyboardInterrupt:
        _stop("Stopped. The current release stays as it is.")
    sys.exit(status)


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--rdc-help"]})
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED)
@friendly
def dbt(arguments: tuple[str, ...]) -> None:
    """Any dbt command on the inputs of the current build: `rdc dbt build --select wonen`, `rdc dbt docs generate`."""
    from orchestration.by_hand import run as go
    from orchestration.workspace import Workspace

    sys.exit(0 if go(Workspace.open(), list(arguments)) else 1)


@click.command()
@friendly(scratch=False)  # its temporary files are Dagster's, whose sockets need a short path
def ui() -> None:
    """Start the Dagster web interface (and its daemon, for schedule and sensors) on http://127.0.0.1:3000."""
    from ingest.settings import Settings
    from orchestration.ui import run as start

    sys.exit(start(Settings.from_env(), os.environ.get("RDC_UI_PORT", "3000")))


COMMANDS = [run, rebuild, dbt, ui]
