"""A stand-in on loopback for PDOK's boundaries: a WFS per year, with a limit per page and a box that it honours."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pyproj import Transformer
from shapely import box as rectangle
from shapely import transform
from shapely.geometry import mapping, shape

from ingest.snapshot import SAMPLE
from tests.ingest.municipal.standin import Answer, Asked, Services, reply

_TO_RD = Transformer.from_crs("EPSG:4326", "EPSG:28992", always_xy=True)


@dataclass
class Pdok(Services):
    """``with Pdok() as pdok: pdok.year(2024, areas)``; a year that was not given is answered with 404."""

    most: int = 40
    areas: dict[int, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)

    def year(self, year: int, areas: dict[str, tuple[str, Any]]) -> None:
        """Serve a year: name and geometry (WGS 84) by code."""
        kinds: dict[str, list[dict[str, Any]]] = {"gemeente": [], "wijk": [], "buurt": []}
        for code, (name, geometry) in areas.items():
            kind = {"GM": "gemeente", "WK": "wijk", "BU": "buurt"}[code[:2]]
            there = transform(shape(geometry), lambda xy: _stack(_TO_RD.transform(xy[:, 0], xy[:, 1])))
            properties = {"statcode": code, "statnaam": name, "rubriek": kind}
            kinds[kind].append(
                {"type": "Feature", "id": f"{kind}.{code}", "properties": properties, "geometry": mapping(there)}
            )
        self.areas[year] = kinds
        self.on(f"/cbs/gebiedsindelingen/{year}/wfs/v1_0", lambda asked: self._answer(kinds, asked))

    def _answer(self, kinds: dict[str, list[dict[str, Any]]], asked: Asked) -> Answer:
        kind = asked.query["typeNames"].removeprefix("gebiedsindelingen:").removesuffix("_gegeneraliseerd")
        if asked.query.get("resultType") == "hits":
            return (
                200,
                {"Content-Type": "text/xml"},
                f'<FeatureCollection numberMatched="{len(kinds[kind])}"/>'.encode(),
            )
        west, south, east, north, *_ = asked.query["bbox"].split(",")
        there = rectangle(float(west), float(south), float(east), float(north))
        found = [f for f in kinds[kind] if shape(f["geometry"]).intersects(there)]
        start = int(asked.query["startIndex"])
        some = found[start : start + min(self.most, int(asked.query["count"]))]
        return reply({"type": "FeatureCollection", "numberMatched": len(found), "features": some})

    def asked_for(self, year: int) -> int:
        """How many requests for the areas of a year came in."""
        of_year = [a for a in self.asked if f"/{year}/" in urlsplit(a.path).path]
        return len([a for a in of_year if a.query.get("resultType") != "hits"])


def _stack(columns: Any) -> Any:
    import numpy as np

    return np.column_stack(columns)


def sample_areas() -> dict[str, tuple[str, Any]]:
    """Every area of the bundled sample."""
    import duckdb

    rows = duckdb.sql(
        f'select "Gebied", "Naam", "Geometrie" from read_parquet(\'{SAMPLE / "gebiedsgrenzen" / "data.parquet"}\')'
    ).fetchall()
    return {code: (name, json.loads(geometry)) for code, name, geometry in rows}
