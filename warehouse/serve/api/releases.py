"""Releases: which there are, what each was made from, and what it changed."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from ingest.datacenter import here
from warehouse.serve.api.answers import (
    RESPONSES,
    Item,
    ReleaseItem,
    Releases,
    answer_json,
    link,
)
from warehouse.serve.api.questions import (
    ReleaseName,
    checked,
    named,
)
from warehouse.serve.problem import Problem
from warehouse.serve.request import Ask

router = APIRouter(prefix="/v1")


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
    return answer_json(asked, None, {"releases": found, "_links": {"self": link(asked)}}, headers)


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
