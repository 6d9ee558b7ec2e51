"""How polars, pandas, DuckDB and R take a CSV when nobody tells them anything."""

from __future__ import annotations

import csv
import math
import re
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl


def kind(dtype: Any) -> str:
    name = str(dtype).lower().split("(")[0]
    if name in ("int64", "bigint", "integer", "hugeint"):
        return "whole"
    if name in ("float64", "double"):
        return "broken"
    return "truth" if name in ("bool", "boolean") else "text"


def r_kind(cells: list[str], upto: int | None = None) -> str:
    """As R's ``type.convert`` (and readr, which looks at the first thousand) takes a column: every cell must fit."""
    filled = [c for c in cells[:upto] if c]
    if all(re.fullmatch(r"true|false|TRUE|FALSE|T|F", c) for c in filled):
        return "truth" if filled else "empty"
    if all(re.fullmatch(r"[+-]?\d{1,10}", c) for c in filled) and all(abs(int(c)) < 2**31 for c in filled):
        return "whole"
    return "broken" if all(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", c) for c in filled) else "text"


def plain(value: Any) -> Any:
    """A value whichever reader gave it."""
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, date):
        return value.isoformat()[:10]
    return bool(value) if kind(type(value).__name__) == "truth" else value.item() if hasattr(value, "item") else value


def read_alike(file: Path) -> int:
    """The number of rows; every column has one type and one content, whoever reads it."""
    ours, theirs = pl.read_csv(file), pd.read_csv(file)
    found = duckdb.sql(f"from '{file}'")
    with file.open(encoding="utf-8", newline="") as source:
        names, *lines = list(csv.reader(source))
    rows = found.fetchall()
    assert names == ours.columns == list(theirs.columns) == found.columns
    assert len(lines) == len(ours) == len(theirs) == len(rows)
    for n, name in enumerate(names):
        if (empty := ours[name].is_null()).all():
            assert theirs[name].isna().all() and {row[n] for row in rows} <= {None}, (file.name, name)
            continue
        cells = [line[n] for line in lines]
        as_polars, as_pandas, as_duckdb = kind(ours[name].dtype), kind(theirs[name].dtype), kind(found.types[n])
        if empty.any():  # pandas has no whole number and no truth beside nothing
            as_pandas = {"broken": as_polars if as_polars == "whole" else "broken"}.get(as_pandas, as_pandas)
            as_pandas = as_polars if as_polars == "truth" and as_pandas == "text" else as_pandas
        kinds = {as_polars, as_pandas, as_duckdb, r_kind(cells), r_kind(cells, 1000)}
        assert len(kinds) == 1, (file.name, name, as_polars, as_pandas, as_duckdb, r_kind(cells), r_kind(cells, 1000))
        values = [[plain(v) for v in ours[name]], [plain(v) for v in theirs[name]], [plain(row[n]) for row in rows]]
        assert values[0] == values[1] == values[2], (file.name, name)
    return len(rows)
