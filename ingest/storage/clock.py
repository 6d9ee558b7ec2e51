"""What to make of the machine's clock: it is noticed when it jumps, and put right by a correction, never by rewriting.

The order of snapshots and of releases comes from their numbers, so a clock that is wrong costs no figure. What it says is
still told to readers: when something was fetched, and from when a figure was known. ``$RDC_HOME/clock.json`` holds the highest
moment that a run has seen, the last one before a jump ahead, and the corrections that were decided.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import MendableError
from ingest.storage import durable

if TYPE_CHECKING:
    from ingest.snapshot import Snapshot

NAME = "clock.json"
REMEDY = (
    "Remove it: the next run makes it anew from what it finds; corrections that stood in it are to be decided again."
)
#: A clock is set back a little now and then; and a machine may be off for a month.
BACK, AHEAD = timedelta(minutes=5), timedelta(days=31)


class ClockError(MendableError):
    """Something that can't be done while the clock can't be trusted."""


@dataclass(frozen=True)
class Correction:
    """Moments later than ``at`` and not later than ``until`` were told by a clock that was ahead.

    They are brought, in their order, to between ``after`` and ``at``: the last moment that was right and the one at which
    the clock was found right again. That holds for what was there by then, and not for what comes when it is that late.

    :param snapshots: the number of the newest snapshot of each table by then.
    """

    after: str
    at: str
    until: str
    snapshots: dict[str, int]

    def apply(self, moment: datetime) -> datetime:
        after, at, until = map(datetime.fromisoformat, (self.after, self.at, self.until))
        if not at < moment <= until:
            return moment
        return at - (at - after) * ((until - moment) / (until - at))


@dataclass(frozen=True)
class Clock:
    """What is known of the clock.

    :param highest: the latest moment that a run has seen, as ISO 8601; None before the first.
    :param before_jump: the last moment before the clock jumped ahead, until someone says that it is right.
    """

    highest: str | None = None
    before_jump: str | None = None
    corrections: tuple[Correction, ...] = field(default=())

    @classmethod
    def read(cls, home: Path) -> Clock:
        """:raises Damaged: the file is there and can't be used."""
        try:
            content = durable.read_record(home / NAME, REMEDY)
        except FileNotFoundError:
            return cls()
        try:
            made = tuple(Correction(**c) for c in content.pop("corrections"))
            return cls(**content, corrections=made)
        except (TypeError, KeyError, AttributeError) as error:
            raise durable.Damaged(home / NAME, f"it is not what was written ({error})", REMEDY) from error

    def write(self, home: Path) -> None:
        durable.record(home / NAME, asdict(self))

    def seen(self, now: datetime) -> Clock:
        """The clock after a run has looked at it."""
        if self.highest is None:
            return replace(self, highest=now.isoformat())
        highest = datetime.fromisoformat(self.highest)
        if now <= highest:
            return self
        jumped = now - highest > AHEAD and self.before_jump is None
        return replace(self, highest=now.isoformat(), before_jump=self.highest if jumped else self.before_jump)

    def wrong(self, now: datetime) -> str | None:
        """What is to be told of the clock, or None where nothing is."""
        if self.highest is None:
            return None
        highest = datetime.fromisoformat(self.highest)
        if highest - now > BACK:
            return (
                f"The clock says {_told(now)}, and a run has seen {_told(highest)} already: it was ahead then, or is behind now. "
                "Figures are taken in and released in their right order all the same; from when they were known is told wrong. "
                "Set the clock if it is wrong now, then say that it is right: `rdc clock --right`."
            )
        last = self.before_jump or (self.highest if now - highest > AHEAD else None)
        if last:
            return (
                f"The clock says {_told(now)}, and jumped there from {_told(datetime.fromisoformat(last))}. Nothing is removed for "
                "its age meanwhile. If the machine was off so long, say that the clock is right: `rdc clock --right`. If not, set "
                "the clock first, then say so."
            )
        return None

    def right(self, now: datetime, snapshots: dict[str, int]) -> Clock:
        """Someone says that the clock is right now: what is later than that was told by a clock that was ahead.

        :param snapshots: the number of the newest snapshot of each table.
        """
        highest = datetime.fromisoformat(self.highest) if self.highest else now
        if highest - now <= BACK:
            return replace(self, highest=max(now, highest).isoformat(), before_jump=None)
        last = datetime.fromisoformat(self.before_jump) if self.before_jump else now
        after = last if last < now else now - timedelta(days=1)
        made = Correction(after.isoformat(), now.isoformat(), highest.isoformat(), snapshots)
        return replace(self, highest=now.isoformat(), before_jump=None, corrections=(*self.corrections, made))

    def corrected(self, moment: datetime, done: int = 0) -> datetime:
        """The moment as it is to be told, the later corrections upon the earlier ones.

        :param done: how many of the corrections were made in it already.
        """
        for correction in self.corrections[done:]:
            moment = correction.apply(moment)
        return moment

    def fetched(self, snapshot: Snapshot) -> datetime:
        """When a snapshot was fetched, as it is to be told."""
        moment = datetime.fromisoformat(snapshot.fetched_at)
        for correction in self.corrections:
            if snapshot.sequence <= correction.snapshots.get(snapshot.table_id, -1):
                moment = correction.apply(moment)
        return moment

    @property
    def mark(self) -> str:
        """Tells what was built with these corrections from what was built with others; nothing where there are none."""
        return "".join(f"{c.after} {c.at} {c.until}\n" for c in self.corrections)


def _told(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
