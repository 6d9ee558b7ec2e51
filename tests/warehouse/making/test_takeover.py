"""Rows that did not change come from the files of the release before, and the files are the same bytes as if made anew."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.made import CHECKS, candidate, publish
from warehouse.making import datapackage, diff, publishing, takeover
from warehouse.reading.published import Published
from warehouse.releases.release import Releases
from warehouse.releases.sums import write_sums
from warehouse.sharing.access import PUBLIC, Access

EERSEL = ("bev_inwoners", "GM0770", "2024JJ00")


def made_in(folder: Path) -> dict[str, str]:
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    return {r["name"]: r["content"]["made_in"] for r in package["resources"] if "content" in r}


def files(folder: Path) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in (folder / "tables").iterdir()}


def anew(release_folder: Path, folder: Path) -> dict[str, bytes]:
    """The files of a release, made from its database alone."""
    facts = json.loads((release_folder / "release.json").read_text(encoding="utf-8"))
    folder.mkdir()
    first = diff.first(Releases(release_folder.parent.parent).get(release_folder.name))
    datapackage.write(folder, release_folder / "rdc.duckdb", release_folder.name, facts["created_at"], first)
    return files(folder)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with one release."""
    warehouse = tmp_path_factory.mktemp("once") / "warehouse"
    publish(warehouse)
    return warehouse


def test_an_unchanged_theme_is_taken_over_and_the_files_are_as_if_made_anew(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse"
    first, second, third = (publish(warehouse, changes={EERSEL: figure}).release_id for figure in (1.0, 2.0, 2.0))
    folders = {r: warehouse / "releases" / r for r in (first, second, third)}
    assert made_in(folders[first]) == {"bevolking": first, "wonen": first}
    assert made_in(folders[second]) == {"bevolking": second, "wonen": first}
    assert made_in(folders[third]) == {
        "bevolking": second,
        "wonen": first,
    }  # the release that made them, not the one before
    for release, folder in folders.items():
        assert files(folder) == anew(folder, tmp_path / release)
        with duckdb.connect() as con:
            named = con.execute(f"select distinct release_id from '{folder / 'tables' / 'wonen*.parquet'}'").fetchall()
        assert named == [(release,)]
        assert (folder / "tables" / "wonen.csv").stat().st_nlink == 1


@pytest.mark.parametrize(
    "damaged",
    ["tables/wonen.csv", "tables/wonen.parquet", "tables/wonen.long.parquet", "datapackage.json", "SHA256SUMS"],
)
def test_what_is_not_as_it_was_written_is_made_anew(once: Path, tmp_path: Path, damaged: str) -> None:
    warehouse = shutil.copytree(once, tmp_path / "warehouse")
    [first] = [r.release_id for r in Releases(warehouse).all()]
    file = warehouse / "releases" / first / damaged
    content = bytearray(file.read_bytes())
    at = len(content) // 2 if damaged != "SHA256SUMS" else content.index(b"tables/wonen.csv") - 10
    content[at] ^= 1
    file.write_bytes(content)
    second = publish(warehouse).release_id
    folder = warehouse / "releases" / second
    assert made_in(folder)["wonen"] == second
    assert made_in(folder)["bevolking"] == (second if damaged == "datapackage.json" else first)
    assert files(folder) == anew(folder, tmp_path / "anew")


@pytest.mark.parametrize("content", [{"rows": 3}, "an old one", None])
def test_what_another_version_says_of_its_files_counts_for_nothing(once: Path, tmp_path: Path, content: object) -> None:
    folder = Path(shutil.copytree(next(once.glob("releases/2*")), tmp_path / "before"))
    file = folder / "datapackage.json"
    package = json.loads(file.read_text(encoding="utf-8"))
    assert takeover.Earlier(folder).content("wonen") is not None
    for resource in package["resources"]:
        resource["content"] = content
    file.write_text(json.dumps(package), encoding="utf-8")
    assert takeover.Earlier(folder).content("wonen") is None
    write_sums(folder)
    assert takeover.Earlier(folder).content("wonen") is None


def test_a_release_without_its_files_gives_nothing(once: Path, tmp_path: Path) -> None:
    warehouse = shutil.copytree(once, tmp_path / "warehouse")
    shutil.rmtree(next(warehouse.glob("releases/*/tables")))
    second = publish(warehouse).release_id
    assert set(made_in(warehouse / "releases" / second).values()) == {second}


@pytest.mark.parametrize("whole", [True, False])
def test_where_the_whole_is_made_its_files_are_too(once: Path, tmp_path: Path, whole: bool) -> None:
    warehouse = shutil.copytree(once, tmp_path / "warehouse")
    releases = Releases(warehouse)
    [first] = releases.all()
    plan = releases.plan([], datetime.now(UTC), base=None if whole else first)
    made = candidate(warehouse)
    with made.connect() as con:
        con.execute("create table raw.build as select $1 as build_id", [plan.build_id])
        con.execute("delete from core.snapshot; create table raw.snapshot as from core.snapshot")
        con.execute("update core.indicator_value set snapshot_id = null")
    second = publishing.publish(releases, made, [], CHECKS, "<html></html>", plan)
    expected = second.release_id if whole else first.release_id
    assert set(made_in(releases.path(second.release_id).parent).values()) == {expected}


def test_text_that_looks_like_the_end_of_a_row_stays_as_it_is(tmp_path: Path) -> None:
    file, renamed = tmp_path / "old.csv", tmp_path / "new.csv"
    rows = b'a,release_id\n1,2026.1.9\n"x,2026.1.9\n",2026.1.9\n"y\n2026.1.9",2026.1.9\n'
    file.write_bytes(rows)
    # One more than there are rows: that is how it is known that this file can't be taken over.
    assert takeover.renamed(file, renamed, "2026.1.9", "2026.1.10") == 4
    file.write_bytes(rows.replace(b'"x,2026.1.9\n"', b"x"))
    assert takeover.renamed(file, renamed, "2026.1.9", "2026.1.10") == 3
    assert renamed.read_bytes() == b'a,release_id\n1,2026.1.10\nx,2026.1.10\n"y\n2026.1.9",2026.1.10\n'


WONEN = "indicator_id = 'won_prijs'"


CHANGES = [
    f"update core.indicator_value set value = value + 1e-9 where {WONEN} and region_code = 'NL01' and period_code = '2024JJ00'",
    f"update core.indicator_value set value = null, missing_reason = 'unknown' where {WONEN} and region_code = 'NL01'",
    f"update core.indicator_value set note = 'Anders' where {WONEN}",
    f"update core.indicator_value set lower_bound = 0 where {WONEN}",
    f"update core.indicator_value set series_break = 'Anders' where {WONEN}",
    f"update core.indicator_value set period_status = 'Voorlopig' where {WONEN}",
    f"update core.indicator_value set method = 'kept' where {WONEN}",
    f"delete from core.indicator_value where {WONEN} and region_code = 'NL01' and period_code = '2024JJ00'",
    "update core.region set name = 'Elders' where region_code = 'GM0770'",
    "update core.region set parent_code = 'PV31' where region_code = 'GM0770'",
    "update core.period set end_date = '2024-06-30' where period_code = '2024JJ00'",
    f"update core.indicator_reference set reference_end = '2024-06-30' where {WONEN}",
    f"update core.indicator set name_nl = 'Anders' where {WONEN}",
    f"update core.indicator set unit = 'gulden' where {WONEN}",
    "update core.\"table\" set attribution = 'Bron: een ander' where table_id = 'T_OPEN'",
    "update core.\"table\" set origin = 'sample' where table_id = 'T_OPEN'",
    "update core.\"table\" set title = 'Tabel (indeling 2020)' where table_id = 'T_OPEN'",
    "alter table mart.wonen rename column won_prijs to won_anders",
    "update core.\"table\" set sharing_level = 'municipality' where table_id = 'T_OPEN'",
]


def test_whatever_the_files_tell_counts(tmp_path: Path) -> None:
    with candidate(tmp_path).connect() as con:

        def hashes(code: str = "code") -> dict[str, str]:
            return takeover.hashes(Published(con, "2026.1.1", PUBLIC, Access.of(con)), code)

        before, unnoticed = hashes(), []
        assert hashes() == before
        assert not before.items() & hashes("other code").items()
        for change in CHANGES:
            con.execute("begin")
            con.execute(change)
            unnoticed += [change] if hashes().get("wonen") == before["wonen"] else []
            con.execute("rollback")
        assert unnoticed == []
        con.execute("update core.indicator_value set snapshot_id = 'another'")  # which no file tells
        assert hashes() == before
