"""Protected figures as a snapshot, in the form that StatLine's v4 tables have: the way of the data is one from here on.

``ValueAttribute`` says why a figure is not there: ``Suppressed`` (hidden by disclosure control), ``NotAvailable`` (it could
not be made), ``Impossible`` (it can't exist), or what a delivery says of it (``DELIVERED``). ``rules.parquet`` lies in the
snapshot as well: by which rules each measure was protected, so that whoever audits the release needs nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import zstandard

from ingest.datacenter import here
from ingest.engine import duck
from ingest.metadata import Codes, Dimension, Measure, Metadata, write_metadata
from ingest.municipal.contract import TOTAL, Contract
from ingest.municipal.counting import Key
from ingest.municipal.region import Geography
from ingest.rules import COLUMNS
from ingest.snapshot import Snapshot, Store
from ingest.sql import literal

REGION, PERIOD = "Gebied", "Perioden"
SUPPRESSED, NOT_AVAILABLE, IMPOSSIBLE = "Suppressed", "NotAvailable", "Impossible"

#: Why a figure is missing in the delivery itself (``missing`` of a column), as ValueAttribute.
DELIVERED = {
    **{"confidential": "Confidential", "not_available": NOT_AVAILABLE, "impossible": IMPOSSIBLE},
    **{"not_yet_published": "NotYetPublished", "unknown": "Unknown"},
}


@dataclass(frozen=True)
class Observed:
    """A figure as it is published: ``attribute`` says why there is none."""

    key: Key
    period: str
    value: float | None
    attribute: str = "None"


def write(
    store: Store,
    contract: Contract,
    observed: Iterable[Observed],
    geography: Geography,
    at: str,
    modified: str,
    stamp: dict[str, str],
    warnings: list[str],
) -> Snapshot:
    """Lay the figures down as a snapshot of the contract's table."""
    figures = sorted(observed, key=lambda o: (o.period, o.key))
    metadata = _metadata(contract, figures, geography)
    dimensions = contract.observation.dimensions
    if contract.sharing_level != "public":
        # Whoever may read the data folder may not read this one.
        folder = store.root / contract.id
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    with store.landing(contract.id, json.dumps(stamp, sort_keys=True), (Exception,)) as landing:
        lines = landing.path / "data.json"
        with lines.open("w", encoding="utf-8") as file:
            for number, item in enumerate(figures):
                measure, region, *members = item.key
                record = {"Id": number, "Measure": measure, "ValueAttribute": item.attribute, "Value": item.value}
                record |= {"StringValue": None, REGION: region, PERIOD: item.period}
                file.write(json.dumps(record | dict(zip(dimensions, members, strict=True)), ensure_ascii=False) + "\n")
        columns = {"Id": "BIGINT", "Measure": "VARCHAR", "ValueAttribute": "VARCHAR", "Value": "DOUBLE"}
        columns |= dict.fromkeys(("StringValue", REGION, PERIOD, *dimensions), "VARCHAR")
        shape = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
        with duck() as con:
            con.execute(
                f"copy (select *, 'live' as origin from read_json({literal(lines)}, format = 'newline_delimited', "
                f"columns = {{{shape}}})) to {literal(landing.path / 'data.parquet')} (format parquet, compression zstd)"
            )
            _write_rules(con, landing.path, contract)
            write_metadata(con, landing.path, metadata)
        lines.unlink()
        (landing.path / "metadata.json.zst").write_bytes(
            zstandard.ZstdCompressor(level=1).compress(json.dumps(metadata.raw, ensure_ascii=False).encode())
        )
        return landing.commit(
            store.root / contract.id,
            source_id=contract.table.source_id,
            table_id=contract.id,
            title=contract.title,
            protocol="municipal",
            catalog="municipal",
            origin="live",
            layout="long",
            url=f"drop:{contract.id}",
            fetched_at=at,
            modified=modified,
            stamp=stamp,
            row_count=len(figures),
            expected_count=len({(o.period, o.key) for o in figures}),
            count_source="the regions, periods, members and measures of the contract",
            region_dimension=REGION,
            time_dimension=PERIOD,
            other_dimensions=list(dimensions),
            period=None,
            filter=None,
            scope=here().slug,
            schema_fingerprint=metadata.fingerprint,
            licence=contract.licence,
            attribution=contract.table.attribution or "",
            warnings=warnings,
            pages=[],
        )


def _metadata(contract: Contract, figures: list[Observed], geography: Geography) -> Metadata:
    dimensions = [
        Dimension(REGION, "region", "Gebied", 0),
        Dimension(PERIOD, "time", "Perioden", 1),
        *(
            Dimension(name, "other", contract.by_name[name].title or name, 2 + n)
            for n, name in enumerate(contract.observation.dimensions)
        ),
    ]
    year = max((int(o.period[:4]) for o in figures), default=0)
    codes = {
        REGION: Codes.named({c: geography.name(c, year) for c in sorted({o.key[1] for o in figures})}),
        PERIOD: Codes.named({p: _period_title(p) for p in sorted({o.period for o in figures})}),
    }
    for name in contract.observation.dimensions:
        codes[name] = Codes.named({TOTAL: TOTAL} | contract.by_name[name].members)
    measures = tuple(
        Measure(
            *(m.code, m.code, m.title, "", m.unit, "Double" if m.decimals else "Long", m.decimals, m.description, n)
        )
        for n, m in enumerate(contract.observation.measures)
    )
    info = {"title": contract.title, "owner": contract.owner, "purpose": contract.purpose}
    return Metadata(tuple(dimensions), codes, measures, info, {"contract": contract.model_dump(mode="json")})


def _period_title(code: str) -> str:
    year, kind, number = code[:4], code[4:6], int(code[6:] or 0)
    return {
        "JJ": year,
        "HJ": f"{year} {number}e halfjaar",
        "KW": f"{year} {number}e kwartaal",
        "MM": f"{year} {number:02d}",
    }.get(kind, code)


def _write_rules(con: Any, folder: Any, contract: Contract) -> None:
    """How each measure was protected, one row per measure."""
    shape = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    con.execute(f"create temp table rule ({shape})")
    for m in contract.observation.measures:
        kind = "ratio" if m.ratio else "value" if m.value else "amount" if m.is_amount else "count"
        kind = "distinct" if m.count == "distinct" else kind
        numerator, denominator = m.ratio or (None, None)
        row = {
            **{"table_id": contract.id, "measure_code": m.code, "kind": kind, "units": contract.disclosure.units},
            **asdict(contract.disclosure.rules),
            **{"numerator": numerator, "denominator": denominator, "why": contract.disclosure.why},
        }
        con.execute(f"insert into rule values ({', '.join('?' * len(COLUMNS))})", [row[name] for name in COLUMNS])
    con.execute(f"copy rule to {literal(folder / 'rules.parquet')} (format parquet, compression zstd)")
