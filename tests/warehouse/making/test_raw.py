"""What a build starts from: the tables of schema ``raw`` are those that dbt's sources say, column by column."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from ingest.registry import Registry as Tables
from ingest.snapshot import Store
from warehouse.making import raw
from warehouse.making.candidate import Candidate
from warehouse.releases.inputs import Input


def test_a_candidate_has_the_columns_that_dbt_documents(tmp_path: Path) -> None:
    """Also of what is taken as a snapshot has it: its dimensions, codes and measures."""
    store = Store(tmp_path / "snapshots")
    inputs = [Input(t, s, "sample") for t in Tables.load().tables.values() if (s := store.sample(t.id))][:2]
    candidate = Candidate(tmp_path / "warehouse")
    candidate.prepare(inputs, None, tmp_path / "none.jsonl")
    with candidate.connect(read_only=True) as con:
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in con.execute(
            "select table_name, column_name, lower(data_type) from duckdb_columns() where schema_name = 'raw' "
            "and not starts_with(table_name, 'rows_') order by table_name, column_index"
        ).fetchall():
            found.setdefault(table, {})[column] = kind
    assert found == {table: raw.columns(table) for table in raw.tables()}
    assert all(list(found[table]) == list(raw.columns(table)) for table in found)


@pytest.mark.parametrize("row", [{"build_id": "1"}, {"build_id": "1", "known_at": None, "more": 1}])
def test_a_row_has_exactly_the_columns_of_its_table(row: dict[str, object]) -> None:
    with duckdb.connect() as con:
        con.execute("create schema raw")
        raw.create(con, "build")
        with pytest.raises(ValueError, match=r"raw\.build.*_raw\.yml differ in (known_at|more)"):
            raw.insert(con, "build", [row])
