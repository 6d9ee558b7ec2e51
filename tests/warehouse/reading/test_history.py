"""Two releases with a changed definition between them: each figure keeps the version it was published under, and a day
gives back what was published then."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import pytest

from ingest.registry import Registry as Tables
from ingest.snapshot import Store
from tests.dbt_project.model import build
from warehouse.export import extract, pieces
from warehouse.making.build import dbt_build
from warehouse.making.candidate import Candidate
from warehouse.making.publishing import publish
from warehouse.reading.reader import reading
from warehouse.registry import indicators
from warehouse.registry.indicators import Registry
from warehouse.releases.inputs import Input
from warehouse.releases.release import Release, Releases

CHANGED = "mil_zon_vermogen_inwoner"
THEMES = ("milieu_en_energie", "bevolking", "gezondheid")


def redefined(registry: Registry) -> Registry:
    """The one edit: from 2022 per inhabitant on average over the year, not on 1 January."""

    def edit(indicator: indicators.Indicator) -> indicators.Indicator:
        if indicator.id != CHANGED:
            return indicator
        [first] = indicator.versions
        [binding] = first.bindings
        [term] = binding.denominator
        mean = binding.model_copy(update={"denominator": [term.model_copy(update={"measure": "M000365"})]})
        return indicators.Indicator.model_validate(
            indicator.model_dump(by_alias=True)
            | {
                "versions": [
                    first.model_dump(by_alias=True) | {"valid_to": date(2021, 12, 31)},
                    first.model_dump(by_alias=True)
                    | {
                        "version": 2,
                        "valid_from": date(2022, 1, 1),
                        "series_break": "Per inwoner gemiddeld over het jaar.",
                        "bindings": [mean.model_dump(by_alias=True)],
                    },
                ]
            }
        )

    return Registry(
        [t.model_copy(update={"indicators": [edit(i) for i in t.indicators]}) for t in registry.themes], registry.series
    )


@dataclass
class Made:
    releases: Releases
    first: Release
    second: Release
    photographs: dict[str, bytes | None]

    def rows(self, sql: str, as_of: str | None = None) -> list[dict[str, Any]]:
        with reading(self.releases, as_of) as reader:
            return reader.rows(sql)

    def pulled(self, table: str, as_of: str | None = None) -> bytes | None:
        with reading(self.releases, as_of) as reader:
            return b"".join(pieces(extract(reader.published, table), "csv"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("history")
    store, releases = Store(folder / "snapshots"), Releases(folder / "warehouse")
    inputs = [
        Input(table, sample, "sample") for table in Tables.load().tables.values() if (sample := store.sample(table.id))
    ]

    def release(registry: Registry) -> Release:
        candidate = Candidate(releases.folder)
        candidate.prepare(inputs, releases.current_file, folder / "none.jsonl", registry)
        nodes = dbt_build(candidate.file, folder / "dbt")
        assert [n.name for n in nodes if not n.ok] == []
        return publish(
            releases, candidate, inputs, {"passed": 0, "critical": 0, "warning": 0, "info": 0}, "<html></html>"
        )

    registry = indicators.load()
    first = release(registry)
    made = Made(releases, first, first, {})
    made.photographs = {t: made.pulled(t) for t in THEMES}
    time.sleep(1.1)  # a release's time is told to the second
    made.second = release(redefined(registry))
    return made


FIGURES = (
    f"select period_code, definition_version, value, denominator, series_break, series_segment from core.indicator_value "
    f"where indicator_id = '{CHANGED}' and region_code = 'GM0770' order by 1"
)


def test_old_figures_keep_their_version_and_new_ones_get_theirs(made: Made) -> None:
    before = {r["period_code"]: r for r in made.rows(FIGURES, made.first.release_id)}
    after = {r["period_code"]: r for r in made.rows(FIGURES)}
    assert {r["definition_version"] for r in before.values()} == {1}
    assert before.keys() == after.keys() and len(after) == 7
    for period, row in after.items():
        if period < "2022":
            assert row == before[period]
        else:
            assert row["definition_version"] == 2 and row["denominator"] != before[period]["denominator"]
    assert [r["series_segment"] for r in after.values()] == [1, 1, 1, 2, 2, 2, 2]
    assert [p for p, r in after.items() if r["series_break"]] == ["2022JJ00"]
    assert after["2022JJ00"]["series_break"] == "Per inwoner gemiddeld over het jaar."


def test_the_registry_in_the_release_carries_what_a_diff_of_definitions_needs(made: Made) -> None:
    sql = f"select version, definition_hash, bindings, valid_from, valid_to from core.indicator where indicator_id = '{CHANGED}' order by 1"
    [old], [first, second] = made.rows(sql, made.first.release_id), made.rows(sql)
    assert (first["valid_to"], second["valid_from"]) == (date(2021, 12, 31), date(2022, 1, 1))
    assert "M000352" in old["bindings"] and old["bindings"] == first["bindings"] and "M000365" in second["bindings"]
    assert len({old["definition_hash"], first["definition_hash"], second["definition_hash"]}) == 3
    others = f"select indicator_id, version, definition_hash from core.indicator where indicator_id <> '{CHANGED}'"
    assert made.rows(others, made.first.release_id) == made.rows(others)


def test_the_history_has_both_and_when_each_was_known(made: Made) -> None:
    rows = made.rows(
        "select definition_version, known_to is null as holds from core.indicator_history "
        f"where indicator_id = '{CHANGED}' and region_code = 'GM0770' and period_code = '2024JJ00' order by 1"
    )
    assert rows == [{"definition_version": 1, "holds": False}, {"definition_version": 2, "holds": True}]


@pytest.mark.parametrize("table", THEMES)
def test_a_day_gives_the_photograph_back_exactly(made: Made, table: str) -> None:
    assert made.pulled(table, made.first.created_at) == made.photographs[table]
    assert made.pulled(table, made.first.release_id) == made.photographs[table]
    assert made.pulled(table, "2099-01-01") == made.pulled(table)
    if table == "milieu_en_energie":
        assert made.pulled(table) != made.photographs[table]


@pytest.mark.parametrize(
    ("table", "lost"), [("indicator", "exclude (method, numerator, denominator)"), ("comparison", "")]
)
def test_a_day_has_every_column_of_a_figure_and_the_comparisons(made: Made, table: str, lost: str) -> None:
    for sql in (
        f"select column_name, comment from duckdb_columns() where schema_name = 'mart' and table_name = '{table}' "
        "and database_name = current_database() order by column_index",
        f"select count(*) as rows, sum(hash(figure)::hugeint) as content from (select * {lost} from mart.{table}) as figure",
    ):
        assert made.rows(sql, made.first.created_at) == made.rows(sql, made.first.release_id) != []


def test_a_photograph_of_a_pruned_release_is_still_there(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: Callable[[], list[Release]] = made.releases.all
    monkeypatch.setattr(made.releases, "all", lambda: [r for r in kept() if r.release_id != made.first.release_id])
    found, was = made.pulled("milieu_en_energie", made.first.created_at), made.photographs["milieu_en_energie"]
    # Every figure, and all that is told of it; only the release that it was in is gone.
    assert found and was and found.replace(b",not kept\n", f",{made.first.release_id}\n".encode()) == was


@pytest.mark.parametrize(
    ("now", "closes"),
    [
        ({}, False),
        ({"snapshot_id": "T-2"}, False),
        ({"note": "Anders gezegd."}, False),
        ({"period_status": "Definitief"}, True),
        ({"period_status": None}, True),
        ({"value": 2.0}, True),
        ({"value": None, "missing_reason": "unknown"}, True),
        ({"indicator_id": "another"}, True),
    ],
    ids=str,
)
def test_a_figure_its_reason_or_its_status_that_changes_ends_what_was_known(now: dict[str, Any], closes: bool) -> None:
    figure = {
        **{
            "indicator_id": "i",
            "definition_version": 1,
            "region_code": "GM0770",
            "period_code": "2024JJ00",
            "value": 1.0,
        },
        **{
            "missing_reason": None,
            "period_status": "Voorlopig",
            "snapshot_id": "T-1",
            "note": None,
            "lower_bound": None,
        },
        **{"upper_bound": None, "series_break": None},
    }
    then, today = "2026-01-01 00:00:00+00", "2026-02-01 00:00:00+00"
    columns = (
        "indicator_id varchar, definition_version integer, region_code varchar, period_code varchar, value double, "
        "missing_reason varchar, period_status varchar, snapshot_id varchar, note varchar, lower_bound double, "
        "upper_bound double, series_break varchar"
    )
    places = ", ".join("?" * len(figure))
    with duckdb.connect() as con:
        con.execute(f"create schema raw; create schema core; create table core.indicator_value ({columns})")
        con.execute(f"create table raw.published ({columns}, known_from timestamptz, known_to timestamptz)")
        con.execute(f"create table raw.build as select timestamptz '{today}' as known_at")
        con.execute(f"insert into raw.published values ({places}, timestamptz '{then}', null)", [*figure.values()])
        con.execute(f"insert into core.indicator_value values ({places})", [*(figure | now).values()])
        build(con, "core/indicator_history")
        rows = con.execute(
            "select indicator_id, value, missing_reason, period_status, known_from = ?, known_to = ? "
            "from core.indicator_history order by known_from",
            [then, today],
        ).fetchall()
    before = ("i", 1.0, None, "Voorlopig", True)
    after = [(figure | now)[name] for name in ("indicator_id", "value", "missing_reason", "period_status")]
    assert rows == ([(*before, True), (*after, False, None)] if closes else [(*before, None)])
