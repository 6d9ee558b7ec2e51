"""What a release is made from."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.declaration import Table
from ingest.snapshot import Snapshot


@dataclass(frozen=True)
class Input:
    """A table as this build uses it.

    :param origin: ``live`` (the source was asked and this is its newest), ``last_good`` (it failed or did not answer;
        this is the last snapshot that was accepted) or ``sample`` (the bundled extract).
    :param note: why it is not live.
    """

    table: Table
    snapshot: Snapshot
    origin: str
    note: str = ""
