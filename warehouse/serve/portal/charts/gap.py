"""What a policy choice changed, period by period: observed minus expected, with the same of the other areas behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from warehouse.serve.portal import dutch
from warehouse.serve.portal.charts import theme
from warehouse.serve.portal.charts.chart import Chart, Measure, Rows, setting
from warehouse.serve.portal.charts.line import WIDTHS, at, settings, value_axis
from warehouse.serve.portal.charts.scale import Scale, around
from warehouse.serve.portal.figures import Figure


def gap(measure: Measure, own: Sequence[Figure], others: Mapping[str, Sequence[Figure]], begins: float) -> Chart | None:
    """The gaps of an area over time; None if there are none.

    :param others: those of other areas, each as if it was done there.
    :param begins: where the period of the choice begins, in years.
    """
    if not own:
        return None
    values = [f.value for figures in (own, *others.values()) for f in figures if f.value is not None]
    scale = around(values, measure.decimals, zero=True)
    rows: dict[str, Rows] = {
        "punten": [_row(measure, f) for f in own],
        "anderen": [_row(measure, f) | {"reeks": code} for code, figures in others.items() for f in figures],
        "begin-keuze": [{"tijd": begins}],
        "nul": [{"waarde": 0.0}],
    }
    return Chart(
        "line",
        f"Verschil met wat te verwachten was: {measure.name} ({measure.unit})",
        _told(measure, own, others, begins),
        measure,
        {view: _view(view, scale) for view in WIDTHS},
        settings(scale, [at(f) for f in own]),
        rows,
    )


def _row(measure: Measure, figure: Figure) -> dict[str, Any]:
    return {
        "tijd": at(figure),
        "waarde": figure.value,
        "tekst": f"{figure.area_name}, {dutch.period(figure.period)}: {measure.number(figure)}",
    }


def _view(view: str, scale: Scale) -> dict[str, Any]:
    time_axis = {"title": None, "grid": False, "format": "d", "values": setting("jaren")}
    time_scale = {"domain": [setting("begin"), setting("eind")]}
    x = {"field": "tijd", "type": "quantitative", "axis": time_axis, "scale": time_scale}
    value_scale = {"domain": [setting("laag"), setting("hoog")]}
    y = {"field": "waarde", "type": "quantitative", "scale": value_scale, "axis": value_axis(scale)}
    both = {"x": x, "y": y}
    own, quiet = theme.colour("reeks-1"), theme.colour("merk")
    return {
        "data": {"name": "punten"},
        "width": WIDTHS[view],
        "height": theme.LINE_HEIGHT,
        "layer": [
            {
                "data": {"name": "anderen"},
                "mark": {"type": "line", "strokeWidth": 1, "opacity": 0.45, "color": quiet},
                "encoding": both | {"detail": {"field": "reeks"}},
            },
            {"data": {"name": "nul"}, "mark": {"type": "rule", "color": quiet}, "encoding": {"y": y}},
            {
                "data": {"name": "begin-keuze"},
                "mark": {"type": "rule", "strokeDash": [2, 4], "strokeWidth": 1.5, "color": quiet},
                "encoding": {"x": x},
            },
            {"mark": {"type": "line", "strokeWidth": 3, "strokeJoin": "round", "color": own}, "encoding": both},
            {
                "mark": {"type": "point", "aria": True, "filled": True, "opacity": 1, "size": 38, "color": own},
                "encoding": both | {"description": {"field": "tekst"}},
            },
        ],
    }


def _told(measure: Measure, own: Sequence[Figure], others: Mapping[str, Sequence[Figure]], begins: float) -> str:
    after = [f for f in own if at(f) > begins and f.value is not None]
    said = [f"Lijngrafiek van {dutch.period(own[0].period)} tot en met {dutch.period(own[-1].period)}."]
    if after:
        largest = max(after, key=lambda f: abs(f.value or 0.0))
        said.append(
            f"{own[0].area_name}: na het begin van de keuze is het verschil het grootst in {dutch.period(largest.period)}, met "
            f"{measure.number(largest)}."
        )
    if others:
        # Of how many areas some gap after is larger than any of the area itself.
        most = max((abs(f.value or 0.0) for f in after), default=0.0)
        larger = sum(
            max((abs(f.value or 0.0) for f in figures if at(f) > begins), default=0.0) > most
            for figures in others.values()
        )
        said.append(
            f"De dunne lijnen zijn {len(others)} andere gebieden, elk alsof de keuze daar gemaakt was; van {larger} daarvan is het "
            "grootste verschil na het begin groter."
        )
    return " ".join([*said, "De stippellijn is het begin van de keuze."])
