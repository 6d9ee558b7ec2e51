"""The API under ``/v1``: resources by Dutch names, as the Dutch API Design Rules have it."""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import re
from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from ingest.datacenter import here
from warehouse.export import FORMATS, LONG_SHAPE, WIDE, ExportError, Extract, extract
from warehouse.making.diff import changed_figures
from warehouse.places import Found, PastPlaceError, Place, PlaceError, SeveralPlacesError, UnknownPlaceError
from warehouse.reading.published import LONG, REFERENCE, Column, Published, among
from warehouse.serve.library import Opened
from warehouse.serve.problem import Fault, Problem
from warehouse.serve.request import Ask, Asked, only
from warehouse.sharing.access import texts
from warehouse.sharing.closing import told_by

router = APIRouter(prefix="/v1")

#: Rows on a page, and at most.
PAGE, MOST = 1000, 10_000
#: Values that one parameter may have.
_VALUES = 500

FormatName = Literal["csv", "csv-nl", "xlsx", "parquet", "json", "jsonstat", "swing", "gpkg"]
_CODE = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$"
_RELEASE = r"^(actueel|[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,6})$"

Release = Annotated[
    str | None, Query(pattern=_RELEASE, description="Een eerdere release, zoals 2026.11.1; zonder is het de actuele.")
]
Formaat = Annotated[
    FormatName | None,
    Query(description="In welke vorm; zonder beslist de Accept-header. csv-nl is voor een Nederlandse Excel."),
]
Cursor = Annotated[
    str | None,
    Query(
        max_length=500, pattern=r"^[A-Za-z0-9_=-]+$", description="Waar de vorige bladzijde ophield; uit _links.next."
    ),
]
Limiet = Annotated[int, Query(ge=1, le=MOST, description="Hoeveel op een bladzijde.")]
Codes = Annotated[list[Annotated[str, Field(pattern=_CODE)]] | None, Query(max_length=_VALUES)]


def _codes(text: str) -> Any:
    return Annotated[
        list[Annotated[str, Field(pattern=_CODE)]] | None,
        Query(max_length=_VALUES, description=text + " Mag vaker voorkomen."),
    ]


# -- what is answered, for the OpenAPI document -----------------------------------------------------------------------


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
_TABLES = RESPONSES | {
    200: {
        "description": "De tabel, in de gevraagde vorm.",
        "content": {
            f.media_type.partition(";")[0]: {"schema": {"type": "string"}} for f in FORMATS.values() if not f.is_text
        }
        | {"text/csv": {"schema": {"type": "string"}}},
    }
}


# -- how it is answered -----------------------------------------------------------------------------------------------


def checked(request: Request, *known: str) -> None:
    """:raises Problem: a parameter that this resource does not have."""
    if found := only(request, set(known)):
        raise Problem(400, "De vraag heeft parameters die hier niet bestaan.", found)


def named(release: str | None) -> str | None:
    return None if release in (None, "actueel") else release


def answer_json(
    asked: Asked, opened: Opened | None, body: dict[str, Any], headers: dict[str, str] | None = None
) -> Response:
    headers = headers if headers is not None else (asked.headers(opened) if opened else {"Cache-Control": "no-cache"})
    text = json.dumps(body, ensure_ascii=False, default=str, separators=(",", ":"))
    return Response(text, media_type="application/json", headers=headers)


def _link(asked: Asked, **changes: str | None) -> dict[str, str]:
    url = asked.request.url.remove_query_params([k for k, v in changes.items() if v is None])
    url = url.include_query_params(**{k: v for k, v in changes.items() if v is not None})
    return {"href": str(url)}


def _known(asked: list[str] | None, there: Collection[str], what: str) -> list[str]:
    """The names that were asked for, as they are written.

    :raises Problem: one of them is not there (404); an empty answer to a typing error would be no answer.
    """
    if not asked or all(a in there for a in asked):
        return asked or []
    # Only now: there are as many names as regions.
    upper = {code.upper(): code for code in there}
    wrong = [a for a in asked if a.upper() not in upper]
    if wrong:
        near = difflib.get_close_matches(wrong[0].upper(), list(upper), n=3, cutoff=0.6)
        hint = f" Bedoelt u {', '.join(upper[n] for n in near)}?" if near else ""
        detail = f"{what} {', '.join(wrong[:5])} is er niet in deze release.{hint}"
        raise Problem(404, detail, [Fault("path" if what == "Tabel" else "query", what.lower(), detail)])
    return [upper[a.upper()] for a in asked]


def _places(asked: list[str] | None, published: Published, said: list[str] | None = None) -> list[str]:
    """The codes of regions that were named by their code, or by the name that people have for them.

    :param said: takes which place each name was taken for.
    """
    if not asked or all(a in published.region_codes for a in asked):
        return asked or []
    codes, wrong = [], []
    for name in asked:
        try:
            found = published.places.find(name)
        except PlaceError as error:
            wrong.append(error)
            continue
        codes.append(found.code)
        if said is not None and found.place:
            said.append(_taken(found, found.place))
    if wrong:
        # A name that fits several places is no question yet; one that fits none is a question for what is not there.
        status = 400 if any(isinstance(w, SeveralPlacesError) for w in wrong) else 404
        details = [_no_place(w) for w in wrong[:5]]
        raise Problem(status, " ".join(details), [Fault("query", "gebied", d) for d in details])
    return codes


def _no_place(error: PlaceError) -> str:
    """What is wrong with a name, and which to take."""
    places = [_place(p) for p in error.places]
    match error:
        case SeveralPlacesError():
            return f"Meer gebieden heten {error.asked}: {', '.join(places)}. Noem de code van een ervan."
        case PastPlaceError():
            return f"Gebied {error.asked} is er niet meer: {'; '.join(places)}. Noem het bij zijn code."
        case UnknownPlaceError(near=near):
            hint = f" Bedoelt u {', '.join(near)}?" if near else ""
            return f"Gebied {error.asked} is er niet in deze release.{hint}"
        case _:
            raise AssertionError(error)


def _taken(found: Found, place: Place) -> str:
    """Which place a name was taken for."""
    kind = f"{place.kind} van {place.owner}" if place.owner else place.kind
    also = f"; ook {', '.join(map(_place, found.others))}" if found.others else ""
    return f"{found.asked} is hier {place.name} ({place.code}), {kind}{also}"


def _place(place: Place) -> str:
    if place.until:
        return f"{place.code} ({place.kind} {place.name} tot en met {place.until})"
    return f"{place.code} ({place.kind} van {place.owner})" if place.owner else f"{place.code} ({place.kind})"


def _periods(asked: list[str] | None, published: Published) -> list[str]:
    codes = [f"{a}JJ00" if a.isdigit() and len(a) == 4 else a for a in asked or []]
    return _known(codes, published.period_codes, "Periode")


def _together(*asks: Callable[[], list[str]]) -> list[list[str]]:
    """What each of them finds.

    :raises Problem: one finds a fault (as it says itself), or several do (400, with all of them).
    """
    found: list[list[str]] = []
    wrong: list[Problem] = []
    for ask in asks:
        try:
            found.append(ask())
        except Problem as problem:
            wrong.append(problem)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise Problem(400, " ".join(w.detail for w in wrong), [f for w in wrong for f in w.faults])
    return found


def _theme(published: Published, name: str) -> str:
    return _known([name], published.themes, "Tabel")[0]


# -- releases ---------------------------------------------------------------------------------------------------------


@router.get("/", include_in_schema=False)
@router.get("", summary="Wat er is", responses=RESPONSES, response_model=Item, tags=["algemeen"])
def index(asked: Ask) -> Response:
    """De ingangen van deze API."""
    checked(asked.request)
    root = f"{asked.root}/v1"
    names = [
        "releases",
        "indicatoren",
        "gebieden",
        "perioden",
        "waarnemingen",
        "tabellen",
        "dataproducten",
        "catalogus",
    ]
    links = {name: {"href": f"{root}/{name}"} for name in names} | {"openapi": {"href": f"{root}/openapi.json"}}
    return answer_json(asked, None, {"naam": here().name, "versie": "v1", "_links": links})


@router.get(
    "/releases", summary="De releases die bewaard zijn", responses=RESPONSES, response_model=Releases, tags=["releases"]
)
def releases(asked: Ask) -> Response:
    """Nieuwste eerst. Een release verandert nooit."""
    checked(asked.request)
    current = asked.open()
    found = [
        {
            "release": r.release_id,
            "gemaaktOp": r.created_at,
            "isActueel": r.release_id == current.release_id,
            "vorige": r.previous,
            "_links": {"self": {"href": f"{asked.root}/v1/releases/{r.release_id}"}},
        }
        for r in reversed(asked.library.releases.all())
    ]
    headers = {"Cache-Control": "no-cache"}
    return answer_json(asked, None, {"releases": found, "_links": {"self": _link(asked)}}, headers)


ReleaseName = Annotated[str, Path(pattern=_RELEASE, description="Naam van de release, of actueel.")]


@router.get(
    "/releases/{release}", summary="Een release", responses=RESPONSES, response_model=ReleaseItem, tags=["releases"]
)
def release(asked: Ask, release: ReleaseName) -> Response:
    """Waaruit zij gemaakt is, en waar haar bestanden staan."""
    checked(asked.request)
    opened = asked.open(named(release))
    made = opened.release
    root = f"{asked.root}/v1/releases/{made.release_id}"
    closed = asked.closed(opened)
    body = {
        "release": made.release_id,
        "gemaaktOp": made.created_at,
        "isActueel": made.release_id == asked.library.current().release_id,
        "vorige": made.previous,
        "brontabellen": {
            table: {"snapshot": said["snapshot_id"], "herkomst": said["origin"]}
            for table, said in made.inputs.items()
            if table not in closed
        },
        "controles": made.checks,
        "isVolledigOpenbaar": opened.access(asked.library.current()).all_public,
        "_links": {
            "self": {"href": root},
            "bestanden": {"href": f"{root}/bestanden"},
            "wijzigingen": {"href": f"{root}/wijzigingen"},
        },
    }
    return answer_json(asked, opened, body)


@router.get(
    "/releases/{release}/wijzigingen",
    summary="Wat een release wijzigde",
    responses=RESPONSES,
    response_model=Item,
    tags=["releases"],
)
def changes(asked: Ask, release: ReleaseName) -> Response:
    """Vergeleken met de release ervoor: tabellen, kolommen, definities en openbare cijfers."""
    checked(asked.request)
    opened = asked.open(named(release))
    asked.needs_untightened(opened)
    file = opened.folder / "diff.json"
    if not file.is_file():
        raise Problem(404, f"Van release {opened.release_id} is niet bewaard wat zij wijzigde.")
    return Response(file.read_bytes(), media_type="application/json", headers=asked.headers(opened))


# -- definitions and regions ------------------------------------------------------------------------------------------


def _indicator(i: dict[str, Any]) -> dict[str, Any]:
    return {
        "indicator": i["indicator_id"],
        "naam": i["name_nl"],
        "thema": i["theme"],
        "definitieVersie": i["version"],
        "definitie": i["definition"],
        "eenheid": i["unit"],
        "decimalen": i["decimals"],
        "richting": i["direction"],
        "teller": i["numerator"],
        "noemer": i["denominator"],
        "optelwijze": i["aggregation"],
        "waaromGeenOptelling": i["why_not"],
        "geenCijfer": i.get("no_figure"),
        "kanttekening": i["caveats"],
        "peildatum": i.get("reference"),
        "isTotaal": i.get("is_total"),
        "nietVergelijkbaarInDeTijd": i.get("not_comparable"),
        "bron": i["source"],
        "bbv": i["bbv"],
        "geldigVanaf": i["valid_from"],
        "geldigTotEnMet": i["valid_to"],
    }


@router.get(
    "/indicatoren", summary="De indicatoren", responses=RESPONSES, response_model=Indicatoren, tags=["begrippen"]
)
def indicators(asked: Ask, thema: Codes = None, release: Release = None) -> Response:
    """Elke versie van elke definitie, met eenheid, teller, noemer en kanttekeningen."""
    checked(asked.request, "thema", "release")
    opened = asked.open(named(release))
    published = asked.told(opened)
    themes = _known(thema, published.themes, "Thema")
    found = [_indicator(i) for i in published.indicators if not themes or i["theme"] in themes]
    return answer_json(
        asked, opened, {"release": opened.release_id, "indicatoren": found, "_links": {"self": _link(asked)}}
    )


@router.get(
    "/indicatoren/{indicator}", summary="Een indicator", responses=RESPONSES, response_model=Item, tags=["begrippen"]
)
def indicator(asked: Ask, indicator: Annotated[str, Path(pattern=_CODE)], release: Release = None) -> Response:
    """Alle versies van zijn definitie, de nieuwste eerst."""
    checked(asked.request, "release")
    opened = asked.open(named(release))
    found = [_indicator(i) for i in asked.told(opened).indicators if i["indicator_id"] == indicator]
    if not found:
        _known([indicator], [i["indicator_id"] for i in asked.told(opened).indicators], "Indicator")
        raise Problem(404, f"Indicator {indicator} is er niet in deze release.")
    return answer_json(asked, opened, {"release": opened.release_id, "indicator": indicator, "versies": found[::-1]})


def _region(r: dict[str, Any]) -> dict[str, Any]:
    return {
        "gebied": r["region_code"],
        "naam": r["name"],
        "gebiedNaam": r["name"],
        "soort": r["region_type"],
        "ligtIn": r["parent_code"],
        "geldigVanaf": r["valid_from"],
        "geldigTotEnMet": r["valid_to"],
    }


@router.get("/gebieden", summary="De gebieden", responses=RESPONSES, response_model=Gebieden, tags=["begrippen"])
def regions(
    asked: Ask,
    soort: Codes = None,
    ligtIn: Codes = None,  # noqa: N803
    release: Release = None,
    limiet: Limiet = PAGE,
    cursor: Cursor = None,
) -> Response:
    """Gemeenten, wijken, buurten, provincies en groepen van gemeenten, op code."""
    checked(asked.request, "soort", "ligtIn", "release", "limiet", "cursor")
    opened, after = _start(asked, release, cursor, [str])
    headers = asked.headers(opened)
    published = asked.published(opened)
    found = published.rows(
        "select * from core.region where (len($1) = 0 or list_contains($1, region_type)) "
        "and (len($2) = 0 or list_contains($2, parent_code)) and region_code > $3 order by region_code limit $4",
        [[s.lower() for s in soort or []], [c.upper() for c in ligtIn or []], after[0] if after else "", limiet + 1],
    )
    more = [found[limiet - 1]["region_code"]] if len(found) > limiet else None
    body = {"release": opened.release_id, "gebieden": [_region(r) for r in found[:limiet]]}
    return _page(asked, opened, body, more, headers)


@router.get("/gebieden/{gebied}", summary="Een gebied", responses=RESPONSES, response_model=Item, tags=["begrippen"])
def region(asked: Ask, gebied: Annotated[str, Path(pattern=_CODE)], release: Release = None) -> Response:
    """Met de gebieden die erin liggen, en de groepen waar het bij hoort."""
    checked(asked.request, "release")
    opened = asked.open(named(release))
    headers = asked.headers(opened)
    published = asked.published(opened)
    [code] = _known([gebied], published.region_codes, "Gebied")
    [row] = published.rows("select * from core.region where region_code = ?", [code])
    inside = published.rows("select region_code from core.region where parent_code = ? order by 1", [code])
    groups = published.rows(
        "select * from core.region_group where region_code = $1 or group_code = $1 order by all", [code]
    )
    body = _region(row) | {
        "release": opened.release_id,
        "bevat": [r["region_code"] for r in inside],
        "groepen": [
            {"groep": g["group_code"], "lid": g["region_code"], "vanaf": g["valid_from"], "totEnMet": g["valid_to"]}
            for g in groups
        ],
    }
    return answer_json(asked, opened, body, headers)


@router.get("/perioden", summary="De perioden", responses=RESPONSES, response_model=Item, tags=["begrippen"])
def periods(asked: Ask, release: Release = None) -> Response:
    """De perioden waarover er cijfers zijn, met hun eerste en laatste dag."""
    checked(asked.request, "release")
    opened = asked.open(named(release))
    headers = asked.headers(opened)
    published = asked.published(opened)
    rows = published.rows("select * from core.period order by start_date, period_code")
    found = [
        {
            "periode": r["period_code"],
            "soort": r["period_type"],
            "beginDatum": r["start_date"],
            "eindDatum": r["end_date"],
        }
        for r in rows
    ]
    return answer_json(asked, opened, {"release": opened.release_id, "perioden": found}, headers)


# -- figures ----------------------------------------------------------------------------------------------------------

_NAMES = {
    "indicator_id": "indicator",
    "indicator_name": "naam",
    "theme": "thema",
    "definition_version": "definitieVersie",
    "region_code": "gebied",
    "region_name": "gebiedNaam",
    "region_type": "gebiedSoort",
    "parent_code": "ligtIn",
    "parent_name": "ligtInNaam",
    "period_code": "periode",
    "period_type": "periodeSoort",
    "start_date": "beginDatum",
    "end_date": "eindDatum",
    "reference_period": "peildatum",
    "geography_year": "indelingsjaar",
    "value": "waarde",
    "unit": "eenheid",
    "lower_bound": "ondergrens",
    "upper_bound": "bovengrens",
    "series_break": "reeksbreuk",
    "missing_reason": "redenOntbreekt",
    "reason": "reden",
    "note": "toelichting",
    "period_status": "status",
    "method": "wijze",
    "table_id": "brontabel",
    "attribution": "bronvermelding",
    "origin": "herkomst",
    "release_id": "release",
    "change": "wijziging",
    "old_value": "oudeWaarde",
    "old_missing_reason": "oudeRedenOntbreekt",
    "old_period_status": "oudeStatus",
    "old_definition_version": "oudeDefinitieVersie",
}
_CHANGE = [
    Column(
        "change",
        "string",
        "Wijziging",
        "added (nieuw), removed (vervallen), value, missing_reason, definition_version of period_status.",
    ),
    Column("old_value", "number", "Oude waarde", "De waarde in de eerdere release."),
    Column("old_missing_reason", "string", "Oude reden", "Waarom het cijfer in de eerdere release ontbrak."),
    Column("old_period_status", "string", "Oude status", "De status in de eerdere release."),
    Column("old_definition_version", "integer", "Oude definitieversie", "De versie in de eerdere release."),
]


@router.get("/waarnemingen", summary="De cijfers", responses=_TABLES, response_model=Waarnemingen, tags=["cijfers"])
def figures(
    asked: Ask,
    indicator: _codes("Indicator, zoals bev_inwoners.") = None,  # type: ignore[valid-type]
    thema: _codes("Thema, zoals wonen.") = None,  # type: ignore[valid-type]
    gebied: _codes("Gebiedscode van het CBS (GM, WK, BU of PV met een nummer), of van een groep.") = None,  # type: ignore[valid-type]
    gebiedSoort: _codes("Soort gebied, zoals gemeente.") = None,  # type: ignore[valid-type] # noqa: N803
    periode: _codes("Periode of jaar, zoals 2024JJ00 of 2024.") = None,  # type: ignore[valid-type]
    sorteer: Annotated[
        Literal["waarde", "-waarde"] | None,
        Query(description="Op waarde, oplopend of (-waarde) aflopend: een rangorde."),
    ] = None,
    sindsRelease: Annotated[  # noqa: N803
        str | None, Query(pattern=_RELEASE, description="Alleen wat er sinds die release veranderde, oud en nieuw.")
    ] = None,
    release: Release = None,
    limiet: Limiet = PAGE,
    cursor: Cursor = None,
    formaat: Formaat = None,
) -> Response:
    """Eén rij per indicator, gebied en periode, met status, reden van ontbreken, definitieversie, peildatum en bron.

    Als JSON bladzijde voor bladzijde; in een andere vorm alles in één keer.
    """
    checked(
        asked.request,
        *(
            "indicator",
            "thema",
            "gebied",
            "gebiedSoort",
            "periode",
            "sorteer",
            "sindsRelease",
            "release",
            "limiet",
            "cursor",
        ),
        "formaat",
    )
    fmt = asked.format(formaat)
    opened, after = _start(asked, release, cursor, [int] if sorteer else [str] * 3)
    headers = asked.headers(opened, fmt)
    published = asked.published(opened)
    said: list[str] = []
    names, themes, regions, periods = _together(
        lambda: _known(indicator, [i["indicator_id"] for i in published.indicators], "Indicator"),
        lambda: _known(thema, published.themes, "Thema"),
        lambda: _places(gebied, published, said),
        lambda: _periods(periode, published),
    )
    if themes:
        of_themes = [i["indicator_id"] for i in published.indicators if i["theme"] in themes]
        names = [n for n in names if n in of_themes] if names else list(dict.fromkeys(of_themes))
        names = names or ["-"]
    where, parameters = _where(
        [
            ("indicator_id", names),
            ("region_code", regions),
            ("period_code", periods),
        ]
    )
    if gebiedSoort:
        parameters.append([s.lower() for s in gebiedSoort])
        where += f" and v.region_code in (select region_code from core.region where list_contains(${len(parameters)}, region_type))"
    columns = list(LONG)
    if sindsRelease:
        earlier = asked.library.get(_checked(asked, sindsRelease))
        sql = _since(asked, opened, earlier, published, where)
        columns += _CHANGE
    else:
        sql = published.long(where)
    order = {"waarde": "value nulls last, ", "-waarde": "value desc nulls last, "}.get(sorteer or "", "")
    key = "indicator_id, region_code, period_code"
    if fmt != "json":
        chosen = set(names) or {i["indicator_id"] for i in published.indicators}
        whole = Extract(
            published,
            "waarnemingen",
            "Waarnemingen",
            LONG_SHAPE,
            columns,
            f"select {', '.join(c.name for c in columns)} from ({sql}) order by {order}{key}",
            parameters,
            [i for i in published.indicators if i["indicator_id"] in chosen],
            published.sources(),
        )
        if FORMATS[fmt].shape == WIDE:
            raise Problem(406, f"Waarnemingen zijn niet als {fmt} te krijgen; neem een tabel: /v1/tabellen.")
        return asked.download(opened, whole, fmt, "waarnemingen")
    skip = 0
    if after:
        if order:
            skip = after[0]
        else:
            parameters += after
            n = len(parameters)
            sql = f"select * from ({sql}) where (indicator_id, region_code, period_code) > (${n - 2}, ${n - 1}, ${n})"
    fields = ", ".join(f"'{_NAMES[c.name]}', {c.name}" for c in columns)
    page = published.con.execute(
        f"select json_object({fields})::varchar, indicator_id, region_code, period_code from ({sql}) "
        f"order by {order}{key} limit {limiet + 1} offset {skip}",
        parameters,
    ).fetchall()
    more: list[Any] | None = None
    if len(page) > limiet:
        more = [skip + limiet] if order else list(page[limiet - 1][1:])
    if not page and not after and not sindsRelease:
        chosen = set(names) or {i["indicator_id"] for i in published.indicators}
        said.append(published.why_empty(chosen, regions, periods).in_dutch())
    links = _links(asked, opened, more, headers)
    rows = ",".join(row[0] for row in page[:limiet])
    told = f'"meldingen":{json.dumps(said, ensure_ascii=False)},' if said else ""
    body = f'{{"release":"{opened.release_id}",{told}"waarnemingen":[{rows}],"_links":{json.dumps(links)}}}'
    return Response(body, media_type="application/json", headers=headers)


def _checked(asked: Asked, release: str) -> str | None:
    """A release that must be there: its own problem, told before anything else is asked."""
    asked_for = named(release)
    state = getattr(asked.request.state, "release_id", None)
    asked.open(asked_for)
    asked.request.state.release_id = state
    return asked_for


def _where(conditions: Sequence[tuple[str, list[str]]]) -> tuple[str, list[Any]]:
    parameters: list[Any] = []
    parts = ["true", *(among(f"v.{column}", values, parameters) for column, values in conditions if values)]
    return " and ".join(parts), parameters


def _since(asked: Asked, opened: Opened, earlier: Opened, published: Published, where: str) -> str:
    """SQL for the figures that differ from an earlier release: the long rows, with how and from what."""
    scope, current = asked.caller.scope, asked.library.current()
    alias = (
        opened.attach(earlier)
        if earlier is not opened
        else opened.con.execute("select current_database()").fetchall()[0][0]
    )
    # That an indicator has no source any more is no news about a source that was closed.
    hidden = told_by(opened.con.cursor(), earlier.closed(current, scope), alias) if earlier is not opened else set()
    absent = f" and not (v.method = 'absent' and v.indicator_id in ({texts(hidden)}))" if hidden else ""
    old = f"(select * from {alias}.core.indicator_value as v where {earlier.access(current).visible(scope)} and ({where}))"
    new = f"(select * from core.indicator_value as v where {published.visible} and ({where}){absent})"
    known = ", ".join(
        f"now_.{c.name}" for c in LONG if c.name not in ("indicator_id", "region_code", "period_code", "release_id")
    )
    # What went has no row any more: its names come from what is left of it.
    return f"""
        select
            difference.indicator_id, difference.region_code, difference.period_code, {known},
            '{opened.release_id}' as release_id, difference.kind as change, old_value, old_missing_reason,
            old_period_status, old_definition_version
        from ({changed_figures(old, new)}) as difference
        left join ({published.long(where)}) as now_ using (indicator_id, region_code, period_code)
    """


def _start(
    asked: Asked, release: str | None, cursor: str | None, kinds: Sequence[type]
) -> tuple[Opened, list[Any] | None]:
    """The release of a listing and where it goes on: a cursor stays with the release that its first page came from.

    :param kinds: what says where a page of this listing ended.
    :raises Problem: the cursor is none of ours, is of another question, or its release is gone.
    """
    if cursor is None:
        return asked.open(named(release)), None
    try:
        said = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        name, after, seal = said["r"], said["a"], said["s"]
        ok = isinstance(name, str) and bool(re.fullmatch(_RELEASE, name)) and seal == _seal(asked, name, after)
        # Whoever can make a seal can make it around anything.
        ok = ok and [type(a) for a in after] == list(kinds)
        ok = ok and all(a.isprintable() and len(a) <= 200 if type(a) is str else 0 <= a <= 10**9 for a in after)
    except (ValueError, KeyError, TypeError, RecursionError):
        ok = False
    if not ok:
        why = "Deze cursor is niet van deze vraag; begin opnieuw zonder cursor."
        raise Problem(400, why, [Fault("query", "cursor", why)])
    try:
        return asked.open(name), after
    except Problem as problem:
        why = f"Release {name} van deze cursor is er niet (meer); begin opnieuw zonder cursor."
        raise Problem(400, why, [Fault("query", "cursor", why)]) from problem


def _seal(asked: Asked, release: str, after: list[Any]) -> str:
    """What ties a cursor to the question that it goes on with; a digit of it that changed on its way is noticed too."""
    given = sorted((k, v) for k, v in asked.request.query_params.multi_items() if k not in ("cursor", "limiet"))
    text = json.dumps([asked.request.url.path, given, release, after])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _links(asked: Asked, opened: Opened, more: list[Any] | None, headers: dict[str, str]) -> dict[str, Any]:
    links: dict[str, Any] = {"self": _link(asked)}
    if more:
        said = {"r": opened.release_id, "a": more, "s": _seal(asked, opened.release_id, more)}
        cursor = base64.urlsafe_b64encode(json.dumps(said, separators=(",", ":")).encode()).decode().rstrip("=")
        links["next"] = _link(asked, cursor=cursor)
        headers["Link"] = f'<{links["next"]["href"]}>; rel="next"'
    return links


def _page(
    asked: Asked,
    opened: Opened,
    body: dict[str, Any],
    more: list[Any] | None,
    headers: dict[str, str],
) -> Response:
    return answer_json(asked, opened, body | {"_links": _links(asked, opened, more, headers)}, headers)


# -- tables -----------------------------------------------------------------------------------------------------------


@router.get("/tabellen", summary="De standaardtabellen", responses=RESPONSES, response_model=Item, tags=["cijfers"])
def tables(asked: Ask, release: Release = None) -> Response:
    """Een tabel per thema, en de tabellen met begrippen."""
    checked(asked.request, "release")
    opened = asked.open(named(release))
    found = [{"tabel": name, "titel": title, "soort": "cijfers"} for name, title in asked.told(opened).themes.items()]
    found += [{"tabel": name, "titel": REFERENCE[name][0], "soort": "begrippen"} for name in opened.base.reference]
    for item in found:
        item["_links"] = {"self": {"href": f"{asked.root}/v1/tabellen/{item['tabel']}"}}  # type: ignore[assignment]
    return answer_json(asked, opened, {"release": opened.release_id, "tabellen": found})


@router.get("/tabellen/{tabel}", summary="Een tabel", responses=_TABLES, response_model=Item, tags=["cijfers"])
def table(
    asked: Ask,
    tabel: Annotated[str, Path(pattern=_CODE, description="Naam van de tabel, zoals wonen of region.")],
    gebied: _codes("Gebiedscode van het CBS: GM, WK, BU of PV met een nummer.") = None,  # type: ignore[valid-type]
    periode: _codes("Periode of jaar.") = None,  # type: ignore[valid-type]
    vorm: Annotated[
        Literal["breed", "lang"] | None, Query(description="breed: een kolom per indicator; lang: een rij per cijfer.")
    ] = None,
    release: Release = None,
    formaat: Formaat = None,
) -> Response:
    """De hele tabel of een deel ervan, in elke vorm. Van hele tabellen worden er enkele tegelijk gemaakt; daarna 503 met Retry-After."""
    checked(asked.request, "gebied", "periode", "vorm", "release", "formaat")
    fmt = asked.format(formaat)
    opened = asked.open(named(release))
    _ = asked.headers(opened, fmt)
    published = asked.published(opened)
    [name], regions, periods = _together(
        lambda: _known([tabel], [*published.themes, *published.reference], "Tabel"),
        lambda: _places(gebied, published),
        lambda: _periods(periode, published),
    )
    shape = FORMATS[fmt].shape or ({"breed": WIDE, "lang": LONG_SHAPE}[vorm] if vorm else None)
    if name in published.reference:
        name, shape = f"{published.schema_of(name)}.{name}", shape if vorm or FORMATS[fmt].shape else None
    try:
        found = extract(
            published,
            name,
            regions,
            periods,
            shape,
            # What is told of changes is public at release; a key's own figures are not among them.
            None if opened.tightened(asked.library.current()) else opened.folder,
        )
    except ExportError as error:
        raise Problem(
            404, f"Tabel {tabel} is zo niet te krijgen: zij heeft geen gebieden, perioden of vormen."
        ) from error
    return asked.download(opened, found, fmt, tabel)


# -- products and catalogue -------------------------------------------------------------------------------------------


@router.get("/dataproducten", summary="De dataproducten", responses=RESPONSES, response_model=Item, tags=["algemeen"])
def products(asked: Ask, release: Release = None) -> Response:
    """Waarvoor elke tabel dient, wie ervoor instaat, op welke grondslag, en wie haar mag zien."""
    checked(asked.request, "release")
    opened = asked.open(named(release))
    file = opened.folder / "producten.json"
    if not file.is_file():
        raise Problem(404, f"Release {opened.release_id} heeft geen beschrijving van haar dataproducten.")
    asked.needs_untightened(opened)  # Records name their sources.
    found = json.loads(file.read_text(encoding="utf-8"))
    return answer_json(asked, opened, {"release": opened.release_id, "dataproducten": found})


@router.get("/beleidsdoelen", summary="De beleidsdoelen", responses=RESPONSES, response_model=Item, tags=["cijfers"])
def goals(asked: Ask, release: Release = None) -> Response:
    """Elk doel met zijn indicator, uitgangspunt, streefwaarde en stand."""
    checked(asked.request, "release")
    opened = asked.open(named(release))
    headers = asked.headers(opened)
    if ("mart", "policy_goal") not in opened.base.tables:
        return answer_json(asked, opened, {"release": opened.release_id, "beleidsdoelen": []}, headers)
    published = asked.published(opened)
    found = [
        {
            "doel": g["goal"],
            "gebied": g["region_code"],
            "gebiedNaam": g["region_name"],
            "programma": g["programme"],
            "indicator": g["indicator_id"],
            "indicatorNaam": g["indicator_name"],
            "eenheid": g["unit"],
            "beginPeriode": g["baseline_period"],
            "beginWaarde": g["baseline_value"],
            "streefPeriode": g["target_period"],
            "streefwaarde": g["target_value"],
            "laatstePeriode": g["latest_period"],
            "laatsteWaarde": g["latest_value"],
            "laatsteOndergrens": g.get("latest_lower"),
            "laatsteBovengrens": g.get("latest_upper"),
            "laatsteStatus": g.get("latest_status"),
            "verwachteWaarde": g.get("expected_value"),
            "ligtOpKoers": g["on_track"],
            "oordeel": g.get("on_track_verdict"),
            "toelichting": g.get("on_track_note"),
            "trend": g.get("trend"),
            "reeksbreuk": g.get("series_break"),
            "peildatumVan": g.get("reference_start"),
            "peildatumTotEnMet": g.get("reference_end"),
            "besluit": g["decided_by"],
            "grondslag": g["legal_basis"],
            "isVoorbeeld": g["example"],
        }
        for g in published.rows(f"select * from ({published.goals()}) order by goal_id")
    ]
    return answer_json(asked, opened, {"release": opened.release_id, "beleidsdoelen": found}, headers)


@router.get(
    "/catalogus",
    summary="De catalogus (DCAT-AP-NL 3.0)",
    responses=RESPONSES
    | {
        200: {
            "description": "De catalogus als RDF.",
            "content": {
                "text/turtle": {"schema": {"type": "string"}},
                "application/ld+json": {"schema": {"type": "object"}},
            },
        }
    },
    response_class=Response,
    tags=["algemeen"],
)
def catalogue(
    asked: Ask,
    formaat: Annotated[
        Literal["turtle", "jsonld"] | None, Query(description="Zonder beslist de Accept-header.")
    ] = None,
) -> Response:
    """Om te oogsten, bijvoorbeeld door data.overheid.nl."""
    checked(asked.request, "formaat")
    opened = asked.open()
    accept = asked.request.headers.get("accept", "")
    as_json = formaat == "jsonld" or (formaat is None and "json" in accept and "turtle" not in accept)
    asked.needs_untightened(opened)
    file = opened.folder / ("catalog.jsonld" if as_json else "catalog.ttl")
    if not file.is_file():
        raise Problem(404, f"Release {opened.release_id} heeft geen catalogus.")
    kind = "application/ld+json" if as_json else "text/turtle; charset=utf-8"
    return Response(file.read_bytes(), media_type=kind, headers=asked.headers(opened, kind))
