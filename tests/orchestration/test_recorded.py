"""The whole way on the recorded CBS tables: every figure of the release is the recorded cell, to the digit."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.orchestration.conftest import Rdc
from tests.standin import StandIn, recorded_tables

pytestmark = pytest.mark.shared

V3 = (
    *("84799NED", "81528NED", "85005NED", "85447NED", "86137NED", "85012NED", "85098NED", "82972NED", "70262ned"),
    "83674NED",
)
#: Taken for our region and what it is compared with.
OF_OURS = ("84131NED", "84517NED", "86044NED")
V4 = ("03759ned", "83625NED")


@pytest.fixture(scope="module")
def whole(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rdc]:
    with StandIn(recorded_tables(recorded)) as cbs:
        rdc = Rdc(tmp_path_factory.mktemp("whole"), cbs.env)
        rdc("run")
        yield rdc


def test_all_tables_are_live(whole: Rdc) -> None:
    assert whole.sql('select origin, count(*) from core."table" group by all') == [
        ("live", len(V3) + len(V4) + len(OF_OURS))
    ]


@pytest.mark.parametrize("table_id", OF_OURS)
def test_every_cell_of_ours_is_the_recorded_one(whole: Rdc, recorded: Path, table_id: str) -> None:
    own = ("0770", "0823", "1667", "1724", "1728")
    lines = {row["WijkenEnBuurten"].strip(): row for row in _lines(recorded / "v3" / table_id / "rows.jsonl.gz")}
    cells = whole.sql(
        f"select region_code, measure_code, coalesce(value::varchar, text_value) from core.observation where table_id = '{table_id}'"
    )
    released = {(region, code): value for region, code, value in cells}
    assert {r for r, _ in released} == {
        r for r in lines if r[:2] in ("NL", "GM") or (r[:2] in ("WK", "BU") and r[2:6] in own)
    }
    for (region, code), value in released.items():
        said = lines[region][code]
        text = said.strip() if isinstance(said, str) else said
        expected = None if text in (None, "", ".") else text
        assert value == expected or float(value) == float(expected), (region, code, value, said)


def _lines(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file) as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("table_id", V3)
def test_every_cell_of_a_v3_table_is_the_recorded_one(whole: Rdc, recorded: Path, table_id: str) -> None:
    """The recorded lines are read as JSON, value by value, and set against the released cells, in both directions."""
    folder = recorded / "v3" / table_id
    meta = json.loads(gzip.decompress((folder / "meta.json.gz").read_bytes()))
    kinds = {p["Key"]: p["Type"] for p in meta["DataProperties"] if p["Key"]}
    topics = [k for k, kind in kinds.items() if kind == "Topic"]
    region = next(k for k, kind in kinds.items() if kind.startswith("Geo"))
    time = next((k for k, kind in kinds.items() if kind == "TimeDimension"), None)
    others = sorted(k for k, kind in kinds.items() if kind == "Dimension")
    key = [f"trim(row->>'{region}')", f"row->>'{time}'" if time else "''"]
    key.append(" || ';' || ".join(f"'{k}=' || trim(row->>'{k}')" for k in others) or "''")
    with duckdb.connect() as con:
        con.execute(f"attach '{whole.file}' as released (read_only)")
        con.execute(
            f"create table line as select {key[0]} as region, {key[1]} as period, {key[2]} as others, row from "
            f"read_csv('{folder / 'rows.jsonl.gz'}', columns = {{'row': 'JSON'}}, header = false, delim = '\\x01', quote = '', "
            "escape = '', max_line_size = 1000000, auto_detect = false)"
        )
        (lines,) = con.execute("select count(*) from line").fetchall()[0]
        assert lines == len(_lines(folder / "rows.jsonl.gz"))
        compared = 0
        for topic in topics:
            (cells, differing, example) = con.execute(
                f"""
                with recorded as (
                    select region, period, others, row->'{topic}' as cell, json_type(row, '$.{topic}') as kind from line
                ),
                expected as (
                    select region, period, others,
                        case when kind not in ('VARCHAR', 'NULL') then cell::varchar::double end as value,
                        case when kind = 'VARCHAR' then nullif(nullif(trim(cell->>'$'), ''), '.') end as text_value,
                        case when kind = 'NULL' then 'unknown'
                            when kind = 'VARCHAR' and trim(cell->>'$') = '.' then 'unknown'
                            when kind = 'VARCHAR' and trim(cell->>'$') = '' then 'impossible' end as missing_reason
                    from recorded
                ),
                found as (
                    select region_code as region, {"period_code" if time else "''"} as period,
                        array_to_string(list_transform(list_sort(map_keys(dimensions)),
                            lambda k: k || '=' || dimensions[k]), ';') as others,
                        value, text_value, missing_reason
                    from released.core.observation where table_id = '{table_id}' and measure_code = '{topic}'
                ),
                differing as (
                    (from expected except all from found) union all by name (from found except all from expected)
                )
                select (select count(*) from found), (select count(*) from differing), (select any_value(d) from differing d)
                """
            ).fetchall()[0]
            assert (cells, differing) == (lines, 0), (topic, example)
            compared += cells
        assert con.execute(
            "select count(*) from released.core.observation where table_id = ?", [table_id]
        ).fetchall() == [(compared,)]
    assert compared == lines * len(topics)


@pytest.mark.parametrize("table_id", V4)
def test_every_observation_of_a_v4_table_is_the_recorded_one(whole: Rdc, recorded: Path, table_id: str) -> None:
    lines = _lines(recorded / "v4" / table_id / "observations.jsonl.gz")
    found = {
        (measure, region, period, tuple(sorted((dims or {}).items()))): (value, text, reason)
        for measure, region, period, dims, value, text, reason in whole.sql(
            "select measure_code, region_code, period_code, dimensions, value, text_value, missing_reason "
            f"from core.observation where table_id = '{table_id}'"
        )
    }
    assert len(found) == len(lines)
    reasons = {"None": None, "Impossible": "impossible"}
    for row in lines:
        others = {
            k: v.strip()
            for k, v in row.items()
            if k not in ("Id", "Measure", "ValueAttribute", "Value", "StringValue", "RegioS", "Perioden")
        }
        key = (row["Measure"], row["RegioS"].strip(), row["Perioden"], tuple(sorted(others.items())))
        assert found[key] == (row["Value"], row["StringValue"], reasons[row["ValueAttribute"]])


def test_every_published_indicator_is_its_cell(whole: Rdc) -> None:
    """A figure that CBS publishes itself is carried over as it is, for every region and period."""
    differing = whole.sql(
        """
        select count(*), count(*) filter (v.value is distinct from c.value)
        from core.indicator_value v
        join core.indicator_term t on t.binding_id = v.binding_id and t.role = 'value'
        join core.source_row r on r.dimensions_key = t.dimensions_key and r.period_code = v.period_code
            and case when r.region_code in ('NL00', 'NL1') then 'NL01' else r.region_code end = v.region_code
        join core.cell c on c.row_id = r.row_id and c.measure_id = t.measure_id
        where v.method = 'published'
        """
    )
    [(compared, differ)] = differing
    assert compared > 100_000
    assert differ == 0


KEMPEN = ("GM1724", "GM1728", "GM0770", "GM0823", "GM1667")
NB, NL = "PV30", "NL01"
_POPULATION = {
    "2019JJ00": (18491, 20175, 19110, 18623, 13060, 89459),
    "2024JJ00": (19196, 20985, 20199, 19280, 13577, 93237),
    "2025JJ00": (19263, 21006, 20389, 19536, 13653, 93847),
    "2026JJ00": (19436, 21046, 20537, 19801, 13729, 94549),
}
#: Figures as CBS published them, by indicator, region and period.
ACCEPTANCE = {
    **{
        ("bev_inwoners", region, period): figure
        for period, figures in _POPULATION.items()
        for region, figure in zip((*KEMPEN, "KEMPEN"), figures, strict=True)
    },
    ("bev_inwoners", NB, "2026JJ00"): 2676955,
    ("bev_inwoners", NL, "2026JJ00"): 18130208,
    **{
        ("won_verkoopprijs", region, "2025JJ00"): figure
        for region, figure in zip(
            (*KEMPEN, NB, NL), (527954, 511537, 536817, 585652, 482744, 486894, 479527), strict=True
        )
    },
    ("won_verkoopprijs", "GM0823", "2023JJ00"): 445409,
    ("won_verkoopprijs", "GM0823", "2022JJ00"): 490202,
    **{
        ("mil_gas", region, "2024JJ00"): figure
        for region, figure in zip((*KEMPEN, NB, NL), (1020, 930, 1000, 970, 960, 830, 800), strict=True)
    },
    **{
        ("mil_gas", region, "2010JJ00"): figure
        for region, figure in zip(KEMPEN, (2450, 2250, 2450, 2300, 2300), strict=True)
    },
    **{
        ("mil_elektriciteit", region, "2024JJ00"): figure
        for region, figure in zip(KEMPEN, (3270, 3050, 3230, 3200, 3290), strict=True)
    },
    ("mil_zon_buurt", "GM0770", "2020JJ00"): 1714,
}


def test_acceptance_figures_come_out_to_the_digit(whole: Rdc) -> None:
    found = {
        (indicator, region, period): value
        for indicator, region, period, value in whole.sql(
            "select indicator_id, region_code, period_code, value from core.indicator_value "
            "where indicator_id in ('bev_inwoners', 'won_verkoopprijs', 'mil_gas', 'mil_elektriciteit', 'mil_zon_buurt') "
            "and region_code[1:2] not in ('WK', 'BU')"
        )
    }
    assert {key: found.get(key) for key in ACCEPTANCE} == ACCEPTANCE


def test_there_is_no_mean_population_of_a_year_that_has_not_ended(whole: Rdc) -> None:
    rows = whole.sql(
        "select distinct value, missing_reason from core.indicator_value where indicator_id = 'bev_gemiddeld' "
        "and period_code = '2026JJ00'"
    )
    assert rows == [(None, "impossible")]


def test_all_five_municipalities_are_little_urban_and_bladel_crossed_20000_before_eersel(whole: Rdc) -> None:
    def members(group: str, day: str) -> set[str]:
        return {
            r[0]
            for r in whole.sql(
                f"select region_code from core.region_group where group_code = '{group}' and valid_from <= date '{day}' "
                f"and coalesce(valid_to, date '9999-12-31') >= date '{day}'"
            )
        }

    assert set(KEMPEN) <= members("ST4", "2020-06-01")
    assert {"GM1728"} == set(KEMPEN) & members("GK4", "2022-06-01")
    assert {"GM1728", "GM0770"} == set(KEMPEN) & members("GK4", "2023-06-01")
    # Every municipality of the country is in one province, one size class.
    for prefix in ("PV", "GK"):
        times = whole.sql(
            f"select count(*), count(distinct region_code) from core.region_group where group_code like '{prefix}%' "
            "and valid_from <= date '2026-06-01' and valid_to is null"
        )
        assert times == [(342, 342)]


def test_a_province_is_added_up_where_the_source_does_not_publish_it(whole: Rdc) -> None:
    methods = whole.sql(
        "select indicator_id, method, value is not null from core.indicator_value where region_code = 'PV30' "
        "and (indicator_id, period_code) in (('bev_inwoners', '2026JJ00'), ('bev_65plus_pct', '2020JJ00')) order by 1"
    )
    assert methods == [("bev_65plus_pct", "aggregated", True), ("bev_inwoners", "published", True)]


def test_a_column_that_the_source_has_not_filled_says_so(whole: Rdc) -> None:
    rows = whole.sql(
        "select distinct missing_reason, note from core.indicator_value where indicator_id = 'won_woz_buurt' "
        "and region_code in ('GM0770', 'WK077000', 'NL01')"
    )
    assert rows == [("not_yet_published", "De bron heeft deze kolom (nog) niet gevuld.")]


def test_jeugdzorg_breaks_where_its_successor_begins(whole: Rdc) -> None:
    rows = whole.sql(
        "select min(period_code) filter (series_segment = 2), max(period_code) filter (series_segment = 1), "
        "count(series_break) from core.indicator_value where indicator_id = 'sd_jeugdhulp_pct' and region_code = 'GM0770' "
        "and period_code like '____JJ00'"
    )
    assert rows == [("2021JJ00", "2020JJ00", 2)]  # the second in 2022: another principle of residence


def test_a_reorganised_municipality_is_another_one(whole: Rdc) -> None:
    """Eersel and Oirschot were made anew on 1 January 1997 and kept their codes; Reusel-De Mierden got a new one."""
    rows = whole.sql(
        "select region_code, period_code from core.indicator_value where indicator_id = 'rui_bos_pct' "
        "and region_code in ('GM0770', 'GM0823', 'GM1667') and series_break is not null order by 1"
    )
    assert rows == [("GM0770", "2000JJ00"), ("GM0823", "2000JJ00")]


def test_the_airport_gets_one_of_three_answers_with_its_reason(whole: Rdc) -> None:
    """By the house prices of 83625NED; the study itself looked at years that the series does not have."""
    [(answer, reason, estimate, caveats)] = whole.sql(
        "select overall_answer, overall_reason, estimate, caveats from mart.policy_effect "
        "where intervention_id = 'eindhoven_airport' and is_main"
    )
    assert answer == "niet te zeggen" and "begint in" in reason and estimate is None
    assert any("geen significante" in line for line in caveats)
