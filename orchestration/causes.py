"""One cause told once: with no network every table has the same reason, and ninety times the same line is none that is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ingest.outcome import FETCHED, UNCHANGED, Outcome

#: So many tables are named by their ids where they share a cause; of the others it is said how many there are.
NAMED = 12


@dataclass
class Cause:
    """What costs some tables, in the words that they share.

    :param host: whom the trouble is with; None where it is with one table alone.
    """

    host: str | None
    cause: str
    tables: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        more = len(self.tables) - NAMED
        names = ", ".join(self.tables[:NAMED]) + (f" and {more} more" if more > 0 else "")
        return f"{self.host}: {self.cause}: costs {len(self.tables)} tables: {names}"


def causes(outcomes: Iterable[Outcome]) -> list[Cause]:
    """What kept tables from being taken in, the widest first."""
    found: dict[tuple[str | None, str], Cause] = {}
    for outcome in outcomes:
        if outcome.result in (FETCHED, UNCHANGED):
            continue
        key = (outcome.host, outcome.cause) if outcome.host and outcome.cause else (None, outcome.reason)
        found.setdefault(key, Cause(*key)).tables.append(outcome.table_id)
    return sorted(found.values(), key=lambda c: -len(c.tables))


def lines(reasons: Mapping[str, str], outcomes: Mapping[str, Outcome], verbose: bool = False) -> list[str]:
    """The reasons of tables, those that one cause lies behind in one line.

    :param reasons: by table; ``outcomes`` are what they come from, where they come from one.
    """
    shared = {
        table_id: cause
        for cause in causes(o for i, o in outcomes.items() if reasons.get(i) and o.reason in reasons[i])
        for table_id in cause.tables
        if cause.host and len(cause.tables) > 1 and not verbose
    }
    alone = [reason if i in reason else f"{i}: {reason}" for i, reason in reasons.items() if i not in shared]
    return [*dict.fromkeys(cause.line for cause in shared.values()), *alone]
