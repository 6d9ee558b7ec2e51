"""A municipality, a wijk or village, a buurt: its profile by theme, what stands out, what lies in it, what is not known of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from warehouse.serve.portal import dutch
from warehouse.serve.portal.figures import Area, Figure
from warehouse.serve.portal.page import Address, Asking, Kind, Links, Page
from warehouse.serve.portal.pages.age_structure import age_structure
from warehouse.serve.portal.pages.mapped import mapped
from warehouse.serve.portal.pages.standing_out import standing_out
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words
from warehouse.serve.problem import Problem

#: What is told of an area first, as far as there is a figure of it.
KEY_FIGURES = (
    *("bev_inwoners", "bev_65plus_pct", "bev_0_15_pct", "won_verkoopprijs", "won_woz", "mil_gas", "mil_gas_buurt"),
    *("mil_zon_per_100_huishoudens", "bev_huishoudens", "bev_dichtheid"),
)
MOST_KEY_FIGURES = 6
INHABITANTS = "bev_inwoners"


def make(view: View, area: Area, links: Links) -> Page:
    latest = {f.indicator: f for f in view.latest([area.code])}
    known = [f for f in latest.values() if f.value is not None]
    against = [
        a for a in view.around(area) if a is not area and a.code not in (view.center.corop, view.center.province)
    ]
    alike = _alike(view, area)
    beside = view.beside(known, [a.code for a in against])
    indicators = view.indicators
    themes = {
        title: [(indicators[f.indicator], f, [beside.get((f.indicator, a.code)) for a in against]) for f in of_theme]
        for theme, title in view.themes.items()
        if (
            of_theme := [
                latest[i["indicator_id"]] for i in view.of_theme(theme) if latest.get(i["indicator_id"]) in known
            ]
        )
    }
    inside = {
        kind: [(a, view.path_of(a), f) for a, f in _inhabitants(view, view.inside(area, kind))] for kind in _inner(area)
    }
    drawn, by_age = mapped(view, area), age_structure(view, area, against)
    return Page(
        charts={name: made[0] for name, made in (("leeftijd", by_age), ("kaart", drawn)) if made},
        title=f"{area.name} ({words().kinds[area.kind].lower()})" if area.kind != "groep" else area.name,
        heading=area.name,
        crumbs=_above(view, area, links),
        content={
            "area": area,
            "against": against,
            "key_figures": [(indicators[n], latest[n]) for n in KEY_FIGURES if latest.get(n) in known][
                :MOST_KEY_FIGURES
            ],
            "outliers": standing_out(known, view.values(known, alike), indicators),
            "alike": len(alike),
            "themes": themes,
            "by_age": by_age[1] if by_age else [],
            "on_map": drawn[1] if drawn else [],
            "inside": {kind: areas for kind, areas in inside.items() if areas},
            "unknown": _unknown(view, latest.values()),
            "permalink": links.here(view.path_of(area) or "", uitgave=view.release_id),
        },
    )


def _alike(view: View, area: Area) -> list[str]:
    """The areas among which it can stand out: municipalities among those of the COROP area, a wijk or buurt among all of the own."""
    if area.kind == "gemeente":
        group = view.center.groups.get(view.center.corop)
        return [m.code for m in group.members if m.valid_to is None] if group else [a.code for a in view.own]
    if area.kind in ("wijk", "buurt"):
        return [a.code for municipality in view.own for a in view.inside(municipality, area.kind)]
    return []


def _inner(area: Area) -> tuple[str, ...]:
    return {"groep": ("gemeente",), "gemeente": ("wijk",), "wijk": ("buurt",)}.get(area.kind, ())


def _inhabitants(view: View, areas: list[Area]) -> list[tuple[Area, Figure | None]]:
    """Areas with how many people live there."""
    if not areas:
        return []
    found = {f.area: f for f in view.latest([a.code for a in areas], [INHABITANTS])}
    return [(a, found.get(a.code)) for a in areas]


def _above(view: View, area: Area, links: Links) -> list[tuple[str, str]]:
    """What it lies in, of what has a page."""
    codes: dict[str, list[str | None]] = {
        "gemeente": [view.center.code],
        "wijk": [view.center.code, area.municipality],
        "buurt": [view.center.code, area.municipality, f"WK{area.code[2:8]}"],
    }
    found = [view.areas[c] for c in codes.get(area.kind, []) if c and c in view.areas]
    return [(a.name, links.to(path)) for a in found if (path := view.path_of(a))]


def _unknown(view: View, latest: Iterable[Figure]) -> list[tuple[str, list[Figure]]]:
    """The figures that are nowhere to be had of this area, by the reason why."""
    found: dict[str, list[Figure]] = {}
    for figure in latest:
        if figure.value is None and figure.missing != "impossible":
            found.setdefault(dutch.sentence(figure.reason or "onbekend"), []).append(figure)
    return sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))


def _municipality(view: View, asking: Asking, links: Links) -> Page:
    asked = asking.path["name"]
    for area in [*view.own, *([view.group] if view.group else [])]:
        if asked.casefold() in (area.slug, area.name.casefold(), area.code.casefold()):
            return make(view, area, links)
    there = dutch.listed([a.name for a in view.own])
    raise Problem(404, f"Gemeente {asked} heeft hier geen bladzijde. Die zijn er van {there}.")


def _small(kind: str) -> Callable[[View, Asking, Links], Page]:
    def found(view: View, asking: Asking, links: Links) -> Page:
        area = view.areas.get(asking.path["code"].upper())
        if area is None or area.kind != kind or view.path_of(area) is None:
            raise Problem(404, f"Er is hier geen {kind} {asking.path['code']}.")
        return make(view, area, links)

    return found


def _municipalities(view: View) -> Iterable[Address]:
    return [Address({"name": a.slug}) for a in [*([view.group] if view.group else []), *view.own]]


def _codes(kind: str) -> Callable[[View], Iterable[Address]]:
    return lambda view: [Address({"code": a.code}) for a in view.areas.values() if a.kind == kind and view.path_of(a)]


CHARTS = ("leeftijd", "kaart")
KINDS = [
    Kind("municipality", "/gemeente/{name}", _municipality, addresses=_municipalities, template="area", charts=CHARTS),
    Kind("village", "/wijk/{code}", _small("wijk"), addresses=_codes("wijk"), template="area", charts=CHARTS),
    Kind("neighbourhood", "/buurt/{code}", _small("buurt"), addresses=_codes("buurt"), template="area", charts=CHARTS),
]
