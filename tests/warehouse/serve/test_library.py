"""Releases as the service holds them open: few at a time, and each again when it is asked for."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.warehouse.made import publish
from warehouse.releases.release import Releases
from warehouse.serve.library import Library


def test_a_release_is_opened_again_while_a_question_to_it_is_still_running(tmp_path: Path) -> None:
    releases = [publish(tmp_path).release_id for _ in range(3)]
    library = Library(Releases(tmp_path))
    library.most_open = 1
    try:
        running = library.get(releases[0]).con.cursor()
        library.get(releases[1])
        again = library.get(releases[0])
        assert again.con.execute("select current_setting('enable_external_access')").fetchall() == [(False,)]
        assert running.execute("select count(*) > 0 from core.indicator_value").fetchall() == [(True,)]
    finally:
        library.close()


def test_a_release_that_can_not_be_read_says_why_each_time(tmp_path: Path) -> None:
    release = publish(tmp_path)
    with duckdb.connect(str(tmp_path / "releases" / release.release_id / "rdc.duckdb")) as con:
        con.execute('drop table core."table"')
    library = Library(Releases(tmp_path))
    try:
        told = []
        for _ in range(2):
            # Kept, as a log keeps it: with the error lives what it was raised from.
            with pytest.raises(duckdb.CatalogException, match="table") as error:
                library.current()
            told.append(error)
    finally:
        library.close()
