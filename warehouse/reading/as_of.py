"""What we published on a day, given back from ``core.indicator_history``.

A release that is still kept is a photograph by itself (``--as-of 2026.11.1``). The history goes back further than the
releases that are kept, so that a figure in a budget of two years ago can be found again: the standard indicator tables are
made anew from the figures that held at that moment. Names of regions and definitions are those of now, each figure with the
version of its definition that it was published under.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path

import duckdb

from ingest.sql import identifier, literal

#: Tables that are the same whatever the moment, or carry their own dates.
_KEPT = ("indicator", "indicator_term", "indicator_reference", "region", "region_version", "region_group", "period")
#: What belongs to a figure, in its history as it was last told with it.
_LABELS = {"note": "varchar", "lower_bound": "double", "upper_bound": "double", "series_break": "varchar"}


def moment(text: str) -> datetime | None:
    """A day (``2026-11-24``: its end, in UTC) or a time (``2026-11-24T12:00``, UTC unless it says otherwise); else None."""
    try:
        if len(text) == len("2026-11-24"):
            return datetime.combine(date.fromisoformat(text), time.max, UTC)
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def photograph(file: Path, at: datetime) -> duckdb.DuckDBPyConnection:
    """A database in memory with the tables of a released file as they were at a moment.

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
    there: dict[str, set[str]] = {}
    for table, column in con.execute(
        "select table_name, column_name from duckdb_columns() where database_name = 'released' and schema_name = 'core'"
    ).fetchall():
        there.setdefault(table, set()).add(column)
    for name in _KEPT:
        if name in there:
            con.execute(f"create view core.{name} as select * from released.core.{name}")
    # A history from before they were kept has none.
    labels = "".join(
        f"null::{kind} as {name}, " for name, kind in _LABELS.items() if name not in there["indicator_history"]
    )
    con.execute(
        f"""
        create table core.indicator_value as
        select * exclude (known_from, known_to), regexp_replace(snapshot_id, '-\\d{{8}}T\\d+Z-.*$', '') as table_id,
            {labels}null::varchar as method, null::integer as binding_id
        from released.core.indicator_history
        where known_from <= $at and coalesce(known_to > $at, true)
        """,
        {"at": at},
    )
    con.execute("create view core.release as select * from released.core.release")
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
    con.execute(
        """
        create view mart.indicator as
        select i.theme, v.indicator_id, i.name_nl as indicator_name, v.definition_version, v.region_code,
            r.name as region_name, r.region_type, r.parent_code, v.period_code, p.period_type, p.start_date, p.end_date,
            v.value, i.unit, i.decimals, v.lower_bound, v.upper_bound, v.missing_reason, v.note, v.period_status,
            v.series_break, i.source, v.table_id, v.snapshot_id
        from core.indicator_value as v
        join core.indicator as i on i.indicator_id = v.indicator_id and i.version = v.definition_version
        join core.period as p using (period_code)
        left join core.region as r using (region_code)
        """
    )
    for (theme,) in con.execute("select distinct theme from core.indicator order by 1").fetchall():
        _theme(con, theme)
    return con


def _theme(con: duckdb.DuckDBPyConnection, theme: str) -> None:
    """The wide table of a theme, as macros/theme_mart.sql makes it, with the columns that had figures then."""
    columns = con.execute(
        "select c.column_name, c.comment, c.column_name in (select indicator_id from core.indicator) as is_figure, "
        "c.column_name in (select indicator_id from core.indicator_value) as was_there from duckdb_columns() as c "
        "where c.database_name = 'released' and c.schema_name = 'mart' and c.table_name = ? order by column_index",
        [theme],
    ).fetchall()
    figures = [name for name, _, is_figure, was_there in columns if is_figure and was_there]
    if not columns:
        return
    pivot = "".join(f", max(value) filter (indicator_id = '{n}') as \"{n}\"" for n in figures)
    con.execute(
        f"""
        create view mart."{theme}" as
        with wide as (
            select region_code, period_code{pivot}, bool_or(value is not null or missing_reason <> 'impossible') as has_something
            from core.indicator_value
            where indicator_id in (select unnest({figures}::varchar[]))
            group by region_code, period_code
        )
        select wide.region_code, region.name as region_name, region.region_type, region.parent_code,
            parent.name as parent_name, wide.period_code, period.start_date, period.end_date{"".join(f', wide."{n}"' for n in figures)}
        from wide
        inner join core.period as period using (period_code)
        left join core.region as region using (region_code)
        left join core.region as parent on parent.region_code = region.parent_code
        where wide.has_something
        order by wide.region_code, wide.period_code
        """
    )
    for name, comment, is_figure, was_there in columns:
        if comment and (was_there or not is_figure):
            con.execute(f"comment on column mart.{identifier(theme)}.{identifier(name)} is {literal(comment)}")
