"""The drop folder ``$RDC_HOME/drop/<contract>``: which files lie there, whole, and which are left alone for now."""

from __future__ import annotations

import os
import re
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from ingest.files.sheet import MOST_BYTES
from ingest.settings import number
from ingest.storage import durable

#: Where the reports for the sender are put, inside the drop folder.
REPORTS = "verslagen"
_UNFINISHED = re.compile(r"(?i).*\.(part|partial|tmp|crdownload|opdownload|download|filepart|aria2|swp|lock)")
#: What programs leave beside the files that people put there: hidden files and locks of Excel (~$) and LibreOffice (.~lock),
#: pictures and settings of a folder, shortcuts, copies of an editor.
_LEFT = re.compile(
    r"(?i)[.~].*|.*~|#.*#|(ehthumbs(_vista)?|thumbs)\.db(:encryptable)?|desktop\.ini|zbthumbnail\.info|icon[\r?]|picasa\.ini"
    r"|.*\.(lnk|url|webloc|desktop|stackdump)|.* - (snelkoppeling|shortcut)"
)


@dataclass(frozen=True)
class DroppedFile:
    """A file in the drop folder. ``settled`` is False while it may still be written."""

    path: Path
    settled: bool


def settle_seconds() -> float:
    """How long a file must be unchanged (``RDC_DROP_SETTLE_SECONDS``)."""
    return number("RDC_DROP_SETTLE_SECONDS", 10.0, 0)


def shut(folder: Path) -> int:
    """Close a drop folder for all who have no business there, and say which mode a report in it gets.

    What lies here is personal data. A group may read and write where it was let in on purpose, which the right to write tells;
    others never.
    """
    found = folder.stat()
    shared = bool(found.st_mode & stat.S_IWGRP)
    if found.st_uid == os.geteuid():
        folder.chmod(stat.S_IMODE(found.st_mode) & (0o7770 if shared else 0o7700))
    return durable.PRIVATE | 0o040 if shared else durable.PRIVATE


def look(folder: Path) -> list[DroppedFile]:
    """The files of a drop folder, the oldest first. What programs leave, folders and links are not deliveries."""
    if not folder.is_dir():
        return []
    found = []
    now, wait = time.time(), settle_seconds()
    for entry in os.scandir(folder):
        if _LEFT.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
            continue
        if _UNFINISHED.fullmatch(entry.name):
            found.append((0.0, entry.name, DroppedFile(Path(entry.path), settled=False)))
            continue
        facts = entry.stat(follow_symlinks=False)
        # A clock that runs ahead on the sender's side must not hold a file up for ever.
        settled = not (0 <= now - facts.st_mtime < wait)
        found.append((facts.st_mtime, entry.name, DroppedFile(Path(entry.path), settled)))
    return [item for _, _, item in sorted(found, key=lambda f: f[:2])]


def read(file: Path) -> bytes | None:
    """The whole file, or of one that is too large as much as tells that; None when it changed under our hands or is gone."""
    try:
        with file.open("rb") as stream:
            before = os.fstat(stream.fileno())
            data = stream.read(MOST_BYTES + 1)
        after = file.stat()
    except OSError:
        return None
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return data if same and len(data) == min(after.st_size, MOST_BYTES + 1) else None
