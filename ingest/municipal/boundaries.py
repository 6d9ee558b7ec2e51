"""Boundaries of buurten and postcodes of one year, as PDOK gives them, and what lies within them.

Everything is held in RD (EPSG:28992, metres), the system in which Dutch boundaries are defined.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

#: A postcode lies in a region when all but this share of its area does: the edges of two maps never fit wholly.
SLIVER = 0.01


class OutsideError(Exception):
    """A point of which the buurt is not certain; the message is Dutch."""


@lru_cache
def _to_rd() -> Any:
    from pyproj import Transformer

    return Transformer.from_crs("EPSG:4326", "EPSG:28992", always_xy=True)


def to_rd(x: float, y: float) -> tuple[float, float]:
    """A point in RD, from RD or WGS84, in either order: the ranges of the four numbers do not meet in the Netherlands.

    :raises OutsideError: neither.
    """
    for a, b in ((x, y), (y, x)):
        if 0 <= a <= 290_000 and 300_000 <= b <= 630_000:
            return a, b
        if 3.0 <= a <= 7.5 and 50.5 <= b <= 54.0:
            return _to_rd().transform(a, b)
    raise OutsideError("geen punt in Nederland (verwacht RD in meters, of WGS84 in graden)")


class Boundaries:
    """The buurten of a year."""

    def __init__(self, shapes: Mapping[str, Any], names: Mapping[str, str]) -> None:
        from shapely import STRtree

        self.codes, self.shapes = list(shapes), list(shapes.values())
        self.names = dict(names)
        self._tree = STRtree(self.shapes)

    @classmethod
    def read(cls, file: Path) -> Boundaries:
        """From GeoJSON: a feature per buurt, with its code in ``buurtcode`` or ``code``; RD or WGS84."""
        shapes, names = {}, {}
        for properties, shape in _features(file):
            code = str(
                properties.get("buurtcode") or properties.get("code") or properties.get("statcode") or ""
            ).strip()
            if re.fullmatch(r"BU\d{8}", code) and str(properties.get("water", "NEE")).upper() != "JA":
                shapes[code] = shape
                names[code] = str(properties.get("buurtnaam") or properties.get("name") or code)
                names.setdefault("WK" + code[2:8], str(properties.get("wijknaam") or "WK" + code[2:8]))
                gemeente = properties.get("gemeentenaam")
                if gemeente:
                    names.setdefault("GM" + code[2:6], str(gemeente))
        return cls(shapes, names)

    def locate(self, x: float, y: float) -> str:
        """:raises OutsideError: not in the Netherlands, in no buurt, or on the border of two."""
        from shapely import Point

        point = Point(*to_rd(x, y))
        found = [self.codes[n] for n in self._tree.query(point, predicate="intersects")]
        if len(found) == 1:
            return found[0]
        raise OutsideError("op de grens van twee buurten" if found else "in geen buurt van de indeling van dat jaar")


class Postcodes:
    """The areas of postcodes, and the smallest region that holds each of them whole."""

    def __init__(self, areas: Mapping[str, Any], boundaries: Boundaries) -> None:
        self._areas, self._boundaries = dict(areas), boundaries
        self._known: dict[str, str | None] = {}

    @classmethod
    def read(cls, file: Path, boundaries: Boundaries) -> Postcodes:
        """From GeoJSON: a feature per postcode, with ``postcode6``, ``postcode4`` or ``postcode``."""
        areas = {}
        for properties, shape in _features(file):
            code = properties.get("postcode6") or properties.get("postcode4") or properties.get("postcode")
            if code:
                areas[re.sub(r"\s", "", str(code)).upper()] = shape
        return cls(areas, boundaries)

    def region(self, postcode: str) -> str | None:
        """The buurt, or else the wijk or gemeente; None where it is not known, or lies in several municipalities."""
        if postcode not in self._known:
            self._known[postcode] = self._find(postcode)
        return self._known[postcode]

    def _find(self, postcode: str) -> str | None:
        area = self._areas.get(postcode)
        if area is None:
            return self.region(postcode[:4]) if len(postcode) > 4 else None
        shares: dict[str, float] = {}
        for n in self._boundaries._tree.query(area, predicate="intersects"):
            shares[self._boundaries.codes[n]] = area.intersection(self._boundaries.shapes[n]).area / area.area
        for kind, width in (("BU", 8), ("WK", 6), ("GM", 4)):
            per_region: dict[str, float] = {}
            for code, share in shares.items():
                region = kind + code[2 : 2 + width]
                per_region[region] = per_region.get(region, 0.0) + share
            for region, share in per_region.items():
                if share >= 1 - SLIVER:
                    return region
        return None


def _features(file: Path) -> Iterable[tuple[dict[str, Any], Any]]:
    from shapely import make_valid, transform
    from shapely.geometry import shape

    content = json.loads(file.read_text(encoding="utf-8"))
    for feature in content["features"]:
        if not feature.get("geometry"):
            continue
        geometry = shape(feature["geometry"])
        left, bottom, _, _ = geometry.bounds
        if left <= 8 and bottom <= 54:  # degrees
            geometry = transform(geometry, lambda points: _rd_points(points))
        yield feature.get("properties") or {}, make_valid(geometry)


def _rd_points(points: Any) -> Any:
    import numpy as np

    return np.column_stack(_to_rd().transform(points[:, 0], points[:, 1]))
