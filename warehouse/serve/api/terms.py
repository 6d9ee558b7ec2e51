"""Terms (begrippen): indicators, regions and periods."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import Response

from warehouse.serve.api.answers import (
    RESPONSES,
    Gebieden,
    Indicatoren,
    Item,
    answer_json,
    link,
)
from warehouse.serve.api.paging import paged, start
from warehouse.serve.api.questions import (
    CODE,
    PAGE,
    Codes,
    Cursor,
    Limiet,
    Release,
    checked,
    known,
    named,
)
from warehouse.serve.problem import Problem
from warehouse.serve.request import Ask

router = APIRouter(prefix="/v1")


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
    published = asked.listing(opened)
    themes = known(thema, published.themes, "Thema")
    found = [_indicator(i) for i in published.indicators if not themes or i["theme"] in themes]
    return answer_json(
        asked, opened, {"release": opened.release_id, "indicatoren": found, "_links": {"self": link(asked)}}
    )


@router.get(
    "/indicatoren/{indicator}", summary="Een indicator", responses=RESPONSES, response_model=Item, tags=["begrippen"]
)
def indicator(asked: Ask, indicator: Annotated[str, Path(pattern=CODE)], release: Release = None) -> Response:
    """Alle versies van zijn definitie, de nieuwste eerst."""
    checked(asked.request, "release")
    opened = asked.open(named(release))
    found = [_indicator(i) for i in asked.listing(opened).indicators if i["indicator_id"] == indicator]
    if not found:
        known([indicator], [i["indicator_id"] for i in asked.listing(opened).indicators], "Indicator")
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
    opened, after = start(asked, release, cursor, [str])
    headers = asked.headers(opened)
    published = asked.published(opened)
    found = published.rows(
        "select * from core.region where (len($1) = 0 or list_contains($1, region_type)) "
        "and (len($2) = 0 or list_contains($2, parent_code)) and region_code > $3 order by region_code limit $4",
        [[s.lower() for s in soort or []], [c.upper() for c in ligtIn or []], after[0] if after else "", limiet + 1],
    )
    more = [found[limiet - 1]["region_code"]] if len(found) > limiet else None
    body = {"release": opened.release_id, "gebieden": [_region(r) for r in found[:limiet]]}
    return paged(asked, opened, body, more, headers)


@router.get("/gebieden/{gebied}", summary="Een gebied", responses=RESPONSES, response_model=Item, tags=["begrippen"])
def region(asked: Ask, gebied: Annotated[str, Path(pattern=CODE)], release: Release = None) -> Response:
    """Met de gebieden die erin liggen, en de groepen waar het bij hoort."""
    checked(asked.request, "release")
    opened = asked.open(named(release))
    headers = asked.headers(opened)
    published = asked.published(opened)
    [code] = known([gebied], published.region_codes, "Gebied")
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
