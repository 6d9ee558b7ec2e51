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


def _expected(value: Any) -> tuple[float | None, str | None, str | None]:
    """What a v3 cell must be in core.observation: number, text, missing reason."""
    if value is None:
        return None, None, "unknown"
    if isinstance(value, str):
        text = value.strip()
        return (None, None, "unknown" if text == "." else "impossible") if text in ("", ".") else (None, text, None)
    return float(value), None, None


@pytest.mark.parametrize("table_id", V3)
def test_every_cell_of_a_v3_table_is_the_recorded_one(whole: Rdc, recorded: Path, table_id: str) -> None:
    meta = json.loads(gzip.decompress((recorded / "v3" / table_id / "meta.json.gz").read_bytes()))
    rows = _lines(recorded / "v3" / table_id / "rows.jsonl.gz")
    kinds = {p["Key"]: p["Type"] for p in meta["DataProperties"] if p["Key"]}
    topics = [k for k, kind in kinds.items() if kind == "Topic"]
    region = next(k for k, kind in kinds.items() if kind.startswith("Geo"))
    time = next((k for k, kind in kinds.items() if kind == "TimeDimension"), None)
    others = [k for k, kind in kinds.items() if kind == "Dimension"]
    compared = 0
    with duckdb.connect(str(whole.file), read_only=True) as con:
        assert con.execute("select count(*) from core.observation where table_id = ?", [table_id]).fetchall() == [
            (len(rows) * len(topics),)
        ]
        for topic in topics:
            found = con.execute(
                "select region_code, period_code, dimensions, value, text_value, missing_reason from core.observation "
                "where table_id = ? and measure_code = ?",
                [table_id, topic],
            ).fetchall()
            got = {(r, p if time else "", *((d or {}).get(k) for k in others)): rest for r, p, d, *rest in found}
            for row in rows:
                key = (row[region].strip(), row[time] if time else "", *(row[k].strip() for k in others))
                assert tuple(got[key]) == _expected(row[topic]), (table_id, topic, key)
                compared += 1
    assert compared == len(rows) * len(topics)


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
