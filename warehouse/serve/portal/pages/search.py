"""Search: indicators, areas, themes and pages together, and an indicator of an area where a question names both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from warehouse.serve.portal.figures import Area
from warehouse.serve.portal.finding import FORM, Findable, Hit, asked, find, means
from warehouse.serve.portal.page import Asking, Kind, Links, Page
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words

#: How many of a kind are told.
MOST = 12


def make(view: View, asking: Asking, links: Links) -> Page:
    question = (asking.one("q") or "").strip()[:100]
    sought = asked(question)
    subjects = findable_indicators(view)
    areas = _areas(view, sought, subjects)
    named = {word for hit in areas for word in hit.words}
    rest = [word for word in sought if word not in named] if areas else sought
    indicators = find(rest, subjects)
    best = _as_many(indicators)[:MOST] if rest else []
    place = view.areas[areas[0].key] if areas and rest and best else None
    title = words().search.title
    return Page(
        title=f"{question} – {title}" if question else title,
        heading=title,
        content={
            "question": question,
            "place": place,
            "figures": _figures(view, best, place) if place else [],
            "areas": [(a, view.path_of(a), _owner(view, a)) for hit in areas[:MOST] if (a := view.areas[hit.key])],
            "indicators": [view.indicators[hit.key] for hit in best],
            "themes": [
                (view.themes[h.key], links.to(f"/thema/{h.key}")) for h in _as_many(find(rest, _themes(view)))[:3]
            ],
            "pages": [(words()[h.key].menu, links.to(_PATHS[h.key])) for h in _as_many(find(sought, _pages()))[:3]],
        },
    )


def findable_indicators(view: View) -> list[Findable]:
    """Every indicator by its name, its definition and its theme."""
    return [
        Findable.of(name, i["name_nl"], f"{i['definition']} {i['theme_title']} {name}")
        for name, i in view.indicators.items()
    ]


def findable_areas(view: View) -> list[Findable]:
    """Every area that has a page, by its name."""
    return [Findable.of(a.code, a.name) for a in view.areas.values() if view.path_of(a)]


def _areas(view: View, sought: list[str], subjects: list[Findable]) -> list[Hit]:
    """The areas that a question names: those of which all of the name is in it first, of these the largest.

    A word that a subject has too says no area: many a buurt is called after its houses.
    """
    codes = [Hit(code, 1.0, frozenset({word})) for word in sought if (code := word.upper()) in view.areas]
    if codes:
        return codes
    places = findable_areas(view)
    hits = find([word for word in sought if not means(word, subjects)], places)
    lengths = {place.key: len(place.name) for place in places}
    order = ("groep", "gemeente", "wijk", "buurt")
    # A part of a longer word, as `berg` in Bergeijk, is no name.
    whole = {h.key for h in hits if len(h.words) >= lengths[h.key]}
    near = [h for h in hits if h.score >= FORM / len(sought) or h.key in whole]
    return sorted(near, key=lambda h: (-len(h.words), h.key not in whole, order.index(view.areas[h.key].kind), h.key))


def _as_many(hits: Iterable[Hit]) -> list[Hit]:
    """Those that answer as many words of the question as the best."""
    found = list(hits)
    most = max((len(h.words) for h in found), default=0)
    return [h for h in found if len(h.words) == most]


def _figures(view: View, hits: list[Hit], area: Area) -> list[tuple[dict[str, Any], Any]]:
    """The newest figures of what was asked, of the area that was asked."""
    found = {f.indicator: f for f in view.latest([area.code], [h.key for h in hits])}
    there = [(view.indicators[h.key], found[h.key]) for h in hits if h.key in found]
    return sorted(there, key=lambda item: item[1].value is None)


def _owner(view: View, area: Area) -> str | None:
    """The municipality of a wijk or buurt: several villages have a street or quarter of one name."""
    return (
        view.areas[code].name if area.kind in ("wijk", "buurt") and (code := area.municipality) in view.areas else None
    )


def _themes(view: View) -> list[Findable]:
    return [Findable.of(name, title) for name, title in view.themes.items()]


def _pages() -> list[Findable]:
    """Pages that stand by themselves."""
    return [
        Findable.of(name, f"{said.menu} {said.get('title', '')}") for name, said in words().items() if name in _PATHS
    ]


#: The paths of pages that stand by themselves, by the name of their texts.
_PATHS = {
    **{
        "goals": "/doelen",
        "themes": "/thema",
        "compare": "/vergelijk",
        "quality": "/kwaliteit",
        "releases": "/uitgaven",
    },
    **{
        "products": "/producten",
        "terms": "/begrippen",
        "signs": "/tekens",
        "about": "/over",
        "accessibility": "/toegankelijkheid",
    },
}

KIND = Kind("search", "/zoeken", make, ("q",), place="menu", listed=False)
