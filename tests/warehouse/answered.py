"""A policy choice per indicator with a made-up answer, as a release has them: for tests of what is told of it, and to whom."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import duckdb

from ingest.sql import add_rows
from tests.dbt_project import model
from warehouse.effects import kept
from warehouse.effects.asked import Asked, Known
from warehouse.effects.effect import Effect
from warehouse.making import raw, written
from warehouse.making.effects import EFFECT, PATH
from warehouse.registry.interventions import Expected, Intervention

#: Where it was done, and the area that it is compared with.
TREATED, DONOR = "GM0770", "GM1728"


def choice(indicator: str, title: str, start: str) -> Intervention:
    return Intervention(
        id=f"keuze_{indicator}",
        title=f"Een keuze over {title}",
        what="Iets dat nooit gebeurde",
        region=TREATED,
        from_period=start,
        indicators=[Expected(indicator=indicator, direction="daling")],
        decided_by="Gemeenteraad",
        legal_basis="Gemeentewet",
        declared_on=date(2022, 5, 1),
        disturbances=["De weg was een jaar dicht."],
        published="Een studie zag niets.",
        example=True,
    )


def add(
    con: duckdb.DuckDBPyConnection, indicators: Iterable[tuple[str, str]], periods: list[str], estimate: float
) -> None:
    """Answers on these indicators (id and name) by the figures that are there; the last period is the one after."""
    raw.create(con, "intervention")
    for table in (EFFECT, PATH):
        written.create(con, table)
    for place, (indicator, title) in enumerate(indicators):
        one = choice(indicator, title, periods[-1])
        asked = _answer(con, one, title, periods, estimate)
        con.execute("insert into raw.intervention values (?, ?, ?, null)", [one.id, place, one.model_dump_json()])
        for table, rows in ((EFFECT, kept.rows(asked, "q", "m")), (PATH, kept.path_rows(asked, {}))):
            add_rows(con, table, [[row[name] for name in written.columns(table)] for row in rows])
    model.build(con, "core/intervention")


def _answer(
    con: duckdb.DuckDBPyConnection, one: Intervention, title: str, periods: list[str], estimate: float
) -> Asked:
    [expected] = one.indicators
    values = dict(
        con.execute(
            "select period_code, value from core.indicator_value where indicator_id = ? and region_code = ? and value is not null",
            [expected.indicator, TREATED],
        ).fetchall()
    )
    path = [
        {
            "period": period,
            "observed": values[period],
            "counterfactual": values[period] + 40,
            "gap": -40.0,
            "part": "after" if period >= one.from_period else "fit",
            "placebos": {DONOR: 25.0},
        }
        for period in periods
        if period in values
    ]
    effect = Effect(
        answer="geen effect gezien",
        reason="het verschil valt binnen wat ook zonder ingreep voorkomt",
        method="synthetische controle",
        assumes="Aangenomen is van alles.",
        treated=TREATED,
        start=one.from_period,
        questions=3,
        left_out=(),
        estimate=estimate,
        interval=(-90.0, 10.0),
        confidence=0.9,
        weights={DONOR: 1.0},
        fit={
            "rmspe": 12.0,
            "rmspe_of_donors": 15.0,
            "trend": 3.0,
            "trend_rank": 2,
            "from": periods[0],
            "until": periods[-2],
        },
        placebo={
            "in_space": {"rank": 2, "of": 2, "p": 1.0, "donors": {DONOR: {"rmspe": 15.0, "ratio": 2.0, "gap": 25.0}}},
            "in_time": None,
        },
        without_one={DONOR: -30.0},
        spread=(-60.0, -20.0),
        smallest_detectable=80.0,
        relevant=100.0,
        path=path,
    )
    caveats = ("Dit is een verzonnen voorbeeld: deze keuze is nooit gemaakt.", *one.disturbances)
    known = Known(None, None, date(2026, 11, 28))
    return Asked(
        one, expected, title, "aantal", "Eersel", "Vergeleken met wat is aangewezen.", caveats, (effect,), known, ()
    )
