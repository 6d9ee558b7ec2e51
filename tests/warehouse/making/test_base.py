"""What a build may go on from: a release that the same code made of what is still there, and nothing that a reader might dig up."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from warehouse.making.base import MOST_AFTER_A_WHOLE, Base, SpoiltBaseError, base_of
from warehouse.releases.release import Release

RELEASE = Release(
    **{
        "release_id": "2026.1.3",
        "created_at": "2026-01-01",
        "inputs": {},
        "fingerprint": "f",
        "sha256": "s",
        "bytes": 1,
    },
    **{"tables": {}, "checks": {}, "previous": None, "code": "code", "corrections": 1, "depth": 2},
)
#: Tables of the release: how they came, and who may see them.
TABLES = {"OPEN": ("v3", "public"), "ZORG": ("municipal", "public"), "SHUT": ("v3", "partners")}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "rdc.duckdb"
    with duckdb.connect(str(made)) as con:
        con.execute("create schema core")
        con.execute(
            "create table core.snapshot (table_id varchar, snapshot_id varchar, sha256 varchar, protocol varchar, sharing_level varchar)"
        )
        con.executemany(
            "insert into core.snapshot values (?, ?, 'a', ?, ?)",
            [(name, f"{name}-20260101T000000000Z-aaaaaaaa", *of) for name, of in TABLES.items()],
        )
        con.execute("create table core.indicator_term as select 'TERM' as table_id")
        con.execute("create table core.indicator_history as select 'GONE-20250101T000000000Z-aaaaaaaa' as snapshot_id")
    return made


def chosen(**hashes: str | None) -> list[Any]:
    """Inputs as they were, but for those that have another hash; None takes one away."""
    return [
        SimpleNamespace(
            table=SimpleNamespace(id=name),
            snapshot=SimpleNamespace(snapshot_id=f"{name}-20260101T000000000Z-aaaaaaaa", sha256=hashes.get(name, "a")),
        )
        for name in TABLES
        if hashes.get(name, "a") is not None
    ]


def found(
    file: Path, release: Release | None = RELEASE, code: str = "code", closed: tuple[str, ...] = (), **of: str | None
) -> Any:
    return base_of(release, file, code, chosen(**of), closed, 1)


def test_it_goes_on_where_nothing_stands_in_the_way(file: Path) -> None:
    base = found(file, OPEN="b")
    assert isinstance(base, Base) and base.release_id == "2026.1.3" and base.snapshots.keys() == TABLES.keys()
    assert found(file, OPEN=None) is not None, "a table of CBS may go"


@pytest.mark.parametrize("table", ["ZORG", "SHUT"])
@pytest.mark.parametrize("now", ["b", None])
def test_what_is_not_for_everyone_is_not_left_in_unused_blocks(file: Path, table: str, now: str | None) -> None:
    """Replaced or taken back: the file is made anew."""
    assert found(file, **{table: now}) is None


@pytest.mark.parametrize("table", ["OPEN", "TERM", "GONE"])
def test_what_was_closed_since_is_not_copied_along(file: Path, table: str) -> None:
    """Be it a table of the release, one that a definition drew on, or one of which only the history is left."""
    assert found(file, closed=(table,)) is None
    assert found(file, closed=("ELSE",)) is not None


def test_of_other_code_or_another_clock_nothing_is_taken_over(file: Path, tmp_path: Path) -> None:
    assert found(file, code="other") is None
    assert found(file, replace(RELEASE, corrections=0)) is None
    assert found(file, replace(RELEASE, depth=MOST_AFTER_A_WHOLE)) is None
    assert found(file, replace(RELEASE, depth=MOST_AFTER_A_WHOLE - 1)) is not None
    assert found(file, None) is None and found(tmp_path / "gone.duckdb") is None
    (tmp_path / "torn.duckdb").write_bytes(b"torn")
    assert found(tmp_path / "torn.duckdb") is None


def test_a_release_is_copied_as_it_was_released(file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    Base("2026.1.1", file, hashlib.sha256(content).hexdigest(), {}, 1).copy_to(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == content


def test_of_a_damaged_release_nothing_is_copied(tmp_path: Path) -> None:
    damaged = tmp_path / "rdc.duckdb"
    damaged.write_bytes(b"not what was released")
    base = Base("2026.1.1", damaged, "0" * 64, {}, 1)
    with pytest.raises(SpoiltBaseError, match=r"not what was released as 2026\.1\.1"):
        base.copy_to(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
