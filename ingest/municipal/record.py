"""What came of a delivery: its rows, what is in quarantine and why, and books that balance."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

ACCEPTED, STOPPED = "accepted", "stopped"


@dataclass(frozen=True)
class Rejected:
    """Why a row is in quarantine: where it stood and what is wrong, in Dutch. Never the value."""

    sheet: int
    line: int
    column: str
    value_class: str
    reason: str


@dataclass
class Intake:
    """What came of a delivery.

    :param rows: accepted rows: ``region``, ``gemeente``, ``period``, ``key`` and the declared columns that are counted.
    :param received: rows below the header that are not blank.
    :param dropped: rows that are no data, by kind: totals, repeated headers, headings, notes.
    :param withheld: good rows of a delivery that was stopped; they count as quarantined.
    """

    state: str = ACCEPTED
    reasons: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    received: int = 0
    bad: int = 0
    withheld: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    missing_boundaries: list[int] = field(default_factory=list)
    places: set[tuple[str, ...]] = field(default_factory=set)
    faults: set[tuple[int, str]] = field(default_factory=set)

    @property
    def accepted(self) -> int:
        return len(self.rows)

    @property
    def quarantined(self) -> int:
        return self.bad + self.withheld

    @property
    def balances(self) -> bool:
        return self.received == self.accepted + self.quarantined + self.dropped.total()

    @property
    def covers(self) -> list[tuple[str, str]]:
        """The municipalities and periods that it has rows of."""
        return sorted({(row["gemeente"], row["period"]) for row in self.rows})

    def stop(self, reason: str) -> None:
        """Nothing of the delivery is taken: its good rows are withheld."""
        self.state = STOPPED
        self.reasons.append(reason)
        self.withheld += len(self.rows)
        self.rows = []
