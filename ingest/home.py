"""The data folder as a source sees it: what is declared, what was landed, and who asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ingest.http import Client
from ingest.outcome import Outcomes
from ingest.registry import Registry
from ingest.settings import DATABASE, Settings
from ingest.snapshot import Store
from ingest.storage.clock import Clock
from ingest.storage.durable import Damaged


@dataclass
class Home:
    """Everything that landing a table takes."""

    settings: Settings
    registry: Registry
    store: Store
    outcomes: Outcomes
    client: Client = field(default_factory=Client, kw_only=True)

    @property
    def released(self) -> list[Path]:
        """The current release of every series: what is published now, to whomever."""
        folders = [self.settings.releases(level) for level in ("public", *self.settings.restricted)]
        return [file for folder in folders if (file := folder / DATABASE).is_file()]

    @property
    def clock(self) -> Clock:
        """What is known of the clock; nothing where that can't be read, until the next run has looked at it."""
        try:
            return Clock.read(self.settings.home)
        except Damaged:
            return Clock()

    def clock_is_wrong(self) -> str | None:
        """What is to be told of the clock, or None where nothing is."""
        return self.clock.wrong(datetime.now(UTC))
