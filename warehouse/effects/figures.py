"""What a release has for one question: the figures of the area and of those beside it, and how these were chosen.

Reads SQL only; nothing of numpy or a solver is imported, so that whether anything changed can be told for next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import duckdb

from ingest.sql import records
from warehouse.registry.interventions import Expected, Intervention

#: Fewer proposed areas than this and only stedelijkheid must be the same, not the size class too.
_ENOUGH = 20
_NOT_FIRM = "%oorlopig%"


@dataclass(frozen=True)
class Figures:
    """Of one question.

    :param rows: a row per area and period: ``region_code, period_code, value, missing_reason, series_break, margin,
        is_provisional, snapshot_id``.
    :param comparison: how the areas to compare with were chosen, in Dutch.
    :param not_comparable: why figures of different periods can't be compared, in Dutch.
    """

    indicator_name: str
    unit: str
    region_name: str
    not_comparable: str | None
    comparison: str
    rows: list[dict[str, Any]]

    @property
    def snapshots(self) -> list[str]:
        return sorted({row["snapshot_id"] for row in self.rows if row["snapshot_id"]})


def figures(con: duckdb.DuckDBPyConnection, one: Intervention, expected: Expected) -> Figures:
    """:param con: a release, or a candidate that dbt is done with."""
    [about] = records(
        con.execute(
            "select arg_max(name_nl, version) as name_nl, arg_max(unit, version) as unit, "
            "arg_max(struct_pack(why := not_comparable), version).why as not_comparable "
            "from core.indicator where indicator_id = ?",
            [expected.indicator],
        )
    )
    named = con.execute("select name from core.region where region_code = ?", [one.region]).fetchall()
    donors, comparison = _donors(con, one)
    return Figures(
        about["name_nl"] or expected.indicator,
        about["unit"] or "",
        (named[0][0] if named else None) or one.region,
        about["not_comparable"],
        comparison,
        _series(con, expected.indicator, one.from_period[4:], [one.region, *donors]),
    )


def _series(con: duckdb.DuckDBPyConnection, indicator: str, kind: str, regions: Iterable[str]) -> list[dict[str, Any]]:
    """The figures of these regions by year; ``margin`` is half the width that the source gives."""
    return list(
        records(
            con.execute(
                "select region_code, period_code, value, missing_reason, series_break, (upper_bound - lower_bound) / 2 as margin, "
                "coalesce(period_status like $firm, false) as is_provisional, snapshot_id from core.indicator_value "
                "where indicator_id = $indicator and list_contains($regions, region_code) and period_code[5:] = $kind "
                "order by region_code, period_code",
                {"indicator": indicator, "kind": kind, "regions": list(regions), "firm": _NOT_FIRM},
            )
        )
    )


def _donors(con: duckdb.DuckDBPyConnection, one: Intervention) -> tuple[list[str], str]:
    """The areas to compare with, and how they were chosen."""
    own = {one.region, *_members(con, [one.region])}
    left_out = {*(out.region for out in one.excluded), *one.also_treated}
    gone = own | left_out | _members(con, left_out)
    if one.compare_with:
        named = {code for code in one.compare_with if not _members(con, [code])}
        chosen = named | _members(con, one.compare_with)
        return sorted(chosen - gone), f"Vergeleken met wat is aangewezen: {', '.join(one.compare_with)}."
    alike = {}
    for kind in ("stedelijkheid", "grootteklasse"):
        groups = con.execute(
            "select distinct group_code from core.region_group where group_type = ? and list_contains(?, region_code) "
            "and valid_to is null",
            [kind, sorted(own)],
        ).fetchall()
        alike[kind] = _members(con, [code for (code,) in groups]) - gone
    both = alike["stedelijkheid"] & alike["grootteklasse"]
    if len(both) >= _ENOUGH:
        return sorted(both), "Voorgesteld: gemeenten van dezelfde stedelijkheid en grootteklasse."
    if alike["stedelijkheid"]:
        return sorted(alike["stedelijkheid"]), "Voorgesteld: gemeenten van dezelfde stedelijkheid."
    everything = con.execute("select region_code from core.region where region_type = 'gemeente'").fetchall()
    return sorted(
        {code for (code,) in everything} - gone
    ), "Voorgesteld: alle gemeenten; van dit gebied is geen klasse bekend."


def _members(con: duckdb.DuckDBPyConnection, groups: Iterable[str]) -> set[str]:
    found = con.execute(
        "select distinct region_code from core.region_group where list_contains(?, group_code) and valid_to is null",
        [list(groups)],
    )
    return {code for (code,) in found.fetchall()}
