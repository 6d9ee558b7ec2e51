"""A file at a URL as a source."""

from __future__ import annotations

from typing import Any

from ingest.attempt import Attempt, attempt
from ingest.declaration import Table
from ingest.home import Home
from ingest.outcome import FETCHED, UNCHANGED, Outcome
from ingest.source import Progress, Source
from ingest.table.landing import changed, land


class TableAtUrl(Source):
    """A file that a publisher has on the web."""

    group = "table"

    def plan(self, home: Home, table: Table, scope: str | None) -> Outcome:
        def look(own: Attempt) -> Outcome:
            last = home.store.newest(table.id)
            if last and not home.store.changed(last) and not changed(table, own, home.client, last, scope):
                facts: dict[str, Any] = {
                    "snapshot_id": last.snapshot_id,
                    "rows": last.row_count,
                    "modified": last.modified,
                }
                return own.outcome(UNCHANGED, seconds=None, **facts)
            return own.outcome(FETCHED, seconds=None)

        return attempt(table.id, look)

    def land(self, home: Home, table: Table, progress: Progress, scope: str | None) -> Outcome:
        return attempt(table.id, lambda own: land(table, own, home.store, home.client, progress, scope))

    def cell_url(self, home: Home, table: Table, keys: dict[str, str], measure: str) -> str | None:
        return table.at.url if table.at else None


SOURCE = TableAtUrl()
