"""What belongs to a figure besides the figure: declared, checked, and in every format."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import duckdb
import openpyxl
import pytest
from pydantic import TypeAdapter, ValidationError

from tests.warehouse.made import publish
from warehouse.export import LONG_SHAPE, extract, pieces
from warehouse.making import raw
from warehouse.reading.published import Published
from warehouse.reading.reader import reading
from warehouse.registry import indicators, labels
from warehouse.registry.labels import Reference
from warehouse.releases.release import Releases

GONE = ("bev_inwoners", "GM1728", "2023JJ00")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("op 1 januari", "no rule for a reference date"),
        ("02-30", "no day that every year has"),
        ("02-29", "no day that every year has"),
        ("12-31/09-01", "the last day comes before the first"),
        ({"jaren": "start"}, "neither a kind of period"),
        ({"2025JJ00": "06-31"}, "no day that every year has"),
    ],
)
def test_a_reference_date_that_is_none_is_refused(written: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(Reference).validate_python(written)


def test_a_rule_is_told_in_words() -> None:
    rule = TypeAdapter(Reference).validate_python({"jaar": "end", "2025JJ00": "06-30"})
    assert labels.in_words(rule) == "jaar: de laatste dag van de periode; 2025JJ00: 30 juni van het jaar"
    assert labels.in_words("09-01/12-31") == "1 september tot en met 31 december van het jaar"


def test_every_definition_with_figures_says_what_date_they_are_about() -> None:
    silent = [
        f"{indicator.id} version {version.version}"
        for _, indicator in indicators.load().indicators()
        for version in indicator.versions
        if version.bindings and "reference" not in version.model_fields_set
    ]
    assert not silent, f"declare `reference` of {', '.join(silent)}"


def test_labels_are_laid_out_for_dbt() -> None:
    with duckdb.connect() as con:
        con.execute("create schema raw")
        for table, content in labels.rows(indicators.load()).items():
            raw.create(con, table)
            raw.insert(con, table, content)
        rules = con.execute("select period, rule from raw.reference where indicator_id = 'mil_zon_vermogen'").fetchall()
        assert sorted(rules) == [("2025JJ00", "06-30"), ("jaar", "end")]
        assert con.execute("select rule from raw.reference where indicator_id = 'won_woz'").fetchall() == [
            ("previous_start",)
        ]
        breaks = con.execute("select first_period from raw.series_break where indicator_id = 'mil_gas'").fetchall()
        assert breaks == [("2022JJ00",)]
        said = "select is_total, not_comparable is not null from raw.label where indicator_id = $1"
        assert con.execute(said, ["won_verkoopprijs"]).fetchall() == [(False, True)]
        assert con.execute(said, ["bev_inwoners"]).fetchall() == [(True, False)]
        assert con.execute(said, ["ond_leerlingen_po"]).fetchall() == [(True, False)]  # a rounded number, not added up
        assert con.execute(said, ["bev_65plus_pct"]).fetchall() == [(False, False)]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    publish(folder, changes={GONE: "confidential"})
    return folder


def made(warehouse: Path, fmt: str, shape: str | None) -> bytes:
    with reading(Releases(warehouse)) as reader:
        found = extract(reader.published, "bevolking", regions=["GM1728"], shape=shape)
        return b"".join(pieces(found, fmt))


def test_a_long_file_has_all_that_belongs_to_a_figure(warehouse: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(made(warehouse, "csv", LONG_SHAPE).decode())))
    people = {r["period_code"]: r for r in rows if r["indicator_id"] == "bev_inwoners"}
    last, gone = people["2024JJ00"], people["2023JJ00"]
    assert float(last["lower_bound"]) + 1 == float(last["value"]) == float(last["upper_bound"]) - 1
    assert (last["series_break"], last["reference_period"], last["period_type"]) == (
        "Andere telling.",
        "2024-01-01",
        "jaar",
    )
    assert (gone["value"], gone["missing_reason"], gone["reason"]) == ("", "confidential", "geheim bij de bron")


def test_a_workbook_and_a_dutch_csv_have_it_in_the_row(warehouse: Path) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(made(warehouse, "xlsx", None)))["Cijfers"]
    head, *lines = sheet.values
    dutch = csv.DictReader(io.StringIO(made(warehouse, "csv-nl", None).decode("utf-8-sig")), delimiter=";")
    book = [dict(zip(head, line, strict=True)) for line in lines]
    for rows in (book, list(dutch)):
        by_period = {r["period_code"]: r for r in rows}
        last = by_period["2024JJ00"]
        assert "bev_inwoners=Andere telling." in last["series_break"] and "bev_inwoners=" in last["margins"]
        assert ("." in last["margins"]) is (rows is book)  # a CSV for a Dutch Excel has decimal commas throughout
        assert by_period["2023JJ00"]["reason"] == "bev_inwoners=geheim bij de bron"
        assert (last["reference_period"], last["period_type"]) == ("2024-01-01", "jaar")


def test_json_stat_has_it_by_cell(warehouse: Path) -> None:
    cube = json.loads(made(warehouse, "jsonstat", LONG_SHAPE))
    place = cube["dimension"]["indicator"]["category"]["index"].index("bev_inwoners") * 3 + 2
    said = cube["extension"]
    assert said["lowerBound"][str(place)] + 1 == cube["value"][str(place)] == said["upperBound"][str(place)] - 1
    assert said["seriesBreak"] == {str(place): "Andere telling."}
    assert said["periodType"]["period"]["2024JJ00"] == "jaar"
    assert said["referencePeriod"]["period"]["2024JJ00"] == "2024-01-01"


def test_a_release_from_before_reference_dates_is_still_read(warehouse: Path, tmp_path: Path) -> None:
    shutil.copyfile(Releases(warehouse).current_file, file := tmp_path / "earlier.duckdb")
    with duckdb.connect(str(file)) as con:
        con.execute("drop table core.indicator_reference")
        con.execute("alter table core.indicator_value drop column lower_bound")
        found = extract(Published(con, "2026.1.1"), "wonen", shape=LONG_SHAPE)
        row = dict(zip(found.names, next(found.rows()), strict=True))
    assert (row["reference_period"], row["lower_bound"]) == ("2022-01-01/2022-12-31", None)
    assert row["upper_bound"] == row["value"] + 1
