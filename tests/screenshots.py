"""Pictures of the portal, by Chromium: ``rdc serve`` in one window, and ``python -m tests.screenshots --output DIR`` in another.

Those of ``docs/portal`` are made by ``python -m tests.screenshots --output docs/portal``, on the sample. With ``--all`` a page of every
kind, on a phone and a desktop, light and dark, and as it prints, to look at.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.browser import DARK, DESKTOP, LIGHT, PHONE, Browser, started

#: Name of the picture, page, scheme, width and height of the window, and what is brought into it.
SHOWN = [
    ("home", "/", LIGHT, DESKTOP, 900, None),
    ("indicator", "/indicator/mil_gas?gebied=GM0770", LIGHT, DESKTOP, 900, "#reeks"),
    ("map", "/gemeente/eersel", LIGHT, DESKTOP, 900, "#kaart"),
    ("figure", "/cijfer/mil_gas/GM0770/2023JJ00", LIGHT, DESKTOP, 900, None),
    ("phone", "/gemeente/bladel", DARK, PHONE, 780, None),
]
#: A page of each kind that is worth looking at.
EVERY = {
    **{"home": "/", "indicator": "/indicator/mil_gas?gebied=GM0770", "total": "/indicator/bev_inwoners?gebied=GM0770"},
    **{"municipality": "/gemeente/eersel", "group": "/gemeente/de-kempen", "village": "/wijk/WK172803"},
    **{"neighbourhood": "/buurt/BU17280300", "figure": "/cijfer/mil_gas/GM0770/2023JJ00", "themes": "/thema"},
    **{
        "theme": "/thema/wonen",
        "goals": "/doelen",
        "effects": "/effecten",
        "effect": "/effect/voorbeeld_eersel_stroom",
        "search": "/zoeken?q=zonnepanelen+hapert",
        "about": "/over",
    },
    **{"compare": "/vergelijk?indicator=mil_gas&gebied=GM0770&gebied=GM1728", "quality": "/kwaliteit"},
    **{"products": "/producten", "releases": "/uitgaven", "terms": "/begrippen", "signs": "/tekens"},
    **{"effects": "/effecten", "effect": "/effect/voorbeeld_eersel_stroom"},
    **{"accessibility": "/toegankelijkheid", "embed": "/embed/indicator/mil_gas/reeks?gebied=GM0770"},
}


def few(browser: Browser, url: str, output: Path) -> None:
    """Those of the documentation: what fits in a window."""
    for name, path, scheme, width, height, at in SHOWN:
        with browser.window(url, scheme, width) as window:
            window.page.set_viewport_size({"width": width, "height": height})
            page = window.open(path)
            if at:
                page.locator(at).evaluate("e => scrollTo(0, e.getBoundingClientRect().top + scrollY - 16)")
            page.screenshot(path=output / f"{name}.png")
            print(output / f"{name}.png")


def every(browser: Browser, url: str, output: Path) -> None:
    """Whole pages, each in five ways."""
    ways = [(LIGHT, DESKTOP), (DARK, DESKTOP), (LIGHT, PHONE), (DARK, PHONE)]
    for name, path in EVERY.items():
        for scheme, width in ways:
            with browser.window(url, scheme, width) as window:
                window.open(path).screenshot(path=output / f"{name}-{width}-{scheme}.png", full_page=True)
        with browser.window(url, LIGHT, 794) as window:  # A4 at 96 dots an inch
            page = window.open(path)
            page.emulate_media(media="print")
            page.screenshot(path=output / f"{name}-print.png", full_page=True)
        print(output / name)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--url", default="http://127.0.0.1:8080", help="where `rdc serve` listens")
    asked.add_argument("--output", type=Path, required=True)
    asked.add_argument("--all", action="store_true", help="a page of every kind, in every way")
    said = asked.parse_args()
    said.output.mkdir(parents=True, exist_ok=True)
    with started() as browser:
        (every if said.all else few)(browser, said.url, said.output)


if __name__ == "__main__":
    main()
