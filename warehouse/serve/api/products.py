"""Data products, policy goals and the catalogue."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from warehouse.serve.api.answers import (
    RESPONSES,
    Item,
    answer_json,
)
from warehouse.serve.api.questions import (
    Release,
    checked,
    named,
)
from warehouse.serve.problem import Problem
from warehouse.serve.request import Ask

router = APIRouter(prefix="/v1")


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
