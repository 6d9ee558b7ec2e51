"""How ``rdc explain`` draws a figure's chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from ingest.source import source_of
from orchestration.show import plain
from orchestration.workspace import Workspace


def cell_url(work: Workspace) -> Callable[[dict[str, Any]], str | None]:
    """The address at which a cell can be looked up at the source that the settings name."""

    def url(cell: dict[str, Any]) -> str | None:
        table = work.registry.tables.get(cell["table_id"])
        if table is None:
            return None
        snapshot = next((s for s in work.store.all(table.id) if s.snapshot_id == cell["snapshot_id"]), None)
        snapshot = snapshot or work.store.sample(table.id)
        if snapshot is None:
            return None
        keys = {snapshot.region_dimension: cell["source_region"], snapshot.time_dimension: cell["period_code"]}
        keys |= cell["dimensions"] or {}
        return source_of(table).cell_url(work, table, {k: v for k, v in keys.items() if k and v}, cell["measure_code"])

    return url


def provenance(work: Workspace) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    """What the source of a cell can tell of where it comes from, besides what its snapshot says."""

    def told(cell: dict[str, Any]) -> dict[str, Any] | None:
        found = (s for s in work.store.all(cell["table_id"]) if s.snapshot_id == cell["snapshot_id"])
        snapshot = next(found, None)
        return source_of(snapshot).provenance(work, snapshot, cell) if snapshot else None

    return told


def tree(found: dict[str, Any]) -> Tree:
    figure, definition = found["figure"], found["definition"]
    value = plain(figure["value"]) if figure["value"] is not None else f"no figure ({figure['missing_reason']})"
    root = Tree(
        f"[bold]{escape(definition['name_nl'])}[/], {escape(figure['region_name'] or figure['region_code'])} "
        f"({figure['region_code']}), {figure['period_code']}: [bold]{value}[/] {escape(figure['unit'])}"
    )
    root.add(
        f"release {figure['release']}, status {figure['period_status'] or 'not told by the source'}, {figure['method']}"
    )
    root.add(f"about {figure['reference_period'] or 'an unknown date'}")
    if figure.get("lower_bound") is not None:
        root.add(f"margins (95%): {plain(figure['lower_bound'])} to {plain(figure['upper_bound'])}")
    for label, why in (
        ("series break", figure.get("series_break")),
        ("no comparison", definition.get("not_comparable")),
    ):
        if why:
            root.add(f"{label}: {escape(why)}")
    about = root.add(f"definition (version {definition['version']}, from {definition['valid_from']})")
    about.add(escape(definition["definition"]))
    for label, key in (
        *(("numerator", "numerator"), ("denominator", "denominator"), ("mind", "caveats")),
        *(("source", "source"), ("task field", "taakveld"), ("BBV indicator", "bbv")),
    ):
        if definition[key]:
            about.add(f"{label}: {escape(str(definition[key]))}")
    for other in found["versions"]:
        if other["version"] != definition["version"]:
            until = f" to {other['valid_to']}" if other["valid_to"] else ""
            about.add(
                f"version {other['version']}, from {other['valid_from']}{until}: {escape(other['definition'])} "
                f"({escape(other['unit'])})"
            )
    steps = root.add("steps")
    for number, step in enumerate(found["steps"], 1):
        steps.add(f"{number}. {escape(step)}")
    cells = root.add(f"{len(found['cells'])} source cell(s)")
    for cell in found["cells"]:
        title = " > ".join(filter(None, [cell["measure_path"], cell["measure_title"]]))
        said = plain(cell["value"]) if cell["value"] is not None else f"no value ({cell['missing_reason']})"
        node = cells.add(
            f"[bold]{said}[/] {escape(cell['unit'] or '')}  {cell['role']}  table {cell['table_id']}, column "
            f"{escape(cell['measure_code'])} ({escape(title)})"
        )
        members = "".join(f", {k} {v}" for k, v in (cell["dimensions"] or {}).items())
        node.add(f"row {cell['source_region']}, {cell['period_code']}{members}")
        node.add(
            f"snapshot {cell['snapshot_id']} ({cell['origin']}), fetched {plain(cell['fetched_at'])}, Modified {cell['modified']}"
        )
        node.add(f"from {escape(cell['url'])}")
        node.add(f"SHA-256 {cell['sha256']}: {cell['verified']}")
        if cell["look_up"]:
            node.add(f"look it up: {escape(cell['look_up'])}")
        if cell["delivered"]:
            _delivered(node.add("delivered by a municipality"), cell["delivered"])
    if len(found["history"]) > 1:
        past = root.add("published before")
        for row in found["history"]:
            said = plain(row["value"]) if row["value"] is not None else row["missing_reason"]
            past.add(f"{said}: {row['known_from']} - {row['known_to'] or 'now'}")
    return root


def _delivered(node: Tree, found: dict[str, Any]) -> None:
    contract, rules, delivery = found["contract"], found["disclosure"], found["delivery"]
    node.add(
        escape(
            f"contract {contract['id']} ({contract['sharing_level']}): {contract['title']}, of {contract['owner']}; "
            f"{contract['purpose']} {contract['legal_basis']}, register {contract['processing_register']}"
        )
    )
    node.add(escape(f"counted: {found['counting']}"))
    if rules["units"] == "none":
        node.add(escape(f"disclosure control: none needed. {rules['why']}"))
    else:
        node.add(
            escape(
                f"disclosure control: at least {rules['threshold']} {rules['units']}, rounded to {rules['rounding']} below "
                f"municipality level, zeros: {rules['zeros']}" + (f". {rules['why']}" if rules["why"] else "")
            )
        )
    if delivery is None:
        node.add(escape(f"delivery: {found['note']}"))
        return
    dropped = sum(delivery["dropped"].values())
    node.add(
        escape(
            f"delivery {delivery['name']} of {plain(delivery['at'])} ({delivery['way_in']}): {delivery['received']} rows = "
            f"{delivery['accepted']} accepted + {delivery['quarantined']} in quarantine + {dropped} dropped"
        )
    )
    node.add(f"SHA-256 of the file {delivery['sha256']}")
