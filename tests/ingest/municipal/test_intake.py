"""What is taken in and what is not: contracts, formats, values, regions, and what a sender is told."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
import yaml

from ingest.declaration import RegistryError
from ingest.files import formats
from ingest.municipal import report
from ingest.municipal.boundaries import OutsideError, to_rd
from ingest.municipal.contract import SHIPPED, Column, Contract, Disclosure, load, read
from ingest.municipal.examples import FOLDER
from ingest.municipal.intake import Intake, KeyMissingError, quarantine_lines, take_in
from ingest.municipal.personal import is_bsn, masked_name, personal_class, value_class
from ingest.municipal.region import Geography, NoRegionError
from ingest.municipal.values import BadValueError, as_date, number, parse, period_code

KCC = "datum;gemeente;kanaal;onderwerp;in_een_keer\n"
ROW = "2024-01-02;Eersel;Telefoon;Overig;ja\n"


def judge(contract: Contract, content: str | bytes, geography: Geography, name: str = "levering.csv") -> Intake:
    data = content.encode() if isinstance(content, str) else content
    intake = take_in(contract, name, data, geography, b"a secret for tests")
    assert intake.balances
    return intake


def changed(contract: Contract, **parts: Any) -> Contract:
    return Contract.model_validate(contract.model_dump() | parts)


# -- contracts --------------------------------------------------------------------------------------------------------


def test_the_shipped_contracts_say_who_why_and_for_how_long(contracts: dict[str, Contract]) -> None:
    assert set(contracts) >= {
        *("meldingen_fixi", "meldingen_signalen", "wmo_jeugd_clienten", "huishoudelijk_afval"),
        *("vth_vergunningen", "klantcontacten"),
    }
    for contract in contracts.values():
        assert contract.owner and contract.purpose and contract.legal_basis and contract.processing_register
        assert contract.disclosure.units == "none" or contract.disclosure.least >= 10
    assert contracts["wmo_jeugd_clienten"].disclosure.zeros == "hide"
    safe = Disclosure()
    assert (safe.least, safe.rounding, safe.least_denominator, safe.zeros) == (10, 5, 50, "hide")
    assert Disclosure(units="households").least == 5


@pytest.mark.parametrize(
    "example", sorted(p for p in FOLDER.glob("*/*") if p.parent.name != "__pycache__"), ids=lambda p: p.name
)
def test_the_examples_are_made_up_and_are_taken_in_whole(example: Path, contracts, geography: Geography) -> None:
    contract = contracts[example.parent.name]
    data = example.read_bytes()
    intake = judge(contract, data, geography, example.name)
    assert (intake.state, intake.quarantined) == ("accepted", 0), (intake.reasons, intake.rejected[:3])
    assert intake.accepted >= 20
    if example.suffix != ".xlsx":
        assert b"VERZONNEN VOORBEELD" in data[:300]


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("columns", 2, "allowed"), None, "a category needs allowed values"),
        (("columns", 2, "type"), "text", None),
        (("columns", 0, "type"), "text", "free text is not taken in"),
        (("columns", 8, "type"), "category", "allowed values"),
        (("observation", "period"), "kanaal", "must be a column of type date, year or period"),
        (("observation", "dimensions"), ["notitie"], "must be a column with allowed values"),
        (("sharing_level",), "municipality", "exactly one municipality"),
        (("sharing_level",), "everyone", "sharing_level"),
        (("purpose",), None, "purpose"),
        (("disclosure",), {"threshold": 3}, "give the reason in `why`"),
        (("disclosure",), {"units": "none"}, "give the reason in `why`"),
        (("retention",), 3, "retention"),
        (("municipalities",), ["770"], "is not a code such as GM0770"),
        (("columns", 9, "name"), "naam", "declared twice"),
    ],
)
def test_a_contract_that_can_not_be_used_says_which_field(tmp_path: Path, path, value, told) -> None:
    content = yaml.safe_load((SHIPPED / "klantcontacten.yml").read_text(encoding="utf-8"))
    at = content
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    file = tmp_path / "c.yml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    if told is None:
        read(file)
        return
    with pytest.raises(RegistryError) as error:
        read(file)
    assert str(file) in str(error.value) and told in str(error.value)


def test_two_contracts_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "municipal").mkdir()
    (tmp_path / "municipal" / "a.yml").write_text(
        (SHIPPED / "klantcontacten.yml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    with pytest.raises(RegistryError, match="is already in"):
        load(tmp_path)


# -- formats ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_csv_in_every_usual_form(contracts, geography, encoding: str, separator: str) -> None:
    content = (KCC.replace("in_een_keer", "In één keer geholpen") + ROW * 12).replace(";", separator)
    intake = judge(contracts["klantcontacten"], content.encode(encoding), geography)
    assert (intake.state, intake.accepted) == ("accepted", 12)


def test_notes_above_totals_below_and_headers_in_between(contracts, geography) -> None:
    content = (
        "Klantcontacten;;;;\nPeildatum 1-1-2025\n\n" + KCC + ROW * 11 + KCC + ROW + "Totaal;;;;12\n;;;;\nVoorlopig\n"
    )
    intake = judge(contracts["klantcontacten"], content, geography)
    assert (intake.received, intake.accepted) == (15, 12)
    assert dict(intake.dropped) == {"totalen": 1, "herhaalde koppen": 1, "voetnoten": 1}


def spreadsheet(cells: dict[tuple[int, int], Any], merged: list[tuple[int, int, int, int, Any]] = ()) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        page = book.add_worksheet()
        for first_row, first, last_row, last, value in merged:
            page.merge_range(first_row, first, last_row, last, value)
        for (row, column), value in cells.items():
            page.write(row, column, value)
    return target.getvalue()


def test_a_sheet_with_years_side_by_side_and_a_block_per_municipality(contracts, geography) -> None:
    data = spreadsheet(
        {
            (0, 0): "Afval in kilogrammen",
            **{(4, 1): "kg", (4, 2): "kg/inw", (4, 3): "kg", (4, 4): "kg/inw"},
            **{(5, 0): "Eersel", (6, 0): "Restafval", (6, 1): 1000, (6, 2): 50.1, (6, 3): 900, (6, 4): 45.2},
            **{(7, 0): "Gft", (7, 3): 700, (7, 4): 35.0, (8, 0): "Totaal", (8, 1): 1000, (8, 3): 1600},
            **{(9, 0): "Gemeente Reusel-de Mierden", (10, 0): "Pmd", (10, 1): "1.234,5", (10, 2): 20},
        },
        [(3, 0, 4, 0, "Fractie"), (3, 1, 3, 2, 2023), (3, 3, 3, 4, 2024)],
    )
    intake = judge(contracts["huishoudelijk_afval"], data, geography, "afval.xlsx")
    assert intake.state == "accepted", intake.reasons
    taken = [(r["region"], r["period"], r["fractie"], r["kg"], r["kg_per_inwoner"]) for r in intake.rows]
    assert taken == [
        ("GM0770", "2023JJ00", "Restafval", 1000, 50.1),
        ("GM0770", "2024JJ00", "Restafval", 900, 45.2),
        ("GM0770", "2024JJ00", "Gft-afval", 700, 35.0),
        ("GM1667", "2023JJ00", "Pmd", 1234.5, 20),
    ]


def test_a_hidden_sheet_is_not_read_and_the_sender_is_told(contracts, geography) -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        page, hidden = book.add_worksheet(), book.add_worksheet()
        for line in range(13):
            page.write_row(line, 0, ROW.strip().split(";") if line else KCC.strip().split(";"))
        hidden.write(0, 0, "keuzelijst")
        hidden.hide()
        book.add_chartsheet()
    intake = judge(contracts["klantcontacten"], target.getvalue(), geography)
    assert (intake.state, intake.accepted) == ("accepted", 12), intake.reasons
    assert intake.warnings == ["Werkblad 2 is verborgen en is niet gelezen."]


def test_figures_as_delivered_stand_there_once(contracts, geography) -> None:
    data = spreadsheet(
        {(0, 1): 2023, (1, 1): "kg", (2, 0): "Eersel", (3, 0): "Pmd", (3, 1): 5, (4, 0): "Pmd", (4, 1): 6},
        [(0, 0, 1, 0, "Fractie")],
    )
    intake = judge(contracts["huishoudelijk_afval"], data, geography)
    assert [r.reason for r in intake.rejected] == ["dezelfde regel komt vaker voor"]


def test_json_nested_and_geojson(contracts, geography) -> None:
    signal = {"id": 1, "created_at": "2024-05-01T10:00:00Z", "category": {"main": "Afval"}, "status": {"state": "o"}}
    signal |= {"location": {"buurt_code": "BU07700001", "address_text": "x"}, "source": "online"}
    for content in ([signal] * 3, {"count": 3, "results": [signal] * 3}):
        intake = judge(contracts["meldingen_signalen"], json.dumps(content), geography)
        assert (intake.state, intake.accepted) == ("accepted", 3), intake.reasons
    feature = {"type": "Feature", "properties": {"a": 1}, "geometry": {"type": "Point", "coordinates": [5, 51]}}
    [sheet] = formats.read(json.dumps({"type": "FeatureCollection", "features": [feature]}).encode())
    assert [row.cells for row in sheet.rows] == [("a", "x", "y"), (1, 5, 51)]


@pytest.mark.parametrize(
    "content", [b"", b"  \n", b"\x00\x01\x02" * 99, b"PK\x03\x04broken", b"{", b'{"a": 1}', b"[" * 99_999]
)
def test_what_can_not_be_read_is_stopped_and_said_in_dutch(contracts, geography, content: bytes) -> None:
    intake = judge(contracts["klantcontacten"], content, geography)
    assert intake.state == "stopped" and intake.reasons and intake.received == intake.withheld


# -- at the door ------------------------------------------------------------------------------------------------------


def test_a_column_that_nobody_declared_stops_the_file_without_repeating_it(contracts, geography) -> None:
    content = KCC.strip() + ";Jan Verzonnen\n" + (ROW.strip() + ";x\n") * 12
    intake = judge(contracts["klantcontacten"], content, geography)
    assert (intake.state, intake.accepted, intake.withheld) == ("stopped", 0, 12)
    assert "kolom F" in intake.reasons[0] and "Verzonnen" not in intake.reasons[0]
    near = judge(contracts["klantcontacten"], content.replace("Jan Verzonnen", "onderwerpen"), geography)
    assert "kolom F (lijkt op onderwerp)" in near.reasons[0]


def test_a_bad_row_goes_to_quarantine_with_its_place_and_without_its_value(contracts, geography) -> None:
    bad = "2024-01-02;Eersel;123456782;Overig;ja\n02-13-2024;Atlantis;Telefoon;Overig;\n"
    intake = judge(contracts["klantcontacten"], KCC + ROW * 60 + bad, geography)
    assert (intake.state, intake.accepted, intake.bad) == ("accepted", 60, 2)
    assert [(r.line, r.column, r.value_class) for r in intake.rejected] == [
        (62, "kanaal", "BSN"),
        (63, "datum", "datum"),
        (63, "in_een_keer", "leeg"),
    ]
    lines = list(quarantine_lines(intake, "levering-x.csv"))
    assert "123456782" not in json.dumps(lines) and lines[0]["reason"] == "is geen van de toegestane waarden"


def test_more_bad_rows_than_agreed_stop_the_delivery(contracts, geography) -> None:
    content = KCC + ROW * 18 + ROW.replace("Eersel", "Atlantis") * 2
    intake = judge(contracts["klantcontacten"], content, geography)
    assert (intake.state, intake.bad, intake.withheld, intake.accepted) == ("stopped", 2, 18, 0)
    loose = changed(contracts["klantcontacten"], tolerance=0.2)
    assert judge(loose, content, geography).accepted == 18


def test_the_sender_is_told_in_dutch_what_to_repair(contracts, geography) -> None:
    content = KCC + ROW * 60 + ROW.replace("Telefoon", "Fax 0612345678")
    intake = judge(contracts["klantcontacten"], content, geography)
    text = report.write(contracts["klantcontacten"], "januari.csv", "2026-11-24", intake)
    assert "OVERGENOMEN" in text and "regel 62, kolom kanaal: is geen van de toegestane waarden" in text
    assert "(gevonden: telefoonnummer)" in text and "0612345678" not in text
    assert "Herstel het bestand en lever het opnieuw" in text


def test_a_key_is_hashed_with_a_secret_and_a_birth_year_reduced(contracts, geography) -> None:
    content = "client_pseudo;jaar;geboortejaar;gemeentecode;wet;postcode\n123456782;2024;1950;770;Jeugdwet;5521AB\n"
    [row] = judge(contracts["wmo_jeugd_clienten"], content, geography).rows
    assert row["geboortejaar"] == "65-74" and row["wet"] == "JW" and len(row["key"]) == 64
    assert set(row) == {"region", "gemeente", "period", "key", "geboortejaar", "wet"}
    other = take_in(contracts["wmo_jeugd_clienten"], "x", content.encode(), geography, b"another secret of tests")
    assert other.rows[0]["key"] != row["key"]
    with pytest.raises(KeyMissingError, match="RDC_PSEUDONYM_KEY"):
        take_in(contracts["wmo_jeugd_clienten"], "x", content.encode(), geography, None)
    with pytest.raises(KeyMissingError, match="shorter than 16"):
        take_in(contracts["wmo_jeugd_clienten"], "x", content.encode(), geography, b"kort")


def test_the_year_in_a_file_name_fills_the_column_that_the_contract_says(contracts, geography) -> None:
    content = "client_pseudo;geboortejaar;gemeentecode;wet\nA1;1950;770;WMO\n"
    [row] = judge(contracts["wmo_jeugd_clienten"], content, geography, "wmo_2023_def.csv").rows
    assert row["period"] == "2023JJ00"


# -- personal data ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("123456782", "BSN"),
        ("bsn: 1234.56.782", "BSN"),
        ("12345672", "BSN"),  # eight digits: its leading zero got lost
        ("123456789", None),
        ("jan@voorbeeld.nl", "e-mailadres"),
        ("mail j.de.vries+x@sub.voorbeeld.org even", "e-mailadres"),
        ("06-12345678", "telefoonnummer"),
        ("+31 6 12 34 56 78", "telefoonnummer"),
        ("0497 531 300", "telefoonnummer"),
        ("NL91 ABNA 0417 1643 00", "IBAN"),
        ("NL91ABNA0417164301", None),
        ("Groen en water", None),
        ("2024-01-02", None),
        ("12.345,67", None),
    ],
)
def test_personal_data_is_recognised(text: str, kind: str | None) -> None:
    if text == "12345672":
        assert is_bsn(12345672) == (personal_class(text) == "BSN")
        return
    assert personal_class(text) == kind


def test_a_value_is_told_by_its_class_and_a_file_by_its_hash() -> None:
    classes = ["", 3.5, True, "5521 AB", "31-12-2024", "Dorpsstraat 12", "jansen", 123456782, [1]]
    assert [value_class(v) for v in classes] == [
        *("leeg", "getal", "ja/nee", "postcode", "datum", "adres", "tekst", "BSN", "samengestelde waarde"),
    ]
    assert masked_name("J. Jansen 123456782 (2024).CSV", "abcdef0123") == "levering-2024-abcdef01.csv"


def test_a_text_with_a_pattern_still_has_no_personal_data_in_it() -> None:
    column = Column(name="code", type="text", pattern=r"[A-Z0-9]+")
    assert parse("A12", column) == "A12"
    with pytest.raises(BadValueError, match="persoonsgegeven"):
        parse("123456782", column)
    with pytest.raises(BadValueError, match="elfproef"):
        parse("123456782", Column(name="n", type="integer"))


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("1.234,56", 1234.56), ("1,234.56", 1234.56), ("€ 12,50", 12.5), ("12%", 12), ("-3", -3), ("3-", -3)],
        *[
            ("1.234", 1234),
            ("1.5", 1.5),
            ("1234,5", 1234.5),
            ("1 234", 1234),
            (7, 7),
            ("0,5", 0.5),
            ("1.234.567", 1234567),
        ],
        *[
            ("1.2.3", None),
            ("1,2,3", None),
            ("abc", None),
            ("", None),
            (True, None),
            (float("nan"), None),
            ("1e9", None),
        ],
        *[("12,34.56,7", None), ("--3", None), ("1.23.456", None)],
    ],
)
def test_numbers_as_the_dutch_write_them(text: Any, value: float | None) -> None:
    if value is None:
        with pytest.raises(BadValueError):
            number(text)
    else:
        assert number(text) == value


def test_a_decimal_point_where_the_contract_says_so() -> None:
    assert number("1.234", "point") == 1.234
    assert number("1,234", "point") == 1234


@pytest.mark.parametrize(
    "text", ["31-12-2024", "31/12/2024", "31.12.2024", "2024-12-31", "2024-12-31T10:00:00+01:00", "20241231"]
)
def test_dates(text: str) -> None:
    assert as_date(text) == date(2024, 12, 31)


@pytest.mark.parametrize("text", ["31-02-2024", "2024-13-01", "12/31/2024", "31-12-24", "", "morgen", 45000])
def test_no_dates(text: Any) -> None:
    with pytest.raises(BadValueError):
        as_date(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *[("2024", "2024JJ00"), ("2024-03", "2024MM03"), ("maart 2024", "2024MM03"), ("2024 Q1", "2024KW01")],
        *[("1e kwartaal 2024", "2024KW01"), ("2024MM12", "2024MM12"), ("03-2024", "2024MM03"), (2024.0, "2024JJ00")],
    ],
)
def test_periods(text: Any, code: str) -> None:
    assert parse(text, Column(name="p", type="period")) == code


def test_a_period_is_made_longer_and_never_shorter() -> None:
    assert [period_code(date(2024, 8, 3), k) for k in ("year", "half_year", "quarter", "month")] == [
        *("2024JJ00", "2024HJ02", "2024KW03", "2024MM08"),
    ]
    assert period_code("2024KW02", "half_year") == "2024HJ01"
    with pytest.raises(BadValueError, match="langere periode"):
        period_code("2024JJ00", "month")


# -- regions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["770", "0770", "GM0770", "gm770", "Eersel", "Gemeente Eersel", "EERSEL ", 770, 770.0])
def test_a_municipality_is_repaired_where_that_is_certain(geography: Geography, text: Any) -> None:
    assert geography.gemeente(text) == "GM0770"


def test_names_with_other_capitals_and_dashes(geography: Geography) -> None:
    assert geography.gemeente("Reusel-de Mierden") == geography.gemeente("reusel de mierden") == "GM1667"


@pytest.mark.parametrize("text", ["77", "GM9999", "Eersell", "Nederland", "0", "07700001"])
def test_a_municipality_that_is_not_certain_is_not_guessed(geography: Geography, text: str) -> None:
    with pytest.raises(NoRegionError):
        geography.gemeente(text)


def test_a_buurt_by_its_code_in_any_form(geography: Geography) -> None:
    for text in ("BU07700001", "bu 07700001", "7700001", "07700001", 7700001, 7700001.0):
        assert geography.region(text, 2020) == "BU07700001"
    assert geography.region("WK077000", 2020) == geography.region("077000", 2020) == "WK077000"
    with pytest.raises(NoRegionError, match="indeling van 2022"):
        geography.region("BU07709999", 2024)
    # Two buurten of Bergeijk are called so.
    with pytest.raises(NoRegionError):
        geography.region("Dorpsstraat e.o.", 2020)


def test_points_in_rd_and_wgs84() -> None:
    # The Onze Lieve Vrouwetoren of Amersfoort, where RD has x = 155,000 and y = 463,000.
    assert to_rd(155_000, 463_000) == to_rd(463_000, 155_000) == (155_000, 463_000)
    assert to_rd(5.38720621, 52.15517440) == pytest.approx((155_000, 463_000), abs=1)
    for nowhere in ((0, 0), (1e9, 5), (52.0, 52.0)):
        with pytest.raises(OutsideError):
            to_rd(*nowhere)


def test_a_place_that_contradicts_the_municipality_is_not_taken(contracts, geography) -> None:
    content = "client_pseudo;jaar;geboortejaar;gemeentecode;wet;buurtcode\n"
    intake = judge(contracts["wmo_jeugd_clienten"], content + "A;2024;1950;Bladel;WMO;BU07700001\n", geography)
    assert [r.reason for r in intake.rejected] == ["de gemeente en de plaats spreken elkaar tegen"]
    other = judge(contracts["wmo_jeugd_clienten"], content + "A;2024;1950;Waalre;WMO;\n", geography)
    assert [r.reason for r in other.rejected] == ["ligt in een gemeente waarvoor deze levering niet is afgesproken"]
