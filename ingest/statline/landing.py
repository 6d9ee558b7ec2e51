"""One table, from its source to a snapshot: ask, fetch, prove, type, commit.

The recipe is :func:`land`. Whatever goes wrong leaves no snapshot and an outcome that names table, URL and what was
expected.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import orjson
import zstandard

from ingest.attempt import Attempt, LandingError, attempt, of_this_machine
from ingest.declaration import Table
from ingest.engine import duck
from ingest.http import Client, LoopError
from ingest.metadata import Metadata, struct, write_metadata
from ingest.outcome import UNCHANGED, Outcome
from ingest.received import Page
from ingest.scope import in_scope, regions_of
from ingest.settings import Settings
from ingest.snapshot import Landing, Snapshot, Store
from ingest.source import Progress
from ingest.sql import identifier, literal
from ingest.statline import service
from ingest.statline.model import Head, Service, Slice
from ingest.statline.page import observations_csv, page_columns
from ingest.statline.proof import Arrived, prove
from ingest.statline.slices import FilterError
from ingest.words import shown

#: Downloads overlap with parsing; but no more tables are parsed at once than there are cores, each on one thread,
#: which is faster than one table on all cores. Threads of their own bound the memory: each keeps what it has once taken.
PARSERS = ThreadPoolExecutor(os.cpu_count() or 2, "parser")

_TYPES = {"String": "VARCHAR"}
_WHOLE = {"Long", "Integer", "Int", "Short", "Byte"}


class _MovedError(LandingError):
    """The source published a new version while the old one was being fetched."""


def land(
    table: Table,
    settings: Settings,
    store: Store,
    client: Client,
    progress: Progress = lambda *_: None,
    scope: str | None = None,
) -> Outcome:
    """Ingest a table if it changed. Never raises for what a source does: the outcome tells.

    :param scope: the region's slug or ``nederland`` instead of the declared one; None keeps what there is (:func:`in_scope`).
    """

    def take(own: Attempt) -> Outcome:
        last = store.newest(table.id)
        wanted = in_scope(table, last, scope)
        source = service(wanted, settings, client)
        head = source.head(wanted)
        own.modified = head.modified
        spoilt = store.changed(last) if last else []
        if last and not spoilt and unchanged(last, head, wanted):
            return own.outcome(UNCHANGED, snapshot_id=last.snapshot_id, rows=last.row_count, seconds=None)
        try:
            snapshot = _fetch(wanted, source, head, store, progress, own.at)
        except _MovedError:
            # Published anew under our hands: take the new version, once.
            snapshot = _fetch(wanted, source, source.head(wanted), store, progress, own.at)
        return own.fetched(snapshot, sum(page["bytes"] for page in snapshot.pages), last, spoilt)

    return attempt(table.id, take)


def unchanged(last: Snapshot, head: Head, table: Table) -> bool:
    """Whether a snapshot is what the source has now, of the part of the table that is wanted."""
    wanted = (table.filter, table.scope, table.period, table.region_dimension or last.region_dimension)
    # A snapshot of before its regions were written down has those of then.
    stamp = regions_of(table.scope) | last.stamp
    return (
        stamp == head.stamp | regions_of(table.scope)
        and (last.filter, last.scope, last.period, last.region_dimension) == wanted
    )


def _fetch(table: Table, source: Service, head: Head, store: Store, progress: Progress, at: str) -> Snapshot:
    metadata = source.metadata(table)
    if wrong := misshapen(table, metadata):
        raise LandingError(f"{wrong}. Mend the declaration of {table.id} in {table.file}")
    metadata = metadata.about(table.region_dimension)
    try:
        slices = source.slices(table, metadata)
    except FilterError as error:
        raise LandingError(str(error)) from error
    if not slices:
        raise LandingError(f"expected regions of scope {table.scope}, got a table that has none of them")
    counts = [source.count(table, head, part) for part in slices]
    expected, count_source = sum(count for count, _ in counts), counts[0][1]
    if len(counts) > 1:
        count_source += f" and {len(counts) - 1} more slices"
    version = json.dumps(
        [
            head.stamp,
            regions_of(table.scope),
            table.filter,
            table.scope,
            table.via,
            table.period,
            table.region_dimension,
            source.layout,
        ],
        sort_keys=True,
    )
    # What breaks off is kept for the next run to go on with; what proves wrong is not.
    with store.landing(table.id, version, (LandingError, LoopError)) as landing:
        pages = _collect(table, source, metadata, landing, slices, expected, progress)
        parsed = PARSERS.submit(_parse, Arrived(landing.path, source.layout, metadata, slices, counts, pages))
        with _proving(pages):
            rows, warnings = parsed.result()
        again = source.head(table)
        if again.stamp != head.stamp:
            raise _MovedError(
                f"{pages[0].url}: expected one version from first row to last, but the source published a new one meanwhile (Modified "
                f"{head.modified}, then {again.modified}); run again when it has settled"
            )
        (landing.path / "metadata.json.zst").write_bytes(
            zstandard.ZstdCompressor(level=1).compress(orjson.dumps(metadata.raw))
        )
        region, period = metadata.dimension("region"), metadata.dimension("time")
        return landing.commit(
            store.root / table.id,
            source_id=table.source_id,
            table_id=table.id,
            title=head.title or table.title,
            protocol=table.protocol,
            catalog=table.catalog,
            origin="live",
            layout=source.layout,
            url=pages[0].url,
            fetched_at=at,
            modified=head.modified,
            stamp=head.stamp | regions_of(table.scope),
            row_count=rows,
            expected_count=expected,
            count_source=count_source,
            region_dimension=region.key if region else None,
            time_dimension=period.key if period else None,
            other_dimensions=[d.key for d in metadata.dimensions if d.kind == "other"],
            period=table.period,
            filter=table.filter,
            scope=table.scope,
            schema_fingerprint=metadata.fingerprint,
            licence=table.licence or "",
            attribution=table.attribution or "",
            warnings=warnings,
            pages=[page.as_dict() for page in pages],
        )


def misshapen(table: Table, metadata: Metadata) -> str:
    """Why a table can't be taken as it is declared; empty where it can."""
    regions, times = ([d for d in metadata.dimensions if d.kind == kind] for kind in ("region", "time"))
    named = ", ".join(f"{d.key} ({d.title})" for d in regions)
    if table.region_dimension and table.region_dimension not in [d.key for d in regions]:
        return (
            f"{table.region_dimension} is no dimension of regions of {table.id}; those are {named or 'none at all'}, of "
            f"the dimensions {', '.join(d.key for d in metadata.dimensions)}"
        )
    if len(regions) > 1 and not table.region_dimension:
        return (
            f"{table.id} has {len(regions)} dimensions of regions, {named}, and a figure is about one region. Say which: "
            f"`rdc sources add {table.id} --region-dimension {regions[0].key}` (in a declaration: `region_dimension: "
            f"{regions[0].key}`); the other becomes an ordinary dimension of its figures"
        )
    if len(times) > 1:
        return (
            f"{table.id} has {len(times)} dimensions of periods, {', '.join(d.key for d in times)}, and a figure is of one "
            "period; such a table can't be taken in"
        )
    if not times and table.period is None:
        return f"{table.id} has no time dimension, so its period must be declared: add `period:` (such as 2020JJ00)"
    return ""


@contextmanager
def _proving(pages: list[Page]) -> Iterator[None]:
    """What can't be read has arrived wrong: it must not be kept for the next run to go on with."""
    try:
        yield
    except (LandingError, MemoryError):
        raise
    except Exception as error:
        if of_this_machine(error):
            raise
        kind = "" if isinstance(error, ValueError | duckdb.Error | zipfile.BadZipFile) else f"{type(error).__name__}: "
        raise LandingError(
            f"{pages[0].url}: expected a table as its metadata describe it, got {kind}{shown(str(error), 300)}"
        ) from error


def _collect(
    table: Table,
    source: Service,
    metadata: Metadata,
    landing: Landing,
    slices: list[Slice],
    expected: int,
    progress: Progress,
) -> list[Page]:
    """All pages, each looked at on arrival: a column that was renamed or dropped must not turn into nulls."""
    columns = set(source.columns(metadata))
    pages = [Page(**page) for page in landing.done()]
    for page in pages:
        progress(table.id, page.number, expected)
    for number, part in enumerate(slices):
        before = [page for page in pages if page.part < number]
        done = [page for page in pages if page.part == number]
        if done and done[-1].next is None:
            continue
        for fetched in source.pages(table, part, landing.path, len(before), done):
            page = replace(fetched, part=number)
            with _proving([page]):
                found = page_columns(landing.path / page.file)
            if found is not None and set(found) != columns:
                gone, new = sorted(columns - set(found)), sorted(set(found) - columns)
                raise LandingError(
                    f"{page.url}: expected the columns that the table's metadata names, got "
                    + "; ".join(
                        [f"{word} {', '.join(names)}" for word, names in (("without", gone), ("with", new)) if names]
                    )
                )
            landing.keep(page.as_dict())
            pages.append(page)
            progress(table.id, page.number, expected)
            if len(pages) > 1 + len(slices) + expected:
                raise LandingError(
                    f"{page.url}: expected at most {expected:,} rows, got {len(pages):,} pages and no end"
                )
    return pages


def _parse(arrived: Arrived) -> tuple[int, list[str]]:
    """The pages as Parquet, proved: how many rows they have, and what had to be said about them."""
    with duck() as con:
        if arrived.layout == "wide":
            _check_keys(con, arrived.folder, arrived.pages)
        write_metadata(con, arrived.folder, arrived.metadata)
        warnings = write_data(con, arrived.folder, arrived.pages, arrived.layout, arrived.metadata)
        return prove(con, arrived), warnings


def _check_keys(con: duckdb.DuckDBPyConnection, folder: Path, pages: list[Page]) -> None:
    """That every row has the keys that the first one was seen to have: one that lacks a topic would have no figure for it, which
    in v3 means that there is none. Rows of v4 show it by themselves: each value that is missing has a reason."""
    rows = _json(folder, pages, "read_json_objects", "")
    kinds = con.execute(f"select count(distinct hash(json_keys(json))) from {rows}").fetchall()[0][0]
    if kinds < 2:
        return
    found = con.execute(
        f"select list_sort(json_keys(json)) as k, count(*) from {rows} group by k order by 2 desc"
    ).fetchall()
    if len(found) > 1:
        usual, other = set(found[0][0]), set(found[1][0])
        gone, new = ", ".join(sorted(usual - other)), ", ".join(sorted(other - usual))
        twice = ", ".join(sorted({key for keys, _ in found[:2] for key in keys if keys.count(key) > 1}))
        raise LandingError(
            f"{pages[0].url}: expected the same keys in every row, got {found[1][1]:,} rows "
            + " and ".join(
                filter(
                    None,
                    [gone and f"without {gone}", new and f"with {new}", twice and f"with {twice} twice in one object"],
                )
            )
        )


def _json(folder: Path, pages: list[Page], function: str, more: str) -> str:
    """The rows of pages of JSON, as something that DuckDB selects from."""
    kept = {
        "newline_delimited": [str(folder / page.file) for page in pages if page.between],
        "array": [str(folder / page.file) for page in pages if not page.between],
    }
    reads = " union all ".join(
        f"from {function}({_list(files)}, format = '{form}', compression = 'zstd', "
        f"maximum_object_size = {_LONGEST_ROW}{more})"
        for form, files in kept.items()
        if files
    )
    return f"({reads})"


# -- typing -----------------------------------------------------------------------------------------------------------


def write_data(
    con: duckdb.DuckDBPyConnection, folder: Path, pages: list[Page], layout: str, metadata: Metadata
) -> list[str]:
    """Type the pages into ``data.parquet``; what had to be said about it.

    Every number is read as DOUBLE first: DuckDB would cut 12.5 to 12 when told to read a whole number. A column that
    the metadata calls whole is stored as BIGINT only if all its values are.
    """
    text, number = "VARCHAR", "DOUBLE"
    if layout == "wide":
        read = {"ID": "BIGINT"} | {d.key: text for d in metadata.dimensions}
        read |= {m.code: _TYPES.get(m.datatype, number) for m in metadata.measures}
        maybe_whole = [m.code for m in metadata.measures if m.datatype in _WHOLE]
    else:
        read = {"Id": "BIGINT", "Measure": text, "ValueAttribute": text, "Value": number, "StringValue": text}
        read |= {d.key: text for d in metadata.dimensions}
        maybe_whole = []
    target = folder / "data.parquet"

    def write(whole: set[str]) -> None:
        columns = ", ".join(_typed(key, kind, key in whole) for key, kind in read.items())
        con.execute(
            f"copy (select {columns}, 'live' as origin from {source}) to {literal(target)} "
            f"(format parquet, compression zstd, parquet_version v2, row_group_size {min(122_880, _CELLS // len(read))})"
        )

    warnings: list[str] = []
    whole = set(maybe_whole)
    with _rows(folder, pages, read) as source:
        try:
            try:
                write(whole)
            except duckdb.InvalidInputException as error:
                if _FRACTION not in str(error):
                    raise
                counts = ", ".join(f"count(*) filter ({identifier(k)} <> trunc({identifier(k)}))" for k in maybe_whole)
                broken = con.execute(f"select {counts} from {source}").fetchall()[0]
                for key, fractions in zip(maybe_whole, broken, strict=True):
                    if fractions:
                        whole.discard(key)
                        warnings.append(
                            f"{key} is declared whole, but {fractions:,} values have decimals; kept as they are"
                        )
                write(whole)
        except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
            raise LandingError(
                f"{pages[0].url if len(pages) == 1 else pages[0].url + ' and next'}: expected numbers and text as the "
                f"table's metadata says, got {str(error).split('Try setting')[0].strip()}"
            ) from error
    return warnings


@contextmanager
def _rows(folder: Path, pages: list[Page], read: dict[str, str]) -> Iterator[str]:
    """The pages as something that DuckDB selects from; a bulk file is unpacked for as long as it is read."""
    if pages[0].file.endswith(".json.zst"):
        yield _json(folder, pages, "read_json", f", columns = {struct(read)}")
        return
    file = folder / pages[0].file
    header = page_columns(file) or []
    unpacked = folder / "observations.csv"
    try:
        with observations_csv(file) as source, unpacked.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        columns = struct({name: read[name] for name in header})
        yield (
            f"read_csv({literal(str(unpacked))}, columns = {columns}, header = true, delim = ';', quote = '\"', "
            "decimal_separator = ',', strict_mode = true)"
        )
    finally:
        unpacked.unlink(missing_ok=True)


#: In a row group, which DuckDB holds in memory until it is whole; of a narrow table it has as many rows as by default.
_CELLS = 3_600_000
#: In bytes. DuckDB's buffers for JSON are twice this; a row of CBS has some ten thousand.
_LONGEST_ROW = 4 << 20
_FRACTION = "a fraction in a whole column"
_NO_NUMBER = "a number that is none (NaN, or without end)"
#: From here on a DOUBLE, which all numbers are read as, has no room for the last digit.
_MOST_WHOLE = 2**53
_TOO_LONG = "a whole number of more digits than can be kept exactly"


def _typed(key: str, kind: str, whole: bool) -> str:
    name = identifier(key)
    if kind == "VARCHAR":
        return f"trim({name}) as {name}"
    strange = f"when not isfinite({name}) then error('{_NO_NUMBER} in {key.replace(chr(39), chr(39) * 2)}')"
    if whole:
        return (
            f"case {strange}::bigint when abs({name}) >= {_MOST_WHOLE} then error('{_TOO_LONG} in "
            f"{key.replace(chr(39), chr(39) * 2)}')::bigint when {name} <> trunc({name}) then error('{_FRACTION}')::bigint "
            f"else {name}::bigint end as {name}"
        )
    return name if kind == "BIGINT" else f"case {strange}::double else {name} end as {name}"


def _list(items: Iterable[str]) -> str:
    return "[" + ", ".join(map(literal, items)) + "]"
