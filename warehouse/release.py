"""Releases: a candidate becomes the published warehouse by one atomic rename, or not at all.

Layout of ``$RDC_HOME/warehouse``::

    rdc.duckdb                      the released file; readers open only this
    releases/<release>/rdc.duckdb   the same file by another name (a hard link), kept for rollback
    releases/<release>/release.json report.html
    releases/<release>/...          what is published beside it (see :mod:`warehouse.datapackage`)
    candidate/                      the file in the making

A release's id is year, month and number within the month: ``2026.11.1``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from ingest.durable import fsync
from ingest.snapshot import file_sha256
from warehouse.access import PUBLIC, delivered, levels_of
from warehouse.candidate import NAME, Candidate, Input
from warehouse.closing import Closed, Levels, has_levels
from warehouse.plan import Plan

PROJECT = Path(__file__).parent.parent
PROMOTED = "promoted"


class ReleaseError(Exception):
    """A release that can't be made, found or trusted; the message says what to do."""


@dataclass(frozen=True)
class Release:
    """What a release knows about itself.

    :param inputs: per table the snapshot and the origin that it was built from.
    :param fingerprint: SHA-256 over inputs and the code that turned them into figures; equal means nothing to release.
    :param code: SHA-256 over the code alone; tells which releases of two series were made alike.
    :param tables: number of rows per released table.
    :param checks: number of checks by outcome.
    """

    release_id: str
    created_at: str
    inputs: dict[str, dict[str, str]]
    fingerprint: str
    sha256: str
    bytes: int
    tables: dict[str, int]
    checks: dict[str, int]
    previous: str | None
    code: str = ""


class Releases:
    """All releases under ``$RDC_HOME/warehouse``.

    :param own: folder with the user's own indicators; with them a build is another.
    """

    def __init__(self, folder: Path, keep: int | None = None, own: Path | None = None) -> None:
        self.folder = folder
        self.own = own
        self.current_file = folder / NAME
        self.levels = Levels(folder)
        self.keep = keep or int(os.environ.get("RDC_KEEP_RELEASES", "10"))

    # -- reading ------------------------------------------------------------------------------------------------------

    def all(self) -> list[Release]:
        """Every release that was published, oldest first."""
        found = [_read(p.parent) for p in self.folder.glob(f"releases/*/{PROMOTED}")]
        return sorted((r for r in found if r), key=lambda r: _order(r.release_id))

    def current(self) -> Release | None:
        """The release that readers see: the file itself says which it is."""
        for _ in range(3):
            if not self.current_file.is_file():
                return None
            # Between the moment that a release becomes current and the moment that it is marked so, it is current.
            folders = [f for f in self.folder.glob("releases/[0-9]*") if _same(f / NAME, self.current_file)]
            if found := next((r for f in folders if (r := _read(f))), None):
                return found
            if found := self._named_by_its_file():
                return found
        return None

    def _named_by_its_file(self) -> Release | None:
        """The current release on a file system without hard links, where the file itself must say which it is."""
        with duckdb.connect(str(self.current_file), read_only=True) as con:
            (release_id,) = con.execute("select release_id from core.release").fetchall()[0]
        return _read(self.folder / "releases" / release_id)

    def get(self, release_id: str) -> Release:
        for release in self.all():
            if release.release_id == release_id:
                return release
        known = ", ".join(r.release_id for r in self.all()) or "none yet; make one with `rdc run`"
        raise ReleaseError(f"There is no release {release_id}. Known: {known}.")

    def path(self, release_id: str) -> Path:
        return self.folder / "releases" / release_id / NAME

    def report(self, release_id: str) -> Path:
        return self.folder / "releases" / release_id / "report.html"

    # -- making -------------------------------------------------------------------------------------------------------

    def fingerprint(self, inputs: Iterable[Input]) -> str:
        """What a build depends on: the snapshots, and every file that turns them into figures."""
        used = [f"{i.table.id}={i.snapshot.snapshot_id}\n" for i in sorted(inputs, key=lambda i: i.table.id)]
        return hashlib.sha256("".join([*used, self.code()]).encode()).hexdigest()

    def code(self) -> str:
        """SHA-256 over every file that turns snapshots into figures, the user's own indicators among them."""
        sha = hashlib.sha256()
        for file in sorted(
            f
            for folder in ("dbt_project", "warehouse", "expectations")
            for f in (PROJECT / folder).rglob("*")
            # What serves a release does not make it.
            if f.suffix in (".sql", ".yml", ".csv", ".py") and not {"target", "serve"} & set(f.parts)
        ):
            sha.update(f"{file.relative_to(PROJECT)}\n".encode())
            sha.update(file.read_bytes())
        for file in sorted(self.own.glob("*.yml")) if self.own else []:
            sha.update(f"{file.name}\n".encode())
            sha.update(file.read_bytes())
        return sha.hexdigest()

    def is_new(self, inputs: list[Input]) -> bool:
        """Whether a build would differ from the newest release (also after a rollback to an earlier one)."""
        newest = next(reversed(self.all()), None)
        return newest is None or newest.fingerprint != self.fingerprint(inputs)

    def next_id(self, at: datetime) -> str:
        month = f"{at.year}.{at.month}."
        taken = [int(r.name.removeprefix(month)) for r in self.folder.glob(f"releases/{month}*") if r.is_dir()]
        return f"{month}{max(taken, default=0) + 1}"

    def plan(self, inputs: list[Input], known_at: datetime) -> Plan:
        """Write down what a build is to be made from."""
        return Plan.of(inputs, known_at.isoformat(), self.code(), self.fingerprint(inputs))

    def publish(
        self,
        candidate: Candidate,
        inputs: list[Input],
        checks: dict[str, int],
        report: str,
        plan: Plan | None = None,
    ) -> Release:
        """Promote the candidate, with all that is published beside it.

        :param plan: what the candidate was to be made from; the record is the plan's, not what could be chosen by now.
        :raises PlanError: the candidate holds something else than its plan says; nothing was changed.
        :raises ReleaseError: the candidate is not closed (a write-ahead log lies beside it); nothing was changed.
        """
        from warehouse import datapackage, diff

        at = datetime.now(UTC)
        release_id = self.next_id(at)
        previous = self.current()
        used = {i.table.id: {"snapshot_id": i.snapshot.snapshot_id, "origin": i.origin} for i in inputs}
        if plan:
            used = {t: {"snapshot_id": c["snapshot_id"], "origin": c["origin"]} for t, c in plan.inputs.items()}
        with candidate.connect() as con:
            if plan:
                plan.check(con, self.code())
            con.execute("drop schema raw cascade")
            con.execute("drop schema if exists staging cascade")
            con.execute("create or replace table core.release (release_id varchar, created_at timestamptz)")
            con.execute("insert into core.release values (?, ?)", [release_id, at])
            con.execute("comment on table core.release is 'Which release this file is.'")
            tables = {
                f"{schema}.{name}": con.execute(f'select count(*) from "{schema}"."{name}"').fetchall()[0][0]
                for schema, name in con.execute(
                    "select schema_name, table_name from duckdb_tables() where schema_name in ('core', 'mart') order by all"
                ).fetchall()
            }
            if has_levels(con):
                self.levels.note(levels_of(con), delivered(con))
            con.execute("checkpoint")
        self.levels.made(release_id)
        if (wal := candidate.file.with_name(NAME + ".wal")).exists():
            raise ReleaseError(f"{wal} lies beside the candidate, so something still writes to it; run `rdc run` again")

        making = self.folder / "releases" / f".{release_id}"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        candidate.file.rename(making / NAME)
        (making / NAME).chmod(0o444)
        release = Release(
            release_id=release_id,
            created_at=at.isoformat(timespec="seconds"),
            inputs=used,
            fingerprint=plan.fingerprint if plan else self.fingerprint(inputs),
            sha256=file_sha256(making / NAME),
            bytes=(making / NAME).stat().st_size,
            tables=tables,
            checks=checks,
            previous=previous.release_id if previous else None,
            code=plan.code if plan else self.code(),
        )
        (making / "report.html").write_text(report, encoding="utf-8")
        earlier = ""
        changes = diff.first(release)
        if previous:
            with diff.comparing(self.path(previous.release_id), making / NAME) as con:
                closed = diff.closed_since(con, self.levels, previous.release_id)
                changes = diff.compare(con, previous.release_id, release_id, scope=PUBLIC, closed=closed)
            before = self.path(previous.release_id).with_name("CHANGELOG.md")
            # A changelog names figures: it does not go on past the moment that some of them were closed.
            earlier = before.read_text(encoding="utf-8") if before.is_file() and not closed else ""
        datapackage.write(making, making / NAME, release_id, release.created_at, changes, earlier)
        (making / "release.json").write_text(
            json.dumps(asdict(release), indent=1, ensure_ascii=False), encoding="utf-8"
        )
        datapackage.write_sums(making)
        for item in [*making.rglob("*"), making]:
            fsync(item)
        making.rename(self.folder / "releases" / release_id)
        self._point_to(release_id)
        shutil.rmtree(candidate.folder, ignore_errors=True)
        self._prune()
        return release

    def rollback(self, release_id: str) -> Release:
        """Make an earlier release current.

        :raises ReleaseError: there is no such release, or its file is not what was released.
        """
        release = self.checked(release_id)
        self._point_to(release_id)
        return release

    def checked(self, release_id: str) -> Release:
        """:raises ReleaseError: there is no such release, or its file is not what was released."""
        release = self.get(release_id)
        if (found := file_sha256(self.path(release_id))) != release.sha256:
            raise ReleaseError(
                f"{self.path(release_id)} has SHA-256 {found}, but was released as {release.sha256}: it was changed since. "
                "Choose another release."
            )
        return release

    def opens(self, release: Release) -> list[Closed]:
        """The sources that would be open again with this release, and were closed since it was made; none where its file can't
        be read, which then opens nothing."""
        try:
            return self.levels.closed_in_file(self.path(release.release_id), release.release_id)
        except duckdb.Error:
            return []

    def alike(self, public: Release, closed: Collection[str]) -> Release | None:
        """The newest release of a restricted series that has of what is public the same as a public release has: from the same
        snapshots, by the same code; and that opens nothing that was closed since.

        :param closed: tables that a public release may not have.
        """

        def used(release: Release) -> dict[str, str]:
            return {t: i["snapshot_id"] for t, i in release.inputs.items() if t not in closed}

        return next(
            (
                r
                for r in reversed(self.all())
                if r.code == public.code and used(r) == used(public) and not self.opens(r)
            ),
            None,
        )

    def sweep(self) -> None:
        """Finish or undo what a killed run left: only for the one that holds the run lock."""
        for left in self.folder.glob("releases/.*"):
            shutil.rmtree(left, ignore_errors=True)
        for folder in self.folder.glob("releases/*"):
            if folder.is_dir() and not (folder / PROMOTED).exists():
                if self.current_file.exists() and _same(folder / NAME, self.current_file):
                    _mark(folder)
                else:
                    shutil.rmtree(folder)
        for left in self.folder.glob(f".{NAME}.*"):
            left.unlink()
        self.levels.sweep()

    def _point_to(self, release_id: str) -> None:
        beside = self.folder / f".{NAME}.{release_id}"
        beside.unlink(missing_ok=True)
        try:
            os.link(self.path(release_id), beside)
        except OSError:
            shutil.copy2(self.path(release_id), beside)  # a file system without hard links
            fsync(beside)
        if self.current_file.exists() and _same(beside, self.current_file):
            beside.unlink()  # rename of one hard link onto another would leave both
        else:
            beside.replace(self.current_file)
        fsync(self.folder)
        _mark(self.folder / "releases" / release_id)

    def _prune(self) -> None:
        """Keep the last ``keep`` releases, and the current one whatever its age."""
        current = self.current()
        for release in self.all()[: -self.keep]:
            if current is None or release.release_id != current.release_id:
                folder = self.folder / "releases" / release.release_id
                # From here on it is no release any more: one that is removed by half must not be taken for one.
                (folder / PROMOTED).unlink()
                shutil.rmtree(folder)


def summary(results: Iterable[Any]) -> dict[str, int]:
    """Number of checks by outcome: ``passed``, and the failed ones by severity."""
    counts = {"passed": 0, "critical": 0, "warning": 0, "info": 0}
    for result in results:
        counts["passed" if result.success else result.severity] += 1
    return counts


def _mark(folder: Path) -> None:
    """Mark a release as published: at once, and with nothing beside it that a killed run could leave."""
    (folder / PROMOTED).touch()
    fsync(folder)


def _read(folder: Path) -> Release | None:
    """What a release knows about itself; None when it is being made or was just removed."""
    try:
        return Release(**json.loads((folder / "release.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _order(release_id: str) -> tuple[int, ...]:
    return tuple(map(int, release_id.split(".")))


def _same(a: Path, b: Path) -> bool:
    return a.exists() and b.exists() and os.path.samefile(a, b)  # noqa: PTH121
