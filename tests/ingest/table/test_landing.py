"""A file at a URL lands as any table does: served over HTTP, in the forms in which publishers put them on the web."""

from __future__ import annotations

import gzip
import io
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import duckdb
import polars as pl
import pytest
import xlsxwriter

from ingest.attempt import Attempt, attempt
from ingest.datacenter import at
from ingest.declaration import Table
from ingest.http import Client
from ingest.outcome import FAILED, FETCHED, UNCHANGED, Outcome
from ingest.snapshot import Store
from ingest.table import landing
from ingest.verify import altered

HEADING = ["GEMEENTENUMMER", "GEMEENTENAAM", "PEILJAAR", "SOORT", "AANTAL", "GEMIDDELDE"]
ROWS = [
    ["0770", "Eersel", "2023", "vmbo", "120", "7,25"],
    ["0770", "Eersel", "2023", "vwo", "<5", "6,5"],
    ["823", "Oirschot", "2023", "vmbo", "0", ""],
    ["823", "Oirschot", "2024", "vwo", "1.204", "5,75"],
]
AT: dict[str, Any] = {
    "region": {"column": "GEMEENTENUMMER", "written": "gemeente", "names": "GEMEENTENAAM"},
    "period": {"column": "PEILJAAR"},
    "dimensions": ["SOORT"],
    "measures": [
        {"column": "AANTAL", "title": "Leerlingen", "unit": "aantal"},
        {"column": "GEMIDDELDE", "title": "Gemiddeld cijfer", "unit": "cijfer", "decimals": 2},
    ],
    "decimal": "comma",
    "missing": {"<5": "confidential"},
}


@dataclass
class Web:
    """A web server with one file."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    #: What HEAD is answered, where that is another status.
    head: int | None = None
    asked: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def web() -> Iterator[Web]:
    found = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.command)
            if self.command == "HEAD" and found.head:
                self.send_response(found.head)
                self.end_headers()
                return
            etag = found.headers.get("ETag")
            if etag and self.headers.get("If-None-Match") == etag:
                self.send_response(304)
                self.end_headers()
                return
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(found.body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}/duo/leerlingen.csv"
    yield found
    server.shutdown()
    server.server_close()


@dataclass
class Setting:
    web: Web
    store: Store
    client: Client

    def table(self, **at: Any) -> Table:
        said = {k: v for k, v in (AT | {"url": self.web.url} | at).items() if v is not None}
        return Table(
            id="leerlingen",
            title="Leerlingen",
            protocol="table",
            cadence="year",
            at=said,
            source_id="duo",
            file="duo.yml",
        )  # type: ignore[arg-type]

    def land(self, table: Table | None = None, scope: str | None = None, **at: Any) -> Outcome:
        table = table or self.table(**at)
        return attempt(table.id, lambda own: landing.land(table, own, self.store, self.client, lambda *_: None, scope))

    def figures(self) -> list[tuple[Any, ...]]:
        snapshot = self.store.newest("leerlingen")
        assert snapshot is not None
        return duckdb.execute(
            "select Region, Period, SOORT, Measure, Value, ValueAttribute from read_parquet(?) order by all",
            [str(snapshot.file("data.parquet"))],
        ).fetchall()


@pytest.fixture
def setting(web: Web, tmp_path: Path) -> Setting:
    return Setting(web, Store(tmp_path / "snapshots"), Client(timeout=5, attempts=1, backoff=0))


EXPECTED = [
    ("GM0770", "2023JJ00", "vmbo", "AANTAL", 120.0, "None"),
    ("GM0770", "2023JJ00", "vmbo", "GEMIDDELDE", 7.25, "None"),
    ("GM0770", "2023JJ00", "vwo", "AANTAL", None, "Confidential"),
    ("GM0770", "2023JJ00", "vwo", "GEMIDDELDE", 6.5, "None"),
    ("GM0823", "2023JJ00", "vmbo", "AANTAL", 0.0, "None"),
    ("GM0823", "2023JJ00", "vmbo", "GEMIDDELDE", None, "Unknown"),
    ("GM0823", "2024JJ00", "vwo", "AANTAL", 1204.0, "None"),
    ("GM0823", "2024JJ00", "vwo", "GEMIDDELDE", 5.75, "None"),
]


def _csv(rows: list[list[str]] = ROWS, heading: list[str] = HEADING, encoding: str = "utf-8") -> bytes:
    return "\r\n".join(";".join(row) for row in [heading, *rows]).encode(encoding)


def _xlsx(rows: list[list[str]] = ROWS) -> bytes:
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made)
    book.add_worksheet("Toelichting").write(0, 0, "Peildatum 1 oktober")
    sheet = book.add_worksheet("Leerlingen")
    sheet.write_row(0, 0, ["Dienst Uitvoering Onderwijs"])
    for n, row in enumerate([HEADING, *rows], 2):
        for c, cell in enumerate(row):
            bare = cell.replace(".", "").replace(",", ".")
            if n > 2 and c in (2, 4, 5) and bare.replace(".", "").isdigit():
                sheet.write_number(n, c, float(bare))
            else:
                sheet.write_string(n, c, cell)
    book.close()
    return made.getvalue()


def _zip(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, content)
    return made.getvalue()


def _ods() -> bytes:
    """As LibreOffice lays a sheet of texts down."""
    lines = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'
            for cell in row
        )
        + "</table:table-row>"
        for row in [HEADING, *ROWS]
    )
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces} office:version="1.3"><office:body>'
        f'<office:spreadsheet><table:table table:name="Leerlingen">{lines}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr("content.xml", content)
        packed.writestr("META-INF/manifest.xml", '<?xml version="1.0"?><manifest/>')
    return made.getvalue()


def _parquet() -> bytes:
    made = io.BytesIO()
    pl.DataFrame(ROWS, schema=HEADING, orient="row").write_parquet(made)
    return made.getvalue()


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (_csv(), {}),
        (_csv(encoding="utf-8-sig"), {}),
        (_csv(encoding="windows-1252"), {}),
        (_xlsx(), {"sheet": "Leerlingen"}),
        (_zip("leerlingen.csv", _csv()), {}),
        (_zip("leerlingen.xlsx", _xlsx()), {"sheet": "leerlingen"}),
        (_zip("leerlingen.ods", _ods()), {}),
        (_parquet(), {}),
        (_zip("leerlingen.parquet", _parquet()), {}),
        (gzip.compress(_parquet()), {}),
    ],
    ids=[
        *("csv", "csv-bom", "csv-1252", "xlsx", "zip-csv", "zip-xlsx"),
        *("zip-ods", "parquet", "zip-parquet", "gzip-parquet"),
    ],
)
def test_the_same_table_in_any_form(setting: Setting, body: bytes, at: dict[str, Any]) -> None:
    setting.web.body = body
    outcome = setting.land(**at)
    assert outcome.result == FETCHED, outcome.reason
    assert setting.figures() == EXPECTED
    snapshot = setting.store.newest("leerlingen")
    assert snapshot is not None
    assert (snapshot.row_count, snapshot.expected_count, altered(snapshot)) == (8, 8, [])
    names = duckdb.execute(
        "select code, title from read_parquet(?) where dimension = 'Region' order by 1",
        [str(snapshot.file("codes.parquet"))],
    ).fetchall()
    assert names == [("GM0770", "Eersel"), ("GM0823", "Oirschot")]


def test_what_did_not_change_is_not_taken_again(setting: Setting) -> None:
    setting.web.body = _csv()
    assert setting.land().result == FETCHED
    assert setting.land().result == UNCHANGED, "the same bytes, of a server that says nothing of versions"
    table = setting.table()
    assert landing.changed(table, Attempt(table.id), setting.client, setting.store.newest(table.id)), (
        "so it must be looked at each time"
    )
    setting.web.headers = {"ETag": '"1"'}
    setting.web.body = _csv([*ROWS[:3], ["823", "Oirschot", "2024", "vwo", "1.205", "5,75"]])
    assert setting.land().result == FETCHED
    assert not landing.changed(table, Attempt(table.id), setting.client, setting.store.newest(table.id))
    assert setting.land().result == UNCHANGED
    assert setting.land(missing={"<5": "not_available"}).result == FETCHED, "declared otherwise, it is read anew"
    assert len(setting.store.all("leerlingen")) == 3


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_a_server_that_refuses_head_is_asked_for_the_file(setting: Setting, status: int) -> None:
    setting.web.body, setting.web.headers, setting.web.head = _csv(), {"ETag": '"1"'}, status
    assert setting.land().result == FETCHED
    table = setting.table()
    assert landing.changed(table, Attempt(table.id), setting.client, setting.store.newest(table.id))
    assert setting.land().result == UNCHANGED


def test_when_a_file_changed_last_is_known_before_it_is_fetched(setting: Setting) -> None:
    setting.web.body, setting.web.headers = _csv(), {"Last-Modified": "Mon, 02 Sep 2024 10:00:00 GMT"}
    assert setting.land().result == FETCHED
    setting.web.headers = {"Last-Modified": "Tue, 03 Sep 2024 10:00:00 GMT"}
    own, table = Attempt("leerlingen"), setting.table()
    assert landing.changed(table, own, setting.client, setting.store.newest(table.id))
    assert own.modified == "2024-09-03T10:00:00+00:00"


def test_a_snapshot_that_was_changed_on_disk_is_taken_again_and_told(setting: Setting) -> None:
    setting.web.body = _csv()
    assert setting.land().result == FETCHED
    snapshot = setting.store.newest("leerlingen")
    assert snapshot is not None
    snapshot.file("data.parquet").write_bytes(b"")
    outcome = setting.land()
    assert outcome.result == FETCHED and "is not as it was laid down" in outcome.reason
    assert setting.figures() == EXPECTED


def test_who_is_in_the_region_is_part_of_what_is_wanted(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    setting.web.body, setting.web.headers = _csv(), {"ETag": '"1"'}
    assert setting.land(scope="kempen").result == FETCHED
    assert setting.land(scope="kempen").result == UNCHANGED
    other = at(setting.store.root).model_copy(update={"corop": "CR35"})
    monkeypatch.setattr("ingest.scope.here", lambda: other)
    assert setting.land(scope="kempen").result == FETCHED


@pytest.mark.parametrize(
    ("body", "at", "told"),
    [
        (_csv(heading=[*HEADING[:4], "AANTALLEN", "GEMIDDELDE"]), {}, "without AANTAL"),
        (_csv([*ROWS, ROWS[0]]), {}, "lines 2 and 6 are both about Region GM0770, Period 2023JJ00, SOORT vmbo"),
        (_csv([*ROWS, ["9999x", "?", "2023", "vmbo", "1", "1,0"]]), {}, "line 6: '9999x'"),
        (_csv([*ROWS, ["770", "Eersel", "soms", "vmbo", "1", "1,0"]]), {}, "line 6: 'soms'"),
        (_csv([*ROWS, ["770", "Eersel", "2022", "vmbo", "veel", "1,0"]]), {}, "line 6: 'veel'"),
        (_csv([*ROWS, ["770", "Eersel", "2022", "j@piet.nl", "4", "1,0"]]), {}, "e-mailadres"),
        (b"<!doctype html><html><body>Pagina niet gevonden</body></html>", {}, "leerlingen.csv"),
        (b"", {}, "leerlingen.csv"),
        (_xlsx(), {"sheet": "Scholen"}, "there is no sheet Scholen; there are Toelichting, Leerlingen"),
        (_csv([["0770", "Eersel", "2023", "vmbo", "1.204", "1"]]), {"decimal": None}, "decimal: comma"),
        (
            _csv([["0770", "Eersel", "2023", "vmbo", "1.5", "1"], ["0770", "Eersel", "2024", "vmbo", "1,5", "1"]]),
            {},
            "one way",
        ),
        (_csv([*ROWS, ["", "", "", "", '"nooit gesloten', ""]]), {}, "leerlingen.csv"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place_and_nothing_is_taken(
    setting: Setting, body: bytes, at: dict[str, Any], told: str
) -> None:
    setting.web.body = _csv()
    assert setting.land().result == FETCHED
    setting.web.body = body
    outcome = setting.land(**at)
    assert outcome.result == FAILED
    assert told in outcome.reason
    assert outcome.reason.startswith("leerlingen: ")
    assert setting.figures() == EXPECTED, "the last good one serves on"
    assert not list(setting.store.root.glob("*/.landing-*"))


def one(setting: Setting, rows: list[str], **at: Any) -> Outcome:
    """A file of regions, periods and figures, and nothing else."""
    setting.web.body = "\n".join(["CODE;NAAM;WANNEER;SOORT;N", *rows]).encode()
    told = {
        "region": {"column": "CODE"},
        "period": {"column": "WANNEER"},
        "measures": [{"column": "N", "title": "n", "unit": "aantal"}],
        "missing": None,
    }
    return setting.land(**(told | at))


BSN, MAIL = "123456782", "jan.jansen@example.nl"


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("personal", [BSN, MAIL, "NL91ABNA0417164300"])
def test_no_message_quotes_what_is_about_a_person(setting: Setting, place: int, personal: str) -> None:
    row = ["GM0770", "Eersel", "2024", "x", "1"]
    row[place] = personal
    names = {"region": {"column": "CODE", "names": "NAAM"}}
    outcome = one(setting, [";".join(row), "GM0823;Oirschot;2024;x;veel"], **names)
    assert outcome.result == FAILED
    assert personal not in outcome.reason
    assert personal not in one(setting, [";".join(row)] * 2, **names).reason
    # Nor where there is no heading at all.
    setting.web.body = ";".join(row).encode()
    outcome = setting.land()
    assert outcome.result == FAILED and "None of them stands" in outcome.reason
    assert personal not in outcome.reason and "Eersel" not in outcome.reason


def test_a_code_of_a_buurt_is_nobodys_number(setting: Setting) -> None:
    """In digits it passes the test of a BSN, as one in eleven does."""
    assert one(setting, ["BU07700048;x;2024;x;1"]).result == FETCHED
    digits = {"column": "CODE", "written": "buurt"}
    assert one(setting, ["07700048;x;2024;x;2"], region=digits).result == FETCHED


@pytest.mark.parametrize("code", ["TOTAAL", "NLD", "GM", "Eersel"])
def test_a_word_is_no_code_of_a_region(setting: Setting, code: str) -> None:
    outcome = one(setting, [f"{code};x;2024;x;1"])
    assert outcome.result == FAILED and f"line 2: '{code}'" in outcome.reason


@pytest.mark.parametrize(
    ("written", "period", "code"),
    [
        ("2023SJ00", {}, "2023SJ00"),
        ("2023", {"school_year": True}, "2023SJ00"),
        ("2023/2024", {"school_year": True}, "2023SJ00"),
        ("2023-24", {"school_year": True}, "2023SJ00"),
        ("2024-10-01", {}, "20241001"),
        ("1-10-2024", {}, "20241001"),
        ("20241001", {}, "20241001"),
        ("2024-10", {}, "2024MM10"),
        ("okt 2024", {}, "2024MM10"),
        ("2024-3", {"counts": "month"}, "2024MM03"),
        ("2024-03-01", {"counts": "month"}, "2024MM03"),
        ("2024-2", {"counts": "quarter"}, "2024KW02"),
        ("2024-02-01", {"counts": "quarter"}, None),
        ("2023/2025", {"school_year": True}, None),
        ("2023/2024", {}, None),
    ],
)
def test_a_period_is_what_it_says_however_it_is_written(
    setting: Setting, written: str, period: dict[str, Any], code: str | None
) -> None:
    outcome = one(setting, [f"GM0770;x;{written};x;1"], period={"column": "WANNEER"} | period)
    assert outcome.result == (FETCHED if code else FAILED), outcome.reason
    if code is None:
        return
    snapshot = setting.store.newest("leerlingen")
    assert snapshot is not None
    data = str(snapshot.file("data.parquet"))
    assert duckdb.execute("select Period from read_parquet(?)", [data]).fetchall() == [(code,)]


@pytest.mark.parametrize(("counts", "code"), [(None, "20240301"), ("month", "2024MM03"), ("quarter", None)])
def test_a_cell_with_a_date_is_what_its_text_would_be(setting: Setting, counts: str | None, code: str | None) -> None:
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["CODE", "WANNEER", "N"])
    sheet.write_row(1, 0, ["GM0770", "", 1])
    sheet.write_datetime(1, 1, datetime(2024, 3, 1), book.add_format({"num_format": "mmm yyyy"}))
    book.close()
    setting.web.body = made.getvalue()
    measures = [{"column": "N", "title": "n", "unit": "aantal"}]
    period = {"column": "WANNEER", "counts": counts}
    outcome = setting.land(region={"column": "CODE"}, period=period, measures=measures, dimensions=None, missing=None)
    if code is None:
        assert outcome.result == FAILED and "must have periods" in outcome.reason
        return
    snapshot = setting.store.newest("leerlingen")
    assert snapshot is not None, outcome.reason
    data = str(snapshot.file("data.parquet"))
    assert duckdb.execute("select Period from read_parquet(?)", [data]).fetchall() == [(code,)]


def _book(cells: list[Any], percent: bool = False) -> bytes:
    """A sheet with a figure per municipality."""
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["CODE", "N"])
    for n, cell in enumerate(cells, 1):
        sheet.write(n, 0, f"GM{n:04d}")
        if str(cell).startswith("="):
            error = cell == "=1/0"
            sheet.write_formula(n, 1, cell, None, "#DIV/0!" if error else "")
        else:
            sheet.write(n, 1, cell, book.add_format({"num_format": "0.0%"}) if percent else None)
    book.close()
    return made.getvalue()


def _measured(setting: Setting, body: bytes, unit: str, **at: Any) -> list[float | None] | str:
    """The figures, or why there are none."""
    setting.web.body = body
    measures = [{"column": "N", "title": "n", "unit": unit}]
    said = {"region": {"column": "CODE"}, "period": None, "measures": measures, "dimensions": None, "missing": None}
    table = setting.table(**(said | at)).model_copy(update={"period": "2024JJ00"})
    outcome = setting.land(table)
    snapshot = setting.store.newest("leerlingen")
    if outcome.result != FETCHED or snapshot is None:
        return outcome.reason
    data = str(snapshot.file("data.parquet"))
    return [v for (v,) in duckdb.execute("select Value from read_parquet(?) order by Region", [data]).fetchall()]


@pytest.mark.parametrize(
    ("unit", "found"), [("%", [12.3, 0.0, 7.0]), ("fractie", [0.123, 0.0, 0.07]), ("aantal", "its unit is aantal")]
)
def test_a_percentage_is_what_its_unit_says_in_a_sheet_and_a_text(setting: Setting, unit: str, found: Any) -> None:
    texts = b"CODE;N\nGM0001;12,3%\nGM0002;0\nGM0003;7 %\n"
    for body in (_book([0.123, 0, 0.07], percent=True), texts):
        told = _measured(setting, body, unit)
        assert told == found if isinstance(found, list) else found in told


def test_percentages_and_bare_numbers_do_not_go_together(setting: Setting) -> None:
    assert "line 2: '12,3%'; line 3: '7'" in _measured(setting, b"CODE;N\nGM0001;12,3%\nGM0002;7\n", "%")


@pytest.mark.parametrize(
    ("cell", "told"), [("=1/0", "line 3: #DIV/0!"), ("=A1", "line 3: a formula that was never calculated")]
)
def test_a_cell_without_a_value_is_not_an_empty_one(setting: Setting, cell: str, told: str) -> None:
    assert told in _measured(setting, _book([1, cell, 3]), "aantal")
    assert "line 2: #N/B" in _measured(setting, b"CODE;N\nGM0001;#N/B\n", "aantal")
    if cell == "=1/0":
        declared = {"missing": {"#DEEL/0!": "impossible"}}
        assert _measured(setting, _book([1, cell, 3]), "aantal", **declared) == [1.0, None, 3.0]


def test_an_error_of_a_spreadsheet_is_no_member(setting: Setting) -> None:
    outcome = one(setting, ["GM0770;x;2024;#N/B;1"], dimensions=["SOORT"])
    assert outcome.result == FAILED and "column SOORT has cells without a value: line 2" in outcome.reason


def test_rows_about_no_region_are_left_out_when_that_is_declared(setting: Setting) -> None:
    setting.web.body = _csv([*ROWS, ["Onbekend", "", "2023", "vmbo", "3", ""], ["", "", "2023", "vwo", "4", ""]])
    assert setting.land().result == FAILED
    region = AT["region"] | {"others": ["onbekend", ""]}
    assert setting.land(region=region).result == FETCHED
    assert setting.figures() == EXPECTED
    snapshot = setting.store.newest("leerlingen")
    assert snapshot is not None
    assert snapshot.warnings == [
        "1 rows about '' are left out, as declared",
        "1 rows about 'Onbekend' are left out, as declared",
    ]


def test_the_scope_keeps_our_regions_and_says_how_many_there_were(setting: Setting) -> None:
    setting.web.body = _csv([*ROWS, ["0344", "Utrecht", "2023", "vmbo", "9", "1,0"]])
    buurten = AT["region"] | {"written": "code", "column": "CODE", "names": None}
    assert setting.land().result == FETCHED
    assert len(setting.figures()) == 10, "all municipalities are for comparison"
    setting.web.body = b"CODE;JAAR;N\nBU07700001;2024;1\nBU03440001;2024;2\n"
    table = setting.table(
        region=buurten,
        period={"column": "JAAR"},
        dimensions=None,
        measures=[{"column": "N", "title": "n", "unit": "aantal"}],
        missing=None,
    )
    outcome = setting.land(table, scope="kempen")
    assert (outcome.result, outcome.rows) == (FETCHED, 1), outcome.reason
    snapshot = setting.store.newest("leerlingen")
    assert snapshot is not None
    assert "2 rows, of which 1 of other regions" in snapshot.count_source


def test_a_declaration_says_each_thing_once(setting: Setting) -> None:
    with pytest.raises(ValueError, match="AANTAL stands twice"):
        setting.table(dimensions=["AANTAL"])
    with pytest.raises(ValueError, match="no other table has it"):
        Table(id="x", title="x", protocol="v3", cadence="year", at=AT | {"url": setting.web.url})  # type: ignore[arg-type]
    for url in ("ftp://example.org/x.csv", "https:///x.csv", "https://example.org/a b.csv", "https://[x/"):
        with pytest.raises(ValueError, match="url"):
            setting.table(url=url)
    with pytest.raises(ValueError, match="user or password"):
        setting.table(url="https://jan:geheim@example.org/x.csv")


def test_an_outcome_is_of_its_table_whatever_the_server_does(setting: Setting) -> None:
    setting.web.status = 503
    assert setting.land().result == FAILED
    setting.web.status, setting.web.body, setting.web.headers = 200, _csv(), {"Content-Encoding": "gzip"}
    outcome = setting.land()
    assert outcome.result == FAILED
    assert "damaged" in outcome.reason
    assert Attempt("x").outcome(FETCHED).result == FETCHED
