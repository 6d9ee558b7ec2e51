"""The bundled sample as tables of the stand-in: real CBS figures on the wire, in a clone that has nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from ingest.registry import ON_REQUEST, Registry
from ingest.snapshot import SAMPLE, Snapshot
from tests.standin import Dim, Group, Missing, Table, Topic, V3Table, V4Table

_KIND = {"region": "GeoDimension", "time": "TimeDimension", "other": "Dimension"}


def sample_tables() -> list[Table]:
    """Every table of the sample, as its service would serve it."""
    return [
        _table(Snapshot.read(SAMPLE / t.id))
        for t in Registry.load().tables.values()
        if (SAMPLE / t.id).is_dir() and t.protocol != "boundaries"
    ]


def only_the_sample(home: Path, boundaries: bool = False) -> None:
    """Let a data folder take by default the tables that the stand-in for CBS has of the sample, and the others on request.

    :param boundaries: the boundaries of the sample as well, which the stand-in does not have.
    """
    file = home / "sources" / ON_REQUEST
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    tables = Registry.load().tables.values()
    taken = [t.id for t in tables if (SAMPLE / t.id).is_dir() and (boundaries or t.protocol != "boundaries")]
    others = [t.id for t in tables if t.protocol != "municipal" and t.id not in taken]
    file.write_text("".join(f"{table_id}\n" for table_id in others), encoding="utf-8")


def _table(snapshot: Snapshot) -> Table:
    with duckdb.connect() as con:

        def read(name: str) -> list[dict[str, Any]]:
            cursor = con.execute(f"select * from read_parquet('{snapshot.file(name)}')")
            names = [c[0] for c in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        dimensions, codes, measures, rows = (read(f"{n}.parquet") for n in ("dimensions", "codes", "measures", "data"))
    dims = []
    for dimension in sorted(dimensions, key=lambda d: d["position"]):
        members = {
            c["code"]: {"Title": c["title"], "Description": c["description"]}
            | ({"Status": c["status"]} if c["status"] else {})
            for c in sorted(codes, key=lambda c: c["position"])
            if c["dimension"] == dimension["key"]
        }
        kind = "GeoDetail" if dimension["key"] == "WijkenEnBuurten" else _KIND[dimension["kind"]]
        dims.append(Dim(dimension["key"], members, kind=kind, title=dimension["title"]))
    topics = [_topic(m) for m in sorted(measures, key=lambda m: m["position"])]
    keys = [d.key for d in dims]
    if snapshot.layout == "wide":
        content = [{k: v for k, v in row.items() if k not in ("ID", "origin")} for row in rows]
        return V3Table.build(
            snapshot.table_id,
            title=snapshot.title,
            dims=dims,
            topics=_grouped(measures, topics),
            rows=content,
            modified=snapshot.modified,
        )
    wide: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        value = row["Value"] if row["ValueAttribute"] == "None" else Missing(row["ValueAttribute"])
        wide.setdefault(tuple(row[k] for k in keys), {k: row[k] for k in keys})[row["Measure"]] = value
    return V4Table.build(
        snapshot.table_id,
        title=snapshot.title,
        dims=dims,
        measures=topics,
        rows=list(wide.values()),
        modified=snapshot.modified,
        padded_regions=True,
    )


def _topic(measure: dict[str, Any]) -> Topic:
    return Topic(
        measure["code"],
        title=measure["title"],
        unit=measure["unit"] or "",
        decimals=measure["decimals"] or 0,
        datatype=measure["datatype"],
    )


def _grouped(measures: list[dict[str, Any]], topics: list[Topic]) -> list[Topic | Group]:
    """Topics under their topic groups again; a run of topics with one path shares its groups."""
    by_code = {t.key: t for t in topics}
    out: list[Topic | Group] = []
    for measure in sorted(measures, key=lambda m: m["position"]):
        member: Topic | Group = by_code[measure["code"]]
        for title in reversed([t for t in measure["path"].split(" > ") if t]):
            member = Group(title, [member])
        out.append(member)
    return out
