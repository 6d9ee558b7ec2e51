"""Boundaries as a source: asked for once a month, as no address of PDOK says whether a year's edition changed."""

from __future__ import annotations

from datetime import UTC, datetime

from ingest.attempt import Attempt, attempt
from ingest.boundaries.asking import answers_at
from ingest.boundaries.landing import declared, land
from ingest.declaration import Table
from ingest.home import Home
from ingest.outcome import FETCHED, UNCHANGED, Outcome
from ingest.snapshot import Snapshot
from ingest.source import Progress, Source

#: A year's edition is corrected once or twice, and a new year comes in spring.
DAYS_BETWEEN = 30


class Boundaries(Source):
    """PDOK's boundaries of areas by year."""

    group = "boundaries"
    figures = False

    def plan(self, home: Home, table: Table, scope: str | None) -> Outcome:
        def look(own: Attempt) -> Outcome:
            last = home.store.newest(table.id)
            if last and not home.store.changed(last) and not _due(home, table, last):
                own.modified = last.modified
                return own.outcome(UNCHANGED, seconds=None, snapshot_id=last.snapshot_id, rows=last.row_count)
            # Who can't be reached says so now, before a run is started for it. A year that is there for certain.
            answers_at(home.client, home.settings.pdok_url, datetime.now(UTC).year - 1)
            return own.outcome(FETCHED, seconds=None)

        return attempt(table.id, look)

    def land(self, home: Home, table: Table, progress: Progress, scope: str | None) -> Outcome:
        return attempt(table.id, lambda own: land(home, table, own, progress))


def _due(home: Home, table: Table, last: Snapshot) -> bool:
    if last.stamp.get("declared") != declared(table):
        return True
    # An attempt that took no time asked nobody.
    asked = [
        o.at
        for o in home.outcomes.all()
        if o.table_id == table.id and o.seconds is not None and o.result in (FETCHED, UNCHANGED)
    ]
    then = datetime.fromisoformat(max(asked, default=last.fetched_at))
    return (datetime.now(UTC) - then).days >= DAYS_BETWEEN


SOURCE = Boundaries()
