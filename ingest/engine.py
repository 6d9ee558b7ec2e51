"""The process's one DuckDB in memory, for what is landed."""

from __future__ import annotations

import tempfile
import threading
from functools import cache

import duckdb


def duck() -> duckdb.DuckDBPyConnection:
    """A connection to the process's one DuckDB in memory, with a bound on what it takes.

    One for all tables, and not one for each: it takes its memory from the system once. What a caller makes in it must be
    temporary, which is the connection's own.
    """
    with _ONE:
        return _duck().cursor()


#: Two threads that come first at once must not make two.
_ONE = threading.Lock()


@cache
def _duck() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"memory_limit": "500MB", "threads": "1", "temp_directory": _spill().name})


@cache
def _spill() -> tempfile.TemporaryDirectory[str]:
    """Where what does not fit in memory goes: not into the folder where the process was started, and for nobody else to
    read. It goes when the process ends."""
    return tempfile.TemporaryDirectory(prefix="rdc-ingest-")
