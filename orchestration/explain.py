"""How ``rdc explain`` draws a figure's chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from ingest.settings import Settings
from ingest.snapshot import Snapshot
from ingest.source import source_of
from orchestration.show import Branch, plain
from orchestration.workspace import Workspace


def cell_url(work: Workspace) -> Callable[[dict[str, Any]], str | None]:
    """The address at which a cell can be looked up at the source that the settings name."""

    @cache
    def of(table_id: str, snapshot_id: str) -> Snapshot | None:
        found = next((s for s in work.store.all(table_id) if s.snapshot_id == snapshot_id), None)
        return found or work.store.sample(table_id)

    def url(cell: dict[str, Any]) -> str | None:
        table = work.registry.tables.get(cell["table_id"])
        if table is None:
            return None
        snapshot = of(table.id, cell["snapshot_id"])
        if snapshot is None:
            return None
        keys = {snapshot.region_dimension: cell["source_region"], snapshot.time_dimension: cell["period_code"]}
        keys |= cell["dimensions"] or {}
        return source_of(table).cell_url(work, table, {k: v for k, v in keys.items() if k and v}, cell["measure_code"])

    return url


@dataclass
class LookUp:
    """:func:`cell_url` for the service and for the processes that draw the static site: the data folder is opened when a cell is
    first asked for."""

    settings: Settings

    def __call__(self, cell: dict[str, Any]) -> str | None:
        return self._url(cell)

    @cached_property
    def _url(self) -> Callable[[dict[str, Any]], str | None]:
        return cell_url(Workspace.open(self.settings))

    def __getstate__(self) -> dict[str, Any]:
        """What another process gets opens the folder itself."""
        return {"settings": self.settings}


def provenance(work: Workspace) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    """What the source of a cell can tell of where it comes from, besides what its snapshot says."""

    def of_cell(cell: dict[str, Any]) -> dict[str, Any] | None:
        found = (s for s in work.store.all(cell["table_id"]) if s.snapshot_id == cell["snapshot_id"])
        snapshot = next(found, None)
        return source_of(snapshot).provenance(work, snapshot, cell) if snapshot else None

    return of_cell


def tree(explanation: dict[str, Any]) -> Branch:
    figure, definition = explanation["figure"], explanation["definition"]
    value = plain(figure["value"]) if figure["value"] is not None else f"no figure ({figure['missing_reason']})"
    root = Branch(
        f"{definition['name_nl']}, {figure['region_name'] or figure['region_code']} "
        f"({figure['region_code']}), {figure['period_code']}: {value} {figure['unit']}",
        strong=definition["name_nl"],
    )
    root.branch(
        f"release {figure['release']}, status {figure['period_status'] or 'not told by the source'}, {figure['method']}"
    )
    root.branch(f"about {figure['reference_period'] or 'an unknown date'}")
    if figure.get("lower_bound") is not None:
        root.branch(f"margins (95%): {plain(figure['lower_bound'])} to {plain(figure['upper_bound'])}")
    for label, why in (
        ("series break", figure.get("series_break")),
        ("no comparison", definition.get("not_comparable")),
    ):
        if why:
            root.branch(f"{label}: {why}")
    about = root.branch(f"definition (version {definition['version']}, from {definition['valid_from']})")
    about.branch(definition["definition"])
    for label, key in (
        *(("numerator", "numerator"), ("denominator", "denominator"), ("mind", "caveats")),
        *(("source", "source"), ("task field", "taakveld"), ("BBV indicator", "bbv")),
    ):
        if definition[key]:
            about.branch(f"{label}: {definition[key]}")
    for other in explanation["versions"]:
        if other["version"] != definition["version"]:
            until = f" to {other['valid_to']}" if other["valid_to"] else ""
            about.branch(
                f"version {other['version']}, from {other['valid_from']}{until}: {other['definition']} "
                f"({other['unit']})"
            )
    steps = root.branch("steps")
    for number, step in enumerate(explanation["steps"], 1):
        steps.branch(f"{number}. {step}")
    cells = root.branch(f"{len(explanation['cells'])} source cell(s)")
    for cell in explanation["cells"]:
        title = " > ".join(filter(None, [cell["measure_path"], cell["measure_title"]]))
        said = plain(cell["value"]) if cell["value"] is not None else f"no value ({cell['missing_reason']})"
        node = cells.branch(
            f"{said} {cell['unit'] or ''}  {cell['role']}  table {cell['table_id']}, column "
            f"{cell['measure_code']} ({title})",
            strong=said,
        )
        members = "".join(f", {k} {v}" for k, v in (cell["dimensions"] or {}).items())
        node.branch(f"row {cell['source_region']}, {cell['period_code']}{members}")
        node.branch(
            f"snapshot {cell['snapshot_id']} ({cell['origin']}), fetched {plain(cell['fetched_at'])}, Modified {cell['modified']}"
        )
        node.branch(f"from {cell['url']}")
        node.branch(f"SHA-256 {cell['sha256']}: {cell['verified']}")
        if cell["look_up"]:
            node.branch(f"look it up: {cell['look_up']}")
        if cell["delivered"]:
            _delivered(node.branch("delivered by a municipality"), cell["delivered"])
    if len(explanation["history"]) > 1:
        past = root.branch("published before")
        for row in explanation["history"]:
            said = plain(row["value"]) if row["value"] is not None else row["missing_reason"]
            past.branch(f"{said}: {row['known_from']} - {row['known_to'] or 'now'}")
    return root


def effect_tree(explanation: dict[str, Any]) -> Branch:
    """The chain of an answer on a policy choice; of each figure the cells that it was made from."""
    question, main = explanation["question"], explanation["methods"][0]
    root = Branch(
        f"{question['title']} ({question['region']}, from {question['from_period']}), {main['indicator']}: "
        f"{explanation['answer']}: {explanation['reason']}",
        strong=question["title"],
    )
    root.branch(f"release {explanation['release']}, {main['questions']} question(s) asked at once")
    mind = root.branch("mind")
    for line in explanation["caveats"]:
        mind.branch(line)
    methods = root.branch("methods")
    for method in explanation["methods"]:
        node = methods.branch(f"{method['method']}: {method['answer']}: {method['reason']}")
        if method["estimate"] is not None:
            low, high = method["interval"]
            node.branch(f"estimate {plain(method['estimate'])} {method['unit']}, from {plain(low)} to {plain(high)}")
    areas = root.branch(f"figures of {len(explanation['areas'])} area(s), by {main['method']}")
    for area in explanation["areas"]:
        share = "where it was done" if area["share"] is None else f"{area['share']:.1%} of the comparison"
        node = areas.branch(f"{area['region_name']} ({area['region_code']}): {share}")
        for figure in area["figures"]:
            told = node.branch(f"{figure['period_code']}: {plain(figure['value'])}")
            for cell in figure["cells"]:
                told.branch(
                    f"{plain(cell['value'])}  {cell['role']}  table {cell['table_id']}, column {cell['measure_code']}, row "
                    f"{cell['source_region']}, {cell['period_code']}, snapshot {cell['snapshot_id']}, SHA-256 {cell['sha256'][:12]}"
                )
    return root


def _delivered(node: Branch, found: dict[str, Any]) -> None:
    contract, rules, delivery = found["contract"], found["disclosure"], found["delivery"]
    node.branch(
        f"contract {contract['id']} ({contract['sharing_level']}): {contract['title']}, of {contract['owner']}; "
        f"{contract['purpose']} {contract['legal_basis']}, register {contract['processing_register']}"
    )
    node.branch(f"counted: {found['counting']}")
    if rules["units"] == "none":
        node.branch(f"disclosure control: none needed. {rules['why']}")
    else:
        node.branch(
            f"disclosure control: at least {rules['threshold']} {rules['units']}, rounded to {rules['rounding']} below "
            f"municipality level, zeros: {rules['zeros']}" + (f". {rules['why']}" if rules["why"] else "")
        )
    if delivery is None:
        node.branch(f"delivery: {found['note']}")
        return
    dropped = sum(delivery["dropped"].values())
    node.branch(
        f"delivery {delivery['name']} of {plain(delivery['at'])} ({delivery['way_in']}): {delivery['received']} rows = "
        f"{delivery['accepted']} accepted + {delivery['quarantined']} in quarantine + {dropped} dropped"
    )
    node.branch(f"SHA-256 of the file {delivery['sha256']}")
