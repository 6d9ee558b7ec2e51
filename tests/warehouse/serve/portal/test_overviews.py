"""Home, themes, goals and policy choices: what they lead to, and how a figure changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.warehouse.conftest import Center
from tests.warehouse.made import PERIODS, figure_of
from tests.warehouse.serve.portal.reading import sound
from tests.warehouse.serve.portal.test_areas import FIGURE
from warehouse.serve.portal import dutch
from warehouse.serve.portal.figures import Figure
from warehouse.serve.portal.pages.change import change


def test_home_leads_to_municipalities_villages_themes_and_goals(center: Center) -> None:
    page = sound(center.service.get("/").text)
    assert page.headings[0] == ("h1", "De Kempen in cijfers")
    wanted = {"/gemeente/de-kempen", "/gemeente/eersel", "/wijk/WK077000", "/thema/wonen", "/doelen", "/zoeken"}
    assert wanted <= set(page.links)
    assert "≠ niet te vergelijken met 2023" in page.text  # the series of inhabitants breaks in 2024
    assert {f.key[0] for f in page.figures} == {"bev_inwoners", "bev_dichtheid"}


def test_a_theme_has_its_figures_beside_each_other(center: Center) -> None:
    page = sound(center.service.get("/thema/bevolking").text)
    assert {f.key[:2] for f in page.figures} >= {("bev_inwoners", a) for a in ("GM0770", "GM1728", "KEMPEN", "NL01")}
    assert not {f.key[0] for f in page.figures} & {"soc_meldingen", "soc_partners"}
    assert "/v1/tabellen/bevolking?formaat=xlsx" in page.links
    assert center.service.get("/thema/bestaatniet").status_code == 404
    mine = sound(center.service.get("/thema/bevolking", center.keys["eersel"]).text)
    assert {f.key[1] for f in mine.figures if f.key[0] == "soc_meldingen"} == {"GM0770"}


def test_goals_are_told_of_figures_that_one_may_see(center: Center) -> None:
    page = sound(center.service.get("/doelen").text)
    assert [h for h in page.headings if h[0] == "h3"] == [
        ("h3", "Een doel")
    ] * 2 and "Wanneer is een doel op koers?" in page.text
    assert {f.key[0] for f in page.figures} == {"bev_inwoners"}
    charts = [link for link in page.links if link.endswith(".svg")]
    assert charts == [f"/doelen/grafiek/doel_bev_inwoners_{g}.svg" for g in ("GM0770", "GM1728")]
    assert "de weg naar het doel" in center.service.get(charts[0]).text
    assert center.service.get("/doelen/grafiek/doel_soc_meldingen_GM0770.svg").status_code == 404
    everything = sound(center.service.get("/doelen", center.keys["all"]).text)
    assert {f.key[0] for f in everything.figures} == {"bev_inwoners", "soc_meldingen"}


def series(*values: float | None, **newest: object) -> list[Figure]:
    found = [
        replace(FIGURE, value=v, period=f"{2020 + at}JJ00", start=date(2020 + at, 1, 1)) for at, v in enumerate(values)
    ]
    return [*found[:-1], replace(found[-1], **newest)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        (series(1.0, 2.0), "hoger"),
        (series(2.0, 1.0), "lager"),
        (series(2.0, 2.0), "gelijk"),
        (series(1.0, None), None),
        (series(1.0, 2.0, None), "hoger"),
        (series(1.0, 2.0, series_break="Andere telling."), "breuk"),
        (series(1.0, 2.0, version=2), "breuk"),
        (series(1.0, 2.0, lower=1.0, upper=3.0), "onzeker"),
        (series(1.0, 2.0, lower=1.5, upper=2.5), "hoger"),
    ],
)
def test_a_change_is_told_only_where_it_can_be(figures: list[Figure], verdict: str | None) -> None:
    found = change(figures)
    assert (found.verdict if found else None) == verdict
    assert change(figures, comparable=False) is None


def test_a_policy_choice_has_its_question_answer_caveats_and_figures(center: Center) -> None:
    page = sound(center.service.get("/effect/keuze_won_prijs").text)
    order = [
        "De vraag:",
        "het verschil valt binnen",
        "De weg was een jaar dicht.",
        "Aangenomen is van alles.",
        "Zelf narekenen",
    ]
    assert "Geen effect gezien" in page.text
    assert [page.text.index(said) for said in order] == sorted(page.text.index(said) for said in order)
    observed = figure_of("won_prijs", "GM0770", PERIODS[-1])
    assert dutch.number(observed, 0) in page.text and dutch.number(observed + 40, 0) in page.text
    assert "Verzonnen voorbeeld" in page.text and "Bladel" in page.text
    assert "/effect/keuze_won_prijs" in sound(center.service.get("/effecten").text).links
    assert "/effecten" in sound(center.service.get("/").text).links
    svg = center.service.get("/effect/keuze_won_prijs/grafiek/verschil.svg")
    assert svg.status_code == 200 and "Verschil met wat te verwachten was" in svg.text
    assert center.service.get("/effect/keuze_nergens").status_code == 404
    assert center.service.get("/effect/keuze_won_prijs", cijfer="bev_inwoners").status_code == 404


def test_what_a_command_says_is_spoken_on_a_page() -> None:
    said = "zonder 2022JJ00 is het *niet te zeggen*; GM0770 en GM9999 doen niet mee (2021SJ00)"
    spoken = "zonder 2022 is het ‘niet te zeggen’; Eersel en GM9999 doen niet mee (schooljaar 2021-2022)"
    assert dutch.spoken(said, {"GM0770": "Eersel"}) == spoken
