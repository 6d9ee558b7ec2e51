"""What came of every attempt to ingest a table, kept for ever in ``$RDC_HOME/snapshots/outcomes.jsonl``.

One line an attempt, appended with one write: a run that is killed loses at most the line it was writing, and a torn
line is passed over when reading.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FETCHED, UNCHANGED, FAILED, UNREACHABLE, QUARANTINED = "fetched", "unchanged", "failed", "unreachable", "quarantined"


@dataclass(frozen=True)
class Outcome:
    """One attempt: ``fetched``, ``unchanged``, ``failed``, ``unreachable`` or ``quarantined``, and why.

    :param seconds: wall time of the attempt; ``bytes`` as they came over the line, decompressed.
    :param modified: what the source says of its last change, where it answered.
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

    @property
    def failed(self) -> bool:
        """The source answered, and its answer could not be used."""
        return self.result in (FAILED, QUARANTINED)


class Outcomes:
    """The log of all attempts."""

    def __init__(self, root: Path) -> None:
        self.file = root / "outcomes.jsonl"

    def append(self, outcome: Outcome) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(asdict(outcome), ensure_ascii=False) + "\n"
        handle = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            # A line that a killed run left torn must not swallow this one.
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                line = "\n" + line
            os.write(handle, line.encode())
        finally:
            os.close(handle)

    def all(self) -> list[Outcome]:
        if not self.file.is_file():
            return []
        found = []
        for line in self.file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                found.append(Outcome(**json.loads(line)))
            except (ValueError, TypeError):
                continue
        return found

    def latest(self) -> dict[str, Outcome]:
        """The last attempt of each table."""
        return {outcome.table_id: outcome for outcome in self.all()}
