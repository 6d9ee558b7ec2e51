"""Where areas lie in a drawing: from longitude and latitude to its own units, and where a name can stand.

An equirectangular projection around the middle of what is shown: over a few tens of kilometres nobody sees the difference with RD.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Ring = list[tuple[float, float]]

#: Units around what is drawn, so that no line falls off.
_RIM = 4.0
#: The width of a letter of a name, and the height of a line, of the font that names have.
LETTER, LINE = 6.2, 14.0


@dataclass(frozen=True)
class Placed:
    """Areas in the units of a drawing, by code.

    :param shapes: GeoJSON geometries, the y axis downwards.
    """

    width: float
    height: float
    shapes: Mapping[str, dict[str, Any]]


def placed(shapes: Mapping[str, dict[str, Any]], width: float, highest: float) -> Placed:
    """GeoJSON geometries in WGS 84, as large as fits a width and a height."""
    points = [point for shape in shapes.values() for ring in rings(shape) for point in ring]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    narrower = math.cos(math.radians((south + north) / 2))
    across, down = max((east - west) * narrower, 1e-9), max(north - south, 1e-9)
    scale = min((width - 2 * _RIM) / across, (highest - 2 * _RIM) / down)
    left = (width - across * scale) / 2

    def there(point: Sequence[float]) -> tuple[float, float]:
        return round(left + (point[0] - west) * narrower * scale, 1), round(_RIM + (north - point[1]) * scale, 1)

    return Placed(width, round(down * scale + 2 * _RIM), {code: _moved(shape, there) for code, shape in shapes.items()})


def rings(shape: dict[str, Any]) -> Iterator[Ring]:
    """The outer rings of an area."""
    parts = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
    for polygon in parts:
        yield polygon[0]


def _moved(shape: dict[str, Any], there: Any) -> dict[str, Any]:
    parts = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
    moved = [[_ring([there(p) for p in ring]) for ring in polygon] for polygon in parts]
    return {"type": "MultiPolygon", "coordinates": [[r for r in polygon if len(r) > 3] for polygon in moved]}


def _ring(points: Ring) -> Ring:
    """Without points that fall together with the one before."""
    return [p for n, p in enumerate(points) if n == 0 or p != points[n - 1]]


def middle(shapes: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """The centre of gravity of some areas together."""
    total = x = y = 0.0
    for ring in (ring for shape in shapes for ring in rings(shape)):
        crossed = [(x1 * y2 - x2 * y1, x1 + x2, y1 + y2) for (x1, y1), (x2, y2) in pairwise(ring)]
        # A ring may run either way round.
        way = math.copysign(1.0, sum(cross for cross, _, _ in crossed))
        total += way * sum(cross for cross, _, _ in crossed)
        x += way * sum(cross * across for cross, across, _ in crossed)
        y += way * sum(cross * down for cross, _, down in crossed)
    return (x / (3 * total), y / (3 * total)) if total else (0.0, 0.0)


def names_apart(names: Sequence[tuple[str, tuple[float, float]]], width: float) -> list[tuple[str, float, float]]:
    """The names that can stand without lying over another, the first ones first; moved a line where that makes room."""
    kept: list[tuple[str, float, float]] = []
    for name, (wanted, y) in names:
        half = len(name) * LETTER / 2
        x = min(max(wanted, half + 2), width - half - 2)
        for moved in (0.0, LINE, -LINE, 1.5 * LINE, -1.5 * LINE):
            if all(abs(x - ox) >= half + len(o) * LETTER / 2 or abs(y + moved - oy) >= LINE for o, ox, oy in kept):
                kept.append((name, round(x, 1), round(y + moved, 1)))
                break
    return kept
