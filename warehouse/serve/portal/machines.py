"""What machines ask of the service beside its API: the feed of releases, the sitemap, and what a crawler may."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from ingest.datacenter import here
from warehouse.serve.api.questions import checked
from warehouse.serve.portal import feeds
from warehouse.serve.portal.page import FEED, ServiceLinks
from warehouse.serve.portal.pages import KINDS
from warehouse.serve.portal.serving import view_of
from warehouse.serve.problem import Problem
from warehouse.serve.request import Ask, Asked

router = APIRouter(include_in_schema=False)


@router.get(f"/{FEED}")
def feed(asked: Ask) -> Response:
    """The releases that are kept, the newest first."""
    checked(asked.request)
    opened = asked.open()
    found = feeds.atom(here(), asked.library.releases.all(), f"{asked.root}/{FEED}", f"{asked.root}/")
    return Response(found, media_type="application/atom+xml; charset=utf-8", headers=asked.headers(opened))


@router.get("/sitemap.xml")
def sitemap(asked: Ask) -> Response:
    return _sitemap(asked, "sitemap.xml")


@router.get("/sitemap-{number}.xml")
def part_of_sitemap(asked: Ask, number: int) -> Response:
    return _sitemap(asked, f"sitemap-{number}.xml")


def _sitemap(asked: Asked, name: str) -> Response:
    """The pages of the current release, as everyone may see them."""
    checked(asked.request)
    opened = asked.open()
    links = ServiceLinks(asked.root, opened.release_id)

    def made() -> bytes:
        view = view_of(asked, opened)
        found = [links.here(k.path(a), **a.state) for k in KINDS if k.listed for a in k.addresses(view)]
        parts = feeds.sitemaps(found, f"{asked.root}/", opened.created_at)
        if name not in parts:
            raise Problem(404, f"Er is geen {name}.")
        return parts[name]

    if asked.caller.key:
        return Response(made(), media_type="application/xml", headers={"Cache-Control": "no-store"})
    headers = asked.headers(opened)
    return Response(
        asked.request.app.state.drawn.get(headers["ETag"], made), media_type="application/xml", headers=headers
    )


@router.get("/robots.txt")
def robots(asked: Ask) -> Response:
    checked(asked.request)
    return Response(feeds.robots(f"{asked.root}/sitemap.xml"), media_type="text/plain; charset=utf-8")
