"""Every format reads back, with other people's readers, to the same figures and codes."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from jsonstat_validator import validate_jsonstat
from pyjstat import pyjstat

from tests.conftest import shared
from tests.warehouse.made import figure_of, publish
from warehouse.export import FORMATS, LONG_SHAPE, ExportError, extract, pieces, write
from warehouse.reading.published import Published
from warehouse.reading.reader import reading
from warehouse.releases.release import Releases

GONE = ("won_prijs", "GM1728", "2023JJ00")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warehouse")
    publish(folder, changes={GONE: 1.0})
    publish(folder, changes={GONE: "confidential"}, statuses={"2024JJ00": "Voorlopig"})
    return folder


def made(warehouse: Path, fmt: str, name: str = "wonen", geo: Path | None = None, **options: Any) -> bytes:
    options.setdefault("shape", FORMATS[fmt].shape)
    with reading(Releases(warehouse)) as reader:
        return b"".join(pieces(extract(reader.published, name, folder=reader.folder, **options), fmt, geo))


def figures(warehouse: Path) -> dict[tuple[str, str], float | None]:
    with reading(Releases(warehouse)) as reader:
        return {
            (r, p): v
            for r, p, v in reader.con.execute("select region_code, period_code, won_prijs from mart.wonen").fetchall()
        }


def test_csv_and_csv_nl(warehouse: Path) -> None:
    iso = list(csv.DictReader(io.StringIO(made(warehouse, "csv").decode())))
    raw = made(warehouse, "csv-nl")
    assert raw.startswith(b"\xef\xbb\xbf") and raw.count(b"\r\n") == raw.count(b"\n")
    dutch = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig")), delimiter=";"))
    for rows, point in ((iso, "."), (dutch, ",")):
        read = {(r["region_code"], r["period_code"]): r["won_prijs"].replace(point, ".") for r in rows}
        assert {k: float(v) if v else None for k, v in read.items()} == figures(warehouse)
    assert {r["missing_reason"] for r in iso} == {"", "won_prijs=confidential"}
    assert {r["period_status"] for r in iso} == {"Definitief", "Voorlopig"}


def test_a_workbook(warehouse: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(made(warehouse, "xlsx")))
    assert book.sheetnames == ["Cijfers", "Toelichting", "Definities", "Bronnen", "Wijzigingen"]
    sheet = book["Cijfers"]
    names = [c.value for c in sheet[1]]
    rows = [dict(zip(names, (c.value for c in line), strict=True)) for line in sheet.iter_rows(min_row=2)]
    assert {(r["region_code"], r["period_code"]): r["won_prijs"] for r in rows} == figures(warehouse)
    assert sheet.cell(2, names.index("won_prijs") + 1).number_format == "#,##0"
    for each in book:
        assert each.freeze_panes and not each.merged_cells.ranges
        assert each.page_setup.orientation == "landscape" and each.print_title_rows
    [(line, said)] = [(c.row, c.value) for c in book["Toelichting"]["B"] if str(c.value).startswith("Regio KEMPEN")]
    assert len(said) > 110 and book["Toelichting"].row_dimensions[line].height == 30  # two lines of text
    changes = [[c.value for c in line] for line in book["Wijzigingen"].iter_rows(min_row=2)]
    assert ["cijfer gewijzigd", "won_prijs", "GM1728", "2023JJ00", 1, None, None, "confidential"] in [
        c[:8] for c in changes
    ]
    assert {d["definition_version"] for d in rows} == {1}


def test_codes_and_formulas_stay_text_in_a_workbook(warehouse: Path) -> None:
    with reading(Releases(warehouse)) as reader:
        found = extract(reader.published, "core.region")
        found.sql = "select '0770', '=1+1', 'https://x.nl', '1e5', null, null"
        [row] = list(
            openpyxl.load_workbook(io.BytesIO(b"".join(pieces(found, "xlsx"))))["Cijfers"].iter_rows(min_row=2)
        )
    assert [(c.value, c.data_type) for c in row][:4] == [(v, "s") for v in ("0770", "=1+1", "https://x.nl", "1e5")]


def test_a_table_too_long_for_a_sheet_is_refused(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.export.workbook.MOST_ROWS", 10)
    with pytest.raises(ExportError, match="Take fewer regions or periods, or parquet"):
        made(warehouse, "xlsx")


def test_parquet_and_json(warehouse: Path, tmp_path: Path) -> None:
    file = tmp_path / "wonen.parquet"
    file.write_bytes(made(warehouse, "parquet"))
    read = duckdb.sql(f"select region_code, period_code, won_prijs from '{file}'").fetchall()
    assert {(r, p): v for r, p, v in read} == figures(warehouse)
    record = json.loads(made(warehouse, "json"))
    assert {(r["region_code"], r["period_code"]): r["won_prijs"] for r in record["rows"]} == figures(warehouse)
    assert record["definitions"][0]["name_nl"] and record["sources"][0]["attribution"] == "Bron: CBS"
    assert json.loads(made(warehouse, "json", "core.indicator_value"))["definitions"]


def test_json_stat_by_its_own_readers(warehouse: Path) -> None:
    text = made(warehouse, "jsonstat").decode()
    assert validate_jsonstat(json.loads(text))
    frame = pyjstat.Dataset.read(text).write("dataframe", naming="id")
    read = {(r, p): v for r, p, v in zip(frame["region"], frame["period"], frame["value"], strict=True)}
    assert {k: None if v != v else v for k, v in read.items()} == figures(warehouse)
    cube = json.loads(text)
    regions, periods = (cube["dimension"][d]["category"]["index"] for d in ("region", "period"))
    at = str(regions.index("GM1728") * len(periods) + periods.index("2023JJ00"))
    assert at not in cube["value"] and cube["status"][at] == "confidential"
    assert cube["role"] == {"metric": ["indicator"], "geo": ["region"], "time": ["period"]}
    assert cube["extension"]["geographyYear"]["period"]["2024JJ00"] == 2024


def test_swing_gets_its_own_layout(warehouse: Path) -> None:
    """Names and region numbers as in the example of Swing Studio's help: PERIOD 2010, GEOLEVEL municipality, GEOITEM 538."""
    rows = list(csv.DictReader(io.StringIO(made(warehouse, "swing").decode("utf-8-sig")), delimiter=";"))
    assert list(rows[0])[:4] == ["PERIOD", "GEOLEVEL", "GEOITEM", "won_prijs"]
    read = {(r["GEOLEVEL"], r["GEOITEM"], r["PERIOD"]): r["won_prijs"].replace(",", ".") for r in rows}
    assert len(read) == len(rows) == len(figures(warehouse))
    assert float(read["gemeente", "770", "2024"]) == figure_of("won_prijs", "GM0770", "2024JJ00")
    assert float(read["buurt", "7700000", "2024"]) == figure_of("won_prijs", "BU07700000", "2024JJ00")
    assert read["gemeente", "1728", "2023"] == "" and ("groep", "KEMPEN", "2024") in read
    assert {r["reden_ontbreekt"] for r in rows} == {"", "won_prijs=geheim bij de bron"}


def test_filters_and_shapes(warehouse: Path) -> None:
    rows = json.loads(made(warehouse, "json", shape=LONG_SHAPE, regions=["GM0770"], periods=["2024JJ00"]))["rows"]
    assert [(r["indicator_id"], r["value"]) for r in rows] == [
        ("won_prijs", figure_of("won_prijs", "GM0770", "2024JJ00"))
    ]
    assert json.loads(made(warehouse, "json", regions=["GM0770'; drop table x; --"]))["rows"] == []
    with pytest.raises(ExportError, match="has one shape only"):
        made(warehouse, "csv", "core.region", shape=LONG_SHAPE)
    with pytest.raises(ExportError, match="has no period_code"):
        made(warehouse, "csv", "core.region", periods=["2024JJ00"])


def square(at: float) -> dict[str, Any]:
    ring = [[at, 51.3], [at + 0.1, 51.3], [at + 0.1, 51.4], [at, 51.4], [at, 51.3]]
    return {"type": "Polygon", "coordinates": [ring]}


def boundaries(folder: Path) -> Path:
    folder.mkdir()
    features = [
        {"type": "Feature", "properties": {"naam": name, "statcode": code}, "geometry": square(at)}
        for name, code, at in (("Eersel", "GM0770", 5.3), ("Bladel", "GM1728", 5.2), ("Elders", "GM9999", 4.0))
    ]
    (folder / "gemeenten.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return folder


def spatial(con: duckdb.DuckDBPyConnection) -> None:
    from warehouse.export.geopackage import _extension

    con.execute(f"load '{_extension('spatial')}'")


def test_a_geopackage_has_figures_on_boundaries(warehouse: Path, tmp_path: Path) -> None:
    file = tmp_path / "wonen.gpkg"
    file.write_bytes(made(warehouse, "gpkg", geo=boundaries(tmp_path / "geo")))
    with duckdb.connect() as con:
        spatial(con)
        rows = con.execute(
            f"select region_code, period_code, won_prijs, round(st_xmin(geom), 6) from st_read('{file}') order by all"
        ).fetchall()
        [(layers,)] = con.execute(f"select layers from st_read_meta('{file}')").fetchall()
    assert layers[0]["geometry_fields"][0]["crs"]["auth_code"] == "4326"
    assert {r[0]: r[3] for r in rows} == {"GM0770": 5.3, "GM1728": 5.2}
    assert {(r, p): v for r, p, v, _ in rows} == {
        k: v for k, v in figures(warehouse).items() if k[0] in ("GM0770", "GM1728")
    }
    with reading(Releases(warehouse)) as reader:
        found = extract(reader.published, "wonen")
        assert write(found, "gpkg", file, tmp_path / "geo") and found.left_out == found.count() - len(rows) > 0


def test_boundaries_in_the_dutch_grid_are_brought_to_degrees(warehouse: Path, tmp_path: Path) -> None:
    folder = boundaries(tmp_path / "geo")
    with duckdb.connect() as con:
        spatial(con)
        con.execute(
            f"copy (select statcode, st_transform(geom::geometry, 'EPSG:4326', 'EPSG:28992', always_xy := true) as geom from "
            f"st_read('{folder / 'gemeenten.geojson'}')) to '{folder / 'rd.gpkg'}' (format gdal, driver 'GPKG', srs 'EPSG:28992')"
        )
        (folder / "gemeenten.geojson").unlink()
        file = tmp_path / "wonen.gpkg"
        file.write_bytes(made(warehouse, "gpkg", geo=folder, regions=["GM0770"]))
        [(left, bottom)] = con.execute(
            f"select distinct st_xmin(geom), st_ymin(geom) from st_read('{file}')"
        ).fetchall()
    assert (left, bottom) == (pytest.approx(5.3, abs=1e-5), pytest.approx(51.3, abs=1e-5))


def test_the_boundaries_of_the_release_are_those_of_the_year_or_the_nearest(warehouse: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(warehouse, tmp_path / "warehouse")
    file = copy / "rdc.duckdb"
    file.chmod(0o644)
    with duckdb.connect(str(file)) as con:
        con.execute("create table core.region_boundary (region_code varchar, valid_year smallint, geometry varchar)")
        for code, year, at in (("GM0770", 2022, 5.3), ("GM0770", 2024, 5.4), ("GM1728", 2024, 5.2)):
            con.execute("insert into core.region_boundary values (?, ?, ?)", [code, year, json.dumps(square(at))])
    with duckdb.connect(str(file), read_only=True) as con:
        published = Published(con, "2026.1.1")
        content = b"".join(pieces(extract(published, "wonen"), "gpkg", tmp_path / "geo"))
    (tmp_path / "wonen.gpkg").write_bytes(content)
    with duckdb.connect() as con:
        spatial(con)
        rows = con.execute(
            f"select region_code, period_code[:4]::int, round(st_xmin(geom), 6) from st_read('{tmp_path / 'wonen.gpkg'}') order by all"
        ).fetchall()
    assert set(rows) == {
        *(("GM0770", 2022, 5.3), ("GM0770", 2023, 5.4), ("GM0770", 2024, 5.4)),
        *(("GM1728", year, 5.2) for year in (2022, 2023, 2024)),
    }


def test_without_boundaries_it_says_where_to_put_them(warehouse: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="put a GeoPackage or GeoJSON"):
        made(warehouse, "gpkg", geo=tmp_path / "geo")
    (tmp_path / "geo").mkdir()
    (tmp_path / "geo" / "x.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(ExportError):
        made(warehouse, "gpkg", geo=tmp_path / "geo")


@pytest.mark.shared
def test_a_geopackage_on_the_recorded_boundaries(warehouse: Path, tmp_path: Path) -> None:
    here = shared()
    if here is None or not (here / "geo").is_dir():
        pytest.skip("the recorded boundaries are not here (set RDC_SHARED to their folder)")
    file = tmp_path / "wonen.gpkg"
    file.write_bytes(made(warehouse, "gpkg", geo=here / "geo"))
    with duckdb.connect() as con:
        spatial(con)
        found = con.execute(f"select distinct region_code from st_read('{file}') order by 1").fetchall()
    assert found == [("BU07700000",), ("BU17280000",), ("GM0770",), ("GM1728",)]


def test_a_file_is_there_whole_or_not_at_all(warehouse: Path, tmp_path: Path) -> None:
    with reading(Releases(warehouse)) as reader, pytest.raises(ExportError):
        write(extract(reader.published, "wonen"), "gpkg", tmp_path / "wonen.gpkg", tmp_path / "nothing")
    assert not list(tmp_path.iterdir())


def test_the_page_of_the_api_names_every_format() -> None:
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    assert not [name for name in FORMATS if f"`{name}`" not in page]
