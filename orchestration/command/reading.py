"""Reading what was released: ``rdc query``, ``pull``, ``explain``, ``diff``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingest.words import did_you_mean
from orchestration import show
from orchestration.command.friendly import friendly, json_option, level_option
from warehouse.formats import FORMATS

if TYPE_CHECKING:
    from warehouse.reading.reader import Reader


@click.command()
@click.argument("sql")
@click.option(
    "--format", "fmt", type=click.Choice(["table", "csv", "json", "parquet"]), default="table", show_default=True
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
@click.option("--as-of", metavar="RELEASE|DATE", help="Ask an earlier release, or the figures of a day (2026-11-24).")
@level_option
@friendly
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


@click.command()
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
    help="csv-nl opens in a Dutch Excel as it is; gpkg takes other boundaries from $RDC_HOME/geo.  "
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
@friendly
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
        for line in reader.notices:
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
            for line in center.notices:
                show.note(line)
            if output is None:
                show.content([target.read_bytes()])
                return
    show.note(f"{table} of release {release} in {', '.join(str(f) for f in written)}")


@click.command()
@click.argument("indicator")
@click.argument("region")
@click.argument("period")
@click.option("--as-of", metavar="RELEASE", help="As an earlier release had it.")
@json_option
@level_option
@friendly
def explain(indicator: str, region: str, period: str, as_of: str | None, as_json: bool, level: str) -> None:
    """A figure back to its source cells; `rdc explain effect ID INDICATOR` does so for the answer on a policy choice."""
    from orchestration.explain import cell_url, effect_tree, provenance, tree
    from orchestration.workspace import Workspace
    from warehouse.reading.explain import explain as chain
    from warehouse.reading.reader import reading

    work = Workspace.open(level=level)
    with reading(work.releases, as_of) as reader:
        reader.needs_nothing_closed()
        if is_effect := indicator == "effect":
            found = _explained(reader, region, period, cell_url(work))
        else:
            found = chain(reader, work.store, indicator, region, period, cell_url(work), provenance(work))
    for line in reader.notices:
        show.note(line)
    if as_json:
        show.as_json(found)
    else:
        show.unfolded().print(effect_tree(found) if is_effect else tree(found))


def _explained(
    reader: Reader, intervention: str, indicator: str, cell_url: Callable[[dict[str, Any]], str | None]
) -> dict[str, Any]:
    from warehouse.reading.effects import answers
    from warehouse.reading.explain_effect import explain_effect
    from warehouse.reading.reader import NotThereError

    if found := explain_effect(reader.published, intervention, indicator, cell_url):
        return found
    asked = {f"{one.intervention.id} {one.indicator.indicator}" for one in answers(reader.published)}
    raise NotThereError(
        f"Release {reader.release.release_id} has no question on the effect of {intervention!r} on {indicator!r}."
        f"{did_you_mean(f'{intervention} {indicator}', sorted(asked))} `rdc effect` lists those that there are."
    )


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--limit", type=click.IntRange(0), default=1000, show_default=True, help="Figures to name one by one.")
@click.option("--exit-code", is_flag=True, help="End with status 3 when anything differs.")
@level_option
@json_option
@friendly
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


COMMANDS = [query, pull, explain, diff]
