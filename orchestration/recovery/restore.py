"""``rdc restore``: a data folder again from a backup, whole or not at all.

A backup is read and compared before anything is written, and every file once more as it is written. As long as it is going on
the data folder says so (:mod:`orchestration.home_format`), and no other command works in it; a restore that was killed is begun again
with the same command.
"""

from __future__ import annotations

import os
import uuid
from itertools import islice
from pathlib import Path

from ingest.settings import Settings
from ingest.storage import durable
from orchestration import home_format
from orchestration.recovery import kept
from orchestration.recovery.repository import Backup, BackupError, Kept, Repository, copy
from orchestration.writer import holding

#: How many damaged files a message names.
_NAMED = 5


def restore(settings: Settings, folder: Path, number: int | None = None) -> Backup:
    """Lay a backup down in an empty data folder; the backup.

    :raises BackupError: there is none, it is damaged, a newer version made it, or the data folder has data.
    """
    home, of = settings.home, Repository(folder)
    of.check_form()
    backup = of.get(number)
    if why := home_format.newer(backup.home_format, backup.version):
        raise BackupError(f"Backup {backup.number} in {of.folder} can't be restored. {why}")
    mark = {"folder": str(of.folder), "number": backup.number, "made_at": backup.made_at}
    _may_be_laid_down(home, mark)
    if damaged := list(islice(of.damaged(backup), _NAMED + 1)):
        more = " and more" if len(damaged) > _NAMED else ""
        raise BackupError(
            f"Backup {backup.number} in {of.folder} is damaged: {'; '.join(damaged[:_NAMED])}{more}. Nothing was restored. Put back a "
            f"copy of that file, or restore an earlier backup: `rdc restore {of.folder} --list` shows which there are."
        )
    home.mkdir(parents=True, exist_ok=True)
    with holding(home, f"rdc restore {of.folder}"):
        _may_be_laid_down(home, mark)
        durable.record(home / home_format.RESTORING, mark, durable.PRIVATE)
        for path in sorted(backup.folders):
            durable.folder(home / path, 0o700)
        shared: dict[str, Path] = {}
        for file in backup.files:
            _lay_down(home, of, file, shared)
        for path, mode in sorted(backup.folders.items(), reverse=True):
            durable.sweep(home / path)
            (home / path).chmod(mode)
            durable.fsync(home / path)
        (home / home_format.RESTORING).unlink()
        durable.fsync(home)
    return backup


def _may_be_laid_down(home: Path, mark: dict[str, object]) -> None:
    begun = home_format.restoring(home)
    if begun == mark:
        return
    if begun is not None:
        raise BackupError(
            f"{home} has a part of backup {begun.get('number')} of {begun.get('folder')}. Restore that one to its end, or empty the folder."
        )
    if not kept.is_empty(home):
        raise BackupError(f"{home} has data in it. A backup is restored into an empty folder: set RDC_HOME to one.")


def _lay_down(home: Path, of: Repository, file: Kept, shared: dict[str, Path]) -> None:
    """A file as it was. Snapshots of a table share equal files, as they did; all others have bytes of their own."""
    target = home / file.path
    beside = target.with_name(f".{target.name[:100]}.{uuid.uuid4().hex[:8]}.part")
    parts = file.path.split("/")
    key = f"{parts[1]}/{file.sha256}" if parts[0] == "snapshots" and len(parts) > 3 else ""
    try:
        if key in shared and not _linked(shared[key], beside):
            del shared[key]
        if key not in shared:
            found, _ = copy(of.content(file.sha256), beside, file.mode)
            if found != file.sha256:
                raise BackupError(f"{of.content(file.sha256)} ({file.path}) is not as it was laid down. Begin again.")
            os.utime(beside, ns=(file.mtime_ns, file.mtime_ns))
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    if key:
        shared[key] = target


def _linked(there: Path, name: Path) -> bool:
    try:
        os.link(there, name)
    except OSError:  # a file system without hard links, or too many of them
        return False
    return True
