"""Search finds what people mean: in the registry as it is, whatever form, spelling or word they use."""

from __future__ import annotations

import pytest

from tests.warehouse.conftest import Center
from tests.warehouse.serve.portal.reading import sound
from warehouse.registry.indicators import load
from warehouse.registry.synonyms import synonyms
from warehouse.serve.portal.finding import Findable, asked, find, stem


@pytest.fixture(scope="module")
def registry() -> list[Findable]:
    return [Findable.of(i.id, i.name, i.versions[-1].definition) for _, i in load().indicators()]


@pytest.mark.parametrize(
    ("question", "among_first", "first"),
    [
        ("zonnepanelen", "mil_zon_installaties", 20),
        ("zonepannelen", "mil_zon_vermogen", 3),
        ("zonnestroom", "mil_zon_installaties", 3),
        ("aardgasverbriuk", "mil_gas", 1),
        ("is gas gedaald", "mil_gas", 1),
        ("hoeveel inwoners zijn er", "bev_inwoners", 1),
        ("ouderen", "bev_65plus_pct", 2),
        ("65 plussers", "bev_65plus_pct", 1),
        ("roken", "gez_roker", 1),
        ("ROKERS", "gez_roker", 1),
        ("wat kost een huis", "won_verkoopprijs", 1),
        ("huizenprijzen", "won_verkoopprijs", 1),
        ("inbraak", "vei_woninginbraak_1000", 1),
        ("supermarkten", "mob_afst_supermarkt", 1),
    ],
)
def test_a_question_finds_its_indicator(registry: list[Findable], question: str, among_first: str, first: int) -> None:
    found = [hit.key for hit in find(asked(question), registry)]
    assert among_first in found[:first], found[:8]


def test_what_is_no_word_finds_nothing(registry: list[Findable]) -> None:
    assert find(asked("xyzzyq"), registry) == [] == find(asked(""), registry)
    # A part of a long word of a definition is no answer: `gesproken` is not about smoking.
    assert all("rok" in hit.key or "roken" in hit.key for hit in find(["roken"], registry))


def test_forms_of_a_word_have_one_stem() -> None:
    for one, other in (
        ("woningen", "woning"),
        ("gemeenten", "gemeente"),
        ("rokers", "roker"),
        ("plussers", "plusser"),
    ):
        assert stem(one) == stem(other)
    assert all(len(group) > 1 for group in synonyms())


@pytest.mark.parametrize(
    ("question", "leads_to", "says"),
    [
        ("inwoners eersel", "/indicator/bev_inwoners?gebied=GM0770", "1.022.401"),
        ("Hoeveel mensen wonen er in Eersel-Dorp?", "/indicator/bev_inwoners?gebied=WK077000", "1.042.401"),
        ("eersle", "/gemeente/eersel", "Gebieden"),
        ("verkoopprijs", "/indicator/won_prijs", "Onderwerpen"),
        ("WK172800", "/wijk/WK172800", "Centrum"),
        ("centrum", "/buurt/BU07700000", "buurt in Eersel"),
        ("beleidsdoelen", "/doelen", "Zie ook"),
        ("qqqqqqq", "/thema", "Er is niets gevonden"),
    ],
)
def test_a_question_leads_to_its_page(center: Center, question: str, leads_to: str, says: str) -> None:
    page = sound(center.service.get("/zoeken", q=question).text)
    assert leads_to in page.links and says in page.text, page.text


def test_a_question_shows_no_figure_that_is_closed(center: Center) -> None:
    page = sound(center.service.get("/zoeken", q="meldingen eersel").text)
    assert not page.figures
    mine = center.service.get("/zoeken", center.keys["eersel"], q="meldingen eersel")
    assert [f.key[:2] for f in sound(mine.text).figures] == [("soc_meldingen", "GM0770")]
    assert mine.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "question", ["<script>alert(1)</script>", "' or 1=1 --", "%00", "a" * 5000, "é ü 😀", ".*(", "{{ 7*7 }}"]
)
def test_whatever_is_asked_is_only_words(center: Center, question: str) -> None:
    answer = center.service.get("/zoeken", q=question)
    assert answer.status_code == 200 and "<script>alert" not in answer.text and "49" not in sound(answer.text).title
