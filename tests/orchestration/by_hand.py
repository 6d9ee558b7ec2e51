"""Every indicator worked out from the rows of its tables, by code that shares nothing with the build.

It reads the YAML of the registry as text, the tables of the stand-in as Python rows, and does the sums itself: what the build says
is held against it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.standin.table import Table

FOLDER = Path(__file__).parent.parent.parent / "dbt_project" / "indicators"
KINDS = {
    "NL": "land",
    "LD": "landsdeel",
    "PV": "provincie",
    "CR": "corop",
    "GM": "gemeente",
    "WK": "wijk",
    "BU": "buurt",
}
Key = tuple[str, str, str]
#: (table, column, members) → region → period → value
Cells = dict[tuple[str, str, frozenset[tuple[str, str]]], dict[tuple[str, str], float | None]]


class Tables:
    """The stand-in's tables, a column at a time."""

    def __init__(self, tables: Iterable[Table], periods: dict[str, str | None]) -> None:
        self.tables = {t.id: t for t in tables}
        self.periods = periods
        self._rows: dict[str, list[tuple[str, str, frozenset[tuple[str, str]], dict[str, Any]]]] = {}

    def __contains__(self, table_id: str) -> bool:
        return table_id in self.tables

    def rows(self, table_id: str) -> list[tuple[str, str, frozenset[tuple[str, str]], dict[str, Any]]]:
        if table_id not in self._rows:
            table, found = self.tables[table_id], []
            for row in self._wide(table):
                codes = {d: str(row[d]).strip() for d in table.dimensions}
                region = next(c for d, c in codes.items() if d.startswith(("Regio", "Wijk", "Gemeent")))
                period = codes.get("Perioden") or self.periods[table_id] or ""
                others = frozenset(
                    (d, c) for d, c in codes.items() if not d.startswith(("Regio", "Wijk", "Gemeent", "Period"))
                )
                found.append(("NL01" if region in ("NL00", "NL1") else region, period, others, row))
            self._rows[table_id] = found
        return self._rows[table_id]

    @staticmethod
    def _wide(table: Any) -> Iterable[dict[str, Any]]:
        """Rows with a column per measure: of v4, which has a row per observation, put together."""
        if table.protocol == "v3":
            return table.rows.objects()
        wide: dict[tuple[str, ...], dict[str, Any]] = {}
        for row in table.rows.objects():
            codes = {d: row[d] for d in table.dimensions}
            wide.setdefault(tuple(codes.values()), dict(codes))[row["Measure"]] = row["Value"]
        return [dict.fromkeys(table.measures) | row for row in wide.values()]

    def column(self, table_id: str, term: dict[str, Any]) -> str | None:
        """The key of a term's column; None where it is not there."""
        table = self.tables[table_id]
        if "measure" in term:
            return term["measure"] if term["measure"] in table.measures else None
        stems = [term["stem"]] if isinstance(term["stem"], str) else term["stem"]
        keys = [k for k in table.measures if k.rpartition("_")[0] in stems]
        if len(keys) > 1:
            keys = [k for k in keys if self._path(table, k) == term.get("path")]
        assert len(keys) < 2, (table_id, term, keys)
        return keys[0] if keys else None

    @staticmethod
    def _path(table: Any, key: str) -> list[str]:
        by_id = {p["ID"]: p for p in table.properties}
        prop, path = next(p for p in table.properties if p["Key"] == key), []
        while (prop := by_id.get(prop["ParentID"])) is not None:
            path.insert(0, prop["Title"])
        return path


def figures(tables: Tables) -> dict[Key, float]:
    """Value per indicator, region and period: of all regions but groups."""
    series = {s["id"]: s["tables"] for s in yaml.safe_load((FOLDER / "_series.yml").read_text("utf-8"))["series"]}
    out: dict[Key, float] = {}
    for file in sorted(FOLDER.glob("[!_]*.yml")):
        for indicator in yaml.safe_load(file.read_text("utf-8"))["indicators"]:
            for version in indicator["versions"]:
                for key, value in _of_version(tables, series, version):
                    assert (indicator["id"], *key) not in out, (indicator["id"], key)
                    out[indicator["id"], *key] = value
    return out


def _of_version(
    tables: Tables, series: dict[str, list[dict[str, str]]], version: dict[str, Any]
) -> Iterator[tuple[tuple[str, str], float]]:
    first, last = str(version["valid_from"]), str(version.get("valid_to") or "9999-12-31")
    for binding in version.get("bindings", []):
        for table_id, roles, others in _written_out(binding, series):
            needed = [t for r in roles.values() for t in r]
            if any(_table(t, table_id, others) not in tables for t in needed):
                continue
            sums = {
                role: _added(tables, table_id, others, terms) for role, terms in roles.items() if role in ("value",)
            }
            sums |= {r: _added(tables, table_id, others, roles[r]) for r in ("numerator", "denominator") if r in roles}
            places = set().union(*(s.keys() for s in sums.values()))
            for region, period in places:
                if KINDS.get(region[:2]) not in binding["regions"]:
                    continue
                if "table" in binding and not binding.get("first_period", "") <= period <= binding.get(
                    "last_period", "~"
                ):
                    continue
                if not first <= _first_day(period) <= last:
                    continue
                value = sums.get("value", {}).get((region, period))
                if "value" in sums and (region, period) in sums["value"]:
                    value = None if value is None else binding.get("constant", 0) + value
                elif "numerator" in sums:
                    above, below = (sums[r].get((region, period)) for r in ("numerator", "denominator"))
                    small = region[:2] in ("WK", "BU") and below is not None and below < 50
                    value = None if above is None or not below or small else version.get("factor", 1) * above / below
                if value is not None:
                    yield (region, period), value


def _written_out(
    binding: dict[str, Any], series: dict[str, list[dict[str, str]]]
) -> Iterator[tuple[str, dict[str, list[dict[str, Any]]], dict[str, str]]]:
    roles = {r: binding[r] for r in ("value", "numerator", "denominator") if r in binding}
    if "table" in binding:
        yield binding["table"], roles, {}
        return
    for item in series[binding["series"]]:
        period = item["period"]
        if not binding.get("first_period", "") <= period <= binding.get("last_period", "~"):
            continue
        own = roles
        for exception in binding.get("except", []):
            if period in exception["periods"]:
                own = {r: exception[r] for r in ("value", "numerator", "denominator") if r in exception}
        if own:
            others = {name: t["table"] for name, items in series.items() for t in items if t["period"] == period}
            yield item["table"], own, others


def _table(term: dict[str, Any], table_id: str, others: dict[str, str]) -> str:
    return str(term.get("table") or (others[term["series"]] if "series" in term else table_id))


def _added(
    tables: Tables, table_id: str, others: dict[str, str], terms: list[dict[str, Any]]
) -> dict[tuple[str, str], float | None]:
    """Per region and period the sum of the terms; None where one is missing, nothing where none has a row."""
    parts: dict[tuple[str, str], list[float | None]] = defaultdict(list)
    for term in terms:
        at = _table(term, table_id, others)
        key, members = tables.column(at, term), frozenset(term.get("dimensions", {}).items())
        assert key is not None, (at, term)
        for region, period, dims, row in tables.rows(at):
            if dims == members:
                value = row[key]
                parts[region, period].append(value if value is None else (-1 if term.get("subtract") else 1) * value)
    return {
        place: None if len(values) < len(terms) or None in values else sum(v for v in values if v is not None)
        for place, values in parts.items()
    }


def _first_day(period: str) -> str:
    year, kind, number = period[:4], period[4:6], int(period[6:])
    month = {"JJ": 1, "SJ": 8, "HJ": 6 * number - 5, "KW": 3 * number - 2, "MM": number}[kind]
    return f"{year}-{month:02d}-01"
