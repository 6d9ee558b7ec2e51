"""What a unit counts, however CBS and the registry write it."""

from __future__ import annotations

import pytest

from warehouse.registry.units import agree, meaning


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *((None, None), ("", None), (" -. ", None), ("--", None)),
        *(("aantal", "aantal"), ("Aantal", "aantal"), ("aantal inwoners", "aantal"), ("personen", "aantal")),
        *(("auto's", "aantal"), ("Woningen (aantal)", "aantal"), ("bewoners,", "aantal"), ("persoon", "persoon")),
        *(("%", "%"), ("% van de huishoudens", "%"), ("procent", "%"), ("Percentage", "%"), ("in procenten", "in")),
        *(("‰", "‰"), ("promille", "‰"), ("in ‰", "‰"), ("per 1 000 %", "%")),
        *(("x 1 000", "1000 aantal"), ("1 000", "1000 aantal"), ("x 1.000", "1000 aantal"), ("(x 10)", "10 aantal")),
        *(("×1000", "1000 aantal"), ("* 1 000", "1000 aantal"), ("x\u00a01\u00a0000", "1000 aantal")),
        *(("1", "aantal"), ("x 1", "aantal"), ("x 2", "2 aantal"), ("2 x 1 000", "2000 aantal"), ("10 000 personen", "10000 aantal")),
        *(("duizend", "1000 aantal"), ("mln euro", "1000000 euro"), ("miljoen euro", "1000000 euro")),
        *(("mld euro", "1000000000 euro"), ("miljard €", "1000000000 euro"), ("x 1 000 mln", "1000000000 aantal")),
        *(("euro", "euro"), ("€", "euro"), ("eur", "euro"), ("euro's", "euro"), ("1 000 euro", "1000 euro")),
        *(("€ x 1 000", "1000 euro"), ("€ 1 000", "1000 euro"), ("€ 1.000", "1000 euro"), ("euro per m²", "euro per m2")),
        *(("m3", "m3"), ("m³", "m3"), ("m²", "m2"), ("m2", "m2"), ("km²", "km2"), ("1 000 m³", "1000 m3")),
        *(("ha", "ha"), ("hectare", "ha"), ("hectaren", "ha"), ("aren", "are"), ("are", "are")),
        *(("kw", "kW"), ("kWp", "kW"), ("KW", "kW"), ("kWh", "kwh"), ("kilo", "kg"), ("kilogram", "kg"), ("kg", "kg")),
        *(("l", "liter"), ("liters", "liter"), ("liter", "liter")),
        *(("code", "code"), ("klasse", "code"), ("naam", "code"), ("omschrijving", "code")),
        *(("2015=100", "2015=100"), ("2015 = 100", "2015=100"), ("1,5", "1,5"), ("fte", "fte")),
        *(("per 1 000 inwoners", "per 1000 inwoners"), ("aantal per 1 000 inwoners", "per 1000 inwoners")),
        *(("per km²", "per km2"), ("aantal inwoners per km²", "per km2"), ("inwoners/km²", "per km2")),
        *(("kg/inwoner", "kg per inwoner"), ("kg per inwoner", "kg per inwoner")),
        *(("per 1 000 inwoners van 15 tot 65 jaar", "per 1000 inwoners"), ("per 10 000", "per 10000")),
        *(("1 000 euro per inwoner", "1000 euro per inwoner"), ("x 1 000 per jaar", "1000 per jaar")),
    ],
)  # fmt: skip
def test_a_unit_in_one_spelling(written: str | None, meant: str | None) -> None:
    assert meaning(written) == meant


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        *(("aantal", "personen", True), ("aantal", "x 1 000", False), ("aantal", "%", False), ("%", "‰", False)),
        *((None, "%", True), ("%", "", True), ("-", "euro", True), ("euro", "1 000 euro", False)),
        *(("per 1 000", "per 1 000 inwoners", True), ("per 1 000 inwoners", "per 1 000", True)),
        *(("per 1 000", "per 10 000", False), ("per 1 000", "kg per 1 000", False), ("per 1 0", "per 1 000", False)),
        *(("per 1 000 inwoners", "per 1 000 huishoudens", False), ("kg", "kg per inwoner", False)),
    ],
)  # fmt: skip
def test_units_that_are_one(one: str | None, other: str | None, same: bool) -> None:
    assert agree(one, other) is same and agree(other, one) is same
