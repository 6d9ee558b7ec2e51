"""The pages over HTTP: every kind at its pattern, the style, and a problem as a page for whoever reads pages.

A page of what everyone may see is kept as it was drawn, as long as there is room. One that came with a key is never kept: not here, and
not by what lies between (``Cache-Control: no-store``).
"""

from __future__ import annotations

import re
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ingest.datacenter import here
from warehouse.serve.api.questions import RELEASE, checked, named
from warehouse.serve.library import Opened
from warehouse.serve.portal import assets, looks
from warehouse.serve.portal.page import Asking, Kind, Page, ServiceLinks
from warehouse.serve.portal.pages import KINDS
from warehouse.serve.portal.view import Atlas, View
from warehouse.serve.problem import TITLES, Fault, Problem
from warehouse.serve.request import Ask, Asked

router = APIRouter(include_in_schema=False)

#: What a page may do: nothing from elsewhere, no script or style in the page itself, in nobody's frame.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HTML = "text/html; charset=utf-8"
#: Bytes of drawn pages that are kept, as they are packed.
KEPT_BYTES = 32 << 20


class Drawn:
    """Pages that everyone may see, packed, the last ones that were asked for."""

    def __init__(self, room: int = KEPT_BYTES) -> None:
        self.room, self._size = room, 0
        self._kept: OrderedDict[Any, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any, draw: Callable[[], bytes]) -> bytes:
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
        if found is None:
            found = zlib.compress(draw(), 1)
            with self._lock:
                if key not in self._kept:
                    self._kept[key], self._size = found, self._size + len(found)
                while self._size > self.room:
                    self._size -= len(self._kept.popitem(last=False)[1])
        return zlib.decompress(found)


def view_of(asked: Asked, opened: Opened) -> View:
    """A release as the asker's pages see it."""
    told = asked.sees_all(opened) or not opened.tightened(asked.library.current())
    published = asked.published(opened)
    return View(
        published,
        here(),
        opened.created_at,
        open=asked.caller.key is None,
        folder=opened.folder if told else None,
        look_up=asked.request.app.state.look_up,
        given=opened.once(Atlas, lambda: Atlas.of(published)),
    )


@dataclass(frozen=True)
class Sight:
    """What is drawn of a page: as much as it takes to draw it, in any form."""

    kind: Kind
    page: Page
    view: View
    links: ServiceLinks
    path: str
    asking: Asking


def given(
    asked: Asked, kind: Kind, path: str, draw: Callable[[Sight], bytes], media_type: str, policy: str
) -> Response:
    """A page, or a part of it, to whoever asks.

    :param path: of the page itself.
    """
    request = asked.request
    checked(request, *kind.state, "uitgave")
    pinned = named(_release(request.query_params.get("uitgave")))
    opened = asked.open(pinned)
    links = ServiceLinks(asked.root, opened.release_id, pinned)
    state = {name: request.query_params.getlist(name) for name in kind.state}
    asking = Asking({name: request.path_params[name] for name in kind.names}, state)

    def made() -> bytes:
        view = view_of(asked, opened)
        return draw(Sight(kind, kind.make(view, asking, links), view, links, path, asking))

    headers = {"Content-Security-Policy": policy, "Link": f'<{links.here(path)}>; rel="canonical"'}
    if asked.caller.key:
        return Response(made(), media_type=media_type, headers=headers | {"Cache-Control": "no-store"})
    headers |= asked.headers(opened)
    # What the answer is marked with says all that it depends on.
    drawn = request.app.state.drawn.get(headers["ETag"], made)
    return Response(drawn, media_type=media_type, headers=headers)


def _shows(kind: Kind) -> Callable[[Asked], Response]:
    def draw(sight: Sight) -> bytes:
        return looks.drawn(kind, sight.page, sight.view, sight.links, sight.path).encode()

    def show(asked: Ask) -> Response:
        return given(asked, kind, asked.request.url.path, draw, HTML, POLICY)

    return show


def _release(said: str | None) -> str | None:
    if said and not re.fullmatch(RELEASE, said):
        wrong = "is niet de naam van een uitgave, zoals 2026.11.1"
        raise Problem(400, f"De vraag is niet geldig: uitgave {wrong}", [Fault("query", "uitgave", wrong)])
    return said or None


for _kind in KINDS:
    router.add_api_route(_kind.pattern, _shows(_kind), name=_kind.name, response_class=HTMLResponse)


@router.get("/stijl/{fingerprint}/{name}")
def style(fingerprint: str, name: str) -> Response:
    """A file of the style; an older address gives the newest, which is not kept for long."""
    if name not in assets.STYLE:
        raise Problem(404, f"Er is geen bestand {name} bij de stijl.")
    is_this = fingerprint == assets.fingerprint(name)
    keep = "public, max-age=31536000, immutable" if is_this else "public, max-age=60"
    return Response(assets.style(name), media_type=assets.STYLE[name], headers={"Cache-Control": keep})


@router.get("/inloggen")
def log_in(asked: Ask) -> Response:
    """A browser asks for the key (as the password of any name), and gives it with every page from then on."""
    checked(asked.request)
    if asked.caller.key is None:
        raise Problem(
            401,
            "Vul uw sleutel in als wachtwoord; de naam maakt niet uit. Zonder sleutel ziet u wat openbaar is.",
            headers={"WWW-Authenticate": f'Basic realm="{here().name}", charset="UTF-8"', "Cache-Control": "no-store"},
        )
    return RedirectResponse("/", 303, headers={"Cache-Control": "no-store"})


def reads_pages(request: Request) -> bool:
    """Whether an error is best told as a page: a browser asks, and not for something of the API."""
    path = request.url.path.lower()
    is_page = not path.startswith(("/v1", "/odata"))
    return is_page and "text/html" in request.headers.get("accept", "")


def problem_page(request: Request, problem: Problem) -> Response:
    links = ServiceLinks(f"{request.url.scheme}://{request.url.netloc}", "")
    title = TITLES.get(problem.status, "Fout")
    html = looks.drawn_problem(problem.status, title, problem.detail, here(), links)
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": POLICY} | problem.headers
    return HTMLResponse(html, problem.status, headers)
