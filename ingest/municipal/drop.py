"""The drop folder ``$RDC_HOME/drop/<contract>``: which files lie there, whole, and which are left alone for now."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

#: Where the reports for the sender are put, inside the drop folder.
REPORTS = "verslagen"
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", ".swp", ".lock")


@dataclass(frozen=True)
class Found:
    """A file in the drop folder. ``settled`` is False while it may still be written."""

    path: Path
    settled: bool


def settle_seconds() -> float:
    """How long a file must be unchanged (``RDC_DROP_SETTLE_SECONDS``)."""
    return float(os.environ.get("RDC_DROP_SETTLE_SECONDS", "10"))


def look(folder: Path) -> list[Found]:
    """The files of a drop folder, the oldest first. Hidden files, temporary ones, folders and links are not deliveries."""
    if not folder.is_dir():
        return []
    found = []
    now, wait = time.time(), settle_seconds()
    for entry in os.scandir(folder):
        if entry.name.startswith((".", "~$")) or not entry.is_file(follow_symlinks=False):
            continue
        if entry.name.lower().endswith(_UNFINISHED):
            found.append((0.0, entry.name, Found(Path(entry.path), settled=False)))
            continue
        stat = entry.stat(follow_symlinks=False)
        # A clock that runs ahead on the sender's side must not hold a file up for ever.
        settled = not (0 <= now - stat.st_mtime < wait)
        found.append((stat.st_mtime, entry.name, Found(Path(entry.path), settled)))
    return [item for _, _, item in sorted(found, key=lambda f: f[:2])]


def read(file: Path) -> bytes | None:
    """The whole file; None when it changed under our hands or is gone."""
    try:
        before = file.stat()
        data = file.read_bytes()
        after = file.stat()
    except OSError:
        return None
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns) and len(data) == after.st_size
    return data if same else None
