"""StatLine's two services as sources."""

from __future__ import annotations

from datetime import date

from ingest.attempt import Attempt, attempt
from ingest.declaration import Table
from ingest.home import Home
from ingest.outcome import FETCHED, UNCHANGED, Outcome
from ingest.scope import in_scope
from ingest.snapshot import Snapshot
from ingest.source import Progress, Source
from ingest.statline import service
from ingest.statline.announced import announced_in
from ingest.statline.landing import land, unchanged


class StatLine(Source):
    """A service of CBS, or of a third party that publishes as CBS does."""

    group = "statline"
    kinds = frozenset({"json", "parquet"})

    def plan(self, home: Home, table: Table, scope: str | None) -> Outcome:
        def look(own: Attempt) -> Outcome:
            head = service(table, home.settings, home.client).head(table)
            own.modified = head.modified
            last = home.store.newest(table.id)
            if last and not home.store.changed(last) and unchanged(last, head, in_scope(table, last, scope)):
                return own.outcome(UNCHANGED, snapshot_id=last.snapshot_id, rows=last.row_count, seconds=None)
            return own.outcome(FETCHED, seconds=None)

        return attempt(table.id, look)

    def land(self, home: Home, table: Table, progress: Progress, scope: str | None) -> Outcome:
        return land(table, home.settings, home.store, home.client, progress, scope)

    def cell_url(self, home: Home, table: Table, keys: dict[str, str], measure: str) -> str | None:
        return service(table, home.settings, home.client).cell_url(table, keys, measure)

    def announced(self, snapshot: Snapshot) -> tuple[date, date] | None:
        return announced_in(snapshot.file("metadata.json.zst"))


V3 = V4 = StatLine()
