"""From a cell of a municipal table back to the delivery that it was counted from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ingest.municipal.contract import Contract
from ingest.municipal.layer import Layer, stamp_id

if TYPE_CHECKING:
    from ingest.home import Home
    from ingest.snapshot import Snapshot


def provenance(home: Home, snapshot: Snapshot, cell: dict[str, Any]) -> dict[str, Any]:
    """Where a cell of a municipal table comes from: contract, rule of counting, disclosure control, delivery.

    From the contract as it was when the snapshot was made, which lies in the snapshot. The delivery is in the municipal layer,
    for its owner's eyes; anyone else gets ``delivery: None`` with the reason in ``note``.

    :param cell: ``table_id``, ``snapshot_id``, ``measure_code``, ``source_region``, ``period_code``.
    """
    import zstandard

    packed = snapshot.file("metadata.json.zst").read_bytes()
    contract = Contract.model_validate(json.loads(zstandard.ZstdDecompressor().decompress(packed))["contract"])
    place = f"GM{cell['source_region'][2:6]} {cell['period_code']}"
    delivery, note = None, ""
    layer = Layer(home.settings.municipal, contract.id)
    try:
        used = layer.used(stamp_id(snapshot.stamp)).get(place)
        delivery = next((d for d in layer.deliveries() if d.delivery_id == used), None)
        if delivery is None:
            note = f"which delivery brought {place} was not written down on this machine"
    except PermissionError:
        note = "the municipal layer can be read by its owner only"
    facts = ("name", "at", "sha256", "bytes", "way_in", "received", "accepted", "quarantined", "dropped")
    d = contract.disclosure
    return {
        "contract": contract.model_dump(
            mode="json",
            include={"id", "title", "owner", "purpose", "legal_basis", "processing_register", "sharing_level"},
        ),
        "counting": counting(contract, cell["measure_code"]),
        "disclosure": d.model_dump(mode="json", exclude={"threshold"}) | {"threshold": d.least},
        "delivery": {name: getattr(delivery, name) for name in facts} if delivery else None,
        "note": note,
    }


def counting(contract: Contract, measure_code: str) -> str:
    """How a measure is made of the rows of a delivery, in words."""
    measure = next(m for m in contract.observation.measures if m.code == measure_code)
    if measure.ratio:
        return f"{measure.factor:g} x {measure.ratio[0]} / {measure.ratio[1]}, divided from the figures as they are published"
    if measure.sum:
        said = f"column {measure.sum} added up"
    elif measure.value:
        said = f"column {measure.value} as delivered"
    else:
        key = contract.of_type("key")
        said = f"different {key.name} counted" if measure.count == "distinct" and key else "rows counted"
    for column, values in measure.where.items():
        said += f", where {column} is {' or '.join(values)}"
    o = contract.observation
    return f"{said}; per {', '.join(o.levels)} and {o.period_type} of {o.period}"
