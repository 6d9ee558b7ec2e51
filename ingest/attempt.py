"""The one place where what a source does becomes a table's outcome.

Whatever comes (an error of any library, at any request, for any bytes) is written down as what became of that table, and the
other tables go on. Only what is about this process and not about the source passes: a stop, an exit, no memory.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ingest.errors import MendableError
from ingest.http import FetchError, UnreachableError
from ingest.outcome import FAILED, FETCHED, UNREACHABLE, Outcome
from ingest.snapshot import Snapshot, fetched_anew, now
from ingest.words import shown

T = TypeVar("T")

#: Our own words have the whole address in them, and that of a slice may name 150 regions.
_LONG = 20_000


class LandingError(Exception):
    """A table that arrived but can't be used: which table, what was expected, what came."""


@dataclass
class Attempt:
    """One attempt at a table, and what is known of it so far."""

    table_id: str
    at: str = field(default_factory=now)
    started: float = field(default_factory=time.monotonic)
    #: What the source says of its last change, once it said so.
    modified: str | None = None

    def outcome(self, result: str, reason: str = "", **facts: Any) -> Outcome:
        facts = {"modified": self.modified, "seconds": time.monotonic() - self.started} | facts
        return Outcome(self.table_id, self.at, result, reason, **facts)

    def fetched(self, snapshot: Snapshot, size: int, last: Snapshot | None, spoilt: list[str]) -> Outcome:
        """A snapshot came of it.

        :param size: bytes as received.
        :param spoilt: files of the snapshot before it that were changed on disk, which is told.
        """
        return self.outcome(
            FETCHED,
            fetched_anew(last, spoilt) if last and spoilt else "",
            snapshot_id=snapshot.snapshot_id,
            modified=snapshot.modified,
            rows=snapshot.row_count,
            bytes=size,
        )

    def failed(self, error: BaseException, quote: bool = True) -> Outcome:
        """What an error makes of it.

        :param quote: whether the error's own words may be told; those about a municipal delivery may be about people.
        """
        host = urlsplit(error.url).netloc if isinstance(error, FetchError) else None
        cause = shown(error.cause) if isinstance(error, FetchError) else None
        if isinstance(error, UnreachableError):
            return self.outcome(UNREACHABLE, shown(str(error), _LONG), host=host, cause=cause)
        return self.outcome(FAILED, f"{self.table_id}: {in_words(error, quote)}", host=host, cause=cause)


def attempt(table_id: str, take: Callable[[Attempt], Outcome], quote: bool = True) -> Outcome:
    """What ``take`` says became of a table, or what it broke off with."""
    own = Attempt(table_id)
    outcome, error = tried(lambda: take(own))
    if error is not None:
        return own.failed(error, quote)
    assert outcome is not None
    return outcome


def tried(take: Callable[[], T]) -> tuple[T, None] | tuple[None, BaseException]:
    """What ``take`` gives, or the error that it broke off with. What is about this process passes."""
    try:
        return take(), None
    except BaseException as error:
        if passes(error):
            raise
        return None, error


def passes(error: BaseException) -> bool:
    """Whether an error is about this process and not about a source."""
    # A library in Rust that panics raises what is no Exception, so that nobody catches it by accident.
    return isinstance(error, MemoryError) or not (
        isinstance(error, Exception) or type(error).__module__ == "pyo3_runtime"
    )


def in_words(error: BaseException, quote: bool = True) -> str:
    """An error in words: our own as they are, those that nobody foresaw with their kind and place."""
    if isinstance(error, MendableError | LandingError):
        return shown(_words(error), _LONG)
    if failure := _of_this_machine(error):
        where = f" ({shown(_words(error), 300)})" if quote else ""
        return f"this machine failed, and not the source: {failure}{where}. Nothing of it was taken"
    said = f" ({shown(_words(error), 300)})" if quote else ""
    return (
        f"what the source sent could not be used: {type(error).__name__} at {_place(error)}{said}. Nothing of it was taken. "
        "Please report this"
    )


def of_this_machine(error: BaseException) -> bool:
    """Whether a disk or the memory failed, whatever the source sent."""
    return _of_this_machine(error) is not None


def _of_this_machine(error: BaseException) -> str | None:
    """What failed here; None where nothing did."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    import duckdb  # not for those who need no engine

    if isinstance(error, duckdb.OutOfMemoryException):
        return "the memory that the engine may take was not enough"
    return "the engine could not read or write its files" if isinstance(error, duckdb.IOException) else None


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # also the words of an error can be an error
        return ""


def _place(error: BaseException) -> str:
    """Where it came up: the last line of ours that it passed, and the line that raised it where that is another's."""
    frames = [(Path(f.filename), f.lineno) for f in traceback.extract_tb(error.__traceback__)]
    own = [f for f in frames if "site-packages" not in f[0].parts]
    places = dict.fromkeys(f"{path.name}:{line}" for path, line in [*own[-1:], *frames[-1:]])
    return ", ".join(places) or "?"
