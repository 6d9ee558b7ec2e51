"""Pages over HTTP: what every answer carries, who sees what, and how an error reads."""

from __future__ import annotations

import re

import pytest

from tests.warehouse.conftest import Center
from tests.warehouse.made import PERIODS, REGIONS, figure_of
from tests.warehouse.serve.portal.reading import sound

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
INHABITANTS = "/indicator/bev_inwoners"


def test_the_start_page_stands_on_its_own(center: Center) -> None:
    answer = center.service.get("/")
    assert answer.headers["Content-Type"].startswith("text/html")
    page = sound(answer.text)
    assert page.text.count("Een doel") == 2  # not those on figures that are closed
    assert all(
        re.fullmatch('<script src="/stijl/[^"]*" defer>', tag) for tag in re.findall("<script[^>]*>", answer.text)
    )
    assert INHABITANTS in page.links


def test_an_indicator_shows_its_figures_as_they_are(center: Center) -> None:
    answer = center.service.get(INHABITANTS, gebied="GM0770")
    page = sound(answer.text)
    assert page.headings[0] == ("h1", "Aantal inwoners op 1 januari")
    shown = {f.key: f for f in page.figures}
    for region, *_ in REGIONS:
        for period in PERIODS:
            if found := shown.get(("bev_inwoners", region, period)):
                assert found.value == figure_of("bev_inwoners", region, period)
    # Half a person is rounded away from zero, as Dutch statistics do.
    assert shown[("bev_inwoners", "GM0770", "2024JJ00")].text == "1.022.401"
    assert {k[1] for k in shown} >= {"GM0770", "KEMPEN", "NL01", "GM1728"}
    assert "Reeksbreuk 2024: Andere telling." in page.text


def test_a_page_may_do_nothing_but_show(center: Center) -> None:
    answer = center.service.get(INHABITANTS)
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "public, no-cache"
    assert center.service.get(INHABITANTS, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    [style] = re.findall(r'href="(/stijl/[^"]+)"', answer.text)
    sheet = center.service.get(style)
    assert sheet.headers["Content-Type"].startswith("text/css") and "immutable" in sheet.headers["Cache-Control"]
    assert center.service.get("/stijl/0/portal.css").headers["Cache-Control"] == "public, max-age=60"
    assert center.service.get("/stijl/0/../serving.py").status_code == 404


def test_an_earlier_release_stays_where_it_is(center: Center) -> None:
    first = center.releases[1]
    page = sound(center.service.get(INHABITANTS, uitgave=first).text)
    [shown] = [f for f in page.figures if f.key == ("bev_inwoners", "KEMPEN", "2024JJ00")][:1]
    assert shown.value == figure_of("bev_inwoners", "KEMPEN", "2024JJ00") + 0.125
    inner = [link for link in page.links if link.startswith(("/indicator", "/cijfer")) and link != INHABITANTS]
    assert inner and all(f"uitgave={first}" in link for link in inner)
    assert "eerdere uitgave" in page.text


def test_who_has_no_key_finds_nothing_of_what_is_closed(center: Center) -> None:
    for name in ("soc_meldingen", "soc_partners"):
        for release in center.releases:
            answer = center.service.get(f"/indicator/{name}", uitgave=release)
            assert answer.status_code in (200, 404)
            assert not sound(answer.text).figures if answer.ok else True
            assert "Bladel" not in re.sub("<footer.*", "", answer.text, flags=re.S) or not answer.ok


def test_a_page_with_a_key_says_that_it_is_not_public_and_is_kept_nowhere(center: Center) -> None:
    answer = center.service.get("/indicator/soc_meldingen", center.keys["eersel"])
    page = sound(answer.text)
    assert answer.headers["Cache-Control"] == "no-store" and "ETag" not in answer.headers
    assert "Niet openbaar." in page.text
    shown = {f.key[1] for f in page.figures}
    assert shown and shown <= {"GM0770", "WK077000", "BU07700000"}
    assert answer.text.count("niet openbaar</strong>") == len(page.figures)
    # What was asked with a key is not what comes without one, whoever asks first.
    for name in ("soc_meldingen", "soc_partners", "bev_inwoners"):
        mine = center.service.get(f"/indicator/{name}", center.keys["all"])
        theirs = center.service.get(f"/indicator/{name}")
        assert "Niet openbaar." in mine.text and "Niet openbaar." not in theirs.text
        assert bool(sound(theirs.text).figures) == (name == "bev_inwoners")
    assert "niet openbaar" not in center.service.get(INHABITANTS, center.keys["eersel"]).text.split("<h1>")[1]


def test_a_browser_asks_for_the_key(center: Center) -> None:
    answer = center.service.get("/inloggen", headers=BROWSER)
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert center.service.get("/inloggen", center.keys["eersel"]).url == f"{center.service.url}/"


@pytest.mark.parametrize(
    ("path", "params", "status", "said"),
    [
        ("/indicator/bev_inwonrs", {}, 404, "Bedoelt u bev_inwoners?"),
        (INHABITANTS, {"gebied": "Blader"}, 404, "Bedoelt u Bladel"),
        (INHABITANTS, {"gebied": "Centrum"}, 400, "Meer gebieden heten Centrum"),
        (INHABITANTS, {"van": "abc"}, 400, "van is geen jaar"),
        (INHABITANTS, {"gebid": "GM0770"}, 400, "parameters die hier niet bestaan"),
        (INHABITANTS, {"uitgave": "x"}, 400, "uitgave is niet de naam"),
        (INHABITANTS, {"uitgave": "2020.1.1"}, 404, "Release 2020.1.1 is er niet"),
        ("/bestaat-niet", {}, 404, "Er is niets op /bestaat-niet"),
    ],
)
def test_what_is_wrong_reads_as_a_page(center: Center, path: str, params: dict, status: int, said: str) -> None:
    answer = center.service.get(path, headers=BROWSER, **params)
    assert answer.status_code == status
    page = sound(answer.text)
    assert said.casefold() in page.text.casefold()
    # A program still gets what it can read.
    assert center.service.get(path, **params).headers["Content-Type"] == "application/problem+json"


def test_how_a_figure_came_about_is_told_to_who_may_see_it(center: Center) -> None:
    path = "/cijfer/bev_inwoners/GM0770/2024JJ00"
    page = sound(center.service.get(path).text)
    assert "Wij nemen één cel uit tabel T_OPEN" in page.text and "Hier breekt de reeks: Andere telling." in page.text
    assert figure_of("bev_inwoners", "GM0770", "2024JJ00") in {f.value for f in page.figures}
    closed = "/cijfer/soc_meldingen/GM0770/2024JJ00"
    for release in center.releases:
        assert center.service.get(closed, uitgave=release).status_code == 404
    mine = center.service.get(closed, center.keys["eersel"])
    assert "uit tabel T_EIGEN" in sound(mine.text).text and mine.headers["Cache-Control"] == "no-store"
    for region in ("GM1728", "KEMPEN"):
        assert center.service.get(closed.replace("GM0770", region), center.keys["eersel"]).status_code == 404
