"""An indicator: its figures over the years and beside each other, what it means and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from warehouse.serve.portal import dutch
from warehouse.serve.portal.charts import of_indicator
from warehouse.serve.portal.figures import Area, Figure
from warehouse.serve.portal.page import Address, Asking, Kind, Links, Page
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words
from warehouse.serve.problem import Fault, Problem

_SORTS = ("naam", "waarde")


def make(view: View, asking: Asking, links: Links) -> Page:
    indicator = view.indicator(asking.path["indicator"])
    name = indicator["indicator_id"]
    area = _area(view, asking, name)
    first, last = (year(asking, which) for which in ("van", "tot"))
    series = between(view.figures([name], [a.code for a in view.around(area)]), first, last)
    there = {f.area for f in series if f.value is not None}
    columns = [a for a in view.around(area) if a.code in there or a is area]
    sort = asking.one("sorteer") or ("naam" if indicator["is_total"] else "waarde")
    if sort not in _SORTS:
        raise Problem(400, f"Sorteer op {dutch.listed(list(_SORTS))}.", [Fault("query", "sorteer", "bestaat niet")])
    ranking = _ranking(view, name, sort)
    home = area.municipality
    small = {
        kind: _sorted(view.newest(name, kind, codes), sort)
        for kind in ("wijk", "buurt")
        if (codes := _small(view, home, kind))
    }
    state = {"gebied": asking.one("gebied"), "van": asking.one("van"), "tot": asking.one("tot")}
    title = indicator["name_nl"]
    charts = {
        "reeks": of_indicator.over_time(view, indicator, columns, series),
        "rang": of_indicator.side_by_side(view, indicator, area, ranking),
        "kaart-gemeente": of_indicator.on_map(view, indicator, "gemeente", ranking, area),
    }
    inside = view.areas.get(home or "")
    charts |= {f"kaart-{k}": of_indicator.on_map(view, indicator, k, found, area, inside) for k, found in small.items()}
    return Page(
        title=f"{title} – {area.name}" if asking.one("gebied") else title,
        heading=title,
        description=indicator["definition"],
        crumbs=[
            (words().themes.title, links.to("/thema")),
            (indicator["theme_title"], links.to(f"/thema/{indicator['theme']}")),
        ],
        charts={chart: made for chart, made in charts.items() if made},
        content={
            "indicator": indicator,
            "versions": list(view.versions(name).values())[::-1],
            "area": area,
            "choices": _choices(view, name),
            "columns": columns,
            "rows": by_period(series, columns),
            "series": [f for f in series if f.area in {c.code for c in columns}],
            "latest": next((f for f in reversed(series) if f.area == area.code and f.value is not None), None),
            "ranking": ranking,
            "small": {kind: figures for kind, figures in small.items() if figures},
            "sort": sort,
            "state": state,
            "goals": [g for g in view.goals if g["indicator_id"] == name],
            "related": [i for i in view.of_theme(indicator["theme"]) if i["indicator_id"] != name],
            "downloads": files(links, name, columns, series),
            "permalinks": {
                "current": links.here(f"/indicator/{name}", **state | {"uitgave": None}),
                "pinned": links.here(f"/indicator/{name}", **state | {"uitgave": view.release_id}),
            },
        },
    )


def _area(view: View, asking: Asking, name: str) -> Area:
    """The area that was asked for; else the municipalities together, or where these have no figure the first area that has one."""
    if code := asking.one("gebied"):
        return view.area(code)
    there = view.areas_with(name)
    wanted = [view.center.code, view.center.example, *view.center.codes, "NL01", *sorted(there)]
    return view.areas[next((c for c in wanted if c in there), view.center.code)]


def _small(view: View, home: str | None, kind: str) -> list[str]:
    """The wijken or buurten of a municipality, or of all the own ones."""
    within = [view.areas[home]] if home in view.areas else view.own
    return [a.code for municipality in within for a in view.inside(municipality, kind)]


def year(asking: Asking, which: str) -> int | None:
    said = asking.one(which)
    if said is None:
        return None
    if not (said.isascii() and said.isdigit() and len(said) == 4):
        raise Problem(400, f"De vraag is niet geldig: {which} is geen jaar.", [Fault("query", which, "is geen jaar")])
    return int(said)


def between(figures: list[Figure], first: int | None, last: int | None) -> list[Figure]:
    return [f for f in figures if (first is None or f.start.year >= first) and (last is None or f.start.year <= last)]


def _choices(view: View, name: str) -> list[tuple[str, list[Area]]]:
    """The areas that have a figure, by kind, to choose from: those of the data centre and what they are seen against."""
    there = view.areas_with(name)
    kinds: dict[str, list[Area]] = {}
    for area in view.areas.values():
        is_ours = area.municipality in view.center.members if area.kind in ("wijk", "buurt") else True
        if area.code in there and is_ours:
            kinds.setdefault(area.kind, []).append(area)
    order = ("groep", "gemeente", "wijk", "buurt", "corop", "provincie", "land")
    return [(kind, sorted(kinds[kind], key=lambda a: (a.name, a.code))) for kind in order if kind in kinds]


def by_period(series: list[Figure], columns: list[Area]) -> list[tuple[str, list[Figure | None]]]:
    """A row per period, the newest first, with a figure or nothing for each area."""
    at = {(f.period, f.area): f for f in series}
    periods = sorted({(f.start, f.period) for f in series}, reverse=True)
    return [(period, [at.get((period, c.code)) for c in columns]) for _, period in periods]


def _sorted(figures: Iterable[Figure], sort: str) -> list[Figure]:
    """By value, the highest first and what is missing last; or by name."""
    if sort == "naam":
        return sorted(figures, key=lambda f: (f.area_name, f.area))
    return sorted(figures, key=lambda f: (f.value is None, -(f.value or 0), f.area_name))


def _ranking(view: View, name: str, sort: str) -> list[Figure]:
    """The newest figures of municipalities beside each other."""
    return _sorted(view.newest(name, "gemeente"), sort)


def files(links: Links, name: str, columns: list[Area], series: list[Figure]) -> list[tuple[str, str]]:
    """This view as files: title and address."""
    periods = list(dict.fromkeys(f.period for f in series))
    found: list[tuple[str, Any]] = [
        (
            title,
            links.file(
                "/v1/waarnemingen", indicator=name, gebied=[c.code for c in columns], periode=periods, formaat=fmt
            ),
        )
        for fmt, title in (("csv-nl", "CSV voor Excel"), ("xlsx", "Excel"), ("jsonstat", "JSON-stat"), ("csv", "CSV"))
    ]
    return [(title, address) for title, address in found if address]


def addresses(view: View) -> Iterable[Address]:
    """Every indicator; and of those with figures, the own municipalities and all of them together."""
    for name in view.indicators:
        yield Address({"indicator": name})
    own = [a.code for a in ([view.group] if view.group else []) + view.own]
    for name in view.indicators:
        for code in own:
            if any(f.area == code for f in view.figures([name], own)):
                yield Address({"indicator": name}, {"gebied": code})


KIND = Kind(
    "indicator",
    "/indicator/{indicator}",
    make,
    ("gebied", "van", "tot", "sorteer"),
    addresses,
    charts=("reeks", "rang", "kaart-gemeente", "kaart-wijk", "kaart-buurt"),
)
