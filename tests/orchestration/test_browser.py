"""The portal in a real browser: what it shows, that it can be used by everyone, and that it asks nothing of anyone else."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from tests.browser import DARK, DESKTOP, LIGHT, PHONE, Browser, Window, invalid
from tests.orchestration.conftest import Rdc
from tests.orchestration.test_portal import addresses
from tests.warehouse.conftest import Service
from tests.warehouse.serve.portal.reading import Read

pytestmark = pytest.mark.browser

#: Pages that have much on them, beside one of each kind.
RICH = [
    "/indicator/mil_gas?gebied=GM0770",
    "/indicator/bev_65plus_pct?gebied=WK072806",
    "/embed/indicator/mil_gas/reeks?gebied=GM0770",
    "/indicator/mil_gas?gebied=GM0770&sorteer=naam&van=2015",
    "/effect/voorbeeld_eersel_stroom",
]


@pytest.fixture(scope="module")
def pages(released: Rdc, service: Service) -> list[str]:
    """A page of every kind, and those with much on them."""
    found = [paths[len(paths) // 2] for paths in addresses(released.home).values() if paths]
    return found + [path for path in RICH if service.get(path).ok]


def _is_for_everyone(window: Window, paths: list[str]) -> None:
    """axe-core finds nothing, the console says nothing, nothing is asked elsewhere, and nothing sticks out sideways."""
    for path in paths:
        window.open(path)
        assert window.violations() == [], path
        assert window.sideways <= 0, path
    assert window.wrong == []


def test_pages_can_be_used_by_everyone(browser: Browser, service: Service) -> None:
    with browser.window(service.url, LIGHT, PHONE) as window:
        _is_for_everyone(window, ["/", RICH[0], "/gemeente/eersel"])


@pytest.mark.long
@pytest.mark.parametrize("scheme", [LIGHT, DARK])
@pytest.mark.parametrize("width", [PHONE, DESKTOP, 1920])
def test_every_kind_of_page_can_be_used_by_everyone(
    browser: Browser, service: Service, pages: list[str], scheme: str, width: int
) -> None:
    with browser.window(service.url, scheme, width) as window:
        _is_for_everyone(window, pages)


def test_what_looks_for_faults_sees_them(browser: Browser, service: Service) -> None:
    with browser.window(service.url) as window:
        page = window.open("/")
        page.evaluate(
            "document.querySelector('main').append(new Image(), Object.assign(document.createElement('div'), {id: 'wide'}))"
        )
        page.evaluate("document.getElementById('wide').style.cssText = 'width: 3000px; height: 1px'")
        page.evaluate("fetch('https://elders.example/').catch(() => 0)")
        assert any(said.startswith("image-alt") for said in window.violations())
        assert window.sideways > 0 and any("elders.example" in said for said in window.wrong)


@pytest.mark.long
def test_text_twice_as_large_loses_nothing(browser: Browser, service: Service, pages: list[str]) -> None:
    with browser.window(service.url, width=DESKTOP) as window:
        for path in pages:
            page = window.open(path)
            page.evaluate("document.documentElement.style.fontSize = '200%'")
            assert window.sideways <= 0, path
            cut = page.evaluate(
                """() => [...document.querySelectorAll('h1, h2, p, li, dd, dt, button, label, a')]
                .filter(e => e.offsetParent && !e.closest('.scroll, .unseen, svg, .skip')
                    && getComputedStyle(e).overflow !== 'visible' && e.scrollWidth > e.clientWidth + 1)
                .map(e => e.outerHTML.slice(0, 120))"""
            )
            assert cut == [], path


@pytest.mark.long
def test_everything_is_reached_by_keyboard(browser: Browser, service: Service) -> None:
    """Tab goes through all that can be used, in the order of the page, each with a ring around it."""
    with browser.window(service.url) as window:
        page = window.open(RICH[0])
        usable = page.evaluate(
            """() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
            .filter(e => e.checkVisibility()).length"""
        )
        seen, first = [], None
        for _ in range(usable + 2):
            page.keyboard.press("Tab")
            at = page.evaluate(
                """() => { const e = document.activeElement; if (e === document.body) return null;
                const s = getComputedStyle(e);
                return [[...document.querySelectorAll('*')].indexOf(e), s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0,
                    e.outerHTML.slice(0, 100)]; }"""
            )
            if at is None or (first is not None and at[0] == first):
                break
            first = at[0] if first is None else first
            assert at[1], f"no ring around {at[2]}"
            seen.append(at[0])
        assert len(seen) == usable and seen == sorted(seen)
        page.keyboard.press("Tab")


def test_the_skip_link_leads_to_the_page(browser: Browser, service: Service) -> None:
    with browser.window(service.url) as window:
        page = window.open("/")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "inhoud"


def test_pages_work_without_script(browser: Browser, service: Service) -> None:
    with browser.window(service.url, java_script_enabled=False) as window:
        page = window.open("/indicator/mil_gas")
        page.get_by_label("Gebied").select_option("GM0770")
        page.get_by_role("button", name="Toon").click()
        assert "gebied=GM0770" in page.url
        assert page.locator("figure.chart.line svg.grafiek-wide").is_visible()
        assert not page.locator("figure.chart.line svg.grafiek-narrow").is_visible()
        page.locator("table a.figure").first.click()
        assert "/cijfer/mil_gas/GM0770/" in page.url


@pytest.mark.long
def test_a_chart_has_the_colours_of_the_page_and_on_a_phone_its_own_form(browser: Browser, service: Service) -> None:
    ink = {}
    for scheme in (LIGHT, DARK):
        with browser.window(service.url, scheme, PHONE) as window:
            page = window.open(RICH[0])
            chart = page.locator("figure.chart.line")
            assert (
                chart.locator("svg.grafiek-narrow").is_visible() and not chart.locator("svg.grafiek-wide").is_visible()
            )
            text = chart.locator("svg.grafiek-narrow text").first
            assert text.bounding_box()["height"] >= 11, "labels can be read"
            ink[scheme] = text.evaluate("e => getComputedStyle(e).fill")
    assert ink[LIGHT] != ink[DARK]


def test_the_pointer_shows_the_figure_of_a_point(browser: Browser, service: Service) -> None:
    with browser.window(service.url) as window:
        page = window.open(RICH[0])
        point = page.locator("figure.chart.line svg.grafiek-wide path[data-tekst]").first
        point.scroll_into_view_if_needed()
        point.hover()
        bubble = page.locator(".bubble")
        assert bubble.inner_text() == point.get_attribute("data-tekst") and "Eersel, 2010: " in bubble.inner_text()
        page.locator("h1").hover()
        assert not bubble.is_visible()


def test_rows_of_a_long_table_are_looked_for_as_one_types(browser: Browser, service: Service) -> None:
    with browser.window(service.url, LIGHT, PHONE) as window:
        page = window.open("/kwaliteit")
        table = page.locator(".scroll:has(#bronnen-tabel)")
        rows = table.locator("tbody tr")
        every = rows.count()
        field = page.get_by_label("Zoek in deze tabel").first
        field.press_sequentially("Zonnestr wijken")
        shown = [row.inner_text() for row in rows.all() if row.is_visible()]
        assert 0 < len(shown) < every
        assert all("zonnestroom" in text.lower() and "wijken" in text.lower() for text in shown)
        assert page.locator("output").first.inner_text() == f"{len(shown)} van {every} rijen"
        assert window.violations() == [] and window.sideways <= 0
        field.fill("")
        assert all(row.is_visible() for row in rows.all()) and page.locator("output").first.inner_text() == ""
    assert window.wrong == []


def test_a_map_is_made_larger_and_scrolled_by_keyboard(browser: Browser, service: Service) -> None:
    with browser.window(service.url, width=PHONE) as window:
        page = window.open("/gemeente/bladel")
        chart = page.locator("figure.chart.map")
        svg, box, larger = (
            chart.locator("svg"),
            chart.locator(".seen"),
            chart.get_by_role("button", name="Kaart groter"),
        )
        before, high = svg.bounding_box()["width"], box.bounding_box()["height"]
        assert chart.get_by_role("button", name="Kaart kleiner").is_disabled()
        larger.focus()
        for _ in range(3):
            page.keyboard.press("Enter")
        assert svg.bounding_box()["width"] == pytest.approx(3.6 * before, rel=0.02) and larger.is_disabled()
        assert box.bounding_box()["height"] == pytest.approx(high, abs=1) and window.sideways <= 0
        left = box.evaluate("e => e.scrollLeft")
        assert left > 0, "the middle stays in the middle"
        box.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("([e, left]) => e.scrollLeft > left", arg=[box.element_handle(), left])
        assert window.violations() == []
        area = chart.locator("path[data-tekst^='Hapert, 2020']")
        area.scroll_into_view_if_needed()
        area.hover()
        assert page.locator(".bubble").inner_text() == area.get_attribute("data-tekst")
        for _ in range(3):
            chart.get_by_role("button", name="Kaart kleiner").click()
        assert svg.bounding_box()["width"] == pytest.approx(before, abs=1)
        assert window.wrong == []


def test_another_website_shows_a_chart_only_if_it_is_named(browser: Browser, service: Service, tmp_path: Path) -> None:
    """The browser itself keeps the frame empty."""
    host = tmp_path / "gemeente.html"
    host.write_text(f'<!DOCTYPE html><title>x</title><iframe src="{service.url}{RICH[2]}"></iframe>', encoding="utf-8")
    with browser.window("") as window:
        window.page.goto(host.as_uri())
        window.page.wait_for_timeout(300)
        assert any("frame-ancestors" in said for said in window.wrong), window.wrong


@pytest.mark.long
def test_html_is_valid(service: Service, pages: list[str], tmp_path: Path) -> None:
    files = []
    for number, path in enumerate(pages):
        file = tmp_path / f"{number}{path.split('?')[0].replace('/', '_')}.html"
        file.write_text(service.get(path).text, encoding="utf-8")
        files.append(file)
    assert invalid(files) == []


@pytest.mark.long
def test_every_link_answers(service: Service, pages: list[str]) -> None:
    """On a page of every kind: all that it leads to, of which figures and downloads a few."""
    found: dict[str, str] = {}
    for path in pages:
        few: dict[str, int] = {}
        for link in links_of(service.get(path).text):
            target = urljoin(path, link).split("#")[0]
            kind = target.split("?")[0].split("/")[1]
            few[kind] = few.get(kind, 0) + 1
            if target.startswith("/") and (few[kind] <= 12 or kind not in ("cijfer", "indicator", "v1", "buurt")):
                found.setdefault(target, path)
    broken = {
        target: (path, status) for target, path in found.items() if (status := service.get(target).status_code) != 200
    }
    assert broken.pop("/inloggen", ("", 401))[1] == 401, "it asks the browser for a key"
    assert len(found) > 150 and broken == {}


def links_of(html: str) -> list[str]:
    return [link for link in Read(html).links if not urlsplit(link).scheme]
