"""The static site of a real release: whole, with the released figures in every page, chart and map."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.orchestration.conftest import Rdc
from tests.orchestration.released_figures import Key, Truth, figures_of
from warehouse.serve.portal.page import Asking, Page
from warehouse.serve.portal.site.check import check
from warehouse.serve.portal.site.writer import Entry, Writer
from warehouse.serve.portal.view import View

#: A figure as a page has it. With the parser of HTML the pages of a site would take a minute more; that they are sound is looked
#: at by ``rdc portal check``.
SHOWN = re.compile(r'<data data-figure="([^"|]+)\|([^"|]+)\|([^"|]+)" value="([^"]*)">([^<]*)</data>')


@pytest.fixture(scope="module")
def writer(released: Rdc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Writer]:
    made = Writer(released.home, tmp_path_factory.mktemp("pages"), None, None)
    yield made
    made.close()


@pytest.fixture(scope="module")
def truth(released: Rdc) -> Truth:
    return figures_of(released)


def test_what_is_read_once_is_what_is_asked_each_time(writer: Writer) -> None:
    """The view of the site answers as that of the service."""
    whole = writer.view
    each = View(writer.published, writer.center, writer.opened.created_at)
    keys = each.figure_keys()
    assert whole.figure_keys() == keys
    some = random.Random(17).sample(keys, 12)
    for indicator, area, period in some:
        assert whole.chain(indicator, area, period) == each.chain(indicator, area, period)
    names, areas = sorted({k[0] for k in some})[:3], sorted({k[1] for k in some})
    for asked in (
        {"indicators": names},
        {"indicators": names[:1], "areas": areas},
        {"areas": areas[:2], "kinds": ["wijk", "gemeente"]},
        {"indicators": names, "periods": sorted({k[2] for k in some})},
    ):
        assert whole.figures(**asked) == each.figures(**asked)  # type: ignore[arg-type]
    for name in names:
        assert whole.areas_with(name) == each.areas_with(name)
        for kind in ("gemeente", "wijk", "land"):
            assert whole.newest(name, kind) == each.newest(name, kind)


def _drawn(entry: Entry, page: Page) -> Iterator[tuple[tuple[str, str, str], float | None]]:
    """The figures in the specifications of a page's charts."""
    for name, chart in page.charts.items():
        for view in chart.views:
            for rows in chart.spec(view)["datasets"].values():
                for row in rows:
                    if "waarde" in row and row.get("periode"):
                        yield (_indicator(entry, page, name, row), row["gebied"], row["periode"]), row["waarde"]


def _indicator(entry: Entry, page: Page, chart: str, row: dict[str, Any]) -> str:
    if entry.kind.name == "goals":
        goals = [goal for of_area in page.content["goals"].values() for goal in of_area]
        return next(str(goal["indicator_id"]) for goal in goals if goal["goal_id"] == chart)
    if chart == "kaart" and entry.kind.template == "area":
        return str(page.content["on_map"][0].indicator)
    return str(row.get("indicator") or entry.names.get("indicator") or page.content["indicator"]["indicator_id"])


@pytest.mark.long
def test_every_figure_in_every_chart_and_map_is_that_of_the_warehouse(writer: Writer, truth: Truth) -> None:
    seen: dict[str, int] = {}
    for entry in writer.entries:
        # What an effect is seen by, what was to be expected, is no figure of the release.
        if not entry.kind.charts or entry.kind.name == "effect":
            continue
        page = entry.kind.make(
            writer.view, Asking(entry.names, {n: [v] for n, v in entry.state.items()}), writer.links(entry.folder)
        )
        for key, value in _drawn(entry, page):
            assert truth[key][0] == value, (entry.path, entry.state, key)
            seen[key[0]] = seen.get(key[0], 0) + 1
    shown = {key[0] for key, (value, _) in truth.items() if value is not None}
    assert len(seen) > 0.9 * len(shown), sorted(shown - seen.keys())


@pytest.mark.long
def test_the_whole_site(released: Rdc, truth: Truth, tmp_path: Path) -> None:
    site = tmp_path / "site"
    made = released.json("portal", "build", "--output", str(site), "--base-url", "https://cijfers.example.nl/kempen")
    assert made["pages"] > len(truth), "every figure has its page"
    assert list(check(site)) == []
    seen: set[Key] = set()
    for file in site.rglob("index.html"):
        for *key, value, text in SHOWN.findall(file.read_text(encoding="utf-8")):
            assert truth[tuple(key)] == (float(value), text), (file, key)
            seen.add(tuple(key))
    assert seen == {key for key, (value, _) in truth.items() if value is not None}
