"""A GeoPackage: a theme's figures on the boundaries of their regions, for QGIS and other GIS.

The boundaries are those of the release (``core.region_boundary``: simplified, of the year of the figure or the nearest that there
is). Whoever wants others puts files with them (GeoPackage, GeoJSON, Shapefile) in ``$RDC_HOME/geo``, for instance CBS's "Wijk- en
buurtkaart" of PDOK: these are used instead. A file's column with region codes is found by what is in it. Read and written by
DuckDB's spatial extension, which comes as a package; nothing is downloaded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import duckdb

from ingest.sql import identifier, literal
from warehouse.export import parquet
from warehouse.export.extraction import ExportError, Extract

_SUFFIXES = (".gpkg", ".geojson", ".json", ".shp", ".fgb")
#: WGS 84, longitude first: what every GIS takes without asking.
_SRS = "EPSG:4326"
_CODE = "^(NL\\d{2}|LD\\d{2}|PV\\d{2}|CR\\d{2}|GM\\d{4}|WK\\d{6}|BU\\d{8})$"


def pieces(extracted: Extract, geo: Path | None) -> Iterator[bytes]:
    """:raises ExportError: no boundaries are at hand, none of these regions is among them, or the extension is not there."""
    files = sorted(f for f in geo.iterdir() if f.suffix.lower() in _SUFFIXES) if geo and geo.is_dir() else []
    if not files and ("core", "region_boundary") not in extracted.published.tables:
        raise ExportError(
            f"A GeoPackage needs boundaries, and this release has none: put a GeoPackage or GeoJSON with region codes in "
            f"{geo or '$RDC_HOME/geo'} (such as CBS's Wijk- en buurtkaart from PDOK) and try again."
        )
    with tempfile.TemporaryDirectory(prefix="rdc-", dir=extracted.published.scratch) as folder, duckdb.connect() as con:
        con.execute(f"load {literal(str(_extension('spatial')))}")
        own = Path(folder) / "boundaries.parquet"
        parts = [part for file in files if (part := _boundaries(con, file))] if files else [_of_release(extracted, own)]
        if not parts:
            raise ExportError(
                f"No file in {geo} has a column with region codes such as GM0770: {', '.join(f.name for f in files)}."
            )
        figures, target = Path(folder) / "figures.parquet", Path(folder) / f"{extracted.name}.gpkg"
        parquet.write(extracted, figures)
        con.execute(
            f"create table boundary as select code, year, any_value(geom) as geom from ({' union all '.join(parts)}) group by all"
        )
        con.execute(
            f"create view figure as select *, try_cast(period_code[:4] as integer) as of_year from read_parquet({literal(str(figures))})"
        )
        con.execute(
            "create table nearest as select region_code, of_year, geom from (select distinct region_code, of_year from figure) "
            "inner join boundary on boundary.code = region_code qualify row_number() over "
            "(partition by region_code, of_year order by abs(year - of_year), year desc) = 1"
        )
        con.execute(
            "create table feature as select figure.* exclude (of_year), nearest.geom from figure inner join nearest "
            "on nearest.region_code = figure.region_code and nearest.of_year is not distinct from figure.of_year "
            "order by figure.region_code, figure.period_code"
        )
        [(rows,)] = con.execute("select count(*) from feature").fetchall()
        extracted.left_out = extracted.count() - rows
        if not rows:
            place = ", ".join(f.name for f in files) or "this release"
            raise ExportError(f"None of the regions asked for has a boundary in {place}.")
        con.execute(
            f"copy feature to {literal(str(target))} (format gdal, driver 'GPKG', layer_name {literal(extracted.name)}, srs '{_SRS}')"
        )
        yield from parquet.read(target)


def _of_release(extracted: Extract, file: Path) -> str:
    """SQL for the codes, years and shapes that the release has; they go through a file, as the reader of figures has no shapes."""
    extracted.published.con.execute(
        "copy (select region_code as code, valid_year::integer as year, geometry from core.region_boundary) "
        f"to {literal(str(file))} (format parquet)"
    )
    return f"select code, year, st_geomfromgeojson(geometry) as geom from read_parquet({literal(str(file))})"


def _boundaries(con: duckdb.DuckDBPyConnection, file: Path) -> str | None:
    """SQL for the codes and shapes of a file (of no year in particular), or None when no column of it has region codes."""
    source = f"st_read({literal(str(file))})"
    try:
        described = con.execute(f"describe select * from {source}").fetchall()
        [(layers,)] = con.execute(f"select layers from st_read_meta({literal(str(file))})").fetchall()
    except duckdb.Error as error:
        raise ExportError(f"{file} can't be read as boundaries: {' '.join(str(error).split())[:200]}") from error
    shape = next((name for name, kind, *_ in described if kind.startswith("GEOMETRY")), None)
    for name, kind, *_ in described:
        if shape and kind == "VARCHAR":
            quoted = identifier(name)
            [(codes, rows)] = con.execute(
                f"select count(*) filter (regexp_matches(trim({quoted}), '{_CODE}')), count(*) from {source}"
            ).fetchall()
            if rows and codes >= 0.9 * rows:
                crs = layers[0]["geometry_fields"][0]["crs"]
                known = f"{crs['auth_name']}:{crs['auth_code']}" if crs and crs.get("auth_code") else _SRS
                geometry = f'"{shape}"'
                if known != _SRS:
                    geometry = f"st_transform({geometry}, '{known}', '{_SRS}', always_xy := true)"
                return (
                    f"select trim({quoted}) as code, null::integer as year, {geometry}::geometry as geom from {source}"
                )
    return None


def _extension(name: str) -> Path:
    """Where the package of an extension has it."""
    spec = find_spec(f"duckdb_extension_{name}")
    place = Path(spec.origin).parent if spec and spec.origin else Path()
    found = sorted(place.glob(f"extensions/v{duckdb.__version__}/{name}.duckdb_extension"))
    if not found:
        raise ExportError(f"A GeoPackage needs the package duckdb-extension-{name}=={duckdb.__version__}.")
    return found[0]
