"""Policy goals: the way from the baseline to the target, where it stands, and whether that is on track."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from warehouse.serve.portal.charts.chart import Chart
from warehouse.serve.portal.charts.goal import Way
from warehouse.serve.portal.charts.goal import goal as draw
from warehouse.serve.portal.charts.of_indicator import measure_of
from warehouse.serve.portal.figures import Figure
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
    series = {g["goal_id"]: _since(view, g) for g in goals if g["baseline"]}
    charts = {g["goal_id"]: _drawn(view, g, series[g["goal_id"]]) for g in goals if g["goal_id"] in series}
    by_area: dict[str, list[dict[str, Any]]] = {}
    for goal in goals:
        by_area.setdefault(goal["area"].name, []).append(goal)
    return Page(
        title=words().goals.title,
        charts={name: chart for name, chart in charts.items() if chart},
        content={
            "goals": by_area,
            "series": series,
            "permalink": links.here("/doelen", uitgave=view.release_id),
        },
    )


def _since(view: View, goal: dict[str, Any]) -> list[Figure]:
    """The figures of a goal from its baseline on, of periods of the same kind."""
    begin = goal["baseline"]
    return [
        f
        for f in view.figures([begin.indicator], [begin.area])
        if f.start >= begin.start and f.period[4:6] == begin.period[4:6]
    ]


def _drawn(view: View, goal: dict[str, Any], figures: list[Figure]) -> Chart | None:
    if goal["target_value"] is None:
        return None
    verdict = words().goals.verdicts[goal["verdict"]]
    way = Way(goal["baseline"], goal["target_period"], goal["target_value"], goal["expected_value"], verdict)
    return draw(measure_of(view, goal["indicator"]), way, figures)


KIND = Kind("goals", "/doelen", make, place="menu", charts=("{goal}",))
