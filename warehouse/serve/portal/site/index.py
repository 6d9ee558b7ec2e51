"""The search index of the static site: what can be found, and by which words; the script of the page looks in it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from warehouse.registry.synonyms import synonyms
from warehouse.serve.portal.finding import STOP, Findable, means, words_of
from warehouse.serve.portal.pages.search import findable_areas
from warehouse.serve.portal.site.links import Site
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words


def index(view: View, site: Site) -> bytes:
    """Every theme, indicator and area that has a page: its title, address, the words of its name and those that stand for them."""
    kinds = words().kinds
    found = [
        *((f"/thema/{name}", title, words().themes.title) for name, title in view.themes.items()),
        *((f"/indicator/{name}", i["name_nl"], i["theme_title"]) for name, i in view.indicators.items()),
        *((path, area.name, kinds[area.kind]) for area, path in _areas(view)),
    ]
    entries = [
        {"title": title, "kind": kind, "address": place, "names": _names(title), "others": sorted(_others(title))}
        for path, title, kind in found
        if (place := site.place(path, ())) is not None
    ]
    said: dict[str, Any] = {"stop": sorted(STOP), "entries": entries}
    return (json.dumps(said, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _areas(view: View) -> Iterable[tuple[Any, str]]:
    for findable in findable_areas(view):
        area = view.areas[findable.key]
        yield area, view.path_of(area) or ""


def _names(title: str) -> list[str]:
    return [word for word in words_of(title) if word not in STOP]


def _others(title: str) -> set[str]:
    """The words that stand for one of the title."""
    own = [Findable.of("", title)]
    groups = [g for g in synonyms() if any(means(w, own) for word in g for w in words_of(word) if not w.isdigit())]
    return {w for group in groups for word in group for w in words_of(word)} - set(_names(title)) - STOP
