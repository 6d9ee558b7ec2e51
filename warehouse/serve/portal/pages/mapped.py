"""The map on the page of an area: one figure, of what lies in it or beside it."""

from __future__ import annotations

from warehouse.serve.portal.charts import of_indicator
from warehouse.serve.portal.charts.chart import Chart
from warehouse.serve.portal.figures import Area, Figure
from warehouse.serve.portal.view import View

#: What is drawn: the first of these that there are figures of. None is a number of things, of which a larger area has more.
MAPPED = ("bev_65plus_pct", "bev_dichtheid", "won_woz", "mil_gas", "mil_gas_buurt", "won_verkoopprijs")


def mapped(view: View, area: Area) -> tuple[Chart, list[Figure]] | None:
    """The map of an area and the figures on it, by name; None where there are no figures or no borders.

    Of the municipalities together it shows the COROP area, of a municipality its wijken, of a wijk its buurten, and of a buurt (or a
    wijk that has no parts) what lies beside it.
    """
    for kind, inside in _shown(view, area):
        areas = [a.code for a in view.inside(inside, kind)] if inside else _municipalities(view)
        for name in MAPPED if len(areas) > 1 else ():
            if name in view.indicators and (figures := view.newest(name, kind, areas)):
                made = of_indicator.on_map(view, view.indicators[name], kind, figures, area, inside)
                if made is not None:
                    return made, sorted(figures, key=lambda f: (f.area_name, f.area))
    return None


def _shown(view: View, area: Area) -> list[tuple[str, Area | None]]:
    """The kinds of area that may be drawn for one, each with what they lie in, in the order in which they are tried."""
    municipality, wijk = (view.areas.get(c) for c in (area.municipality or "", f"WK{area.code[2:8]}"))
    if area.kind == "gemeente":
        return [("wijk", area)]
    if area.kind == "wijk":
        return [("buurt", area), ("wijk", municipality)]
    if area.kind == "buurt":
        return [("buurt", wijk), ("buurt", municipality)]
    return [("gemeente", None)]


def _municipalities(view: View) -> list[str]:
    group = view.center.groups.get(view.center.corop)
    return list(dict.fromkeys([*view.center.codes, *(m.code for m in (group.members if group else ()))]))
