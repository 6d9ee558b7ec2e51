"""A map: areas shaded by the class that their figure is in, on the boundaries of the year of the figures where these are there.

The classes have about as many areas each (:mod:`classes`), which the key and the words say. An area without a figure is no class:
it is left blank within a broken line, and the key says why. The map says of which year its areas are.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from typing import Any

from warehouse.serve.portal import dutch
from warehouse.serve.portal.charts import theme
from warehouse.serve.portal.charts.chart import Chart, Measure, Rows, shortened
from warehouse.serve.portal.charts.classes import METHOD, class_of, classes
from warehouse.serve.portal.charts.places import Placed, middle, names_apart, placed
from warehouse.serve.portal.figures import Boundaries, Figure

#: Room for a line of the key, and for one of the lines below it.
_KEY, _LINE = 21, 16
#: Letters on a line of the key, and on one of the smaller lines below it.
_LETTERS, _SMALL = 48, 60
#: With more areas than this their names would lie over one another.
_MOST_NAMES = 12
_BLANK = "geen"
#: Of an area that the figures do not name at all.
UNNAMED = "de bron noemt dit gebied niet"


def choropleth(
    measure: Measure,
    figures: Sequence[Figure],
    boundaries: Boundaries,
    chosen: str = "",
    own: Collection[str] = (),
    within: Mapping[str, str] | None = None,
    around: Boundaries | None = None,
) -> Chart | None:
    """The figures of areas of one kind in one period; None if there is nothing to draw.

    :param chosen: the code of the area that the page is about, and ``own``: those of the data centre. Each has a firm border.
    :param within: the name of what an area lies in, by its code: names on the map where the areas are too many to name.
    :param around: larger areas whose borders are drawn over these.
    """
    by_area = {f.area: f for f in figures if f.area in boundaries.shapes}
    there = [f for f in by_area.values() if f.value is not None]
    if not there:
        return None
    bounds = classes([_told_value(measure, f) for f in there])
    every = {**(around.shapes if around else {}), **boundaries.shapes}
    drawing = placed({code: shape for code, (_, shape) in every.items()}, theme.MAP_WIDTH, theme.MAP_HEIGHT)
    rows = [_row(measure, code, name, by_area.get(code), bounds) for code, (name, _) in boundaries.shapes.items()]
    for row in rows:
        row["vorm"] = _feature(drawing, row["gebied"])
    key = _key(measure, rows, bounds, drawing.height + 20)
    lines = _lines(there[0], boundaries, key[-1]["plaats"] + _KEY)
    period = dutch.period(there[0].period)
    firm = [code for code in every if code in own or (around and code in around.shapes)]
    firm += [chosen] if chosen in every else []
    return Chart(
        "map",
        f"{measure.name} ({measure.unit}), {period}",
        _told(measure, figures, by_area, boundaries, bounds),
        measure,
        {"wide": _view(drawing, len(bounds))},
        {},
        {
            "rijen": rows,
            "randen": [{"vorm": _feature(drawing, c), "dikte": 2.6 if c == chosen else 1.4} for c in firm],
            "namen": _names(drawing, boundaries, chosen, own, within or {}),
            "sleutel": key,
            "regels": lines,
        },
    )


def _feature(drawing: Placed, code: str) -> dict[str, Any]:
    return {"type": "Feature", "geometry": drawing.shapes[code]}


def _told_value(measure: Measure, figure: Figure) -> float:
    """The figure as it is told: two that read the same are in the same class."""
    return round(figure.value or 0.0, measure.decimals)


def _row(
    measure: Measure, code: str, name: str, figure: Figure | None, bounds: Sequence[tuple[float, float]]
) -> dict[str, Any]:
    there = figure is not None and figure.value is not None
    said = measure.told(figure) if figure else f"geen cijfer ({UNNAMED})"
    return {
        "gebied": code,
        "periode": figure.period if figure else None,
        "naam": name,
        "waarde": figure.value if figure else None,
        "klas": str(class_of(_told_value(measure, figure), bounds)) if there and figure else _BLANK,
        "reden": None if there else figure.why if figure else UNNAMED,
        "tekst": f"{name}{f', {dutch.period(figure.period)}' if figure else ''}: {said}",
    }


# -- what stands under it ---------------------------------------------------------------------------------------------


def _key(measure: Measure, rows: Rows, bounds: Sequence[tuple[float, float]], top: float) -> Rows:
    """A line per class, the highest first, and one for what has no figure, with the reasons under it."""
    lines = []
    for number, (low, high) in reversed(list(enumerate(bounds, 1))):
        count = sum(row["klas"] == str(number) for row in rows)
        lines.append((str(number), f"{_span(measure, low, high)} ({_areas(count)})"))
    blank = [row for row in rows if row["klas"] == _BLANK]
    if blank:
        lines.append((_BLANK, f"geen cijfer ({_areas(len(blank))})"))
        reasons = dutch.sentence("; ".join(dict.fromkeys(row["reden"] for row in blank)))
        lines += [("", said) for said in textwrap.wrap(reasons, _LETTERS)]
    places = accumulate((_KEY if k else _LINE for k, _ in lines[1:]), initial=top)
    return [{"klas": k, "tekst": said, "plaats": place} for (k, said), place in zip(lines, places, strict=True)]


def _span(measure: Measure, low: float, high: float) -> str:
    first, last = (dutch.number(bound, measure.decimals) for bound in (low, high))
    return first if first == last else f"{first} tot en met {last}"


def _areas(count: int) -> str:
    return f"{count} gebied" if count == 1 else f"{count} gebieden"


def _lines(figure: Figure, boundaries: Boundaries, top: float) -> Rows:
    said = [f"Gebieden van {boundaries.year}"]
    if boundaries.year != year_of(figure):
        said = [f"Cijfers over {year_of(figure)}, op de gebieden van {boundaries.year}: andere grenzen zijn er niet"]
    lines = [line for part in (*said, boundaries.attribution) for line in textwrap.wrap(part, _SMALL)]
    return [{"tekst": line, "plaats": top + 6 + _LINE * n} for n, line in enumerate(lines)]


def year_of(figure: Figure) -> int:
    """The year of the areas that a figure is about."""
    return figure.geography or figure.start.year


def _names(
    drawing: Placed, boundaries: Boundaries, chosen: str, own: Collection[str], within: Mapping[str, str]
) -> Rows:
    """Names on the map: of the areas where these are few; else of the own ones, or of what the areas lie in."""
    parts: dict[str, list[dict[str, Any]]] = {}
    for code, (name, _) in boundaries.shapes.items():
        called = name if len(boundaries.shapes) <= _MOST_NAMES or code in {chosen, *own} else within.get(code)
        if called:
            parts.setdefault(shortened(called, 22), []).append(drawing.shapes[code])
    first = boundaries.shapes[chosen][0] if chosen in boundaries.shapes else ""
    order = sorted(parts, key=lambda name: (name != shortened(first, 22), name))
    kept = names_apart([(name, middle(parts[name])) for name in order], drawing.width)
    return [{"naam": name, "x": x, "y": y} for name, x, y in kept]


# -- how it is drawn --------------------------------------------------------------------------------------------------


def _view(drawing: Placed, number: int) -> dict[str, Any]:
    domain = [*(str(n) for n in range(1, number + 1)), _BLANK]
    colours = {"domain": domain, "range": [*theme.class_colours(number), theme.colour("vlak")]}
    fill = {"field": "klas", "type": "nominal", "scale": colours, "legend": None}
    dash = {"condition": {"test": f"datum.klas === '{_BLANK}'", "value": [3, 2]}, "value": [1, 0]}
    shape = {"shape": {"field": "vorm", "type": "geojson"}}
    line = theme.colour("merk")
    place = {"type": "quantitative", "scale": None, "axis": None}
    # A shape is given in units of the drawing, so nothing is projected.
    as_it_is = {"type": "identity", "scale": 1, "translate": [0, 0]}
    name = {"type": "text", "fontSize": 11.5, "fontWeight": "bold", "baseline": "middle"}
    at = {"x": place | {"field": "x"}, "y": place | {"field": "y"}, "text": {"field": "naam"}}
    below = {"type": "text", "align": "left", "baseline": "middle"}
    layers: list[dict[str, Any]] = [
        {
            "data": {"name": "rijen"},
            "projection": as_it_is,
            "mark": {"type": "geoshape", "clip": False, "aria": True, "stroke": line, "strokeWidth": 0.7},
            "encoding": shape | {"fill": fill, "strokeDash": dash, "description": {"field": "tekst"}},
        },
        {
            "data": {"name": "randen"},
            "projection": as_it_is,
            "mark": {
                "type": "geoshape",
                "clip": False,
                "filled": False,
                "stroke": theme.colour("tekst"),
                "strokeJoin": "round",
            },
            "encoding": shape | {"strokeWidth": {"field": "dikte", "type": "quantitative", "scale": None}},
        },
        *(
            {"data": {"name": "namen"}, "mark": name | look, "encoding": at}
            for look in (
                {
                    "stroke": theme.colour("vlak"),
                    "strokeWidth": 3.5,
                    "strokeJoin": "round",
                    "fill": theme.colour("vlak"),
                },
                {"fill": theme.colour("tekst")},
            )
        ),
        {
            "data": {"name": "sleutel"},
            "transform": [{"filter": "datum.klas !== ''"}],
            "mark": {"type": "point", "shape": "square", "size": 210, "opacity": 1, "stroke": line, "strokeWidth": 0.9},
            "encoding": {"x": {"value": 9}, "y": place | {"field": "plaats"}, "fill": fill, "strokeDash": dash},
        },
        {
            "data": {"name": "sleutel"},
            "mark": below,
            "encoding": {"x": {"value": 26}, "y": place | {"field": "plaats"}, "text": {"field": "tekst"}},
        },
        {
            "data": {"name": "regels"},
            "mark": below | {"fontSize": 11.5, "color": line},
            "encoding": {"x": {"value": 0}, "y": place | {"field": "plaats"}, "text": {"field": "tekst"}},
        },
    ]
    return {"width": drawing.width, "height": drawing.height, "layer": layers}


# -- what it says -----------------------------------------------------------------------------------------------------


def _told(
    measure: Measure,
    figures: Sequence[Figure],
    by_area: Mapping[str, Figure],
    boundaries: Boundaries,
    bounds: Sequence[tuple[float, float]],
) -> str:
    there = sorted((f for f in by_area.values() if f.value is not None), key=lambda f: (f.value or 0.0, f.area_name))
    low, high = there[0], there[-1]
    said = [f"Kaart van {_areas(len(boundaries.shapes))} over {dutch.period(low.period)}, in {len(bounds)} klassen."]
    if len(there) > 1:
        said.append(
            f"Het hoogst is {high.area_name} met {measure.told(high)}, het laagst {low.area_name} met {measure.told(low)}."
        )
        said.append(METHOD)
    missing: dict[str, list[str]] = {}
    for code, (name, _) in boundaries.shapes.items():
        figure = by_area.get(code)
        if figure is None or figure.value is None:
            missing.setdefault(figure.why if figure else UNNAMED, []).append(name)
    absent = [f.area_name for f in figures if f.area not in boundaries.shapes and f.value is not None]
    if missing:
        said.append(f"Geen cijfer: {'; '.join(f'{_some(names)} ({why})' for why, names in missing.items())}.")
    if absent:
        said.append(f"Niet op de kaart, want zonder grens van {boundaries.year}: {_some(absent)}.")
    if boundaries.year != year_of(low):
        said.append(f"De kaart heeft de gebieden van {boundaries.year}; de cijfers gaan over die van {year_of(low)}.")
    return " ".join(said)


def _some(names: Sequence[str]) -> str:
    more = len(names) - 8
    return dutch.listed(list(names)) if more <= 0 else f"{', '.join(names[:8])} en {more} andere"
