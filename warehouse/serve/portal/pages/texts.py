"""Pages of words: what terms mean, what signs stand for, what this data centre is, and how accessible these pages are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from warehouse.serve.portal.figures import MISSING
from warehouse.serve.portal.page import Asking, Kind, Links, Page
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words

#: What the tests of the pages found, written by them.
MEASURED = Path(__file__).parents[1] / "accessibility.yml"


def terms(view: View, _: Asking, links: Links) -> Page:
    said = sorted(words().terms.entries, key=lambda entry: entry["term"].casefold())
    return Page(title=words().terms.title, description=words().terms.lead, content={"entries": said})


def signs(view: View, _: Asking, links: Links) -> Page:
    return Page(title=words().signs.title, description=words().signs.lead, content={"missing": MISSING})


def about(view: View, _: Asking, links: Links) -> Page:
    return Page(
        title=f"Over {view.center.name}",
        description=words().about.lead,
        content={
            "api": links.file("/v1/openapi.json"),
            "odata": links.file("/ODataCatalog/Tables"),
            "catalogue": links.file("/v1/catalogus"),
            "log_in": "/inloggen" if links.answers and view.open else None,
            "sources": view.attributions,
        },
    )


def accessibility(view: View, _: Asking, links: Links) -> Page:
    """Made from what the tests found: a claim that nobody checked is no claim."""
    measured: dict[str, Any] | None = None
    if MEASURED.is_file():
        measured = yaml.safe_load(MEASURED.read_text(encoding="utf-8"))
    return Page(title=words().accessibility.title, content={"measured": measured})


KINDS = [
    Kind("about", "/over", about, place="menu"),
    Kind("terms", "/begrippen", terms, place="foot"),
    Kind("signs", "/tekens", signs, place="foot"),
    Kind("accessibility", "/toegankelijkheid", accessibility, place="foot"),
]
