"""Comparing, and what the data centre tells of itself."""

from __future__ import annotations

from datetime import date

import pytest

from tests.warehouse.conftest import Center
from tests.warehouse.made import figure_of
from tests.warehouse.serve.portal.reading import sound
from warehouse.reading.published import MISSING_REASONS
from warehouse.serve.portal import dutch
from warehouse.serve.portal.figures import MISSING
from warehouse.serve.portal.pages import KINDS
from warehouse.serve.portal.pages.records import sections


def test_any_indicator_areas_and_years_beside_each_other(center: Center) -> None:
    asked = {"indicator": "won_prijs", "gebied": ["GM0770", "Bladel", "WK077000"], "van": "2023", "tot": "2024"}
    page = sound(center.service.get("/vergelijk", **asked).text)
    assert {f.key: f.value for f in page.figures} == {
        ("won_prijs", area, f"{year}JJ00"): figure_of("won_prijs", area, f"{year}JJ00")
        for area in ("GM0770", "GM1728", "WK077000")
        for year in (2023, 2024)
    }
    nothing = center.service.get("/vergelijk", indicator="soc_meldingen", gebied="GM0770")
    assert nothing.status_code == 200 and not sound(nothing.text).figures
    mine = center.service.get(
        "/vergelijk", center.keys["eersel"], indicator="soc_meldingen", gebied=["GM0770", "GM1728"]
    )
    assert {f.key[1] for f in sound(mine.text).figures} == {"GM0770"} and mine.headers["Cache-Control"] == "no-store"
    for wrong in ({"gebied": "Nergens"}, {"indicator": "nee"}, {"van": "x"}, {"gebied": ["GM0770"] * 2 + ["Blader"]}):
        assert center.service.get("/vergelijk", **wrong).status_code in (400, 404)


@pytest.mark.parametrize("path", ["/kwaliteit", "/producten", "/uitgaven"])
def test_no_page_names_a_source_that_is_closed(center: Center, path: str) -> None:
    for release in center.releases:
        page = sound(center.service.get(path, uitgave=release).text)
        assert "T_EIGEN" not in page.text and "T_PARTNER" not in page.text
    mine = sound(center.service.get("/kwaliteit", center.keys["eersel"]).text)
    assert "T_EIGEN" in mine.text and "niet openbaar" in mine.text


def test_what_each_release_changed(center: Center) -> None:
    page = sound(center.service.get("/uitgaven").text)
    # What was told when a table was still open, is not told again since it was closed.
    assert [h[1].split(",")[0] for h in page.headings if h[0] == "h2"] == center.releases[:0:-1]
    assert f"/?uitgave={center.releases[1]}" in page.links


def test_a_changelog_is_taken_apart() -> None:
    text = "# Wijzigingen per release\n\n## 2026.11.2 (27-11-2026)\n\nVergeleken met 2026.11.1.\n\n### Bronnen\n\n- Een tabel.\n"
    [found] = sections(text)
    assert (found.release, found.day) == ("2026.11.2", "2026-11-27")
    assert found.parts == [("", ["Vergeleken met 2026.11.1."], []), ("Bronnen", [], ["Een tabel."])]
    assert sections("") == []


def test_every_sign_and_reason_is_told(center: Center) -> None:
    page = sound(center.service.get("/tekens").text)
    assert len(MISSING) == len(MISSING_REASONS)
    assert all(sign in page.text and dutch.sentence(reason) in page.text for sign, reason in MISSING)


def test_every_page_that_stands_by_itself_is_sound_and_led_to(center: Center) -> None:
    """Of what the frame leads to, and whether the accessibility page claims no more than was measured."""
    home = sound(center.service.get("/").text)
    for kind in KINDS:
        if kind.names:
            continue
        page = sound(center.service.get(kind.pattern).text)
        assert not kind.place or kind.pattern in home.links
        assert not page.figures or kind.name in ("home", "goals", "compare")


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1234567.5, 0, "1.234.568"),
        (0.25, 1, "0,3"),
        (-0.04, 1, "0,0"),
        (-1234.56, 1, "−1.234,6"),
        (2.675, 2, "2,68"),
        (1e-7, None, "0,0000001"),
        (21.780311432500778, None, "21,780311432500778"),
        (100.0, None, "100"),
        (None, 1, ""),
    ],
)
def test_a_number_as_dutch_writes_it(value: float | None, decimals: int | None, text: str) -> None:
    assert dutch.number(value, decimals) == text


def test_dates_and_periods_in_words() -> None:
    assert dutch.day("2026-01-01T00:00:00+01:00") == dutch.day(date(2026, 1, 1)) == "1 januari 2026"
    codes = ("2026JJ00", "2024HJ01", "2024KW04", "2024MM03", "2023SJ00", "", None)
    assert [dutch.period(c) for c in codes] == [
        *("2026", "1e halfjaar 2024", "4e kwartaal 2024", "maart 2024", "schooljaar 2023-2024", "", ""),
    ]
    said = {
        "2026-01-01": "op 1 januari 2026",
        "2024-01-01/2024-12-31": "in 2024",
        "2017-01-01/2020-12-31": "in 2017 tot en met 2020",
        "2023-10-01/2024-09-30": "van 1 oktober 2023 tot en met 30 september 2024",
        None: "",
    }
    assert {about: dutch.reference(about) for about in said} == said
    assert dutch.listed([]) == "" and dutch.listed(["a"]) == "a" and dutch.listed(["a", "b", "c"]) == "a, b en c"
