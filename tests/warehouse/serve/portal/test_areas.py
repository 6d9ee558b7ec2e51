"""The pages of areas: whose they are, what stands out, and what only a key shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.warehouse.conftest import Center
from tests.warehouse.made import INDICATORS, figure_of
from tests.warehouse.serve.portal.reading import sound
from warehouse.serve.portal.figures import Figure
from warehouse.serve.portal.pages.standing_out import standing_out

FIGURE = Figure(
    *("mil_gas", 1, "GM0770", "Eersel", "gemeente", "2024JJ00", date(2024, 1, 1), 0.0, "m³", 0, None, None, None),
    *(None, None, "Definitief", None, "2024-01-01", 2024, "published", "T", "Bron: CBS", False),
)


@pytest.mark.parametrize("path", ["/gemeente/eersel", "/gemeente/Eersel", "/gemeente/GM0770"])
def test_a_municipality_by_its_name(center: Center, path: str) -> None:
    page = sound(center.service.get(path).text)
    assert page.headings[0] == ("h1", "Eersel")
    shown = {f.key: f.value for f in page.figures}
    for area in ("GM0770", "KEMPEN", "NL01"):
        assert shown["won_prijs", area, "2024JJ00"] == figure_of("won_prijs", area, "2024JJ00")
    assert "/wijk/WK077000" in page.links and not {k[0] for k in shown} & {"soc_meldingen", "soc_partners"}


def test_a_village_and_a_buurt_lead_to_each_other(center: Center) -> None:
    village = sound(center.service.get("/wijk/WK077000").text)
    assert village.headings[0][1] == "Eersel-Dorp" and "/buurt/BU07700000" in village.links
    buurt = sound(center.service.get("/buurt/BU07700000").text)
    assert {"/wijk/WK077000", "/gemeente/eersel"} <= set(buurt.links)
    for path in ("/wijk/BU07700000", "/buurt/WK077000", "/wijk/WK999999", "/gemeente/amsterdam"):
        assert center.service.get(path).status_code == 404


def test_a_key_shows_its_own_figures_beside_those_of_everyone(center: Center) -> None:
    answer = center.service.get("/gemeente/eersel", center.keys["eersel"])
    page = sound(answer.text)
    assert answer.headers["Cache-Control"] == "no-store"
    shown = {f.key[0] for f in page.figures}
    assert shown == {i[0] for i in INDICATORS}
    restricted = [f for f in page.figures if f.key[0] in ("soc_meldingen", "soc_partners")]
    assert answer.text.count("niet openbaar</strong>") == len(restricted) > 0
    theirs = sound(center.service.get("/gemeente/bladel", center.keys["eersel"]).text)
    assert "soc_meldingen" not in {f.key[0] for f in theirs.figures}


def test_what_stands_out_lies_far_from_the_middle() -> None:
    indicators = {"mil_gas": {"is_total": False}, "bev_inwoners": {"is_total": True}}
    areas = [f"GM{n:04}" for n in range(11)]
    values = dict(zip(areas, (10, 11, 9, 10, 12, 8, 10, 11, 9, 10, 30), strict=True))

    def found(figure: Figure) -> list[tuple[float, int, int, bool]]:
        alike = {figure.indicator: {area: float(value) for area, value in values.items()}}
        return [(o.middle, o.rank, o.of, o.higher) for o in standing_out([figure], alike, indicators)]

    assert found(replace(FIGURE, value=30.0)) == [(10.0, 1, 11, True)]
    assert found(replace(FIGURE, value=2.0)) == [(10.0, 12, 11, False)]
    assert found(replace(FIGURE, value=12.0)) == []
    assert found(replace(FIGURE, value=30.0, lower=5.0, upper=55.0)) == []
    assert found(replace(FIGURE, value=30.0, indicator="bev_inwoners")) == []
    assert found(replace(FIGURE, value=None, missing="unknown")) == []
    values = dict(list(values.items())[:7])
    assert found(replace(FIGURE, value=30.0)) == []
