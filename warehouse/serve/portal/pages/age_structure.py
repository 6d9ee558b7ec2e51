"""The age structure on the page of an area, beside what the area is seen against."""

from __future__ import annotations

from collections.abc import Sequence

from warehouse.serve.portal.charts.ages import ages
from warehouse.serve.portal.charts.chart import Chart
from warehouse.serve.portal.charts.of_indicator import measure_of
from warehouse.serve.portal.figures import Area, Figure
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words

#: The groups that together are everyone, the youngest first; their names stand in ``words.yml``.
GROUPS = ("bev_0_15_pct", "bev_15_25_pct", "bev_25_45_pct", "bev_45_65_pct", "bev_65plus_pct")


def age_structure(
    view: View, area: Area, against: Sequence[Area]
) -> tuple[Chart, list[tuple[str, list[Figure]]]] | None:
    """The chart, and the figures in it: of each group that of the area, then of the others as far as they have it.

    It is of the newest period in which all groups of the area are known; None if there is none.
    """
    if not set(GROUPS) <= view.indicators.keys():
        return None
    areas = [area, *against]
    found = {(f.indicator, f.area, f.period): f for f in view.figures(GROUPS, [a.code for a in areas])}
    periods = {(f.start, f.period) for f in found.values() if f.area == area.code}
    whole = [
        p
        for p in sorted(periods)
        if all((f := found.get((g, area.code, p[1]))) and f.value is not None for g in GROUPS)
    ]
    if not whole:
        return None
    period = whole[-1][1]
    shown = [a for a in areas if all((g, a.code, period) in found for g in GROUPS)]
    said = words().area
    groups = [(said.age_groups[g], [found[g, a.code, period] for a in shown]) for g in GROUPS]
    measure = measure_of(view, view.indicators[GROUPS[0]] | {"name_nl": said.ages})
    made = ages(measure, groups)
    return (made, groups) if made else None
