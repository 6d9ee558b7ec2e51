"""Every declared table in its real shape: the keys, units, topic groups and members that were seen, and made figures.

The figures are made, not CBS's: each follows from its table, column, region, period and members alone, so that two processes make the
same. They are of a size that fits the unit, and a whole is never smaller than its parts. Titles say that they are made.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from ingest.declaration import Table as Declared
from ingest.registry import Registry
from ingest.seen import SeenColumn, SeenTable, seen
from tests.orchestration.kwb import WIJKEN
from tests.standin.compact import Dim, Group, Topic
from tests.standin.v3 import V3Table

OURS = ("GM1724", "GM1728", "GM0770", "GM0823", "GM1667")
OTHERS = ("GM0772", "GM0866", "GM1723")
LARGE = ("NL01", "PV30", "CR36")
#: How wide a publisher writes the codes of a dimension, where that is not CBS's usual width.
WIDTHS = {"50150NED": 12, "50120NED": 12}
DETAIL = ("WijkenEnBuurten", "Wijken")
REGIONS = (*DETAIL, "RegioS", "Regio", "Regiokenmerken", "RegioIndeling2021", "Gemeenten")

#: The periods of a table with a time dimension; years around now where nothing is said.
PERIODS: dict[str, Sequence[str]] = {
    "47022NED": ("2024JJ00", "2024MM11", "2024MM12"),
    "50150NED": ("2012JJ00", "2016JJ00", "2020JJ00", "2022JJ00", "2024JJ00"),
    "60048ned": ("2023JJ00", "2024JJ00", "2024KW04", "2024MM12"),
    "81955NED": ("2022JJ00", "2023JJ00", "2024JJ00"),
    "82900NED": ("2022JJ00", "2023JJ00"),
    "83671NED": ("2023JJ00", "2024JJ00", "2024KW04"),
    "83674NED": ("2016JJ00",),
    "84780NED": ("2022SJ00", "2023SJ00"),
    "85171NED": ("2030JJ00", "2040JJ00"),
    "86098NED": ("2024JJ00", "2025JJ00", "2025MM01"),
    "86158NED": ("2025JJ00",),
    "86286NED": ("2024JJ00", "2025JJ00"),
}
#: Tables of which the five are no part: it has the large municipalities only.
WITHOUT_OURS = ("85171NED",)

#: The value itself, and the bounds around it.
MARGINS = ("MW00000", "MOG0095", "MBG0095")

#: What others are a part of.
_WHOLES = ("AantalInwoners", "HuishoudensTotaal", "TotaleBevolking", "BeginstandVoorraad", "EindstandVoorraad")
_TEXTS = {"naam": "Gebied", "omschrijving": "Gebied"}
_SHARE, _RATE = 900, 500


def shaped_tables(skip: Iterable[str] = ()) -> list[V3Table]:
    """All tables that are taken by default and that something was seen of, but for those that are served otherwise."""
    skipped = set(skip)
    return [
        shaped(declared, seen()[declared.id])
        for declared in Registry.load().tables.values()
        if declared.protocol == "v3" and not declared.on_request and declared.id not in skipped
    ]


def shaped(declared: Declared, shape: SeenTable) -> V3Table:
    """One table: as many columns as were seen, each dimension with its members, regions and periods."""
    dims = [_dimension(declared, key, members) for key, members in shape.members.items()]
    if not any(d.key in REGIONS for d in dims):
        dims.append(_dimension(declared, "RegioS", {}))
    flags = [c for c in shape.columns if "Indelingswijziging" in c.key]
    by_stem = {c.stem: c.key for c in shape.columns}
    rows = []
    for codes in itertools.product(*(d.codes for d in dims)):
        row: dict[str, Any] = dict(zip((d.key for d in dims), codes, strict=True))
        region = next(row[d.key] for d in dims if d.key in REGIONS)
        row |= {c.key: figure(declared.id, c, region, codes) for c in shape.columns}
        row |= {c.key: "1" if region[:2] in ("WK", "BU") else "." for c in flags}
        if (density := by_stem.get("Bevolkingsdichtheid")) and "OppervlakteLand" in by_stem:
            row[density] = round(100 * row[by_stem["AantalInwoners"]] / row[by_stem["OppervlakteLand"]])
        rows.append(row)
    return V3Table.build(
        declared.id,
        title=f"{declared.title} (made figures)",
        dims=dims,
        topics=_grouped(shape.columns),
        rows=rows,
        catalog={"rivm": "RIVM", "politie": "Politie"}.get(declared.source_id, "CBS"),
        period=declared.period[:4] if declared.period else "",
    )


def figure(table: str, column: SeenColumn, region: str, codes: Sequence[str]) -> Any:
    """The made figure of a cell; one in forty is missing."""
    margin = next((code[:3] for code in codes if code in MARGINS), "")
    said = "|".join((table, column.key, *(code for code in codes if code not in MARGINS)))
    number = int.from_bytes(hashlib.sha256(said.encode()).digest()[:4], "big")
    if column.unit in _TEXTS:
        return f"{_TEXTS[column.unit]} {region}"
    if column.unit == "code":
        return 1 + number % 5 if column.stem == "MateVanStedelijkheid" else str(1 + number % 5)
    whole = column.stem in _WHOLES or (column.unit == "ha" and column.stem.startswith(("Oppervlakte", "TotaleOpp")))
    if number % 40 == 0 and not whole:
        return None
    if column.unit == "%":
        return round(5 + number % _SHARE / 10 + {"MOG": -3, "MBG": 3}.get(margin, 0), 1)
    if column.unit.startswith("per ") or column.unit in ("km", "kg per inwoner"):
        return number % _RATE / 10
    size = {"NL": 1000, "PV": 150, "CR": 40, "GM": 10, "WK": 3}.get(region[:2], 1)
    return size * (10_000 + number % 10_000 if whole else 100 + number % 900)


def _dimension(declared: Declared, key: str, members: dict[str, str]) -> Dim:
    if key in REGIONS:
        codes: list[str] = list(LARGE)
        if key in DETAIL:
            codes[0] = "NL01" if declared.source_id != "cbs" else "NL00"
        if declared.id in WITHOUT_OURS:
            codes += ["GM0772"]
        else:
            codes += [*OURS, *OTHERS]
        if key in DETAIL:
            codes += [part for wijk in WIJKEN for part in (wijk, f"BU{wijk[2:]}00")]
        kind = "GeoDetail" if key in DETAIL else "GeoDimension"
        return Dim(key, {c: {"Title": f"Gebied {c}"} for c in codes}, kind=kind, width=WIDTHS.get(declared.id))
    if key == "Perioden":
        return Dim(key, tuple(PERIODS.get(declared.id, ("2022JJ00", "2023JJ00", "2024JJ00"))), kind="TimeDimension")
    return Dim(key, {code: title or code for code, title in members.items()})


def _grouped(columns: Sequence[SeenColumn]) -> list[Topic | Group]:
    out: list[Topic | Group] = []
    for column in columns:
        texts = column.unit in _TEXTS or (column.unit == "code" and column.stem != "MateVanStedelijkheid")
        decimal = column.unit in ("%", "km") or column.unit.startswith("per ") or column.unit == "kg per inwoner"
        member: Topic | Group = Topic(
            column.key,
            title=column.title,
            unit=column.unit,
            decimals=1 if decimal else 0,
            datatype="String" if texts else "",
        )
        for title in reversed([t for t in column.path.split(" > ") if t]):
            member = Group(title, [member])
        out.append(member)
    return out
