"""What lies in a release beside the database is whole, valid by other people's tools, and open figures only."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import csvw
import duckdb
import frictionless
import pytest
from rdflib import DCAT, RDF, Graph

from tests.conftest import shared
from tests.warehouse.made import INDICATORS, figure_of, publish
from warehouse.releases.release import Releases

CLOSED = [i[0] for i in INDICATORS if i[6] != "public"]
EERSEL = ("bev_inwoners", "GM0770", "2024JJ00")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a second release, in which a figure was corrected and a year became definitive."""
    warehouse = tmp_path_factory.mktemp("warehouse")
    publish(
        warehouse, statuses={"2024JJ00": "Voorlopig"}, changes={("won_prijs", "KEMPEN", "2024JJ00"): "not_available"}
    )
    release = publish(
        warehouse,
        changes={EERSEL: 20537.0, ("won_prijs", "KEMPEN", "2024JJ00"): "not_available"},
        versions={"won_prijs": {"definition": "Anders gezegd."}},
    )
    return Releases(warehouse).path(release.release_id).parent


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


def test_every_file_has_its_sum(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    files = {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()}
    assert set(listed) == files - {"SHA256SUMS", "promoted"}
    assert all(hashlib.sha256((folder / n).read_bytes()).hexdigest() == d for n, d in listed.items())


def test_frictionless_finds_the_package_valid(folder: Path) -> None:
    report = frictionless.validate(str(folder / "datapackage.json"))
    assert report.valid, report.flatten(["type", "message"])
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    assert package["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    [wide] = [r for r in package["resources"] if r["name"] == "bevolking"]
    assert wide["schema"]["primaryKey"] == ["region_code", "period_code"]
    assert wide["hash"] == "sha256:" + hashlib.sha256((folder / wide["path"]).read_bytes()).hexdigest()
    assert (folder / wide["alternates"][0]["path"]).stat().st_size == wide["alternates"][0]["bytes"]


def test_frictionless_notices_a_changed_byte(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(
        [sys.executable, "-c", "import shutil, sys; shutil.copytree(*sys.argv[1:])", folder, copy], check=True
    )
    file = copy / "tables" / "wonen.csv"
    file.write_bytes(file.read_bytes().replace(b"Eersel", b"Eerzel", 1))
    assert not frictionless.validate(str(copy / "datapackage.json")).valid


def test_a_csvw_reader_finds_keys_and_references(folder: Path) -> None:
    group = csvw.TableGroup.from_file(folder / "csv-metadata.json")
    group.check_referential_integrity()
    [table] = [t for t in group.tables if t.local_name == "tables/bevolking.csv"]
    found = {(r["region_code"], r["period_code"]): r["bev_inwoners"] for r in table}
    assert found["GM0770", "2024JJ00"] == 20537
    assert found["BU07700000", "2022JJ00"] == figure_of("bev_inwoners", "BU07700000", "2022JJ00")


@pytest.mark.parametrize("form", ["turtle", "json-ld"])
def test_the_catalogue_has_every_theme(folder: Path, form: str) -> None:
    graph = Graph().parse(folder / ("catalog.ttl" if form == "turtle" else "catalog.jsonld"), format=form)
    assert len(set(graph.subjects(RDF.type, DCAT.Dataset))) == 2
    downloads = {str(o) for o in graph.objects(None, DCAT.downloadURL)}
    assert any(d.endswith("/bestanden/tables/bevolking.long.parquet") for d in downloads)
    assert all((folder / d.split("/bestanden/")[1]).is_file() for d in downloads)


@pytest.mark.shared
def test_the_catalogue_keeps_to_dcat_ap_nl(folder: Path) -> None:
    here = shared()
    shapes = here / "standards" / "dcat-ap-nl-3.0" if here else None
    if shapes is None or not shapes.is_dir():
        pytest.skip("the published SHACL shapes are not here (set RDC_SHARED to their folder)")
    from pyshacl import validate

    for name, form in (("catalog.ttl", "turtle"), ("catalog.jsonld", "json-ld")):
        graph = Graph().parse(folder / name, format=form)
        for file in sorted(shapes.glob("*.ttl")):
            conforms, _, text = validate(graph, shacl_graph=Graph().parse(file), advanced=True)
            assert conforms, f"{name} against {file.name}:\n{text[:3000]}"


def test_the_changelog_tells_what_changed_in_dutch(folder: Path) -> None:
    text = (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.index("## " + folder.name) < text.index("Eerste release.")
    assert "| bev_inwoners | GM0770 | 2024JJ00 |" in text and "| 20537 |" in text
    assert "van voorlopig definitief geworden" in text
    assert "definition was «Definitie van Gemiddelde verkoopprijs.», is nu «Anders gezegd.»" in text
    diff = json.loads((folder / "diff.json").read_text(encoding="utf-8"))
    assert diff["value_totals"]["value"] == 1 and diff["became_definitive"] == 3 * 8


def test_a_changelog_grows_by_a_section_a_release(tmp_path: Path) -> None:
    made = [publish(tmp_path).release_id for _ in range(3)]
    text = Releases(tmp_path).path(made[-1]).with_name("CHANGELOG.md").read_text(encoding="utf-8")
    assert [line[3:].split(" ")[0] for line in text.splitlines() if line.startswith("## ")] == made[::-1]


def test_each_product_has_its_public_record(folder: Path) -> None:
    [bevolking, wonen] = json.loads((folder / "producten.json").read_text(encoding="utf-8"))
    assert (bevolking["deelniveau"], wonen["deelniveau"]) == ("municipality", "public")
    needed = ("maatschappelijkDoel", "eigenaar", "grondslag", "bewaartermijn", "totstandkoming", "wieMagHetZien")
    assert all(bevolking[name] for name in needed)
    assert {g["indicator"] for g in bevolking["beleidsdoelen"]} == {"bev_inwoners", "soc_meldingen"}


def test_wide_and_long_say_the_same_of_each_figure(folder: Path, tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute(
            f"copy (from '{folder / 'tables' / 'wonen.long.parquet'}') to '{tmp_path / 'long.csv'}' (format csv)"
        )
    long = rows(tmp_path / "long.csv")
    wide = {(r["region_code"], r["period_code"]): r for r in rows(folder / "tables" / "wonen.csv")}
    for figure in long:
        row = wide[figure["region_code"], figure["period_code"]]
        assert row["won_prijs"] == figure["value"].removesuffix(".0")
        assert row["period_status"] == figure["period_status"] == "Definitief"
        assert row["missing_reason"] == (f"won_prijs={figure['missing_reason']}" if figure["missing_reason"] else "")
        assert (row["definition_version"], row["geography_year"]) == (
            figure["definition_version"],
            figure["geography_year"],
        )
        assert row["reference_period"] == figure["reference_period"] == f"{row['period_code'][:4]}-01-01"
        assert (row["period_type"], row["reason"]) == (
            figure["period_type"],
            f"won_prijs={figure['reason']}" if figure["reason"] else "",
        )
        assert (row["release_id"], row["attribution"]) == (folder.name, "Bron: CBS")
    assert {f["missing_reason"] for f in long} == {"", "not_available"}


def test_parquet_has_the_figures_of_the_database(folder: Path) -> None:
    with duckdb.connect(str(folder / "rdc.duckdb"), read_only=True) as con:
        file = folder / "tables" / "wonen.parquet"
        assert (
            con.execute(
                f"select region_code, period_code, won_prijs from '{file}' except select region_code, period_code, won_prijs "
                "from mart.wonen"
            ).fetchall()
            == []
        )
        told = dict(con.execute(f"select key::varchar, value::varchar from parquet_kv_metadata('{file}')").fetchall())
    assert told["release"] == folder.name and "Bron: CBS" in told["attribution"]


def test_what_is_not_public_is_in_no_file(folder: Path) -> None:
    secret = {
        str(figure_of(name, region, period)).encode()
        for name in CLOSED
        for region in ("GM0770", "GM1728", "WK172800", "KEMPEN", "NL01")
        for period in ("2022JJ00", "2024JJ00")
    }
    for file in folder.rglob("*"):
        if file.suffix in (".csv", ".json", ".md", ".ttl", ".jsonld"):
            content = file.read_bytes()
            assert not [s for s in secret if s in content], file.name
    with duckdb.connect() as con:
        for file in (folder / "tables").glob("*.parquet"):
            numbers = {
                str(v).encode() for row in con.execute(f"from '{file}'").fetchall() for v in row if isinstance(v, float)
            }
            assert not numbers & secret, file.name


def test_a_file_without_figures_is_released_all_the_same(tmp_path: Path) -> None:
    from tests.warehouse.releases.test_release import publish as bare

    release = bare(tmp_path, 1)
    folder = Releases(tmp_path).path(release.release_id).parent
    assert frictionless.validate(str(folder / "datapackage.json")).valid


def test_a_release_is_current_from_the_moment_that_its_file_is(tmp_path: Path) -> None:
    """Between the rename and the mark a reader used to be told that there is no release."""
    release = publish(tmp_path)
    releases = Releases(tmp_path)
    (releases.path(release.release_id).parent / "promoted").unlink()
    assert releases.current() == release


def test_when_a_file_can_not_be_written_nothing_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = publish(tmp_path)

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space left"):
        patched.setattr("warehouse.making.publishing.write_sums", full)
        publish(tmp_path)
    releases = Releases(tmp_path)
    assert releases.current() == release and [r.release_id for r in releases.all()] == [release.release_id]
    releases.sweep()
    assert sorted(p.name for p in (tmp_path / "releases").iterdir()) == [release.release_id]
