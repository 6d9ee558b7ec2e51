"""Charts by themselves, over HTTP: as a file, and as a small page that another website puts in a frame.

Both come from the page that the chart stands on, with the same state: what is drawn there is drawn here. Which websites may frame
is a setting (:func:`may_frame`); nothing else of the service may be framed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import Response

from warehouse.serve.limits import ServeError
from warehouse.serve.portal import looks
from warehouse.serve.portal.charts import drawing
from warehouse.serve.portal.charts.chart import Chart
from warehouse.serve.portal.page import Kind
from warehouse.serve.portal.pages import KINDS
from warehouse.serve.portal.serving import HTML, POLICY, Sight, given
from warehouse.serve.problem import Problem
from warehouse.serve.request import Ask, Asked

router = APIRouter(include_in_schema=False)

#: How a picture is served, by the ending of its name.
FORMS = {"svg": "image/svg+xml; charset=utf-8", "png": "image/png"}
_ORIGIN = re.compile(r"https?://(\*\.)?[a-z0-9.-]+(:\d{1,5})?")
#: An SVG that is opened by itself draws, and does nothing else.
_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def may_frame(said: str) -> str:
    """The websites that may put a chart in a frame, as Content-Security-Policy writes them; none unless the setting names some.

    :param said: ``RDC_SERVE_FRAMES``: ``*`` for every website, or origins with spaces between them.
    :raises ServeError: one is no origin.
    """
    origins = said.split()
    if origins == ["*"]:
        return "*"
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ServeError(
                f"RDC_SERVE_FRAMES has {origin!r}; name the websites that may show a chart in a frame as "
                "https://www.example.nl, with spaces between them, or * for all."
            )
    return " ".join(["'self'", *origins])


def picture(chart: Chart, form: str, keep: bool) -> bytes:
    """The chart as a file of this form."""
    return drawing.svg_file(chart, keep).encode() if form == "svg" else drawing.png_file(chart, keep)


def _chart(sight: Sight, name: str) -> Chart:
    if name not in sight.page.charts:
        raise Problem(404, f"Deze bladzijde heeft hier geen grafiek {name}: er zijn geen cijfers om te tekenen.")
    return sight.page.charts[name]


def _pictures(kind: Kind, pattern: str, form: str) -> Callable[[Asked], Response]:
    def show(asked: Ask) -> Response:
        name = pattern.format(**asked.request.path_params)

        def draw(sight: Sight) -> bytes:
            return picture(_chart(sight, name), form, sight.view.open)

        path = asked.request.url.path.removesuffix(kind.picture("", name, form))
        return given(asked, kind, path, draw, FORMS[form], _PICTURE_POLICY)

    return show


def _embeds(kind: Kind, pattern: str) -> Callable[[Asked], Response]:
    def show(asked: Ask) -> Response:
        name = pattern.format(**asked.request.path_params)

        def draw(sight: Sight) -> bytes:
            back = sight.links.here(sight.path, **sight.asking.state)
            return looks.drawn_embed(_chart(sight, name), name, sight.view, sight.links, back).encode()

        path = asked.request.url.path.removeprefix("/embed").removesuffix(f"/{name}")
        policy = POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {asked.request.app.state.frames}")
        answer = given(asked, kind, path, draw, HTML, policy)
        # It knows of one website; a browser that reads the policy takes no notice of it.
        answer.headers["X-Frame-Options"] = "SAMEORIGIN"
        return answer

    return show


for _kind in KINDS:
    for _name in _kind.charts:
        for _form in FORMS:
            router.add_api_route(_kind.picture(_kind.pattern, _name, _form), _pictures(_kind, _name, _form))
        router.add_api_route(_kind.embed(_kind.pattern, _name), _embeds(_kind, _name))
