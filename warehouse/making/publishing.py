"""The candidate becomes a release: with its record, what changed and all that is published beside it, in one step or not at all."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import duckdb

from ingest.settings import DATABASE
from ingest.sql import records
from ingest.storage.durable import fsync, record
from ingest.verified import file_sha256
from warehouse.making import datapackage, diff, effects, written
from warehouse.making.candidate import Candidate
from warehouse.making.takeover import Earlier
from warehouse.releases.inputs import Input
from warehouse.releases.plan import Plan
from warehouse.releases.release import MAKING, Release, ReleaseError, Releases
from warehouse.releases.sums import write_sums
from warehouse.sharing.access import PUBLIC, delivered, levels_of
from warehouse.sharing.closing import has_levels


def publish(
    releases: Releases,
    candidate: Candidate,
    inputs: list[Input],
    checks: dict[str, int],
    report: str,
    plan: Plan | None = None,
) -> Release:
    """Promote the candidate, with all that is published beside it. Rows that the current release has in its files are taken over from
    there, but not where the plan was to make the whole.

    :param plan: what the candidate was to be made from; the record is the plan's, not what could be chosen by now.
    :raises PlanError: the candidate holds something else than its plan says; nothing was changed.
    :raises ReleaseError: the candidate is not closed (a write-ahead log lies beside it); nothing was changed.
    """
    at = datetime.now(UTC)
    release_id = releases.give(at)
    previous = releases.current()
    used = {i.table.id: {"snapshot_id": i.snapshot.snapshot_id, "origin": i.origin} for i in inputs}
    if plan:
        used = {t: {"snapshot_id": c["snapshot_id"], "origin": c["origin"]} for t, c in plan.inputs.items()}
    with candidate.connect() as con:
        if plan:
            plan.check(con, releases.code())
        _say_where_made(con, release_id)
        effects.say_where_made(con, release_id)
        con.execute("drop schema raw cascade")
        con.execute("drop schema if exists staging cascade")
        written.create(con, "core.release")
        con.execute("insert into core.release values (?, ?)", [release_id, at])
        tables = {
            f"{schema}.{name}": con.execute(f'select count(*) from "{schema}"."{name}"').fetchall()[0][0]
            for schema, name in con.execute(
                "select schema_name, table_name from duckdb_tables() where schema_name in ('core', 'mart') order by all"
            ).fetchall()
        }
        withheld = _withheld(con)
        if has_levels(con):
            releases.levels.note(levels_of(con), delivered(con))
        con.execute("checkpoint")
    releases.levels.made(release_id)
    if (wal := candidate.file.with_name(DATABASE + ".wal")).exists():
        raise ReleaseError(f"{wal} lies beside the candidate, so something still writes to it; run `rdc run` again")

    making = releases.folder / "releases" / f".{release_id}"
    record(releases.folder / MAKING, {"release_id": release_id})
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    shutil.move(candidate.file, making / DATABASE)  # a copy, where the candidate had to lie elsewhere
    (making / DATABASE).chmod(0o444)
    release = Release(
        release_id=release_id,
        created_at=at.isoformat(timespec="seconds"),
        inputs=used,
        fingerprint=plan.fingerprint if plan else releases.fingerprint(inputs),
        sha256=file_sha256(making / DATABASE),
        bytes=(making / DATABASE).stat().st_size,
        tables=tables,
        checks=checks,
        previous=previous.release_id if previous else None,
        code=plan.code if plan else releases.code(),
        sequence=1 + max((r.sequence for r in releases.all()), default=0),
        corrections=plan.corrections if plan else 0,
        base=plan.base if plan else None,
        depth=plan.depth if plan else 0,
        withheld=withheld,
    )
    (making / "report.html").write_text(report, encoding="utf-8")
    earlier, files = "", None
    changes = diff.first(release)
    if previous:
        with diff.comparing(releases.path(previous.release_id), making / DATABASE) as con:
            closed = diff.closed_since(con, releases.levels, previous.release_id)
            changes = diff.compare(con, previous.release_id, release_id, scope=PUBLIC, closed=closed)
        before = releases.path(previous.release_id).with_name("CHANGELOG.md")
        # A changelog names figures: it does not go on past the moment that some of them were closed.
        earlier = before.read_text(encoding="utf-8") if before.is_file() and not closed else ""
        files = Earlier(before.parent) if plan is None or plan.base else None
    datapackage.write(making, making / DATABASE, release_id, release.created_at, changes, earlier, release.code, files)
    facts = json.dumps(asdict(release), indent=1, ensure_ascii=False)
    (making / "release.json").write_text(facts, encoding="utf-8")
    write_sums(making)
    for item in [*making.rglob("*"), making]:
        fsync(item)
    making.rename(releases.folder / "releases" / release_id)
    fsync(releases.folder / "releases")
    releases.note(release_id)
    releases.point_to(release_id)
    (releases.folder / MAKING).unlink()
    shutil.rmtree(candidate.folder, ignore_errors=True)
    releases.prune()
    return release


def _say_where_made(con: duckdb.DuckDBPyConnection, release_id: str) -> None:
    """What was taken over from no other release, this one made."""
    with suppress(duckdb.CatalogException):  # a file that dbt did not make has no parts
        con.execute("update core.build_part set made_in = ? where made_in is null", [release_id])


def _withheld(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """What this release does not have as its tables do not fit; nothing where no build with dbt was made."""
    there = con.execute(
        "select count(*) from duckdb_tables() where schema_name = 'core' and table_name = 'withheld'"
    ).fetchall()
    if there == [(0,)]:
        return []
    found = con.execute("select indicator_id, table_id, place, reason, kept_figures from core.withheld order by all")
    return records(found)
