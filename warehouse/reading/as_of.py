"""What we published on a day, given back from ``core.indicator_history``.

A release that is still kept shows its moment by itself (``--as-of 2026.11.1``). The history goes back further than the
releases that are kept, so that a figure in a budget of two years ago can be found again: the standard indicator tables are
made anew from the figures that held at that moment. Names of regions and definitions are those of now, each figure with the
version of its definition that it was published under.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, time
from pathlib import Path

import duckdb

from ingest.snapshot import AFTER_TABLE
from ingest.sql import identifier, literal
from warehouse.reading import models

#: Tables that are the same whatever the moment, or carry their own dates.
_KEPT = (
    *("indicator", "indicator_term", "indicator_reference", "region", "region_version", "region_group", "period"),
    *("data_center", "release"),
)


def moment(text: str) -> datetime | None:
    """A day (``2026-11-24``: its end, in UTC) or a time (``2026-11-24T12:00``, UTC unless it says otherwise); else None."""
    try:
        if len(text) == len("2026-11-24"):
            return datetime.combine(date.fromisoformat(text), time.max, UTC)
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def as_known_at(file: Path, at: datetime) -> duckdb.DuckDBPyConnection:
    """A database in memory with the tables of a released file as they were at a moment.

    Numerator, denominator and method of a figure are not in its history.

    :raises LookupError: nothing was published yet at that moment.
    """
    con = duckdb.connect()
    con.execute(f"attach {literal(file)} as released (read_only)")
    [(first, held)] = con.execute(
        "select min(known_from), count(*) filter (known_from <= $at and coalesce(known_to > $at, true)) "
        "from released.core.indicator_history",
        {"at": at},
    ).fetchall()
    if not held:
        con.close()
        raise LookupError(
            f"Nothing was published yet at {at:%Y-%m-%d %H:%M} UTC"
            + (f"; the first figures are of {first.astimezone(UTC):%Y-%m-%d %H:%M} UTC." if first else ".")
        )
    con.execute("create schema core; create schema mart")
    there = {
        name: dict(zip(columns, kinds, strict=True))
        for name, columns, kinds in con.execute(
            "select table_name, list(column_name order by column_index), list(data_type order by column_index) "
            "from duckdb_columns() where database_name = 'released' and schema_name = 'core' group by table_name"
        ).fetchall()
    }
    for name in _KEPT:
        if name in there:
            con.execute(f"create view core.{name} as select * from released.core.{name}")
    con.execute(
        f"""
        create table core.indicator_value as
        select {_columns(there["indicator_value"], there["indicator_history"])}
        from released.core.indicator_history as history
        left join core.period as period using (period_code)
        where known_from <= $at and coalesce(known_to > $at, true)
        """,
        {"at": at, "after_table": AFTER_TABLE},
    )
    con.execute(
        # Of a table that was fetched anew since, only the snapshot is still known.
        """
        create view core."table" as
        select t.* replace (
            coalesce(then_.snapshot_id, t.snapshot_id) as snapshot_id,
            if(then_.snapshot_id is null or then_.snapshot_id = t.snapshot_id, t.fetched_at, null) as fetched_at,
            if(then_.snapshot_id is null or then_.snapshot_id = t.snapshot_id, t.modified, null) as modified
        )
        from released.core."table" as t
        left join (select table_id, max(snapshot_id) as snapshot_id from core.indicator_value group by table_id) as then_
            using (table_id)
        """
    )
    # A view in the release is on the tables of whoever opens it, by their schemas.
    for (view,) in con.execute(
        "select sql from duckdb_views() where database_name = 'released' and schema_name = 'mart'"
    ).fetchall():
        con.execute(view)
    # A release from before may lack what the comparison draws on.
    with suppress(duckdb.CatalogException, duckdb.BinderException):
        con.execute(f"create view mart.comparison as {models.model('mart/comparison')}")
    for (theme,) in con.execute("select distinct theme from core.indicator order by 1").fetchall():
        _theme(con, theme)
    for table, column, comment in con.execute(
        "select table_name, column_name, was.comment from duckdb_columns() as now_ "
        "inner join duckdb_columns() as was using (schema_name, table_name, column_name) "
        "where was.database_name = 'released' and now_.database_name = current_database() and schema_name = 'mart' "
        "and was.comment is not null"
    ).fetchall():
        con.execute(f"comment on column mart.{identifier(table)}.{identifier(column)} is {literal(comment)}")
    return con


def _columns(wanted: dict[str, str], kept: dict[str, str]) -> str:
    """The columns of the figures, each as the history has it or tells it; null where it does neither."""
    told = {"table_id": "regexp_replace(snapshot_id, $after_table, '')"}
    if "series_break" in kept:
        series = "partition by indicator_id, region_code, period_type order by start_date"
        told["series_segment"] = f"(1 + count(series_break) over ({series}))::integer"
    told |= {name: f"history.{name}" for name in kept}
    return ", ".join(f"{told.get(name, f'null::{kind}')} as {name}" for name, kind in wanted.items())


def _theme(con: duckdb.DuckDBPyConnection, theme: str) -> None:
    """The wide table of a theme, with the columns that had figures then."""
    figures = [
        name
        for (name,) in con.execute(
            "select column_name from duckdb_columns() where database_name = 'released' and schema_name = 'mart' "
            "and table_name = ? and column_name in (select indicator_id from core.indicator_value) order by column_index",
            [theme],
        ).fetchall()
    ]
    if figures:
        con.execute(f"create view mart.{identifier(theme)} as {models.wide_table(figures)}")
