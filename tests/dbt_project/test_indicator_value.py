"""How a figure comes from cells: the model's own SQL on a few cells, each case at the edge of a rule."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import duckdb
import pytest

from tests.dbt_project.model import build
from warehouse.making import raw

#: Regions with a row in the source: two of our municipalities, one elsewhere, a wijk of ours, the country.
OURS, OTHER, ELSEWHERE, WIJK, COUNTRY = "GM0770", "GM1728", "GM0001", "WK077001", "NL00"
UNKNOWN = "Niet is na te gaan of het gebied sinds 2021 hetzelfde is: niet van elk jaar is er een indeling, of zij is veranderd."
BELOW = "De noemer is kleiner dan {}; met afgeronde cijfers zegt de verhouding niets."


class World:
    """A table T with a row per region and period, measures 1, 2 …, and an indicator that is bound to it."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con, self.rows = con, {}
        con.execute(
            """
            create schema raw; create schema staging; create schema core;
            create table core.cell (row_id bigint, measure_id integer, value double, text_value varchar, missing_reason varchar);
            create table core.source_row (row_id bigint, snapshot_no smallint, region_code varchar, period_code varchar,
                dimensions_key varchar);
            create table core.indicator_term (binding_id integer, indicator_id varchar, version integer, role varchar, term_no integer,
                sign integer, table_id varchar, dimensions_key varchar, measure_id integer, snapshot_no smallint,
                regions varchar[], first_period varchar, last_period varchar);
            create table core.snapshot as select 'T' as table_id, 'T-1' as snapshot_id, timestamptz '2024-06-01 00:00:00+00' as fetched_at,
                null::varchar as declared_period;
            create table core.dimension_member (table_id varchar, kind varchar, code varchar, status varchar);
            create table core.period (period_code varchar, period_type varchar, start_date date);
            create table core.indicator (indicator_id varchar, version integer, aggregation varchar, factor double, why_not varchar,
                valid_from date, valid_to date, series_break varchar, no_figure varchar);
            create table core.region (region_code varchar);
            create table core.region_group (group_code varchar, region_code varchar, valid_from date, valid_to date);
            create table core.region_group_member (group_code varchar, region_code varchar);
            create table core.data_center as select 'GROUP' as region_code;
            create table staging.published_region (region_code varchar, reorganised date[]);
            create table core.area_change (region_code varchar, year integer, change_code varchar, unchanged_since integer);
            insert into core.region_group values ('GROUP', 'GM0770', '2000-01-01', null), ('GROUP', 'GM1728', '2000-01-01', null);
            insert into core.region_group_member values ('GROUP', 'GM0770'), ('GROUP', 'GM1728');
            insert into core.period select y || 'JJ00', 'jaar', make_date(y, 1, 1) from range(2015, 2025) as years (y);
            """
        )
        raw.create(con, "term", "binding", "series_break", "withheld", "kept_figure")

    def indicator(self, aggregation: str = "ratio", factor: float = 100, **of: Any) -> None:
        of = {"version": 1, "why_not": None, "valid_from": "2000-01-01", "valid_to": None, "series_break": None} | of
        self.con.execute(
            "insert into core.indicator values ('share', ?, ?, ?, ?, ?, ?, ?, null)",
            [of["version"], aggregation, factor, of["why_not"], of["valid_from"], of["valid_to"], of["series_break"]],
        )

    def binding(self, *terms: tuple[str, int] | tuple[str, int, int], number: int = 1, **of: Any) -> None:
        """:param terms: role, measure and sign."""
        of = {
            "version": 1,
            "constant": 0,
            "stretch": 1,
            "series_break": None,
            "same_areas": False,
            "least_denominator": None,
        } | of
        kinds = of.pop("regions", ["gemeente", "wijk", "land"])
        first, last = of.pop("first", None), of.pop("last", None)
        values = of | {"binding_id": number, "indicator_id": "share", "table_id": "T", "regions": kinds}
        self._insert("raw.binding", values)
        for at, (role, measure, *sign) in enumerate(terms):
            self._insert("raw.term", {"binding_id": number, "role": role, "term_no": at})
            self.con.execute(
                "insert into core.indicator_term values (?, 'share', ?, ?, ?, ?, 'T', '', ?, 1, ?, ?, ?)",
                [number, of["version"], role, at, sign[0] if sign else 1, measure, kinds, first, last],
            )

    def _insert(self, table: str, values: dict[str, Any]) -> None:
        self.con.execute(
            f"insert into {table} ({', '.join(values)}) values ({', '.join('?' * len(values))})", [*values.values()]
        )

    def cell(self, region: str, measure: int, value: float | str | None, period: str = "2022JJ00") -> None:
        """:param value: a text is the reason why there is none."""
        if (region, period) not in self.rows:
            self.rows[region, period] = len(self.rows)
            self.con.execute(
                "insert into core.source_row values (?, 1, ?, ?, '')", [self.rows[region, period], region, period]
            )
        number, reason = (None, value) if isinstance(value, str) else (value, None)
        self.con.execute(
            "insert into core.cell values (?, ?, ?, null, ?)", [self.rows[region, period], measure, number, reason]
        )

    def figures(self, columns: str, where: str = "true") -> dict[tuple[str, str], Any]:
        """By region and year; one column as it is, several as a tuple."""
        build(self.con, "core/indicator_value")
        found = self.con.execute(
            f"select region_code, period_code[1:4], {columns} from core.indicator_value where method <> 'absent' and {where}"
        ).fetchall()
        assert len({row[:2] for row in found}) == len(found)
        return {row[:2]: row[2] if len(row) == 3 else row[2:] for row in found}

    def figure(self, columns: str, region: str = OURS, year: str = "2022") -> Any:
        return self.figures(columns)[region, year]


@pytest.fixture
def world() -> Iterator[World]:
    with duckdb.connect() as con:
        yield World(con)


def ratio(
    world: World, numerator: float | str | None, denominator: float | str | None, region: str = OURS, **of: Any
) -> None:
    world.indicator()
    world.binding(("numerator", 1), ("denominator", 2), **of)
    world.cell(region, 1, numerator)
    world.cell(region, 2, denominator)


def test_a_ratio_is_divided_or_says_why_not(world: World) -> None:
    cases: list[tuple[float | str | None, float | str | None, float | None, str | None]] = [
        (1, 4, 25.0, None),
        (0, 4, 0.0, None),
        (1, 0, None, "impossible"),
        (0, 0, None, "impossible"),
        ("confidential", 4, None, "confidential"),
        (1, "unknown", None, "unknown"),
        ("unknown", "confidential", None, "unknown"),
        (None, 4, None, "not_available"),
        (1, 0.5, 200.0, None),
        (7, 70, 10.0, None),
    ]
    world.indicator()
    world.binding(("numerator", 1), ("denominator", 2))
    for number, (numerator, denominator, _, _) in enumerate(cases):
        world.cell(f"GM{number:04}", 1, numerator)
        world.cell(f"GM{number:04}", 2, denominator)
    found = world.figures("value, missing_reason, method, period_status")
    assert found == {
        (f"GM{number:04}", "2022"): (value, reason, "computed", None)
        for number, (*_, value, reason) in enumerate(cases)
    }
    assert world.figure("numerator, denominator", "GM0009") == (7, 70)


@pytest.mark.parametrize(
    ("least", "cases"),
    [
        (None, {WIJK: (49, 50), "WK077002": (50, None), "WK077003": (0, None), OURS: (1, None)}),
        (20, {WIJK: (49, 50), OURS: (19, 20), OTHER: (20, None)}),
        (80, {WIJK: (79, 80), "WK077002": (80, None)}),
    ],
)
def test_no_ratio_is_divided_on_a_denominator_below_its_bound(
    world: World, least: int | None, cases: dict[str, tuple[float, int | None]]
) -> None:
    """:param cases: the denominator of each region, and the bound that it is below."""
    world.indicator()
    world.binding(("numerator", 1), ("denominator", 2), least_denominator=least)
    for region, (denominator, _) in cases.items():
        world.cell(region, 1, denominator / 10)
        world.cell(region, 2, denominator)
    found = world.figures("value, missing_reason, note", "method = 'computed'")
    for region, (denominator, bound) in cases.items():
        expected = (None, "suppressed", BELOW.format(bound)) if bound else (10.0, None, None)
        assert found[region, "2022"] == (expected if denominator else (None, "impossible", None)), region


def test_a_group_is_divided_only_on_a_denominator_that_its_members_may_be(world: World) -> None:
    ratio(world, 2, 20, least_denominator=50)
    world.cell(OTHER, 1, 3)
    world.cell(OTHER, 2, 29)
    assert world.figure("value, missing_reason", "GROUP") == (None, "suppressed")
    world.cell(OURS, 1, 2, "2023JJ00")
    world.cell(OURS, 2, 20, "2023JJ00")
    world.cell(OTHER, 1, 3, "2023JJ00")
    world.cell(OTHER, 2, 30, "2023JJ00")
    assert world.figure("value, missing_reason, numerator, denominator", "GROUP", "2023") == (10.0, None, 5, 50)
    world.cell(OURS, 1, 0, "2021JJ00")
    world.cell(OURS, 2, 0, "2021JJ00")
    world.cell(OTHER, 1, 0, "2021JJ00")
    world.cell(OTHER, 2, 0, "2021JJ00")
    assert world.figure("value, missing_reason", "GROUP", "2021") == (None, "impossible")


def test_a_group_misses_what_the_denominator_of_a_member_misses(world: World) -> None:
    ratio(world, 2, 20)
    world.cell(OTHER, 1, 3)
    world.cell(OTHER, 2, "confidential")
    assert world.figure("value, missing_reason, denominator", "GROUP") == (None, "confidential", None)


def test_a_value_is_added_up_with_signs_and_a_constant(world: World) -> None:
    world.indicator("sum", 1)
    world.binding(("value", 1), ("value", 2, -1), ("lower", 3), ("upper", 4), constant=100)
    for measure, value in enumerate((30, 7, -2, 5), 1):
        world.cell(OURS, measure, value)
    assert world.figure("value, lower_bound, upper_bound, method, numerator, denominator") == (
        123,
        98,
        105,
        "computed",
        None,
        None,
    )


@pytest.mark.parametrize(("constant", "method"), [(0, "published"), (1, "computed")])
def test_one_cell_as_it_is_is_published(world: World, constant: int, method: str) -> None:
    world.indicator("sum", 1)
    world.binding(("value", 1), constant=constant)
    world.cell(OURS, 1, 5)
    assert world.figure("value, method, snapshot_id, table_id, binding_id") == (5 + constant, method, "T-1", "T", 1)


_WORST = ["confidential", "suppressed", "not_yet_published", "not_available", "unknown", "impossible"]


def test_of_several_reasons_the_one_that_can_least_be_mended_is_told(world: World) -> None:
    world.indicator("sum", 1)
    world.binding(("value", 1), ("value", 2), ("value", 3))
    pairs = [*pairwise(_WORST), ("confidential", "impossible")]
    for number, (worse, better) in enumerate(pairs):
        for region, reasons in ((f"GM1{number:03}", (worse, better)), (f"GM2{number:03}", (better, worse))):
            for measure, value in enumerate((*reasons, 5), 1):
                world.cell(region, measure, value)
    for measure, reason in ((1, "unknown"), (2, "unknown"), (3, "unknown")):
        world.cell(OURS, measure, reason)
        world.cell(OTHER, measure, "confidential" if measure == 2 else 1)
        world.cell(ELSEWHERE, measure, 1)
    found = world.figures("missing_reason")
    for number, (worse, _) in enumerate(pairs):
        assert (found[f"GM1{number:03}", "2022"], found[f"GM2{number:03}", "2022"]) == (worse, worse)
    assert world.figure("value, missing_reason, note", "GROUP") == (None, "confidential", None)


def test_a_group_is_the_sum_of_all_its_members_or_nothing(world: World) -> None:
    world.indicator("sum", 1)
    world.binding(("value", 1))
    world.cell(OURS, 1, 5)
    world.cell(OTHER, 1, 0)
    world.cell(OURS, 1, 6, "2023JJ00")
    world.cell(OURS, 1, 7, "2021JJ00")
    world.cell(OTHER, 1, "confidential", "2021JJ00")
    found = world.figures("value, missing_reason, note, method", "region_code = 'GROUP'")
    assert found == {
        ("GROUP", "2021"): (None, "confidential", None, "aggregated"),
        ("GROUP", "2022"): (5, None, None, "aggregated"),
        ("GROUP", "2023"): (
            None,
            "not_available",
            "Niet voor alle gemeenten van de groep is er een cijfer.",
            "aggregated",
        ),
    }


def test_what_does_not_add_up_says_why_of_a_group(world: World) -> None:
    world.indicator("none", 1, why_not="Een gemiddelde van gemiddelden is er geen.")
    world.binding(("value", 1))
    world.cell(OURS, 1, 5)
    world.cell(OTHER, 1, 6)
    assert world.figure("value, missing_reason, note", "GROUP") == (
        None,
        "not_available",
        "Een gemiddelde van gemiddelden is er geen.",
    )


def test_what_the_source_itself_gives_of_a_group_goes_before_what_we_add_up(world: World) -> None:
    world.con.execute("insert into core.region_group values ('PV30', 'GM0770', '2000-01-01', null)")
    world.indicator("sum", 1)
    world.binding(("value", 1), regions=["gemeente", "provincie"])
    world.cell(OURS, 1, 5)
    world.cell("PV30", 1, 900)
    assert world.figure("value, method", "PV30") == (900, "published")


def test_membership_counts_on_the_first_day_of_the_period(world: World) -> None:
    world.con.execute(
        "insert into core.region_group values ('UNTIL', 'GM0770', '2000-01-01', '2022-01-01'), ('FROM', 'GM0770', '2022-01-01', null), "
        "('BEFORE', 'GM0770', '2000-01-01', '2021-12-31'), ('AFTER', 'GM0770', '2022-01-02', null)"
    )
    world.indicator("sum", 1)
    world.binding(("value", 1))
    world.cell(OURS, 1, 5)
    groups = {region for region, _ in world.figures("value") if not region.startswith("GM")}
    assert groups == {"UNTIL", "FROM", "GROUP"}


def test_a_column_that_the_source_did_not_fill_is_told_of_ours_and_of_the_country(world: World) -> None:
    world.indicator("sum", 1)
    world.binding(("value", 1))
    for region in (OURS, OTHER, ELSEWHERE, WIJK, "WK000101", COUNTRY):
        world.cell(region, 1, "unknown")
    note = "De bron heeft deze kolom (nog) niet gevuld."
    found = world.figures("missing_reason, note", "method <> 'aggregated'")
    assert found == {(region, "2022"): ("not_yet_published", note) for region in (OURS, OTHER, WIJK, "NL01")}
    world.cell(ELSEWHERE, 1, 4, "2023JJ00")
    assert world.figure("missing_reason, note") == ("unknown", None)
    assert (ELSEWHERE, "2022") in world.figures("value")
    # A column of texts is filled too, though it has no number.
    world.con.execute(
        "update core.cell set value = null, text_value = 'x', missing_reason = null where value is not null"
    )
    assert world.figure("missing_reason, note") == ("unknown", None)


def test_a_binding_serves_its_kinds_of_region_and_its_periods(world: World) -> None:
    world.indicator("sum", 1)
    world.binding(("value", 1), regions=["gemeente"], first="2021JJ00", last="2022JJ00")
    for year in range(2020, 2024):
        for region in (OURS, WIJK, COUNTRY):
            world.cell(region, 1, year, f"{year}JJ00")
    assert world.figures("value", "region_code <> 'GROUP'") == {(OURS, "2021"): 2021, (OURS, "2022"): 2022}


def test_a_period_has_the_version_of_the_definition_that_holds_on_its_first_day(world: World) -> None:
    world.indicator("sum", 1, version=1, valid_to="2022-01-01")
    world.indicator("sum", 1, version=2, valid_from="2022-01-02", series_break="Anders geteld.")
    for version in (1, 2):
        world.binding(("value", version), number=version, version=version)
    for year in (2021, 2022, 2023):
        for measure in (1, 2):
            world.cell(OURS, measure, measure * 10_000 + year, f"{year}JJ00")
    found = world.figures("definition_version, value, series_break, series_segment", f"region_code = '{OURS}'")
    assert found == {
        (OURS, "2021"): (1, 12021, None, 1),
        (OURS, "2022"): (1, 12022, None, 1),
        (OURS, "2023"): (2, 22023, "Anders geteld.", 2),
    }


def test_a_figure_has_the_weakest_status_of_the_tables_it_draws_on(world: World) -> None:
    cases = {
        "2017": ("Definitief", "Voorlopig", "Voorlopig"),
        "2018": ("NaderVoorlopig", "Voorlopig", "Voorlopig"),
        "2019": ("Definitief", "NaderVoorlopig", "NaderVoorlopig"),
        "2020": ("Definitief", "Geschat", "Geschat"),
        "2021": ("Geschat", "NaderVoorlopig", "NaderVoorlopig"),
        "2022": ("Definitief", "Definitief", "Definitief"),
        "2023": (None, "Definitief", "Definitief"),
        "2024": (None, None, None),
    }
    world.indicator()
    world.binding(("numerator", 1), ("denominator", 2))
    world.con.execute("update core.indicator_term set table_id = 'U' where role = 'denominator'")
    for year, statuses in cases.items():
        for measure, table, status in ((1, "T", statuses[0]), (2, "U", statuses[1])):
            world.cell(OURS, measure, measure, f"{year}JJ00")
            world.con.execute(
                "insert into core.dimension_member values (?, 'time', ?, ?)", [table, f"{year}JJ00", status]
            )
            world.con.execute(
                "insert into core.dimension_member values (?, 'other', ?, 'Voorlopig')", [table, f"{year}JJ00"]
            )
    found = world.figures("period_status", f"region_code = '{OURS}'")
    assert found == {(OURS, year): weakest for year, (_, _, weakest) in cases.items()}


def test_a_series_of_a_wijk_goes_on_as_far_as_the_area_is_the_same(world: World) -> None:
    cases: dict[str, tuple[str | None, int | None, str | None]] = {
        "WK077001": ("1", 2021, None),
        "WK077002": ("1", 2020, None),
        "WK077003": (
            "2",
            2022,
            "De code is veranderd (CBS: indelingswijziging 2): onder deze code viel eerder een ander gebied.",
        ),
        "WK077004": ("3", 2022, "De afbakening van het gebied is veranderd (CBS: indelingswijziging 3)."),
        "WK077005": ("1", 2022, UNKNOWN),
        "WK077006": (None, None, UNKNOWN),
    }
    world.indicator("sum", 1)
    world.binding(("value", 1))
    for period in ("2021JJ00", "2022JJ00"):
        for region in (*cases, OURS):
            world.cell(region, 1, 5, period)
    for region, (change, since, _) in cases.items():
        if change:
            world.con.execute("insert into core.area_change values (?, 2022, ?, ?)", [region, change, since])
    found = world.figures("series_break, series_segment", "method <> 'aggregated'")
    for region, (_, _, broken) in {**cases, OURS: (None, None, None)}.items():
        assert found[region, "2022"] == (broken, 2 if broken else 1) and found[region, "2021"] == (None, 1)


def test_a_table_in_one_division_does_not_break(world: World) -> None:
    world.indicator("sum", 1)
    world.binding(("value", 1), same_areas=True)
    for period in ("2021JJ00", "2022JJ00"):
        world.cell(WIJK, 1, 5, period)
    assert world.figure("series_break, series_segment", WIJK) == (None, 1)
