"""Places as people name them: the village of today, and which kind of region that is."""

from __future__ import annotations

from datetime import date

import pytest

from warehouse.places import Place, PlaceError, Places

LAST = date(2024, 12, 31)
LISTED = [
    Place("NL01", "Nederland", "land"),
    Place("GM1667", "Reusel-De Mierden", "gemeente"),
    Place("GM1728", "Bladel", "gemeente"),
    Place("GM1724", "Bergeijk", "gemeente"),
    Place("GM0851", "Reusel", "gemeente", until=date(1996, 12, 31)),
    Place("GM0795", "Hoogeloon, Hapert en Casteren", "gemeente", until=date(1996, 12, 31)),
    Place("GM0852", "Luyksgestel", "gemeente", until=date(1996, 12, 31)),
    Place("GM0001", "Weg", "gemeente", until=date(1996, 12, 31)),
    Place("GM0344", "Utrecht (gemeente)", "gemeente"),
    Place("PV26", "Utrecht", "provincie"),
    Place("CR17", "Utrecht", "corop"),
    Place("PV24", "Flevoland", "provincie"),
    Place("CR40", "Flevoland", "corop"),
    Place("GM0164", "Hengelo (O.)", "gemeente"),
    Place("GM0373", "Bergen (NH.)", "gemeente"),
    Place("GM0893", "Bergen (L.)", "gemeente"),
    Place("WK166700", "Wijk 00 Reusel", "wijk", until=LAST),
    Place("BU16670000", "Reusel", "buurt", until=LAST),
    Place("WK172802", "Wijk 02 Hapert", "wijk", until=LAST),
    Place("WK172803", "Wijk 03 Hoogeloon", "wijk", until=LAST),
    Place("BU17280300", "Hoogeloon", "buurt", until=LAST),
    Place("WK172402", "Wijk 02 Luyksgestel", "wijk", until=LAST),
    Place("WK172403", "Wijk 03 Riethoven", "wijk", until=LAST),
    Place("WK172404", "Wijk 04 Westerhoven", "wijk", until=LAST),
    Place("WK172400", "Wijk 00 Bergeijk", "wijk", until=LAST),
    Place("WK172801", "Wijk 01 Kerk", "wijk", until=LAST),
    Place("BU17240001", "Kerk", "buurt", until=LAST),
    Place("BU17280000", "Centrum", "buurt", until=LAST),
    Place("BU17240000", "Centrum", "buurt", until=LAST),
    Place("BU17240099", "Centrum", "buurt", until=date(2013, 12, 31)),
]
PLACES = Places(LISTED)


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("Reusel", "WK166700", "wijk in Reusel-De Mierden"),
        ("Hapert", "WK172802", "wijk in Bladel"),
        ("Luyksgestel", "WK172402", "wijk in Bergeijk"),
        ("Riethoven", "WK172403", "wijk in Bergeijk"),
        ("westerhoven", "WK172404", "wijk in Bergeijk"),
        ("Hoogeloon", "WK172803", "there is also BU17280300 (buurt in Bladel)"),
    ],
)
def test_a_village_is_the_wijk_or_buurt_of_today(name: str, code: str, said: str) -> None:
    found = PLACES.find(name)
    assert found.code == code and found.notice is not None and said in found.notice


def test_a_municipality_of_today_goes_before_its_village() -> None:
    found = PLACES.find("Bergeijk")
    assert (found.code, found.notice) == ("GM1724", None)
    assert PLACES.find("gm0851").code == "GM0851"  # by its code also one of the past


def test_what_cbs_adds_to_a_name_may_be_left_out() -> None:
    assert PLACES.find("Utrecht (gemeente)").code == "GM0344"
    found = PLACES.find("Hengelo")
    assert (found.code, found.notice) == ("GM0164", "Hengelo is taken as Hengelo (O.), GM0164 (gemeente)")


def test_a_province_goes_before_a_corop_area_of_its_name() -> None:
    assert PLACES.find("Flevoland").code == "PV24"


def test_an_abolished_namesake_is_told() -> None:
    assert "GM0851 (gemeente Reusel until 1996-12-31)" in (PLACES.find("Reusel").notice or "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Weg", "no place of today: GM0001 (gemeente Weg until 1996-12-31)"),
        (
            "Centrum",
            "Several regions are called 'Centrum': BU17280000 (buurt in Bladel), BU17240000 (buurt in Bergeijk)",
        ),
        ("Kerk", "Several regions are called 'Kerk': WK172801 (wijk in Bladel), BU17240001 (buurt in Bergeijk)"),
        ("Haapert", "This data center has no region 'Haapert'. Did you mean Hapert (WK172802)? Table region lists"),
        ("Nergens", "This data center has no region 'Nergens'. Table region lists those that there are."),
        ("utrecht", "Several regions are called 'utrecht': GM0344 (gemeente), PV26 (provincie). Name one by its code."),
        ("Bergen", "Several regions are called 'Bergen': GM0373 (gemeente), GM0893 (gemeente)"),
    ],
)
def test_a_name_that_is_no_place_or_several_is_told(name: str, said: str) -> None:
    with pytest.raises(PlaceError) as error:
        PLACES.find(name)
    assert said in str(error.value)
