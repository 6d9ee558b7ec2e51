"""The way of a policy goal: a straight line from the baseline to the target, and the figures since then beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from warehouse.serve.portal import dutch
from warehouse.serve.portal.charts.chart import Chart, Measure
from warehouse.serve.portal.charts.line import at, breaks, lines, points
from warehouse.serve.portal.figures import Figure


@dataclass(frozen=True)
class Way:
    """What a goal wants: to come from a figure to a value in some later period.

    :param needed: what the latest figure had to be to be on track; None where nothing can be said of that.
    :param verdict: whether it is on track, in words.
    """

    baseline: Figure
    target_period: str
    target: float
    needed: float | None
    verdict: str


def goal(measure: Measure, way: Way, figures: Sequence[Figure]) -> Chart | None:
    """The way and the figures; None where it does not begin with a number, or does not lead on.

    :param figures: of the goal's area, in the order of time; those from before the baseline are left out.
    """
    begin = at(way.baseline)
    until = begin + int(way.target_period[:4]) - way.baseline.start.year
    if way.baseline.value is None or until <= begin:
        return None
    since = [f for f in figures if at(f) >= begin]
    ends = [(begin, way.baseline.value, way.baseline.period), (until, way.target, way.target_period)]
    rows = [*points(measure, 0, since), *(_end(measure, *end) for end in ends)]
    names = [way.baseline.area_name, "Weg naar het doel"]
    title = f"{measure.name} ({measure.unit}), {way.baseline.area_name}: de weg naar het doel"
    return lines(measure, title, _told(measure, way, since), rows, names, breaks(since))


def _end(measure: Measure, time: float, value: float, period: str) -> dict[str, Any]:
    said = f"Weg naar het doel, {dutch.period(period)}: {measure.amount(value)}"
    bounds = {"onder": None, "boven": None, "voorlopig": False}
    # It has no period: it is no figure of the release.
    return {"reeks": 1, "deel": "1.0", "periode": None, "tijd": time, "waarde": value, "tekst": said} | bounds


def _told(measure: Measure, way: Way, figures: Sequence[Figure]) -> str:
    latest = [f for f in figures if f.value is not None][-1]
    said = [
        f"Lijngrafiek van de weg naar het doel, van {measure.told(way.baseline)} in {dutch.period(way.baseline.period)} "
        f"naar {measure.amount(way.target)} in {dutch.period(way.target_period)}.",
        f"Het laatste cijfer, over {dutch.period(latest.period)}, is {measure.told(latest)}.",
    ]
    if way.needed is not None:
        said.append(f"Om op koers te zijn was toen {measure.amount(way.needed)} nodig.")
    said += [
        f"Reeksbreuk bij {dutch.period(f.period)}: {f.series_break.rstrip('.')}."
        for f in figures
        if f.series_break and f.value is not None and f is not figures[0]
    ]
    return " ".join([*said, f"{dutch.sentence(way.verdict)}."])
