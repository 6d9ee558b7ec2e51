"""What changed between a table's last good snapshot and its newest one: in shape, and in content.

A change is ``harmless`` (a new code or period), ``compatible`` (a new column, another suffix: what is bound stays bound)
or ``breaking`` (a column or dimension gone, renamed, of another unit or datatype; figures that can't be a revision). The
first two go through and are told; a breaking change puts the snapshot in quarantine until someone accepts it.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import duckdb

from ingest.snapshot import Snapshot
from ingest.sql import identifier, literal, records

HARMLESS, COMPATIBLE, BREAKING = "harmless", "compatible", "breaking"

#: A column whose figures are ten times what they were, as a rule, was not revised: its unit or scale changed.
TENFOLD = 10.0


@dataclass(frozen=True)
class Change:
    """One thing that changed; ``check`` is a stable name for it, ``text`` says it in Dutch.

    :param column: the stem (v3), measure code (v4) or dimension that it is about.
    :param near: of a column that is gone, the new one that looks most like it.
    """

    level: str
    check: str
    text: str
    column: str | None = None
    near: str | None = None


def changes(before: Snapshot, after: Snapshot) -> list[Change]:
    """Everything that changed, the gravest first."""
    with duckdb.connect() as con:
        con.execute("set memory_limit = '400MB'; set threads = 2")
        found = [*_dimensions(con, before, after), *_measures(con, before, after), *_codes(con, before, after)]
        # Figures can only be compared where the two have the same axes.
        if not any(c.check == "dimension" for c in found):
            found += _content(con, before, after)
    return sorted(found, key=lambda c: (BREAKING, COMPATIBLE, HARMLESS).index(c.level))


# -- shape ------------------------------------------------------------------------------------------------------------


def _dimensions(con: duckdb.DuckDBPyConnection, before: Snapshot, after: Snapshot) -> list[Change]:
    old, new = (
        dict(con.execute(f"select key, kind from read_parquet({literal(s.file('dimensions.parquet'))})").fetchall())
        for s in (before, after)
    )
    found = [Change(BREAKING, "dimension", f"Dimensie {key} is er niet meer.", key) for key in old.keys() - new.keys()]
    found += [Change(BREAKING, "dimension", f"Dimensie {key} is nieuw.", key) for key in new.keys() - old.keys()]
    found += [
        Change(BREAKING, "dimension", f"Dimensie {key} is nu {new[key]} in plaats van {old[key]}.", key)
        for key in old.keys() & new.keys()
        if old[key] != new[key]
    ]
    return found


def _measures(con: duckdb.DuckDBPyConnection, before: Snapshot, after: Snapshot) -> list[Change]:
    def read(snapshot: Snapshot) -> dict[tuple[str, str, int], dict[str, Any]]:
        rows = records(con.execute(f"select * from {_numbered(snapshot)} order by position"))
        return {(r["path"], r["stem"], r["nth"]): r for r in rows}

    old, new = read(before), read(after)
    gone, added = [k for k in old if k not in new], [k for k in new if k not in old]
    found = []
    for key in gone:
        near = difflib.get_close_matches(key[1], [k[1] for k in added], n=2, cutoff=0.6)
        hint = f" Lijkt op: {', '.join(near)}." if near else ""
        found.append(
            Change(
                BREAKING,
                "measure_gone",
                f"Kolom {_label(old[key])} is er niet meer, of heet anders.{hint}",
                key[1],
                near[0] if near else None,
            )
        )
    found += [Change(COMPATIBLE, "measure_new", f"Kolom {_label(new[key])} is nieuw.", key[1]) for key in added]
    for key in old.keys() & new.keys():
        was, now = old[key], new[key]
        for field, level, word in (
            ("title", BREAKING, "titel"),
            ("unit", BREAKING, "eenheid"),
            ("datatype", BREAKING, "datatype"),
            ("decimals", COMPATIBLE, "aantal decimalen"),
            ("code", COMPATIBLE, "sleutel"),
        ):
            if was[field] != now[field]:
                text = f"Kolom {_label(now)}: {word} is nu {now[field]!r} in plaats van {was[field]!r}."
                found.append(Change(level, f"measure_{field}", text, key[1]))
    return found


def _label(measure: dict[str, Any]) -> str:
    return " > ".join(filter(None, [measure["path"], measure["stem"]]))


def _codes(con: duckdb.DuckDBPyConnection, before: Snapshot, after: Snapshot) -> list[Change]:
    rows = con.execute(
        f"""
        select coalesce(a.dimension, b.dimension) as dimension, b.code is null as gone, count(*),
            list(coalesce(a.code, b.code) order by coalesce(a.code, b.code))[:5]
        from read_parquet({literal(before.file("codes.parquet"))}) a
        full join read_parquet({literal(after.file("codes.parquet"))}) b using (dimension, code)
        where a.code is null or b.code is null
        group by all order by all
        """
    ).fetchall()
    found = []
    for dimension, gone, count, examples in rows:
        listed = ", ".join(examples) + (" …" if count > len(examples) else "")
        if not gone:
            found.append(Change(HARMLESS, "code_new", f"{count} nieuwe codes van {dimension}: {listed}.", dimension))
        elif dimension == after.time_dimension:
            found.append(Change(BREAKING, "period_gone", f"{count} perioden zijn er niet meer: {listed}.", dimension))
        elif dimension == after.region_dimension:
            found.append(Change(COMPATIBLE, "region_gone", f"{count} regio's zijn er niet meer: {listed}.", dimension))
        else:
            found.append(
                Change(BREAKING, "code_gone", f"{count} codes van {dimension} zijn er niet meer: {listed}.", dimension)
            )
    return found


# -- content ----------------------------------------------------------------------------------------------------------


def _content(con: duckdb.DuckDBPyConnection, before: Snapshot, after: Snapshot) -> list[Change]:
    keys = [k for k in (after.region_dimension, after.time_dimension, *after.other_dimensions) if k]
    found: list[Change] = []
    lost = (
        con.execute(
            f"select count(*) from (select {_list(keys)} from {_rows(before)} except select {_list(keys)} from {_rows(after)})"
        ).fetchall()[0][0]
        if (before.filter, before.scope) == (after.filter, after.scope)
        else 0
    )
    if lost:
        found.append(Change(COMPATIBLE, "rows_lost", f"{lost} rijen van de vorige levering zijn er niet meer."))
    revised_columns, revised = 0, 0
    for column, old, new in _columns(con, before, after):
        on = " and ".join(f"a.{identifier(k)} is not distinct from b.{identifier(k)}" for k in keys)
        had, has, both, differs, ratio = con.execute(
            f"""
            select count(a.value), count(b.value), count(*) filter (a.value is not null and b.value is not null),
                count(*) filter (a.value <> b.value),
                median(b.value / a.value) filter (a.value <> 0 and b.value <> 0)
            from (select {_list(keys)}, {old}) a join (select {_list(keys)}, {new}) b on {on}
            """
        ).fetchall()[0]
        if had and not has:
            found.append(
                Change(BREAKING, "all_null", f"Kolom {column} had {had} cijfers en heeft er geen meer.", column)
            )
        elif both >= 5 and ratio is not None and (abs(ratio) >= TENFOLD or abs(ratio) <= 1 / TENFOLD):
            text = f"De cijfers van kolom {column} zijn als regel {ratio:.3g} maal zo groot als in de vorige levering."
            found.append(Change(BREAKING, "scaled", text, column))
        elif differs:
            revised_columns, revised = revised_columns + 1, revised + differs
    if revised:
        text = f"{revised} cijfers in {revised_columns} kolommen zijn herzien."
        found.append(Change(HARMLESS, "revised", text))
    return found


def _columns(con: duckdb.DuckDBPyConnection, before: Snapshot, after: Snapshot) -> list[tuple[str, str, str]]:
    """Per numeric measure that both have: its name, and where its values are in either snapshot."""
    pairs = con.execute(
        f"select b.stem, a.code, b.code from {_numbered(before)} a join {_numbered(after)} b "
        "on a.path is not distinct from b.path and a.stem = b.stem and a.nth = b.nth "
        "where a.datatype <> 'String' and b.datatype <> 'String' order by b.position"
    ).fetchall()
    if after.layout == "long":
        return [
            (
                stem,
                *(
                    f'"Value" as value from {_rows(s)} where "Measure" = {literal(code)}'
                    for s, code in ((before, a), (after, b))
                ),
            )
            for stem, a, b in pairs
        ]
    return [
        (stem, *(f"{identifier(c)}::double as value from {_rows(s)}" for s, c in ((before, a), (after, b))))
        for stem, a, b in pairs
    ]


def _numbered(snapshot: Snapshot) -> str:
    """SQL: the measures. CBS cuts keys off at some thirty characters, so that columns of one topic group may share a stem; they are
    told apart by their order (``nth``)."""
    file = literal(snapshot.file("measures.parquet"))
    return f"(select *, row_number() over (partition by path, stem order by position) as nth from read_parquet({file}))"


def _rows(snapshot: Snapshot) -> str:
    return f"read_parquet({literal(snapshot.file('data.parquet'))})"


def _list(keys: list[str]) -> str:
    return ", ".join(map(identifier, keys))
