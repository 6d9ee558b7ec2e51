"""Areas made small enough to draw: simplified together, so that neighbours go on sharing their border, in WGS 84."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

#: Metres: what a border loses may not be seen on a map of a municipality that fills a page.
TOLERANCE = 20.0
#: Decimals of a degree: a metre.
DECIMALS = 5


class ShapeError(Exception):
    """A geometry that is none, or not of an area."""


def simplified(geometries: Sequence[dict[str, Any] | None], tolerance: float = TOLERANCE) -> list[str]:
    """GeoJSON geometries in RD (EPSG:28992) or WGS 84 as simplified GeoJSON in WGS 84, in the same order.

    :param geometries: of one kind of area and one year: they touch, and do not overlap.
    :raises ShapeError: one of them is no area.
    """
    from shapely import coverage_simplify

    found = fitted(geometries, tolerance)
    return [_text(area) for area in coverage_simplify(found, tolerance)] if found else []


def fitted(geometries: Sequence[dict[str, Any] | None], gap: float) -> list[Any]:
    """The areas in RD, without overlaps, and without gaps between them that are narrower than so many metres.

    :raises ShapeError: one of them is no area.
    """
    from shapely import coverage_clean, make_valid
    from shapely.geometry import shape

    found = []
    for number, geometry in enumerate(geometries, 1):
        try:
            area = make_valid(_in_rd(shape(geometry)))
        except Exception as error:  # shapely raises what numpy, GEOS and Python's own do
            raise ShapeError(f"geometry {number} can't be read ({type(error).__name__})") from error
        if not area.area:
            raise ShapeError(f"geometry {number} is no area but {area.geom_type}")
        found.append(_areas_of(area))
    return list(coverage_clean(found, gap_width=gap)) if found else []


def _areas_of(geometry: Any) -> Any:
    """Without the lines and points that making it valid may leave."""
    from shapely import MultiPolygon

    parts = [p for g in getattr(geometry, "geoms", [geometry]) for p in getattr(g, "geoms", [g])]
    kept = [p for p in parts if p.geom_type == "Polygon"]
    return kept[0] if len(kept) == 1 else MultiPolygon(kept)


def _in_rd(geometry: Any) -> Any:
    from shapely import transform

    left, *_ = geometry.bounds
    return transform(geometry, lambda points: _moved(points, "EPSG:4326", "EPSG:28992")) if left <= 8 else geometry


def _text(geometry: Any) -> str:
    from shapely import transform
    from shapely.geometry import mapping

    there = transform(geometry, lambda points: _moved(points, "EPSG:28992", "EPSG:4326").round(DECIMALS))
    return json.dumps(mapping(there), separators=(",", ":"))


def _moved(points: Any, source: str, target: str) -> Any:
    return np.column_stack(_transformer(source, target).transform(points[:, 0], points[:, 1]))


@lru_cache
def _transformer(source: str, target: str) -> Any:
    from pyproj import Transformer

    return Transformer.from_crs(source, target, always_xy=True)
