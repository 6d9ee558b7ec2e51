"""A source that was open and is closed now: it is gone from the series, and from what the series still says of before."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.warehouse.made import INDICATORS, candidate, publish
from warehouse.access import PUBLIC
from warehouse.candidate import _load_published
from warehouse.release import Releases
from warehouse.serve.library import Libraries

OPEN = {"T_EIGEN": "public"}
PUBLIC_NOW = [i for i in INDICATORS if i[6] == "public"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two releases with a municipal source in them that everyone could see, and one since it was closed."""
    kept = [i for i in INDICATORS if i[0] == "soc_meldingen" or i in PUBLIC_NOW]
    for shift in (0.0, 0.25):
        publish(tmp_path, indicators=kept, levels=OPEN, municipal=["T_EIGEN"], shift=shift)
    publish(tmp_path, indicators=PUBLIC_NOW, shift=0.25)
    return tmp_path


def test_the_service_does_not_give_it_out_of_an_older_release(folder: Path) -> None:
    first, *_ = Releases(folder).all()
    libraries = Libraries(folder, "256MB", 60)
    try:
        library = libraries.public
        old = library.get(first.release_id)
        assert old.tightened(library.current())
        visible = old.access(library.current()).visible(PUBLIC)
        found = old.con.execute(
            f"select distinct indicator_id from core.indicator_value as v where {visible}"
        ).fetchall()
        assert ("bev_inwoners",) in found and ("soc_meldingen",) not in found
    finally:
        libraries.close()


def test_the_changelog_does_not_tell_its_figures_again(folder: Path) -> None:
    newest = Releases(folder).all()[-1]
    beside = Releases(folder).path(newest.release_id).parent
    before = Releases(folder).path(Releases(folder).all()[1].release_id).parent
    assert "soc_meldingen" in (before / "diff.json").read_text()
    told = (beside / "diff.json").read_text()
    assert '"values": []' in told and "soc_meldingen" in told  # that the column went is told, its figures are not
    assert (beside / "CHANGELOG.md").read_text().count("\n## ") == 1


def test_its_figures_are_in_no_later_history(folder: Path) -> None:
    made = candidate(folder, indicators=INDICATORS, levels=OPEN, municipal=["T_EIGEN"])
    with duckdb.connect() as con:
        con.execute("create schema raw")
        _load_published(con, made.file, ["T_EIGEN"])
        found = con.execute("select distinct indicator_id from raw.published order by 1").fetchall()
    assert found == [(i[0],) for i in sorted(INDICATORS) if i[0] != "soc_meldingen"]
