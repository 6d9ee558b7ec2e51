"""What came of every attempt to ingest a table, in ``$RDC_HOME/snapshots/outcomes.jsonl``.

One line an attempt (see :mod:`ingest.storage.log`): a run that is killed loses at most the line it was writing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from ingest.storage.log import Log

FETCHED, UNCHANGED, FAILED, UNREACHABLE, QUARANTINED = "fetched", "unchanged", "failed", "unreachable", "quarantined"


@dataclass(frozen=True)
class Outcome:
    """One attempt: ``fetched``, ``unchanged``, ``failed``, ``unreachable`` or ``quarantined``, and why.

    :param seconds: wall time of the attempt; ``bytes`` as they came over the line, decompressed.
    :param modified: what the source says of its last change, where it answered.
    :param host: whom the trouble is with, and ``cause`` what it is, in the same words for every table that it costs.
    """

    table_id: str
    at: str
    result: str
    reason: str = ""
    snapshot_id: str | None = None
    modified: str | None = None
    rows: int | None = None
    bytes: int | None = None
    seconds: float | None = None
    host: str | None = None
    cause: str | None = None

    @property
    def failed(self) -> bool:
        """The source answered, and its answer could not be used."""
        return self.result in (FAILED, QUARANTINED)


class Outcomes:
    """The log of all attempts."""

    def __init__(self, root: Path) -> None:
        self.log = Log(root / "outcomes.jsonl", fits=lambda facts: Outcome(**facts), sync=False)
        self.file = self.log.file

    def append(self, outcome: Outcome) -> None:
        self.log.append(asdict(outcome))

    def all(self) -> list[Outcome]:
        return [Outcome(**facts) for facts in self.log.read()]

    def latest(self) -> dict[str, Outcome]:
        """The last attempt of each table."""
        return {outcome.table_id: outcome for outcome in self.all()}
