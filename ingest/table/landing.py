"""A file at a URL as a snapshot: fetched whole, read apart from us, typed as declared, proved.

There is no service that counts rows for us, so the proof is in the file: it came whole (its length), it could be read to its
end, and every row became figures or is told. A row that fits nothing stops the table; the last good snapshot serves on.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import duckdb
import orjson
import requests
import zstandard

from ingest.attempt import Attempt, LandingError
from ingest.datacenter import here
from ingest.declaration import Table
from ingest.engine import duck
from ingest.http import Client, FetchError, NotModifiedError, TransientError, UnreachableError
from ingest.metadata import Codes, Dimension, Measure, Metadata, write_metadata
from ingest.outcome import UNCHANGED, Outcome
from ingest.received import Page
from ingest.scope import in_scope, regions_of, wanted
from ingest.snapshot import Snapshot, Store
from ingest.source import Progress
from ingest.sql import identifier, literal
from ingest.table.columns import Columns, member, typed
from ingest.table.declaration import PERIOD, REGION, keyed
from ingest.table.fetching import Arrived, conditions, fetch, moment_of
from ingest.table.grid import file_of, read
from ingest.words import shown


def changed(table: Table, own: Attempt, client: Client, last: Snapshot | None, scope: str | None = None) -> bool:
    """Whether the file has to be fetched: it is another, or its server does not say."""
    table = in_scope(table, last, scope)
    file = file_of(table)
    if last is None or last.stamp.get("declared") != _declared(table):
        return True
    asked = conditions(last.stamp)
    if not asked:
        return True
    request = requests.Request("HEAD", file.url, headers=asked).prepare()
    try:
        headers = client.read(request, lambda response: response.headers, "a file")
    except NotModifiedError:
        return False
    except (UnreachableError, TransientError):
        raise
    except FetchError:
        return True  # many servers refuse HEAD, each in its own way (403, 404, 405); fetching tells
    own.modified = moment_of(headers)
    now = {"etag": headers.get("ETag", ""), "last_modified": headers.get("Last-Modified", "")}
    return not any(now.values()) or any(now[k] != last.stamp.get(k, "") for k in now)


def land(
    table: Table, own: Attempt, store: Store, client: Client, progress: Progress, scope: str | None = None
) -> Outcome:
    """Take in the file if it changed.

    :raises FetchError: it could not be fetched whole.
    :raises LandingError: it could not be read as it is declared; with the place in the file.
    """
    last = store.newest(table.id)
    table = in_scope(table, last, scope)
    spoilt = store.changed(last) if last else []
    known = last.stamp if last and not spoilt and last.stamp.get("declared") == _declared(table) else {}
    standing: dict[str, Any] = (
        {"snapshot_id": last.snapshot_id, "rows": last.row_count, "modified": last.modified} if last else {}
    )
    try:
        arrived = fetch(file_of(table).url, client, known)
    except NotModifiedError:
        return own.outcome(UNCHANGED, **standing)
    stamp = arrived.stamp | {"declared": _declared(table)}
    if known and known.get("sha256") == stamp["sha256"]:
        return own.outcome(UNCHANGED, **standing)
    progress(table.id, 1, 1)
    snapshot = _lay_down(table, store, arrived, stamp, own.at)
    return own.fetched(snapshot, len(arrived.data), last, spoilt)


def _declared(table: Table) -> str:
    """Tells one declaration from the next: a file is read anew when it is declared otherwise."""
    said = [file_of(table).model_dump(mode="json"), table.scope, table.period, regions_of(table.scope)]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _lay_down(table: Table, store: Store, arrived: Arrived, stamp: dict[str, str], at: str) -> Snapshot:
    file, warnings = file_of(table), list[str]()
    grid = read(table, arrived.data)
    columns = typed(table, grid)
    about = [n for n, code in enumerate(columns.regions) if code is not None]
    left = Counter(
        member(v) for v, code in zip(grid.columns[file.region.column], columns.regions, strict=True) if code is None
    )
    warnings += [f"{count:,} rows about {name!r} are left out, as declared" for name, count in sorted(left.items())]
    center = here()
    kept = [n for n in about if table.scope == "nederland" or wanted(columns.regions[n] or "", center)]
    if not kept:
        raise LandingError(f"{file.url}: expected regions of scope {table.scope}, got a table that has none of them")
    metadata = _metadata(table, columns, kept)
    version = json.dumps([stamp, table.scope])
    with store.landing(table.id, version, (LandingError, MemoryError)) as landing:
        name = "file" + (PurePosixPath(urlsplit(file.url).path).suffix or ".data")
        (landing.path / f"{name}.zst").write_bytes(zstandard.ZstdCompressor(level=3).compress(arrived.data))
        (landing.path / "metadata.json.zst").write_bytes(
            zstandard.ZstdCompressor(level=1).compress(orjson.dumps(metadata.raw))
        )
        with duck() as con:
            write_metadata(con, landing.path, metadata)
            rows = _write(con, landing.path, table, columns, kept, grid.lines)
        return landing.commit(
            store.root / table.id,
            source_id=table.source_id,
            table_id=table.id,
            title=table.title,
            protocol=table.protocol,
            catalog="url",
            origin="live",
            layout="long",
            url=file.url,
            fetched_at=at,
            modified=arrived.modified,
            stamp=stamp,
            row_count=rows,
            expected_count=len(kept) * len(file.measures),
            count_source=f"the file: {len(grid.lines):,} rows, of which {len(about) - len(kept):,} of other regions than the scope "
            f"and {len(grid.lines) - len(about):,} of none; {len(file.measures)} figures a row",
            region_dimension=REGION,
            time_dimension=None if table.period else PERIOD,
            other_dimensions=[keyed(name) for name in file.dimensions],
            period=table.period,
            filter=None,
            scope=table.scope,
            schema_fingerprint=metadata.fingerprint,
            licence=table.licence or "",
            attribution=table.attribution or "",
            warnings=warnings,
            pages=[Page(1, file.url, f"{name}.zst", "", "", len(arrived.data), stamp["sha256"]).as_dict()],
        )


def _metadata(table: Table, columns: Columns, kept: Sequence[int]) -> Metadata:
    file = file_of(table)
    dimensions = [Dimension(REGION, "region", file.region.column, 0)]
    here = dict.fromkeys(columns.regions[n] or "" for n in kept)
    codes = {REGION: Codes.named({code: columns.names.get(code) or code for code in here})}
    if file.period is not None:
        dimensions.append(Dimension(PERIOD, "time", file.period.column, 1))
        codes[PERIOD] = Codes.named({p: p for p in sorted({columns.periods[n] for n in kept})})
    for name, members in columns.members.items():
        dimensions.append(Dimension(keyed(name), "other", name, len(dimensions)))
        codes[keyed(name)] = Codes.named({m: m or "(leeg)" for m in dict.fromkeys(members[n] for n in kept)})
    measures = tuple(
        Measure(m.key, m.key, m.title, "", m.unit, "Double", m.decimals, m.description, position)
        for position, m in enumerate(file.measures)
    )
    raw = {"declaration": file.model_dump(mode="json")}
    return Metadata(tuple(dimensions), codes, measures, {"Title": table.title, "Source": table.owner}, raw)


def _write(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    table: Table,
    columns: Columns,
    kept: Sequence[int],
    lines: Sequence[int],
) -> int:
    """``data.parquet``: a row per figure, as StatLine's v4 has them. Each figure is there once.

    :raises LandingError: two rows give the same figure.
    """
    file = file_of(table)
    axes: dict[str, list[Any]] = {REGION: [columns.regions[n] for n in kept]}
    if file.period:
        axes[PERIOD] = [columns.periods[n] for n in kept]
    axes |= {keyed(name): [members[n] for n in kept] for name, members in columns.members.items()}
    seen: dict[tuple[Any, ...], int] = {}
    for n, key in zip(kept, zip(*axes.values(), strict=True), strict=True):
        if key in seen:
            said = ", ".join(f"{name} {value}" for name, value in zip(axes, key, strict=True))
            raise LandingError(
                f"{file.url}: lines {lines[seen[key]]} and {lines[n]} are both about {shown(said, 300)}; name the column "
                f"that tells them apart under `dimensions` of {table.id} in {table.file}"
            )
        seen[key] = n
    content: dict[str, list[Any]] = {key: [] for key in ("Measure", "Value", "ValueAttribute", *axes)}
    for measure, found in columns.figures.items():
        content["Measure"] += [measure] * len(kept)
        content["Value"] += [found.values[n] for n in kept]
        content["ValueAttribute"] += [found.reasons[n] or "None" for n in kept]
        for axis, values in axes.items():
            content[axis] += values
    document = folder / "rows.json"
    size = document.write_bytes(orjson.dumps(content))
    kinds = {"Value": "DOUBLE"}
    struct = ", ".join(f"{literal(key)}: '{kinds.get(key, 'VARCHAR')}[]'" for key in content)
    unnested = ", ".join(f"unnest({identifier(key)}) as {identifier(key)}" for key in content)
    axes_first = ", ".join(identifier(key) for key in axes)
    target = literal(str(folder / "data.parquet"))
    con.execute(
        f"copy (select row_number() over () - 1 as Id, Measure, ValueAttribute, Value, null::varchar as StringValue, {axes_first}, "
        f"'live' as origin from (select {unnested} from read_json({literal(str(document))}, maximum_object_size = {size + 1024}, "
        f"columns = {{{struct}}}))) to {target} (format parquet, compression zstd)"
    )
    document.unlink()
    return int(con.execute(f"select count(*) from read_parquet({target})").fetchall()[0][0])
