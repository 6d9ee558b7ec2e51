"""Where backups are: a folder of plain files, in which each content is there once, under its SHA-256.

Layout::

    rdc-backups.json        which form this has
    objects/ab/abcdef…      a content, by its SHA-256; written once, never changed
    backups/000001.json     one backup: every file by path, with size, rights, time and SHA-256, under a checksum of its own

A backup exists when its record does, which is written last. What a killed backup left is contents that no record names.
Everything here is for its owner alone: it has what is not for everyone.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock, Timeout

from ingest.errors import MendableError
from ingest.storage import durable
from ingest.storage.durable import PRIVATE, Damaged
from ingest.verified import file_sha256

MARK, OBJECTS, BACKUPS, LOCK = "rdc-backups.json", "objects", "backups", ".lock"
#: The form of this folder.
FORM = 1
_ANOTHER = "Restore another one: `rdc restore DIR --list` shows which there are, `--backup NUMBER` takes one."


class BackupError(MendableError):
    """A backup that can't be made, found or trusted; the message says what to do."""


@dataclass(frozen=True)
class Kept:
    """A file as it was: ``mode`` its rights, ``mtime_ns`` when it was last changed."""

    path: str
    sha256: str
    bytes: int
    mode: int
    mtime_ns: int


@dataclass(frozen=True)
class Backup:
    """One backup.

    :param version: of the project that made it; ``home_format`` is the form of the data folder.
    :param releases: the current release of each sharing level.
    :param folders: folder → rights; the data folder itself is ``.``.
    :param left_out: what is not in it, and why.
    """

    number: int
    made_at: str
    version: str
    home_format: int
    releases: dict[str, str]
    folders: dict[str, int]
    files: list[Kept]
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


class Repository:
    """The backups in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()

    # -- reading ------------------------------------------------------------------------------------------------------

    def check_form(self) -> None:
        """:raises BackupError: this is no folder of backups, or one of a form that this version does not know."""
        try:
            form = durable.read_record(self.folder / MARK, "Put back a copy of it.", strict=True)["form"]
        except FileNotFoundError:
            raise BackupError(f"{self.folder} has no backups. Make one with `rdc backup {self.folder}`.") from None
        if form != FORM:
            raise BackupError(f"{self.folder} has backups of form {form}, this version knows {FORM}. Use a newer rdc.")

    def all(self) -> list[Backup]:
        """Every backup that can be read, oldest first."""
        found = []
        for file in sorted((self.folder / BACKUPS).glob("[0-9]*.json")):
            try:
                found.append(self._read(file))
            except BackupError:
                continue
        return found

    def get(self, number: int | None) -> Backup:
        """The backup of a number, or the newest.

        :raises BackupError: it is not there, or its record is damaged.
        """
        files = sorted((self.folder / BACKUPS).glob("[0-9]*.json"))
        if number is not None:
            files = [file for file in files if int(file.stem) == number]
        if not files:
            which = "no backup yet" if number is None else f"no backup {number}; `rdc restore {self.folder} --list`"
            raise BackupError(f"{self.folder} has {which}.")
        return self._read(files[-1])

    def _read(self, file: Path) -> Backup:
        try:
            facts = durable.read_record(file, _ANOTHER, strict=True)
            backup = Backup(**facts | {"files": [Kept(**kept) for kept in facts["files"]]})
        except (Damaged, TypeError, KeyError) as error:
            raise BackupError(str(error) if isinstance(error, Damaged) else f"{file}: {error}. {_ANOTHER}") from error
        # Whoever can write here could make a restore write elsewhere, or read what is no content of a backup.
        for path in (*backup.folders, *(kept.path for kept in backup.files)):
            if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
                raise BackupError(f"{file} names {path!r}, which lies outside a data folder. {_ANOTHER}")
        for kept in backup.files:
            if not re.fullmatch(r"[0-9a-f]{64}", kept.sha256):
                raise BackupError(f"{file} has no SHA-256 of {kept.path}, but {kept.sha256!r}. {_ANOTHER}")
        return backup

    def content(self, sha256: str) -> Path:
        return self.folder / OBJECTS / sha256[:2] / sha256

    def damaged(self, backup: Backup) -> Iterator[str]:
        """What of a backup is not as it was laid down, by name."""
        known: dict[str, bool] = {}
        for kept in backup.files:
            file = self.content(kept.sha256)
            if kept.sha256 not in known:
                known[kept.sha256] = file.is_file() and file_sha256(file) == kept.sha256
            if not known[kept.sha256]:
                what = "changed" if file.is_file() else "gone"
                yield f"{kept.path} ({file.relative_to(self.folder)} is {what})"

    # -- writing ------------------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the one that writes here.

        :raises BackupError: another is, or the folder is something else's.
        """
        if self.folder.is_dir() and not (self.folder / MARK).exists() and any(self.folder.iterdir()):
            known = {OBJECTS, BACKUPS, LOCK}  # what a killed first backup may have left
            if not {f.name for f in self.folder.iterdir() if not f.name.endswith(".part")} <= known:
                raise BackupError(
                    f"{self.folder} has other things in it. Name an empty folder, or one that is not there."
                )
        durable.folder(self.folder, 0o700)
        try:
            lock = FileLock(self.folder / LOCK, mode=PRIVATE)
            lock.acquire(timeout=0)
        except Timeout:
            raise BackupError(f"Another backup is being made in {self.folder}. Try again when it is done.") from None
        try:
            for folder in (self.folder, self.folder / BACKUPS):
                durable.sweep(folder)
            for left in (self.folder / OBJECTS).glob("*/.*.part"):
                left.unlink()
            if not (self.folder / MARK).exists():
                durable.record(self.folder / MARK, {"form": FORM}, PRIVATE)
            self.check_form()
            yield
        finally:
            lock.release()

    def put(self, source: Path) -> tuple[str, int, bool]:
        """Keep the content of a file; its SHA-256, its size, and whether it is new. What is there already is not written again."""
        there = self.content(file_sha256(source))
        if there.is_file() and there.stat().st_size == source.stat().st_size:
            return there.name, there.stat().st_size, False
        folder = durable.folder(self.folder / OBJECTS, 0o700)
        beside = durable.folder(folder / there.name[:2], 0o700) / f".{uuid.uuid4().hex[:8]}.part"
        try:
            sha256, size = copy(source, beside, PRIVATE)
            target = self.content(sha256)  # a log may have grown since
            durable.folder(target.parent, 0o700)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
        durable.fsync(target.parent)
        return sha256, size, True

    def add(self, backup: Backup) -> None:
        """Write the record of a backup: from here on it exists."""
        durable.record(self._record(backup), asdict(backup), PRIVATE)

    def keep(self, most: int) -> int:
        """Keep the newest backups, and the contents that they name; how many older ones went."""
        old = sorted((self.folder / BACKUPS).glob("[0-9]*.json"))[:-most]
        if not old:
            return 0
        # Read before anything is removed: a record that can't be read says not what it needs.
        needed = {
            kept.sha256
            for file in sorted((self.folder / BACKUPS).glob("[0-9]*.json"))[-most:]
            for kept in self._read(file).files
        }
        for file in old:
            file.unlink()
        durable.fsync(self.folder / BACKUPS)
        for file in (self.folder / OBJECTS).glob("*/*"):
            if file.name not in needed:
                file.unlink()
        return len(old)

    def next_number(self) -> int:
        return 1 + max((int(file.stem) for file in (self.folder / BACKUPS).glob("[0-9]*.json")), default=0)

    def _record(self, backup: Backup) -> Path:
        return self.folder / BACKUPS / f"{backup.number:06d}.json"


def copy(source: Path, target: Path, mode: int) -> tuple[str, int]:
    """Copy a file to one that is not there yet, onto the disk; the SHA-256 and the size of what was copied."""
    sha, size = hashlib.sha256(), 0
    with (
        source.open("rb") as read,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as out,
    ):
        while block := read.read(1 << 20):
            sha.update(block)
            size += len(block)
            out.write(block)
        os.fchmod(out.fileno(), mode)
        out.flush()
        os.fsync(out.fileno())
    return sha.hexdigest(), size


def as_listed(backup: Backup) -> dict[str, Any]:
    """What is told of a backup."""
    facts = asdict(backup) | {"files": len(backup.files), "bytes": backup.bytes}
    del facts["folders"]
    return facts
