"""Reading a release: only ever a released file, and only ever read-only.

A handle is opened for one question and closed again. A reader that keeps a handle open does no harm: a new release is
another file under the same name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from ingest.errors import MendableError
from ingest.sql import records
from ingest.words import did_you_mean
from warehouse.places import PlaceError
from warehouse.reading.as_of import as_known_at, moment
from warehouse.reading.published import REFERENCE, Published
from warehouse.releases.release import Release, ReleaseError, Releases
from warehouse.sharing.closing import Closed, Levels, access

SCHEMAS = ("mart", "core")


class NotThereError(MendableError, LookupError):
    """A table, region, period or indicator that the release does not have; the message says what comes near."""


@dataclass
class Reader:
    """One release, open for questions."""

    release: Release
    con: duckdb.DuckDBPyConnection
    folder: Path
    #: The moment that was asked for, when this is not a release but what the history says of a day.
    at: datetime | None = None
    #: Sources that it has, and that those whom the release is for may not see any more.
    closed: list[Closed] = field(default_factory=list)
    levels: Levels | None = None
    #: What whoever asks should know of how the question was understood: which place a name was taken for.
    notices: list[str] = field(default_factory=list)

    @property
    def published(self) -> Published:
        """Its tables as they are published; whoever has the file may see all of it, but for what was closed since."""
        if not self.closed or self.levels is None:
            return Published(self.con, self.release.release_id)
        judged = access(self.con, self.levels, self.release.release_id)
        found = Published(self.con, self.release.release_id, self.levels.scope, judged)
        return found.without({c.table for c in self.closed})

    def needs_nothing_closed(self) -> None:
        """:raises ReleaseError: it has figures that were closed since, which can't be left out of what is asked."""
        if self.closed:
            raise ReleaseError(closed_message(self.release.release_id, self.closed))

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
        return records(self.con.execute(sql, parameters or []))

    def table(self, name: str) -> tuple[str, str]:
        """Schema and name of a released table; ``bevolking`` means ``mart.bevolking``, and ``indicator`` the definitions, as in
        a release's files and at the service.

        :raises NotThereError: with the tables that come nearest.
        """
        known = [
            (schema, table)
            for schema, table in self.con.execute(
                "select schema_name, table_name from duckdb_tables() where schema_name in ('mart', 'core') "
                "and database_name = current_database() "
                "union all select schema_name, view_name from duckdb_views() where schema_name in ('mart', 'core') "
                "and database_name = current_database()"
            ).fetchall()
        ]
        published = [Published.schema_of(name)] if name in REFERENCE else []
        for schema in (*published, *SCHEMAS):
            for found in known:
                if found[0] == schema and name in (found[1], f"{found[0]}.{found[1]}"):
                    return found
        names = sorted(t if s == "mart" else f"{s}.{t}" for s, t in known)
        marts = ", ".join(sorted(t for s, t in known if s == "mart"))
        raise NotThereError(
            f"There is no table {name!r} in release {self.release.release_id}.{did_you_mean(name, names)} "
            f"Standard indicator tables: {marts}."
        )

    def region(self, text: str) -> str:
        """A region's code, from its code or its name.

        :raises NotThereError: unknown, or a name that several regions have.
        """
        try:
            found = self.published.places.find(text)
        except PlaceError as error:
            raise NotThereError(str(error)) from None
        if found.notice:
            self.notices.append(found.notice)
        return found.code

    def period(self, text: str) -> str:
        """A period's code; a bare year means that year (``2024`` → ``2024JJ00``).

        :raises NotThereError: the release has no such period.
        """
        code = text.strip().upper()
        code = f"{code}JJ00" if re.fullmatch(r"\d{4}", code) else code
        known = [r["period_code"] for r in self.rows("select period_code from core.period order by 1")]
        if code in known:
            return code
        near = [k for k in known if k[:4] == code[:4]] or known[-5:]
        raise NotThereError(f"There is no period {text!r}. " + f"Near it: {', '.join(near)}.")

    def indicator(self, text: str) -> str:
        known = {
            r["indicator_id"]: r["name_nl"]
            for r in self.rows("select distinct indicator_id, name_nl from core.indicator")
        }
        if text in known:
            return text
        by_name = {name.casefold(): key for key, name in known.items()}
        if text.casefold() in by_name:
            return by_name[text.casefold()]
        raise NotThereError(
            f"There is no indicator {text!r}.{did_you_mean(text, [*known, *known.values()])}"
            ' All of them: rdc query "select indicator_id, name_nl from core.indicator"'
        )


@contextmanager
def reading(releases: Releases, as_of: str | None = None) -> Iterator[Reader]:
    """Open the current release, an earlier one by its id, or the figures that held on a day (``2026-11-24``).

    :raises ReleaseError: there is no release yet, none with this id, or nothing published yet on that day.
    """
    if as_of and (at := moment(as_of)):
        with _on_day(releases, at) as reader:
            yield reader
        return
    release = releases.get(as_of) if as_of else releases.current()
    if release is None:
        raise ReleaseError("There is no release yet. Make one with `rdc run`.")
    file = releases.path(release.release_id) if as_of else releases.current_file
    con = duckdb.connect(str(file), read_only=True)
    try:
        closed = releases.levels.closed_in(con, release.release_id)
        yield Reader(release, con, releases.path(release.release_id).parent, closed=closed, levels=releases.levels)
    finally:
        con.close()


def closed_message(release_id: str, closed: list[Closed]) -> str:
    return (
        f"Release {release_id} has figures that were closed after it was made: {', '.join(map(str, closed))}. They stay closed. "
        "Ask a release that was made since (`rdc releases` shows which have none); `rdc run` makes one."
    )


@contextmanager
def _on_day(releases: Releases, at: datetime) -> Iterator[Reader]:
    current = releases.current()
    if current is None:
        raise ReleaseError("There is no release yet. Make one with `rdc run`.")
    if closed := releases.opens(current):
        raise ReleaseError(closed_message(current.release_id, closed))
    # A release holds from when it was published, a little later than its figures were made.
    before = [r for r in releases.all() if datetime.fromisoformat(r.created_at) <= at]
    held = before[-1] if before else replace(current, release_id="not kept")
    nearest = min(at, datetime.fromisoformat(held.created_at)) if before else at
    try:
        con = as_known_at(releases.current_file, nearest)
    except LookupError as error:
        raise ReleaseError(str(error)) from None
    try:
        yield Reader(held, con, releases.path(held.release_id).parent, at)
    finally:
        con.close()
