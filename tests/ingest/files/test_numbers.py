"""What a column of numbers means: decided once, from all its rows, and refused where it shows two meanings."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.files.numbers import Doubt, decide, written
from ingest.municipal.contract import Contract
from ingest.municipal.intake import Intake, take_in
from ingest.municipal.region import Geography

NOWHERE = Geography({})


def made(*columns: dict[str, Any], layout: dict[str, Any] | None = None, **parts: Any) -> Contract:
    """A contract of one municipality with a year and numbers."""
    columns = columns or ({"name": "getal", "type": "decimal"},)
    return Contract.model_validate(
        {
            **{"id": "proef", "title": "Proef", "owner": "Gemeente Eersel", "contact": "x@voorbeeld.invalid"},
            **{"purpose": "Proef.", "legal_basis": "geen", "processing_register": "geen", "sharing_level": "public"},
            **{"retention_days": 365, "cadence": "year", "municipalities": ["GM0770"], "layout": layout or {}},
            "columns": [{"name": "jaar", "type": "year"}, *columns],
            "observation": {"period": "jaar", "measures": [{"code": "n", "title": "n", "unit": "x", "count": "rows"}]},
            "disclosure": {"units": "none", "why": "Proef."},
            **parts,
        }
    )


def delivered(values: list[str], contract: Contract | None = None, header: str = "jaar;getal") -> Intake:
    text = "\n".join([header, *(f"2024;{value}" for value in values)]) + "\n"
    intake = take_in(contract or made(), "levering.csv", text.encode(), NOWHERE, b"a secret for tests")
    assert intake.balances
    return intake


def taken(values: list[str], contract: Contract | None = None) -> list[float]:
    intake = delivered(values, contract)
    assert intake.state == "accepted", (intake.reasons, intake.rejected)
    return [row["getal"] for row in intake.rows]


# -- a thousandfold -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["98.4", "112.75", "0.125", "52.318"], [98.4, 112.75, 0.125, 52.318]),
        (["0.245", "1.234"], [0.245, 1.234]),
        (["-0.016", "52.318"], [-0.016, 52.318]),
        (["1234.567", "1.234"], [1234.567, 1.234]),
        ([".245", "1.234"], [0.245, 1.234]),
        (["1,234.5", "1.234"], [1234.5, 1.234]),
        (["0,663", "1.234"], [0.663, 1234]),
        (["1.234,56", "1.234"], [1234.56, 1234]),
        (["1.234.567", "1.234"], [1234567, 1234]),
        (["1,234,567", "1,234"], [1234567, 1234]),
        (["1 234", "12,5"], [1234, 12.5]),
    ],
)
def test_a_column_is_read_as_its_own_rows_show(values: list[str], numbers: list[float]) -> None:
    assert taken(values) == numbers
    assert taken(values[::-1]) == numbers[::-1]
    assert not delivered(values).warnings


@pytest.mark.parametrize(
    "values",
    [["112.75", "12,5"], ["0.245", "1.234,5"], ["0,663", "0.663"], ["1,234.5", "1.234,5"], ["1.234", "1,234"]],
)
def test_a_column_that_shows_both_readings_is_refused_with_an_example_of_each(values: list[str]) -> None:
    intake = delivered(["12", *values, "7"])
    assert (intake.state, intake.withheld) == ("stopped", 4)
    assert "regel 3" in intake.reasons[0] and "regel 4" in intake.reasons[0]
    assert "9" in intake.reasons[0] and not any(value in intake.reasons[0] for value in values)


@pytest.mark.parametrize(("decimal", "value"), [("point", "0,663"), ("point", "1.234,5"), ("comma", "0.245")])
def test_what_contradicts_the_contract_is_refused(decimal: str, value: str) -> None:
    intake = delivered(["12", value], made(layout={"decimal": decimal}))
    assert intake.state == "stopped" and "regel 3" in intake.reasons[0] and "layout.decimal" in intake.reasons[0]


def test_the_contract_decides_where_the_numbers_do_not() -> None:
    assert taken(["1.234", "52.318"], made(layout={"decimal": "point"})) == [1.234, 52.318]
    assert taken(["1.234", "1,234"], made(layout={"decimal": "comma"})) == [1234, 1.234]
    # Dutch unless something says otherwise, and the sender is told that it was chosen.
    intake = delivered(["1.234", "52.318"])
    assert [row["getal"] for row in intake.rows] == [1234, 52318]
    assert "regel 2" in intake.warnings[0] and "layout" in intake.warnings[0]


def test_a_column_that_does_not_show_it_is_not_read_against_the_others() -> None:
    contract = made({"name": "getal", "type": "decimal"}, {"name": "ander", "type": "decimal"})
    intake = delivered(["52.318;112.75", "1.234;98.4"], contract, "jaar;getal;ander")
    assert intake.state == "stopped" and "getal" in intake.reasons[0] and "ander" in intake.reasons[0]
    with_comma = delivered(["52.318;112,75", "1.234;98,4"], contract, "jaar;getal;ander")
    assert [row["getal"] for row in with_comma.rows] == [52318, 1234] and not with_comma.warnings


@pytest.mark.parametrize("value", ["1.23", "12.34.567", "0.123.456", "1234.567.890", "1 23", "0 123", "1,2,3", "1..2"])
def test_no_group_of_thousands_is_longer_or_shorter_than_three(value: str) -> None:
    assert written(value) is None or "comma" not in written(value).meanings


# -- signs around a number ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(" €  -   ", 0), ("€ -", 0), ("-€ ", 0), ("EUR -", 0), ("€ –", 0)],
        *[("(12,50)", -12.5), ("€ (12.500,00)", -12500), ("(€ 12,50)", -12.5), (" € -1.250,00 ", -1250)],
        *[("−1.250,50", -1250.5), ("–3", -3), ("3-", -3), ("-€ 12,00", -12), ("+4", 4), ("- 5", -5)],
        *[("€ 12,-", 12), ("12,--", 12), ("1.250,=", 1250), ("€ -12,-", -12)],
        *[("(12", None), ("12)", None), ("-(12)", None), ("--3", None), ("-3-", None), ("1e5", None)],
    ],
)
def test_signs_around_a_number(text: str, value: float | None) -> None:
    intake = delivered([text, "12,50", *["1"] * 30])
    assert intake.state == "accepted", intake.reasons
    if value is None:
        assert [r.reason for r in intake.rejected] == ["is geen getal"]
    else:
        assert intake.rows[0]["getal"] == value


# -- whatever is written ------------------------------------------------------------------------------------------------


def _written(value: Decimal, decimal: str, group: bool, places: int) -> str:
    """A number in the notation of a country, made without the code under test."""
    sign, whole, fraction = ("-" if value < 0 else ""), str(abs(int(value))), ""
    if places:
        fraction = decimal + str(abs(value) % 1)[2:].ljust(places, "0")[:places]
    other = "." if decimal == "," else ","
    if group:
        parts = []
        while whole:
            parts.append(whole[-3:])
            whole = whole[:-3]
        whole = other.join(reversed(parts))
    return sign + whole + fraction


_values = st.decimals(-2_000_000, 2_000_000, places=3, allow_nan=False, allow_infinity=False)


@settings(max_examples=150)
@given(st.lists(st.tuples(_values, st.integers(0, 3), st.booleans()), min_size=1, max_size=12), st.sampled_from(",."))
def test_no_number_is_taken_a_thousandfold(columns: list[tuple[Decimal, int, bool]], decimal: str) -> None:
    """A file in one notation gives its numbers, or a refusal, or (where nothing in it shows which) the Dutch reading and a
    warning."""
    truth = [value.quantize(Decimal(1).scaleb(-places), rounding="ROUND_DOWN") for value, places, _ in columns]
    texts = [_written(t, decimal, group, places) for t, (_, places, group) in zip(truth, columns, strict=True)]
    intake = delivered(texts)
    if intake.state == "accepted" and not intake.warnings:
        assert [row["getal"] for row in intake.rows] == [float(t) for t in truth], texts
    declared = delivered(texts, made(layout={"decimal": "comma" if decimal == "," else "point"}))
    assert [row["getal"] for row in declared.rows] == [float(t) for t in truth], texts


@settings(max_examples=60)
@given(st.lists(_values, min_size=2, max_size=12), st.data())
def test_two_notations_in_one_column_are_never_taken(values: list[Decimal], data: st.DataObject) -> None:
    split = data.draw(st.integers(1, len(values) - 1))
    texts = [_written(v, "," if n < split else ".", False, 2) for n, v in enumerate(values)]
    assert delivered(texts).state == "stopped"


@pytest.mark.parametrize(
    ("text", "value", "percent"),
    [
        *(("12", 12, False), ("+3", 3, False), ("+3,5", "3.5", False), ("-3", -3, False), ("3-", -3, False), ("(12)", -12, False)),
        *(("12%", 12, True), ("12,5 %", "12.5", True), ("(12%)", -12, True), ("(12)%", -12, True)),
        *(("€ -", 0, False), ("€ \u2014", 0, False)),
        *(("1.234", 1234, False), ("1.5", "1.5", False), ("1,5", "1.5", False)),
    ],
)  # fmt: skip
def test_a_number_alone_is_what_it_shows_else_with_a_comma(text: str, value: Any, percent: bool) -> None:
    found = written(text)
    assert found is not None and (found.meaning(None), found.percent) == (Decimal(value), percent)


def test_why_a_column_is_in_doubt() -> None:
    def doubt(*texts: str, declared: Any = None) -> Doubt | None:
        return decide([written(t) for t in texts], declared).doubt

    assert doubt("1,5", "x", "1.5") == Doubt("mixed", 0, 2)
    assert doubt("1.234", "7", "1,234") == Doubt("mixed", 0, 2)
    assert doubt("7", "1.5", declared="comma") == Doubt("against contract", 1)
    assert doubt("1.234", "1,5") is None
