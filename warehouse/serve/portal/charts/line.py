"""A line over time for each area. A line never runs over a figure that is missing, or over a break in its series."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from warehouse.serve.portal import dutch
from warehouse.serve.portal.charts import theme
from warehouse.serve.portal.charts.chart import Chart, Measure, Rows, setting, shortened, status
from warehouse.serve.portal.charts.scale import Scale, apart, around
from warehouse.serve.portal.figures import Figure

WIDTHS = {"wide": theme.WIDE, "narrow": theme.NARROW}
#: The longest name behind a line, in letters; below the lines there is room for any.
_LETTERS = 26
#: Where the names begin below the lines, and how far apart they are.
_BELOW, _APART = 42, 20


def line(measure: Measure, areas: Sequence[Sequence[Figure]]) -> Chart | None:
    """The figures of some areas over time; None if there is nothing to draw.

    :param areas: the figures of each area, in the order of time; the first is the one that the page is about.
    :raises ValueError: more areas than a reader can tell apart (:data:`theme.MOST_SERIES`).
    """
    areas = [figures for figures in areas if any(f.value is not None for f in figures)]
    if not areas:
        return None
    if len(areas) > theme.MOST_SERIES:
        raise ValueError(f"A line chart tells {theme.MOST_SERIES} areas apart, and was given {len(areas)}.")
    points_of_all = [row for number, figures in enumerate(areas) for row in points(measure, number, figures)]
    between = sorted({moment for figures in areas for moment in breaks(figures)})
    title = f"{measure.name} ({measure.unit})" if measure.unit else measure.name
    return lines(
        measure, title, _told(measure, areas), points_of_all, [figures[0].area_name for figures in areas], between
    )


def lines(
    measure: Measure, title: str, text: str, points: Rows, names: Sequence[str], breaks: Sequence[float] = ()
) -> Chart:
    """A chart of points that are joined, each series with its name.

    :param points: as :func:`points` gives them, of every series in ``names``; ``breaks``: where a series breaks.
    """
    scale = around(
        [row[k] for row in points for k in ("waarde", "onder", "boven") if row[k] is not None], measure.decimals
    )
    values: dict[str, Rows] = {"punten": points, "breuken": [{"tijd": moment} for moment in breaks]}
    values |= {f"{view}:namen": _names(points, names, scale, view) for view in WIDTHS}
    views = {view: _view(view, scale, any(row["onder"] is not None for row in points)) for view in WIDTHS}
    return Chart("line", title, text, measure, views, settings(scale, sorted({row["tijd"] for row in points})), values)


def at(figure: Figure) -> float:
    """A period as a number, so that no clock of some place has a say in where it stands: 2024, and 2024,25 for its second quarter."""
    return figure.start.year + (figure.start.month - 1) / 12


def points(measure: Measure, number: int, figures: Sequence[Figure]) -> Rows:
    """The figures of a series as rows to draw; a part of them ends where one is missing or the series breaks."""
    rows, part = [], 0
    for figure in figures:
        if figure.value is None or figure.series_break:
            part += 1
        if figure.value is None:
            continue
        rows.append(
            {
                "reeks": number,
                "deel": f"{number}.{part}",
                "gebied": figure.area,
                "periode": figure.period,
                "tijd": at(figure),
                "waarde": figure.value,
                "onder": figure.lower,
                "boven": figure.upper,
                "voorlopig": bool(figure.mark),
                "tekst": f"{figure.area_name}, {dutch.period(figure.period)}: {measure.told(figure)}",
            }
        )
    return rows


def breaks(figures: Sequence[Figure]) -> list[float]:
    """Between which periods a series breaks: halfway."""
    return [(at(old) + at(new)) / 2 for old, new in pairwise(figures) if new.series_break]


def _names(points: Rows, names: Sequence[str], scale: Scale, view: str) -> Rows:
    """The name of each series: behind its last point, moved where names would lie over one another, or below where it is narrow."""
    last = [next(p for p in reversed(points) if p["reeks"] == number) for number in range(len(names))]
    heights = [(scale.high - p["waarde"]) / (scale.high - scale.low) * theme.LINE_HEIGHT for p in last]
    places = apart(heights, 1.35 * theme.FONT_SIZE, 0, theme.LINE_HEIGHT)
    if view == "narrow":
        places = [theme.LINE_HEIGHT + _BELOW + number * _APART for number in range(len(names))]
    return [
        {"reeks": number, "plaats": place, "naam": shortened(name, _LETTERS)}
        for number, (place, name) in enumerate(zip(places, names, strict=True))
    ]


# -- what it looks like -----------------------------------------------------------------------------------------------


def _view(view: str, scale: Scale, margins: bool) -> dict[str, Any]:
    width, numbers = WIDTHS[view], list(range(theme.MOST_SERIES))
    by_series = {"field": "reeks", "type": "nominal", "legend": None}
    time_axis = {"title": None, "grid": False, "format": "d", "values": setting("jaren")}
    time_scale = {"domain": [setting("begin"), setting("eind")]}
    x = {"field": "tijd", "type": "quantitative", "axis": time_axis, "scale": time_scale}
    value_scale = {"domain": [setting("laag"), setting("hoog")]}
    y = {"type": "quantitative", "scale": value_scale, "axis": value_axis(scale)}
    coloured = by_series | {"scale": {"domain": numbers, "range": theme.series_colours()}}
    dashed = by_series | {"scale": {"domain": numbers, "range": [list(d) for d in theme.DASHES]}}
    shaped = by_series | {"scale": {"domain": numbers, "range": list(theme.SHAPES)}}
    thick = {"condition": {"test": "datum.reeks === 0", "value": 3}, "value": 1.75}
    layers: list[dict[str, Any]] = [
        {
            "data": {"name": "breuken"},
            "mark": {"type": "rule", "strokeDash": [2, 4], "strokeWidth": 1.5, "color": theme.colour("merk")},
            "encoding": {"x": x},
        }
    ]
    if margins:
        between = {"y": y | {"field": "onder"}, "y2": {"field": "boven"}, "detail": {"field": "deel"}}
        layers += [
            {"mark": {"type": "area", "opacity": 0.16}, "encoding": {"x": x, "color": coloured, **between}},
            {"mark": {"type": "rule", "opacity": 0.55}, "encoding": {"x": x, "color": coloured, **between}},
        ]
    value = y | {"field": "waarde"}
    layers += [
        {
            "mark": {"type": "line", "strokeJoin": "round"},
            "encoding": {
                "x": x,
                "y": value,
                "color": coloured,
                "strokeDash": dashed,
                "strokeWidth": thick,
                "detail": {"field": "deel"},
            },
        },
        {
            "mark": {"type": "point", "aria": True, "strokeWidth": 1.75, "opacity": 1, "size": 38},
            "encoding": {
                "x": x,
                "y": value,
                "stroke": coloured,
                "shape": shaped,
                "fill": {"condition": {"test": "datum.voorlopig", "value": theme.colour("vlak")}} | coloured,
                "description": {"field": "tekst"},
            },
        },
        *_name_layers(width + 14 if view == "wide" else 4, coloured, shaped),
    ]
    return {
        "data": {"name": "punten"},
        "width": width,
        "height": theme.LINE_HEIGHT,
        "layer": layers,
    }


def _name_layers(left: float, coloured: dict[str, Any], shaped: dict[str, Any]) -> list[dict[str, Any]]:
    """The sign of each area with its name, at places in units of the drawing."""
    y = {"field": "plaats", "type": "quantitative", "scale": None, "axis": None}
    sign = {"x": {"value": left}, "y": y, "stroke": coloured, "fill": coloured, "shape": shaped}
    name = {"x": {"value": left + 10}, "y": y, "text": {"field": "naam"}, "color": coloured}
    text = {"type": "text", "align": "left", "baseline": "middle", "fontWeight": "bold"}
    return [
        {"data": {"name": "namen"}, "mark": {"type": "point", "opacity": 1, "size": 38}, "encoding": sign},
        {"data": {"name": "namen"}, "mark": text, "encoding": name},
    ]


def settings(scale: Scale, times: Sequence[float]) -> dict[str, float | list[float]]:
    """Where the axes begin and end, and what is marked on them: as many years as have room, the last one always among them."""
    begin, end = (times[0], times[-1]) if times[0] < times[-1] else (times[0] - 1, times[0] + 1)
    found = scale.settings | {"begin": begin, "eind": end}
    first, last = int(times[0]), int(times[-1])
    for view, width in WIDTHS.items():
        every = max(1, -(-(last - first + 1) * 46 // width))
        found[f"{view}:jaren"] = sorted(range(last, first - 1, -every))
    return found


def value_axis(scale: Scale) -> dict[str, Any]:
    step = scale.steps[1] - scale.steps[0]
    digits = len(f"{step:.6f}".rstrip("0").partition(".")[2])
    return {"title": None, "values": setting("stappen"), "format": f",.{digits}f", "domain": False, "ticks": False}


# -- what it says -----------------------------------------------------------------------------------------------------


def _told(measure: Measure, areas: Sequence[Sequence[Figure]]) -> str:
    there = [f for figures in areas for f in figures if f.value is not None]
    first, last = min(there, key=at), max(there, key=at)
    said = [f"Lijngrafiek van {dutch.period(first.period)} tot en met {dutch.period(last.period)}."]
    said += [_course(measure, figures) for figures in areas]
    breaks = {(f.period, f.series_break) for figures in areas for f in figures if f.series_break}
    said += [f"Reeksbreuk bij {dutch.period(period)}: {why.rstrip('.')}." for period, why in sorted(breaks)]
    if any(status(f) for f in there):
        said.append("Een open teken is een voorlopig cijfer.")
    if any(f.lower is not None for f in there):
        said.append("De band om een lijn is de marge (95%).")
    return " ".join(said)


def _course(measure: Measure, figures: Sequence[Figure]) -> str:
    there = [f for f in figures if f.value is not None]
    first, last, name = there[0], there[-1], there[0].area_name
    if first is last:
        return f"{name}: {_ended(measure, last)}."
    said = f"{name}: van {_ended(measure, first)} naar {_ended(measure, last)}"
    highest = max(there, key=lambda f: (f.value, at(f)))
    lowest = min(there, key=lambda f: (f.value, -at(f)))
    ends = (first, last)
    extremes = [
        f"{word} {dutch.number(f.value, measure.decimals)} in {dutch.period(f.period)}"
        for word, f in (("het hoogst", highest), ("het laagst", lowest))
        if f not in ends and f.value not in (first.value, last.value)
    ]
    missing = [dutch.period(f.period) for f in figures if f.value is None and first.start < f.start < last.start]
    if extremes:
        said += f"; {dutch.listed(extremes)}"
    if missing:
        said += f"; geen cijfer over {dutch.listed(missing)}"
    return said + "."


def _ended(measure: Measure, figure: Figure) -> str:
    marked = f" ({status(figure)})" if status(figure) else ""
    return f"{measure.number(figure)} in {dutch.period(figure.period)}{marked}"
