"""Write the sample's boundaries: ``python -m ingest.sample.areas --gemeenten 2022=FILE --buurten 2024=FILE [--names FILE]``.

The files are GeoJSON with a ``code`` and a ``name`` per area; wijken are their buurten put together. ``--names`` is a CSV with
columns ``code`` and ``name``, for what the GeoJSON does not name. From the boundaries in a data folder the sample can be
cut as every other table is: ``python -m ingest.sample.build gebiedsgrenzen``.

Source of the boundaries: CBS and Kadaster, licence CC BY 4.0.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from ingest.boundaries.asking import address, wanted
from ingest.boundaries.landing import PERIOD, REGION, write
from ingest.boundaries.shapes import fitted, simplified
from ingest.datacenter import here
from ingest.registry import Registry
from ingest.settings import Settings
from ingest.snapshot import AREAS, SAMPLE, Landing, Snapshot, now

TABLE = "gebiedsgrenzen"
#: Metres: how wide a slit between two buurten is closed.
SLIT = 150.0
#: What the sample's buurten are not good for, told wherever they are shown.
NOTE = (
    "simplified boundaries, good for maps and not for measuring; those of wijken and buurten are approximations that "
    "were fitted to the municipal boundaries"
)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m ingest.sample.areas")
    parser.add_argument("--gemeenten", required=True, metavar="YEAR=FILE")
    parser.add_argument("--buurten", required=True, metavar="YEAR=FILE")
    parser.add_argument("--names", type=Path)
    asked = parser.parse_args(arguments)
    names = _names(asked.names) if asked.names else {}
    year, _, file = asked.gemeenten.partition("=")
    rows = _rows(year, _features(Path(file)), names)
    year, _, file = asked.buurten.partition("=")
    buurten = _without_gaps(_features(Path(file)))
    rows += _rows(year, _wijken(buurten), names) + _rows(year, buurten, names)
    made = _lay_down(rows, year)
    print(f"{made.row_count} areas, {sum(f['bytes'] for f in made.files.values()) / 1000:.0f} kB in {made.path}")
    return 0


def _names(file: Path) -> dict[str, str]:
    with file.open(encoding="utf-8", newline="") as opened:
        return {line["code"]: line["name"] for line in csv.DictReader(opened)}


def _features(file: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    """Name and geometry by code, of the areas that maps of this region show."""
    center = here()
    kinds = {"GM": "gemeente", "WK": "wijk", "BU": "buurt"}
    features = json.loads(file.read_text(encoding="utf-8"))["features"]
    known = {f["properties"]["code"]: (f["properties"]["name"], f["geometry"]) for f in features}
    return {code: known[code] for code in sorted(known) if wanted(code, kinds[code[:2]], center)}


def _without_gaps(areas: dict[str, tuple[str, dict[str, Any]]]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Approximations leave slits between neighbours."""
    from shapely.geometry import mapping

    shapes = fitted([geometry for _, geometry in areas.values()], SLIT)
    return {code: (name, mapping(shape)) for (code, (name, _)), shape in zip(areas.items(), shapes, strict=True)}


def _wijken(buurten: dict[str, tuple[str, dict[str, Any]]]) -> dict[str, tuple[str, dict[str, Any]]]:
    from shapely import union_all
    from shapely.geometry import mapping, shape

    parts: dict[str, list[Any]] = {}
    for code, (_, geometry) in buurten.items():
        parts.setdefault("WK" + code[2:8], []).append(shape(geometry))
    return {code: (code, mapping(union_all(shapes))) for code, shapes in parts.items()}


def _rows(
    year: str, areas: dict[str, tuple[str, dict[str, Any]]], names: dict[str, str]
) -> list[tuple[str, str, str, str]]:
    shapes = simplified([geometry for _, geometry in areas.values()])
    return [
        (f"{int(year)}JJ00", code, names.get(code, name), geometry)
        for (code, (name, _)), geometry in zip(areas.items(), shapes, strict=True)
    ]


def _lay_down(rows: list[tuple[str, str, str, str]], year: str) -> Snapshot:
    table, target = Registry.load().tables[TABLE], SAMPLE / TABLE
    with tempfile.TemporaryDirectory(dir=SAMPLE) as scratch:
        folder, out = Path(scratch) / "landing", Path(scratch) / "out"
        folder.mkdir()
        out.mkdir()
        metadata = write(folder, table, rows, origin="sample")
        (folder / "metadata.json.zst").unlink()
        made = Landing(folder).commit(
            out,
            **{"source_id": table.source_id, "table_id": TABLE, "title": table.title, "protocol": table.protocol},
            **{"catalog": "pdok", "origin": "sample", "layout": AREAS, "url": address(Settings.pdok_url, int(year))},
            **{"fetched_at": now(), "modified": f"{int(year)}-01-01", "stamp": {"sample": "areas"}},
            **{"row_count": len(rows), "expected_count": len(rows), "count_source": "the files that it was made from"},
            **{"region_dimension": REGION, "time_dimension": PERIOD, "other_dimensions": [], "period": None},
            **{"filter": None, "scope": here().slug, "schema_fingerprint": metadata.fingerprint},
            **{"licence": table.licence, "attribution": table.attribution, "warnings": [NOTE], "pages": []},
        )
        shutil.rmtree(target, ignore_errors=True)
        made.path.rename(target)
    return Snapshot.read(target)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
