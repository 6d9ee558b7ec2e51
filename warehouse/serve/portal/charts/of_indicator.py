"""Which charts an indicator has, wherever they stand: the line over time, areas beside each other, and areas on a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from warehouse.serve.portal.charts import theme
from warehouse.serve.portal.charts.chart import Chart, Measure
from warehouse.serve.portal.charts.choropleth import choropleth, year_of
from warehouse.serve.portal.charts.line import line
from warehouse.serve.portal.charts.ranking import ranking
from warehouse.serve.portal.figures import Area, Figure
from warehouse.serve.portal.view import View


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


def on_map(
    view: View, indicator: dict[str, Any], kind: str, figures: Sequence[Figure], area: Area, inside: Area | None = None
) -> Chart | None:
    """Areas of one kind on a map; of a number of things there is none, as a larger area has more of them.

    :param figures: of areas of this kind, in one period.
    :param area: the one that the page is about; ``inside`` draws only what lies in a municipality or wijk.
    """
    ours = [f for f in figures if _is_shown(view, f.area, inside)]
    there = [f for f in ours if f.value is not None]
    if indicator["is_total"] or not there:
        return None
    found = view.boundaries(kind, year_of(there[0]), lambda code: _is_shown(view, code, inside))
    if found is None:
        return None
    shown = {c: Area(c, name, kind) for c, (name, _) in found.shapes.items()}
    within = {} if kind == "gemeente" else {c: _lies_in(view, a, inside) for c, a in shown.items()}
    own = [a.code for a in view.own]
    around = None
    if inside is None and kind != "gemeente":
        around = view.boundaries("gemeente", found.year, lambda code: code in own)
    return choropleth(measure_of(view, indicator), ours, found, area.code, own, within, around)


def _is_shown(view: View, code: str, inside: Area | None) -> bool:
    """Whether a map has an area: what lies in another; else the own wijken and buurten, and the municipalities of the COROP area."""
    if inside is not None and inside.kind in ("gemeente", "wijk"):
        return code[2:].startswith(inside.code[2:])
    if not code.startswith("GM"):
        return view.center.owns(code)
    group = view.center.groups.get(view.center.corop)
    return view.center.owns(code) or bool(group and any(m.code == code for m in group.members))


def _lies_in(view: View, area: Area, inside: Area | None) -> str:
    """The name that stands for an area on a map with many: its wijk where one municipality is shown, else its municipality."""
    code = f"WK{area.code[2:8]}" if inside and area.kind == "buurt" else area.municipality or ""
    return view.areas[code].name if code in view.areas else ""
