"""Deliveries over HTTP: a file, CKAN, ArcGIS FeatureServer, OGC API Features, WFS, Open311, Signalen.

What arrives stays in memory until it is judged. Services that page are read to the end, and held to their own
count where they give one. A token goes into a header, never into an address; an error tells the address without its query
and never quotes the answer, which may be about people.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from ingest.datacenter import here
from ingest.errors import MendableError
from ingest.files.dates import HERE
from ingest.files.sheet import MOST_BYTES
from ingest.http import (
    Client,
    FetchError,
    LoopError,
    NotFoundError,
    NotModifiedError,
    TransientError,
    UnreachableError,
    bare,
    body,
)
from ingest.municipal.contract import WayIn
from ingest.storage.durable import write

#: A service that gives more pages than this is not read further: something is wrong.
MOST_PAGES = 5_000


class SecretMissingError(MendableError):
    """A token is declared, and the environment does not have it."""


@dataclass(frozen=True)
class Fetched:
    """A delivery in memory. ``stamp`` is what to remember of it: ETag and the like."""

    name: str
    data: bytes
    stamp: dict[str, str] = field(default_factory=dict)


class Asker:
    """Asks one service: its token, its parameters, and errors without content."""

    def __init__(self, way: WayIn, client: Client) -> None:
        self.way, self._client = way, client
        self._token = ""
        if way.token_env:
            self._token = os.environ.get(way.token_env, "").strip()
            if not self._token:
                raise SecretMissingError(f"{bare(way.url)} needs a token: set {way.token_env} in the environment.")
        self._host = urlsplit(way.url).netloc

    def get(
        self, url: str, parameters: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[bytes, requests.structures.CaseInsensitiveDict[str]]:
        request = requests.Request("GET", url, params=parameters, headers=headers).prepare()
        # The token is for the declared host alone, wherever a link may lead.
        if self._token and urlsplit(str(request.url)).netloc == self._host:
            request.headers["Authorization"] = f"{self.way.token_scheme} {self._token}"
        try:
            return self._client.read(
                request, lambda r: (body(r, bare(url), "an answer", MOST_BYTES), r.headers), "an answer"
            )
        except (NotModifiedError, UnreachableError):
            raise
        except (NotFoundError, TransientError) as error:
            raise type(error)(bare(url), "an answer", error.got.split(":")[0]) from None
        except FetchError as error:
            raise FetchError(bare(url), "an answer", error.got.split(":")[0]) from None

    def json(self, url: str, parameters: dict[str, Any] | None = None) -> Any:
        answer, _ = self.get(url, parameters)
        try:
            found = json.loads(answer)
        except ValueError:
            raise FetchError(bare(url), "JSON", "something else") from None
        if isinstance(found, dict) and isinstance(found.get("error"), dict):
            # ArcGIS says 200 and means an error.
            raise FetchError(bare(url), "records", f"error {found['error'].get('code', '?')}")
        return found

    def page(self, url: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        found = self.json(url, parameters)
        if not isinstance(found, dict):
            raise FetchError(bare(url), "a JSON object", "a list or a bare value")
        return found


def fetch(way: WayIn, client: Client, known: dict[str, str]) -> Fetched | None:
    """Everything that a way in has now; None when the service says that nothing changed.

    :param known: what was remembered of the last time.
    :raises FetchError: it could not be had, or is not whole.
    :raises SecretMissingError: its token is not in the environment.
    """
    asker = Asker(way, client)
    if way.kind == "http_file":
        return _file(asker, way.url, known)
    if way.kind == "ckan":
        return _ckan(asker, known)
    read: dict[str, Callable[[Asker], Iterator[dict[str, Any]]]] = {
        "arcgis": _arcgis,
        "ogc_features": _ogc,
        "wfs": _wfs,
        "open311": _open311,
        "signalen": _signalen,
    }
    return _records(way.kind, list(read[way.kind](asker)))


def _records(kind: str, records: list[dict[str, Any]]) -> Fetched:
    """In one order, so that the same records are the same delivery whatever order the service gave them in."""
    lines = sorted(json.dumps(record, ensure_ascii=False, sort_keys=True) for record in records)
    return Fetched(f"{kind}.json", ("[" + ",\n".join(lines) + "]").encode())


# -- files ------------------------------------------------------------------------------------------------------------


def _file(asker: Asker, url: str, known: dict[str, str]) -> Fetched | None:
    asked = {}
    if known.get("etag"):
        asked["If-None-Match"] = known["etag"]
    if known.get("last_modified"):
        asked["If-Modified-Since"] = known["last_modified"]
    try:
        data, headers = asker.get(url, asker.way.parameters or None, asked)
    except NotModifiedError:
        return None
    stamp = {"etag": headers.get("ETag", ""), "last_modified": headers.get("Last-Modified", "")}
    return Fetched(Path(urlsplit(url).path).name or "bestand", data, stamp)


def _ckan(asker: Asker, known: dict[str, str]) -> Fetched | None:
    """A package's resource: from the datastore where it is there, else its file.

    ``parameters`` may name the resource (``resource_id``) or its ``format``; else it is the first.
    """
    base = asker.way.url.rstrip("/")
    if not base.endswith("/api/3/action"):
        base += "/api/3/action"
    answer = asker.page(f"{base}/package_show", {"id": asker.way.resource})
    resources = (answer.get("result") or {}).get("resources") or []
    wanted = asker.way.parameters
    for key in ("resource_id", "format"):
        if wanted.get(key):
            resources = [
                r
                for r in resources
                if str(r.get("id" if key == "resource_id" else key, "")).lower() == wanted[key].lower()
            ]
    if not answer.get("success") or not resources:
        raise FetchError(f"{base}/package_show", f"a resource of package {asker.way.resource}", "none that fits")
    resource = resources[0]
    if not resource.get("datastore_active"):
        return _file(asker, urljoin(base, resource["url"]), known)
    records: list[dict[str, Any]] = []
    url, total = f"{base}/datastore_search", None
    while total is None or len(records) < total:
        page = asker.page(
            url,
            {"resource_id": resource["id"], "limit": asker.way.page_size, "offset": len(records), "sort": "_id"},
        )
        result = page.get("result") or {}
        total, found = int(result.get("total", 0)), result.get("records") or []
        if not found and len(records) < total:
            raise FetchError(url, f"{total:,} records", f"{len(records):,}")
        records += [{k: v for k, v in r.items() if k != "_id"} for r in found]
    return _records("ckan", records)


# -- geographic services ----------------------------------------------------------------------------------------------


def _arcgis(asker: Asker) -> Iterator[dict[str, Any]]:
    """A layer of a FeatureServer, page by page while it says that it left some out; held to its own count, and each object to
    once."""
    layer = f"{asker.way.url.rstrip('/')}/{asker.way.resource}"
    url = f"{layer}/query"
    fixed = {"where": "1=1", "f": "json", **asker.way.parameters}
    expected = asker.page(url, {**fixed, "returnCountOnly": "true"}).get("count")
    key = _object_id(asker, layer, fixed)
    seen, ids = 0, set()
    for _ in range(MOST_PAGES):
        page = asker.page(
            url,
            {
                **{"outFields": "*", "outSR": 28992, "orderByFields": key},
                **{"resultOffset": seen, "resultRecordCount": asker.way.page_size},
                **fixed,
            },
        )
        dates = {f["name"] for f in page.get("fields") or [] if f.get("type") == "esriFieldTypeDate"}
        features = page.get("features") or []
        for feature in features:
            record = dict(feature.get("attributes") or {})
            if record.get(key) is not None:
                if record[key] in ids:
                    raise FetchError(url, "each object once", "one of them twice: its pages overlap")
                ids.add(record[key])
            for name in dates & record.keys():
                if isinstance(record[name], int | float):  # milliseconds since 1970, in UTC
                    with suppress(OverflowError):
                        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=record[name])
                        record[name] = moment.astimezone(HERE).date().isoformat()
            geometry = feature.get("geometry") or {}
            if "x" in geometry and "y" in geometry:
                record |= {"x": geometry["x"], "y": geometry["y"]}
            yield record
        seen += len(features)
        # A server that has a smaller page than was asked says so; one that has no more says nothing.
        if not features or not page.get("exceededTransferLimit"):
            break
    if isinstance(expected, int) and seen != expected:
        raise FetchError(url, f"{expected:,} features", f"{seen:,}")


def _object_id(asker: Asker, layer: str, fixed: dict[str, Any]) -> str:
    """What the layer calls its objects' numbers (OBJECTID, FID, gid): pages are in one order only when it is given by these.
    An answer says it, and so does the layer's own page."""
    peek = {"outFields": "*", "returnGeometry": "false", "resultOffset": 0, "resultRecordCount": 1}
    told: list[Callable[[], Any]] = [
        lambda: asker.page(f"{layer}/query", {**peek, **fixed}),
        lambda: asker.page(layer, {"f": "json"}),
    ]
    for ask in told:
        try:
            answer = ask()
        except UnreachableError:
            raise
        except FetchError:
            continue
        fields = [f for f in answer.get("fields") or [] if isinstance(f, dict)]
        names = (
            answer.get("objectIdFieldName"),
            answer.get("objectIdField"),
            *(f.get("name") for f in fields if f.get("type") == "esriFieldTypeOID"),
        )
        if name := next((n for n in names if n and isinstance(n, str)), None):
            return name
    return "OBJECTID"


def _ogc(asker: Asker) -> Iterator[dict[str, Any]]:
    """A collection of an OGC API Features, along its next links, held to its own count where it gives one."""
    url: str | None = f"{asker.way.url.rstrip('/')}/collections/{asker.way.resource}/items"
    parameters: dict[str, Any] | None = {"f": "json", "limit": asker.way.page_size, **asker.way.parameters}
    visited: set[str] = set()
    seen, expected = 0, None
    first = url
    while url:
        key = requests.Request("GET", url, params=parameters).prepare().url or url
        if key in visited or len(visited) > MOST_PAGES:
            raise LoopError(bare(url), "a next link to a page not seen yet", "a loop")
        visited.add(key)
        page = asker.page(url, parameters)
        expected = page.get("numberMatched", expected)
        for feature in page.get("features") or []:
            seen += 1
            yield _feature(feature)
        following = next(
            (li["href"] for li in page.get("links") or [] if li.get("rel") == "next" and li.get("href")), None
        )
        url, parameters = (urljoin(url, following) if following else None), None
        if url and urlsplit(url).netloc != urlsplit(str(first)).netloc:
            raise FetchError(bare(url), "a next link on the same host", "another host")
    if isinstance(expected, int) and seen != expected:
        raise FetchError(bare(str(first)), f"{expected:,} features", f"{seen:,}")


def _wfs(asker: Asker) -> Iterator[dict[str, Any]]:
    return map(_feature, wfs_features(asker))


def wfs_features(asker: Asker) -> Iterator[dict[str, Any]]:
    """The features of a type of a WFS 2.0, by ``startIndex``. PDOK gives at most 1,000 features a page, whatever is asked."""
    url = asker.way.url
    fixed = {
        **{"service": "WFS", "version": "2.0.0", "request": "GetFeature", "typeNames": asker.way.resource},
        **{"outputFormat": "application/json", "srsName": "EPSG:28992", **asker.way.parameters},
    }
    seen: set[str] = set()
    expected: object = None
    for _ in range(MOST_PAGES):
        page = asker.page(url, {**fixed, "count": asker.way.page_size, "startIndex": len(seen)})
        features = page.get("features") or []
        before = len(seen)
        for feature in features:
            key = str(feature.get("id") or json.dumps(feature, sort_keys=True))
            if key not in seen:
                seen.add(key)
                yield feature
        expected = page.get("numberMatched", page.get("totalFeatures"))
        if not features or (isinstance(expected, int) and len(seen) >= expected):
            break
        if len(seen) == before:
            raise LoopError(url, f"features behind number {len(seen):,}", "the same ones again; it ignores startIndex")
    if isinstance(expected, int) and len(seen) != expected:
        raise FetchError(url, f"{expected:,} features", f"{len(seen):,}")


def _feature(feature: dict[str, Any]) -> dict[str, Any]:
    """Properties, and where it lies if that is a point."""
    record = dict(feature.get("properties") or {})
    geometry = feature.get("geometry") or {}
    if geometry.get("type") == "Point" and len(geometry.get("coordinates") or []) >= 2:
        record |= {"x": geometry["coordinates"][0], "y": geometry["coordinates"][1]}
    return record


# -- reports ----------------------------------------------------------------------------------------------------------


def _open311(asker: Asker) -> Iterator[dict[str, Any]]:
    """Open311 GeoReport v2: pages by number until one is empty. Some servers ignore the number."""
    base = asker.way.url.rstrip("/")
    url = base if base.endswith(".json") else f"{base}/requests.json"
    seen: set[str] = set()
    for number in range(1, MOST_PAGES + 1):
        page = asker.json(url, {"page": number, "page_size": asker.way.page_size, **asker.way.parameters})
        if not isinstance(page, list):
            raise FetchError(bare(url), "a list of requests", "something else")
        fresh = 0
        for record in page:
            key = str(record.get("service_request_id") or json.dumps(record, sort_keys=True))
            if key not in seen:
                seen.add(key)
                fresh += 1
                yield record
        if not fresh:
            return


def _signalen(asker: Asker) -> Iterator[dict[str, Any]]:
    """Signalen's API: ``results``, ``count`` and ``_links.next.href``."""
    url: str | None = asker.way.url
    parameters: dict[str, Any] | None = {"page_size": asker.way.page_size, **asker.way.parameters}
    seen, expected, visited = 0, None, set()
    while url:
        if url in visited:
            raise LoopError(bare(url), "a next link to a page not seen yet", "a loop")
        visited.add(url)
        page = asker.page(url, parameters)
        expected = page.get("count", expected)
        results = page.get("results")
        if not isinstance(results, list):
            raise FetchError(bare(url), "results", "none")
        seen += len(results)
        yield from results
        links = page.get("_links") or {}
        following = (links.get("next") or {}).get("href") if isinstance(links.get("next"), dict) else page.get("next")
        url, parameters = (urljoin(url, following) if following else None), None
        if url and urlsplit(url).netloc != urlsplit(asker.way.url).netloc:
            raise FetchError(bare(url), "a next link on the same host", "another host")
    if isinstance(expected, int) and seen != expected:
        raise FetchError(bare(asker.way.url), f"{expected:,} results", f"{seen:,}")


# -- boundaries -------------------------------------------------------------------------------------------------------


def boundaries(client: Client, pdok: str, year: int, folder: Path, gemeenten: set[str], postcodes: bool) -> list[Path]:
    """Fetch the buurten of a year (and the postcodes) from PDOK's WFS, and keep those of some municipalities.

    :raises FetchError: PDOK does not have them, or they are not whole.
    """
    box = ",".join(map(str, here().box)) + ",urn:ogc:def:crs:EPSG::28992"
    written = []
    services = [("wijkenbuurten", "wijkenbuurten:buurten", f"{year}.geojson")]
    if postcodes:
        services.append(("postcode6", "postcode6:postcode6", f"postcodes-{year}.geojson"))
    for service, kind, name in services:
        url = f"{pdok}/cbs/{service}/{year}/wfs/v1_0"
        way = WayIn(kind="wfs", url=url, resource=kind, parameters={"bbox": box})
        features = list(wfs_features(Asker(way, client)))
        if service == "wijkenbuurten":
            features = [f for f in features if "GM" + str(f["properties"].get("buurtcode", ""))[2:6] in gemeenten]
        if not features:
            raise FetchError(url, f"{kind} of {here().group.name}", "none")
        crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::28992"}}
        content = {"type": "FeatureCollection", "crs": crs, "features": features}
        write(folder / name, json.dumps(content, ensure_ascii=False))
        written.append(folder / name)
    return written
