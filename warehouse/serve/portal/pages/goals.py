"""Policy goals: the way from the baseline to the target, where it stands, and whether that is on track."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from warehouse.serve.portal.page import Asking, Kind, Links, Page
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words

#: What a release that was made earlier does not say of a goal.
_LATER = dict.fromkeys(("on_track_note", "trend"))


def told(view: View, goals: Collection[dict[str, Any]]) -> list[dict[str, Any]]:
    """Goals with their figures, as pages show them.

    :returns: what the release says of each, with ``baseline`` and ``latest`` as figures and ``verdict`` as one of the words
        ``ja``, ``nee``, ``onzeker``, ``onbekend``.
    """
    keys = [
        (g["indicator_id"], g["region_code"], g[which])
        for g in goals
        for which in ("baseline_period", "latest_period")
        if g.get(which)
    ]
    figures = view.exact(keys)
    return [
        _LATER
        | goal
        | {
            "indicator": view.indicators[goal["indicator_id"]],
            "area": view.areas[goal["region_code"]],
            "baseline": figures.get((goal["indicator_id"], goal["region_code"], goal.get("baseline_period") or "")),
            "latest": figures.get((goal["indicator_id"], goal["region_code"], goal.get("latest_period") or "")),
            "verdict": _verdict(goal),
        }
        for goal in goals
        if goal["indicator_id"] in view.indicators and goal["region_code"] in view.areas
    ]


def _verdict(goal: dict[str, Any]) -> str:
    if goal.get("on_track_verdict") == "geen aantoonbaar verschil":
        return "onzeker"
    return {True: "ja", False: "nee"}.get(goal["on_track"], "onbekend")


def make(view: View, _: Asking, links: Links) -> Page:
    goals = told(view, view.goals)
    by_area: dict[str, list[dict[str, Any]]] = {}
    for goal in goals:
        by_area.setdefault(goal["area"].name, []).append(goal)
    return Page(
        title=words().goals.title,
        content={"goals": by_area, "permalink": links.here("/doelen", uitgave=view.release_id)},
    )


KIND = Kind("goals", "/doelen", make, place="menu")
