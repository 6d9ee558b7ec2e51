"""Which charts an indicator has, wherever they stand: the line over time, and areas beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from warehouse.serve.portal.charts import theme
from warehouse.serve.portal.charts.chart import Chart, Measure
from warehouse.serve.portal.charts.line import line
from warehouse.serve.portal.charts.ranking import ranking
from warehouse.serve.portal.view import Area, Figure, View


def measure_of(view: View, indicator: dict[str, Any]) -> Measure:
    return Measure(
        indicator["name_nl"], indicator["unit"], indicator["decimals"] or 0, indicator["source"], view.release_id
    )


def over_time(view: View, indicator: dict[str, Any], areas: Sequence[Area], figures: Sequence[Figure]) -> Chart | None:
    """The figures of some areas over time; of a number of things the first area alone, beside which a country says nothing.

    :param figures: in the order of time, those of other areas are left out.
    """
    shown = areas[:1] if indicator["is_total"] else areas[: theme.MOST_SERIES]
    return line(measure_of(view, indicator), [[f for f in figures if f.area == a.code] for a in shown])


def side_by_side(view: View, indicator: dict[str, Any], area: Area, figures: Sequence[Figure]) -> Chart | None:
    """The own municipalities and the ones that the data centre compares itself with; of a number of things there is no such chart.

    :param figures: of municipalities, in one period.
    """
    if indicator["is_total"]:
        return None
    own = [a.code for a in view.own]
    among = {*own, *view.comparable, area.code}
    return ranking(measure_of(view, indicator), [f for f in figures if f.area in among], area.code, own)
