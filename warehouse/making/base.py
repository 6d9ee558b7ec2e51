"""What a build goes on from: the current release, where what it was made by would make the same of the same.

A candidate then starts as a copy of that release's file. The rows and cells of a snapshot that it has, the figures of an
indicator of which nothing changed and the table of a theme of which nothing changed are taken over (``core.build_part`` says which);
everything else is made anew. Where a condition below does not hold the whole is made, and gives the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.snapshot import AFTER_TABLE
from warehouse.releases.inputs import Input
from warehouse.releases.release import Release

#: As many builds may follow a whole one. What is replaced goes to the end of its table; so the order in which readers find
#: rows stays near to what a whole build gives.
MOST_AFTER_A_WHOLE = 30
_PIECE = 1 << 22


class SpoiltBaseError(Exception):
    """The file of the release is not what was released, so nothing is taken over from it."""


@dataclass(frozen=True)
class Base:
    """A release that a build goes on from.

    :param snapshots: per table its snapshot there, and that snapshot's SHA-256.
    :param depth: how many builds lie between it and a whole one, itself included.
    """

    release_id: str
    file: Path
    sha256: str
    snapshots: dict[str, tuple[str, str]]
    depth: int

    def copy_to(self, file: Path) -> None:
        """Copy the release's file, and see that it is what was released.

        :raises SpoiltBaseError: it is not; there is no copy then.
        """
        sha = hashlib.sha256()
        with self.file.open("rb") as source, file.open("wb") as target:
            while piece := source.read(_PIECE):
                sha.update(piece)
                target.write(piece)
        if sha.hexdigest() != self.sha256:
            file.unlink()
            raise SpoiltBaseError(f"{self.file} is not what was released as {self.release_id}")


def base_of(
    current: Release | None, file: Path, code: str, inputs: Iterable[Input], closed: Collection[str], corrections: int
) -> Base | None:
    """The release to go on from, or None where the whole is to be made.

    :param file: the database of the current release.
    :param code: what makes figures of snapshots, as of now.
    :param closed: tables that the build may know nothing of.
    :param corrections: how many corrections of the clock there are.
    """
    if (
        current is None
        or current.code != code
        or current.corrections != corrections
        or current.depth >= MOST_AFTER_A_WHOLE
        or not file.is_file()
    ):
        return None
    try:
        with duckdb.connect(str(file), read_only=True) as con:
            there = {
                table: (snapshot, sha256, protocol != "municipal" and level == "public")
                for table, snapshot, sha256, protocol, level in con.execute(
                    'select table_id, snapshot_id, sha256, protocol, sharing_level from core."snapshot"'
                ).fetchall()
            }
            if _known(con) & set(closed):
                return None
    except duckdb.Error:
        return None
    chosen = {item.table.id: (item.snapshot.snapshot_id, item.snapshot.sha256) for item in inputs}
    for table, (snapshot, sha256, is_open) in there.items():
        # What a file of DuckDB replaces may be read from its unused blocks until they are written over. Of what is not for
        # everyone, nothing that was replaced or taken back may be found in a released file.
        if not is_open and chosen.get(table) != (snapshot, sha256):
            return None
    snapshots = {table: (snapshot, sha256) for table, (snapshot, sha256, _) in there.items()}
    return Base(current.release_id, file, current.sha256, snapshots, current.depth)


def _known(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Every table that the release has figures of, or had."""
    found = con.execute(
        'select table_id from core."snapshot" union select table_id from core.indicator_term '
        "union select distinct regexp_replace(snapshot_id, $1, '') from core.indicator_history",
        [AFTER_TABLE],
    ).fetchall()
    return {table for (table,) in found}
