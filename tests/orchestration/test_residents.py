"""Questions of residents, each walked in the browser from the start page: the answer is there within three clicks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.browser import Browser
from tests.orchestration.conftest import Rdc
from tests.warehouse.conftest import Service

pytestmark = pytest.mark.browser

MOST_CLICKS = 3


@dataclass
class Walk:
    """A walk from the start page. Only its own methods click, so that every click counts."""

    page: Any
    clicks: int = 0

    def search(self, question: str) -> None:
        self.page.get_by_role("searchbox").fill(question)
        self._click(self.page.get_by_role("button", name="Zoek"))

    def follow(self, name: str, within: str = "main") -> None:
        self._click(self.page.locator(within).get_by_role("link", name=name, exact=True).first)

    def figure(self, indicator: str, area: str) -> None:
        """To how a figure that is on the page came about."""
        self._click(self.page.locator(f'a.figure:has(data[data-figure^="{indicator}|{area}|"])').first)

    def _click(self, what: Any) -> None:
        what.click()
        self.clicks += 1

    def shown(self, indicator: str, area: str) -> dict[str, float]:
        """The figures on the page of an indicator and area that can be seen, by period."""
        found = self.page.locator(f'data[data-figure^="{indicator}|{area}|"]').all()
        return {
            d.get_attribute("data-figure").split("|")[2]: float(d.get_attribute("value"))
            for d in found
            if d.is_visible()
        }

    @property
    def text(self) -> str:
        return str(self.page.locator("main").inner_text())


@pytest.fixture
def walk(browser: Browser, service: Service) -> Iterator[Walk]:
    with browser.window(service.url) as window:
        made = Walk(window.open("/"))
        yield made
        assert 0 < made.clicks <= MOST_CLICKS and window.wrong == []


@pytest.fixture(scope="module")
def newest(released: Rdc) -> Callable[[str, str], tuple[str, float]]:
    def found(indicator: str, area: str) -> tuple[str, float]:
        [row] = released.sql(
            "select period_code, value from core.indicator_value where value is not null "
            f"and indicator_id = '{indicator}' and region_code = '{area}' order by period_code desc limit 1"
        )
        return row

    return found


@pytest.mark.long
@pytest.mark.parametrize(
    ("question", "indicator", "area"),
    [
        ("hoeveel 75-plussers wonen er in hapert", "bev_65plus_pct", "WK172802"),
        ("zonnepanelen bladel", "mil_zon_vermogen", "GM1728"),
        ("huizenprijs oirschot", "won_verkoopprijs", "GM0823"),
        ("aardgasverbruk oirschot", "mil_gas", "GM0823"),
        ("bijstand eersel", "wrk_bijstand_n", "GM0770"),
    ],
)
def test_a_question_as_people_type_it(walk: Walk, newest: Any, question: str, indicator: str, area: str) -> None:
    walk.search(question)
    first = walk.page.locator("ul.found a").first
    assert f"/indicator/{indicator}?" in first.get_attribute("href")
    walk.follow(first.inner_text())
    period, value = newest(indicator, area)
    assert walk.shown(indicator, area)[period] == value


def test_did_gas_fall_faster_in_eersel_than_in_the_country(walk: Walk, released: Rdc) -> None:
    walk.search("is gas in Eersel gedaald sneller dan in Nederland")
    walk.follow("Gemiddeld aardgasverbruik woningen, Eersel")
    for area in ("GM0770", "NL01"):
        rows = released.sql(
            f"select period_code, value from core.indicator_value where indicator_id = 'mil_gas' and region_code = '{area}'"
        )
        assert walk.shown("mil_gas", area).items() >= {(p, v) for p, v in rows if v is not None}
    assert "Lijngrafiek" in walk.page.locator("#reeks-tekst").text_content()
    assert "Reeksbreuk 2022" in walk.text, "that the years before are not to be compared is said beside it"


@pytest.mark.long
def test_how_many_people_live_in_my_municipality(walk: Walk, newest: Any) -> None:
    walk.follow("Bergeijk")
    period, value = newest("bev_inwoners", "GM1724")
    assert walk.shown("bev_inwoners", "GM1724")[period] == value


def test_what_is_known_of_my_village(walk: Walk, newest: Any) -> None:
    walk.follow("Bladel")
    walk.follow("Hapert")
    assert walk.page.locator("h1").inner_text() == "Hapert"
    period, value = newest("bev_inwoners", "WK172802")
    assert walk.shown("bev_inwoners", "WK172802")[period] == value


def test_where_a_figure_comes_from(walk: Walk, released: Rdc) -> None:
    walk.figure("bev_inwoners", "GM0770")
    assert walk.page.locator("h1").inner_text() == "Hoe komt dit cijfer tot stand?"
    [(table,)] = released.sql(
        "select distinct table_id from core.indicator_value where indicator_id = 'bev_inwoners' and region_code = 'GM0770' "
        "and period_code = (select max(period_code) from core.indicator_value where indicator_id = 'bev_inwoners' "
        "and region_code = 'GM0770' and value is not null)"
    )
    assert table in walk.text


@pytest.mark.long
def test_how_a_policy_goal_stands(walk: Walk, released: Rdc) -> None:
    walk.follow("Beleidsdoelen", "header")
    goals = released.sql("select goal from mart.policy_goal")
    assert goals and all(goal in walk.text for (goal,) in goals)


@pytest.mark.long
def test_what_a_sign_means(walk: Walk) -> None:
    walk.follow("Verklaring van tekens", "footer")
    assert "voorlopig" in walk.text
