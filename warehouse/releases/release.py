"""Releases: a candidate becomes the published warehouse by one atomic rename, or not at all.

Layout of ``$RDC_HOME/warehouse``::

    rdc.duckdb                      the released file; readers open only this
    current.json                    which release it is, should the file be lost
    releases/<release>/rdc.duckdb   the same once more, kept for rollback: a copy with bytes of its own
    releases/<release>/release.json report.html
    releases/<release>/promoted     an empty file: it was published
    releases/<release>/...          what is published beside it (see :mod:`warehouse.making.datapackage`)
    records/<release>.json .sums    release.json and SHA256SUMS once more: should one be damaged, the release is not lost with it
    making.json                     the release that is being made: what a killed run left of it is ours to remove
    last.json                       the highest number that was given in each month: none is given twice, whatever is lost
    candidate/                      the file in the making
    refused.html                    the report of the last candidate that the audit refused
    levels.json                     which source was shared with whom, since when (see :mod:`warehouse.sharing.closing`)
    restricted/<level>/             the same once more, for what is not for everyone

Nothing else is ever removed here: a folder that is not one of these was put there by someone.

A release's id is year, month and number within the month: ``2026.11.1``.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import uuid
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from ingest.datacenter import here
from ingest.errors import MendableError
from ingest.project import ROOT
from ingest.settings import DATABASE, number
from ingest.storage.durable import Damaged, fsync, read_record, record, sweep, write
from ingest.verified import file_sha256
from warehouse.releases.inputs import Input
from warehouse.releases.plan import Plan
from warehouse.sharing.closing import Closed, Levels

PROJECT = ROOT
PROMOTED, CURRENT, MAKING, LAST = "promoted", "current.json", "making.json", "last.json"
_ID = re.compile(r"\d{4}\.\d{1,2}\.\d+")


class ReleaseError(MendableError):
    """A release that can't be made, found or trusted; the message says what to do."""


@dataclass(frozen=True)
class Release:
    """What a release knows about itself.

    :param inputs: per table the snapshot and the origin that it was built from.
    :param fingerprint: SHA-256 over inputs and the code that turned them into figures; equal means nothing to release.
    :param code: SHA-256 over the code alone; tells which releases of two series were made alike.
    :param sequence: its place in the series, whatever the clock said; 0 for those from before there were numbers.
    :param corrections: how many corrections of the clock are made in its history.
    :param base: the release from which what did not change was taken over (``core.build_part`` says what); None where the whole
        was made. ``depth`` is how many builds lie between it and a whole one.
    :param tables: number of rows per released table.
    :param checks: number of checks by outcome.
    :param withheld: what the registry binds and its tables did not fit, as rows of core.withheld.
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
    sequence: int = 0
    corrections: int = 0
    base: str | None = None
    depth: int = 0
    withheld: list[dict[str, Any]] = field(default_factory=list)


class Releases:
    """All releases under ``$RDC_HOME/warehouse``.

    :param own: folder with the user's own indicators; with them a build is another.
    :param asked: folder with the user's own policy choices: with them a build is another, and figures are not.
    :param mark: what else makes a build another: the corrections of the clock.
    """

    def __init__(
        self,
        folder: Path,
        keep: int | None = None,
        own: Path | None = None,
        mark: str = "",
        asked: Path | None = None,
    ) -> None:
        self.folder = folder
        self.own = own
        self.asked = asked
        self.mark = mark
        self.current_file = folder / DATABASE
        self.levels = Levels(folder)
        self.keep = keep or number("RDC_KEEP_RELEASES", 10, 1)

    # -- reading ------------------------------------------------------------------------------------------------------

    def all(self) -> list[Release]:
        """Every release that was published, oldest first. What can't be read is not among them (see :mod:`orchestration.damage`)."""
        found = [_read(f) for f in self.folders() if (f / PROMOTED).exists()]
        return sorted((r for r in found if r), key=lambda r: (r.sequence, _order(r.release_id)))

    def folders(self) -> list[Path]:
        """The folders that bear the name of a release. A copy that someone laid beside them has another name, and is left alone."""
        return [f for f in self.folder.glob("releases/*") if _ID.fullmatch(f.name) and f.is_dir()]

    def current(self) -> Release | None:
        """The release that readers see.

        :raises Damaged: the file is none of the releases that are kept.
        """
        for _ in range(3):
            if not self.current_file.is_file():
                return None
            # Between the moment that a release becomes current and the moment that it is marked so, it is current.
            folders = [f for f in self.folders() if _same(f / DATABASE, self.current_file)]
            if found := next((r for f in folders if (r := _read(f))), None):
                return found
            if found := self._known_by_its_content():
                return found
        raise Damaged(
            self.current_file,
            "it is none of the releases that are kept",
            "`rdc run` puts it aside and takes the release itself; `rdc releases` lists what there is.",
        )

    def _known_by_its_content(self) -> Release | None:
        """The current release where the file's time says nothing: the data folder was copied."""
        with suppress(OSError):
            found = {r.sha256: r for f in self.folders() if (r := _read(f))}
            return found.get(file_sha256(self.current_file)) if found else None
        return None

    def pointed_to(self) -> str | None:
        """The id of the release that was made current last, as far as it is still known."""
        try:
            return str(read_record(self.folder / CURRENT, "", strict=True)["release_id"])
        except (FileNotFoundError, Damaged, KeyError, TypeError):
            return None

    def get(self, release_id: str) -> Release:
        for release in self.all():
            if release.release_id == release_id:
                return release
        known = ", ".join(r.release_id for r in self.all()) or "none yet; make one with `rdc run`"
        raise ReleaseError(f"There is no release {release_id}. Known: {known}.")

    def is_given(self, release_id: str) -> bool:
        """Whether a release of this id was ever made, kept or not; a number whose release was never published counts too."""
        month, _, number = release_id.rpartition(".")
        return 0 < int(number) <= self._given().get(month, 0) if _ID.fullmatch(release_id) else False

    def path(self, release_id: str) -> Path:
        return self.folder / "releases" / release_id / DATABASE

    def report(self, release_id: str) -> Path:
        return self.folder / "releases" / release_id / "report.html"

    # -- making -------------------------------------------------------------------------------------------------------

    def fingerprint(self, inputs: Iterable[Input]) -> str:
        """What a build depends on: the snapshots, and every file that turns them into figures."""
        used = [
            f"{i.table.id}={i.snapshot.snapshot_id}\n"
            + (f"{stated.model_dump_json()}\n" if (stated := i.table.stated_status) else "")
            for i in sorted(inputs, key=lambda i: i.table.id)
        ]
        asked = [
            f"{file.name}={file_sha256(file)}\n" for file in (sorted(self.asked.glob("*.yml")) if self.asked else [])
        ]
        return hashlib.sha256("".join([*used, *asked, self.code(), self.mark]).encode()).hexdigest()

    def code(self) -> str:
        """SHA-256 over all that turns snapshots into figures: every file, the user's own indicators, who this data centre is,
        and the engine."""
        sha = hashlib.sha256()
        for file in sorted(
            f
            for folder in ("dbt_project", "warehouse", "expectations", "ingest/sources/seen")
            for f in (PROJECT / folder).rglob("*")
            # What serves a release does not make it. By the path in the project: where that lies says nothing.
            if f.suffix in (".sql", ".yml", ".csv", ".py")
            and not {"target", "serve"} & set(f.relative_to(PROJECT).parts)
        ):
            sha.update(f"{file.relative_to(PROJECT)}\n".encode())
            sha.update(file.read_bytes())
        for file in sorted(self.own.glob("*.yml")) if self.own else []:
            sha.update(f"{file.name}\n".encode())
            sha.update(file.read_bytes())
        sha.update(here().model_dump_json().encode())
        sha.update(version("duckdb").encode())
        return sha.hexdigest()

    def is_new(self, inputs: list[Input]) -> bool:
        """Whether a build would differ from the newest release (also after a rollback to an earlier one)."""
        newest = next(reversed(self.all()), None)
        return newest is None or newest.fingerprint != self.fingerprint(inputs)

    def next_id(self, at: datetime) -> str:
        """The id of a release that is made at this moment."""
        month = f"{at.year}.{at.month}"
        return f"{month}.{self._given().get(month, 0) + 1}"

    def give(self, at: datetime) -> str:
        """The same, given for good: no other release gets it, whatever becomes of this one. Only with the run lock."""
        release_id = self.next_id(at)
        self.remember(release_id)
        return release_id

    def remember(self, *given: str) -> None:
        """Write down which numbers are given: these, and all that can be told from what is here."""
        record(self.folder / LAST, self._given(given))

    def _given(self, more: Iterable[str] = ()) -> dict[str, int]:
        """The highest number of each month: as it is written down, and where that is lost as the names here tell."""
        given: dict[str, int] = {}
        with suppress(FileNotFoundError, Damaged):
            given = {month: int(number) for month, number in read_record(self.folder / LAST, "", strict=True).items()}
        names = [f.name for f in self.folder.glob("releases/*")] + [f.stem for f in self.folder.glob("records/*.json")]
        for name in filter(_ID.fullmatch, [*names, *more, self.pointed_to() or ""]):
            month, number = name.rsplit(".", 1)
            given[month] = max(given.get(month, 0), int(number))
        return given

    def plan(self, inputs: list[Input], known_at: datetime, corrections: int = 0, base: Release | None = None) -> Plan:
        """Write down what a build is to be made from.

        :param base: the release that it goes on from; None makes the whole.
        """
        plan = Plan.of(inputs, known_at.isoformat(), self.code(), self.fingerprint(inputs), corrections)
        return replace(plan, base=base.release_id, depth=base.depth + 1) if base else plan

    def rollback(self, release_id: str) -> Release:
        """Make an earlier release current.

        :raises ReleaseError: there is no such release, or its file is not what was released.
        """
        release = self.checked(release_id)
        self.point_to(release_id)
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

    def matching(self, public: Release, closed: Collection[str]) -> Release | None:
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
        sweep(self.folder)
        sweep(self.folder / "records")
        self.levels.sweep()
        self._undo()
        for release in self.all():  # one of before there were records
            self.note(release.release_id)
        if not (self.folder / LAST).exists() and self.folders():
            self.remember()
        with suppress(Damaged):
            if current := self.current():
                self.point_to(current.release_id)

    def record(self, release_id: str) -> dict[str, Path]:
        """Where a file of a release is kept once more: what it knows about itself, and the sums of its files."""
        folder = self.folder / "records"
        return {"release.json": folder / f"{release_id}.json", "SHA256SUMS": folder / f"{release_id}.sums"}

    def note(self, release_id: str) -> None:
        """Keep those once more."""
        for name, copy in self.record(release_id).items():
            file = self.path(release_id).with_name(name)
            if not copy.exists() and file.is_file():
                write(copy, file.read_bytes())

    def forget(self, release_id: str) -> None:
        for copy in self.record(release_id).values():
            copy.unlink(missing_ok=True)

    def making(self) -> str | None:
        """The release that is being made or removed, or was when that run was killed."""
        try:
            return str(read_record(self.folder / MAKING, "", strict=True)["release_id"])
        except (FileNotFoundError, Damaged, KeyError, TypeError):
            return None

    def _undo(self) -> None:
        if (release_id := self.making()) is None:
            return
        folder = self.folder / "releases" / release_id
        if _ID.fullmatch(release_id):
            shutil.rmtree(folder.with_name(f".{release_id}"), ignore_errors=True)
            if self.current_file.exists() and _same(folder / DATABASE, self.current_file):
                self.point_to(release_id)
            elif folder.is_dir() and not (folder / PROMOTED).exists():
                shutil.rmtree(folder)
                self.forget(release_id)
        (self.folder / MAKING).unlink()

    def point_to(self, release_id: str) -> None:
        """Make a release current, by a copy: would the two share their bytes, then one bad sector took both."""
        kept, beside = self.path(release_id), self.folder / f".{DATABASE}.{release_id}-{uuid.uuid4().hex[:8]}.part"
        if not (self.current_file.is_file() and _same(kept, self.current_file, copied=True)):
            try:
                shutil.copy2(kept, beside)
                fsync(beside)
                beside.replace(self.current_file)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise
        record(self.folder / CURRENT, {"release_id": release_id})
        _mark(self.folder / "releases" / release_id)

    def keep_again(self, release_id: str) -> None:
        """Make the kept copy of the current release anew, from the current file and the record of what was released."""
        folder = self.folder / "releases" / release_id
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f".{DATABASE}-{uuid.uuid4().hex[:8]}.part"
        shutil.copy2(self.current_file, beside)
        fsync(beside)
        beside.replace(folder / DATABASE)
        if not (folder / "release.json").exists():
            write(folder / "release.json", self.record(release_id)["release.json"].read_bytes())
        _mark(folder)

    def recorded(self, sha256: str) -> str | None:
        """The release of which a file with this content is, by the records."""
        for file in self.folder.glob("records/*.json"):
            with suppress(OSError, ValueError, TypeError):
                if (release := Release(**json.loads(file.read_bytes()))).sha256 == sha256:
                    return release.release_id
        return None

    def prune(self) -> None:
        """Keep the last ``keep`` releases, and the current one whatever its age."""
        current = self.current()
        for release in self.all()[: -self.keep]:
            if current is None or release.release_id != current.release_id:
                folder = self.folder / "releases" / release.release_id
                record(self.folder / MAKING, {"release_id": release.release_id})
                # From here on it is no release any more: one that is removed by half must not be taken for one.
                (folder / PROMOTED).unlink()
                shutil.rmtree(folder)
                self.forget(release.release_id)
                (self.folder / MAKING).unlink()


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
    """What a release knows about itself; None when it is being made, was just removed, or is damaged."""
    try:
        found = Release(**json.loads((folder / "release.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.release_id == folder.name else None


def _order(release_id: str) -> tuple[int, ...]:
    return tuple(map(int, release_id.split(".")))


def _same(a: Path, b: Path, copied: bool = False) -> bool:
    """Whether two files are one, or one a copy of the other, by its size and time.

    :param copied: one file by two names does not count.
    """
    try:
        one, other = a.stat(), b.stat()
    except OSError:
        return False
    if (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino):
        return not copied
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)
