"""The ten questions of an analyst, as the documentation asks them, on the sample's real figures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import PROJECT
from tests.orchestration.conftest import Rdc

QUESTIONS = re.findall(
    r'^## (\d+)\..*?```sh\nrdc query "(.*?)"\n```', (PROJECT / "docs" / "vragen.md").read_text("utf-8"), re.S | re.M
)


def ask(released: Rdc, number: int) -> list[dict[str, Any]]:
    [sql] = [sql for no, sql in QUESTIONS if int(no) == number]
    with duckdb.connect(str(released.file), read_only=True) as con:
        cursor = con.execute(sql)
        names = [c[0] for c in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_there_are_ten_questions() -> None:
    assert [int(number) for number, _ in QUESTIONS] == list(range(1, 11))


def test_the_questions_are_answered(released: Rdc) -> None:
    villages = ask(released, 1)
    assert len(villages) > 20 and {row["parent_name"] for row in villages} >= {"Eersel", "Bladel", "Oirschot"}
    gas = ask(released, 2)
    assert {row["value"] for row in gas} == {1000} and {row["country_verdict"] for row in gas} == {"hoger"}
    assert {row["period_status"] for row in gas} == {"Voorlopig"} and all(row["rank"] for row in gas)
    prices = ask(released, 3)
    assert len(prices) > 10 and all(
        row["index_value"] is None and "geen maat" in row["not_comparable"] for row in prices
    )
    youth = {row["period_code"]: row for row in ask(released, 4)}
    assert "opvolgende tabel" in youth["2021JJ00"]["series_break"]
    assert "woonplaatsbeginsel" in youth["2022JJ00"]["series_break"]
    solar = ask(released, 5)
    assert len(solar) > 20 and {str(row["peildatum"]) for row in solar} == {"2020-12-31"}
    health = ask(released, 6)
    assert len(health) >= 6 and all(r["lower_bound"] < r["value"] < r["upper_bound"] for r in health)
    assert ask(released, 7) == []  # one release: nothing has changed
    [goal] = ask(released, 8)
    assert (goal["latest_value"], str(goal["peildatum"]), goal["on_track_verdict"]) == (54009, "2025-06-30", "nee")
    assert 7_240 < goal["per_jaar"] < 7_250  # over the days between the two reference dates, not over six years
    growth = ask(released, 9)
    assert growth[-1]["index_value"] > 100 and growth[-1]["difference_to_previous"] is not None
    [forecast] = ask(released, 10)
    assert forecast["value"] is None and forecast["missing_reason"] and "85171NED" in forecast["note"]


def test_what_is_provisional_in_words_only_is_provisional_here(released: Rdc) -> None:
    said = released.sql(
        "select distinct indicator_id, period_code, period_status from core.indicator_value "
        "where indicator_id in ('mil_gas', 'mil_zon_vermogen') and period_code >= '2021JJ00' order by all"
    )
    assert [s[1:] for s in said if s[0] == "mil_gas"] == [
        ("2021JJ00", "Definitief"),
        ("2022JJ00", "NaderVoorlopig"),
        ("2023JJ00", "NaderVoorlopig"),
        ("2024JJ00", "Voorlopig"),
    ]
    assert [s[1:] for s in said if s[0] == "mil_zon_vermogen"][-3:] == [
        ("2023JJ00", "Definitief"),
        ("2024JJ00", "NaderVoorlopig"),
        ("2025JJ00", "NaderVoorlopig"),
    ]


@pytest.mark.parametrize(
    ("indicator", "before", "after", "why"),
    [
        ("mil_gas", "2021JJ00", "2022JJ00", "slimme meters"),
        ("mil_zon_vermogen_woningen", "2020JJ00", "2021JJ00", "anders in naar woningen en bedrijven"),
        ("sd_jeugdhulp_pct", "2021HJ02", "2022HJ01", "woonplaatsbeginsel"),
    ],
)
def test_a_break_that_the_source_tells_breaks_the_series(
    released: Rdc, indicator: str, before: str, after: str, why: str
) -> None:
    found = {
        period: (segment, said)
        for period, segment, said in released.sql(
            f"select period_code, series_segment, series_break from core.indicator_value "
            f"where indicator_id = '{indicator}' and region_code = 'GM0770'"
        )
    }
    assert found[after][0] == found[before][0] + 1 and why in found[after][1]


def test_a_groups_missing_figure_says_nothing_of_another_group(released: Rdc) -> None:
    notes = released.sql(
        "select distinct note from core.indicator_value as v inner join core.region as r using (region_code) "
        "where v.method = 'aggregated' and v.value is null and v.note is not null and r.region_type <> 'gemeente'"
    )
    assert notes and not [note for (note,) in notes if "De Kempen" in note]


def test_a_village_is_found_and_an_empty_answer_says_why(released: Rdc, tmp_path: Path) -> None:
    done = released("pull", "bevolking", "--region", "Hapert", "--period", "2020", "--format", "csv")
    assert "WK172802" in done.stdout and "Hapert is taken as Wijk 02 Hapert, WK172802 (wijk in Bladel)" in done.stderr
    empty = released("pull", "gezondheid", "--region", "Hapert", status=1).stderr
    assert "no rows of what was asked for" in empty and "gemeente" in empty
    kept = released("pull", "comparison", "--region", "GM0770", "--period", "2024", "--format", "csv").stdout
    assert "mil_gas" in kept and "reference_end" in kept.splitlines()[0]
