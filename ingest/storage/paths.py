"""Paths as others read them: in a URL, in a database's own name for its log.

A data folder may be called anything. A URL takes what follows a ``?`` or ``#`` for something else, and Dagster, dbt and Great
Expectations each make a URL of a path. So a file that one of these opens is named through a link whose name has nothing of the
kind (:func:`plain`); and a database that is written to lies where its path has no
``?`` (:func:`for_duckdb`).
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import uuid
from pathlib import Path

_ODD = re.compile(r"[^\w./~+=,: -]")


def is_plain(path: Path) -> bool:
    """Whether a path means the same to everyone who reads it."""
    return _ODD.search(str(path)) is None


def plain(path: Path) -> Path:
    """The same file by a path that means the same to everyone: itself, or through a link beside other temporary files.

    The link is kept: its name follows from the folder's, and whoever comes next finds it again.
    """
    if is_plain(path):
        return path
    path = path.absolute()
    last = max(n for n, part in enumerate(path.parts) if _ODD.search(part))
    odd = Path(*path.parts[: last + 1])
    link = _own_folder() / hashlib.sha256(os.fsencode(odd)).hexdigest()[:16]
    if not (link.is_symlink() and link.readlink() == odd):
        beside = link.with_name(f"{link.name}.{uuid.uuid4().hex[:8]}")
        beside.symlink_to(odd)
        beside.replace(link)
    return link.joinpath(*path.parts[last + 1 :])


def for_duckdb(folder: Path) -> Path:
    """The folder itself, or one beside other temporary files where DuckDB can't write: it puts the name of its log before a ``?``,
    also when the folder is named through a link."""
    if "?" not in str(folder):
        return folder
    made = _own_folder() / f"{hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]}-work"
    made.mkdir(mode=0o700, exist_ok=True)
    return made


def _own_folder() -> Path:
    """A folder that nobody else can put a link in."""
    folder = Path(tempfile.gettempdir()) / f"rdc-links-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    stat = folder.lstat()
    if folder.is_symlink() or stat.st_uid != os.getuid() or stat.st_mode & 0o077:
        return Path(tempfile.mkdtemp(prefix="rdc-links-"))
    return folder
