"""Colours and sizes of every chart, in one place: for light and dark, on screen and in print.

A drawing has the colours of light. On a page each of them becomes a custom property of CSS (:func:`adaptive`), so that
one drawing serves light and dark.
"""

from __future__ import annotations

import re
from typing import Any

#: Name of a colour, with its value in light and in dark. Every value of light is there once: it stands for its name.
COLOURS = {
    "vlak": ("#fefefe", "#17212b"),
    "tekst": ("#1d2730", "#e7edf3"),
    "hulplijn": ("#d3dae1", "#33404d"),
    "merk": ("#5b6876", "#a9b6c3"),
    "reeks-1": ("#0a3d62", "#9fd3ff"),
    "reeks-2": ("#b35006", "#ffae57"),
    "reeks-3": ("#0c8567", "#56d6ae"),
    "reeks-4": ("#7a2fc2", "#cba6ff"),
    "reeks-5": ("#6d5a3f", "#d3c2a4"),
    "reeks-6": ("#b8266f", "#ff9cc9"),
    "klas-1": ("#d3e4f3", "#24415a"),
    "klas-2": ("#9dc4e0", "#33658c"),
    "klas-3": ("#5f9fc9", "#4b8cbd"),
    "klas-4": ("#2b73ab", "#86b9e0"),
    "klas-5": ("#0b3f73", "#d0e6f8"),
    "staaf": ("#6f879e", "#7f97ae"),
    "staaf-eigen": ("#3d6a94", "#6fa8dc"),
}
#: The most series that one chart tells apart.
MOST_SERIES = 6
#: What tells series apart without colour.
DASHES = ([1, 0], [7, 3], [2, 3], [10, 3, 2, 3], [4, 2, 1, 2], [12, 4])
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")

FONT = "Arial, Helvetica, sans-serif"
FONT_SIZE = 13
#: Widths of the plotted part in units of the drawing: on a wide page, and on a phone.
WIDE, NARROW = 520, 290
LINE_HEIGHT = 250
#: A map fits a phone; it is no higher than this.
MAP_WIDTH, MAP_HEIGHT = 360, 420
#: Height of a row in a chart with bars.
ROW = 24

_NAMES = {light: name for name, (light, _) in COLOURS.items()}
_HEX = re.compile("|".join(_NAMES))


def colour(name: str) -> str:
    """A colour of light by its name."""
    return COLOURS[name][0]


def series_colours() -> list[str]:
    return [colour(f"reeks-{number}") for number in range(1, MOST_SERIES + 1)]


def class_colours(number: int) -> list[str]:
    """Shades for so many classes, from light to dark, as far apart as they can be."""
    steps = {1: (3,), 2: (2, 4), 3: (1, 3, 5), 4: (1, 2, 4, 5), 5: (1, 2, 3, 4, 5)}
    return [colour(f"klas-{step}") for step in steps[number]]


def adaptive(svg: str) -> str:
    """A drawing whose colours follow the page's, light or dark."""
    return _HEX.sub(lambda found: f"var(--grafiek-{_NAMES[found[0]]})", svg)


def css() -> str:
    """The custom properties that :func:`adaptive` refers to. Print is on paper, so it has the colours of light."""
    light = "".join(f"--grafiek-{name}:{value};" for name, (value, _) in COLOURS.items())
    dark = "".join(f"--grafiek-{name}:{value};" for name, (_, value) in COLOURS.items())
    return f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def config() -> dict[str, Any]:
    """Vega-Lite's configuration. Its own labels for screen readers are in English, and off: the text alternative is ours."""
    axis = {
        "aria": False,
        "labelColor": colour("tekst"),
        "labelFontSize": FONT_SIZE,
        "gridColor": colour("hulplijn"),
        "domainColor": colour("merk"),
        "tickColor": colour("merk"),
        "labelPadding": 5,
    }
    return {
        "font": FONT,
        "background": "transparent",
        "view": {"stroke": None},
        "axis": axis,
        "aria": False,
        "text": {"fontSize": FONT_SIZE, "color": colour("tekst")},
    }
