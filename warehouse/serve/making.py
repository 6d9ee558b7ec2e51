"""Whole tables, each made before any of it leaves, a few at a time.

What belongs here: what bounds the memory of large answers. Making a table takes memory and a processor; sending one takes
neither, however slow its reader is. So it is made at full speed into a file, few at a time, and leaves from there. Who comes
when others wait already is asked to come back: waiting takes a thread, and small questions must have those.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from warehouse.serve.problem import Problem

#: What is smaller than this stays in memory.
_SMALL = 1 << 18
_PIECE = 1 << 18


@dataclass(frozen=True)
class Made:
    """A whole answer, ready to leave.

    :param digest: its SHA-256.
    """

    file: IO[bytes]
    size: int
    digest: bytes

    def pieces(self) -> Iterator[bytes]:
        with self.file:
            while piece := self.file.read(_PIECE):
                yield piece


class Making:
    """:param at_once: how many are made at a time; ``waiting``: how many more may wait, for so many ``seconds``."""

    def __init__(self, at_once: int = 3, waiting: int = 9, seconds: float = 20) -> None:
        self.at_once, self.waiting, self.seconds = at_once, waiting, seconds
        self._places = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._inside = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """:raises Problem: too many wait already, or it took too long (503)."""
        with self._lock:
            if self._inside >= self.at_once + self.waiting:
                raise self._full()
            self._inside += 1
        try:
            if not self._places.acquire(timeout=self.seconds):
                raise self._full()
            try:
                yield
            finally:
                self._places.release()
        finally:
            with self._lock:
                self._inside -= 1

    def _full(self) -> Problem:
        return Problem(
            503,
            f"Er worden al {self.at_once} hele tabellen gemaakt, en andere wachten; probeer het over 10 seconden weer.",
            headers={"Retry-After": "10"},
        )


def spooled(pieces: Iterable[bytes], folder: Path) -> Made:
    """Make all of it, in a file without a name: whatever becomes of the process, nothing of it stays."""
    sha, size = hashlib.sha256(), 0
    file = tempfile.SpooledTemporaryFile(_SMALL, dir=str(folder))  # noqa: SIM115 (it is closed when it has left)
    try:
        for piece in pieces:
            sha.update(piece)
            size += file.write(piece)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return Made(file, size, sha.digest())  # type: ignore[arg-type]
