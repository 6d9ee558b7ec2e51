"""Goals and comparisons on a few made figures: what is said of them, and where nothing is."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pytest

from tests.dbt_project.model import build

#: indicator, unit, reference rule, is a total, not comparable over time
INDICATORS = [
    ("zon", "kWp", {"jaar": "end", "2025JJ00": "06-30"}, True, None),
    ("roker", "%", "09-01/12-31", False, None),
    ("woz", "x 1 000 euro", "previous_start", False, None),
    ("vsv", "%", "10-01", False, None),
    ("prijs", "euro", "period", False, "Geen maat voor de prijsontwikkeling."),
    ("gas", "m³", "period", False, None),
    ("later", "%", "end", False, None),
    ("terug", "%", {"*": "end", "2023JJ00": "previous_start"}, False, None),
]
#: indicator, region, period, value, half the margin, segment, why the series breaks
FIGURES: list[tuple[Any, ...]] = [
    ("zon", "GM1728", "2019JJ00", 14162, None, 1, None),
    ("zon", "GM1728", "2025JJ00", 54009, None, 1, None),
    ("zon", "NL01", "2025JJ00", 28_000_000, None, 1, None),
    ("roker", "GM1728", "2016JJ00", 12.0, None, 1, None),
    ("roker", "GM1728", "2020JJ00", 11.7, 2, 1, None),
    ("roker", "GM1728", "2024JJ00", 14.3, 4, 1, None),
    ("roker", "GM0770", "2020JJ00", 11.7, 2, 1, None),
    ("roker", "GM0770", "2024JJ00", 19.0, 2, 1, None),
    ("roker", "NL01", "2024JJ00", 15.0, 0.5, 1, None),
    ("woz", "GM1728", "2024JJ00", 400, None, 1, None),
    ("vsv", "GM1728", "2024JJ00", 2, None, 1, None),
    ("vsv", "GM1728", "2023SJ00", 2, None, 1, None),
    ("prijs", "GM1728", "2023JJ00", 400_000, None, 1, None),
    ("prijs", "GM1728", "2024JJ00", 500_000, None, 1, None),
    *((name, "GM1728", year, 10, None, 1, None) for name in ("later", "terug") for year in ("2022JJ00", "2024JJ00")),
    ("gas", "GM1728", "2021JJ00", 1500, None, 1, None),
    ("gas", "GM1728", "2022JJ00", 1200, None, 2, "Vanaf 2022 slimme meters."),
]
#: indicator, region, first period, target, period of the target
GOALS = [
    ("zon", "GM1728", "2019JJ00", 120000, "2030JJ00"),
    ("roker", "GM1728", "2020JJ00", 10, "2028JJ00"),
    ("roker", "GM0770", "2020JJ00", 10, "2028JJ00"),
    ("prijs", "GM1728", "2023JJ00", 450_000, "2030JJ00"),
    ("gas", "GM1728", "2021JJ00", 800, "2030JJ00"),
    ("later", "GM1728", "2022JJ00", 20, "2030JJ00"),
    ("terug", "GM1728", "2022JJ00", 20, "2023JJ00"),
]


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(
        """
        create schema raw; create schema core; create schema mart;
        create table raw.published (indicator_id varchar, definition_version integer, period_code varchar);
        create table raw.reference (indicator_id varchar, version integer, period varchar, rule varchar);
        create table raw.policy_goal (
            goal_id varchar, region_code varchar, programme varchar, taakveld varchar, goal varchar, indicator_id varchar,
            baseline_period varchar, target_value double, target_period varchar, comparison_group varchar,
            decided_on date, decided_by varchar, legal_basis varchar, example boolean);
        create table core.indicator (
            indicator_id varchar, version integer, theme varchar, name_nl varchar, unit varchar, direction varchar,
            valid_from date, is_total boolean, not_comparable varchar);
        create table core.indicator_value (
            indicator_id varchar, definition_version integer, region_code varchar, period_code varchar, value double,
            lower_bound double, upper_bound double, period_status varchar, series_segment integer, series_break varchar);
        create table core.region as select unnest(['GM1728', 'GM0770', 'NL01', 'KEMPEN']) as region_code,
            unnest(['Bladel', 'Eersel', 'Nederland', 'De Kempen']) as name, null::varchar as parent_code;
        create table core.data_center as select 'KEMPEN' as region_code, 'CR36' as corop_code, 'PV30' as province_code;
        create table core.region_group as select 'KEMPEN' as group_code, 'De Kempen' as group_name, 'samenwerking' as group_type,
            unnest(['GM1728', 'GM0770']) as region_code, date '2000-01-01' as valid_from, null::date as valid_to;
        """
    )
    for name, unit, reference, total, why in INDICATORS:
        con.execute(
            "insert into core.indicator values ($1, 1, 'thema', $1, $2, 'lager_is_beter', '2000-01-01', $3, $4)",
            [name, unit, total, why],
        )
        for period, rule in (reference if isinstance(reference, dict) else {"*": reference}).items():
            con.execute("insert into raw.reference values (?, 1, ?, ?)", [name, period, rule])
    con.execute(
        "insert into core.indicator select * replace (2 as version, date '2035-01-01' as valid_from) from core.indicator "
        "where indicator_id = 'later'"
    )
    for name, region, period, value, margin, segment, why in FIGURES:
        low, high = (None, None) if margin is None else (value - margin, value + margin)
        con.execute(
            "insert into core.indicator_value values (?, 1, ?, ?, ?, ?, ?, 'Definitief', ?, ?)",
            [name, region, period, value, low, high, segment, why],
        )
    for name, region, first, target, last in GOALS:
        con.execute(
            "insert into raw.policy_goal values ($1 || $2, $2, null, null, null, $1, $3, $4, $5, 'KEMPEN', null, null, null, true)",
            [name, region, first, target, last],
        )
    con.execute("create table core.source_row as select distinct period_code from core.indicator_value")
    for model in ("core/period", "core/indicator_reference", "mart/comparison", "mart/policy_goal"):
        build(con, model)
    return con


def goal(con: duckdb.DuckDBPyConnection, goal_id: str) -> dict[str, Any]:
    cursor = con.execute("select * from mart.policy_goal where goal_id = ?", [goal_id])
    names = [c[0] for c in cursor.description or []]
    [row] = cursor.fetchall()
    return dict(zip(names, row, strict=True))


@pytest.mark.parametrize(
    ("indicator", "period", "first", "last"),
    [
        ("zon", "2019JJ00", date(2019, 12, 31), date(2019, 12, 31)),
        ("zon", "2025JJ00", date(2025, 6, 30), date(2025, 6, 30)),
        ("zon", "2030JJ00", date(2030, 12, 31), date(2030, 12, 31)),
        ("roker", "2024JJ00", date(2024, 9, 1), date(2024, 12, 31)),
        ("woz", "2024JJ00", date(2023, 1, 1), date(2023, 1, 1)),
        ("vsv", "2024JJ00", date(2024, 10, 1), date(2024, 10, 1)),
        ("vsv", "2023SJ00", date(2023, 10, 1), date(2023, 10, 1)),
        ("prijs", "2024JJ00", date(2024, 1, 1), date(2024, 12, 31)),
    ],
)
def test_the_days_that_a_figure_is_about(
    con: duckdb.DuckDBPyConnection, indicator: str, period: str, first: date, last: date
) -> None:
    found = con.execute(
        "select reference_start, reference_end from core.indicator_reference where indicator_id = ? and period_code = ?",
        [indicator, period],
    ).fetchall()
    assert found == [(first, last)]


def test_a_goal_counts_the_days_between_reference_dates(con: duckdb.DuckDBPyConnection) -> None:
    row = goal(con, "zonGM1728")
    years = (date(2025, 6, 30) - date(2019, 12, 31)).days / 365.25
    assert row["change_per_year"] == pytest.approx((54009 - 14162) / years)  # 7,248, not 6,640 over six whole years
    passed = (date(2025, 6, 30) - date(2019, 12, 31)).days / (date(2030, 12, 31) - date(2019, 12, 31)).days
    assert row["expected_value"] == pytest.approx(14162 + passed * (120000 - 14162))
    assert (row["on_track"], row["on_track_verdict"], row["reference_end"]) == (False, "nee", date(2025, 6, 30))


def test_a_goal_is_counted_by_the_definition_that_holds_then(con: duckdb.DuckDBPyConnection) -> None:
    row = goal(con, "laterGM1728")  # 2 of 8 years; of the definition from 2035 on there is no 2030
    assert row["expected_value"] == pytest.approx(10 + 10 * 731 / 2922) and row["on_track_verdict"] == "nee"


def test_of_a_goal_that_ends_before_it_begins_nothing_is_said(con: duckdb.DuckDBPyConnection) -> None:
    row = goal(con, "terugGM1728")
    assert (row["expected_value"], row["on_track"], row["on_track_verdict"]) == (None, None, "niet te zeggen")
    assert row["on_track_note"] == "De streefperiode gaat over geen later moment dan de beginperiode."


def test_a_goal_within_the_margin_is_neither_on_track_nor_off_it(con: duckdb.DuckDBPyConnection) -> None:
    within, beyond = goal(con, "rokerGM1728"), goal(con, "rokerGM0770")
    assert within["latest_lower"] < within["expected_value"] < within["latest_upper"]
    assert (within["on_track"], within["on_track_verdict"]) == (None, "geen aantoonbaar verschil")
    assert within["on_track_note"].startswith("Geen aantoonbaar verschil")
    assert (beyond["on_track"], beyond["on_track_verdict"], beyond["on_track_note"]) == (False, "nee", None)


def test_a_goal_over_a_break_says_where_it_is(con: duckdb.DuckDBPyConnection) -> None:
    row = goal(con, "gasGM1728")
    assert (row["on_track"], row["trend"], row["change_per_year"], row["expected_value"]) == (None, None, None, None)
    assert (row["on_track_verdict"], row["series_break"]) == ("niet te zeggen", "Vanaf 2022 slimme meters.")
    assert "breekt" in row["on_track_note"]


def test_what_is_no_index_has_no_index_trend_or_verdict(con: duckdb.DuckDBPyConnection) -> None:
    row = goal(con, "prijsGM1728")
    assert (row["on_track"], row["trend"], row["on_track_note"]) == (None, None, "Geen maat voor de prijsontwikkeling.")
    [(index, verdict, why, before)] = con.execute(
        "select index_value, previous_verdict, not_comparable, previous_value from mart.comparison "
        "where indicator_id = 'prijs' and period_code = '2024JJ00'"
    ).fetchall()
    assert (index, verdict, why, before) == (None, None, "Geen maat voor de prijsontwikkeling.", 400_000)


def test_totals_are_neither_ranked_nor_called_higher_or_lower(con: duckdb.DuckDBPyConnection) -> None:
    columns = "rank, ranked_municipalities, group_verdict, country_verdict, previous_verdict, country_value"
    of = f"select {columns} from mart.comparison where indicator_id = ? and region_code = 'GM1728' and period_code = ?"
    assert con.execute(of, ["zon", "2025JJ00"]).fetchall() == [(None, None, None, None, "hoger", 28_000_000)]
    assert con.execute(of, ["roker", "2024JJ00"]).fetchall() == [
        (1, 2, None, "geen aantoonbaar verschil", "geen aantoonbaar verschil", 15.0)
    ]


def test_a_figure_without_margins_beside_one_with_them(con: duckdb.DuckDBPyConnection) -> None:
    found = con.execute(
        "select previous_value, previous_verdict from mart.comparison "
        "where indicator_id = 'roker' and region_code = 'GM1728' and period_code = '2020JJ00'"
    ).fetchall()
    assert found == [(12.0, "geen aantoonbaar verschil")]


def test_an_index_starts_anew_at_a_break(con: duckdb.DuckDBPyConnection) -> None:
    found = con.execute(
        "select period_code, index_value, difference_to_previous, series_break from mart.comparison "
        "where indicator_id = 'gas' order by period_code"
    ).fetchall()
    assert found == [("2021JJ00", 100, None, None), ("2022JJ00", 100, None, "Vanaf 2022 slimme meters.")]
