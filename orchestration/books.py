"""Dagster's SQLite files, written without the detours that Dagster makes at each of a run's thousand events."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: The files that are kept open, by their name, and how many have asked for that.
_kept: dict[str, sqlite3.Connection] = {}
_asked = 0


@contextmanager
def quick() -> Iterator[None]:
    """As long as a run lasts.

    Dagster opens a file anew for each event, and SQLite syncs the disk at every commit and once more when the last connection
    closes: a tenth of a run, far more on a busy disk. So one connection more stays open, and what is committed is synced with the
    next checkpoint: in WAL mode a killed process loses nothing by that (https://www.sqlite.org/pragma.html#pragma_synchronous).
    """
    from sqlalchemy import Engine, event

    global _asked
    _reuse_engines()
    if not _asked:
        event.listen(Engine, "connect", _opened)
    _asked += 1
    try:
        yield
    finally:
        _asked -= 1
        if not _asked:
            event.remove(Engine, "connect", _opened)
            while _kept:
                _kept.popitem()[1].close()


def _opened(connection: Any, _: object) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.execute("pragma synchronous = normal")
    file = connection.execute("pragma database_list").fetchone()[2]
    if file and file not in _kept and connection.execute("pragma journal_mode").fetchone()[0] == "wal":
        _kept[file] = sqlite3.connect(file, check_same_thread=False)
        _kept[file].execute("select count(*) from sqlite_schema").fetchone()


def _reuse_engines() -> None:
    """Let Dagster have one SQLAlchemy engine per file. It makes one for each time that it opens the file, and one that is new compiles
    every statement anew: a third of what Dagster itself costs a run. None of them holds a connection, so one that is used again
    differs in nothing else. Where Dagster is built otherwise this does nothing.
    """
    from dagster._core.storage.event_log.sqlite import sqlite_event_log
    from dagster._core.storage.runs.sqlite import sqlite_run_storage

    for storage in (sqlite_event_log, sqlite_run_storage):
        make = getattr(storage, "create_engine", None)
        if make is not None and not isinstance(make, _Engines):
            storage.create_engine = _Engines(make)  # type: ignore[attr-defined]


class _Engines:
    """The engines that ``create_engine`` made, by their file. A run has a file of its own: those of the last few are enough."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self._made: dict[str, Any] = {}

    def __call__(self, url: str, **options: Any) -> Any:
        made = self._made.get(key := f"{url} {options}")
        if made is None:
            if len(self._made) >= 8:
                self._made.clear()
            made = self._made[key] = self._make(url, **options)
        return made
