"""When each source is asked, and when its next version is expected: its own rhythm, in the time of the Netherlands.

A run that was missed is caught up by itself: what is due follows from when a source was last asked, not from a clock that ticked.

=============================  =====================================================================
every morning, 07:00           what changes every month or quarter, what failed, what never came, and
                               what is expected: from a week before, until it is there
every Monday                   what changes once or twice a year, outside of that
first Monday of the month      what is complete and changes no more
=============================  =====================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ingest.declaration import Table
from ingest.outcome import FETCHED, UNCHANGED, Outcome
from ingest.snapshot import Snapshot
from ingest.source import source_of
from orchestration.alerts.quiet import AMSTERDAM
from orchestration.workspace import Workspace

#: When the day's run is; quiet hours end then.
MORNING = time(7, 0)
#: From so long before a version is expected on, its source is asked every morning.
AHEAD = timedelta(days=7)
#: A month that CBS names is a plan; until so long after it a table is not called late.
GRACE = timedelta(days=31)
_INTERVAL_MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


@dataclass(frozen=True)
class Expected:
    """Between which days the next version comes.

    :param said: the source says so, or it was agreed; else it follows from the interval at which it publishes.
    :param late_from: from this day on it is late.
    """

    first: date
    last: date
    said: bool
    late_from: date


def expected(table: Table, snapshot: Snapshot | None) -> Expected | None:
    """When the version after this one comes; None where none is to come, or none came before."""
    if snapshot is None or table.max_age_days is None or not snapshot.modified:
        return None
    modified = _moment(snapshot.modified).astimezone(AMSTERDAM).date()
    if table.due_day is not None:
        day = _months_on(modified.replace(day=table.due_day), _INTERVAL_MONTHS[table.cadence])
        return Expected(day.replace(day=1), day, True, day + timedelta(days=1))
    announced = source_of(table).announced(snapshot)
    if announced and announced[1] > modified:
        return Expected(*announced, True, announced[1] + GRACE)
    day = _months_on(modified, _INTERVAL_MONTHS[table.cadence])
    return Expected(day, day, False, modified + timedelta(days=table.max_age_days + 1))


def due(work: Workspace, at: datetime, latest: Mapping[str, Outcome] | None = None) -> list[Table]:
    """The tables that were not asked since they were due last."""
    latest = work.outcomes.latest() if latest is None else latest
    found = []
    for table in work.selected(()):
        last = latest.get(table.id)
        if not source_of(table).asked:
            continue
        if last is None:
            found.append(table)
            continue
        newest, good = work.store.newest(table.id), work.store.good(table.id)
        # While the newest is in quarantine, its source may mend it any day.
        settled = good is not None and newest is not None and good.snapshot_id == newest.snapshot_id
        well = settled and last.result in (FETCHED, UNCHANGED)
        if _moment(last.at) < last_due(table, newest, well, at):
            found.append(table)
    return found


def last_due(table: Table, newest: Snapshot | None, well: bool, at: datetime) -> datetime:
    """The latest moment, not after ``at``, at which this table was to be asked.

    :param well: its newest version is in use, and it was heard last time.
    """
    mornings = (_morning(at.astimezone(AMSTERDAM).date() - timedelta(days=days)) for days in range(40))
    daily = not well or table.cadence in ("month", "quarter")
    next_one = expected(table, newest)

    def asks(day: date) -> bool:
        if daily or (next_one and day >= next_one.first - AHEAD):
            return True
        monday = day.isoweekday() == 1
        return monday and (table.cadence != "once" or day.day <= 7)

    return next(m for m in mornings if m <= at and asks(m.astimezone(AMSTERDAM).date()))


def expected_now(work: Workspace, tables: Iterable[Table], at: datetime) -> list[Table]:
    """The tables whose next version may come any hour: these are asked more often than once a day."""
    today = at.astimezone(AMSTERDAM).date()
    found = []
    for table in tables:
        next_one = expected(table, work.store.newest(table.id))
        if next_one and next_one.first - AHEAD <= today < next_one.late_from:
            found.append(table)
    return found


def _morning(day: date) -> datetime:
    return datetime.combine(day, MORNING, AMSTERDAM).astimezone(UTC)


def _months_on(day: date, number: int) -> date:
    month = day.month - 1 + number
    return date(day.year + month // 12, month % 12 + 1, min(day.day, 28))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=AMSTERDAM)
