"""What was closed since a release was made: it stays closed in that release, however it is read.

``levels.json`` in the warehouse folder keeps, for every source that is or once was not simply everyone's, each sharing level
that it had, in the order in which they came, and of each release how many of these came before it. So what a release may
show is decided by order and not by a clock: the least open of its own level and of all that came after it. A release that
is not in the file counts as older than all. A file that is lost or can't be read is made again from the releases on disk,
with the least open level that a source has in any of them.

To open a source again is possible, for releases made from then on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from ingest.settings import DATABASE
from ingest.sql import literal
from ingest.storage import durable
from warehouse.sharing.access import LEVELS, Access, Scope, delivered, known, least_open, levels_of, levels_since

FILE = "levels.json"


@dataclass(frozen=True)
class Closed:
    """A source that a release has, and that those whom the release is for may not see any more."""

    table: str
    level: str
    at: str | None = None

    def __str__(self) -> str:
        since = f" since {self.at[:10]}" if self.at else ""
        return f"{self.table} ({self.level}{since})"


class Levels:
    """The sharing levels through time, for one series of releases.

    :param folder: of the series: the warehouse folder, or ``restricted/<level>`` in it.
    """

    def __init__(self, folder: Path) -> None:
        restricted = folder.parent.name == "restricted"
        self.root = folder.parent.parent if restricted else folder
        self.series = folder.name if restricted else "public"
        self.file = self.root / FILE
        self._held: tuple[Any, dict[str, Any]] | None = None

    @property
    def scope(self) -> Scope:
        """What those may see for whom this series is."""
        if self.series.startswith("GM"):
            return Scope(LEVELS[2], (self.series,))
        return Scope(self.series)

    # -- writing: only with the run lock ------------------------------------------------------------------------------

    def note(self, levels: Mapping[str, str | None], municipal: Collection[str], complete: bool = False) -> None:
        """Write down the levels that sources have now.

        :param municipal: the sources that municipalities deliver; of the others only a level that is not public is kept.
        :param complete: these are all sources there are: one that was known and is not declared any more is closed.
        """
        state = self._state()
        last = {event["table"]: event["level"] for event in state["events"]}
        now = {t: known(level or LEVELS[0]) for t, level in levels.items()}
        now = {t: level for t, level in now.items() if t in last or t in municipal or level != LEVELS[0]}
        if complete:
            now |= {t: LEVELS[-1] for t in last if t not in levels}
        new = {t: level for t, level in now.items() if last.get(t) != level}
        if new or (state["events"] and _read(self.file) is None):
            at = datetime.now(UTC).isoformat(timespec="seconds")
            state["events"] += [{"at": at, "table": t, "level": level} for t, level in sorted(new.items())]
            self._write(state)

    def made(self, release_id: str) -> None:
        """Write down that a release is made now; before anyone can see it."""
        state = self._state()
        kept = {f"{series}/{folder.name}" for series, folder in self._releases()}
        state["releases"] = {r: n for r, n in state["releases"].items() if r in kept}
        state["releases"][f"{self.series}/{release_id}"] = len(state["events"])
        self._write(state)

    def damage(self) -> str:
        """What is wrong with the file; nothing where it can be used, or is not there."""
        return "it does not say who may see what" if self.file.exists() and _read(self.file) is None else ""

    def recall(self) -> None:
        """Make the file again from the releases that are here."""
        self._write(self._recalled())

    def sweep(self) -> None:
        """Remove what a killed run left half-written."""
        for left in self.root.glob(f".{FILE}.*"):
            left.unlink(missing_ok=True)

    def _write(self, state: dict[str, Any]) -> None:
        if self.file.exists() and _read(self.file) is None:
            durable.set_aside(self.root.parent, self.file)
        self.root.mkdir(parents=True, exist_ok=True)
        durable.record(self.file, state, durable.PRIVATE)  # It names what is not for everyone.
        self._held = None

    # -- reading ------------------------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many changes of level there were; tells one state of who may see what from the next."""
        return len(self._state()["events"])

    def since(self, release_id: str) -> dict[str, Closed]:
        """The least open level that each source had since a release was made, and when it came to have it."""
        state = self._state()
        found: dict[str, Closed] = {}
        for event in state["events"][state["releases"].get(f"{self.series}/{release_id}", 0) :]:
            before = found.get(event["table"])
            if before is None or LEVELS.index(event["level"]) > LEVELS.index(before.level):
                found[event["table"]] = Closed(event["table"], event["level"], event["at"])
        return found

    def levels(
        self,
        own: Mapping[str, str],
        municipal: Collection[str],
        release_id: str,
        current: Mapping[str, str | None] | None = None,
    ) -> dict[str, str]:
        """The levels of a release's sources as they hold today.

        :param own: those that it was made with; ``municipal``: which of its sources municipalities delivered.
        :param current: the levels of the current release of the series.
        """
        since = self.since(release_id)
        held = levels_since(own, municipal, current) if current is not None else own
        return {t: least_open([level, since[t].level]) if t in since else level for t, level in held.items()}

    def closed(self, own: Mapping[str, str], today: Mapping[str, str], release_id: str) -> list[Closed]:
        """The sources that this series could show when the release was made, and may not show today."""
        since, reach = self.since(release_id), LEVELS.index(self.scope.level)
        return [
            Closed(t, today[t], since[t].at if t in since else None)
            for t, level in sorted(own.items())
            if LEVELS.index(level) <= reach < LEVELS.index(today[t])
        ]

    def closed_in(self, con: duckdb.DuckDBPyConnection, release_id: str) -> list[Closed]:
        """The same for a released file that is open."""
        if not has_levels(con):
            return []
        own = levels_of(con)
        return self.closed(own, self.levels(own, delivered(con), release_id), release_id)

    def closed_in_file(self, file: Path, release_id: str) -> list[Closed]:
        with duckdb.connect() as con:
            con.execute(f"attach {literal(file)} as looked_at (read_only); use looked_at")
            return self.closed_in(con, release_id)

    # -- the file -----------------------------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        try:
            stat = self.file.stat()
            stamp: Any = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        except OSError:
            stamp = [(f.stat().st_ino, f.name) for _, f in self._releases()]
        if self._held is None or self._held[0] != stamp:
            found = _read(self.file) if isinstance(stamp, tuple) else None
            self._held = (stamp, found or self._recalled())
        state = self._held[1]
        return {"events": list(state["events"]), "releases": dict(state["releases"])}

    def _recalled(self) -> dict[str, Any]:
        """The file made again from the releases that are there: the least open level of each source holds for all but the newest
        release of each series, which was made with the levels of its day. A source that the newest has no more was closed."""
        seen: dict[str, list[str]] = {}
        newest: dict[str, tuple[tuple[int, ...], str]] = {}
        there: dict[tuple[str, str], set[str]] = {}
        for series, folder in self._releases():
            at = tuple(int(part) for part in folder.name.split("."))
            newest[series] = max(newest.get(series, ((), "")), (at, folder.name))
            for table, level, municipal in _levels_in(folder / DATABASE):
                there.setdefault((series, folder.name), set()).add(table)
                if municipal or level != LEVELS[0]:
                    seen.setdefault(table, []).append(level)
        for series, (_, name) in newest.items():
            for table in set().union(*(t for (s, _), t in there.items() if s == series)) & set(seen):
                if table not in there.get((series, name), ()):
                    seen[table].append(LEVELS[-1])
        events = [{"at": None, "table": t, "level": least_open(found)} for t, found in sorted(seen.items())]
        return {"events": events, "releases": {f"{s}/{name}": len(events) for s, (_, name) in newest.items()}}

    def _releases(self) -> Iterable[tuple[str, Path]]:
        for series, folder in [
            ("public", self.root),
            *((f.name, f) for f in sorted((self.root / "restricted").glob("*"))),
        ]:
            for release in sorted(folder.glob("releases/[0-9]*")):
                if release.name.replace(".", "").isdigit() and (release / DATABASE).is_file():
                    yield series, release


def _read(file: Path) -> dict[str, Any] | None:
    """What the file says; None where it does not say anything that can be used."""
    try:
        found = durable.read_record(file, "")
        for event in found["events"]:
            if event["level"] not in LEVELS or not isinstance(event["table"], str) or "at" not in event:
                return None
        return found if all(isinstance(n, int) for n in found["releases"].values()) else None
    except (OSError, durable.Damaged, KeyError, TypeError, AttributeError):
        return None


def _levels_in(file: Path) -> list[tuple[str, str, bool]]:
    """Source, level and whether a municipality delivered it, of a released file; nothing of one that can't be read: whoever
    reads it finds out."""
    try:
        with duckdb.connect() as con:
            con.execute(f"attach {literal(file)} as looked_at (read_only); use looked_at")
            if not has_levels(con):
                return []
            municipal = delivered(con)
            return [(t, level, t in municipal) for t, level in levels_of(con).items()]
    except duckdb.Error:
        return []


def has_levels(con: duckdb.DuckDBPyConnection) -> bool:
    found = con.execute(
        "select count(*) from duckdb_columns() where database_name = current_database() and schema_name = 'core' "
        "and table_name = 'table' and column_name in ('sharing_level', 'protocol')"
    ).fetchall()
    return found == [(2,)]


def access(con: duckdb.DuckDBPyConnection, levels: Levels, release_id: str) -> Access:
    """Who may see what of a released file that is open, by the levels of today."""
    own = levels_of(con)
    return Access.of(con, levels.levels(own, delivered(con), release_id))


def indicators_only_of(con: duckdb.DuckDBPyConnection, closed: Collection[str], alias: str | None = None) -> set[str]:
    """The indicators that have no figure but from sources that were closed: their very names tell of these."""
    if not closed:
        return set()
    term = f"{alias}.core.indicator_term" if alias else "core.indicator_term"
    found = con.execute(
        f"select indicator_id from (select indicator_id, binding_id, bool_or(list_contains($closed, table_id)) as is_closed "
        f"from {term} group by all) group by indicator_id having bool_and(is_closed)",
        {"closed": sorted(closed)},
    ).fetchall()
    return {name for (name,) in found}
