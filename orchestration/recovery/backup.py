"""``rdc backup``: the data folder once more elsewhere, whole and of one moment, beside whatever is going on in it.

What is large is written once and never changed, so it is copied first, while runs, service and readers go on. Then the lock of the
one writer is taken, for as long as it takes to look at every file again and copy what changed since: seconds. So a backup is of a
moment at which no run was half done. A run that is going on is waited for.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from ingest.project import version
from ingest.settings import Settings
from ingest.storage.durable import Damaged
from orchestration import home_format, show
from orchestration.recovery import kept
from orchestration.recovery.repository import Backup, BackupError, Kept, Repository
from orchestration.writer import writing
from warehouse.releases.release import Releases

#: How often a file is read that changes under our hands.
_TRIES = 3


def backup(settings: Settings, folder: Path, keep: int | None = None) -> tuple[Backup, int]:
    """Back the data folder up; the backup, and how many bytes of it were not there before.

    :param keep: keep so many of the newest backups; all where it is None.
    :raises BackupError: there is no data folder, or the backup can't be there.
    """
    home, into = settings.home, Repository(folder)
    if kept.is_empty(home):
        raise BackupError(f"{home} has no data to back up. RDC_HOME says which folder is meant.")
    if into.folder.is_relative_to(home) or home.is_relative_to(into.folder):
        raise BackupError(f"{into.folder} is not apart from {home}. Name a folder elsewhere, best on another disk.")
    with into.writing():
        known = {file.path: file for made in into.all()[-1:] for file in made.files}
        copied = _Copied(into, known)
        copied.take(home)
        with writing(home, f"rdc backup {into.folder}", waiting=show.note):
            files, folders, left_out = copied.take(home)
            made = Backup(
                into.next_number(),
                datetime.now(UTC).isoformat(timespec="seconds"),
                version(),
                home_format.of(home),
                _releases(settings),
                folders,
                files,
                left_out,
            )
        into.add(made)
        if keep is not None:
            into.keep(keep)
    return made, copied.new


class _Copied:
    """What of a data folder is in the repository by now.

    :param known: files of the backup before. One that has its size and time still is the same, and is not read again.
    """

    def __init__(self, into: Repository, known: dict[str, Kept]) -> None:
        self._into, self._known, self.new = into, known, 0

    def take(self, home: Path) -> tuple[list[Kept], dict[str, int], dict[str, str]]:
        """Copy what is not there yet: the files, the folders with their rights, and what can't be had with the reason."""
        files, folders, left_out = [], {".": home.stat().st_mode & 0o7777}, {}
        for one in kept.found(home):
            if one.why:
                left_out[one.path] = one.why
            elif one.is_folder:
                folders[one.path] = one.facts.st_mode & 0o7777
            elif (file := self._file(one)) is not None:
                files.append(file)
            elif one.place.exists():
                left_out[one.path] = "it changed while it was read"
        self._known = {file.path: file for file in files}
        return files, folders, left_out

    def _file(self, one: kept.Found) -> Kept | None:
        known, facts = self._known.get(one.path), one.facts
        if known and (known.bytes, known.mtime_ns) == (facts.st_size, facts.st_mtime_ns):
            there = self._into.content(known.sha256)
            if there.is_file() and there.stat().st_size == known.bytes:
                return Kept(known.path, known.sha256, known.bytes, facts.st_mode & 0o7777, known.mtime_ns)
        with suppress(FileNotFoundError):  # removed since
            for _ in range(_TRIES):
                before = one.place.stat()
                sha256, size = self._put(one.place)
                after = one.place.stat()
                # A log that grows is whole up to where it was read; anything else that changed may be two halves.
                if _state(before) == _state(after) or (one.path.endswith(".jsonl") and before.st_ino == after.st_ino):
                    return Kept(one.path, sha256, size, before.st_mode & 0o7777, before.st_mtime_ns)
        return None

    def _put(self, file: Path) -> tuple[str, int]:
        sha256, size, is_new = self._into.put(file)
        self.new += size if is_new else 0
        return sha256, size


def _state(facts: os.stat_result) -> tuple[int, int, int]:
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _releases(settings: Settings) -> dict[str, str]:
    found = {}
    for level in ("public", *settings.restricted):
        with suppress(Damaged):
            if current := Releases(settings.releases(level)).current():
                found[level] = current.release_id
    return found
