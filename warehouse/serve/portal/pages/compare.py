"""Comparing: any indicator, any areas, any years, all in the address."""

from __future__ import annotations

from typing import Any

from warehouse.serve.portal.charts import of_indicator
from warehouse.serve.portal.figures import Area
from warehouse.serve.portal.page import Asking, Kind, Links, Page
from warehouse.serve.portal.pages.area import KEY_FIGURES
from warehouse.serve.portal.pages.indicator import between, by_period, files, year
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words
from warehouse.serve.problem import Fault, Problem

#: No more areas fit beside each other.
MOST = 12


def make(view: View, asking: Asking, links: Links) -> Page:
    indicator = view.indicator(asking.one("indicator") or _first(view))
    areas = [view.area(code) for code in dict.fromkeys(asking.all("gebied"))] or _usual(view)
    if len(areas) > MOST:
        why = f"Kies hoogstens {MOST} gebieden."
        raise Problem(400, why, [Fault("query", "gebied", why)])
    name, codes = indicator["indicator_id"], [a.code for a in areas]
    series = between(view.figures([name], codes), year(asking, "van"), year(asking, "tot"))
    state: dict[str, Any] = {
        **{which: asking.one(which) for which in ("indicator", "van", "tot")},
        "gebied": asking.all("gebied") or None,
    }
    chart = of_indicator.over_time(view, indicator, areas, series)
    return Page(
        title=words().compare.title,
        description=words().compare.lead,
        charts={"reeks": chart} if chart else {},
        content={
            "indicator": indicator,
            "areas": areas,
            "rows": by_period(series, areas),
            "series": series,
            "state": state,
            "choices": _choices(view),
            "subjects": {title: view.of_theme(theme) for theme, title in view.themes.items()},
            "downloads": files(links, name, areas, series),
            "permalink": links.here("/vergelijk", **state | {"uitgave": view.release_id}),
        },
    )


def _first(view: View) -> str:
    """An indicator to begin with: a key figure that can be compared."""
    names = [n for n in KEY_FIGURES if n in view.indicators] or list(view.indicators)
    return next((n for n in names if not view.indicators[n]["is_total"]), names[0])


def _usual(view: View) -> list[Area]:
    """The own municipalities, all of them together and the country."""
    return [*view.own, *([view.group] if view.group else []), *([view.areas["NL01"]] if "NL01" in view.areas else [])]


def _choices(view: View) -> list[tuple[str, list[Area]]]:
    """The areas to choose from, by a heading: large ones, the own municipalities, and of each its wijken and buurten."""
    large = [c for c in (view.center.code, view.center.corop, view.center.province, "NL01") if c in view.areas]
    other = [a for a in view.areas.values() if a.kind == "gemeente" and a not in view.own and a.code in view.comparable]
    found = [
        (words().compare.large, [view.areas[c] for c in large]),
        (words().compare.own, view.own),
        (words().compare.others, sorted(other, key=lambda a: a.name)),
    ]
    for area in view.own:
        for kind in ("wijk", "buurt"):
            found.append((f"{area.name}: {words().many[kind].lower()}", view.inside(area, kind)))
    return [(title, areas) for title, areas in found if areas]


KIND = Kind(
    "compare", "/vergelijk", make, ("indicator", "gebied", "van", "tot"), place="menu", charts=("reeks",), listed=False
)
