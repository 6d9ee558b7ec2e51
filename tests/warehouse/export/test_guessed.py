"""A CSV reads the same in polars, pandas, DuckDB and R without options: the same types, the same values, the same rows."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.warehouse.made import INDICATORS, PERIODS, REGIONS, publish
from tests.warehouse.readers import read_alike
from warehouse.export import extract, write
from warehouse.export.guessed import SEEN
from warehouse.reading.reader import reading
from warehouse.releases.release import Releases

#: More rows than the hasty look at: a broken figure far down, a column that is empty until then, one of whole figures.
_LATE = [
    *(i for i in INDICATORS if i[1] == "wonen"),
    ("won_laat", "wonen", "Komt laat", "%", 1, "T_OPEN", "public"),
    ("won_heel", "wonen", "Heel", "aantal", 0, "T_OPEN", "public"),
    ("won_heel_laat", "wonen", "Heel en laat", "aantal", 0, "T_OPEN", "public"),
]


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("late")
    regions = [*REGIONS, *((f"BU{n:08}", "buurt", f"Buurt {n}", "WK077000") for n in range(1, 400))]
    changes: dict[tuple[str, str, str], float | str | None] = {}
    for at, (code, *_) in enumerate(sorted(regions)):
        for period in PERIODS:
            last = at > len(regions) - 4
            changes["won_prijs", code, period] = 100.5 if last else 100.0
            changes["won_laat", code, period] = 12.5 if last else "unknown"
            changes["won_heel", code, period] = 7.0
            changes["won_heel_laat", code, period] = 8.0 if last else "unknown"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tests.warehouse.made.REGIONS", regions)
        patched.setattr("tests.warehouse.made.INDICATORS", _LATE)
        publish(home / "warehouse", indicators=_LATE, changes=changes, versions={"won_laat": {"version": 2}})
    return home


def test_what_shows_only_far_down_is_known_from_the_first_rows(late: Path, tmp_path: Path) -> None:
    releases = Releases(late / "warehouse")
    [file] = (late / "warehouse" / "releases").glob("*/tables/wonen.csv")
    rows = read_alike(file)
    assert rows > 10 * SEEN
    found = pl.read_csv(file)
    assert [str(found[n].dtype) for n in ("won_prijs", "won_laat", "won_heel", "won_heel_laat")] == [
        *("Float64", "Float64", "Int64", "Int64")
    ]
    assert found["definition_version"].to_list() == [1] * rows
    assert found["definition_version_other"].to_list() == ["won_laat=2"] * rows
    # The few that go in front are moved, not copied; the rest keeps its order.
    keys = found.select("region_code", "period_code").rows()
    assert len(set(keys)) == rows
    assert keys[3:] == sorted(keys[3:])
    # What is made on request is the same, the long table too.
    with reading(releases) as reader:
        write(extract(reader.published, "wonen"), "csv", tmp_path / "wonen.csv")
        write(extract(reader.published, "wonen", shape="long"), "csv", tmp_path / "long.csv")
    assert (tmp_path / "wonen.csv").read_text() == file.read_text()
    assert read_alike(tmp_path / "long.csv") == 4 * rows
