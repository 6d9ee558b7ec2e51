"""What tables of both services have in common: a name, rows that may change, and how to say which rows.

Tables are live: every method that changes one may be called while the server answers from it. What a method
does not say it changes stays as it is; in particular only ``touch`` changes what CBS announces
(``Modified``, ``Version``), so that a test can tell an announced change from a silent one.
"""

from __future__ import annotations

import copy
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from tests.standin.filters import parse
from tests.standin.rows import Rows

#: Which rows: by value (``{"RegioS": "GM0770"}``, trailing blanks don't matter), by an OData filter as the
#: service would read it, by a function of the parsed row, or all of them (``None``).
Where = Mapping[str, Any] | str | Callable[[dict[str, Any]], bool] | None


class Table(ABC):
    """A table of StatLine. Metadata lists are replaced, never changed in place, so that a copy is cheap."""

    protocol: Literal["v3", "v4"]

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.lock = threading.RLock()
        #: Goes up with every change; the entity tag is made of it.
        self.revision = 0

    @property
    @abstractmethod
    def id(self) -> str:
        """The identifier, in the case in which CBS writes it."""

    @property
    @abstractmethod
    def title(self) -> str: ...

    @property
    @abstractmethod
    def modified(self) -> str:
        """The moment of the last announced change, as the service writes it."""

    @property
    @abstractmethod
    def dimensions(self) -> list[str]:
        """The keys of the dimensions, in order."""

    @property
    @abstractmethod
    def measures(self) -> list[str]:
        """The keys of the topics (v3) or the codes of the measures (v4), in order."""

    @abstractmethod
    def touch(self, modified: str | None = None) -> None:
        """Announce a new version: at this moment, or a day after the last one."""

    @abstractmethod
    def rename_measure(self, old: str, new: str) -> None: ...

    @abstractmethod
    def drop_measure(self, measure: str) -> None: ...

    @abstractmethod
    def set_unit(self, measure: str, unit: str) -> None:
        """Change what the metadata says; the figures stay as they are (see ``scale``)."""

    @abstractmethod
    def set_value(self, where: Where, measure: str, value: Any) -> int:
        """Put one value in the cells of these rows; returns how many cells that were."""

    @abstractmethod
    def drop_rows(self, where: Where) -> int:
        """Take rows out; returns how many. Codes stay in the metadata."""

    @abstractmethod
    def scale(self, measure: str, factor: float, where: Where = None) -> int:
        """Multiply the figures of a measure and leave its unit as it is; returns how many cells that were."""

    def copy(self) -> Self:
        """A table with the same content that goes its own way."""
        with self.lock:
            other = copy.copy(self)
            other.lock = threading.RLock()
            other._detach()
            return other

    def indices(self, where: Where) -> Sequence[int]:
        """The places of the rows that are meant.

        :raises KeyError: for a column that the rows don't have.
        """
        if not where:
            return range(len(self.rows))
        match where:
            case str():
                condition = parse(where, 3 if self.protocol == "v3" else 4)
                self._require_columns(condition.columns)
                return self.rows.matching(condition)
            case Mapping():
                self._require_columns(where)
                columns = [[_bare(value) for value in self.rows.column(name)] for name in where]
                wanted = tuple(_bare(value) for value in where.values())
                return [index for index, row in enumerate(zip(*columns, strict=True)) if row == wanted]
            case _:
                return [index for index, row in enumerate(self.rows.objects()) if where(row)]

    @abstractmethod
    def _detach(self) -> None:
        """Give a copy its own containers."""

    def _require_columns(self, names: Iterable[str]) -> None:
        if self.rows and (unknown := set(names) - set(self.rows.names)):
            raise KeyError(f"the rows of {self.id} have no {sorted(unknown)}, but {self.rows.names}")

    def _require(self, measure: str) -> None:
        if measure not in self.measures:
            raise KeyError(f"{self.protocol} table {self.id} has no {measure!r}, but {self.measures}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}: {len(self.rows)} rows>"


def next_day(moment: str) -> str:
    """The same time a day later, written in the same way."""
    return (datetime.fromisoformat(moment) + timedelta(days=1)).isoformat()


def scaled(value: Any, factor: float) -> Any:
    """A figure times a factor, without the noise of binary fractions; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    product = round(value * factor, 10)
    return int(product) if isinstance(value, int) and product == int(product) else product


def _bare(value: Any) -> Any:
    return value.rstrip(" ") if isinstance(value, str) else value
