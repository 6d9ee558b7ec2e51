"""The application: routes, what every answer carries, and how it is run."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import duckdb
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.datacenter import at
from warehouse.making import product
from warehouse.serve import api, files, measuring, odata
from warehouse.serve.admission import Admission
from warehouse.serve.library import Libraries
from warehouse.serve.limits import Gate, Limits, ServeError, limited, proxies
from warehouse.serve.making import Making
from warehouse.serve.measuring import Measures
from warehouse.serve.portal import machines, pictures, serving
from warehouse.serve.problem import Fault, Problem, answer, faults
from warehouse.serve.request import Unchanged

# It tells at every start that e-mail addresses are taken as text, which is what we want.
logging.getLogger("fastapi").setLevel(logging.ERROR)

API_VERSION = "1.0.0"
#: The longest path and query that is taken.
LONGEST = 8_192

_DESCRIPTION = """
Standaardindicatoren van de $gemeenten, met van elk cijfer de status, de reden als het ontbreekt, de versie van de definitie,
de peildatum, de gebiedsindeling, de bron en de release. Alleen lezen.

Openbare tabellen zijn zonder sleutel te bevragen. Een partner met een sleutel geeft die mee in de kop `X-Api-Key` (of als
wachtwoord bij Basic). Dezelfde tabellen zijn er als OData-service zoals StatLine (v3 en v4).
"""
#: From a cell of a source, as `rdc explain` has it, to the address where anyone can look it up.
LookUp = Callable[[dict[str, Any]], str | None]
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; "
    "form-action 'none'; base-uri 'none'",
    "API-Version": API_VERSION,
    "Vary": "Accept, Accept-Encoding, Authorization, X-Api-Key",
}


def create_app(
    home: Path,
    *,
    memory: str | None = None,
    anonymous_per_minute: int | None = None,
    seconds: float = 60,
    head_bytes: int = Limits.head_bytes,
    look_up: LookUp = lambda _: None,
    measure: Callable[[], bytes] = lambda: b"",
) -> FastAPI:
    """The service on one data folder.

    :param memory: what DuckDB may use per open release (``RDC_SERVE_MEMORY``, default 512MB; at most four are open).
    :param anonymous_per_minute: questions per minute from one address without a key (``RDC_SERVE_RATE``, default 6000).
    :param seconds: a question that takes longer is ended.
    :param head_bytes: what the first line and headers of a request may be together.
    :param look_up: gives the address at which a cell of a source can be looked up there, or None.
    :param measure: what ``/metrics`` has besides the requests, in Prometheus' text.
    """
    environment = os.environ
    center = at(home)
    app = FastAPI(
        title=center.name,
        summary=f"Cijfers over {center.texts['omschrijving']}",
        description=center.fill(_DESCRIPTION),
        version=API_VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        license_info={"name": "CC BY 4.0 (cijfers)", "url": "https://creativecommons.org/licenses/by/4.0/"},
    )
    app.state.libraries = Libraries(home / "warehouse", memory or environment.get("RDC_SERVE_MEMORY", "512MB"), seconds)
    app.state.admission = Admission(home, anonymous_per_minute or _rate(environment.get("RDC_SERVE_RATE", "6000")))
    app.state.making = Making()
    app.state.measures = Measures(measure)
    app.state.look_up = look_up
    app.state.drawn = serving.Drawn()
    app.state.frames = pictures.may_frame(environment.get("RDC_SERVE_FRAMES", ""))
    app.state.geo = home / "geo"
    for router in (
        files.router,
        api.router,
        odata.router,
        serving.router,
        pictures.router,
        machines.router,
        measuring.router,
    ):
        app.include_router(router)
    document: dict[str, Any] = {}

    @app.get("/v1/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        import json

        if not document:
            document.update(_openapi(app))
        return Response(json.dumps(document, ensure_ascii=False), media_type="application/json")

    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Unchanged, _unchanged)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _other)
    app.add_exception_handler(Exception, _unforeseen)
    for known in (duckdb.InterruptException, duckdb.OutOfMemoryException):
        app.add_exception_handler(known, _unforeseen)
    app.add_middleware(_Compressed, minimum_size=10_000, compresslevel=2)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD", "OPTIONS"],
        allow_headers=["X-Api-Key", "Authorization", "Accept", "If-None-Match", "Range"],
        expose_headers=["ETag", "Link", "API-Version", "Release", "Content-Disposition", "Repr-Digest", "Retry-After"],
    )
    app.add_middleware(_Envelope, whole=app, head_bytes=head_bytes)
    return app


def _rate(said: str) -> int:
    if not (said.isascii() and said.isdecimal() and int(said[:9]) > 0 and len(said) <= 9):
        raise ServeError(
            f"RDC_SERVE_RATE is {said!r}; it should be a whole number of questions per minute, such as 6000."
        )
    return int(said)


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.libraries.close()


class _Compressed(GZipMiddleware):
    """Not for files: a part of a file is asked for by its place in the bytes that are there."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "/bestanden/" in scope.get("path", ""):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class _Envelope:
    """Around every answer: what may come in, the headers that all answers have, the audit log. HEAD is GET without a body."""

    def __init__(self, app: ASGIApp, whole: FastAPI, head_bytes: int) -> None:
        self.inner, self.app, self.head_bytes = app, whole, head_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        send = self.app.state.measures.measured(scope, send)
        request = Request(scope)
        if problem := _too_much(scope, self.head_bytes):
            await answer(request, problem)(scope, receive, _with_headers(send))
            return
        scope, method = _spelled(scope), scope["method"]
        is_head = method == "HEAD"
        if is_head:
            # A copy: the server itself must go on to know that there is no body to come.
            scope = {**scope, "method": "GET"}
        await self.inner(scope, receive, self._noted(scope, receive, _with_headers(send, is_head), method))

    def _noted(self, scope: Scope, receive: Receive, send: Send, method: str) -> Send:
        """What came with a key is written down before any of the answer leaves; if it can't be, another answer does.

        :param scope: the one that the routes see, which they add to; ``method``: what was really asked.
        """
        refused, request = False, Request(scope)

        async def sending(message: Message) -> None:
            nonlocal refused
            if refused:
                return
            if message["type"] == "http.response.start":
                try:
                    self.app.state.admission.note(
                        request, method, message["status"], scope.get("state", {}).get("release_id")
                    )
                except Problem as problem:
                    refused = True
                    await answer(request, problem)(scope, receive, send)
                    return
            await send(message)

        return sending


#: Where OData begins; StatLine finds it whatever its case.
_ODATA = ("/ODataCatalog", "/ODataCatalog/Tables", "/ODataCatalog/$metadata", "/ODataFeed", "/ODataApi", "/odata/v1")


def _spelled(scope: Scope) -> Scope:
    path = scope["path"]
    if path[:6].lower() != "/odata":
        return scope
    for known in sorted(_ODATA, key=len, reverse=True):
        if path.lower() == known.lower() or path.lower().startswith(known.lower() + "/"):
            scope = {**scope, "path": known + path[len(known) :]}
            return {**scope, "raw_path": known.encode() + scope["raw_path"][len(known) :]}
    return scope


def _with_headers(send: Send, is_head: bool = False) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [
                *message["headers"],
                *(
                    (name.lower().encode(), value.encode())
                    for name, value in _SECURITY.items()
                    if name.lower().encode() not in there or name == "Vary"
                ),
            ]
        elif message["type"] == "http.response.body" and is_head:
            message = {**message, "body": b""}
        await send(message)

    return sending


def _too_much(scope: Scope, head_bytes: int) -> Problem | None:
    """What a request may not have, as far as its head tells. Nothing that follows it is read."""
    end = {"Connection": "close"}
    if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST:
        return Problem(414, f"Een vraag mag hoogstens {LONGEST} tekens lang zijn.", headers=end)
    if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > head_bytes:
        return Problem(431, f"De koppen van een vraag mogen samen hoogstens {head_bytes} bytes zijn.", headers=end)
    for name, value in scope["headers"]:
        if name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0"):
            return Problem(413, "Deze service kan alleen lezen: een vraag heeft geen inhoud.", headers=end)
    return None


# -- errors -----------------------------------------------------------------------------------------------------------


def _told(request: Request, problem: Problem) -> Response:
    """A problem in the form that its reader takes: a page for a person, and else that of the service that was asked."""
    if serving.reads_pages(request):
        return serving.problem_page(request, problem)
    return answer(request, problem)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _told(request, error)


async def _unchanged(_: Request, error: Exception) -> Response:
    assert isinstance(error, Unchanged)
    return Response(status_code=304, headers=error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = faults(list(error.errors()))
    route = request.scope.get("route")
    known = (
        {p.alias for p in route.dependant.query_params} if route is not None and hasattr(route, "dependant") else set()
    )
    found += [Fault("query", n, "bestaat hier niet") for n in request.query_params if known and n not in known]
    return _told(
        request, Problem(400, "De vraag is niet geldig: " + "; ".join(f"{f.name} {f.detail}" for f in found), found)
    )


async def _other(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = {404: f"Er is niets op {request.url.path}.", 405: "Deze service kan alleen lezen (GET)."}
    return _told(
        request,
        Problem(error.status_code, detail.get(error.status_code, str(error.detail)), headers=dict(error.headers or {})),
    )


async def _unforeseen(request: Request, error: Exception) -> Response:
    if isinstance(error, duckdb.InterruptException):
        return _told(
            request, Problem(503, "De vraag duurde te lang; vraag minder tegelijk.", headers={"Retry-After": "5"})
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return _told(
            request, Problem(503, "De vraag is te groot; vraag minder tegelijk.", headers={"Retry-After": "5"})
        )
    return _told(
        request, Problem(500, "Er ging iets mis dat niet aan uw vraag ligt; het staat in het logboek van de service.")
    )


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: FastAPI's, with who publishes, and errors as they really are (400, never 422)."""
    from fastapi.openapi.utils import get_openapi

    who = product.publisher()
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        contact={"name": who["name"], "url": who["contact_url"], "email": who["contact_email"]},
        license_info=app.license_info,
        servers=[{"url": "/v1", "description": "Deze service"}],
        tags=[
            {"name": "algemeen", "description": "Ingangen, dataproducten en catalogus."},
            {"name": "releases", "description": "Wat wanneer gepubliceerd is, met bestanden en controlegetallen."},
            {"name": "begrippen", "description": "Indicatoren, gebieden en perioden."},
            {"name": "cijfers", "description": "Waarnemingen, tabellen en beleidsdoelen."},
        ],
    )
    # The version belongs to the server, as the API Design Rules have it; what remains of a path begins behind it.
    document["paths"] = {path.removeprefix("/v1") or "/": found for path, found in document["paths"].items()}
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            for status, said in operation["responses"].items():
                said.setdefault("headers", {})["API-Version"] = {"$ref": "#/components/headers/API-Version"}
                if status.startswith(("4", "5")) and "content" in said:
                    schema = said["content"].get("application/json", {}).get("schema", {})
                    said["content"] = {"application/problem+json": {"schema": schema}}
            operation["security"] = [{}, {"sleutel": []}]
            if any("jsonstat" in str(parameter) for parameter in operation.get("parameters", [])):
                said = operation["responses"]["200"]["content"]["application/json"]
                said["schema"] = {"anyOf": [said["schema"], {"$ref": "#/components/schemas/JsonStat"}]}
    schemas = document["components"]["schemas"]
    schemas["JsonStat"] = {
        "title": "JsonStat",
        "description": "Een dataset in JSON-stat 2.0, voor wie formaat=jsonstat vraagt.",
        "type": "object",
        "properties": {"version": {"const": "2.0"}, "class": {"const": "dataset"}},
        "required": ["version", "class", "id", "size", "dimension", "value"],
    }
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    document["components"]["headers"] = {
        "API-Version": {
            "description": "De volledige versie van deze API.",
            "schema": {"type": "string", "examples": [API_VERSION]},
        }
    }
    document["components"]["securitySchemes"] = {
        "sleutel": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "De sleutel van een partner."}
    }
    return document


def server(
    home: Path,
    host: str,
    port: int,
    limits: Limits | None = None,
    look_up: LookUp = lambda _: None,
    measure: Callable[[], bytes] = lambda: b"",
) -> Any:
    """The service with its limits, ready to run.

    :raises ServeError: a setting of the environment can't be used.
    """
    import uvicorn

    limits, trusted = limits or Limits(), proxies(os.environ.get("RDC_SERVE_PROXIES", ""))
    config = uvicorn.Config(
        create_app(home, head_bytes=limits.head_bytes, look_up=look_up, measure=measure),
        host=host,
        port=port,
        http=limited(Gate(limits, trusted)),
        ws="none",
        # A warning per bad request would let anyone fill the log.
        log_level="error",
        server_header=False,
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=10,
        h11_max_incomplete_event_size=limits.head_bytes,
        proxy_headers=bool(trusted),
        forwarded_allow_ips=trusted,
    )
    return uvicorn.Server(config)


def run(home: Path, host: str, port: int, look_up: LookUp, measure: Callable[[], bytes]) -> None:
    """Serve until told to stop."""
    made = server(home, host, port, look_up=look_up, measure=measure)
    with contextlib.suppress(KeyboardInterrupt):
        made.run()
    if not made.started:  # It said why.
        raise SystemExit(1)
