"""The CSV files of a real release, as whoever downloads them reads them."""

from __future__ import annotations

import duckdb

from tests.orchestration.conftest import Rdc
from tests.warehouse.readers import plain, read_alike


def test_every_file_of_a_release_reads_alike(released: Rdc) -> None:
    files = sorted((released.home / "warehouse" / "releases").glob("*/tables/*.csv"))
    assert len(files) == 21
    for file in files:
        rows = read_alike(file)
        # And it is what the Parquet beside it has, whole figures as well.
        beside = duckdb.sql(f"from '{file.with_suffix('.parquet')}'").fetchall()
        again = duckdb.sql(f"from '{file}'").fetchall()
        assert len(beside) == rows
        assert sorted(map(alike, again)) == sorted(map(alike, beside)), file.name


def alike(row: tuple[object, ...]) -> list[str]:
    """A row as text, whatever types its reader gave it."""
    return [_as_text(plain(v)) for v in row]


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(float(value))
    return "" if value is None else str(value)
