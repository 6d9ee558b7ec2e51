"""The releases that are open for reading, and which of them is current.

A release is opened once and stays so as long as it is asked for. A request takes what it needs from one of them and keeps
that until its answer is out; a release that was put away closes when the last request lets go of it.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from ingest.settings import DATABASE
from ingest.sql import literal
from ingest.storage.durable import Damaged
from warehouse.reading.published import Published
from warehouse.releases.release import Release, ReleaseError, Releases
from warehouse.sharing.access import LEVELS, Access, Scope, delivered, levels_of
from warehouse.sharing.closing import Levels

T = TypeVar("T")


@dataclass
class Opened:
    """One release, open. Its connection is never used itself: each question has a cursor of its own."""

    release: Release
    folder: Path
    con: duckdb.DuckDBPyConnection
    base: Published
    levels: dict[str, str]
    municipal: set[str]
    history: Levels
    _access: dict[tuple[str, int], Access] = field(default_factory=dict)
    _attached: dict[str, str] = field(default_factory=dict)
    _once: dict[type, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def release_id(self) -> str:
        return self.release.release_id

    @property
    def created_at(self) -> datetime:
        return datetime.fromisoformat(self.release.created_at).astimezone(UTC)

    def access(self, current: Opened) -> Access:
        """Its sharing levels; those that came since where they are stricter."""
        state = (current.release_id, self.history.count)
        with self._lock:
            if state not in self._access:
                self._access.clear()
                self._access[state] = Access.of(self.con.cursor(), self.today(current))
            return self._access[state]

    def once(self, what: type[T], make: Callable[[], T]) -> T:
        """What holds for the whole release, whoever asks: made at the first question, and kept as long as it is open."""
        with self._lock:
            if what not in self._once:
                self._once[what] = make()
            found: T = self._once[what]
            return found

    def today(self, current: Opened) -> dict[str, str]:
        """The levels of its source tables as they hold today."""
        return self.history.levels(self.levels, self.municipal, self.release_id, current.levels)

    def tightened(self, current: Opened) -> bool:
        """Whether something that was public when it was released may not be seen by everyone today."""
        now = self.today(current)
        return any(level == LEVELS[0] != now[table] for table, level in self.levels.items())

    def closed(self, current: Opened, scope: Scope) -> set[str]:
        """The source tables that were closed since it was made, and are not for this scope."""
        now, reach = self.today(current), LEVELS.index(scope.level)
        return {t for t, level in self.levels.items() if level != now[t] and LEVELS.index(now[t]) > reach}

    def listing(self, current: Opened, scope: Scope) -> Published:
        """What it has by name, for a scope: nothing of what was closed since."""
        closed = self.closed(current, scope)
        return replace(self.base, con=self.con.cursor()).without(closed) if closed else self.base

    def attach(self, other: Opened) -> str:
        """The name under which another release can be read beside this one."""
        with self._lock:
            if other.release_id not in self._attached:
                alias = "release_" + other.release_id.replace(".", "_")
                self.con.execute(f"attach {literal(other.folder / DATABASE)} as {alias} (read_only)")
                self._attached[other.release_id] = alias
            return self._attached[other.release_id]


class Libraries:
    """A library per series of releases: the public one, and those of the levels that are kept apart.

    What is not public is not in the public releases at all: partners and each municipality have a series of their own in
    ``warehouse/restricted/<level>``, which holds what is more open besides. Who asks gets the most closed series within
    reach that has a release; what may be seen of it is judged figure by figure all the same.
    """

    def __init__(self, warehouse: Path, memory: str, seconds: float) -> None:
        self.warehouse, self.memory, self.seconds = warehouse, memory, seconds
        self._libraries: dict[str, Library] = {}
        self._lock = threading.Lock()

    @property
    def public(self) -> Library:
        return self._library("public", self.warehouse)

    def of(self, scope: Scope) -> Library:
        own = scope.municipalities if scope.level == LEVELS[2] and len(scope.municipalities) == 1 else ()
        for level in (*(m for m in own if m != "*"), *((LEVELS[1],) if scope.level != LEVELS[0] else ())):
            folder = self.warehouse / "restricted" / level
            if Releases(folder).current_file.is_file():
                return self._library(level, folder)
        return self.public

    def close(self) -> None:
        with self._lock:
            for library in self._libraries.values():
                library.close()
            self._libraries.clear()

    def _library(self, level: str, folder: Path) -> Library:
        with self._lock:
            if level not in self._libraries:
                self._libraries[level] = Library(Releases(folder), self.memory, seconds=self.seconds)
            return self._libraries[level]


class Library:
    """Opens releases, follows the current one, and ends questions that take too long.

    :param memory: what DuckDB may use per open release, such as ``512MB``; at most :attr:`most_open` are open.
    :param seconds: a question that takes longer is ended.
    """

    most_open = 4

    def __init__(self, releases: Releases, memory: str = "512MB", threads: int = 2, seconds: float = 60) -> None:
        self.releases = releases
        self.memory, self.threads, self.seconds = memory, threads, seconds
        self.history = Levels(releases.folder)
        self._scratch = tempfile.TemporaryDirectory(prefix="rdc-serve-")
        self.scratch = Path(self._scratch.name)
        self._opened: OrderedDict[str, Opened] = OrderedDict()
        self._current: Opened | None = None
        self._seen: tuple[int, int, int] | None = None
        self._lock = threading.RLock()
        #: The cursors of questions that are being answered, and when each began.
        self._running: dict[duckdb.DuckDBPyConnection, float] = {}
        self._watching = threading.Lock()
        self._closing = threading.Event()
        threading.Thread(target=self._watch, daemon=True, name="rdc-serve-watch").start()

    def close(self) -> None:
        self._closing.set()
        with self._lock:
            self._opened.clear()
            self._current = None
        self._scratch.cleanup()

    # -- releases -----------------------------------------------------------------------------------------------------

    def current(self) -> Opened:
        """The current release. Costs one look at the file's directory entry, as long as it stays the same.

        :raises ReleaseError: there has been none yet.
        """
        try:
            stat = self.releases.current_file.stat()
            seen = (stat.st_dev, stat.st_ino, stat.st_mtime_ns)
        except FileNotFoundError:
            seen = None
        if self._current is not None and seen in (self._seen, None):
            return self._current
        with self._lock:
            if self._current is not None and seen == self._seen:
                return self._current
            try:
                release = self.releases.current()
                if release is not None:
                    self._current = self._open(release)
                    self._seen = seen
            except Damaged as error:
                if self._current is None:
                    raise ReleaseError(str(error)) from error
            except (OSError, duckdb.Error, ReleaseError):
                if self._current is None:
                    raise
            if self._current is None:
                raise ReleaseError("There is no release yet. Make one with `rdc run`.")
            return self._current

    def get(self, release_id: str | None) -> Opened:
        """A release that is kept, or the current one.

        :raises ReleaseError: there is none of this id.
        """
        current = self.current()
        if release_id is None or release_id == current.release_id:
            return current
        with self._lock:
            if (
                release_id in self._opened and not self.releases.path(release_id).is_file()
            ):  # Put away: whoever reads it goes on, and nobody begins.
                self._opened.pop(release_id, None)
            return self._open(self.releases.get(release_id))

    def _open(self, release: Release) -> Opened:
        if release.release_id in self._opened:
            self._opened.move_to_end(release.release_id)
            return self._opened[release.release_id]
        file = self.releases.path(release.release_id)
        con = duckdb.connect(str(file), read_only=True, config={"memory_limit": self.memory, "threads": self.threads})
        try:
            self._confine(con)
            base = Published(con, release.release_id)
            _ = (
                base.tables,
                base.indicators,
                base.themes,
                base.columns_of,
                base.region_codes,
                base.period_codes,
                base.places,
            )
            opened = Opened(release, file.parent, con, base, levels_of(con), delivered(con), self.history)
        except duckdb.Error:
            con.close()
            raise
        self._opened[release.release_id] = opened
        while len(self._opened) > self.most_open:
            self._opened.popitem(last=False)
        return opened

    def _confine(self, con: duckdb.DuckDBPyConnection) -> None:
        """From here on the file is all that can be read, with its sisters beside it, and scratch all that can be written."""
        [(confined,)] = con.execute("select current_setting('lock_configuration')").fetchall()
        if confined:  # A question still runs on the release since it was last open: DuckDB has one instance per file.
            return
        folders = ", ".join(literal(f"{f}/") for f in (self.scratch, self.releases.folder))
        con.execute(f"set temp_directory = {literal(self.scratch / 'spill')}")
        con.execute(f"set allowed_directories = [{folders}]")
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")

    # -- questions ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def asking(self, opened: Opened, scope: Scope) -> Iterator[Published]:
        """What a release publishes to a scope, on a cursor of its own that is watched until the question is answered."""
        current, cursor = self.current(), opened.con.cursor()
        try:
            found = opened.base.on(cursor, scope, opened.access(current), self.scratch)
            self.begin(found)
            yield found.without(opened.closed(current, scope))
        finally:
            with self._watching:
                self._running.pop(cursor, None)
            cursor.close()

    def begin(self, published: Published) -> None:
        """Its time starts (again): what it waited for others is not its own."""
        with self._watching:
            self._running[published.con] = time.monotonic()

    @property
    def running(self) -> int:
        """How many questions are being answered."""
        with self._watching:
            return len(self._running)

    def _watch(self) -> None:
        while not self._closing.wait(1):
            late = time.monotonic() - self.seconds
            with self._watching:
                for cursor in [c for c, started in self._running.items() if started < late]:
                    del self._running[cursor]
                    with contextlib.suppress(duckdb.Error):
                        cursor.interrupt()
