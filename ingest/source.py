"""What a source can do. The pipeline asks through this, and knows no protocol by name.

A new protocol is a module with an object that does what :class:`Source` says, and a line in :data:`ingest.protocols.PROTOCOLS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import date
from importlib import import_module
from typing import Any, ClassVar

from ingest.declaration import Table
from ingest.home import Home
from ingest.outcome import Outcome
from ingest.protocols import PROTOCOLS, known_protocol
from ingest.snapshot import Snapshot

#: Tells of a table how many pages are in, and how many rows there will be.
Progress = Callable[[str, int, int], None]


class Source(ABC):
    """What the pipeline asks of a source. No method raises for what the other side does: an outcome tells it.

    :cvar group: the group of its tables among the assets, and the start of their keys.
    :cvar kinds: what its tables are kept as, for the asset graph.
    :cvar asked: whether it is asked on schedule for what moved; a source that is delivered to is looked at instead.
    :cvar figures: whether it brings figures; boundaries are none, and are counted apart.
    :cvar private: whether what it brings can be about people: an error's own words are not told then, nor why a delivery was
        refused.
    """

    group: ClassVar[str]
    kinds: ClassVar[frozenset[str]] = frozenset({"file", "parquet"})
    asked: ClassVar[bool] = True
    figures: ClassVar[bool] = True
    private: ClassVar[bool] = False

    @abstractmethod
    def plan(self, home: Home, table: Table, scope: str | None) -> Outcome:
        """What a run would do; nothing is fetched or written. ``fetched`` means that there is something to do."""

    @abstractmethod
    def land(self, home: Home, table: Table, progress: Progress, scope: str | None) -> Outcome:
        """Take in what is new, as a snapshot.

        :param scope: another scope than the declared one; None keeps what there is.
        """

    def waits(self, home: Home, table: Table) -> bool:
        """Whether there is something to take in of a table that has no snapshot yet and is on request."""
        return False

    def cell_url(self, home: Home, table: Table, keys: dict[str, str], measure: str) -> str | None:
        """The address at which anyone can look a figure up at the source; None where there is none."""
        return None

    def announced(self, snapshot: Snapshot) -> tuple[date, date] | None:
        """Between which days the source says that its next figures come; None where it does not say."""
        return None

    def provenance(self, home: Home, snapshot: Snapshot, cell: dict[str, Any]) -> dict[str, Any] | None:
        """What more can be told of where a cell comes from; None where the snapshot says it all."""
        return None


def source_of(item: Table | Snapshot) -> Source:
    """The source of a table or of a snapshot, by its protocol.

    :raises UnknownProtocolError: nothing is registered under it.
    """
    module, name = PROTOCOLS[known_protocol(item.protocol)].split(":")
    found: Source = getattr(import_module(module), name)
    return found
