"""What changed between two releases: schema, rows, figures, definitions, and what became definitive.

A diff is made from the two released files themselves, so that it tells what a reader sees change, whatever happened in
between (also after a rollback). Figures are compared exactly: a difference in the last bit is a difference.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from ingest.engine import bound
from ingest.sql import literal, records
from warehouse.making import changed_effects
from warehouse.releases.release import Release, Releases
from warehouse.sharing.access import EVERYTHING, LEVELS, Access, Scope, delivered, levels_of, levels_since, texts
from warehouse.sharing.closing import Levels, has_levels, indicators_only_of

#: Figures that a diff names one by one; the totals beside them are always of all.
LISTED = 1000

#: How a figure can differ, in the order in which one is told from the next.
KINDS = ("added", "removed", "value", "missing_reason", "definition_version", "period_status")

_KEY = ("indicator_id", "region_code", "period_code")
#: Of a definition, all that a reader would see; ``position`` is only its place in the registry.
_DEFINITION = ("indicator_id", "version")
_BOOKKEEPING = ("position",)


@dataclass(frozen=True)
class Diff:
    """What changed from ``old`` to ``new``.

    :param schema: tables and columns that came, went, or changed: ``{table, column, change, old, new}``; ``change`` is
        ``table_added``, ``table_removed``, ``column_added``, ``column_removed``, ``type`` or ``description``.
    :param rows: tables whose number of rows changed, and wide tables whose rows did: ``{table, old, new, added,
        removed}``; added and removed are counted by region and period, and None where a table has no such key.
    :param sources: source tables of which another snapshot was used: ``{table_id, title, old, new, ...}``.
    :param definitions: ``{indicator_id, version, change, field, old, new}``; ``change`` is ``added``, ``removed`` or
        ``changed``.
    :param values: the figures that differ, at most ``listed``: key, ``kind`` (see :data:`KINDS`), old and new value, missing
        reason, definition version and period status.
    :param value_totals: number of figures by kind, over all of them.
    :param by_indicator: the same by indicator.
    :param effects: questions about policy choices that came, went or have another answer (see :mod:`warehouse.making.changed_effects`).
    :param became_definitive: figures whose status went from provisional to definitive, whatever else changed.
    """

    old: str
    new: str
    schema: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    definitions: list[dict[str, Any]]
    values: list[dict[str, Any]]
    value_totals: dict[str, int]
    by_indicator: dict[str, dict[str, int]]
    became_definitive: int
    listed: int = field(default=LISTED)
    effects: list[dict[str, Any]] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether anything differs that a reader could see."""
        return bool(self.schema or self.rows or self.sources or self.definitions or self.value_totals or self.effects)

    @property
    def omitted(self) -> int:
        """Figures that differ and are not named in ``values``."""
        return sum(self.value_totals.values()) - len(self.values)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"changed": self.changed, "omitted": self.omitted}


def diff(releases: Releases, old: str, new: str, listed: int = LISTED) -> Diff:
    """Compare two releases that are kept.

    :param listed: name at most so many figures one by one.
    :raises ReleaseError: one of them is not there.
    """
    earlier, later = releases.get(old), releases.get(new)
    files = [releases.path(release.release_id) for release in (earlier, later)]
    levels = Levels(releases.folder)
    closed = {
        c.table for r, f in zip((earlier, later), files, strict=True) for c in levels.closed_in_file(f, r.release_id)
    }
    scope = levels.scope if closed else EVERYTHING
    with comparing(*files) as con:
        return compare(con, earlier.release_id, later.release_id, listed, scope, closed)


def first(release: Release) -> Diff:
    """The diff of a release that has nothing before it."""
    return Diff("", release.release_id, [], [], [], [], [], {}, {}, 0)


@contextmanager
def comparing(old: Path, new: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the two files attached read-only as ``old`` and ``new``."""
    with tempfile.TemporaryDirectory(prefix="rdc-diff-") as spill, duckdb.connect() as con:
        con.execute(f"set temp_directory = {literal(spill)}")
        bound(con)
        for alias, file in (("old", old), ("new", new)):
            con.execute(f"attach {literal(file)} as {alias} (read_only)")
        yield con


def compare(
    con: duckdb.DuckDBPyConnection,
    old: str,
    new: str,
    listed: int = LISTED,
    scope: Scope = EVERYTHING,
    closed: Collection[str] = (),
) -> Diff:
    """Compare the two attached files (see :func:`comparing`).

    :param scope: whose figures are told; a figure that came within reach counts as added, one that left it as removed.
    :param closed: sources that were closed since: nothing is told of them, nor of what hangs on them alone.
    """
    tables = {alias: _tables(con, alias) for alias in ("old", "new")}
    both = sorted(set(tables["old"]) & set(tables["new"]))
    hidden: set[str] = set()
    if closed and "core.indicator_term" in both:
        hidden = indicators_only_of(con, closed, "old") | indicators_only_of(con, closed, "new")
    has_figures = "core.indicator_value" in both
    values, totals, by_indicator, definitive = (
        _values(con, listed, scope, closed, hidden) if has_figures else ([], {}, {}, 0)
    )
    return Diff(
        old=old,
        new=new,
        schema=[c for c in _schema(con, tables) if c["column"] not in hidden],
        rows=[found for table in both if (found := _rows(con, table))],
        sources=[s for s in _sources(con) if s["table_id"] not in closed] if "core.table" in both else [],
        definitions=[d for d in _definitions(con, tables) if d["indicator_id"] not in hidden]
        if "core.indicator" in both
        else [],
        values=values,
        value_totals=totals,
        by_indicator=by_indicator,
        became_definitive=definitive,
        listed=listed,
        effects=_effects(con, tables, scope, closed, hidden) if has_figures else [],
    )


# -- figures ----------------------------------------------------------------------------------------------------------


def visible_figures(
    con: duckdb.DuckDBPyConnection,
    alias: str,
    scope: Scope,
    closed: Collection[str] = (),
    hidden: Collection[str] = (),
) -> str:
    """SQL for the figures of an attached release that a scope may see, by the levels of then and of ``new`` both: what was
    open once and is closed now is not told again as gone, nor that a hidden indicator has no figure any more as new."""
    figures = f"{alias}.core.indicator_value"
    if scope.everything:
        return figures
    now = dict(con.execute('select table_id, sharing_level from new.core."table"').fetchall())
    con.execute(f"use {alias}")
    try:
        levels = levels_since(levels_of(con), delivered(con), now) | dict.fromkeys(closed, LEVELS[-1])
        told = f" and v.indicator_id not in ({texts(hidden)})" if hidden else ""
        return f"(select * from {figures} as v where {Access.of(con, levels).visible(scope)}{told})"
    finally:
        con.execute("use memory")


def closed_since(con: duckdb.DuckDBPyConnection, levels: Levels, old: str) -> set[str]:
    """The sources in ``old`` that those whom the series is for may not see any more, by ``new`` and by what was closed since."""
    found = []
    for alias in ("new", "old"):
        con.execute(f"use {alias}")
        if not has_levels(con):
            con.execute("use memory")
            return set()
        found.append((levels_of(con), delivered(con)))
    con.execute("use memory")
    (now, _), (own, municipal) = found
    return {c.table for c in levels.closed(own, levels.levels(own, municipal, old, now), old)}


def changed_figures(old: str = "old.core.indicator_value", new: str = "new.core.indicator_value") -> str:
    """SQL for every figure that differs between two relations like ``core.indicator_value``: a row per indicator, region
    and period.

    ``definitive`` says that the status went from provisional (Voorlopig, NaderVoorlopig) to Definitief.
    """
    key = ", ".join(_KEY)
    sides = ", ".join(
        f"{alias}_.{column} as {alias}_{column}"
        for column in ("value", "missing_reason", "definition_version", "period_status", "binding_id")
        for alias in ("old", "new")
    )
    return f"""
    select
        {key},
        case
            when old_.definition_version is null then 'added'
            when new_.definition_version is null then 'removed'
            when old_.value is distinct from new_.value then 'value'
            when old_.missing_reason is distinct from new_.missing_reason then 'missing_reason'
            when old_.definition_version is distinct from new_.definition_version then 'definition_version'
            else 'period_status'
        end as kind,
        {sides},
        coalesce(old_.period_status in ('Voorlopig', 'NaderVoorlopig') and new_.period_status = 'Definitief', false)
            as definitive
    from {old} as old_
    full outer join {new} as new_ using ({key})
    where
        old_.definition_version is null
        or new_.definition_version is null
        or old_.value is distinct from new_.value
        or old_.missing_reason is distinct from new_.missing_reason
        or old_.definition_version is distinct from new_.definition_version
        or old_.period_status is distinct from new_.period_status
    """


def _values(
    con: duckdb.DuckDBPyConnection, listed: int, scope: Scope, closed: Collection[str], hidden: Collection[str]
) -> tuple[list[dict[str, Any]], dict[str, int], dict[str, dict[str, int]], int]:
    old, new = (visible_figures(con, alias, scope, closed, hidden) for alias in ("old", "new"))
    names = texts(_changed_indicators(con, old, new)) or "''"
    of_those = (f"(select * from {figures} where indicator_id in ({names}))" for figures in (old, new))
    con.execute(f"create or replace temp table changed_figure as {changed_figures(*of_those)}")
    by_indicator: dict[str, dict[str, int]] = {}
    totals: dict[str, int] = {}
    for indicator_id, kind, count in con.execute(
        "select indicator_id, kind, count(*) from changed_figure group by all order by all"
    ).fetchall():
        by_indicator.setdefault(indicator_id, {})[kind] = count
        totals[kind] = totals.get(kind, 0) + count
    [(definitive,)] = con.execute("select count(*) from changed_figure where definitive").fetchall()
    # What was corrected is told before what was added: it is what a reader would otherwise miss.
    order = ", ".join(f"kind = '{kind}' desc" for kind in ("value", "removed", "missing_reason", "definition_version"))
    values = records(
        con.execute(
            f"select * exclude (old_binding_id, new_binding_id) from changed_figure order by {order}, "
            f"kind = 'period_status' desc, {', '.join(_KEY)} limit {int(listed)}"
        )
    )
    return values, {kind: totals[kind] for kind in KINDS if kind in totals}, by_indicator, definitive


def _changed_indicators(con: duckdb.DuckDBPyConnection, old: str, new: str) -> set[str]:
    """The indicators of which some figure differs: so that those of the others, nearly all, need not be laid side by side."""
    said = "region_code, period_code, value, missing_reason, definition_version, period_status"
    before, after = (
        set(con.execute(f"select indicator_id, count(*), sum(hash({said})) from {one} group by all").fetchall())
        for one in (old, new)
    )
    return {indicator_id for indicator_id, *_ in before ^ after}


# -- schema, rows, sources, definitions -------------------------------------------------------------------------------


def _tables(con: duckdb.DuckDBPyConnection, alias: str) -> dict[str, dict[str, tuple[str, str]]]:
    """Columns of every released table and view: name → type and description."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for schema, table, column, kind, text in con.execute(
        "select schema_name, table_name, column_name, data_type, coalesce(comment, '') from duckdb_columns() "
        "where database_name = ? and schema_name in ('core', 'mart') order by schema_name, table_name, column_index",
        [alias],
    ).fetchall():
        found.setdefault(f"{schema}.{table}", {})[column] = (kind, text)
    return found


def _schema(
    con: duckdb.DuckDBPyConnection, tables: dict[str, dict[str, dict[str, tuple[str, str]]]]
) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = []

    def tell(table: str, column: str | None, change: str, old: str | None = None, new: str | None = None) -> None:
        changes.append({"table": table, "column": column, "change": change, "old": old, "new": new})

    before, after = tables["old"], tables["new"]
    for table in sorted({*before, *after}):
        if table not in after:
            tell(table, None, "table_removed")
        elif table not in before:
            tell(table, None, "table_added")
        else:
            for column in [*before[table], *(c for c in after[table] if c not in before[table])]:
                old, new = before[table].get(column), after[table].get(column)
                if new is None:
                    tell(table, column, "column_removed", old=old[0] if old else None)
                elif old is None:
                    tell(table, column, "column_added", new=new[0])
                else:
                    if old[0] != new[0]:
                        tell(table, column, "type", old[0], new[0])
                    if old[1] != new[1]:
                        tell(table, column, "description", old[1], new[1])
    return changes


def _effects(
    con: duckdb.DuckDBPyConnection,
    tables: dict[str, dict[str, dict[str, tuple[str, str]]]],
    scope: Scope,
    closed: Collection[str],
    hidden: Collection[str],
) -> list[dict[str, Any]]:
    """Nothing where one of the two is from before there were any, or tells of them otherwise."""
    if not all(
        {*changed_effects.TOLD} <= tables[alias].get("mart.policy_effect", {}).keys() for alias in ("old", "new")
    ):
        return []
    visible = {alias: visible_figures(con, alias, scope, closed, hidden) for alias in ("old", "new")}
    return changed_effects.changed(con, visible)


#: Tables of which it is told elsewhere what changed.
_TOLD_APART = ("core.observation", "mart.policy_effect", "mart.policy_effect_path")
#: Tables that are about the making of a release: they differ between any two, which tells a reader nothing.
_ABOUT_THE_MAKING = (
    "core.release",
    "core.snapshot",
    "core.check_result",
    "core.download_outcome",
    "core.indicator_history",
    "core.indicator_term",
)


def _rows(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, Any] | None:
    if table in _ABOUT_THE_MAKING or table in _TOLD_APART:
        return None
    keyed = {
        column
        for (column,) in con.execute(
            "select column_name from duckdb_columns() where database_name = 'new' and schema_name || '.' || table_name = ?",
            [table],
        ).fetchall()
    }
    old: int
    new: int
    added: int | None
    removed: int | None
    if table.startswith("mart.") and {"region_code", "period_code"} <= keyed:
        # Read once a side: it may be a view over all figures.
        sides = ", ".join(
            f"{alias}_ as (select region_code, period_code, count(*) as n from {alias}.{_name(table)} group by all)"
            for alias in ("old", "new")
        )
        [(old, new, added, removed)] = con.execute(
            f"with {sides} select coalesce(sum(old_.n), 0)::bigint, coalesce(sum(new_.n), 0)::bigint, "
            "coalesce(sum(new_.n) filter (old_.n is null), 0)::bigint, coalesce(sum(old_.n) filter (new_.n is null), 0)::bigint "
            "from old_ full outer join new_ using (region_code, period_code)"
        ).fetchall()
    else:
        added = removed = None
        old, new = (
            con.execute(f"select count(*) from {alias}.{_name(table)}").fetchall()[0][0] for alias in ("old", "new")
        )
    if old == new and not added and not removed:
        return None
    return {"table": table, "old": old, "new": new, "added": added, "removed": removed}


def _sources(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return records(
        con.execute("""
        select
            table_id,
            coalesce(new_.title, old_.title) as title,
            case
                when old_.table_id is null then 'added' when new_.table_id is null then 'removed' else 'changed'
            end as change,
            old_.snapshot_id as old_snapshot_id, new_.snapshot_id as new_snapshot_id,
            old_.modified as old_modified, new_.modified as new_modified,
            old_.origin as old_origin, new_.origin as new_origin,
            old_.observation_count as old_observation_count, new_.observation_count as new_observation_count
        from old.core."table" as old_
        full outer join new.core."table" as new_ using (table_id)
        where old_.snapshot_id is distinct from new_.snapshot_id or old_.origin is distinct from new_.origin
        order by table_id
        """)
    )


def _definitions(
    con: duckdb.DuckDBPyConnection, tables: dict[str, dict[str, dict[str, tuple[str, str]]]]
) -> list[dict[str, Any]]:
    def read(alias: str) -> dict[tuple[str, int], dict[str, Any]]:
        rows = records(con.execute(f"select * from {alias}.core.indicator order by position, version"))
        return {(r["indicator_id"], r["version"]): r for r in rows}

    before, after = read("old"), read("new")
    fields = [
        c
        for c in tables["new"]["core.indicator"]
        if c in tables["old"]["core.indicator"] and c not in (*_DEFINITION, *_BOOKKEEPING)
    ]
    found: list[dict[str, Any]] = []
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        said: dict[str, Any] = {"indicator_id": key[0], "version": key[1], "name_nl": (new or old or {}).get("name_nl")}
        if old is None or new is None:
            found.append(
                said | {"change": "added" if old is None else "removed", "field": None, "old": None, "new": None}
            )
            continue
        found += [
            said | {"change": "changed", "field": name, "old": old[name], "new": new[name]}
            for name in fields
            if old[name] != new[name]
        ]
    return found


def _name(table: str) -> str:
    schema, name = table.split(".", 1)
    return f'"{schema}"."{name}"'
