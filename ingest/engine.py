"""The process's one DuckDB in memory, for what is landed."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import duckdb

from ingest.sql import literal


def duck() -> duckdb.DuckDBPyConnection:
    """A connection to the process's one DuckDB in memory, with a bound on what it takes.

    One for all tables, and not one for each: it takes its memory from the system once. What a caller makes in it must be
    temporary, which is the connection's own.
    """
    global _kept
    with _ONE:
        if _kept is None or not Path(_kept[1].name).is_dir():
            # What does not fit in memory goes neither into the folder where the process was started nor where others can read
            # it. The folder lies where temporary files are now, which in a process that stays may be gone the next run.
            spill = tempfile.TemporaryDirectory(prefix="rdc-ingest-", ignore_cleanup_errors=True)
            config: dict[str, Any] = {"memory_limit": "500MB", "threads": "1", "temp_directory": spill.name}
            _kept = duckdb.connect(config=config), spill
        return _kept[0].cursor()


def bound(con: duckdb.DuckDBPyConnection) -> None:
    """Let DuckDB take no more memory for a build than ``RDC_BUILD_MEMORY`` says, as dbt's profile does; what is more goes to disk."""
    con.execute(f"set memory_limit = {literal(os.environ.get('RDC_BUILD_MEMORY') or '800MB')}")


#: Two threads that come first at once must not make two.
_ONE = threading.Lock()
_kept: tuple[duckdb.DuckDBPyConnection, tempfile.TemporaryDirectory[str]] | None = None
