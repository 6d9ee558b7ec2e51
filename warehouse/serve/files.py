"""The files of a release as they are: with ranges, sums and sizes, so that a client can resume, check, or attach a database."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, RedirectResponse, Response

from ingest.settings import DATABASE
from ingest.verified import file_sha256
from warehouse.releases.sums import SUMS, read_sums
from warehouse.serve.api.answers import RESPONSES, Item, answer_json
from warehouse.serve.api.questions import ReleaseName, checked, named
from warehouse.serve.library import Opened
from warehouse.serve.problem import Problem
from warehouse.serve.request import Ask, Asked, Unchanged

router = APIRouter()

#: Files with more in them than what is public: only for whoever may see all of the release.
_WHOLE = (DATABASE, "report.html", "release.json")
_KINDS = {
    ".csv": "text/csv; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".ttl": "text/turtle; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".duckdb": "application/vnd.duckdb",
}


def public_files(opened: Opened, current: Opened) -> dict[str, str]:
    """The files of a release that anyone may have, with their SHA-256: none if something of it was closed since."""
    if opened.tightened(current):
        return {}
    return {name: digest for name, digest in _sums(opened.folder).items() if name not in _WHOLE}


@lru_cache(maxsize=32)
def _sums(folder: Path) -> dict[str, str]:
    """File → SHA-256 of a release, which never changes; one from before there were sums has its database only."""
    file = folder / SUMS
    if file.is_file():
        return read_sums(file.read_text(encoding="utf-8")) | {SUMS: file_sha256(file)}
    said = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    return {DATABASE: said["sha256"]}


def _visible(asked: Asked, opened: Opened) -> dict[str, str]:
    """The files that this caller may have."""
    if asked.sees_all(opened):
        return _sums(opened.folder)
    return public_files(opened, asked.library.current())


@router.get(
    "/v1/releases/{release}/bestanden",
    summary="De bestanden van een release",
    responses=RESPONSES,
    response_model=Item,
    tags=["releases"],
)
def listing(asked: Ask, release: ReleaseName) -> Response:
    """Elk bestand met grootte en SHA-256."""
    checked(asked.request)
    opened = asked.open(named(release))
    root = f"{asked.root}/v1/releases/{opened.release_id}/bestanden"
    try:
        found: list[dict[str, Any]] = [
            {
                "bestand": name,
                "bytes": (opened.folder / name).stat().st_size,
                "sha256": digest,
                "_links": {"self": {"href": f"{root}/{name}"}},
            }
            for name, digest in sorted(_visible(asked, opened).items())
        ]
    except FileNotFoundError as error:
        raise _put_away(opened) from error
    return answer_json(asked, opened, {"release": opened.release_id, "bestanden": found})


@router.get(
    "/v1/releases/{release}/bestanden/{bestand:path}",
    summary="Een bestand van een release",
    responses=RESPONSES
    | {
        200: {"description": "Het bestand.", "content": {"application/octet-stream": {}}},
        206: {"description": "Een deel van het bestand."},
        416: {"description": "Dit deel is er niet."},
    },
    response_class=FileResponse,
    tags=["releases"],
    include_in_schema=False,
)
def file(asked: Ask, release: ReleaseName, bestand: Annotated[str, PathParameter(max_length=200)]) -> Response:
    """Met deelverzoeken (Range): te hervatten, en te openen als databank over het net."""
    checked(asked.request)
    opened = asked.open(named(release))
    try:
        sums = _sums(opened.folder)
    except FileNotFoundError as error:
        raise _put_away(opened) from error
    if bestand not in sums:
        raise Problem(404, f"Release {opened.release_id} heeft geen bestand {bestand}.")
    if bestand not in _visible(asked, opened):
        raise Problem(
            403,
            f"{bestand} van release {opened.release_id} is niet openbaar: er staat meer in dan u mag zien. "
            "De cijfers die u mag zien zijn te krijgen via /v1/waarnemingen en /v1/tabellen.",
        )
    digest = sums[bestand]
    headers = asked.headers(opened, digest) | {
        "ETag": f'"{digest}"',
        "Repr-Digest": f"sha-256=:{_base64(digest)}:",
        "Release": opened.release_id,
    }
    if f'"{digest}"' in asked.request.headers.get("if-none-match", ""):
        raise Unchanged(headers)
    target = opened.folder / bestand
    if not target.is_file():
        raise _put_away(opened)
    return FileResponse(target, media_type=_KINDS.get(target.suffix, "text/plain; charset=utf-8"), headers=headers)


def _put_away(opened: Opened) -> Problem:
    return Problem(410, f"Release {opened.release_id} is intussen opgeruimd.")


@router.get("/rdc.duckdb", include_in_schema=False)
def database(asked: Ask) -> Response:
    """The database of the current release, at an address that names the release: a reader asks for it part by part, and must
    get all parts from one."""
    checked(asked.request)
    opened = asked.open()
    return RedirectResponse(
        f"{asked.root}/v1/releases/{opened.release_id}/bestanden/{DATABASE}", 307, headers={"Cache-Control": "no-cache"}
    )


def _base64(digest: str) -> str:
    import base64

    return base64.b64encode(bytes.fromhex(digest)).decode()
