"""Room for what is only needed while a process lives: ``$RDC_HOME/tmp/<process>/``, gone with it however it ends.

Everything that asks for a temporary folder gets one in there, also libraries. A process that is killed can't tidy up after
itself; the next one does that. Whether a process is alive is told by a lock that the operating system lets go of.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ingest.storage import durable
from ingest.storage.paths import is_plain


@contextmanager
def claimed(home: Path) -> Iterator[None]:
    """Temporary folders lie in the data folder as long as this lasts. Where nothing can be written there, they lie where they
    always do. May be nested."""
    if tempfile.tempdir and Path(tempfile.tempdir).is_relative_to(home / "tmp"):
        yield
        return
    try:
        made = _claim(home) if is_plain(home) else None
    except OSError:
        made = None
    if made is None:
        yield
        return
    folder, lock = made
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before[0]
        if before[1] is None:
            os.environ.pop("TMPDIR", None)
        else:
            os.environ["TMPDIR"] = before[1]
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".lock").unlink(missing_ok=True)
        os.close(lock)


def _claim(home: Path) -> tuple[Path, int]:
    root = durable.folder(home / "tmp", 0o700)
    sweep(home)
    while True:
        folder = root / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        file = folder.with_suffix(".lock")
        lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another process that sweeps may have been quicker, and taken it for one of a dead process.
            if file.stat().st_ino == os.fstat(lock).st_ino:
                folder.mkdir(0o700)
                return folder, lock
        except (BlockingIOError, FileNotFoundError):
            pass
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def sweep(home: Path) -> None:
    """Remove what processes left that are no more."""
    for file in (home / "tmp").glob("*.lock"):
        with suppress(OSError):
            lock = os.open(file, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(file.with_suffix(""), ignore_errors=True)
                file.unlink(missing_ok=True)
            finally:
                os.close(lock)
