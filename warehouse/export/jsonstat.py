"""JSON-stat 2.0 (https://json-stat.org/full/): a cube of indicators, regions and periods.

``value`` and ``status`` are objects by cell number, since most cells of a cube are empty. A cell's status is the reason why
its figure is missing, or else the status of its period at the source. What else belongs to a figure is in ``extension``:
per period what holds for most cells of it, and the cells for which something else does.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ingest.datacenter import here
from warehouse.export.extraction import Extract
from warehouse.export.plain import json_value
from warehouse.published import MISSING_REASONS

_OF_A_CELL = {
    "definitionVersion": "definition_version",
    "referencePeriod": "reference_period",
    "geographyYear": "geography_year",
    "attribution": "attribution",
}


def pieces(found: Extract) -> Iterator[bytes]:
    yield json.dumps(dataset(found), ensure_ascii=False, default=str, separators=(",", ":")).encode()


def dataset(found: Extract) -> dict[str, Any]:
    """The cube as a dictionary."""
    rows = [dict(zip(found.names, row, strict=True)) for row in found.rows()]
    newest = {d["indicator_id"]: d for d in found.definitions}
    present = {r["indicator_id"] for r in rows}
    indicators = [name for name in newest if name in present]
    regions = {r["region_code"]: r["region_name"] or r["region_code"] for r in rows}
    periods = sorted({r["period_code"] for r in rows})
    axes: list[list[str]] = [indicators, sorted(regions), periods]
    place = [{code: at for at, code in enumerate(axis)} for axis in axes]

    def cell(row: dict[str, Any]) -> int:
        i, r, p = (place[n][row[key]] for n, key in enumerate(("indicator_id", "region_code", "period_code")))
        return (i * len(axes[1]) + r) * len(axes[2]) + p

    value: dict[str, Any] = {}
    status: dict[str, str] = {}
    for row in rows:
        at = str(cell(row))
        if row["value"] is not None:
            value[at] = json_value(row["value"])
        if said := (row["missing_reason"] or "unknown") if row["value"] is None else row["period_status"]:
            status[at] = said
    return {
        "version": "2.0",
        "class": "dataset",
        "label": f"{found.title}, {here().name}",
        "source": "; ".join(sorted({s["attribution"] for s in found.sources if s["attribution"]})),
        "updated": found.published.con.execute(
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
                    "label": {name: newest[name]["name_nl"] for name in indicators},
                    "unit": {
                        name: {"label": newest[name]["unit"], "decimals": newest[name]["decimals"]}
                        for name in indicators
                    },
                    "note": {name: [newest[name]["definition"]] for name in indicators},
                },
            },
            "region": {"label": "Gebied", "category": {"index": axes[1], "label": {c: regions[c] for c in axes[1]}}},
            "period": {"label": "Periode", "category": {"index": periods, "label": {p: _period(p) for p in periods}}},
        },
        "value": value,
        "status": status,
        "note": ["Leeg is geen nul. De status zegt waarom een cijfer ontbreekt, of anders de status van de periode."],
        "extension": {
            "release": found.release_id,
            "table": found.name,
            "licence": "CC-BY-4.0",
            "status": {"label": MISSING_REASONS},
            **{key: _by_period(rows, column, cell) for key, column in _OF_A_CELL.items()},
        },
    }


def _by_period(rows: list[dict[str, Any]], column: str, cell: Any) -> dict[str, Any]:
    counts: dict[str, Counter[Any]] = {}
    for row in rows:
        counts.setdefault(row["period_code"], Counter())[row[column]] += 1
    most = {period: counter.most_common(1)[0][0] for period, counter in sorted(counts.items())}
    return {
        "period": most,
        "cell": {str(cell(row)): row[column] for row in rows if row[column] != most[row["period_code"]]},
    }


def _period(code: str) -> str:
    return code[:4] if code.endswith("JJ00") else code
