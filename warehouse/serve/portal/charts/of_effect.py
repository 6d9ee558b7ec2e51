"""Which charts an answer on a policy choice has: what happened beside what was to be expected, the difference, and where the areas lie
that it is compared with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date

from warehouse.effects.asked import Asked
from warehouse.effects.effect import Effect
from warehouse.serve.portal import dutch
from warehouse.serve.portal.charts.chart import Chart, Measure
from warehouse.serve.portal.charts.choropleth import choropleth
from warehouse.serve.portal.charts.gap import gap
from warehouse.serve.portal.charts.line import line
from warehouse.serve.portal.charts.of_indicator import measure_of
from warehouse.serve.portal.figures import Figure
from warehouse.serve.portal.view import View

#: An area of less weight than this does not count in a comparison.
COUNTS = 0.001
#: Other areas are drawn behind the difference when they were followed at most this many times as badly as the area itself; the gaps of
#: one that could not be followed say nothing.
_TIMES_FIT = 5.0


NAMES = ("verloop", "verschil", "kaart")


def charts(view: View, asked: Asked, effect: Effect, names: Collection[str] = NAMES) -> dict[str, Chart]:
    """These charts of an answer by one method, by their names; none of an answer without an estimate."""
    indicator = view.indicators.get(asked.indicator.indicator)
    if indicator is None or not effect.path:
        return {}
    measure = measure_of(view, indicator)
    how = {
        "verloop": lambda: course(measure, asked, effect),
        "verschil": lambda: difference(measure, asked, effect, view),
        "kaart": lambda: compared_with(view, measure, asked, effect),
    }
    return {name: chart for name in names if (chart := how[name]())}


def course(measure: Measure, asked: Asked, effect: Effect) -> Chart | None:
    """What happened beside what was to be expected."""
    lines = [
        [_figure(measure, asked.intervention.region, name, point["period"], point[which]) for point in effect.path]
        for name, which in ((asked.region_name, "observed"), ("Verwacht zonder keuze", "counterfactual"))
    ]
    made = line(measure, lines)
    if made is None:
        return None
    start = dutch.period(effect.start)
    return replace(
        made,
        title=f"Gebeurd en verwacht: {made.title}",
        text=f"{made.text} De stippellijn is het begin van de keuze, {start}.",
        values=made.values | {"breuken": [{"tijd": _begins(effect)}]},
    )


def difference(measure: Measure, asked: Asked, effect: Effect, view: View | None = None) -> Chart | None:
    """Observed minus expected, with the other areas behind it.

    :param view: for the names of these; their codes without one.
    """
    own = [_figure(measure, asked.intervention.region, asked.region_name, p["period"], p["gap"]) for p in effect.path]
    fits = (effect.placebo.get("in_space") or {}).get("donors", {})
    most = _TIMES_FIT * (effect.fit.get("rmspe") or 0.0)
    drawn = [code for code, said in fits.items() if said["rmspe"] <= most]
    others = {
        code: [
            _figure(measure, code, _name(view, code), p["period"], p["placebos"][code])
            for p in effect.path
            if code in p.get("placebos", {})
        ]
        for code in drawn
    }
    return gap(measure, own, {code: figures for code, figures in others.items() if figures}, _begins(effect))


def compared_with(view: View, measure: Measure, asked: Asked, effect: Effect) -> Chart | None:
    """The municipalities that count in the comparison, by their share in it."""
    shares = {code: weight for code, weight in effect.weights.items() if weight >= COUNTS and code.startswith("GM")}
    year = int(effect.path[-1]["period"][:4])
    boundaries = view.boundaries("gemeente", year, lambda _: True)
    if not shares or boundaries is None:
        return None
    share = Measure("Aandeel in de vergelijking", "%", 1, measure.source, measure.release)
    period = effect.path[-1]["period"]
    figures = [
        replace(
            _figure(share, code, name, period, 100 * shares[code] if code in shares else None),
            reason="telt niet mee in de vergelijking" if code != asked.intervention.region else "het gebied zelf",
            geography=boundaries.year,
        )
        for code, (name, _) in boundaries.shapes.items()
    ]
    made = choropleth(share, figures, boundaries, asked.intervention.region)
    return replace(made, title="Waarmee vergeleken is: aandeel per gemeente (%)") if made else None


def _begins(effect: Effect) -> float:
    """Halfway between the last period before and the first one after."""
    years = [int(point["period"][:4]) for point in effect.path]
    after = min(int(point["period"][:4]) for point in effect.path if point["part"] == "after")
    return (max((year for year in years if year < after), default=after) + after) / 2


def _name(view: View | None, code: str) -> str:
    return view.areas[code].name if view and code in view.areas else code


def _figure(measure: Measure, code: str, name: str, period: str, value: float | None) -> Figure:
    """A number that was worked out, as charts take figures."""
    start = date(int(period[:4]), 1, 1)
    return Figure(
        **dict.fromkeys(
            (
                *("lower", "upper", "missing", "reason", "note", "status", "series_break", "reference", "geography"),
                *("method", "table", "attribution"),
            )
        ),
        indicator="",
        version=1,
        area=code,
        area_name=name,
        area_kind="",
        period=period,
        start=start,
        value=value,
        unit=measure.unit,
        decimals=measure.decimals,
        restricted=False,
    )
