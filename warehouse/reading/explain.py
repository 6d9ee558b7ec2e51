"""A figure back to its source cells: definition, steps, cells, snapshots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.snapshot import Store
from ingest.sql import literal
from warehouse.export import text
from warehouse.reading.published import Published
from warehouse.reading.reader import NotThereError, Reader

_BOUND = """
select
    term.role, term.term_no, term.sign, source_row.region_code as source_region,
    case when source_row.region_code in ('NL00', 'NL1') then 'NL01' else source_row.region_code end as region_code,
    source_row.period_code, source_row.dimensions, source_row.row_id,
    measure.measure_code, measure.measure_title, measure.measure_path, measure.unit,
    cell.value, cell.missing_reason, snapshot.*
from core.indicator_term as term
inner join core.cell as cell using (measure_id)
inner join core.source_row as source_row
    on source_row.row_id = cell.row_id and source_row.dimensions_key = term.dimensions_key
inner join core.measure as measure using (measure_id)
inner join core.snapshot as snapshot on snapshot.snapshot_no = source_row.snapshot_no
where term.binding_id = ? and {which}
order by region_code, role desc, term_no
"""

_CELLS = _BOUND.format(which="source_row.period_code = ? and list_contains(?, source_row.region_code)")
#: All cells of a binding.
ALL_CELLS = _BOUND.format(which="true")

#: What the history of a figure has.
HISTORY = "value, missing_reason, period_status, known_from, known_to"

#: Roles whose cells are the margins of a figure, beside the figure itself.
_MARGINS = ("lower", "upper")


def explain(
    reader: Reader,
    store: Store,
    indicator: str,
    region: str,
    period: str,
    cell_url: Callable[[dict[str, Any]], str | None],
    delivered: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _: None,
) -> dict[str, Any]:
    """The whole chain behind one figure.

    :param cell_url: gives the address at which a cell can be looked up at its source, or None.
    :param delivered: gives the delivery of a municipality behind a cell, or None.
    :returns: ``figure``, ``definition``, ``versions`` (all of the definition), ``steps`` (in words), ``cells`` (each with
        table, column, snapshot, URL, time, hash and whether the snapshot on disk still says the same), ``history``.
    :raises NotThereError: no such indicator, region, period, or no figure for the three together.
    """
    if reader.at:
        raise NotThereError(
            "The cells behind a figure are kept per release, not per day. `rdc releases` shows which are kept; ask one: "
            "--as-of RELEASE."
        )
    indicator, region, period = reader.indicator(indicator), reader.region(region), reader.period(period)
    found = chain(reader.published, indicator, region, period, store, cell_url, delivered)
    if found is None:
        have = reader.rows(
            "select distinct period_code from core.indicator_value where indicator_id = ? and region_code = ? order by 1",
            [indicator, region],
        )
        listed = ", ".join(h["period_code"] for h in have)
        raise NotThereError(
            f"{indicator} has no figure for {region} in {period}."
            + (f" For {region} there are: {listed}." if listed else f" For {region} there is none in any period.")
        )
    return found | {"steps": [step.in_english for step in found["steps"]]}


def chain(
    published: Published,
    indicator: str,
    region: str,
    period: str,
    store: Store | None,
    cell_url: Callable[[dict[str, Any]], str | None],
    delivered: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _: None,
) -> dict[str, Any] | None:
    """The same as :func:`explain`, of codes, for a scope; ``steps`` are as :class:`Step`.

    :param store: where the snapshots are; None looks at none of them, so that no cell says whether it is still so.
    :returns: None where the scope sees no such figure.
    """
    where = "v.indicator_id = $1 and v.region_code = $2 and v.period_code = $3"
    figures = published.rows(
        f"select v.* from core.indicator_value as v where {published.visible} and {where}", [indicator, region, period]
    )
    if not figures:
        return None
    figure = figures[0]
    aggregated = figure["method"] == "aggregated"
    members = _members(published, region, period) if aggregated else [region]
    about = published.rows(
        f"select reference_period from ({published.long(where)})",
        [indicator, region, period],
    )
    facts = Facts(
        figure | {"reference_period": about[0]["reference_period"] if about else None},
        [i for i in published.indicators if i["indicator_id"] == indicator],
        published.rows("select name from core.region where region_code = ?", [region])[0]["name"],
        members,
        published.rows(_CELLS, [figure["binding_id"], period, written(members)]),
        _history(published, figure),
    )
    return told(facts, published.release_id, store, cell_url, delivered)


@dataclass(frozen=True)
class Facts:
    """What a release has of one figure.

    :param figure: its row of ``core.indicator_value``, with its reference period.
    :param versions: the rows of ``core.indicator`` of its indicator.
    :param name: of its region; ``members``: the region, or of a group the municipalities that it had.
    :param cells: rows of :data:`_CELLS`.
    """

    figure: dict[str, Any]
    versions: list[dict[str, Any]]
    name: str
    members: list[str]
    cells: list[dict[str, Any]]
    history: list[dict[str, Any]]


def written(members: list[str]) -> list[str]:
    """Region codes as sources write them: the country has two more."""
    return [*members, *(("NL00", "NL1") if "NL01" in members else ())]


def told(
    facts: Facts,
    release_id: str,
    store: Store | None,
    cell_url: Callable[[dict[str, Any]], str | None],
    delivered: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _: None,
) -> dict[str, Any]:
    """The chain of a figure, as :func:`explain` has it."""
    figure = facts.figure
    definition = next(v for v in facts.versions if v["version"] == figure["definition_version"])
    used = _used(facts.cells, definition, figure["method"] == "aggregated")
    kept = ("version", "definition", "unit", "series_break", "valid_from", "valid_to")
    return {
        "figure": figure | {"region_name": facts.name, "unit": definition["unit"], "release": release_id},
        "definition": definition,
        "versions": [{name: v[name] for name in kept} for v in facts.versions],
        "steps": _steps(figure, definition, used, facts.members),
        "cells": [_cell(cell, store, cell_url) | {"delivered": delivered(cell)} for cell in used],
        "history": facts.history,
    }


def _members(published: Published, group: str, period: str) -> list[str]:
    """The municipalities that a group had in a period."""
    found = published.rows(
        "select g.region_code from core.region_group g, core.period p where g.group_code = ? and p.period_code = ? "
        "and p.start_date >= g.valid_from and p.start_date <= coalesce(g.valid_to, date '9999-12-31') order by 1",
        [group, period],
    )
    return [r["region_code"] for r in found]


def _history(published: Published, figure: dict[str, Any]) -> list[dict[str, Any]]:
    """What was published of it when. Who does not see everything is told nothing: a figure may have had another, closed source."""
    if not published.whole or published.closed:
        return []
    return published.rows(
        f"select {HISTORY} from core.indicator_history "
        "where indicator_id = ? and definition_version = ? and region_code = ? and period_code = ? order by known_from",
        [figure[key] for key in ("indicator_id", "definition_version", "region_code", "period_code")],
    )


def _used(cells: list[dict[str, Any]], definition: dict[str, Any], aggregated: bool) -> list[dict[str, Any]]:
    """A binding may have both a published figure and a ratio: the first is for regions, the second for groups."""
    published = any(c["role"] == "value" for c in cells)
    if published and not (aggregated and definition["aggregation"] == "ratio"):
        # A group has no margins: those of its members don't add up.
        return [c for c in cells if c["role"] == "value" or (c["role"] in _MARGINS and not aggregated)]
    return [c for c in cells if c["role"] in ("numerator", "denominator")]


@dataclass(frozen=True)
class Step:
    """One step of how a figure came about: which kind, and what is said in it. Kinds are those of :data:`ENGLISH`."""

    kind: str
    facts: dict[str, Any] = field(default_factory=dict)

    def said(self, texts: Mapping[str, str], number: Callable[[float], str]) -> str:
        """In the words of some language, numbers as that language writes them; of one thing as ``<kind>_1``, where that is there."""
        one = f"{self.kind}_1"
        return texts[one if self.facts.get("count") == 1 and one in texts else self.kind].format(
            **{name: number(fact) if isinstance(fact, float) else fact for name, fact in self.facts.items()}
        )

    @property
    def in_english(self) -> str:
        return self.said(ENGLISH, text)


ENGLISH = {
    "absent": "no source in this release: {note}",
    "kept": "kept from an earlier release: {note}",
    "kept_snapshot": "its snapshot is {snapshot}",
    "cells": "take {count} cell(s) of {tables}, bound by stem within topic groups (v3) or measure code (v4)",
    "country": "write the country's code as NL01",
    "no_group": "no figure for the group: {note}",
    "members": "add up over the {count} members {members}",
    "sum": "add the cells up",
    "minus": "{constant} minus that",
    "minus_unknown": "a constant minus that",
    "ratio": "{factor} × numerator / denominator = {factor} × {numerator} / {denominator}",
    "missing": "no figure: {reason}",
    "missing_because": "no figure: {reason} ({note})",
    "result": "= {value}",
    "margins": "margins (95%) from {lower} to {upper}, likewise",
    "break": "the series breaks here: {why}",
}


def _steps(
    figure: dict[str, Any], definition: dict[str, Any], cells: list[dict[str, Any]], members: list[str]
) -> list[Step]:
    note = figure["note"]
    if figure["method"] == "absent":
        return [Step("absent", {"note": note})]
    if figure["method"] == "kept":
        return [Step("kept", {"note": note}), Step("kept_snapshot", {"snapshot": figure["snapshot_id"]})]
    made = [c for c in cells if c["role"] not in _MARGINS]
    tables = ", ".join(sorted({c["table_id"] for c in made})) or figure["table_id"]
    steps = [Step("cells", {"count": len(made), "tables": tables})]
    if any(c["source_region"] != c["region_code"] for c in cells):
        steps.append(Step("country"))
    ratio = any(c["role"] == "numerator" for c in made)
    if figure["method"] == "aggregated":
        if definition["aggregation"] == "none":
            return [*steps, Step("no_group", {"note": note})]
        steps.append(Step("members", {"count": len(members), "members": ", ".join(members)}))
    elif len(made) > 1 and not ratio:
        steps.append(Step("sum"))
    if any(c["sign"] < 0 for c in made) and not ratio:
        steps.append(_minus(figure, made))
    if ratio:
        parts = {"factor": float(definition["factor"])} | {k: figure[k] for k in ("numerator", "denominator")}
        steps.append(Step("ratio", parts))
    if figure["value"] is None:
        kind = "missing_because" if note else "missing"
        steps.append(Step(kind, {"reason": figure["missing_reason"], "note": note}))
    else:
        steps.append(Step("result", {"value": figure["value"]}))
    if figure["lower_bound"] is not None:
        steps.append(Step("margins", {"lower": figure["lower_bound"], "upper": figure["upper_bound"]}))
    if figure["series_break"]:
        steps.append(Step("break", {"why": figure["series_break"]}))
    return steps


def _minus(figure: dict[str, Any], cells: list[dict[str, Any]]) -> Step:
    """What the cells were taken off from: the figure and the cells together say it."""
    if figure["value"] is None:
        return Step("minus_unknown")
    return Step(
        "minus", {"constant": float(round(figure["value"] - sum(c["sign"] * (c["value"] or 0) for c in cells), 10))}
    )


def _cell(
    cell: dict[str, Any], store: Store | None, cell_url: Callable[[dict[str, Any]], str | None]
) -> dict[str, Any]:
    kept = {
        key: cell[key]
        for key in (
            *("role", "sign", "table_id", "measure_code", "measure_title", "measure_path", "unit"),
            *("source_region", "period_code", "dimensions", "value", "missing_reason"),
            *("snapshot_id", "origin", "url", "fetched_at", "modified", "sha256"),
        )
    }
    return kept | {"look_up": cell_url(cell), "verified": _verify(cell, store) if store else None}


def _verify(cell: dict[str, Any], store: Store) -> str:
    """Whether the snapshot on disk is untouched and says the same: read again, not believed."""
    import duckdb

    known = [*store.all(cell["table_id"]), store.sample(cell["table_id"])]
    snapshot = next((s for s in known if s and s.snapshot_id == cell["snapshot_id"]), None)
    if snapshot is None:
        return "the snapshot is not on this machine"
    if damaged := snapshot.damaged():
        return f"the snapshot was changed since: {', '.join(damaged)}"
    conditions, values = [], []
    for dimension, code in (
        (snapshot.region_dimension, cell["source_region"]),
        (snapshot.time_dimension, cell["period_code"]),
        *(cell["dimensions"] or {}).items(),
    ):
        if dimension:
            conditions.append(f'"{dimension}" = ?')
            values.append(code)
    column = f'"{cell["measure_code"]}"'
    if snapshot.layout == "long":
        conditions.append('"Measure" = ?')
        values.append(cell["measure_code"])
        column = '"Value"'
    with duckdb.connect() as con:
        found = con.execute(
            f"select {column}::double from read_parquet({literal(snapshot.file('data.parquet'))}) where {' and '.join(conditions)}",
            values,
        ).fetchall()
    if len(found) == 1 and found[0][0] == cell["value"]:
        return "the snapshot on disk is untouched and has the same value"
    return f"the snapshot on disk says {[row[0] for row in found]}"
