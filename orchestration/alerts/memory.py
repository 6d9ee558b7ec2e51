"""What was told already, in ``$RDC_HOME/alerts.json``: per channel what it knows of, since when something is wrong, the last digest.

Nothing hangs on it but that nobody is told twice. So what can't be read is put aside, and all is told once more.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ingest.storage import durable
from ingest.storage.durable import PRIVATE, Damaged

NAME = "alerts.json"


@dataclass
class Memory:
    """:param noticed: when each concern was first seen, by its key.
    :param told: per channel, by the key of the concern: its mark, and its heading per language, for when it is over.
    :param failing: since when a channel does not take messages, by its id.
    :param digest: per channel the last week of which a digest was sent, as 2026-W48.
    """

    noticed: dict[str, str] = field(default_factory=dict)
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)
    digest: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, home: Path) -> Memory:
        """What is known; nothing where it can't be read."""
        try:
            known = cls(**durable.read_record(home / NAME, "", strict=True))
            return known if all(isinstance(v, dict) for v in vars(known).values()) else cls()
        except (FileNotFoundError, Damaged, TypeError):
            return cls()

    def write(self, home: Path) -> None:
        """Write it whole; what stood in its place and could not be read is put aside."""
        file = home / NAME
        try:
            if file.exists():
                Memory(**durable.read_record(file, "", strict=True))
        except (Damaged, TypeError):
            durable.set_aside(home, file)
        durable.record(file, asdict(self), PRIVATE)
