"""The CSV files of a real release, as whoever downloads them reads them."""

from __future__ import annotations

import duckdb

from tests.orchestration.conftest import Rdc
from tests.warehouse.readers import plain, read_alike


def test_every_file_of_a_release_reads_alike(released: Rdc) -> None:
    files = sorted((released.home / "warehouse" / "releases").glob("*/tables/*.csv"))
    assert len(files) == 17
    for file in files:
        rows = read_alike(file)
        # And it is what the Parquet beside it has.
        beside = duckdb.sql(f"from '{file.with_suffix('.parquet')}'").fetchall()
        assert len(beside) == rows
        again = duckdb.sql(f"from '{file}'").fetchall()
        assert sorted(map(str, ([plain(v) for v in r] for r in again))) == sorted(
            map(str, ([v if v != "" else None for v in map(plain, r)] for r in beside))
        ), file.name
