"""JSON-stat 2.0 (https://json-stat.org/full/): a cube of indicators, regions and periods.

``value`` and ``status`` are objects by cell number, since most cells of a cube are empty. A cell's status is the reason why
its figure is missing, or else the status of its period at the source. What else belongs to a figure is in ``extension``:
per period what holds for most cells of it, and the cells for which something else does; margins, breaks and notes by the cells
that have them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ingest.datacenter import here
from warehouse.export.extraction import Extract
from warehouse.export.plain import json_value
from warehouse.reading.published import MISSING_REASONS

_OF_A_CELL = {
    "definitionVersion": "definition_version",
    "referencePeriod": "reference_period",
    "geographyYear": "geography_year",
    "periodType": "period_type",
    "attribution": "attribution",
}
#: What few cells have: by cell number alone.
_OF_SOME_CELLS = {
    "lowerBound": "lower_bound",
    "upperBound": "upper_bound",
    "seriesBreak": "series_break",
    "note": "note",
}


_SAID = ("missing_reason", "period_status")
_Row = tuple[Any, ...]


def pieces(extracted: Extract) -> Iterator[bytes]:
    yield json.dumps(dataset(extracted), ensure_ascii=False, default=str, separators=(",", ":")).encode()


def dataset(extracted: Extract) -> dict[str, Any]:
    """The cube as a dictionary."""
    about = (*_SAID, *_OF_A_CELL.values(), *_OF_SOME_CELLS.values())
    columns = ("indicator_id", "region_code", "period_code", "region_name", "value", *about)
    rows = _rows(replace(extracted, sql=f"select {', '.join(columns)} from ({extracted.sql})"))
    newest = {d["indicator_id"]: d for d in extracted.definitions}
    present = {row[0] for row in rows}
    indicators = [name for name in newest if name in present]
    regions = {row[1]: row[3] or row[1] for row in rows}
    periods = sorted({row[2] for row in rows})
    axes: list[list[str]] = [indicators, sorted(regions), periods]
    place = [{code: at for at, code in enumerate(axis)} for axis in axes]

    def cell(row: _Row) -> int:
        i, r, p = (place[n][row[n]] for n in range(3))
        return (i * len(axes[1]) + r) * len(axes[2]) + p

    value: dict[str, Any] = {}
    status: dict[str, str] = {}
    for row in rows:
        at = str(cell(row))
        figure, reason, period_status = row[4:7]
        if figure is not None:
            value[at] = json_value(figure)
        if said := (reason or "unknown") if figure is None else period_status:
            status[at] = said
    return {
        "version": "2.0",
        "class": "dataset",
        "label": f"{extracted.title}, {here().name}",
        "source": "; ".join(sorted({s["attribution"] for s in extracted.sources if s["attribution"]})),
        "updated": extracted.published.con.execute(
            "select strftime(created_at at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ') from core.release"
        ).fetchall()[0][0],
        "id": ["indicator", "region", "period"],
        "size": [len(axis) for axis in axes],
        "role": {"metric": ["indicator"], "geo": ["region"], "time": ["period"]},
        "dimension": {
            "indicator": {
                "label": "Indicator",
                "category": {
                    "index": indicators,
                    "label": unique({name: newest[name]["name_nl"] for name in indicators}),
                    "unit": {
                        name: {"label": newest[name]["unit"], "decimals": newest[name]["decimals"]}
                        for name in indicators
                    },
                    "note": {name: [newest[name]["definition"]] for name in indicators},
                },
            },
            "region": {
                "label": "Gebied",
                "category": {"index": axes[1], "label": unique({c: regions[c] for c in axes[1]})},
            },
            "period": {
                "label": "Periode",
                "category": {"index": periods, "label": unique({p: _period(p) for p in periods})},
            },
        },
        "value": value,
        "status": status,
        "note": ["Leeg is geen nul. De status zegt waarom een cijfer ontbreekt, of anders de status van de periode."],
        "extension": {
            "release": extracted.release_id,
            "table": extracted.name,
            "licence": "CC-BY-4.0",
            "status": {"label": MISSING_REASONS},
            **{key: _by_period(rows, columns.index(column), cell) for key, column in _OF_A_CELL.items()},
            **{
                key: {
                    str(cell(row)): json_value(row[columns.index(column)])
                    for row in rows
                    if row[columns.index(column)] is not None
                }
                for key, column in _OF_SOME_CELLS.items()
            },
        },
    }


def _rows(extracted: Extract) -> list[_Row]:
    """All rows, a text that comes back kept once: a cube has millions of them, and few different ones."""
    texts: dict[str, str] = {}
    return [
        tuple(texts.setdefault(v, v) if isinstance(v, str) else v for v in row)
        for batch in extracted.batches()
        for row in batch
    ]


def unique(labels: dict[str, str]) -> dict[str, str]:
    """Labels of which none is that of another code: a reader that goes by labels would take two cells for one."""
    times = Counter(labels.values())
    told = {code: f"{label} ({code})" if times[label] > 1 else label for code, label in labels.items()}
    again = Counter(told.values())
    return {code: f"{label} ({code})" if again[label] > 1 else label for code, label in told.items()}


def _by_period(rows: list[_Row], column: int, cell: Callable[[_Row], int]) -> dict[str, Any]:
    counts: dict[str, Counter[Any]] = {}
    for row in rows:
        counts.setdefault(row[2], Counter())[row[column]] += 1
    most = {period: counter.most_common(1)[0][0] for period, counter in sorted(counts.items())}
    return {
        "period": most,
        "cell": {str(cell(row)): row[column] for row in rows if row[column] != most[row[2]]},
    }


def _period(code: str) -> str:
    return code[:4] if code.endswith("JJ00") else code
