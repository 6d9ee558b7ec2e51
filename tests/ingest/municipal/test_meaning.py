"""What keys, periods, years and words mean: refused or told where a file leaves it open."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from datetime import datetime
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.declaration import RegistryError
from ingest.files.periods import code
from ingest.municipal.contract import Column, Contract, Disclosure, read
from ingest.municipal.intake import Intake, take_in
from ingest.rules import SAFE
from tests.ingest.files.test_numbers import NOWHERE, made


def judged(contract: Contract, content: str | bytes) -> Intake:
    data = content.encode() if isinstance(content, str) else content
    intake = take_in(contract, "levering", data, NOWHERE, b"a secret for tests")
    assert intake.balances
    return intake


def sheet(rows: list[list[Any]]) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True, "default_date_format": "d-m-yyyy"}) as book:
        page = book.add_worksheet()
        for line, row in enumerate(rows):
            page.write_row(line, 0, row)
    return target.getvalue()


# -- periods ------------------------------------------------------------------------------------------------------------


def by_period(kind: str, **column: Any) -> Contract:
    measures = [{"code": "n", "title": "n", "unit": "aantal", "count": "rows"}]
    return made(
        columns=[{"name": "periode", "type": "period", **column}, {"name": "n", "type": "integer"}],
        observation={"period": "periode", "period_type": kind, "measures": measures},
    )


def of_periods(values: list[Any], kind: str, **column: Any) -> Intake:
    return judged(by_period(kind, **column), "\n".join(["periode;n", *(f"{v};1" for v in values)]))


@pytest.mark.parametrize("value", ["2024-1", "20241", "1-2024", "2024/2", "1/2024", "2024 3", "1 2024"])
@pytest.mark.parametrize("kind", ["month", "quarter", "half_year", "year"])
def test_a_bare_number_behind_a_year_is_not_guessed(value: str, kind: str) -> None:
    intake = of_periods([value] * 3, kind)
    assert (intake.state, intake.accepted) == ("stopped", 0)
    assert all("counts" in r.reason for r in intake.rejected)


@pytest.mark.parametrize(
    ("counts", "values", "codes"),
    [
        ("quarter", ["2024-1", "20242", "3-2024", "2024-04"], ["2024KW01", "2024KW02", "2024KW03", "2024KW04"]),
        ("half_year", ["2024-1", "2-2024"], ["2024HJ01", "2024HJ02"]),
        ("month", ["2024-1", "202412", "2024/7"], ["2024MM01", "2024MM12", "2024MM07"]),
    ],
)
def test_the_contract_says_what_bare_numbers_count(counts: str, values: list[str], codes: list[str]) -> None:
    assert [row["period"] for row in of_periods(values, counts, counts=counts).rows] == codes


def test_a_number_higher_than_what_is_counted_is_no_period() -> None:
    intake = of_periods(["2024-5", *["2024-1"] * 30], "quarter", counts="quarter")
    assert [r.line for r in intake.rejected] == [2]


def test_numbers_in_two_digits_are_months_unless_they_may_be_quarters() -> None:
    months = ["2024-01", "2024-02", "2024-03", "2024-04"]
    assert [r["period"] for r in of_periods(months, "month").rows] == ["2024MM01", "2024MM02", "2024MM03", "2024MM04"]
    assert [r["period"] for r in of_periods([*months, "2024-07"], "quarter").rows][-2:] == ["2024KW02", "2024KW03"]
    for kind in ("quarter", "half_year"):
        intake = of_periods(months, kind)
        assert intake.state == "stopped" and "counts" in intake.reasons[0]
    assert of_periods(months, "quarter", counts="month").rows[3]["period"] == "2024KW02"


def test_numbers_that_a_spreadsheet_made_dates_of_are_not_months() -> None:
    rows = [["periode", "n"], *([datetime(2024, n, 1), 1] for n in (1, 2, 3))]
    assert judged(by_period("quarter"), sheet(rows)).state == "stopped"
    assert judged(by_period("quarter", counts="quarter"), sheet(rows)).state == "stopped"
    starts = [["periode", "n"], *([datetime(2024, n, 1), 1] for n in (1, 4, 7, 10))]
    assert [r["period"] for r in judged(by_period("quarter"), sheet(starts)).rows][-1] == "2024KW04"


@settings(max_examples=200)
@given(
    st.integers(1990, 2060),
    st.sampled_from([("KW", 4, "kwartaal", "Q"), ("HJ", 2, "halfjaar", "H"), ("MM", 12, "maand", "M")]),
    st.integers(1, 12),
    st.sampled_from(
        ["{y}{c}{n:02d}", "{y} {s}{n}", "{y}-{s}{n}", "{n}e {w} {y}", "{w} {n} {y}", "{s}{n} {y}", "{y}, {n}e {w}"]
    ),
)
def test_a_period_that_says_what_it_counts_is_that(
    year: int, kind: tuple[str, int, str, str], n: int, form: str
) -> None:
    letters, most, word, short = kind
    number = (n - 1) % most + 1
    assert code(form.format(y=year, c=letters, n=number, w=word, s=short)) == f"{year}{letters}{number:02d}"


def test_counts_belongs_to_a_period() -> None:
    with pytest.raises(ValueError, match="its type is year"):
        made(columns=[{"name": "jaar", "type": "year", "counts": "quarter"}])


# -- keys ---------------------------------------------------------------------------------------------------------------

KEYED = made({"name": "id", "type": "key"})


@pytest.mark.parametrize(
    "keys",
    [
        ["9,87654E+15", "9,87655E+15"],
        ["1.23457e+18", "A12"],
        ["1E+16"],
        ["1234567890123450000", "1234567890123460000"],
        ["123456789012345000"],
    ],
)
def test_keys_that_went_through_a_spreadsheet_are_refused_with_how_to_export(keys: list[str]) -> None:
    intake = judged(KEYED, "\n".join(["jaar;id", *(f"2024;{key}" for key in keys)]))
    assert intake.state == "stopped" and "Exporteer rechtstreeks" in intake.reasons[0]
    assert "regel 2" in intake.reasons[0] and keys[0] not in intake.reasons[0]


def test_a_number_of_more_than_fifteen_digits_in_a_sheet_is_no_key() -> None:
    assert judged(KEYED, sheet([["jaar", "id"], [2024, 1234567890123456]])).state == "stopped"
    assert judged(KEYED, sheet([["jaar", "id"], [2024, 123456789012345], [2024, 42]])).accepted == 2


@pytest.mark.parametrize(
    "keys",
    [["1234567890123456781", "1234567890123456790"], ["12E4", "1E-5", "MELD-2024"], ["1234567890123450"], ["7", "42"]],
)
def test_other_keys_are_taken_as_they_are(keys: list[str]) -> None:
    rows = judged(KEYED, "\n".join(["jaar;id", *(f"2024;{key}" for key in keys)])).rows
    assert len({row["key"] for row in rows}) == len(keys)
    records = json.dumps([{"jaar": 2024, "id": int(key)} for key in keys if key.isdigit()] or [{"jaar": 2024, "id": 1}])
    assert judged(KEYED, records).state == "accepted"


def _through_excel(key: int, scientific: bool) -> str:
    """What a spreadsheet leaves of a number, done with decimals and not with the code under test."""
    kept = Decimal(key).normalize(Context(prec=15))
    if scientific:
        digits, exponent = f"{kept:.5E}".split("E")
        return f"{digits.replace('.', ',')}E{int(exponent):+03d}"
    return f"{kept:f}"


@settings(max_examples=60)
@given(st.sets(st.integers(10**15, 10**19), min_size=3, max_size=20), st.booleans())
def test_keys_are_never_fewer_than_they_were(keys: set[int], scientific: bool) -> None:
    whole = judged(KEYED, "\n".join(["jaar;id", *(f"2024;{key}" for key in keys)]))
    if not all(key % 10 == 0 for key in keys):
        assert len({row["key"] for row in whole.rows}) == len(keys)
    spoilt = [_through_excel(key, scientific) for key in keys]
    assert judged(KEYED, "\n".join(["jaar;id", *(f"2024;{key}" for key in spoilt)])).state == "stopped"


# -- words --------------------------------------------------------------------------------------------------------------


def test_an_agreed_value_that_begins_like_a_total_is_data() -> None:
    allowed = ["Totaal verlies", "Total loss", "Som ineens", "Rest"]
    contract = made(
        {"name": "soort", "type": "category", "allowed": allowed, "synonyms": {"Totaal-verlies auto": "Rest"}}
    )
    lines = [*allowed, "totaal verlies", "Totaal-verlies auto", "Totaal", "Subtotaal Rest", "Totaal 2024"]
    intake = judged(contract, "\n".join(["soort;jaar", *(f"{word};2024" for word in lines)]))
    assert [row["soort"] for row in intake.rows] == [*allowed, "Totaal verlies", "Rest"]
    assert dict(intake.dropped) == {"totalen": 3}


def test_a_pattern_that_a_total_does_not_have_is_agreed_on_too() -> None:
    contract = made({"name": "zaak", "type": "text", "pattern": r"[A-Za-z]+ \d{3}"})
    intake = judged(contract, "zaak;jaar\nSom 123;2024\nTotaal 007;2024\nTotaal;2024\n")
    assert (intake.accepted, dict(intake.dropped)) == (2, {"totalen": 1})


def test_a_sentence_in_a_dropped_column_is_no_label_of_a_total() -> None:
    contract = made({"name": "tekst", "type": "drop"}, {"name": "soort", "type": "category", "allowed": ["A", "B"]})
    lines = ["Totaal kapotte lantaarn;A;2024", "Totaal;A;2024", "Totaal van alle soorten;;2024", "Lamp;B;2024"]
    intake = judged(contract, "\n".join(["tekst;soort;jaar", *lines]))
    assert (intake.accepted, dict(intake.dropped)) == (2, {"totalen": 2})


def contract_file(tmp_path: Path, allowed: str, **column: Any) -> Path:
    content = KEYED.model_dump(mode="json", exclude={"file"})
    content["columns"] = [
        {"name": "jaar", "type": "year"},
        {"name": "soort", "type": "category", "allowed": "HERE", **column},
    ]
    file = tmp_path / "c.yml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True).replace("HERE", allowed), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("[Yes, No]", ["Yes", "No"]),
        ("[on, off, y, n]", ["on", "off", "y", "n"]),
        ("[010, 020, 099]", ["010", "020", "099"]),
        ("[1.10, 1.20, 0x1F, 1_000, 12:30]", ["1.10", "1.20", "0x1F", "1_000", "12:30"]),
        ("[2024-01-01, null, true]", ["2024-01-01", "null", "true"]),
        ("{Yes: Ja, No: Nee}", ["Yes", "No"]),
        ("['Yes', \"010\"]", ["Yes", "010"]),
    ],
)
def test_values_in_a_contract_are_what_is_written(tmp_path: Path, written: str, values: list[str]) -> None:
    contract = read(contract_file(tmp_path, written))
    assert list(contract.by_name["soort"].allowed or {}) == values
    intake = judged(contract, "\n".join(["jaar;soort", *(f"2024;{value}" for value in values)]))
    assert [row["soort"] for row in intake.rows] == values


def test_booleans_that_come_another_way_are_refused(tmp_path: Path) -> None:
    file = contract_file(tmp_path, "[A]")
    text = file.read_text(encoding="utf-8").replace("allowed: [A]", "<<: {allowed: [Yes, No]}")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RegistryError, match="quotation marks"):
        read(file)


@pytest.mark.parametrize(
    ("number", "fine"), [("030", False), ("1_000", False), ("1:30", False), ("0x1F", False), ("30", True)]
)
def test_a_number_that_yaml_reads_otherwise_is_refused(tmp_path: Path, number: str, fine: bool) -> None:
    file = contract_file(tmp_path, "[A]")
    file.write_text(
        file.read_text(encoding="utf-8").replace("retention_days: 365", f"retention_days: {number}"), encoding="utf-8"
    )
    if fine:
        assert read(file).retention_days == 30
        return
    with pytest.raises(RegistryError, match="retention_days"):
        read(file)


# -- a year far outside the others --------------------------------------------------------------------------------------

DATED = made(
    columns=[{"name": "datum", "type": "date"}, {"name": "n", "type": "integer"}],
    observation={"period": "datum", "measures": [{"code": "n", "title": "n", "unit": "aantal", "count": "rows"}]},
)


def of_dates(days: list[str], contract: Contract = DATED) -> Intake:
    return judged(contract, "\n".join(["datum;n", *(f"{day};1" for day in days)]))


def test_a_year_far_outside_the_rest_is_that_rows_fault() -> None:
    days = [f"{day:02d}-{month:02d}-2024" for month in (3, 4) for day in range(1, 30)]
    intake = of_dates([*days, "01-05-2042", "02-05-2004"])
    assert (intake.state, intake.accepted) == ("accepted", 58)
    assert [(r.line, r.column) for r in intake.rejected] == [(60, "datum"), (61, "datum")]
    assert "ver buiten" in intake.rejected[0].reason and intake.covers == [("GM0770", "2024JJ00")]


def test_a_contract_that_says_how_far_it_may_be_is_believed() -> None:
    bounded = [{"name": "datum", "type": "date", "maximum": "2060-01-01"}, {"name": "n", "type": "integer"}]
    intake = of_dates(
        [*["01-03-2024"] * 58, "01-05-2042", "02-05-2004"],
        DATED.model_copy(update={"columns": made(columns=bounded, observation=DATED.observation.model_dump()).columns}),
    )
    assert (intake.accepted, [r.line for r in intake.rejected]) == (59, [61])


@pytest.mark.parametrize(
    "years",
    [
        [2000, 2010, 2020],  # a series of every ten years
        [1990 + n for n in range(35)],
        [*[2024] * 60, *[2019] * 1],  # a late one
        [*[2024] * 50, *[2012] * 20],  # a year to compare with
        [2024],
    ],
)
def test_years_that_are_apart_for_a_reason_stay(years: list[int]) -> None:
    contract = made(columns=[{"name": "jaar", "type": "year"}, {"name": "n", "type": "integer"}])
    intake = judged(contract, "\n".join(["jaar;n", *(f"{year};1" for year in years)]))
    assert intake.accepted == len(years)


@pytest.mark.parametrize("kind", ["year", "period"])
def test_bounds_hold_for_years_and_periods_too(kind: str) -> None:
    contract = made(
        columns=[{"name": "jaar", "type": kind, "minimum": 2015, "maximum": 2024}, {"name": "n", "type": "integer"}],
        tolerance=1,
    )
    intake = judged(contract, "jaar;n\n2014;1\n2015;1\n2024;1\n2025;1\n")
    assert (intake.accepted, [r.line for r in intake.rejected]) == (2, [2, 5])


# -- age classes --------------------------------------------------------------------------------------------------------


def test_age_classes_bear_the_names_that_people_use() -> None:
    column = Column(name="geboortejaar", type="year", age_classes=(0, 18, 65))
    assert column.members == {
        "0-17": "0 tot en met 17 jaar",
        "18-64": "18 tot en met 64 jaar",
        "65+": "65 jaar en ouder",
    }


@pytest.mark.parametrize("classes", [(), (18, 65), (0, 65, 18), (0, 18, 18)])
def test_age_classes_begin_at_nought_and_go_up(classes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="from 0, each higher"):
        Column(name="geboortejaar", type="year", age_classes=classes)


def test_a_school_year_is_no_period_that_is_counted() -> None:
    intake = judged(by_period("year"), "periode;n\n2023SJ00;1\n")
    assert [r.reason for r in intake.rejected] == [
        "is een schooljaar, en dat is geen jaar, halfjaar, kwartaal of maand"
    ]


# -- disclosure ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "loose"),
    [
        ({}, None),
        ({"threshold": 9}, "threshold"),
        ({"units": "households", "threshold": 5}, None),
        ({"units": "none"}, "units: none"),
        ({"rounding": 1}, "rounding"),
        ({"zeros": "publish"}, "zeros: publish"),
        ({"least_denominator": 49}, "least_denominator"),
        ({"dominance": 0.6}, "dominance"),
        ({"p_percent": 5}, "p_percent"),
        ({"dominance": 0.4, "p_percent": 20, "threshold": 11}, None),
    ],
)
def test_what_is_looser_than_safe_needs_a_reason(said: dict[str, Any], loose: str | None) -> None:
    if loose is not None:
        with pytest.raises(ValueError, match=f"looser than the safe default \\({loose}\\)"):
            Disclosure(**said)
        said = said | {"why": "agreed"}
    found = Disclosure(**said)
    rules = asdict(found.rules)
    assert rules == asdict(SAFE) | {k: v for k, v in said.items() if k in rules} | {"threshold": found.least}
