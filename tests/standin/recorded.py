"""Recorded tables, read from the folder that holds them; the folder is no part of the project."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from tests.standin.table import Table
from tests.standin.v3 import V3Table
from tests.standin.v4 import V4Table


def recorded_tables(folder: str | Path, only: Collection[str] | None = None) -> list[Table]:
    """Every table under ``folder/v3`` and ``folder/v4``, or those of these identifiers.

    :param folder: the folder ``statline``, or the one it is in.
    :raises FileNotFoundError: when no table is there, or one that was asked for is not.
    """
    root = Path(folder)
    if (root / "statline").is_dir():
        root = root / "statline"
    kinds = {"v3": V3Table, "v4": V4Table}
    found = [
        (kinds[protocol], path)
        for protocol in kinds
        for path in sorted((root / protocol).glob("*"))
        if path.is_dir() and (only is None or path.name in only)
    ]
    missing = set(only or ()) - {path.name for _, path in found}
    if missing or not found:
        raise FileNotFoundError(f"no recorded table {', '.join(sorted(missing)) or 'at all'} in {root}")
    return [kind.recorded(path) for kind, path in found]
