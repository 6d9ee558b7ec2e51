"""Figures of one source that hang together in ways that a contract does not spell out: nobody may subtract by them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from ingest.municipal import source
from ingest.settings import Settings
from orchestration.workspace import Workspace
from tests.ingest.municipal.conftest import put

CONTRACT: dict[str, Any] = {
    "id": "eigen_bron", "title": "t", "owner": "o", "contact": "c", "purpose": "p", "legal_basis": "l",
    "processing_register": "r", "sharing_level": "public", "retention_days": 9, "cadence": "year",
    "municipalities": ["GM0770"],
    "columns": [
        {"name": "datum", "type": "date"},
        {"name": "buurt", "type": "region", "required": False},
        {"name": "soort", "type": "category", "allowed": ["Zorg", "Werk", "Geld"]},
        {"name": "stand", "type": "category", "allowed": ["Open", "Dicht", "Wacht"]},
    ],
}  # fmt: skip
ALL = {"code": "alle", "title": "a", "unit": "aantal", "count": "rows"}


def measure(code: str, **where: list[str]) -> dict[str, Any]:
    return ALL | {"code": code, "where": where}


def open_work(home: Path, measures: list[dict[str, Any]], **changes: Any) -> Workspace:
    """A data folder with the contract, counting these measures."""
    observation = {"period": "datum", "measures": measures} | changes.pop("observation", {})
    file = home / "sources" / "municipal" / "eigen_bron.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(CONTRACT | {"observation": observation} | changes))
    return Workspace.open(Settings(home))


def deliver(work: Workspace, rows: Iterable[tuple[str, str, str, int]], name: str = "a.csv") -> dict[Any, float | None]:
    """What is published of so many rows per buurt, soort and stand: measure, region, period and members → figure."""
    lines = [f"{3 + n % 20:02d}-02-2024;{b};{s};{t}\n" for b, s, t, count in rows for n in range(count)]
    put(work, "eigen_bron", name, "datum;buurt;soort;stand\n" + "".join(lines))
    source.land(work, work.registry.tables["eigen_bron"])
    snapshot = work.store.newest("eigen_bron")
    assert snapshot is not None
    names = ", ".join(f'"{n}"' for n in ("Measure", "Gebied", "Perioden", *snapshot.other_dimensions))
    with duckdb.connect() as con:
        found = con.execute(
            f"select {names}, \"Value\" from read_parquet('{snapshot.file('data.parquet')}')"
        ).fetchall()
    return {tuple(row[:-1]): row[-1] for row in found}


B = "BU07700000"


def test_measures_that_make_up_a_whole_are_not_subtracted_from_it(tmp_path: Path) -> None:
    """Four are open: all less those that are closed says so."""
    work = open_work(tmp_path, [ALL, measure("open", stand=["Open"]), measure("rest", stand=["Dicht", "Wacht"])])
    found = deliver(work, [(B, "Zorg", "Open", 4), (B, "Zorg", "Dicht", 46), (B, "Zorg", "Wacht", 30)])
    assert found["open", "GM0770", "2024JJ00"] is None
    assert None in (found["alle", "GM0770", "2024JJ00"], found["rest", "GM0770", "2024JJ00"])


def test_measures_that_overlap_are_not_subtracted_from_each_other(tmp_path: Path) -> None:
    """Open or waiting, less waiting, is open; none of them was said to be a part of another."""
    work = open_work(
        tmp_path,
        [measure("bezig", stand=["Open", "Wacht"]), measure("wacht", stand=["Wacht"]), measure("open", stand=["Open"])],
    )
    found = deliver(work, [(B, "Zorg", "Open", 4), (B, "Zorg", "Dicht", 46), (B, "Zorg", "Wacht", 30)])
    assert found["open", "GM0770", "2024JJ00"] is None
    assert None in (found["bezig", "GM0770", "2024JJ00"], found["wacht", "GM0770", "2024JJ00"])


def test_a_measure_of_one_member_is_that_member(tmp_path: Path) -> None:
    """Care as a measure is care as a member: what hides the one must hide the other."""
    work = open_work(
        tmp_path,
        [ALL, measure("zorg", soort=["Zorg"]), measure("werk", soort=["Werk"]), measure("geld", soort=["Geld"])],
        observation={"dimensions": ["soort"]},
    )
    found = deliver(work, [(B, "Zorg", "Open", 4), (B, "Werk", "Open", 46), (B, "Geld", "Open", 60)])
    place = ("GM0770", "2024JJ00")
    assert (found["alle", *place, "Zorg"], found["zorg", *place, "Totaal"]) == (None, None)
    known = [
        found["alle", *place, member]
        or found[member.lower(), *place, "Totaal"]
        or found[member.lower(), *place, member]
        for member in ("Werk", "Geld")
    ]
    assert None in (found["alle", *place, "Totaal"], *known)


# -- over releases ----------------------------------------------------------------------------------------------------


def test_quarters_are_not_published_beside_the_year_that_they_make_up(tmp_path: Path) -> None:
    rows = [(B, "Zorg", "Open", 80)]
    deliver(open_work(tmp_path, [ALL]), rows)
    work = open_work(tmp_path, [ALL], observation={"period_type": "quarter"})
    found = deliver(work, rows)
    assert found == {("alle", "GM0770", "2024JJ00"): 80}
    assert "another division of the year" in " ".join(work.store.newest("eigen_bron").warnings)


def test_a_member_that_was_split_is_not_published_beside_what_it_was(tmp_path: Path) -> None:
    """Of 40 in care 4 are there for youth: care as it was, less care as it is, says so."""
    columns = CONTRACT["columns"]
    rows = [(B, "Zorg", "Open", 40), (B, "Werk", "Open", 60), (B, "Geld", "Open", 60)]
    before = deliver(open_work(tmp_path, [ALL], observation={"dimensions": ["soort"]}), rows)
    split = [*columns[:2], columns[2] | {"allowed": ["Jeugd", "Oud", "Werk", "Geld"]}, columns[3]]
    work = open_work(tmp_path, [ALL], columns=split, observation={"dimensions": ["soort"]})
    rows = [(B, "Oud", "Open", 36), (B, "Jeugd", "Open", 4), (B, "Werk", "Open", 60), (B, "Geld", "Open", 60)]
    assert deliver(work, rows, "b.csv") == before
    assert "are no longer members" in " ".join(work.store.newest("eigen_bron").warnings)


@pytest.mark.parametrize("values", [["Open", "Wacht"], ["Dicht"]])
def test_a_measure_that_counts_something_else_is_not_published_under_its_name(
    tmp_path: Path, values: list[str]
) -> None:
    rows = [(B, "Zorg", "Open", 40), (B, "Zorg", "Dicht", 50), (B, "Zorg", "Wacht", 4)]
    before = deliver(open_work(tmp_path, [measure("m", stand=["Open"])]), rows)
    work = open_work(tmp_path, [measure("m", stand=values)])
    assert deliver(work, rows) == before
    assert "counts something else" in " ".join(work.store.newest("eigen_bron").warnings)
