"""Boundaries from PDOK: whole, simplified, each year on its own, and asked for no more than is needed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from shapely.geometry import mapping, shape

from ingest.boundaries import landing
from ingest.boundaries.shapes import ShapeError, simplified
from ingest.http import Client
from ingest.outcome import FAILED, FETCHED, UNCHANGED, UNREACHABLE, Outcome
from ingest.settings import Settings
from ingest.snapshot import AREAS, SAMPLE, Snapshot
from ingest.source import source_of
from ingest.verify import altered
from orchestration import pipeline
from orchestration.workspace import Workspace
from tests.ingest.boundaries.pdok import Pdok, sample_areas

TABLE = "gebiedsgrenzen"
NOW = datetime.now(UTC).year


@pytest.fixture
def pdok() -> Iterator[Pdok]:
    with Pdok() as service:
        for year in (2019, NOW - 1):
            service.year(year, some_areas())
        yield service


@pytest.fixture
def work(tmp_path: Path, pdok: Pdok) -> Workspace:
    work = Workspace.open(Settings(tmp_path / "home", pdok_url=pdok.url))
    work.client = Client(attempts=1, backoff=0)
    table = work.registry.tables[TABLE]
    work.registry.tables[TABLE] = table.model_copy(update={"first_year": 2018})
    return work


def some_areas() -> dict[str, Any]:
    """Those of the sample that are few: municipalities and wijken."""
    return {code: area for code, area in sample_areas().items() if code[:2] != "BU"}


def run(work: Workspace) -> Outcome:
    """What `rdc run` does with the table, without the audit: ask, then take in where there is something to take."""
    table = work.registry.tables[TABLE]
    [outcome] = pipeline.plan(work, [table]).values()
    if outcome.result == FETCHED:
        outcome = land(work)
    work.outcomes.append(outcome)
    return outcome


def land(work: Workspace) -> Outcome:
    table = work.registry.tables[TABLE]
    return source_of(table).land(work, table, lambda *_: None, None)


def rows(snapshot: Snapshot) -> dict[tuple[str, str], Any]:
    found = duckdb.sql(
        f'select "Perioden", "Gebied", "Geometrie" from read_parquet(\'{snapshot.file("data.parquet")}\')'
    ).fetchall()
    return {(period, code): shape(json.loads(geometry)) for period, code, geometry in found}


def test_every_year_comes_whole_and_is_accepted(work: Workspace, pdok: Pdok) -> None:
    outside = {
        "GM0363": (
            "Amsterdam",
            {"type": "Polygon", "coordinates": [[[4.8, 52.3], [4.9, 52.3], [4.9, 52.4], [4.8, 52.3]]]},
        )
    }
    pdok.year(2019, sample_areas() | outside)
    [outcome] = pipeline.ingest(work, [work.registry.tables[TABLE]]).values()
    assert outcome.result == FETCHED, outcome.reason
    snapshot = work.store.good(TABLE)
    assert snapshot is not None and snapshot.layout == AREAS and not altered(snapshot)
    expected = {("2019JJ00", code) for code in sample_areas()} | {(f"{NOW - 1}JJ00", code) for code in some_areas()}
    assert set(rows(snapshot)) == expected
    assert [w for w in snapshot.warnings if "no boundaries of 2018" in w]
    assert {page["part"] for page in snapshot.pages} == {2019, NOW - 1}
    # 134 buurten are four pages of 40: each is asked for, and kept to the byte.
    assert sum("buurt" in page["file"] for page in snapshot.pages if page["part"] == 2019) == 4


def test_what_is_drawn_is_small_and_where_it_was(work: Workspace) -> None:
    run(work)
    snapshot = work.store.newest(TABLE)
    assert snapshot is not None
    drawn = rows(snapshot)
    for code, (_, geometry) in some_areas().items():
        one, other = shape(geometry), drawn["2019JJ00", code]
        assert other.is_valid and other.symmetric_difference(one).area < 0.1 * one.area, code


def test_neighbours_go_on_sharing_their_border() -> None:
    def square(west: float, wiggle: float) -> dict[str, Any]:
        edge = [[150_000.0, 380_000.0 + 10 * n] for n in range(101)]
        edge = [[x + wiggle * math.sin(n), y] for n, (x, y) in enumerate(edge)]
        far = [[west, 381_000.0], [west, 380_000.0]]
        return {"type": "Polygon", "coordinates": [[*edge, *far, edge[0]]]}

    left, right = (shape(json.loads(g)) for g in simplified([square(149_000, 8), square(151_000, 8)]))
    border = [point for point in left.exterior.coords if point[0] > left.bounds[0] + 1e-3]
    assert len(border) < 50 and set(border) <= set(right.exterior.coords)
    with pytest.raises(ShapeError, match="geometry 1 is no area"):
        simplified([{"type": "LineString", "coordinates": [[150_000, 380_000], [151_000, 380_000]]}])
    with pytest.raises(ShapeError, match="geometry 1 can't be read"):
        simplified([None])


def test_who_was_asked_this_month_is_not_asked_again(work: Workspace, pdok: Pdok) -> None:
    run(work)
    pdok.asked.clear()
    assert run(work).result == UNCHANGED and not pdok.asked


def test_a_final_year_is_not_fetched_again_and_an_open_one_is(
    work: Workspace, pdok: Pdok, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(work)
    first = work.store.newest(TABLE)
    assert first is not None
    later = datetime.now(UTC) + timedelta(days=31)
    # The log is written by the clock, so what it says is made older instead of waiting a month.
    made_older = [replace(o, at=(later - timedelta(days=62)).isoformat()) for o in work.outcomes.all()]
    work.outcomes.file.unlink()
    for outcome in made_older:
        work.outcomes.append(outcome)
    pdok.asked.clear()
    assert run(work).result == UNCHANGED and len(work.store.all(TABLE)) == 1
    assert not pdok.asked_for(2019) and pdok.asked_for(NOW - 1)
    changed = some_areas()
    del changed["WK172400"]
    pdok.year(NOW - 1, changed)
    assert land(work).result == FETCHED
    second = work.store.newest(TABLE)
    assert second is not None and second != first and not altered(second)
    assert set(rows(first)) - set(rows(second)) == {(f"{NOW - 1}JJ00", "WK172400")}
    assert {k: v for k, v in first.stamp.items() if k != str(NOW - 1)} == {
        k: v for k, v in second.stamp.items() if k != str(NOW - 1)
    }


def test_a_year_that_cannot_be_used_costs_the_others_nothing(work: Workspace, pdok: Pdok) -> None:
    broken = {code: (name, {"type": "Point", "coordinates": [5.3, 51.4]}) for code, (name, _) in some_areas().items()}
    pdok.year(2018, broken)
    assert run(work).result == FETCHED
    snapshot = work.store.newest(TABLE)
    assert snapshot is not None and any("2018 can't be used" in w for w in snapshot.warnings)
    assert {period for period, _ in rows(snapshot)} == {"2019JJ00", f"{NOW - 1}JJ00"}


def test_no_year_at_all_is_a_failure_and_no_answer_is_none(work: Workspace, pdok: Pdok) -> None:
    pdok.__exit__()
    [outcome] = pipeline.plan(work, [work.registry.tables[TABLE]]).values()
    assert outcome.result == UNREACHABLE
    with Pdok() as empty:
        work.settings = replace(work.settings, pdok_url=empty.url)
        work.client = Client(attempts=1, backoff=0)
        outcome = land(work)
    assert outcome.result == FAILED and "expected boundaries of a year, got none" in outcome.reason


def test_a_short_answer_leaves_no_snapshot_of_that_year(work: Workspace, pdok: Pdok) -> None:
    path = f"/cbs/gebiedsindelingen/{NOW - 1}/wfs/v1_0"
    whole = pdok._routes[path]

    def short(asked: Any) -> Any:
        status, headers, body = whole(asked)
        content = json.loads(body) if body.startswith(b"{") else None
        if content:
            content["numberMatched"] += 1
            body = json.dumps(content).encode()
        return status, headers, body

    pdok.on(path, short)
    assert run(work).result == FETCHED
    snapshot = work.store.newest(TABLE)
    assert snapshot is not None and {period for period, _ in rows(snapshot)} == {"2019JJ00"}
    assert any(f"the boundaries of {NOW - 1} can't be used" in w for w in snapshot.warnings)


def test_the_sample_is_small_attributed_and_of_the_region() -> None:
    snapshot = Snapshot.read(SAMPLE / TABLE)
    assert sum(f["bytes"] for f in snapshot.files.values()) < 300_000 and not snapshot.damaged()
    assert (
        snapshot.licence == "CC BY 4.0" and "CBS" in snapshot.attribution and "approximations" in snapshot.warnings[0]
    )
    kinds = [code[:2] for _, code in rows(snapshot)]
    assert {k: kinds.count(k) for k in kinds} == {"GM": 21, "WK": 26, "BU": 134}
    assert snapshot.region_dimension == landing.REGION and mapping(next(iter(rows(snapshot).values())))["coordinates"]
