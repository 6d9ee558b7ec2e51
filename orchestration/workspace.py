"""The data folder as the recipe sees it: its sources, snapshots and releases, for whom a release is, and who may write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.declaration import Table
from ingest.home import Home
from ingest.municipal.drop import REPORTS
from ingest.outcome import Outcomes
from ingest.registry import Registry
from ingest.settings import Settings
from ingest.snapshot import Snapshot, Store
from ingest.source import source_of
from ingest.storage import durable
from ingest.storage.clock import Clock, ClockError
from ingest.storage.durable import Damaged, set_aside
from orchestration.writer import writing
from warehouse.making.candidate import Candidate
from warehouse.releases.release import Releases

if TYPE_CHECKING:
    from warehouse.registry.indicators import Registry as IndicatorRegistry
    from warehouse.registry.interventions import Written

#: Who may see a release: everyone, the partners of the data center, or one municipality (by its code).
PUBLIC, PARTNERS = "public", "partners"


@dataclass
class Workspace(Home):
    """Everything that a run works with, made from the settings.

    :param level: for whom the release is. Each level but ``public`` has a series of releases of its own, in
        ``warehouse/restricted/<level>``, so that what is not public never comes near the public file.
    """

    releases: Releases
    level: str = PUBLIC

    @classmethod
    def open(cls, settings: Settings | None = None, level: str = PUBLIC) -> Workspace:
        settings = settings or Settings.from_env()
        return cls(
            settings=settings,
            registry=Registry.load(settings.own_sources),
            store=Store(settings.snapshots),
            releases=Releases(settings.releases(level), own=settings.own_indicators, asked=settings.own_interventions),
            outcomes=Outcomes(settings.snapshots),
        ).at(level)

    def at(self, level: str) -> Workspace:
        """The same data folder, seen by others."""
        settings = self.settings
        releases = Releases(
            settings.releases(level),
            own=settings.own_indicators,
            asked=settings.own_interventions,
            mark=self.clock.mark,
        )
        return replace(self, level=level, releases=releases)

    def sees(self, table: Table) -> bool:
        """Whether a table may be in a release of this level. What is for fewer people never is."""
        return table.sharing_level in (None, PUBLIC) or (
            self.level != PUBLIC and (table.sharing_level == PARTNERS or table.municipality == self.level)
        )

    @property
    def indicators(self) -> IndicatorRegistry:
        """The indicators of a release of this level: the project's, and the user's own that it may have.

        :raises IndicatorError: a definition can't be used.
        """
        from warehouse.registry.indicators import load

        return load(own=self.settings.own_indicators, closed=self.closed)

    @property
    def interventions(self) -> tuple[list[Written], list[str]]:
        """The policy choices whose effect a release of this level tells of, and what is wrong with those that can't be used."""
        from warehouse.registry.interventions import FOLDER, read

        return read([FOLDER, self.settings.own_interventions], self.indicators)

    @property
    def closed(self) -> set[str]:
        """The tables that a release of this level may know nothing of."""
        return {t.id for t in self.registry.tables.values() if not self.sees(t)}

    def levels(self) -> list[str]:
        """The levels that there is something for: ``public``, and each for which a table has a snapshot."""
        closed = [t for t in self.registry.tables.values() if t.sharing_level not in (None, PUBLIC)]
        return [
            PUBLIC,
            *sorted(
                {t.municipality or PARTNERS for t in closed if self.store.good(t.id)}, key=lambda lv: lv != PARTNERS
            ),
        ]

    def withheld(self) -> list[dict[str, Any]]:
        """What the current releases, of every level that there is something for, do not have as the registry does not fit their
        tables: rows of ``core.withheld``, each once."""
        found = []
        for level in self.levels():
            current = self.at(level).releases.current()
            found += [item for item in (current.withheld if current else []) if item not in found]
        return found

    @property
    def candidate(self) -> Candidate:
        return Candidate(self.releases.folder)

    @property
    def audit_file(self) -> Path:
        return self.candidate.folder / "audit.json"

    @property
    def refused_report(self) -> Path:
        """The quality report of the last candidate that was refused."""
        return self.releases.folder / "refused.html"

    @property
    def scratch(self) -> Path:
        """dbt's own output; may be thrown away at any time."""
        return self.settings.home / "dbt"

    def selected(self, ids: tuple[str, ...]) -> list[Table]:
        """The tables that a run looks after: those named, or else all that are not on request, and those that are and
        were asked for or delivered before.

        :raises RegistryError: an id is not declared.
        """
        named = self.registry.select(ids)
        return [t for t in named if ids or not t.on_request or self.store.newest(t.id) or source_of(t).waits(self, t)]

    @contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """Be the one process that writes in this data folder; see :func:`orchestration.writer.writing`.

        Whatever it writes, it writes down first who may see what: a source that is closed in its declaration is closed from the
        next such command on, in every release that there is.
        """
        with writing(self.settings.home, what):
            self._look_at_the_clock()
            self.note_levels()
            try:
                yield
            finally:
                with suppress(OSError):  # what went wrong inside is what is to be told
                    self.saw(datetime.now(UTC))

    def note_levels(self) -> None:
        """Write down the sharing level of every source: what is closed is so from here on. Only with the lock."""
        tables = self.registry.tables.values()
        delivered = {t.id for t in tables if source_of(t).private}
        self.releases.levels.note({t.id: t.sharing_level for t in tables}, delivered, complete=True)

    def _look_at_the_clock(self) -> None:
        home = self.settings.home
        try:
            before = Clock.read(home)
        except Damaged as error:
            set_aside(home, error.path)
            before = Clock()
        if before.highest is None:
            before = replace(before, highest=self._last_moment())
        before.seen(datetime.now(UTC)).write(home)

    def saw(self, moment: datetime) -> None:
        """Remember the latest moment that something was marked with."""
        before = self.clock
        if (after := before.seen(moment)) != before:
            after.write(self.settings.home)

    def clock_is_right(self) -> tuple[Clock, bool]:
        """Someone says so; what is known of the clock now, and whether something is corrected by that."""
        before = self.clock
        newest = {t.name: s.sequence for t in self.store.root.glob("*/") if (s := self.store.newest(t.name))}
        after = before.right(datetime.now(UTC), newest)
        after.write(self.settings.home)
        return after, len(after.corrections) > len(before.corrections)

    def _last_moment(self) -> str | None:
        """The latest moment that is told in the data folder."""
        told = [datetime.fromisoformat(r.created_at) for r in self.at(PUBLIC).releases.all()]
        for folder in self.store.root.glob("*/*-*Z-*/"):
            with suppress(ValueError, IndexError):
                told.append(datetime.strptime(folder.name.rsplit("-", 2)[1] + "+0000", "%Y%m%dT%H%M%S%fZ%z"))
        return max(told).isoformat() if told else None

    def sweep(self) -> None:
        """Clear what a killed run left. Only with the lock."""
        self.store.sweep()
        for folder in (self.settings.home, self.store.root):
            durable.sweep(folder, seconds=60)
        for folder in (*self.store.root.glob("*/"), *self.settings.drop.glob(f"*/{REPORTS}/")):
            durable.sweep(folder)
        for level in {*self.levels(), *self.settings.restricted}:
            self.at(level).releases.sweep()


def prunable(work: Workspace, days: float) -> list[Snapshot]:
    """The snapshots that nothing needs any more: older than so many days, used by no release and by no figure of its
    history, and neither the newest nor the last good one of their table.

    :raises ClockError: how old they are can't be told.
    """
    from warehouse.reading.reader import reading

    if why := work.clock_is_wrong():
        raise ClockError(f"Nothing is removed for its age while the clock can't be trusted. {why}")
    old = [
        snapshot
        for folder in sorted(work.store.root.glob("*/"))
        for snapshot in work.store.all(folder.name)
        if (datetime.now(UTC) - datetime.fromisoformat(snapshot.fetched_at)).total_seconds() > days * 86_400
    ]
    if not old:
        return []
    needed = {
        kept.snapshot_id
        for table_id in {snapshot.table_id for snapshot in old}
        for kept in (work.store.newest(table_id), work.store.good(table_id))
        if kept
    }
    # Of every series that is there: also one whose sources are declared no more.
    for releases in (work.at(level).releases for level in (PUBLIC, *work.settings.restricted)):
        needed |= {used["snapshot_id"] for release in releases.all() for used in release.inputs.values()}
        if releases.current():
            with reading(releases) as reader:
                found_in = reader.rows("select distinct snapshot_id from core.indicator_history")
            needed |= {r["snapshot_id"] for r in found_in}
    return [snapshot for snapshot in old if snapshot.snapshot_id not in needed]
