"""One writer: who works in a data folder, from the first byte that is fetched to the release, whoever started it."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ingest.errors import MendableError
from ingest.snapshot import now
from ingest.storage import durable
from ingest.storage.scratch import claimed
from orchestration import home_format

LOCK, WRITER, SIGNS = ".run.lock", ".run.json", ".alive"
#: How often one that waits looks whether it is still the same one that it waits for.
LOOK_SECONDS = 5.0


class BusyError(MendableError):
    """Another process works in the data folder."""


@contextmanager
def writing(
    home: Path, what: str, waiting: Callable[[str], None] | None = None, go_on: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Be the one process that writes in ``home``, as long as this lasts. Within that process it may be nested.

    The operating system frees the lock when the process ends, however it ends.

    :param what: what is being done, for those who have to wait.
    :param waiting: wait as long as it takes, and tell this for whom; without it nobody waits.
    :param go_on: called now and then while waiting; raises where it is to end.
    :raises BusyError: another process has it; the message says which, since when, and what it does.
    :raises HomeError: this version can't work in the folder (:mod:`orchestration.home_format`).
    """
    home.mkdir(parents=True, exist_ok=True)
    with claimed(home), holding(home, what, waiting, go_on):
        home_format.begin(home)
        yield


@contextmanager
def holding(
    home: Path, what: str, waiting: Callable[[str], None] | None = None, go_on: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """The lock alone, whatever form the data folder has: for one that makes the folder."""
    # A singleton is shared by all in this process who hold it; it is let go when the last of them lets go.
    lock = FileLock(home / LOCK, is_singleton=True, thread_local=False)
    told = None
    while True:
        try:
            lock.acquire(timeout=LOOK_SECONDS if waiting else 0)
            break
        except Timeout:
            by = _writer(home)
            if waiting is None:
                raise BusyError(
                    f"Another run is working in {home}: {by}. Wait until it has finished, then try again."
                ) from None
            go_on()
            if by != told:
                told = by
                waiting(f"Waiting, since another run is working in {home}: {by}.")
    try:
        if lock.lock_counter == 1:
            if (home / WRITER).is_dir():
                durable.set_aside(home, home / WRITER)
            content = {"pid": os.getpid(), "since": now(), "what": what}
            durable.write(home / WRITER, json.dumps(content, ensure_ascii=False))
        yield
    finally:
        if lock.lock_counter == 1:
            (home / WRITER).unlink(missing_ok=True)
        lock.release()


def _writer(home: Path) -> str:
    """Who works there, as it said itself; what a killed process left of itself is overwritten by the next."""
    try:
        content = json.loads((home / WRITER).read_text(encoding="utf-8"))
        since = datetime.fromisoformat(content["since"]).astimezone()
        return f"{content['what']} (process {content['pid']}, since {since:%Y-%m-%d %H:%M})"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has only just begun"


# -- signs of life ----------------------------------------------------------------------------------------------------

_signs: dict[tuple[int, Path], FileLock] = {}


def sign_of_life(home: Path) -> str:
    """The name of a file that this process holds locked until it ends: better than its number, which another may get."""
    mine = (os.getpid(), home)
    if mine not in _signs:
        folder = home / SIGNS
        if folder.is_file():
            durable.set_aside(home, folder)
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.iterdir():
            lives(home, left.name)
        while mine not in _signs:
            lock = FileLock(folder / f"{os.getpid()}-{uuid.uuid4().hex[:12]}", thread_local=False)
            with suppress(Timeout):
                lock.acquire(timeout=0)
                # One that tidies up may have been quicker, and taken it for the sign of a dead process.
                if Path(lock.lock_file).is_file():
                    _signs[mine] = lock
    return Path(_signs[mine].lock_file).name


def lives(home: Path, sign: str) -> bool:
    """Whether the process that gave this sign of life is still there; the sign of one that is gone is removed."""
    file = home / SIGNS / sign
    if not file.is_file():
        return False
    lock = FileLock(file, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    file.unlink(missing_ok=True)
    lock.release()
    return False
