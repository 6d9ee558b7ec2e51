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

V3 = ("84799NED", "81528NED", "85005NED", "85447NED", "86137NED", "85012NED", "85098NED", "82972NED", "70262ned")
V4 = ("03759ned", "83625NED")


@pytest.fixture(scope="module")
def whole(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rdc]:
    with StandIn(recorded_tables(recorded)) as cbs:
        rdc = Rdc(tmp_path_factory.mktemp("whole"), cbs.env)
        rdc("run")
        yield rdc


def test_eleven_tables_are_live(whole: Rdc) -> None:
    assert whole.sql('select origin, count(*) from core."table" group by all') == [("live", 11)]


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
