"""Areas by the size of one figure, as bars from zero, the largest on top; below them those without a figure, with the reason."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from warehouse.serve.portal import dutch
from warehouse.serve.portal.charts import theme
from warehouse.serve.portal.charts.chart import Chart, Measure, Rows, setting, shortened
from warehouse.serve.portal.charts.scale import Scale, around
from warehouse.serve.portal.figures import Figure

_WIDTH = theme.NARROW - 70
#: The longest name before a bar, in letters.
_LETTERS = 24
_COLOURS = {"gekozen": "reeks-1", "eigen": "staaf-eigen", "ander": "staaf"}


def ranking(measure: Measure, figures: Sequence[Figure], chosen: str = "", own: Collection[str] = ()) -> Chart | None:
    """The figures of some areas in one period; None if there is nothing to draw.

    :param chosen: the code of the area that the page is about, and ``own``: those of the data centre.
    """
    there = sorted((f for f in figures if f.value is not None), key=lambda f: (-(f.value or 0.0), f.area_name, f.area))
    if not there:
        return None
    missing = sorted((f for f in figures if f.value is None), key=lambda f: f.area_name)
    rows = [_row(measure, number, f, chosen, own) for number, f in enumerate((*there, *missing))]
    bounds = [b for f in there for b in (f.value, f.lower, f.upper) if b is not None]
    scale = around(bounds, measure.decimals, zero=True, about=3)
    title = f"{measure.name} ({measure.unit}), {dutch.period(there[0].period)}"
    text = _told(measure, there, missing, chosen)
    return Chart("ranking", title, text, measure, {"wide": _view(rows, scale)}, scale.settings, {"rijen": rows})


def _row(measure: Measure, number: int, figure: Figure, chosen: str, own: Collection[str]) -> dict[str, Any]:
    name = shortened(figure.area_name, _LETTERS)
    there = figure.value is not None
    bounds = [bound for bound in (0.0, figure.value, figure.upper if there else None) if bound is not None]
    return {
        "rij": number,
        "gebied": figure.area,
        "periode": figure.period,
        "naam": name,
        "waarde": figure.value,
        "onder": figure.lower if there else None,
        "boven": figure.upper if there else None,
        "soort": "gekozen" if figure.area == chosen else "eigen" if figure.area in own else "ander",
        "getal": f"{dutch.number(figure.value, measure.decimals)}{figure.mark}" if there else "geen cijfer",
        "einde": max(bounds),
        "tekst": f"{figure.area_name}, {dutch.period(figure.period)}: {measure.told(figure)}",
    }


def _view(rows: Rows, scale: Scale) -> dict[str, Any]:
    y = {"field": "rij", "type": "ordinal", "scale": {"domain": list(range(len(rows)))}, "axis": None}
    x = {"type": "quantitative", "scale": {"domain": [setting("laag"), setting("hoog")]}, "axis": None}
    colours = {"domain": list(_COLOURS), "range": [theme.colour(name) for name in _COLOURS.values()]}
    colour = {"field": "soort", "type": "nominal", "scale": colours, "legend": None}
    text = {"type": "text", "baseline": "middle"}
    layers: list[dict[str, Any]] = [
        {
            "transform": [{"filter": f"(datum.soort === 'gekozen') === {chosen}"}],
            "mark": text | {"align": "right", "dx": -8, "fontWeight": weight},
            "encoding": {"x": {"value": 0}, "y": y, "text": {"field": "naam"}},
        }
        for chosen, weight in (("true", "bold"), ("false", "normal"))
    ]
    layers += [
        {
            "mark": {"type": "bar", "aria": True, "height": {"band": 0.72}},
            "encoding": {"x": x | {"field": "waarde"}, "y": y, "color": colour, "description": {"field": "tekst"}},
        },
        {
            "mark": text | {"align": "left", "dx": 6},
            "encoding": {"x": x | {"field": "einde"}, "y": y, "text": {"field": "getal"}},
        },
    ]
    if any(row["onder"] is not None for row in rows):
        whisker = {"x": x | {"field": "onder"}, "x2": {"field": "boven"}, "y": y}
        for width, colour_name in ((5, "vlak"), (2, "tekst")):
            rule = {"type": "rule", "strokeWidth": width, "color": theme.colour(colour_name)}
            layers.append({"mark": rule, "encoding": whisker})
    if scale.low < 0:
        zero = {"x": {"datum": 0, "type": "quantitative"}}
        layers.append({"mark": {"type": "rule", "color": theme.colour("merk")}, "encoding": zero})
    return {"data": {"name": "rijen"}, "width": _WIDTH, "height": theme.ROW * len(rows), "layer": layers}


def _told(measure: Measure, there: Sequence[Figure], missing: Sequence[Figure], chosen: str) -> str:
    first, last = there[0], there[-1]
    said = [f"Staafgrafiek van {len(there)} gebieden over {dutch.period(first.period)}, van hoog naar laag."]
    if len(there) > 1:
        said.append(
            f"Het hoogst is {first.area_name} met {measure.told(first)}, het laagst {last.area_name} met {measure.told(last)}."
        )
    place = next((at for at, f in enumerate(there, 1) if f.area == chosen), None)
    if place is not None and len(there) > 1:
        figure = there[place - 1]
        said.append(f"{figure.area_name} staat op plaats {place} van {len(there)} met {measure.told(figure)}.")
    if missing:
        named = [f"{f.area_name} ({f.why})" for f in missing[:8]]
        more = f" en {len(missing) - 8} andere" if len(missing) > 8 else ""
        said.append(f"Geen cijfer: {dutch.listed(named) if not more else ', '.join(named) + more}.")
    return " ".join(said)
