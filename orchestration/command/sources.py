"""What is ingested: ``rdc sources``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from orchestration import show
from orchestration.command.friendly import friendly, json_option


@click.group()
def sources() -> None:
    """The declared source tables."""


def _columns_known(table_id: str) -> str:
    """Whether its columns were known before it is taken in."""
    from ingest.seen import seen

    table = seen().get(table_id)
    return "no" if table is None or not table.columns else "all" if table.whole else "in part"


@sources.command("list")
@json_option
@friendly
def sources_list(as_json: bool) -> None:
    """What is ingested, and from where."""
    from ingest.registry import Registry
    from ingest.settings import Settings

    declared = Registry.load(Settings.from_env().own_sources).tables.values()
    if as_json:
        show.as_json([t.model_dump() for t in declared])
        return
    show.table(
        "",
        ["table", "title", "protocol", "publisher", "cadence", "period", "ingested", "columns known"],
        [
            (
                *(t.id, t.title, t.protocol, t.source_id, t.cadence, t.period),
                *("on request" if t.on_request else "always", _columns_known(t.id)),
            )
            for t in declared
        ],
    )


@sources.command("add")
@click.argument("table_id", metavar="ID")
@click.option("--protocol", type=click.Choice(["v3", "v4"]), help="Which OData service; asked of both when not given.")
@click.option("--catalog", type=click.Choice(["cbs", "third-party"]), default="cbs", show_default=True)
@click.option("--period", help="Period of all figures (such as 2020JJ00), for a table without a time dimension.")
@click.option("--filter", "odata_filter", help="OData filter that declares the slice to take.")
@click.option(
    "--region-dimension",
    metavar="NAME",
    help="Of a table with two dimensions of regions: the one its figures are about.",
)
@click.option(
    "--via",
    type=click.Choice(["odata", "csv"]),
    default="odata",
    show_default=True,
    help="csv: the bulk file of a whole v4 table, cheaper than its pages when there are many.",
)
@friendly
def sources_add(
    table_id: str,
    protocol: str | None,
    catalog: str,
    period: str | None,
    odata_filter: str | None,
    region_dimension: str | None,
    via: str,
) -> None:
    """Read a table's metadata and register it; the next run lands it."""
    from ingest.add import PeriodNeededError, add
    from ingest.http import Client
    from ingest.settings import Settings

    settings, client = Settings.from_env(), Client()
    try:
        table, file, told = add(
            settings, client, table_id, protocol, catalog, period, odata_filter, via, region_dimension
        )
    except PeriodNeededError as error:
        if not sys.stdin.isatty():
            raise
        show.note(str(error))
        period = click.prompt("Period of all its figures")
        table, file, told = add(
            settings, client, table_id, protocol, catalog, period, odata_filter, via, region_dimension
        )
    show.line(f"Registered {table.id} ({table.protocol}): {table.title}", strong=table.id)
    for line in told:
        show.line(f"  {line}")
    show.line(f"  declared in {file}\nNow: rdc run --table {table.id}")


@sources.command("accept")
@click.argument("table_id", metavar="TABLE")
@friendly
def sources_accept(table_id: str) -> None:
    """Let a quarantined snapshot through: the change at the source was looked at and is right."""
    from orchestration.judging import accept
    from orchestration.workspace import Workspace

    work = Workspace.open()
    [table] = work.registry.select((table_id,))
    with work.writing(f"rdc sources accept {table.id}"):
        snapshot = accept(work, table)
    show.line(f"Snapshot {snapshot.snapshot_id} is accepted. Now: rdc run")


@sources.command("check")
@click.argument("contract", metavar="CONTRACT")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@friendly
def sources_check(contract: str, file: Path | None) -> None:
    """Try a contract (an id, or a YAML file) and a delivery against it. Nothing is written."""
    from ingest.municipal.source import try_out
    from orchestration.workspace import Workspace

    declared, intake = try_out(Workspace.open(), contract, file)
    show.line(
        f"{declared.id} is a valid contract: {len(declared.columns)} columns, "
        f"{len(declared.observation.measures)} measures, {declared.sharing_level}; put deliveries in drop/{declared.id}/",
        strong=declared.id,
    )
    if intake is None:
        return
    show.line(intake[1])
    sys.exit(0 if intake[0].state == "accepted" else 1)


@sources.command("deliveries")
@click.argument("contract", required=False)
@json_option
@friendly
def sources_deliveries(contract: str | None, as_json: bool) -> None:
    """What municipalities delivered, and what came of it; oldest first."""
    from dataclasses import asdict

    from ingest.municipal.source import history
    from orchestration.workspace import Workspace

    found = history(Workspace.open(), contract)
    if as_json:
        show.as_json([{"contract": c, "in_force": force, **asdict(d)} for c, d, force in found])
        return
    show.table(
        "",
        ["contract", "delivery", "received", "state", "in force", "rows", "accepted", "quarantined", "dropped"],
        [
            (
                *(c, d.name, d.at[:16].replace("T", " "), d.state, ", ".join(force) or "-"),
                *(d.received, d.accepted, d.quarantined, sum(d.dropped.values())),
            )
            for c, d, force in found
        ],
        right=("rows", "accepted", "quarantined", "dropped"),
    )


@sources.command("boundaries")
@click.argument("year", type=click.IntRange(2004, 2100))
@click.option("--postcodes", is_flag=True, help="The areas of postcodes as well.")
@friendly
def sources_boundaries(year: int, postcodes: bool) -> None:
    """Fetch the boundaries of a year from PDOK, so that points and postcodes become buurten."""
    from ingest.datacenter import here
    from ingest.http import Client
    from ingest.municipal.remote import boundaries
    from ingest.settings import Settings

    settings = Settings.from_env()
    for file in boundaries(Client(), settings.pdok_url, year, settings.boundaries, set(here().codes), postcodes):
        show.line(f"{file}")


@sources.command("recall")
@click.argument("contract")
@json_option
@friendly
def sources_recall(contract: str, as_json: bool) -> None:
    """Make the memory of what was published of a municipal source again, from what is still here."""
    from ingest.municipal.disclosure.recall import recall
    from orchestration.workspace import Workspace

    work = Workspace.open()
    with work.writing("rdc sources recall"):
        series = [work.at(level).releases for level in ("public", *work.settings.restricted)]
        found = recall(work, contract, [s.path(r.release_id) for s in series for r in s.all()])
    if as_json:
        show.as_json([{"municipality": g, "period": p, "whole": whole} for g, p, whole in found])
        return
    for gemeente, period, whole in found:
        told = "known again" if whole else "only what was published is known: its figures stand as they are, for good"
        show.line(f"{contract} {gemeente} {period}: {told}")
    if not found:
        show.line(f"Of {contract} nothing that was published is missing from the memory.")


@sources.command("prune")
@click.option(
    "--days", type=click.FloatRange(min=0), default=90, show_default=True, help="Only what is older than this."
)
@click.option("--yes", is_flag=True, help="Remove them; without it they are only listed.")
@json_option
@friendly
def sources_prune(days: float, yes: bool, as_json: bool) -> None:
    """Snapshots that no release used and no figure came from, before they go by their age (RDC_KEEP_SNAPSHOTS)."""
    from orchestration.workspace import Workspace, prunable

    work = Workspace.open()
    with work.writing("rdc sources prune"):
        found = prunable(work, days)
        for snapshot in found if yes else []:
            work.store.remove(snapshot)
    listed = [{"table_id": s.table_id, "snapshot_id": s.snapshot_id, "bytes": s.bytes, "removed": yes} for s in found]
    if as_json:
        show.as_json(listed)
        return
    if found:
        show.table("", ["table", "snapshot", "bytes"], [(s.table_id, s.snapshot_id, f"{s.bytes:,}") for s in found])
    what = "removed" if yes else "could go; add --yes to remove them"
    show.line(f"{len(found)} snapshots {what if found else 'could go'}")


@sources.command("verify")
@click.argument("tables", metavar="[TABLE]...", nargs=-1)
@json_option
@friendly(look=False)  # what is still as it was laid down is told before anything is put aside
def sources_verify(tables: tuple[str, ...], as_json: bool) -> None:
    """Read all snapshots again, or those of these tables: are they still, to the byte, what the source sent?"""
    from ingest.settings import Settings
    from ingest.snapshot import SnapshotError, Store
    from ingest.verify import altered

    store = Store(Settings.from_env().snapshots)
    kept = sorted(folder.name for folder in store.root.glob("*/")) if store.root.is_dir() else []
    if unknown := sorted(set(tables) - set(kept)):
        raise SnapshotError(f"no snapshots of {', '.join(unknown)}; there are of {', '.join(kept) or 'no table'}")
    read = [(snapshot, altered(snapshot)) for table in tables or kept for snapshot in store.all(table)]
    broken = sum(bool(what) for _, what in read)
    if as_json:
        facts = [(s.table_id, s.snapshot_id, s.sha256, what) for s, what in read]
        show.as_json([dict(zip(("table_id", "snapshot_id", "sha256", "altered"), of, strict=True)) for of in facts])
    else:
        for snapshot, what in read:
            for item in what:
                show.line(f"{snapshot.snapshot_id}: {item}")
        size = f"{sum(s.bytes for s, _ in read) / 1e6:,.1f} MB, {sum(len(s.pages) for s, _ in read):,} pages"
        show.line(f"{len(read) - broken} of {len(read)} snapshots are as they were laid down ({size})")
    if broken:
        sys.exit(1)


COMMANDS = [sources]
