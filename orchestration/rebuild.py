"""``rdc rebuild``: the current release once more, whole, from its snapshots alone, and compared with what was released."""

from __future__ import annotations

import shutil
from dataclasses import asdict

import duckdb

from ingest.errors import MendableError
from ingest.sql import literal
from orchestration import pipeline, show
from orchestration.interrupt import heard, stop_if_asked
from orchestration.workspace import Workspace
from warehouse.making.same import Compared, compare
from warehouse.releases.inputs import Input
from warehouse.releases.release import Release


class RebuildError(MendableError):
    """The release can't be made again, and why."""


def rebuild(publish: bool, as_json: bool) -> int:
    """Make the current release again; the exit status: 0 it is the same to the digit, 1 it is not.

    :param publish: make what was built the current release where it is not the same.
    :raises RebuildError: there is no release, or a snapshot of it is gone or not as it was laid down.
    :raises BlockedError: the audit refused what was built; the current release stays.
    :raises KeyboardInterrupt: it was stopped with Ctrl-C; the current release stays.
    """
    with heard():
        try:
            return _rebuild(publish, as_json)
        except Exception:
            stop_if_asked()  # What was broken off fails in its own words.
            raise


def _rebuild(publish: bool, as_json: bool) -> int:
    work = Workspace.open()
    with work.writing("rdc rebuild"):
        work.sweep()
        current = work.releases.current()
        if current is None:
            raise RebuildError("There is no release to make again. Run `rdc run`.")
        try:
            pipeline.prepare(work, inputs_of(work, current), whole=True)
            with show.bar() as bar:
                bar.add_task(f"making release {current.release_id} again", total=None)
                pipeline.build(work)
                pipeline.audit(work)
                pipeline.effects(work)
                pipeline.note_checks(work)
                found = compared(work)
            other_code = current.code != work.releases.code()
            differ = [table for table in found if not table.same]
            released = pipeline.release(work) if publish and differ else None
        finally:
            shutil.rmtree(work.candidate.folder, ignore_errors=True)
    if as_json:
        show.as_json(
            {
                "release": current.release_id,
                "same": not differ,
                "other_code": other_code,
                "released": released.release_id if released else None,
                "tables": [asdict(table) for table in found],
            }
        )
    else:
        _tell(current, found, other_code, released)
    return 1 if differ and not released else 0


def inputs_of(work: Workspace, release: Release) -> list[Input]:
    """The snapshots that a release was made from, as they lie on disk.

    :raises RebuildError: one is gone, or is not as it was laid down.
    """
    with duckdb.connect(str(work.releases.current_file), read_only=True) as con:
        notes = dict(con.execute('select table_id, origin_note from core."table"').fetchall())
    inputs = []
    for table_id, chosen in release.inputs.items():
        table, name = work.registry.tables.get(table_id), chosen["snapshot_id"]
        if table is None:
            raise RebuildError(
                f"{table_id} is no source any more, so release {release.release_id} can't be made again. Declare it again, or "
                "let `rdc run` make a release without it."
            )
        sample = work.store.sample(table_id) if chosen["origin"] == "sample" else None
        snapshot = sample if sample and sample.snapshot_id == name else work.store.get(table_id, name)
        if changed := work.store.changed(snapshot):
            raise RebuildError(
                f"Snapshot {name} of {table_id} is not as it was laid down ({', '.join(changed)} changed or gone), so release "
                f"{release.release_id} can't be made again. `rdc run` fetches the table anew."
            )
        inputs.append(Input(table, snapshot, chosen["origin"], notes.get(table_id) or ""))
    return inputs


def compared(work: Workspace) -> list[Compared]:
    """The tables of the current release beside those of the candidate."""
    with duckdb.connect() as con:
        con.execute(f"attach {literal(work.releases.current_file)} as released (read_only)")
        con.execute(f"attach {literal(work.candidate.file)} as made (read_only)")
        return compare(con, "released", "made")


def _tell(current: Release, found: list[Compared], other_code: bool, released: Release | None) -> None:
    differ = [table for table in found if not table.same]
    snapshots = f"{len(current.inputs)} snapshot{'s' if len(current.inputs) != 1 else ''}"
    if not differ:
        rows = sum(table.rows for table in found)
        show.line(
            f"Release {current.release_id} was made again from its {snapshots} alone: {len(found)} tables, {rows:,} rows, "
            "all the same.",
            strong=current.release_id,
        )
        return
    show.table(
        f"Release {current.release_id}, made again from its {snapshots}",
        ["table", "rows", "not in what was made", "only in what was made", "columns of one only"],
        [(t.table, f"{t.rows:,}", f"{t.missing:,}", f"{t.added:,}", ", ".join(t.columns)) for t in differ],
        right=("rows", "not in what was made", "only in what was made"),
    )
    if released:
        show.line(f"Released {released.release_id}, made whole.", strong=released.release_id)
    elif other_code:
        show.fail(
            "It differs, as the release was made by other models, definitions or packages than are here now. `rdc run` releases what "
            "these make."
        )
    else:
        show.fail(
            "It differs, though the same code made the release: please report this. `rdc rebuild --release` publishes what was made "
            "whole."
        )
