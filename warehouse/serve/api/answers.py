"""What is answered, as the OpenAPI document has it, and how."""

from __future__ import annotations

import json
from typing import Any

from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from warehouse.export import FORMATS
from warehouse.serve.library import Opened
from warehouse.serve.request import Asked


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Links(_Open):
    self: dict[str, str]
    next: dict[str, str] | None = None


class ReleaseItem(_Open):
    release: str = Field(description="Naam van de release: jaar, maand en nummer in de maand.")
    gemaaktOp: str  # noqa: N815
    isActueel: bool  # noqa: N815


class Indicator(_Open):
    indicator: str
    naam: str
    thema: str
    definitieVersie: int  # noqa: N815
    definitie: str
    eenheid: str | None
    richting: str | None


class Gebied(_Open):
    gebied: str
    naam: str | None
    soort: str | None
    ligtIn: str | None  # noqa: N815


class Waarneming(_Open):
    indicator: str
    gebied: str
    periode: str
    waarde: float | None = Field(description="Het cijfer; null als het er niet is. Null is geen nul.")
    ondergrens: float | None
    bovengrens: float | None
    reeksbreuk: str | None = Field(
        description="Waarom het cijfer niet met het vorige van zijn reeks te vergelijken is."
    )
    redenOntbreekt: str | None  # noqa: N815
    reden: str | None = Field(description="De reden in woorden.")
    toelichting: str | None
    status: str | None
    definitieVersie: int | None  # noqa: N815
    periodeSoort: str | None  # noqa: N815
    peildatum: str | None
    indelingsjaar: int | None
    bronvermelding: str | None
    release: str


class Waarnemingen(_Open):
    release: str
    meldingen: list[str] | None = Field(
        None, description="Welk gebied een naam werd genoemd, en waarom er niets is als er niets is."
    )
    waarnemingen: list[Waarneming]
    links: Links = Field(alias="_links")


class Indicatoren(_Open):
    release: str
    indicatoren: list[Indicator]
    links: Links = Field(alias="_links")


class Gebieden(_Open):
    release: str
    gebieden: list[Gebied]
    links: Links = Field(alias="_links")


class Releases(_Open):
    releases: list[ReleaseItem]
    links: Links = Field(alias="_links")


class Item(_Open):
    """Een antwoord waarvan de velden in de documentatie staan."""


class FaultItem(BaseModel):
    in_: str = Field(alias="in")
    name: str
    detail: str


class ProblemItem(_Open):
    """Een fout volgens RFC 9457; ``errors`` noemt alles wat er mis is tegelijk."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FaultItem] | None = None


_PROBLEM = {"model": ProblemItem, "content": {"application/problem+json": {}}}
_SAID = {
    304: ("Niet gewijzigd sinds de vorige keer.", False),
    400: ("De vraag is niet geldig; errors noemt alles wat er mis is.", True),
    401: ("De sleutel opent niets.", True),
    403: ("Dit is niet openbaar, of niet meer.", True),
    404: ("Er is niets van deze naam.", True),
    406: ("Niet in deze vorm te krijgen.", True),
    410: ("De release is niet meer bewaard.", True),
    414: ("De vraag is te lang.", True),
    429: ("Te veel vragen; Retry-After zegt wanneer het weer kan.", True),
    503: ("Er is nog geen release.", True),
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": text} | (_PROBLEM if has_body else {}) for status, (text, has_body) in _SAID.items()
}
TABLES = RESPONSES | {
    200: {
        "description": "De tabel, in de gevraagde vorm.",
        "content": {
            f.media_type.partition(";")[0]: {"schema": {"type": "string"}} for f in FORMATS.values() if not f.is_text
        }
        | {"text/csv": {"schema": {"type": "string"}}},
    }
}


def answer_json(
    asked: Asked, opened: Opened | None, body: dict[str, Any], headers: dict[str, str] | None = None
) -> Response:
    headers = headers if headers is not None else (asked.headers(opened) if opened else {"Cache-Control": "no-cache"})
    text = json.dumps(body, ensure_ascii=False, default=str, separators=(",", ":"))
    return Response(text, media_type="application/json", headers=headers)


def link(asked: Asked, **changes: str | None) -> dict[str, str]:
    url = asked.request.url.remove_query_params([k for k, v in changes.items() if v is None])
    url = url.include_query_params(**{k: v for k, v in changes.items() if v is not None})
    return {"href": str(url)}
