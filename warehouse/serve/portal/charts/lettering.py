"""Text in drawings, which is not measured by what draws.

To know how wide a text is, the library lays it out with its fonts: a millisecond for each, and three quarters of the time that a
drawing takes. Nothing in our charts hangs on it but the size of the picture, for places of names are worked out before. So sizes go
in below zero, which Vega takes for a text of no width (``textMetrics.width`` in vega-scenegraph), and come out as they are; then the
picture is made large enough for its texts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any
from xml.etree import ElementTree

from warehouse.serve.portal.charts import theme

#: How far the foot of the letters lies below the place of a text, in sizes: vega-scenegraph's own, for what charts use.
_BELOW = {"middle": 0.3, "top": 0.79, "bottom": -0.21}
_BASELINES = {"left": "middle", "right": "middle", "bottom": "top", "top": "bottom"}
#: Widths of Arial's letters in thousandths of the size; of what is not here as of most.
_WIDTHS = {
    **dict.fromkeys("ijl'", 222),
    **dict.fromkeys(" !,./:;[]ftI|", 278),
    **dict.fromkeys("()-r`", 333),
    **dict.fromkeys("ckvsxyzJ", 500),
    **dict.fromkeys("FTZ+<=>−", 611),
    **dict.fromkeys("ABEKPSVXY&", 667),
    **dict.fromkeys("CDHNRUw", 722),
    **dict.fromkeys("GOQ", 778),
    **dict.fromkeys("mM", 833),
    **dict.fromkeys("%W", 944),
}
_USUAL, _BOLD = 556, 1.08
#: Room between a text and the edge of the picture.
_EDGE = 3
_SIZE = re.compile(r'font-size="-([\d.]+)px"')
_OPENING = re.compile(
    r'<svg ([^>]*?)width="[^"]*" height="[^"]*" viewBox="[^"]*">(<g [^>]*transform=")translate\([^)]*\)'
)
_MOVED = re.compile(r"translate\((-?[\d.]+),(-?[\d.]+)\)")


def unmeasured(vega: dict[str, Any]) -> dict[str, Any]:
    """A specification of Vega, whose texts are not measured; what it draws goes through :func:`fitted`."""
    config = vega["config"]
    config["axis"]["labelFontSize"] = -theme.FONT_SIZE
    config["style"]["text"]["fontSize"] = -theme.FONT_SIZE
    for mark in _texts(vega):
        update = mark["encode"]["update"]
        size = update.get("fontSize", {"value": theme.FONT_SIZE})["value"]
        update["fontSize"] = {"value": -size}
        # A size below zero puts the letters above the place by as much as they should be below it.
        shift = 2 * _BELOW.get(update.get("baseline", {}).get("value", ""), 0) * size
        update["dy"] = {"value": update.get("dy", {"value": 0})["value"] + shift}
    for axis in vega.get("axes", []):
        shift = 2 * _BELOW[_BASELINES[axis["orient"]]] * theme.FONT_SIZE
        axis["encode"] = {"labels": {"update": {"dy": {"value": shift}}}}
    return vega


def _texts(group: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for mark in group.get("marks", []):
        if mark["type"] == "text":
            yield mark
        yield from _texts(mark)


def fitted(svg: str) -> str:
    """A drawing with its texts at their size, and large enough for them."""
    root = ElementTree.fromstring(svg)
    west, north, width, height = (float(number) for number in root.attrib["viewBox"].split())
    east, south = west + width, north + height
    for x, y, size, text in _placed(root, 0, 0):
        wide = _width("".join(text.itertext())) * size * (_BOLD if text.get("font-weight") == "bold" else 1)
        left = x - wide * {"middle": 0.5, "end": 1.0}.get(text.get("text-anchor", ""), 0.0)
        west, east = min(west, left - _EDGE), max(east, left + wide + _EDGE)
        north, south = min(north, y - 0.8 * size - _EDGE), max(south, y + 0.25 * size + _EDGE)
    width, height = round(east - west), round(south - north)
    found = _OPENING.match(svg)
    first = next(iter(root))
    across, down = _offset(first)
    assert found, svg[:300]
    opening = f'<svg {found[1]}width="{width}" height="{height}" viewBox="0 0 {width} {height}">{found[2]}'
    moved = f"{opening}translate({across - west:g},{down - north:g})"
    return _SIZE.sub(r'font-size="\1px"', moved + svg[found.end() :])


def _placed(
    element: ElementTree.Element, x: float, y: float
) -> Iterator[tuple[float, float, float, ElementTree.Element]]:
    """Every text with its place in the picture and its size."""
    for inner in element:
        across, down = _offset(inner)
        if inner.tag.endswith("}text"):
            yield x + across, y + down, -float(inner.attrib["font-size"].removesuffix("px")), inner
        else:
            yield from _placed(inner, x + across, y + down)


def _offset(element: ElementTree.Element) -> tuple[float, float]:
    moved = _MOVED.match(element.get("transform", ""))
    return (float(moved[1]), float(moved[2])) if moved else (0.0, 0.0)


@cache
def _letter(letter: str) -> float:
    return _WIDTHS.get(unicodedata.normalize("NFKD", letter)[0], _USUAL) / 1000


def _width(text: str) -> float:
    """The width of a text of size 1."""
    return sum(map(_letter, text))
