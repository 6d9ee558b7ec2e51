"""Charts on pages, as files and in frames, over HTTP: the figures that the page has, and nothing for who may not see them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from tests.warehouse.conftest import Center
from tests.warehouse.made import PERIODS, figure_of
from tests.warehouse.serve.portal.reading import sound
from warehouse.serve.limits import ServeError
from warehouse.serve.portal import dutch
from warehouse.serve.portal.pictures import may_frame

INHABITANTS = "/indicator/bev_inwoners"


class Labels(HTMLParser):
    """What each drawn point says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if said := attributes.get("data-tekst"):
            self.found.append(said)


def test_a_page_draws_its_figures(center: Center) -> None:
    html = center.service.get(INHABITANTS, gebied="GM0770").text
    page = sound(html)
    assert "grafiek-wide" in html and "grafiek-narrow" in html
    expected = {
        f"Eersel, {dutch.period(p)}: {dutch.number(value, 0)}"
        for p in PERIODS
        if (value := figure_of("bev_inwoners", "GM0770", p)) is not None
    }
    assert {label.split(" (")[0].split(", marge")[0] for label in Labels(html).found} >= expected
    assert "Lijngrafiek van" in page.text
    assert f"{INHABITANTS}/grafiek/reeks.png?gebied=GM0770" in page.links


def test_a_chart_is_a_file_with_its_source(center: Center) -> None:
    answer = center.service.get(f"{INHABITANTS}/grafiek/reeks.svg", gebied="GM0770")
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    words = " ".join(ElementTree.fromstring(answer.text).itertext())
    assert "Aantal inwoners" in words and "Bron:" in words and center.releases[-1] in words
    png = center.service.get(f"{INHABITANTS}/grafiek/reeks.png", gebied="GM0770")
    assert png.content.startswith(b"\x89PNG") and png.headers["Content-Type"] == "image/png"
    again = center.service.get(
        f"{INHABITANTS}/grafiek/reeks.png", gebied="GM0770", headers={"If-None-Match": png.headers["ETag"]}
    )
    assert again.status_code == 304
    assert center.service.get(f"{INHABITANTS}/grafiek/taart.png").status_code == 404
    assert center.service.get(f"{INHABITANTS}/grafiek/reeks.png", kleur="rood").status_code == 400


def test_a_chart_stands_in_another_website_only_where_that_is_allowed(center: Center) -> None:
    answer = center.service.get(f"/embed{INHABITANTS}/reeks", gebied="GM0770")
    page = sound(re.sub(r'href="https?://[^"]+"', 'href="/"', answer.text))
    assert "Bron:" in page.text and f'href="{center.service.url}{INHABITANTS}?gebied=GM0770"' in answer.text
    assert "frame-ancestors 'self';" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in center.service.get(INHABITANTS).headers["Content-Security-Policy"]
    assert center.service.get(INHABITANTS).headers["X-Frame-Options"] == "DENY"


def test_the_setting_of_who_may_frame() -> None:
    assert may_frame("") == "'self'" and may_frame("*") == "*"
    assert may_frame("https://www.bladel.nl https://*.eersel.nl") == "'self' https://www.bladel.nl https://*.eersel.nl"
    for wrong in ("bladel.nl", "https://x.nl; script-src *", "https://x.nl/pad", "* https://x.nl", "'unsafe'"):
        with pytest.raises(ServeError, match="RDC_SERVE_FRAMES"):
            may_frame(wrong)


def test_a_picture_of_what_is_closed_is_for_who_has_the_key(center: Center) -> None:
    path = "/indicator/soc_meldingen/grafiek/reeks.svg"
    for open_to_all in (center.service.get(path), center.service.get("/embed/indicator/soc_meldingen/reeks")):
        assert open_to_all.status_code == 404
    answer = center.service.get(path, center.keys["eersel"], gebied="GM0770")
    assert answer.ok and answer.headers["Cache-Control"] == "no-store" and "ETag" not in answer.headers
    assert center.service.get(path, gebied="GM0770").status_code == 404, "also after it was drawn for another"
