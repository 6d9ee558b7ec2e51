"""A shim for Great Expectations 1.x on DuckDB: keep the connection open between query and fetch.

Great Expectations closes its connection before it fetches, except on the dialects that it lists as needing a persisted
one. On DuckDB a closed connection takes its cursor with it, so every query would fail. A test shows that this is still
needed and still enough; when it no longer is, this module can go.
"""

from __future__ import annotations

from enum import StrEnum

_LIST = "_PERSISTED_CONNECTION_DIALECTS"


class _Dialect(StrEnum):
    DUCKDB = "duckdb"


def keep_open() -> None:
    """Add DuckDB to that list, once. Where the list is gone this does nothing, and the checks show whether it matters."""
    from great_expectations.execution_engine import sqlalchemy_execution_engine as engine

    known = getattr(engine, _LIST, None)
    if known is not None and _Dialect.DUCKDB not in known:
        setattr(engine, _LIST, (*known, _Dialect.DUCKDB))
