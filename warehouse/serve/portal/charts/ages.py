"""The age structure of an area: a bar per age group, and what it is seen against as signs on the same line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from warehouse.serve.portal import dutch
from warehouse.serve.portal.charts import theme
from warehouse.serve.portal.charts.chart import Chart, Measure, setting
from warehouse.serve.portal.charts.scale import around
from warehouse.serve.portal.figures import Figure

_WIDTH = theme.NARROW - 60
#: Room for a row and for a line of the key.
_ROW, _KEY = 34, 20


def ages(measure: Measure, groups: Sequence[tuple[str, Sequence[Figure]]]) -> Chart | None:
    """The age groups of an area, the youngest below as in a pyramid; None if there is nothing to draw.

    :param groups: the name of each group, the youngest first, with its figures: that of the area, then those of what it is
        seen against, of the same period. An area without a figure has no sign there.
    """
    rows = [
        _row(measure, len(groups) - 1 - place, name, number, figure)
        for place, (name, figures) in enumerate(groups)
        for number, figure in enumerate(figures)
    ]
    there = [row["waarde"] for row in rows if row["waarde"] is not None]
    if not any(row["waarde"] is not None and row["reeks"] == 0 for row in rows):
        return None
    areas = list(dict.fromkeys(f.area_name for _, figures in groups for f in figures))
    period = dutch.period(groups[0][1][0].period)
    names = [
        {"reeks": number, "naam": name, "plaats": _ROW * len(groups) + 42 + _KEY * number}
        for number, name in enumerate(areas)
    ]
    return Chart(
        "ages",
        f"{measure.name} ({measure.unit}), {period}",
        _told(measure, groups, period),
        measure,
        {"wide": _view(len(groups), len(areas))},
        around(there, measure.decimals, zero=True, about=4).settings,
        {"rijen": rows, "namen": names},
    )


def _row(measure: Measure, place: int, name: str, number: int, figure: Figure) -> dict[str, Any]:
    return {
        "rij": place,
        "groep": name,
        "reeks": number,
        "gebied": figure.area,
        "periode": figure.period,
        "indicator": figure.indicator,
        "waarde": figure.value,
        "tekst": f"{figure.area_name}, {name}: {measure.told(figure)}",
    }


def _view(groups: int, areas: int) -> dict[str, Any]:
    y = {"field": "rij", "type": "ordinal", "scale": {"domain": list(range(groups))}, "axis": None}
    axis = {"title": None, "values": setting("stappen"), "format": ",~f", "domain": False, "ticks": False}
    x = {
        "field": "waarde",
        "type": "quantitative",
        "scale": {"domain": [setting("laag"), setting("hoog")]},
        "axis": axis,
    }
    numbers = list(range(theme.MOST_SERIES))
    by_series = {"field": "reeks", "type": "nominal", "legend": None}
    coloured = by_series | {"scale": {"domain": numbers, "range": theme.series_colours()}}
    shaped = by_series | {"scale": {"domain": numbers, "range": list(theme.SHAPES)}}
    own, others = ({"filter": f"datum.reeks {sign} 0"} for sign in ("===", "!=="))
    told = {"description": {"field": "tekst"}}
    sign = {"type": "point", "opacity": 1, "size": 70, "strokeWidth": 1.5, "stroke": theme.colour("vlak")}
    key_y = {"field": "plaats", "type": "quantitative", "scale": None, "axis": None}
    layers: list[dict[str, Any]] = [
        {
            "transform": [own],
            "mark": {"type": "bar", "aria": True, "height": {"band": 0.62}},
            "encoding": {"x": x, "y": y, "color": coloured, **told},
        },
        {
            "transform": [own],
            "mark": {"type": "text", "align": "right", "baseline": "middle", "dx": -8},
            "encoding": {"x": {"value": 0}, "y": y, "text": {"field": "groep"}},
        },
        {
            "transform": [others],
            "mark": sign | {"aria": True},
            "encoding": {"x": x, "y": y, "fill": coloured, "shape": shaped, **told},
        },
        {
            "data": {"name": "namen"},
            "mark": sign,
            "encoding": {
                "x": {"value": 4},
                "y": key_y,
                "fill": coloured,
                "shape": shaped | {"scale": _key_shapes(areas)},
            },
        },
        {
            "data": {"name": "namen"},
            "mark": {"type": "text", "align": "left", "baseline": "middle"},
            "encoding": {"x": {"value": 16}, "y": key_y, "text": {"field": "naam"}},
        },
    ]
    return {
        "data": {"name": "rijen"},
        "width": _WIDTH,
        "height": _ROW * groups,
        "resolve": {"scale": {"shape": "independent"}},
        "layer": layers,
    }


def _key_shapes(areas: int) -> dict[str, Any]:
    """The signs of the key: a bar for the area itself, then the signs of the others."""
    return {"domain": list(range(areas)), "range": ["square", *theme.SHAPES[1:areas]]}


def _told(measure: Measure, groups: Sequence[tuple[str, Sequence[Figure]]], period: str) -> str:
    area, others = groups[0][1][0].area_name, [f.area_name for f in groups[0][1][1:]]
    said = [f"Leeftijdsopbouw van {area} in {period}."]
    for name, (own, *beside) in groups:
        compared = [f"{f.area_name} {dutch.number(f.value, measure.decimals)}" for f in beside if f.value is not None]
        said.append(f"{name}: {measure.told(own)}" + (f" ({', '.join(compared)})." if compared else "."))
    if others:
        said.append(f"De tekens staan voor {dutch.listed(others)}.")
    return " ".join(said)
