"""Errors as the Dutch API Design Rules want them: ``application/problem+json`` (RFC 9457), all of them at once, in Dutch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

TITLES = {
    400: "De vraag is niet geldig",
    401: "De sleutel opent niets",
    403: "Geen toegang",
    404: "Niet gevonden",
    405: "Dit kan hier niet",
    406: "Niet in deze vorm te krijgen",
    410: "Niet meer bewaard",
    413: "Deze service neemt niets aan",
    414: "De vraag is te lang",
    416: "Dit deel van het bestand is er niet",
    429: "Te veel vragen",
    431: "De koppen zijn te lang",
    500: "Er ging iets mis",
    501: "Dit kan deze service niet",
    503: "Nog niet beschikbaar",
}


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: where (``query``, ``path``, ``header``), which name, and what."""

    place: str
    name: str
    detail: str


class Problem(Exception):  # noqa: N818
    """An answer that is an error."""

    def __init__(
        self, status: int, detail: str, faults: Sequence[Fault] = (), headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.faults, self.headers = status, detail, list(faults), headers or {}


def answer(request: Request, problem: Problem) -> JSONResponse:
    """The problem in the form of the service that was asked: OData has its own."""
    path = request.url.path.lower()
    if path.startswith(("/odatafeed", "/odataapi", "/odatacatalog")):
        body: dict[str, Any] = {"odata.error": {"code": "", "message": {"lang": "nl", "value": problem.detail}}}
        return JSONResponse(body, problem.status, problem.headers, "application/json")
    if path.startswith("/odata/"):
        return JSONResponse({"error": {"code": "", "message": problem.detail}}, problem.status, problem.headers)
    return JSONResponse(as_json(problem, request.url.path), problem.status, problem.headers, "application/problem+json")


def as_json(problem: Problem, path: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": f"https://developer.mozilla.org/docs/Web/HTTP/Status/{problem.status}",
        "title": TITLES.get(problem.status, "Fout"),
        "status": problem.status,
        "detail": problem.detail,
        "instance": path,
    }
    if problem.faults:
        body["errors"] = [{"in": f.place, "name": f.name, "detail": f.detail} for f in problem.faults]
    return body


_DUTCH = {
    "missing": "ontbreekt",
    "string_pattern_mismatch": "heeft niet de vorm {pattern}",
    "string_too_long": "is langer dan {max_length} tekens",
    "too_long": "komt vaker voor dan {max_length} keer",
    "int_parsing": "is geen geheel getal",
    "greater_than_equal": "is kleiner dan {ge}",
    "less_than_equal": "is groter dan {le}",
    "literal_error": "is niet een van {expected}",
    "enum": "is niet een van {expected}",
}


def faults(errors: Sequence[dict[str, Any]]) -> list[Fault]:
    """What FastAPI found wrong with a request, in Dutch."""
    found = []
    for error in errors:
        place, *rest = [str(part) for part in error["loc"]]
        text = _DUTCH.get(error["type"], error["msg"])
        found.append(
            Fault(place, rest[0] if rest else "", text.format(**error.get("ctx", {})) if "{" in text else text)
        )
    return found
