"""Charts: what is drawn is what was given, honestly, and the text beside it says the same."""

from __future__ import annotations

import random
import re
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.serve.portal.charts import drawing, theme
from warehouse.serve.portal.charts.ages import ages
from warehouse.serve.portal.charts.chart import Chart, Measure
from warehouse.serve.portal.charts.choropleth import choropleth
from warehouse.serve.portal.charts.classes import MOST, class_of, classes
from warehouse.serve.portal.charts.goal import Way, goal
from warehouse.serve.portal.charts.line import line
from warehouse.serve.portal.charts.places import middle, placed, rings
from warehouse.serve.portal.charts.ranking import ranking
from warehouse.serve.portal.charts.scale import apart, around
from warehouse.serve.portal.figures import Boundaries, Figure

MEASURE = Measure("Aardgasverbruik", "m³", 0, "CBS, tabel 81528NED", "2026.11.1")
SVG = "{http://www.w3.org/2000/svg}"


def figure(area: str, year: int, value: float | None, **more: Any) -> Figure:
    said = {
        **{"indicator": "mil_gas", "version": 1, "area": area, "area_name": area, "area_kind": "gemeente"},
        **{"period": f"{year}JJ00", "start": date(year, 1, 1), "value": value, "unit": "m³", "decimals": 0},
        **{"lower": None, "upper": None, "missing": None, "reason": None, "note": None, "status": "Definitief"},
        **{"series_break": None, "reference": None, "geography": None, "method": "published", "table": "81528NED"},
        **{"attribution": "CBS", "restricted": False},
    }
    if value is None:
        said |= {"missing": "confidential", "reason": "geheim bij de bron"}
    return Figure(**(said | more))


def years(area: str, first: int, values: Sequence[float | None], **more: Any) -> list[Figure]:
    return [figure(area, first + at, value, **more) for at, value in enumerate(values)]


EERSEL = years("Eersel", 2018, [2000, 1900, None, 1700, 1650, 1500, 1480])
EERSEL[4] = replace(EERSEL[4], series_break="Vanaf 2022 slimme meters.")
EERSEL[6] = replace(EERSEL[6], status="Voorlopig")
NEDERLAND = years("Nederland", 2018, [1990, 1880, 1800, 1720, 1640, 1510, 1490])


def a_line() -> Chart:
    made = line(MEASURE, [EERSEL, NEDERLAND])
    assert made
    return made


def a_ranking() -> Chart:
    figures = [figure("Bladel", 2024, 1100), figure("Eersel", 2024, 1200.4), figure("Oirschot", 2024, None)]
    made = ranking(MEASURE, figures, chosen="Eersel", own=("Bladel", "Eersel", "Oirschot"))
    assert made
    return made


def some_ages() -> Chart:
    groups = [
        (g, [figure("Hapert", 2024, v), figure("Nederland", 2024, v + 2)])
        for g, v in (("0 tot 15 jaar", 15), ("65+", 24))
    ]
    made = ages(Measure("Leeftijd", "%", 1, "CBS", "2026.11.1"), groups)
    assert made
    return made


def square(west: float, south: float) -> dict[str, Any]:
    corners = [(0.0, 0.0), (0.1, 0.0), (0.1, 0.1), (0.0, 0.1), (0.0, 0.0)]
    return {"type": "Polygon", "coordinates": [[[west + x, south + y] for x, y in corners]]}


#: Four municipalities side by side, as they were in 2022.
AREAS = Boundaries(
    2022,
    {n: (n, square(5.2 + 0.1 * at, 51.4)) for at, n in enumerate(("Bladel", "Eersel", "Oirschot", "Bergeijk"))},
    "Grenzen: CBS en Kadaster",
)


def a_map(year: int = 2022, **more: Any) -> Chart:
    figures = [figure("Bladel", year, 1100), figure("Eersel", year, 1200.4), figure("Oirschot", year, None)]
    made = choropleth(MEASURE, figures, AREAS, chosen="Eersel", own=("Bladel", "Eersel"), **more)
    assert made
    return made


def a_goal(needed: float | None = 1520, target_period: str = "2030JJ00") -> Chart | None:
    return goal(MEASURE, Way(EERSEL[1], target_period, 800, needed, "op koers"), EERSEL)


CHARTS = pytest.mark.parametrize("make", [a_line, a_ranking, some_ages, a_map, a_goal])


@CHARTS
def test_a_specification_is_vega_lite(make: Any) -> None:
    import altair

    chart = make()
    for spec in [chart.spec(view) for view in chart.views]:
        altair.Chart.from_dict(spec)


@CHARTS
def test_a_drawing_stands_in_a_page(make: Any) -> None:
    """It is well-formed, named for who does not see it, has no style that a page's policy forbids, no id that another chart may
    have, and every colour follows the page."""
    for view, svg in drawing.inline(make(), "reeks", keep=False).items():
        root = ElementTree.fromstring(svg)
        assert root.get("role") == "img" and root.get("aria-label") and root.get("aria-describedby") == "reeks-tekst"
        assert root.get("class") == f"grafiek-{view}"
        assert not re.search(r'\s(style|id|href)="|<style|<image', svg)
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgb\(", svg)
        assert set(re.findall(r"var\(--grafiek-([\w-]+)\)", svg)) <= set(theme.COLOURS)
        assert not [e for e in root.iter() if e is not root and (e.get("role") or e.get("aria-label"))]
        said = {mark.get("data-tekst") for mark in root.iter()} - {None}
        rows = make().values.get("punten") or [r for r in make().values["rijen"] if r["waarde"] is not None]
        assert said >= {row["tekst"] for row in rows}


@CHARTS
def test_a_picture_is_as_large_as_its_texts_need(make: Any) -> None:
    """Texts are not measured by what draws; a drawing for which they are is of the same size, and has the same texts."""
    import vl_convert

    chart = make()
    for view in chart.views:
        ours, theirs = (
            ElementTree.fromstring(drawn)
            for drawn in (
                drawing.svg(chart.spec(view), keep=False),
                vl_convert.vegalite_to_svg(
                    chart.spec(view),
                    allowed_base_urls=[],
                    format_locale={"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["", ""]},
                ),
            )
        )
        for ways in zip(*([float(n) for n in e.attrib["viewBox"].split()[2:]] for e in (ours, theirs)), strict=True):
            assert ways[0] == pytest.approx(ways[1], abs=12)
        texts = [[(t.text, t.get("font-size"), t.get("fill")) for t in e.iter(f"{SVG}text")] for e in (ours, theirs)]
        assert texts[0] == texts[1]


def _lines(svg: str) -> list[tuple[float, float]]:
    """From where to where each line runs, in units of the drawing."""
    found = []
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        for path in group.findall(f"{SVG}path") if "mark-line" in group.get("class", "") else []:
            places = [float(x) for x in re.findall(r"[ML](-?[\d.]+),", path.get("d", ""))]
            found.append((min(places), max(places)))
    return found


def test_a_line_runs_over_no_break_and_no_missing_figure() -> None:
    drawn = drawing.svg(a_line().spec(), keep=False)
    year = theme.WIDE / 6
    eersel = [(round(start / year), round(end / year)) for start, end in _lines(drawn)]
    assert sorted(eersel) == [(0, 1), (0, 6), (3, 3), (4, 6)], "2018-2019, 2021, 2022-2024; Nederland whole"
    without = drawing.svg(line(MEASURE, [NEDERLAND]).spec(), keep=False)  # type: ignore[union-attr]
    assert [(round(a / year), round(b / year)) for a, b in _lines(without)] == [(0, 6)]


def test_a_provisional_figure_is_open_and_a_final_one_is_not() -> None:
    root = ElementTree.fromstring(drawing.svg(a_line().spec(), keep=False))
    fills = {m.get("aria-label"): m.get("fill") for m in root.iter(f"{SVG}path") if m.get("role") == "graphics-symbol"}
    assert len(fills) == 6 + 7
    open_ones = {label for label, fill in fills.items() if fill == theme.colour("vlak")}
    assert open_ones == {"Eersel, 2024: 1.480 m³ (voorlopig)"}


def test_the_rows_of_a_chart_are_the_figures() -> None:
    rows = a_line().spec()["datasets"]["punten"]
    drawn = {(r["gebied"], r["periode"]): r["waarde"] for r in rows}
    assert drawn == {(f.area, f.period): f.value for f in EERSEL + NEDERLAND if f.value is not None}
    ranked = {r["gebied"]: r["waarde"] for r in a_ranking().spec()["datasets"]["rijen"]}
    assert ranked == {"Eersel": 1200.4, "Bladel": 1100, "Oirschot": None}, "the largest on top, what is missing last"
    assert list(ranked) == ["Eersel", "Bladel", "Oirschot"]


def test_margins_are_drawn() -> None:
    figures = [replace(f, lower=(f.value or 0) - 50, upper=(f.value or 0) + 60) for f in NEDERLAND]
    made = line(MEASURE, [figures])
    assert made and "De band om een lijn is de marge" in made.text
    spec = made.spec()
    assert [r["onder"] for r in spec["datasets"]["punten"]] == [f.lower for f in figures]
    svg = drawing.svg(spec, keep=False)
    assert "mark-area" in svg and "mark-area" not in drawing.svg(a_line().spec(), keep=False)


def test_the_text_says_what_the_chart_says() -> None:
    text = a_line().text
    for said in (
        "van 2018 tot en met 2024",
        "Eersel: van 2.000 m³ in 2018 naar 1.480 m³ in 2024 (voorlopig)",
        "geen cijfer over 2020",
        "Reeksbreuk bij 2022: Vanaf 2022 slimme meters.",
        "Nederland: van 1.990 m³ in 2018 naar 1.490 m³ in 2024.",
    ):
        assert said in text, text
    assert "Eersel staat op plaats 1 van 2" in a_ranking().text
    assert "Geen cijfer: Oirschot (geheim bij de bron)." in a_ranking().text
    assert "65+: 24,0% (Nederland 26,0)." in some_ages().text


def test_the_text_tells_a_peak_between_the_ends() -> None:
    made = line(MEASURE, [years("Eersel", 2020, [5, 9, 2, 6])])
    assert made and "het hoogst 9 in 2021 en het laagst 2 in 2022" in made.text


def test_the_way_to_a_goal_is_a_straight_line_and_its_figures_begin_at_the_baseline() -> None:
    made = a_goal()
    assert made and made.title == "Aardgasverbruik (m³), Eersel: de weg naar het doel"
    rows = made.values["punten"]
    assert [(r["tijd"], r["waarde"], r["periode"]) for r in rows if r["reeks"] == 1] == [
        (2019, 1900, None),
        (2030, 800, None),
    ]
    assert [r["periode"] for r in rows if r["reeks"] == 0] == [f"{y}JJ00" for y in (2019, 2021, 2022, 2023, 2024)]
    assert made.settings["eind"] == 2030
    assert made.text == (
        "Lijngrafiek van de weg naar het doel, van 1.900 m³ in 2019 naar 800 m³ in 2030. "
        "Het laatste cijfer, over 2024, is 1.480 m³ (voorlopig). Om op koers te zijn was toen 1.520 m³ nodig. "
        "Reeksbreuk bij 2022: Vanaf 2022 slimme meters. Op koers."
    )
    unsaid = a_goal(needed=None)
    assert unsaid and "was toen" not in unsaid.text
    assert a_goal(target_period="2019JJ00") is None


def test_a_margin_of_one_series_draws_nothing_of_another() -> None:
    """The way to a goal has no margin; a path without a course is not valid in a page."""
    figures = years("Eersel", 2020, [59.3, 60.0], lower=55.0, upper=63.0)
    made = goal(MEASURE, Way(figures[0], "2028JJ00", 65, None, "niet aan te tonen"), figures)
    assert made
    for svg in drawing.inline(made, "doel", keep=False).values():
        paths = re.findall(r"<path[^>]*>", svg)
        assert paths and all(' d="' in path for path in paths)


def test_nothing_to_draw_is_no_chart() -> None:
    nothing = years("Eersel", 2020, [None, None])
    assert line(MEASURE, [nothing]) is None
    assert ranking(MEASURE, nothing) is None
    assert ages(MEASURE, [("0 tot 15 jaar", nothing[:1])]) is None


def test_more_areas_than_can_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="6 areas apart, and was given 7"):
        line(MEASURE, [years(f"G{n}", 2020, [1, 2]) for n in range(7)])


def test_one_year_and_one_value_can_be_drawn() -> None:
    made = line(MEASURE, [years("Eersel", 2020, [0.0])])
    assert made and "Eersel: 0 m³ in 2020" in made.text
    assert "graphics-symbol" in drawing.svg(made.spec(), keep=False)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "']]&datum.constructor", "a\"b'c&amp;"])
def test_a_name_stays_a_name(name: str) -> None:
    series = [replace(f, area_name=name) for f in NEDERLAND]
    areas = replace(AREAS, shapes={"Nederland": (name, square(5.2, 51.4))})
    mapped = choropleth(MEASURE, series[-1:], areas, chosen="Nederland")
    for made in (line(MEASURE, [series]), ranking(MEASURE, series[-1:], chosen="Nederland"), mapped):
        assert made
        root = ElementTree.fromstring(drawing.inline(made, "x", keep=False)["wide"])
        assert not [e for e in root.iter() if e.tag.endswith("script")]
        assert any("".join(e.itertext()).startswith(name[:20]) for e in root.iter("text"))


@CHARTS
def test_a_file_says_what_it_shows_and_from_where(make: Any) -> None:
    chart = make()
    words = " ".join(ElementTree.fromstring(drawing.svg_file(chart, keep=False)).itertext())
    assert chart.measure.name in words and "Bron: CBS" in words and "Uitgave 2026.11.1" in words
    png = drawing.png_file(chart, keep=False)
    assert png.startswith(b"\x89PNG")
    wide, high = struct.unpack(">II", png[16:24])
    assert wide > 600 and high > 200


def test_the_same_specification_is_the_same_drawing_and_what_is_kept_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = a_line().spec()
    assert drawing.svg(spec, keep=False) == drawing.svg(spec, keep=False)
    store = drawing._Store(most=3000)
    monkeypatch.setattr(drawing, "_store", store)
    drawing.svg(spec, keep=False)
    assert store.size == 0, "what is not for everyone is not kept"
    texts = [random.Random(number).randbytes(400).hex() for number in range(40)]
    for number, text in enumerate(texts):
        store.put(str(number).encode(), text)
        store.put(str(number).encode(), text)
    assert 2000 < store.size <= 3000 and store.get(b"0") is None and store.get(b"39") == texts[39]
    monkeypatch.setattr(drawing, "_drawn", lambda _: pytest.fail("drawn again"))
    store.put(drawing.key(spec), "kept")
    assert drawing.svg(spec) == "kept"


def _luminance(value: str) -> float:
    parts = [int(value[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_colours_have_contrast(mode: int) -> None:
    """WCAG 2.2: 4.5 for text, which the names of series are, 3 for what else tells something."""
    ground = _luminance(theme.COLOURS["vlak"][mode])
    for name, value in theme.COLOURS.items():
        if name in ("vlak", "hulplijn") or name.startswith("klas"):
            continue  # the classes of a map have borders: see below
        light, dark = sorted((ground, _luminance(value[mode])), reverse=True)
        least = 3 if name.startswith("staaf") else 4.5
        assert (light + 0.05) / (dark + 0.05) >= least, (name, value[mode])
    assert len({light for light, _ in theme.COLOURS.values()}) == len(theme.COLOURS)
    assert len({str(d) for d in theme.DASHES}) == len(set(theme.SHAPES)) == theme.MOST_SERIES, (
        "told apart without colour"
    )


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("number", range(2, MOST + 1))
def test_classes_are_told_apart_in_grey_too(mode: int, number: int) -> None:
    names = {light: name for name, (light, _) in theme.COLOURS.items()}
    shades = [_luminance(theme.COLOURS[names[c]][mode]) + 0.05 for c in theme.class_colours(number)]
    assert all(max(a, b) / min(a, b) >= 1.4 for a, b in pairwise(shades)), shades
    assert shades in (sorted(shades), sorted(shades, reverse=True))


def _fills(chart: Chart) -> dict[str, str | None]:
    root = ElementTree.fromstring(drawing.svg(chart.spec(), keep=False))
    return {
        str(m.get("aria-label")): m.get("fill") for m in root.iter(f"{SVG}path") if m.get("role") == "graphics-symbol"
    }


def test_an_area_has_the_shade_of_its_class_and_one_without_a_figure_has_none() -> None:
    low, high = theme.class_colours(2)
    assert _fills(a_map()) == {
        "Bladel, 2022: 1.100 m³": low,
        "Eersel, 2022: 1.200 m³": high,
        "Oirschot, 2022: geen cijfer (geheim bij de bron)": theme.colour("vlak"),
        "Bergeijk: geen cijfer (de bron noemt dit gebied niet)": theme.colour("vlak"),
    }
    drawn = {r["gebied"]: r["waarde"] for r in a_map().spec()["datasets"]["rijen"]}
    assert drawn == {"Bladel": 1100, "Eersel": 1200.4, "Oirschot": None, "Bergeijk": None}


def test_a_map_says_its_classes_its_reasons_and_of_which_year_its_areas_are() -> None:
    words = " ".join(ElementTree.fromstring(drawing.svg(a_map().spec(), keep=False)).itertext())
    for said in (
        *("1.200 (1 gebied)", "1.100 (1 gebied)", "geen cijfer (2 gebieden)"),
        *("Geheim bij de bron; de bron noemt dit gebied niet", "Gebieden van 2022", "Grenzen: CBS en Kadaster"),
        *("Bladel", "Eersel", "Oirschot", "Bergeijk"),
    ):
        assert said in words, words
    later = a_map(2024)
    words = " ".join(ElementTree.fromstring(drawing.svg(later.spec(), keep=False)).itertext())
    assert "Cijfers over 2024, op de gebieden van 2022: andere grenzen zijn er niet" in words
    assert "De kaart heeft de gebieden van 2022; de cijfers gaan over die van 2024." in later.text
    assert "Het hoogst is Eersel met 1.200 m³, het laagst Bladel met 1.100 m³." in later.text
    assert "Geen cijfer: Oirschot (geheim bij de bron); Bergeijk (de bron noemt dit gebied niet)." in later.text


def test_a_figure_without_a_border_is_told() -> None:
    made = choropleth(MEASURE, [figure("Eersel", 2022, 1), figure("Hapert", 2022, 2)], AREAS)
    assert made and "Niet op de kaart, want zonder grens van 2022: Hapert." in made.text
    assert choropleth(MEASURE, [figure("Hapert", 2022, 2)], AREAS) is None
    assert choropleth(MEASURE, [figure("Eersel", 2022, None)], AREAS) is None


def test_areas_lie_as_they_lie() -> None:
    """North is up, east is right, and a degree of longitude is shorter than one of latitude."""
    at = placed({"west": square(5.2, 51.4), "east": square(5.3, 51.4), "north": square(5.2, 51.5)}, 400, 400)
    (west_x, west_y), (east_x, east_y), (north_x, north_y) = (middle([at.shapes[n]]) for n in ("west", "east", "north"))
    assert east_x > west_x and east_y == pytest.approx(west_y) and north_y < west_y and north_x == pytest.approx(west_x)
    assert (east_x - west_x) / (west_y - north_y) == pytest.approx(0.6238, abs=0.01)
    assert all(0 <= x <= at.width and 0 <= y <= at.height for s in at.shapes.values() for r in rings(s) for x, y in r)


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=60))
def test_every_figure_is_in_one_class_and_equal_ones_in_the_same(values: list[int]) -> None:
    bounds = classes(values)
    assert len(bounds) <= MOST
    assert (bounds[0][0], bounds[-1][1]) == (min(values), max(values))
    assert all(low <= high for low, high in bounds) and all(a[1] < b[0] for a, b in pairwise(bounds))
    assert {class_of(v, bounds) for v in values} == set(range(1, len(bounds) + 1))


def test_classes_of_different_figures_have_as_many_areas_each() -> None:
    assert [sum(class_of(v, classes(range(21))) == n for v in range(21)) for n in range(1, 6)] == [4, 4, 4, 4, 5]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=8), st.integers(0, 3), st.booleans())
def test_a_scale_holds_all_and_has_even_steps(values: list[float], decimals: int, zero: bool) -> None:
    steps = around(values, decimals, zero).steps
    gaps = [b - a for a, b in pairwise(steps)]
    assert 2 <= len(steps) <= 9
    slack = max(gaps) * 1e-6 + max(abs(v) for v in values) * 1e-12
    assert steps[0] <= min(values) + slack and max(values) <= steps[-1] + slack
    assert max(gaps) - min(gaps) <= slack and min(gaps) >= 10.0**-decimals - slack
    if zero:
        assert steps[0] <= 0 <= steps[-1]


@given(st.lists(st.floats(0, 250), min_size=1, max_size=6))
def test_names_are_moved_apart_in_their_order(places: list[float]) -> None:
    moved = apart(places, 18, 0, 250)
    in_order = [moved[i] for i in sorted(range(len(places)), key=lambda i: places[i])]
    assert all(b - a >= 18 - 1e-9 for a, b in pairwise(in_order))
    assert all(-1e-9 <= at <= 250 + 1e-9 for at in moved)


def test_what_draws_is_imported_at_the_first_chart() -> None:
    code = "import sys, warehouse.serve.app, orchestration.cli; sys.exit(bool({'vl_convert', 'altair'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
