"""A stand-in on loopback for the services that municipal sources come from, their quirks included."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Asked:
    """A request as it came in."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    host: str


@dataclass
class Services:
    """``with Services() as s: s.on("/x", lambda asked: ...)``; ``s.url`` is its address, ``s.asked`` what was asked."""

    asked: list[Asked] = field(default_factory=list)
    _routes: dict[str, Callable[[Asked], Answer]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
                asked = Asked(parts.path, query, dict(self.headers), self.headers.get("Host", ""))
                outer.asked.append(asked)
                route = outer._routes.get(parts.path)
                status, headers, body = route(asked) if route else (404, {}, b"not here")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if status != 304:
                    self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def on(self, path: str, answer: Callable[[Asked], Answer]) -> None:
        self._routes[path] = answer

    # -- services -----------------------------------------------------------------------------------------------------

    def file(self, path: str, content: bytes, etag: str = '"1"') -> None:
        """A file with an ETag; asked with it, 304."""
        self.on(
            path,
            lambda a: (
                (304, {"ETag": etag}, b"") if a.headers.get("If-None-Match") == etag else (200, {"ETag": etag}, content)
            ),
        )

    def ckan(self, package: str, resources: list[dict[str, Any]], records: list[dict[str, Any]]) -> None:
        """A portal whose datastore never gives more than 3 records a page."""

        def search(a: Asked) -> Answer:
            start, most = int(a.query["offset"]), min(3, int(a.query["limit"]))
            rows = [{"_id": n, **r} for n, r in enumerate(records)][start : start + most]
            return reply({"success": True, "result": {"total": len(records), "records": rows}})

        self.on(
            "/api/3/action/package_show",
            lambda a: reply({"success": a.query.get("id") == package, "result": {"resources": resources}}),
        )
        self.on("/api/3/action/datastore_search", search)

    def arcgis(
        self,
        path: str,
        rows: list[dict[str, Any]],
        most: int = 2,
        token: str | None = None,
        key: str = "OBJECTID",
        tells: str = "nowhere",
    ) -> None:
        """A layer that gives ``most`` features whatever is asked, says so, and says 200 when it means an error.

        :param key: what it calls its objects' numbers, which alone it can order by; it ``tells`` so in an answer (by a name or
            a field's type) or on its own page.
        """
        by_type = [{"name": key, "type": "esriFieldTypeOID"}]

        def query(a: Asked) -> Answer:
            if token and a.headers.get("Authorization") != f"Bearer {token}":
                return reply({"error": {"code": 499, "message": "Token Required", "details": []}})
            if a.query.get("returnCountOnly") == "true":
                return reply({"count": len(rows)})
            if a.query.get("orderByFields", key) != key:
                return reply({"error": {"code": 400, "message": "Invalid query parameters", "details": []}})
            start = int(a.query["resultOffset"])
            features = [
                {"attributes": {k: v for k, v in r.items() if k not in "xy"}, "geometry": {"x": r["x"], "y": r["y"]}}
                for r in rows[start : start + most]
            ]
            fields = [{"name": "datum", "type": "esriFieldTypeDate"}]
            more = start + most < len(rows)
            told = {"fields": fields + (by_type if tells == "type" else []), "features": features}
            told |= {"objectIdFieldName": key} if tells == "name" else {}
            return reply(told | ({"exceededTransferLimit": True} if more else {}))

        self.on(f"{path}/query", query)
        if tells == "page":
            self.on(path, lambda a: reply({"objectIdField": key, "fields": by_type}))

    def ogc(self, path: str, features: list[dict[str, Any]], most: int = 2, lie: int = 0) -> None:
        """A collection with next links; ``lie`` is how many more it claims to have."""

        def items(a: Asked) -> Answer:
            start = int(a.query.get("offset", 0))
            links = [{"rel": "self", "href": a.path}]
            if start + most < len(features):
                links.append({"rel": "next", "href": f"http://{a.host}{a.path}?f=json&offset={start + most}"})
            found = features[start : start + most]
            return reply({"features": found, "links": links, "numberMatched": len(features) + lie})

        self.on(path, items)

    def wfs(self, path: str, features: list[dict[str, Any]], most: int = 1000, ignores_start: bool = False) -> None:
        """PDOK's: never more than ``most`` a page, and a ``cql_filter`` is ignored without a word."""

        def get(a: Asked) -> Answer:
            start = 0 if ignores_start else int(a.query.get("startIndex", 0))
            found = features[start : start + min(most, int(a.query.get("count", most)))]
            return reply({"type": "FeatureCollection", "features": found, "numberMatched": len(features)})

        self.on(path, get)

    def open311(self, path: str, requests: list[dict[str, Any]], most: int = 2, one_page: bool = False) -> None:
        """GeoReport v2, in pages by number; ``one_page`` ignores the number, as some do."""

        def get(a: Asked) -> Answer:
            start = 0 if one_page else (int(a.query.get("page", 1)) - 1) * most
            return reply(requests if one_page else requests[start : start + most])

        self.on(f"{path}/requests.json", get)

    def signalen(self, path: str, results: list[dict[str, Any]], token: str, most: int = 2) -> None:
        def get(a: Asked) -> Answer:
            if a.headers.get("Authorization") != f"Bearer {token}":
                return reply({"detail": "Authenticatie faalde voor jan.verzonnen@voorbeeld.nl"}, 401)
            page = int(a.query.get("page", 1))
            more = page * most < len(results)
            following = {"href": f"http://{a.host}{a.path}?page={page + 1}"} if more else {"href": None}
            content = {"_links": {"next": following}, "count": len(results)}
            return reply(content | {"results": results[(page - 1) * most : page * most]})

        self.on(path, get)


def reply(content: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()
