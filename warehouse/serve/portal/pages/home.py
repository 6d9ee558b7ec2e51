"""The start page: the area at a glance, what is new, how the goals stand, and the ways in."""

from __future__ import annotations

import json
from typing import Any

from warehouse.serve.portal import dutch
from warehouse.serve.portal.figures import Area
from warehouse.serve.portal.page import Asking, Kind, Links, Page
from warehouse.serve.portal.pages.area import KEY_FIGURES
from warehouse.serve.portal.pages.change import change
from warehouse.serve.portal.pages.goals import told
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words

#: How many key figures stand beside each other, and changed indicators below each other.
MOST, MOST_NEWS = 4, 8


def make(view: View, _: Asking, links: Links) -> Page:
    areas = [*([view.group] if view.group else []), *view.own]
    goals = told(view, view.goals)
    return Page(
        title=f"{view.center.group.name} in cijfers – {view.center.name}",
        heading=f"{view.center.group.name} in cijfers",
        description=f"Cijfers over {view.center.listed}, met definitie en herkomst van elk cijfer.",
        content={
            "columns": (columns := _columns(view, areas)),
            "glance": [(a, view.path_of(a), [by_area.get(a.code) for _, by_area in columns]) for a in areas],
            "news": _news(view),
            "goals": goals,
            "counts": [
                (verdict, n) for verdict in words().goals.verdicts if (n := sum(g["verdict"] == verdict for g in goals))
            ],
            "themes": [
                (title, links.to(f"/thema/{name}"), len(view.of_theme(name))) for name, title in view.themes.items()
            ],
            "villages": [(a, view.path_of(a), view.inside(a, "wijk")) for a in view.own],
        },
    )


def _columns(view: View, areas: list[Area]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The key figures that most areas have: the indicator, and by area its newest figure with how that changed."""
    codes = [a.code for a in areas]
    found: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for name in KEY_FIGURES:
        if name not in view.indicators or len(found) == MOST:
            continue
        indicator = view.indicators[name]
        of_area: dict[str, Any] = {}
        for code in codes:
            series = [f for f in view.figures([name], codes) if f.area == code and f.value is not None]
            if series:
                of_area[code] = (series[-1], change(series, comparable=not indicator["not_comparable"]))
        if len(of_area) > 1:
            found.append((indicator, of_area))
    return found


def _news(view: View) -> dict[str, Any] | None:
    """What this release changed; None where nothing is kept of that, or it may not be told."""
    file = view.folder / "diff.json" if view.folder else None
    if file is None or not file.is_file():
        return None
    diff = json.loads(file.read_text(encoding="utf-8"))
    counted = [
        (view.indicators[name], count if isinstance(count, int) else sum(count.values()))
        for name, count in (diff.get("by_indicator") or {}).items()
        if name in view.indicators
    ]
    return {
        "since": diff.get("old"),
        "sources": [s for s in diff.get("sources") or [] if s.get("change") != "removed"],
        "indicators": sorted(counted, key=lambda item: -item[1])[:MOST_NEWS],
        "more": max(0, len(counted) - MOST_NEWS),
        "total": dutch.number(sum(count for _, count in counted), 0),
    }


KIND = Kind("home", "/", make)
