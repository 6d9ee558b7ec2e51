"""A candidate with one indicator of 25 municipalities, in real DuckDB: what the working out of effects reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb
import numpy as np

from tests.dbt_project import model
from tests.warehouse.effects.panels import made, with_effect
from warehouse.making import raw
from warehouse.registry.interventions import Expected, Intervention

AREAS = [f"GM{n:04}" for n in range(1, 26)]


def choice(name: str = "plan", **more: object) -> Intervention:
    """A choice about what the first of the areas got."""
    fields: dict[str, object] = {
        "id": name,
        "title": "Een plan",
        "what": "Iets",
        "region": "GM0001",
        "from_period": "2014JJ00",
        "indicators": [Expected(indicator="won_woz", direction="stijging")],
        "decided_by": "Raad",
        "legal_basis": "Besluit",
        "declared_on": date(2013, 5, 1),
    }
    return Intervention.model_validate(fields | more)


def candidate(effect: float = 6.0) -> duckdb.DuckDBPyConnection:
    """25 municipalities of 2000-2019; the first got something in 2014. The second lies in its group; the border of the last moved."""
    panel = with_effect(made(4, donors=24), effect)
    values = np.column_stack([panel.outcome, panel.others])
    con = duckdb.connect()
    con.execute(
        """
        create schema core; create schema mart; create schema raw;
        create table core.indicator (indicator_id varchar, version int, name_nl varchar, unit varchar, not_comparable varchar);
        insert into core.indicator values ('won_woz', 1, 'WOZ-waarde', '1 000 euro', null);
        create table core.region (region_code varchar, region_type varchar, name varchar);
        create table core.region_group (group_code varchar, group_type varchar, region_code varchar, valid_to date);
        create table core.indicator_value (
            indicator_id varchar, region_code varchar, period_code varchar, value double, missing_reason varchar,
            lower_bound double, upper_bound double, period_status varchar, series_break varchar, snapshot_id varchar);
        """
    )
    con.executemany("insert into core.region values (?, 'gemeente', null)", [[code] for code in AREAS])
    groups = [("ST5", "stedelijkheid", code) for code in AREAS]
    groups += [("SAMEN", "samenwerking", code) for code in AREAS[:2]]
    con.executemany("insert into core.region_group values (?, ?, ?, null)", groups)
    rows = [
        [code, f"{period}JJ00", float(values[i, j]), "andere grens" if (code, period) == (AREAS[-1], "2010") else None]
        for j, code in enumerate(AREAS)
        for i, period in enumerate(panel.periods)
    ]
    con.executemany(
        "insert into core.indicator_value values ('won_woz', $1, $2, $3, null, null, null, 'Definitief', $4, 'T-1')",
        rows,
    )
    return con


def lay_out(con: duckdb.DuckDBPyConnection, declared: Sequence[Intervention], day: str = "2026-11-28") -> None:
    """What `warehouse.making.effects.lay_out` and dbt make of these choices, of no file, for a build of that day."""
    con.execute("drop schema raw cascade; create schema raw")
    raw.create(con, "intervention", "asked_before", "build")
    con.execute("insert into raw.build values ('b', $1::timestamptz)", [f"{day} 12:00:00+00"])
    for place, one in enumerate(declared):
        con.execute("insert into raw.intervention values (?, ?, ?, null)", [one.id, place, one.model_dump_json()])
    model.build(con, "core/intervention")
