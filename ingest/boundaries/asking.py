"""What PDOK has of a year: the service "CBS gebiedsindelingen", a WFS per year, with boundaries made for maps.

Seen: the types ``<kind>_gegeneraliseerd`` with ``statcode`` and ``statnaam``, 1,000 features a page, 404 for a year that is not
there. A filter by attribute is ignored without a word, so what is asked is a box, and the codes are chosen here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

from ingest.attempt import LandingError
from ingest.datacenter import DataCenter, here
from ingest.http import Client, NotFoundError
from ingest.municipal.contract import WayIn
from ingest.municipal.remote import Asker, wfs_features
from ingest.words import shown

KINDS = ("gemeente", "wijk", "buurt")
_LETTERS = {"gemeente": "GM", "wijk": "WK", "buurt": "BU"}
#: Metres around the region's own box: its COROP area lies within it.
RIM = 50_000


@dataclass(frozen=True)
class Area:
    """An area of a year as it was sent."""

    code: str
    name: str
    geometry: dict[str, Any] | None


@dataclass(frozen=True)
class Answer:
    """An answer as it came, to the byte."""

    kind: str
    url: str
    body: bytes


class _Keeping(Asker):
    """Keeps what comes."""

    def __init__(self, way: WayIn, client: Client, kind: str) -> None:
        super().__init__(way, client)
        self.kind, self.answers = kind, list[Answer]()

    def get(
        self, url: str, parameters: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[bytes, requests.structures.CaseInsensitiveDict[str]]:
        data, told = super().get(url, parameters, headers)
        asked = requests.Request("GET", url, params=parameters).prepare().url or url
        self.answers.append(Answer(self.kind, asked, data))
        return data, told


def address(pdok: str, year: int) -> str:
    return f"{pdok}/cbs/gebiedsindelingen/{year}/wfs/v1_0"


def areas(client: Client, pdok: str, year: int) -> tuple[dict[str, list[Area]], list[Answer]]:
    """The areas of a year per kind, and the answers that they came in.

    :raises NotFoundError: PDOK does not have the year.
    :raises FetchError: the areas could not be had, or are not whole by the service's own count.
    :raises LandingError: what came has no codes of areas, or none of ours.
    """
    center, found, answers = here(), dict[str, list[Area]](), list[Answer]()
    for kind in KINDS:
        url, box = address(pdok, year), _box(center, RIM if kind == "gemeente" else 0)
        way = WayIn(kind="wfs", url=url, resource=f"gebiedsindelingen:{kind}_gegeneraliseerd", parameters={"bbox": box})
        asker = _Keeping(way, client, kind)
        sent = [_area(url, feature) for feature in wfs_features(asker)]
        found[kind] = sorted((a for a in sent if wanted(a.code, kind, center)), key=lambda a: a.code)
        answers += asker.answers
    if not found["gemeente"]:
        raise LandingError(
            f"{address(pdok, year)}: expected the municipalities of {center.group.name}, got none of them"
        )
    return found, answers


def answers_at(client: Client, pdok: str, year: int) -> bool:
    """Whether PDOK has a year; asks for a count, which costs next to nothing.

    :raises UnreachableError: it can't be reached.
    :raises FetchError: it answers something else.
    """
    parameters = {
        **{"service": "WFS", "version": "2.0.0", "request": "GetFeature", "resultType": "hits"},
        "typeNames": "gebiedsindelingen:gemeente_gegeneraliseerd",
    }
    url = requests.Request("GET", address(pdok, year), params=parameters).prepare().url or ""
    try:
        client.text(url, "a count")
    except NotFoundError:
        return False
    return True


def wanted(code: str, kind: str, center: DataCenter) -> bool:
    """Whether maps of this region show an area: the municipalities of its COROP area, its own wijken and buurten."""
    if not code.startswith(_LETTERS[kind]):
        return False
    return code in neighbours(center) if kind == "gemeente" else center.owns(code)


def neighbours(center: DataCenter) -> set[str]:
    """The municipalities of the region's COROP area, as region.yml lists them, and its own."""
    group = center.groups.get(center.corop)
    return {*center.codes, *(m.code for m in (group.members if group else ()))}


def _box(center: DataCenter, rim: int) -> str:
    west, south, east, north = center.box
    return f"{west - rim},{south - rim},{east + rim},{north + rim},urn:ogc:def:crs:EPSG::28992"


def _area(url: str, feature: dict[str, Any]) -> Area:
    known = feature.get("properties") or {}
    code, name = str(known.get("statcode") or "").strip(), str(known.get("statnaam") or "").strip()
    if not code:
        raise LandingError(f"{url}: expected areas with a statcode, got one with {shown(', '.join(known))}")
    return Area(code, name or code, feature.get("geometry"))
