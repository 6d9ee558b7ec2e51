"""The start page: themes, policy goals and downloads."""

from __future__ import annotations

from warehouse.making import product
from warehouse.serve.portal.page import Asking, Kind, Links, Page
from warehouse.serve.portal.view import View


def make(view: View, _: Asking, links: Links) -> Page:
    themes = [{"name": name, "title": title, "indicators": view.of_theme(name)} for name, title in view.themes.items()]
    return Page(
        title=f"{view.center.name}: cijfers over {view.center.group.name}",
        heading=view.center.name,
        content={"themes": themes, "goals": view.goals, "publisher": product.publisher()},
    )


KIND = Kind("home", "/", make)
