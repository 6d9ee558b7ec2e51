"""What a file is, is told by its content: read, or refused by its name; and what a sheet keeps from sight is told."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.files import formats
from ingest.files.sheet import Faulty, Percent, UnreadableError
from ingest.municipal import drop
from ingest.municipal.contract import Contract
from ingest.municipal.intake import Intake, take_in
from ingest.municipal.region import Geography
from tests.ingest.files import oldbook
from tests.ingest.files.test_reader import ods, repacked, zipped

#: A contract with a column that counts, one that may be empty, and one that is not taken.
CONTRACT = """
id: proef_ton
title: Proef
owner: Gemeente Eersel
contact: gegevensbeheer@voorbeeld.invalid
purpose: Proef.
legal_basis: geen persoonsgegevens
processing_register: niet van toepassing
sharing_level: public
retention_days: 365
cadence: year
municipalities: [GM0770]
columns:
  - {name: jaar, type: year}
  - {name: soort, type: category, allowed: [A, B, C, D, E, F, G, H]}
  - {name: ton, type: decimal, empty: true, required: false}
  - {name: notitie, type: drop, required: false}
observation: {period: jaar, dimensions: [soort], measures: [{code: ton, title: ton, unit: ton, sum: ton, amount: false}]}
disclosure: {units: none, why: "Proef."}
"""
CSV = b"jaar;soort;ton\n" + b"".join(b"2024;%c;%d\n" % (65 + n, n) for n in range(8))
HEAD = ["jaar", "soort", "ton", "notitie"]


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract.model_validate(yaml.safe_load(CONTRACT))


def judge(contract: Contract, data: bytes, geography: Geography) -> Intake:
    intake = take_in(contract, "levering", data, geography, b"a secret for tests")
    assert intake.balances
    return intake


def workbook(**sheets: list[list[Any]]) -> tuple[io.BytesIO, openpyxl.Workbook]:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    return io.BytesIO(), book


def saved(book: openpyxl.Workbook) -> bytes:
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def body(ton: Any = 1) -> list[list[Any]]:
    return [[2024, chr(65 + n), ton, None] for n in range(8)]


# -- wrapping ---------------------------------------------------------------------------------------------------------

RECORDS = [{"jaar": 2024, "soort": chr(65 + n), "ton": n} for n in range(8)]


@pytest.mark.parametrize(
    "data",
    [
        CSV,
        zipped({"map/export.csv": CSV, "__MACOSX/map/._export.csv": b"x", "map/Thumbs.db": b"x", "map/": b""}),
        gzip.compress(CSV),
        gzip.compress(CSV[:40]) + gzip.compress(CSV[40:]),
        "\n".join(map(json.dumps, RECORDS)).encode(),
        ("\r\n\r\n".join(map(json.dumps, RECORDS)) + "\r\n").encode("utf-8-sig"),
        "".join(f"\x1e{json.dumps(r)}\n" for r in RECORDS).encode(),
        json.dumps(RECORDS, indent=1).encode(),
        zipped({"a.ndjson": "\n".join(map(json.dumps, RECORDS)).encode()}),
        CSV.replace(b"jaar;soort;ton", b"[jaar];[soort];[ton]"),
        CSV + b"\x1a",
        b"sep=;\n" + CSV,
        zipped({"a.xlsx": saved(workbook(Blad1=[HEAD[:3], *[list(r.values()) for r in RECORDS]])[1])}),
    ],
    ids=[
        *("csv", "zip", "gzip", "gzip-parts", "ndjson", "ndjson-bom-blank-lines", "json-seq", "json", "zip-ndjson"),
        *("sql-server", "dos-end", "sep", "zip-xlsx"),
    ],
)
def test_what_is_wrapped_alone_is_read(contract: Contract, geography: Geography, data: bytes) -> None:
    intake = judge(contract, data, geography)
    assert (intake.state, intake.reasons) == ("accepted", [])
    assert [(r["soort"], r["ton"]) for r in intake.rows] == [(chr(65 + n), n) for n in range(8)]


def protected() -> bytes:
    """The container that a spreadsheet with a password is kept in, as far as its directory."""
    return formats.workbook.OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)


def marked_zip(flags: int = 0, method: int | None = None) -> bytes:
    """A zip whose one entry says this of itself, in both of its headers."""
    data = bytearray(zipped({"a.csv": CSV}))
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(sign) + offset
        data[at] |= flags
        if method is not None:
            data[at + 2 : at + 4] = method.to_bytes(2, "little")
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (protected(), "beveiligd met een wachtwoord"),
        (formats.workbook.OLE + bytes(2000), "afgebroken"),
        (oldbook.container("WordDocument", b"x"), "geen rekenblad"),
        (oldbook.workbook([HEAD], locked=True), "beveiligd met een wachtwoord"),
        (marked_zip(flags=1), "beveiligd met een wachtwoord"),
        (marked_zip(flags=1 | 1 << 6), "beveiligd met een wachtwoord"),
        (marked_zip(flags=1 << 5), "manier die niet wordt gelezen"),
        (marked_zip(method=9), "manier die niet wordt gelezen"),  # Deflate64, which Windows makes of large files
        (marked_zip(method=99), "manier die niet wordt gelezen"),
        (zipped({"a.csv": CSV, "b.csv": CSV}), "bevat 2 bestanden"),
        (zipped({"map/": b""}), "bevat geen bestand"),
        (zipped({"a.zip": zipped({"b.csv": CSV})}), "weer een ingepakt bestand"),
        (gzip.compress(CSV, mtime=0)[:-9], "afgebroken"),
        (zipped({"xl/workbook.bin": b"x", "[Content_Types].xml": b"x"}), "xlsb"),
        (zipped({"word/document.xml": b"x", "[Content_Types].xml": b"x"}), "geen rekenblad"),
        (b"<html><table><tr><td>jaar</td></tr></table></html>", "webpagina"),
        (b"\xef\xbb\xbf\r\n<!DOCTYPE html><html>Inloggen</html>", "webpagina"),
        (b"<div><table><tr><td>jaar</td></tr></table></div>", "webpagina"),
        (b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>', "XML-rekenblad"),
        (b'<?xml version="1.0"?><gml:a/>', "is XML"),
        (b"%PDF-1.7\n...", "PDF"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"SQLite format 3\x00", "GeoPackage"),
        (b"Rar!\x1a\x07\x00", "ingepakt"),
        (b'{"jaar": 2024}\n{"jaar": 20', "regel 2"),
        (b'{"jaar": 2024}\n[2024]\n', "regel 2"),
        (b'[{"jaar": 2024},\n{"jaar": ', "afgebroken"),
        (b'[{"jaar": 2024, "jaar": 2023}]', "twee keer"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_called_by_its_name(
    contract: Contract, geography: Geography, data: bytes, told: str
) -> None:
    intake = judge(contract, data, geography)
    assert intake.state == "stopped" and told in intake.reasons[0], intake.reasons
    assert "beschadigd" not in intake.reasons[0] or "afgebroken" in intake.reasons[0] or "geen rekenblad" in told


# -- cells without a value --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", [2, 0, 1])
def test_formulas_that_no_program_worked_out_stop_the_file(contract, geography, column: int) -> None:
    rows = body()
    rows[4][column] = "=1+1"
    intake = judge(contract, saved(workbook(B=[HEAD, *rows])[1]), geography)
    assert intake.state == "stopped"
    assert f"nooit is berekend in {'ABC'[column]}6" in intake.reasons[0]


@pytest.mark.parametrize("error", ["#DIV/0!", "#N/A", "#VALUE!", "#REF!"])
def test_error_cells_stop_the_file_in_every_kind_of_file(contract, geography, error: str) -> None:
    rows = body()
    rows[2][2] = rows[3][2] = error
    for data in (
        saved(workbook(B=[HEAD, *rows])[1]),
        "\n".join(";".join("" if c is None else str(c) for c in r) for r in [HEAD, *rows]).encode(),
        ods(
            "".join(
                "<table:table-row>"
                + "".join(
                    f'<table:table-cell table:formula="of:=1/0" calcext:value-type="error"><text:p>{c}</text:p></table:table-cell>'
                    if c == error
                    else f'<table:table-cell office:value-type="string"><text:p>{"" if c is None else c}</text:p></table:table-cell>'
                    for c in row
                )
                + "</table:table-row>"
                for row in [HEAD, *rows]
            )
        ),
    ):
        intake = judge(contract, data, geography)
        assert intake.state == "stopped", intake.warnings
        assert f"een foutwaarde ({error}" in intake.reasons[0] and ") in C4, C5" in intake.reasons[0]
        assert [r.value_class for r in intake.rejected] == ["geen waarde"] * 2


def test_an_error_that_the_contract_knows_as_a_sign_is_that(contract, geography) -> None:
    ton = contract.columns[2].model_copy(update={"missing": {"#N/B": "unknown"}})
    knows = contract.model_copy(update={"columns": (*contract.columns[:2], ton, contract.columns[3])})
    rows = body()
    rows[2][2] = "#N/A"
    intake = judge(knows, saved(workbook(B=[HEAD, *rows])[1]), geography)
    assert (intake.state, intake.accepted, intake.rows[2]["ton"]) == ("accepted", 8, None), intake.reasons
    rows[2][2] = "#DIV/0!"
    assert judge(knows, saved(workbook(B=[HEAD, *rows])[1]), geography).state == "stopped"


def test_what_is_not_taken_in_may_lack_a_value_and_is_told(contract, geography) -> None:
    rows = body()
    rows[0][3] = "=VLOOKUP(1,2,3)"
    rows.append([None, "Totaal", "=SUM(C2:C9)", None])
    intake = judge(contract, saved(workbook(B=[HEAD, *rows])[1]), geography)
    assert (intake.state, intake.accepted) == ("accepted", 8)
    assert intake.warnings == [
        "Werkblad 1 heeft een formule die nooit is berekend in D2, C10. Die cellen tellen niet mee."
    ]


def calculated(value: Any) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, HEAD)
        for n, row in enumerate(body(), 1):
            page.write_row(n, 0, row)
            page.write_formula(n, 2, f"={n}*2", None, value(n))
    return target.getvalue()


def test_a_zero_in_every_formula_of_a_file_that_asks_to_be_calculated_is_no_figure(contract, geography) -> None:
    """Programs that write formulas without working them out leave 0, and ask Excel to do it."""
    assert judge(contract, calculated(lambda n: 0), geography).state == "stopped"
    assert [r["ton"] for r in judge(contract, calculated(lambda n: n - 1), geography).rows] == list(range(8))
    excel = repacked(calculated(lambda n: 0), {"xl/workbook.xml": (' fullCalcOnLoad="1"', "")})
    assert [r["ton"] for r in judge(contract, excel, geography).rows] == [0] * 8


def test_a_formula_that_gives_an_empty_text_is_empty(contract, geography) -> None:
    """As Excel keeps =IF(1,"",""): it was worked out."""
    numeric, text = '<c r="C2"><f>1*2</f><v>1</v>', '<c r="C2" t="str"><f>IF(1,"","")</f><v></v>'
    data = repacked(calculated(lambda n: n), {"xl/worksheets/sheet1.xml": (numeric, text)})
    intake = judge(contract, data, geography)
    assert (intake.state, intake.rows[0]["ton"]) == ("accepted", None), intake.reasons


def test_a_cell_that_shows_a_percentage_is_known_as_one() -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        page = book.add_worksheet()
        for n, shown in enumerate(["0%", "0.0%", '0.0" %"', "[Red]0.00%", "General", "0", "#,##0.0 %", "dd-mm-yyyy"]):
            page.write(0, n, 0.123, book.add_format({"num_format": shown}))
    [sheet] = formats.read(target.getvalue())
    kinds = [type(cell) for cell in sheet.rows[0].cells[:7]]
    assert kinds == [Percent, Percent, float, Percent, float, float, Percent]
    cells = '<table:table-cell office:value-type="{}" office:value="0.5"><text:p>50%</text:p></table:table-cell>'
    [sheet] = formats.read(
        ods(f"<table:table-row>{cells.format('percentage')}{cells.format('float')}</table:table-row>")
    )
    assert [type(cell) for cell in sheet.rows[0].cells] == [Percent, float]


FORMATS = {"General": False, "0%": True, "0.00%": True, "#,##0": False, '0" %"': False, "[Red]-0.0%": True}
CELLS = st.one_of(
    st.none(),
    st.text("abc d", min_size=1, max_size=4).filter(lambda t: t == t.strip()),
    st.tuples(st.floats(-9, 9).map(lambda x: round(x, 3)), st.sampled_from(sorted(FORMATS))),
    st.sampled_from(["#DIV/0!", "#N/A", "=1+1", "=SUM(A1:B2)"]),
)


@settings(max_examples=30)
@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=6), min_size=1, max_size=8),
    start=st.tuples(st.integers(1, 4), st.integers(1, 30)),
    lines=st.sets(st.integers(1, 9)),
    columns=st.sets(st.integers(0, 6)),
    prefixed=st.booleans(),
)
def test_each_cell_of_a_sheet_is_what_was_put_there(rows, start, lines, columns, prefixed: bool) -> None:
    """Truth computed apart: what was put in, by place. Written in two dialects of the same format."""
    _, book = workbook(Blad1=[])
    page = book["Blad1"]
    expected: dict[tuple[int, int], Any] = {}
    for r, row in enumerate(rows, start[0]):
        for c, put in enumerate(row, start[1]):
            if put is None:
                continue
            cell = page.cell(r, c, put[0] if isinstance(put, tuple) else put)
            expected[r, c] = (float, put) if isinstance(put, str) else put
            if isinstance(put, tuple):
                cell.number_format = put[1]
                expected[r, c] = (Percent if FORMATS[put[1]] else float, put[0])
            elif put.startswith("#"):
                expected[r, c] = (Faulty, Faulty("error", put))
            elif put.startswith("="):
                expected[r, c] = (Faulty, Faulty("uncalculated"))
            else:
                expected[r, c] = (str, put)
    for line in lines:
        page.row_dimensions[line].hidden = True
    for column in columns:
        page.column_dimensions[openpyxl.utils.get_column_letter(column + 1)].hidden = True
    data = saved(book)
    if prefixed:
        data = _prefixed(data)
    if not expected:
        with pytest.raises(UnreadableError, match="geen gevuld werkblad"):
            formats.read(data)
        return
    [sheet] = formats.read(data)
    found = {(row.line, c + 1): (type(row.cells[c]), row.cells[c]) for row in sheet.rows for c in row.filled}
    assert found == expected
    assert (sheet.hidden_lines, sheet.hidden_columns) == (lines, columns)


def _prefixed(data: bytes) -> bytes:
    """As other programs write it: every name with a prefix, and addresses of parts from the root."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        parts = {name: packed.read(name).decode() for name in packed.namelist()}
    for name in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml"):
        parts[name] = re.sub(r"<(/?)(?=[a-zA-Z])", r"<\1x:", parts[name]).replace(" xmlns=", " xmlns:x=")
    rels = "xl/_rels/workbook.xml.rels"
    parts[rels] = parts[rels].replace('Target="worksheets/', 'Target="/xl/worksheets/')
    return zipped({name: text.encode() for name, text in parts.items()})


# -- what is hidden, what is there twice ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["hidden", "height"])
def test_hidden_rows_stop_the_file_and_hidden_columns_are_told(contract, geography, how: str) -> None:
    _, book = workbook(B=[HEAD, *body()])
    book["B"].column_dimensions["C"].hidden = True
    intake = judge(contract, saved(book), geography)
    assert (intake.state, intake.accepted) == ("accepted", 8)
    assert intake.warnings == ["Werkblad 1 heeft verborgen kolommen (C); ze zijn gelezen als de andere."]
    for line in (4, 5):
        if how == "hidden":
            book["B"].row_dimensions[line].hidden = True
        else:
            book["B"].row_dimensions[line].height = 0.1
    intake = judge(contract, saved(book), geography)
    assert intake.state == "stopped" and "verborgen rijen met gegevens (regel 4, 5)" in intake.reasons[0]


def test_hidden_rows_without_data_or_above_the_heading_do_not_matter(contract, geography) -> None:
    _, book = workbook(B=[["Titel"], HEAD, *body(), [None], [None]])
    for line in (1, 11, 12, 40):
        book["B"].row_dimensions[line].hidden = True
    assert judge(contract, saved(book), geography).state == "accepted"


def test_hidden_rows_of_an_open_document_stop_it_too(contract, geography) -> None:
    def row(cells: list[Any], more: str = "") -> str:
        inner = "".join(
            f'<table:table-cell office:value-type="string"><text:p>{c}</text:p></table:table-cell>' for c in cells
        )
        return f"<table:table-row{more}>{inner}</table:table-row>"

    rows = [row(HEAD[:3]), *(row(r[:3]) for r in body())]
    assert judge(contract, ods("".join(rows)), geography).state == "accepted"
    rows[3] = row(body()[2][:3], ' table:visibility="filter"')
    intake = judge(contract, ods("".join(rows)), geography)
    assert intake.state == "stopped" and "(regel 4)" in intake.reasons[0]


def test_an_old_spreadsheet_is_looked_through_as_well(contract, geography) -> None:
    rows = [HEAD, *([2024, row[1], 0.125, "x"] for row in body())]
    data = oldbook.workbook(rows, hidden_columns=[3], percent=[(2, 2)])
    intake = judge(contract, oldbook.workbook(rows, hidden_columns=[3]), geography)
    assert [r["ton"] for r in intake.rows] == [0.125] * 8
    assert intake.warnings == ["Werkblad 1 heeft verborgen kolommen (D); ze zijn gelezen als de andere."]
    [sheet] = formats.read(data)
    assert [type(row.cells[2]) for row in sheet.rows[1:4]] == [float, Percent, float]
    intake = judge(contract, oldbook.workbook(rows, hidden_rows=[0, 4]), geography)
    assert intake.state == "stopped" and "(regel 5)" in intake.reasons[0]
    rows[2][2], rows[5][2] = (0x07,), (0, 0x2A)
    intake = judge(contract, oldbook.workbook(rows), geography)
    assert intake.state == "stopped" and "(#DIV/0!/#DEEL/0!, #N/A/#N/B) in C3, C6" in intake.reasons[0]


def test_a_damaged_old_spreadsheet_is_a_file_that_can_not_be_read() -> None:
    data, refused = oldbook.workbook([HEAD, *body()]), 0
    for at in range(0, 3000, 37):
        for damaged in (data[:at], data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :]):
            try:
                formats.read(damaged)
            except UnreadableError:
                refused += 1
    assert refused > 80


def test_a_sheet_that_only_its_maker_sees_is_not_taken_without_a_word(contract, geography) -> None:
    _, book = workbook(Leeg=[], Gegevens=[HEAD, *body()])
    book["Gegevens"].sheet_state = "veryHidden"
    intake = judge(contract, saved(book), geography)
    assert (intake.state, intake.withheld) == ("stopped", 9) and "verborgen werkblad" in intake.reasons[0]


@pytest.mark.parametrize("name", ["Gegevens (2)", "Blad2", "Kopie van Gegevens"])
def test_a_copied_sheet_counts_once(contract, geography, name: str) -> None:
    intake = judge(contract, saved(workbook(**{"Gegevens": [HEAD, *body()], name: [["Titel"], HEAD, *body()]})[1]), geography)  # fmt: skip
    assert (intake.state, intake.accepted, dict(intake.dropped)) == ("accepted", 8, {"van een dubbel werkblad": 8})
    assert intake.warnings == ["Werkblad 2 is hetzelfde als werkblad 1 en is niet nog eens meegeteld."]


def test_a_copy_that_was_worked_on_stops_the_file_and_other_sheets_do_not(contract, geography) -> None:
    changed = body()
    changed[3][2] = 9
    for name in ("Gegevens (2)", "Blad2", "Kopie van Gegevens"):
        intake = judge(contract, saved(workbook(**{"Gegevens": [HEAD, *body()], name: [HEAD, *changed]})[1]), geography)
        assert intake.state == "stopped" and "gewijzigde kopie van werkblad 1" in intake.reasons[0]
    other = [[2023, *row[1:]] for row in body()]
    intake = judge(contract, saved(workbook(Gegevens=[HEAD, *body()], Blad2=[HEAD, *other])[1]), geography)
    assert (intake.state, intake.accepted) == ("accepted", 16)


# -- what is no delivery ----------------------------------------------------------------------------------------------

LEFT = (
    *("~$afval.xlsx", ".~lock.afval.ods#", "._afval.csv", ".DS_Store", "Thumbs.db", "thumbs.db", "desktop.ini"),
    *(
        "Desktop.INI",
        "ehthumbs.db",
        "afval.csv~",
        "#afval.csv#",
        "afval.csv.lnk",
        "Afval - Snelkoppeling",
        "~WRL0001.tmp",
    ),
    *(".nfs0001", "Icon\r", ".directory", "Statline.url"),
)


def test_what_programs_leave_is_no_delivery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*LEFT, "afval.csv", "Thumbs.csv", "desktop.xlsx", "b.csv.part"):
        (tmp_path / name).write_bytes(b"x")
    found = drop.look(tmp_path)
    assert {f.path.name: f.settled for f in found} == {
        **dict.fromkeys(("afval.csv", "Thumbs.csv", "desktop.xlsx"), True),
        "b.csv.part": False,
    }


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = tmp_path / "a.csv"
    with large.open("wb") as file:
        file.truncate(50_000_000_000)
    monkeypatch.setattr(drop, "MOST_BYTES", 1000)
    assert len(drop.read(large) or b"") == 1001
    monkeypatch.setattr(formats, "MOST_BYTES", 1000)
    with pytest.raises(UnreadableError, match="groter dan"):
        formats.read(drop.read(large) or b"")


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("spoil", ["content", "version"])
def test_a_packing_that_can_not_be_opened_is_no_parquet_and_read_says_why(how: int, spoil: str) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as packed:
        packed.writestr("cijfers.parquet", b"PAR1" + bytes(range(256)) * 40)
    data = bytearray(made.getvalue())
    if spoil == "content":
        data[60:100] = b"\xff" * 40
    else:
        at = data.index(b"PK\x01\x02")
        data[at + 6] = 99  # the version that is needed to unpack it
    assert formats.parquet(bytes(data)) is None
    with pytest.raises(UnreadableError):
        formats.read(bytes(data))
