"""The themes: which there are, and of one its figures of the own municipalities beside each other."""

from __future__ import annotations

from collections.abc import Iterable

from warehouse.registry.themes import headings
from warehouse.serve.portal.page import Address, Asking, Kind, Links, Page
from warehouse.serve.portal.pages.goals import told
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words
from warehouse.serve.problem import Problem


def make(view: View, asking: Asking, links: Links) -> Page:
    theme = asking.path["theme"]
    if theme not in view.themes:
        raise Problem(404, f"Er is geen thema {theme}. Kies een van {', '.join(view.themes)}.")
    indicators = view.of_theme(theme)
    columns = [
        *view.own,
        *([view.group] if view.group else []),
        *([view.areas["NL01"]] if "NL01" in view.areas else []),
    ]
    codes = [a.code for a in columns]
    # One period for the whole row: the newest that an own municipality has a number of.
    found = view.latest(codes, [i["indicator_id"] for i in indicators])
    own = [f for f in found if f.area in view.center.members or f.area == view.center.code]
    newest = {
        f.indicator: f for f in sorted((f for f in own if f.value is not None), key=lambda f: (f.start, f.period))
    }
    beside = view.beside(list(newest.values()), codes)
    heading = headings().get(theme)
    names = {i["indicator_id"] for i in indicators}
    return Page(
        title=view.themes[theme],
        description=heading.purpose if heading else "",
        crumbs=[(words().themes.title, links.to("/thema"))],
        content={
            "theme": theme,
            "purpose": heading.purpose if heading else "",
            "columns": columns,
            "rows": [
                (i, newest[i["indicator_id"]].period, [beside.get((i["indicator_id"], c)) for c in codes])
                for i in indicators
                if i["indicator_id"] in newest
            ],
            "without": [i for i in indicators if i["indicator_id"] not in newest],
            "goals": told(view, [g for g in view.goals if g["indicator_id"] in names]),
        },
    )


def index(view: View, _: Asking, links: Links) -> Page:
    said = headings()
    themes = [
        (title, links.to(f"/thema/{name}"), said[name].purpose if name in said else "", view.of_theme(name))
        for name, title in view.themes.items()
    ]
    return Page(title=words().themes.title, content={"themes": themes})


def _addresses(view: View) -> Iterable[Address]:
    return [Address({"theme": name}) for name in view.themes]


KINDS = [
    Kind("themes", "/thema", index, place="menu"),
    Kind("theme", "/thema/{theme}", make, addresses=_addresses),
]
