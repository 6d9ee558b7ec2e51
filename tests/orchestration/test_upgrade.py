"""A data folder that an early version of 0.1 made stays usable: read as it is, and built on.

``home-0.1.tar.xz`` was made by commit 6de8191 with two tables of the sample (83625NED, 82972NED) from its stand-in for CBS: snapshots
without numbers, records without checksums, no ``format.json``, one release whose current file is the kept one by another name.
The folders of Dagster and dbt were left out.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import duckdb
import pytest

from ingest.settings import Settings
from orchestration import home_format
from orchestration.damage import mended
from orchestration.recovery.backup import backup
from orchestration.recovery.restore import restore
from orchestration.workspace import Workspace
from tests.orchestration.conftest import Rdc

KEPT = Path(__file__).with_name("home-0.1.tar.xz")
TABLES = {"83625NED", "82972NED"}
#: Nobody answers here, so that the snapshots of the folder serve on.
SILENT = dict.fromkeys(
    ("RDC_STATLINE_V3_URL", "RDC_STATLINE_V4_URL", "RDC_STATLINE_THIRD_PARTY_URL", "RDC_PDOK_URL"), "http://127.0.0.1:9"
)
FIGURES = (
    "select indicator_id, region_code, period_code, value from core.indicator_value "
    "where indicator_id in ('won_verkoopprijs', 'sd_jeugdhulp_pct') and value is not null order by all"
)


@pytest.fixture
def old(tmp_path: Path) -> Rdc:
    with tarfile.open(KEPT) as archive:
        archive.extractall(tmp_path / "home", filter="data")
    return Rdc(tmp_path / "home", SILENT)


def test_it_is_read_as_it_is(old: Rdc, tmp_path: Path) -> None:
    work = Workspace.open(Settings(old.home))
    assert home_format.of(old.home) == 1
    assert mended(work.settings) == []
    [release] = work.releases.all()
    assert work.releases.checked(release.release_id) == work.releases.current() == release
    for table in TABLES:
        snapshot = work.store.good(table)
        assert snapshot and snapshot.damaged() == []
        assert snapshot.snapshot_id == release.inputs[table]["snapshot_id"]
    assert set(work.outcomes.latest()) == TABLES
    assert "GM0770" in old("pull", "wonen", "--as-of", release.release_id, "--format", "csv").stdout
    assert {t["table_id"] for t in old.json("status")["tables"] if t["state"] != "sample"} >= TABLES
    backup(work.settings, tmp_path / "kept")
    restore(Settings(tmp_path / "again"), tmp_path / "kept")
    assert Workspace.open(Settings(tmp_path / "again")).releases.current() == release


@pytest.mark.long
def test_the_next_run_builds_on_it(old: Rdc) -> None:
    before = old.sql(FIGURES)
    [first] = old.json("releases")
    (told,) = old.sql("select min(known_from) from core.indicator_history")[0]
    old("run")
    _, second = old.json("releases")
    used = {t: second["inputs"][t]["snapshot_id"] for t in TABLES}
    assert used == {t: first["inputs"][t]["snapshot_id"] for t in TABLES}
    assert before and set(before) <= set(old.sql(FIGURES))  # other tables brought more
    # What was told then is still known to have been told then.
    assert old.sql("select min(known_from) from core.indicator_history") == [(told,)]
    assert old.json("diff", first["release_id"], second["release_id"])
    assert home_format.of(old.home) == home_format.FORMAT and (old.home / home_format.NAME).is_file()
    old("rollback", first["release_id"])
    with duckdb.connect(str(old.file), read_only=True) as con:
        assert con.execute(FIGURES).fetchall() == before
