"""How a page is drawn: the templates, and the words that they take."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from warehouse.serve.portal import dutch
from warehouse.serve.portal.charts import drawing
from warehouse.serve.portal.charts.chart import Chart
from warehouse.serve.portal.figures import used_signs
from warehouse.serve.portal.page import Kind, Links, Page
from warehouse.serve.portal.pages import KINDS
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words

_FOLDER = Path(__file__).parent


@lru_cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        **{
            "number": dutch.number,
            "day": dutch.day,
            "month": dutch.month,
            "period": dutch.period,
            "reference": dutch.reference,
        },
        "inline": _inline,
        **{"listed": dutch.listed, "sentence": dutch.sentence, "spoken": _spoken, "signs": used_signs},
    }
    return found


def _spoken(text: str, view: View) -> str:
    return dutch.spoken(text, view.names)


def _inline(chart: Chart, name: str, keep: bool) -> dict[str, Any]:
    """The drawings of a chart, as markup. What is in them was escaped where they were drawn."""
    from markupsafe import Markup

    return {view: Markup(svg) for view, svg in drawing.inline(chart, name, keep).items()}


def drawn(kind: Kind, page: Page, view: View, links: Links, path: str) -> str:
    """A page as HTML.

    :param path: where it is, for the menu and its permanent address.
    """
    return (
        _environment()
        .get_template(f"{kind.template or kind.name}.html")
        .render(
            page.content,
            page=page,
            kind=kind,
            path=path,
            places={place: [k for k in KINDS if k.place == place] for place in ("menu", "foot")},
            view=view,
            links=links,
            words=words(),
            center=view.center,
        )
    )


def drawn_embed(chart: Chart, name: str, view: View, links: Links, back: str) -> str:
    """A chart by itself, for the frame of another website.

    :param back: the whole address of the page that it stands on.
    """
    given = {"chart": chart, "name": name, "view": view, "links": links, "back": back}
    return _environment().get_template("embed.html").render(given, words=words(), center=view.center)


def drawn_problem(status: int, title: str, detail: str, center: Any, links: Links) -> str:
    """What a person reads where there is no page. It stands on its own: there may be no release to tell of."""
    return (
        _environment()
        .get_template("problem.html")
        .render(status=status, title=title, detail=detail, center=center, links=links, words=words())
    )
