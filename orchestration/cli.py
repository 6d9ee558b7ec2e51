"""The ``rdc`` command. Exit status: 0 done, 1 something failed and the message says what to do, 2 wrong usage.

Everything heavy (Dagster, dbt, Great Expectations, DuckDB) is imported where it is used, so that asking for help or
status does not wait for it.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click

from orchestration import show
from warehouse.formats import FORMATS


def _friendly(command: Callable[..., Any]) -> Callable[..., Any]:
    """What a user can mend becomes one line and exit status 1; a fault of ours keeps its traceback."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        from ingest.errors import MendableError

        try:
            with _room(command.__name__):
                # Who asks what is still as it was laid down is told that, before anything is put aside.
                if command.__name__ != "sources_verify":
                    _look_over()
                return command(*args, **kwargs)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except (MendableError, OSError) as error:
            show.fail(str(error))
            sys.exit(1)

    return wrapped


@contextmanager
def _room(command: str) -> Iterator[None]:
    """Temporary files of a command go with it, also when it is killed: those of `rdc ui` are Dagster's, whose sockets need a short
    path."""
    from ingest.settings import Settings
    from ingest.storage.scratch import claimed

    home = Settings.from_env().home
    if command == "ui" or not home.is_dir():
        yield
    else:
        with claimed(home):
            yield


def _look_over() -> None:
    """Tell what in the data folder was damaged, and what was done about it, before a command works with it."""
    from ingest.settings import Settings
    from orchestration.damage import mended

    for found in mended(Settings.from_env()):
        show.warn("DAMAGED" if found.lost else "DAMAGED, AND MENDED", str(found))


level_option = click.option(
    "--level",
    default="public",
    show_default=True,
    metavar="LEVEL",
    help="Whose release: public, partners, or a municipality's code. The others than public can be read by their owner only.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")


class _Scope(click.ParamType):  # type: ignore[type-arg]
    """The scopes of this data centre: its region, by its slug, and the whole country."""

    name = "region|nederland"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from ingest.declaration import known_scope

        try:
            return known_scope(value)
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """The regional data center: ingest, build, audit, release, and read what was released."""


# -- making -----------------------------------------------------------------------------------------------------------


@main.command()
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
@_friendly
def run(mode: str, tables: tuple[str, ...], scope: str | None, verbose: bool, as_json: bool) -> None:
    """Ingest what changed, build, audit and release."""
    from orchestration.run import run as go

    try:
        status = go(mode, tables, scope, as_json, verbose)
    except KeyboardInterrupt:
        show.fail("Stopped. What was released stays as it is; the next `rdc run` goes on with what was fetched.")
        # A query of the build may still be running in a thread, and DuckDB aborts a process that ends before it. So what
        # is to be tidied up is, and then the process is gone.
        atexit._run_exitfuncs()
        os._exit(1)
    sys.exit(status)


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--rdc-help"]})
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED)
@_friendly
def dbt(arguments: tuple[str, ...]) -> None:
    """Any dbt command on the inputs of the current build: `rdc dbt build --select wonen`, `rdc dbt docs generate`."""
    from orchestration.by_hand import run as go
    from orchestration.workspace import Workspace

    sys.exit(0 if go(Workspace.open(), list(arguments)) else 1)


@main.command()
@_friendly
def ui() -> None:
    """Start the Dagster web interface (and its daemon, for schedule and sensors) on http://127.0.0.1:3000."""
    from ingest.settings import Settings
    from orchestration.ui import run as start

    sys.exit(start(Settings.from_env(), os.environ.get("RDC_UI_PORT", "3000")))


# -- sources ----------------------------------------------------------------------------------------------------------


@main.group()
def sources() -> None:
    """The declared source tables."""


def _columns_known(table_id: str) -> str:
    """Whether its columns were known before it is taken in."""
    from ingest.seen import seen

    table = seen().get(table_id)
    return "no" if table is None or not table.columns else "all" if table.whole else "in part"


@sources.command("list")
@json_option
@_friendly
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
@_friendly
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
@_friendly
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
@_friendly
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
@_friendly
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
@_friendly
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
@_friendly
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
@_friendly
def sources_prune(days: float, yes: bool, as_json: bool) -> None:
    """Snapshots that no release used and no figure came from; nothing is ever removed without this command."""
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
@_friendly
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


# -- reading ----------------------------------------------------------------------------------------------------------


@main.command()
@click.option(
    "--right", is_flag=True, help="Say that the clock is right now; what it told wrong is corrected from now on."
)
@json_option
@_friendly
def clock(right: bool, as_json: bool) -> None:
    """Whether the machine's clock can be trusted, and how to put right what it told while it was wrong."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from orchestration.workspace import Workspace

    work = Workspace.open()
    if right:
        with work.writing("rdc clock --right"):
            found, made = work.clock_is_right()
    else:
        found, made = work.clock, False
    wrong = found.wrong(datetime.now(UTC))
    if as_json:
        show.as_json({"wrong": wrong, "corrected": made, **asdict(found)})
    elif wrong:
        show.warn("CLOCK", wrong)
    elif made:
        show.line(
            "Written down. What was told later than now is told as of before now; the next `rdc run` releases it so."
        )
    else:
        show.line(f"The clock is in order; a run last saw {found.highest or 'nothing yet'}.")
    sys.exit(1 if wrong else 0)


@main.command()
@json_option
@_friendly
def status(as_json: bool) -> None:
    """Per source: last check, version, snapshot, checks, and what is stale or in quarantine and why."""
    from orchestration.status import overview
    from orchestration.workspace import Workspace

    work = Workspace.open()
    found = overview(work)
    if as_json:
        show.as_json(found)
        sys.exit(1 if found["damage"] else 0)
    current = found["release"]
    if current:
        checks = current["checks"]
        show.line(
            f"Release {current['release_id']} of {current['created_at']}: {checks['passed']} checks passed, "
            f"{checks['warning']} warnings. {found['file']}",
            strong=current["release_id"],
        )
    else:
        show.line("No release yet. Make one with: rdc run")
    if found["clock"]:
        show.warn("CLOCK", found["clock"])
    if found["refused"]:
        show.warn("REFUSED", f"The last candidate did not pass its audit, so it was not released: {found['refused']}")
    show.table(
        "",
        ["table", "state", "in release", "last check", "result", "modified", "snapshot age", "rows", "checks"],
        [
            (
                *(
                    t["table_id"],
                    t["state"],
                    t["origin"],
                    show.age(t["checked_at"]),
                    t["result"],
                    (t["modified"] or "")[:10],
                ),
                *(show.age(t["fetched_at"]), t["rows"], t["checks"]),
            )
            for t in found["tables"]
        ],
        right=("rows",),
    )
    for t in found["tables"]:
        if t["why"]:
            show.line(f"{t['table_id']} ({t['state']}): {t['why']}", strong=t["table_id"])
    for item in found["withheld"]:
        show.line(
            f"{item['indicator_id']} (withheld): {item['reason']} Mend {item['place']}", strong=item["indicator_id"]
        )
    for name in found["stray"]:
        show.line(f"drop/{name} belongs to no contract; `rdc sources list` shows which there are")
    for d in found["damage"]:
        show.warn("LOST", f"{d['path']}: {d['what']} ({d['at'][:16].replace('T', ' ')} UTC). {d['done']}")
    if found["damage"]:
        seen = work.settings.home / "damaged"
        show.fail(f"Something was damaged and is lost. Once you looked at it, move {seen} out of the data folder.")
        sys.exit(1)


@main.command()
@click.argument("sql")
@click.option(
    "--format", "fmt", type=click.Choice(["table", "csv", "json", "parquet"]), default="table", show_default=True
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
@click.option("--as-of", metavar="RELEASE|DATE", help="Ask an earlier release, or the figures of a day (2026-11-24).")
@level_option
@_friendly
def query(sql: str, fmt: str, output: Path | None, as_of: str | None, level: str) -> None:
    """Read-only SQL on the current release."""
    import duckdb

    from ingest.settings import Settings
    from ingest.sql import literal
    from warehouse.export import csv_text, json_value
    from warehouse.reading.reader import reading
    from warehouse.releases.release import Releases

    with reading(Releases(Settings.from_env().releases(level)), as_of) as reader:
        reader.needs_nothing_closed()
        try:
            if fmt == "parquet":
                if output is None:
                    raise click.UsageError("--format parquet needs --output FILE")
                reader.con.execute(f"copy ({sql.rstrip().rstrip(';')}) to {literal(output)} (format parquet)")
                return
            cursor = reader.con.execute(sql)
            names = [column[0] for column in cursor.description or []]
            if fmt == "table" and output is None:
                rows = cursor.fetchmany(1001)
                show.table("", names, rows[:1000], right=names if rows and len(names) == 1 else ())
                if len(rows) > 1000:
                    show.note("… more than 1,000 rows; use --format csv for all of them")
                return
            rows = cursor.fetchall()
        except duckdb.Error as error:
            show.fail(str(error))
            sys.exit(1)
    if fmt == "json":
        import json

        text = json.dumps(
            [{n: json_value(v) for n, v in zip(names, row, strict=True)} for row in rows],
            ensure_ascii=False,
            default=str,
        )
    else:
        text = csv_text(names, rows, ",", ".", "\n")
    if output:
        output.write_text(text, encoding="utf-8")
    else:
        show.content([text.encode() + (b"\n" if fmt == "json" else b"")])


@main.command()
@click.argument("table", required=False)
@click.option(
    "--region", "regions", multiple=True, help="Code or name of a region or group; may be given more than once."
)
@click.option(
    "--period", "periods", multiple=True, help="Period or year (2024JJ00, 2024); may be given more than once."
)
@click.option(
    "--format",
    "fmt",
    type=click.Choice(list(FORMATS)),
    help="csv-nl opens in a Dutch Excel as it is; gpkg needs boundaries in $RDC_HOME/geo.  "
    "[default: by the extension of --output, else csv]",
)
@click.option("--long", "is_long", is_flag=True, help="A row per figure instead of a column per indicator.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="File to write (standard output when not given); with --from and no TABLE a folder.",
)
@click.option(
    "--as-of", metavar="RELEASE|DATE", help="The table as an earlier release had it, or on a day (2026-11-24)."
)
@click.option("--from", "url", metavar="URL", help="Another data center's service; without TABLE its whole release.")
@click.option("--key-env", metavar="NAME", help="With --from: the environment variable that has your key.")
@click.option("--since", metavar="RELEASE", help="With --from: only what changed since that release.")
@level_option
@_friendly
def pull(
    table: str | None,
    regions: tuple[str, ...],
    periods: tuple[str, ...],
    fmt: str | None,
    is_long: bool,
    output: Path | None,
    as_of: str | None,
    url: str | None,
    key_env: str | None,
    since: str | None,
    level: str,
) -> None:
    """A standard indicator table, such as bevolking, wonen or milieu_en_energie."""
    from ingest.settings import Settings
    from warehouse.export import LONG_SHAPE, extract, pieces, write
    from warehouse.reading.reader import reading
    from warehouse.releases.release import Releases

    if url is None and (table is None or key_env or since):
        raise click.UsageError("name a TABLE; --key-env and --since go with --from URL")
    if table is None and (regions or periods or is_long or since):
        raise click.UsageError("a whole release takes no --region, --period, --long or --since; name a TABLE")
    by_extension = output.suffix.removeprefix(".").lower() if output and table else ""
    fmt = fmt or (by_extension if by_extension in FORMATS else "csv")
    if output is None and table and not FORMATS[fmt].is_text and sys.stdout.isatty():
        raise click.UsageError(f"--format {fmt} is not text; name a file with --output")
    if url is not None:
        if key_env and not os.environ.get(key_env):
            raise click.UsageError(f"the environment variable {key_env} is not set")
        shape = "lang" if is_long else None
        _pull_from(
            url, os.environ.get(key_env) if key_env else None, table, regions, periods, fmt, shape, output, as_of, since
        )
        return
    settings = Settings.from_env()
    with reading(Releases(settings.releases(level)), as_of) as reader:
        places, times = [reader.region(r) for r in regions], [reader.period(p) for p in periods]
        found = extract(
            reader.published,
            ".".join(reader.table(str(table))),
            places,
            times,
            FORMATS[fmt].shape or (LONG_SHAPE if is_long else None),
            None if reader.closed else reader.folder,
        )
        for line in reader.said:
            show.note(line)
        empty = (regions or periods) and not found.count()
        if output:
            write(found, fmt, output, settings.home / "geo")
            left = f"; {found.left_out:,} more are of regions without a boundary" if found.left_out else ""
            rows = found.count() - found.left_out
            show.note(f"{rows:,} rows of {found.name} (release {found.release_id}) in {output}{left}")
        else:
            show.content(pieces(found, fmt, settings.home / "geo"))
        if empty:
            of = [d["indicator_id"] for d in found.definitions]
            why = reader.published.why_empty(of, places, times)
            raise click.ClickException(f"{found.name} has no rows of what was asked for. {why.in_english()}")
    if found.is_sample:
        show.warn("Sample", "These figures come from the bundled sample extract, not from a live source.")


def _pull_from(
    url: str,
    key: str | None,
    table: str | None,
    regions: tuple[str, ...],
    periods: tuple[str, ...],
    fmt: str,
    shape: str | None,
    output: Path | None,
    as_of: str | None,
    since: str | None,
) -> None:
    import tempfile

    from warehouse.pull import Center

    center = Center(url, key)
    release = center.release(as_of)
    with show.download_bar() as progress:
        if table is None:
            folder = output or Path(release)
            names = center.whole(release, folder, progress)
            show.note(f"Release {release}: {len(names)} files in {folder}, all as they were released (SHA-256)")
            return
        with tempfile.TemporaryDirectory() as scratch:
            target = output or Path(scratch) / f"{table}.{fmt}"
            written = center.table(
                table,
                fmt,
                target,
                release=release,
                regions=regions,
                periods=periods,
                shape=shape,
                since=since,
                progress=progress,
            )
            for line in center.said:
                show.note(line)
            if output is None:
                show.content([target.read_bytes()])
                return
    show.note(f"{table} of release {release} in {', '.join(str(f) for f in written)}")


@main.command()
@click.argument("indicator")
@click.argument("region")
@click.argument("period")
@click.option("--as-of", metavar="RELEASE", help="As an earlier release had it.")
@json_option
@level_option
@_friendly
def explain(indicator: str, region: str, period: str, as_of: str | None, as_json: bool, level: str) -> None:
    """A figure back to its source cells."""
    from orchestration.explain import cell_url, provenance, tree
    from orchestration.workspace import Workspace
    from warehouse.reading.explain import explain as chain
    from warehouse.reading.reader import reading

    work = Workspace.open(level=level)
    with reading(work.releases, as_of) as reader:
        reader.needs_nothing_closed()
        found = chain(reader, work.store, indicator, region, period, cell_url(work), provenance(work))
    for line in reader.said:
        show.note(line)
    if as_json:
        show.as_json(found)
    else:
        show.unfolded().print(tree(found))


@main.command()
@level_option
@json_option
@_friendly
def releases(as_json: bool, level: str) -> None:
    """The releases that are kept, newest last."""
    from dataclasses import asdict

    from ingest.settings import Settings
    from warehouse.releases.release import Releases

    kept = Releases(Settings.from_env().releases(level))
    current = kept.current()
    listed = kept.all()
    closed = {r.release_id: [c.table for c in kept.opens(r)] for r in listed}
    if as_json:
        show.as_json([asdict(r) | {"current": r == current, "closed": closed[r.release_id]} for r in listed])
        return
    if not listed:
        show.line("No release yet. Make one with: rdc run")
        return
    show.table(
        "",
        ["release", "", "made", "tables", "not live", "closed since", "checks passed", "warnings", "MB"],
        [
            (
                *(r.release_id, "current" if r == current else "", r.created_at, len(r.inputs)),
                ", ".join(t for t, i in r.inputs.items() if i["origin"] != "live") or "-",
                ", ".join(closed[r.release_id]) or "-",
                *(r.checks["passed"], r.checks["warning"], f"{r.bytes / 1e6:.1f}"),
            )
            for r in listed
        ],
    )


@main.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--limit", type=click.IntRange(0), default=1000, show_default=True, help="Figures to name one by one.")
@click.option("--exit-code", is_flag=True, help="End with status 3 when anything differs.")
@level_option
@json_option
@_friendly
def diff(old: str, new: str, limit: int, exit_code: bool, level: str, as_json: bool) -> None:
    """What changed between two releases: schema, rows, figures, definitions, and what became definitive."""
    from ingest.settings import Settings
    from warehouse.making.diff import diff as compared
    from warehouse.releases.release import Releases

    found = compared(Releases(Settings.from_env().releases(level)), old, new, limit)
    if as_json:
        show.as_json(found.as_dict())
    else:
        show.difference(found)
    sys.exit(3 if exit_code and found.changed else 0)


@main.command()
@click.argument("release")
@level_option
@_friendly
def rollback(release: str, level: str) -> None:
    """Make an earlier release current. It stays so until a source changes.

    Going back in the public series takes the releases of partners and municipalities along, to what has the same public figures.
    A release that would open again what was closed since it was made can't be made current.
    """
    from orchestration.pipeline import rollback as go_back
    from orchestration.workspace import Workspace

    work = Workspace.open(level=level)
    with work.writing(f"rdc rollback {release}"):
        made, others = go_back(work, release)
    show.line(f"Release {made.release_id} of {made.created_at} is current: {work.releases.current_file}")
    for other, found in others.items():
        if found:
            show.line(f"  and for {other}: {found.release_id} of {found.created_at}")
        else:
            show.warn(
                "NOT ROLLED BACK",
                f"No release of {other} that is kept has the same public figures and nothing that was closed since, so its current "
                f"one stays, with the figures "
                f"that were taken back from everyone. See `rdc releases --level {other}`; go back there with "
                f"`rdc rollback RELEASE --level {other}`, or make a new one with `rdc run` once the fault is mended.",
            )


# -- publishing -------------------------------------------------------------------------------------------------------


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@_friendly
def serve(host: str, port: int) -> None:
    """Serve the releases: API, OData as StatLine's, files, and a start page."""
    from ingest.settings import Settings
    from warehouse.serve.app import run as listen

    settings = Settings.from_env()
    show.note(f"http://{host}:{port}  API: /v1  OData: /ODataCatalog, /odata/v1/CBS  (stop with Ctrl-C)")
    listen(settings.home, host, port)


@main.group()
def keys() -> None:
    """Keys by which partners get at what is not public."""


@keys.command("add")
@click.argument("key_id", metavar="NAME")
@click.option("--partner", required=True, help="The organisation that it is for.")
@click.option(
    "--level",
    type=click.Choice(["partners", "municipality"]),
    default="partners",
    show_default=True,
    help="partners: tables shared among partners; municipality: a municipality's own figures as well.",
)
@click.option(
    "--municipality",
    "municipalities",
    multiple=True,
    help="A municipality's code, or * for all; may be given more than once.",
)
@click.option("--days", type=click.IntRange(1, 3660), default=365, show_default=True, help="Days until it expires.")
@click.option(
    "--per-minute", type=click.IntRange(1, 100_000), default=600, show_default=True, help="Requests per minute."
)
@json_option
@_friendly
def keys_add(
    key_id: str, partner: str, level: str, municipalities: tuple[str, ...], days: int, per_minute: int, as_json: bool
) -> None:
    """Make a key. It is shown once: only its hash is kept."""
    from ingest.settings import Settings
    from warehouse.serve.keys import Keys

    made, secret = Keys(Settings.from_env().home).add(key_id, partner, level, municipalities, days, per_minute)
    if as_json:
        show.as_json({"key_id": made.key_id, "secret": secret, "expires_at": made.expires_at})
        return
    show.note(
        f"Key {made.key_id} for {partner} until {made.expires_at[:10]}; it is shown this once:", strong=made.key_id
    )
    click.echo(secret)


@keys.command("list")
@json_option
@_friendly
def keys_list(as_json: bool) -> None:
    """The keys that were made; never the keys themselves."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from ingest.settings import Settings
    from warehouse.serve.keys import Keys

    found = Keys(Settings.from_env().home).all()
    now = datetime.now(UTC)
    state = {k.key_id: "revoked" if k.revoked_at else "expired" if k.refused(now) else "ok" for k in found}
    if as_json:
        show.as_json(
            [{n: v for n, v in asdict(k).items() if n != "digest"} | {"state": state[k.key_id]} for k in found]
        )
        return
    show.table(
        "",
        ["key", "partner", "level", "municipalities", "state", "made", "expires", "per minute"],
        [
            (
                *(k.key_id, k.partner, k.level, ", ".join(k.municipalities) or "-", state[k.key_id]),
                *(k.created_at[:10], k.expires_at[:10], k.per_minute),
            )
            for k in found
        ],
    )


@keys.command("revoke")
@click.argument("key_id", metavar="NAME")
@_friendly
def keys_revoke(key_id: str) -> None:
    """Take a key back; it is refused from its next request on."""
    from ingest.settings import Settings
    from warehouse.serve.keys import Keys

    revoked = Keys(Settings.from_env().home).revoke(key_id)
    show.line(f"Key {revoked.key_id} of {revoked.partner} is revoked.")


if __name__ == "__main__":
    main()
