"""The candidate: a fresh DuckDB file next to the released one, into which dbt builds.

What belongs here: laying out what dbt starts from. Schema ``raw`` holds one row per chosen snapshot, the snapshots'
metadata, a view on each snapshot's rows, the indicator registry, and what earlier releases published. It is dropped
before release: the released file stands on its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from ingest.registry import Table
from ingest.snapshot import Snapshot
from warehouse import indicators

NAME = "rdc.duckdb"


@dataclass(frozen=True)
class Input:
    """A table as this build uses it.

    :param origin: ``live`` (the source was asked and this is its newest), ``last_good`` (it failed or did not answer;
        this is the last snapshot that was accepted) or ``sample`` (the bundled extract).
    :param note: why it is not live.
    """

    table: Table
    snapshot: Snapshot
    origin: str
    note: str = ""


class Candidate:
    """The database in the making. Only one process holds it, and only while it is being built."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "candidate"
        self.file = self.folder / NAME

    @contextmanager
    def connect(self, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        con = duckdb.connect(str(self.file), read_only=read_only)
        try:
            yield con
        finally:
            con.close()

    def prepare(self, inputs: list[Input], released: Path | None, outcomes: Path) -> None:
        """Start anew: an empty file with schema ``raw``.

        :param released: the current release, for what was published before; None for the first one.
        :param outcomes: the log of all attempts to ingest (JSON lines).
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with self.connect() as con:
            con.execute("create schema raw")
            _load_inputs(con, inputs)
            _load_metadata(con, inputs)
            _load_rows(con, inputs)
            load_registry(con, indicators.load())
            _load_published(con, released)
            _load_outcomes(con, outcomes)
            # In a table and not in a dbt variable: a variable that changes makes dbt parse the whole project anew.
            con.execute("create table raw.build as select date_trunc('second', now()) as known_at")


def _load_inputs(con: duckdb.DuckDBPyConnection, inputs: list[Input]) -> None:
    con.execute(
        """
        create table raw.snapshot (
            snapshot_no smallint, first_row_id bigint, snapshot_id varchar, source_id varchar, table_id varchar,
            title varchar, protocol varchar, catalog varchar, origin varchar, note varchar, layout varchar,
            url varchar, fetched_at timestamptz, modified varchar, version_stamp varchar,
            row_count bigint, expected_count bigint, count_source varchar, region_dimension varchar,
            time_dimension varchar, other_dimensions varchar[], period varchar, filter varchar, scope varchar,
            schema_fingerprint varchar, sha256 varchar, bytes bigint, licence varchar, attribution varchar,
            owner varchar, sharing_level varchar, cadence varchar, warnings varchar[]
        )
        """
    )
    first = 0
    for number, item in enumerate(inputs, 1):
        s, t = item.snapshot, item.table
        con.execute(
            f"insert into raw.snapshot values ({', '.join(['?'] * 33)})",
            [
                number,
                first,
                s.snapshot_id,
                s.source_id,
                s.table_id,
                s.title,
                s.protocol,
                s.catalog,
                item.origin,
                item.note or None,
                s.layout,
                s.url,
                datetime.fromisoformat(s.fetched_at),
                s.modified,
                json.dumps(s.stamp, sort_keys=True),
                s.row_count,
                s.expected_count,
                s.count_source,
                s.region_dimension,
                s.time_dimension,
                s.other_dimensions,
                s.period,
                s.filter,
                s.scope,
                s.schema_fingerprint,
                s.sha256,
                s.bytes,
                s.licence,
                s.attribution,
                t.owner,
                t.sharing_level,
                t.cadence,
                s.warnings,
            ],
        )
        first += s.row_count


def _load_metadata(con: duckdb.DuckDBPyConnection, inputs: list[Input]) -> None:
    for name, order in (("dimensions", "position"), ("codes", "dimension, position"), ("measures", "position")):
        parts = [
            f"select {number}::smallint as snapshot_no, * from read_parquet({_text(item.snapshot.file(name + '.parquet'))})"
            for number, item in enumerate(inputs, 1)
        ]
        con.execute(
            f"create table raw.{name[:-1]} as select row_number() over (order by snapshot_no, {order}) as {name[:-1]}_id, * "
            f"from ({' union all by name '.join(parts)})"
        )


def _load_rows(con: duckdb.DuckDBPyConnection, inputs: list[Input]) -> None:
    """A view on each snapshot's rows. ``row_no`` is the row's place in the snapshot, counted from 0."""
    for number, item in enumerate(inputs, 1):
        con.execute(
            f"create view raw.rows_{number} as select file_row_number as row_no, * exclude (file_row_number) "
            f"from read_parquet({_text(item.snapshot.file('data.parquet'))}, file_row_number = true)"
        )


def load_registry(con: duckdb.DuckDBPyConnection, themes: list[indicators.Theme]) -> None:
    """The registry as three tables: definitions, bindings and their terms."""
    con.execute(
        """
        create table raw.indicator (
            indicator_id varchar, version integer, theme varchar, theme_title varchar, position integer, name_nl varchar,
            definition varchar, unit varchar, decimals integer, direction varchar, aggregation varchar, factor double,
            why_not varchar, numerator varchar, denominator varchar, caveats varchar, source varchar, bbv integer,
            valid_from date, valid_to date
        );
        create table raw.binding (
            binding_id integer, indicator_id varchar, version integer, table_id varchar, regions varchar[],
            first_period varchar, last_period varchar
        );
        create table raw.term (
            binding_id integer, role varchar, term_no integer, table_id varchar, stem varchar, path varchar,
            measure_code varchar, dimensions_key varchar, sign integer
        );
        """
    )
    versions: list[list[Any]] = []
    bindings: list[list[Any]] = []
    terms: list[list[Any]] = []
    position = 0
    for theme in themes:
        for indicator in theme.indicators:
            position += 1
            for v in indicator.versions:
                versions.append(
                    [
                        *(indicator.id, v.version, theme.theme, theme.title, position, indicator.name),
                        *(v.definition, v.unit, v.decimals, indicator.direction, v.aggregation, v.factor, v.why_not),
                        *(v.numerator, v.denominator, v.caveats, indicator.source, indicator.bbv),
                        *(v.valid_from, v.valid_to),
                    ]
                )
                for b in v.bindings:
                    number = len(bindings) + 1
                    bindings.append(
                        [number, indicator.id, v.version, b.table, list(b.regions), b.first_period, b.last_period]
                    )
                    for role in ("value", "numerator", "denominator"):
                        for term_no, term in enumerate(getattr(b, role), 1):
                            terms.append(
                                [
                                    *(number, role, term_no, term.table or b.table, term.stem),
                                    *(" > ".join(term.path), term.measure, dimensions_key(term.dimensions)),
                                    -1 if term.subtract else 1,
                                ]
                            )
    for name, rows, width in (("indicator", versions, 20), ("binding", bindings, 7), ("term", terms, 9)):
        if rows:
            con.executemany(f"insert into raw.{name} values ({', '.join(['?'] * width)})", rows)


def dimensions_key(members: dict[str, str]) -> str:
    """The further dimensions of a row as one text, in alphabetical order: ``Leeftijd=10000;Marges=MW00000``."""
    return ";".join(f"{key}={members[key]}" for key in sorted(members))


def _load_published(con: duckdb.DuckDBPyConnection, released: Path | None) -> None:
    """What earlier releases published, so that the history goes on; empty before the first release."""
    con.execute(
        """
        create table raw.published (
            indicator_id varchar, definition_version integer, region_code varchar, period_code varchar, value double,
            missing_reason varchar, period_status varchar, snapshot_id varchar,
            known_from timestamptz, known_to timestamptz
        )
        """
    )
    if released is None or not released.is_file():
        return
    con.execute(f"attach {_text(released)} as released (read_only)")
    con.execute("insert into raw.published by name select * from released.core.indicator_history")
    con.execute("detach released")


def _load_outcomes(con: duckdb.DuckDBPyConnection, outcomes: Path) -> None:
    """Every attempt to ingest a table; a line that a killed run left torn is passed over."""
    columns = {
        "table_id": "VARCHAR",
        "at": "TIMESTAMPTZ",
        "result": "VARCHAR",
        "reason": "VARCHAR",
        "snapshot_id": "VARCHAR",
        "modified": "VARCHAR",
        "rows": "BIGINT",
        "bytes": "BIGINT",
        "seconds": "DOUBLE",
    }
    typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    con.execute(f"create table raw.outcome ({typed})")
    if outcomes.is_file():
        shape = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
        con.execute(
            f"insert into raw.outcome select * from read_json({_text(outcomes)}, format = 'newline_delimited', "
            f"columns = {{{shape}}}, ignore_errors = true) where table_id is not null"
        )


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
