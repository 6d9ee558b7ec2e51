"""A table of a release in the format that its reader works with."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from warehouse.read import Reader

FORMATS = ("csv", "csv-nl", "xlsx", "parquet", "json")


@dataclass(frozen=True)
class Extract:
    """Rows of one table, with what a reader must know about them.

    :param columns: name, DuckDB type, Dutch description and (for an indicator) decimals of each column.
    """

    table: str
    release_id: str
    columns: list[dict[str, Any]]
    rows: list[tuple[Any, ...]]
    definitions: list[dict[str, Any]]
    sources: list[dict[str, Any]]

    @property
    def names(self) -> list[str]:
        return [c["name"] for c in self.columns]


def extract(reader: Reader, name: str, regions: Sequence[str], periods: Sequence[str]) -> Extract:
    """The rows of a table for some regions and periods, or all of them.

    :raises NotThereError: for a table, region or period that is not there, or a filter that the table can't take.
    """
    from warehouse.read import NotThereError

    schema, table = reader.table(name)
    where, parameters = [], []
    columns = reader.rows(
        "select column_name as name, data_type as type, comment as description from duckdb_columns() "
        "where database_name = current_database() and schema_name = ? and table_name = ? order by column_index",
        [schema, table],
    )
    names = [c["name"] for c in columns]
    for column, asked in (
        ("region_code", [reader.region(r) for r in regions]),
        ("period_code", [reader.period(p) for p in periods]),
    ):
        if not asked:
            continue
        if column not in names:
            raise NotThereError(f"{schema}.{table} has no {column}, so it can't be filtered by it.")
        where.append(f"list_contains(?, {column})")
        parameters.append(asked)
    order = ", ".join(c for c in ("region_code", "period_code") if c in names)
    sql = f'select * from "{schema}"."{table}"' + (f" where {' and '.join(where)}" if where else "")
    rows = reader.con.execute(sql + (f" order by {order}" if order else ""), parameters).fetchall()
    definitions = reader.rows(
        "select * from core.indicator where list_contains(?, indicator_id) or theme = ? order by position, version",
        [names, table if schema == "mart" else ""],
    )
    decimals = {d["indicator_id"]: d["decimals"] for d in definitions}
    for column in columns:
        column["decimals"] = decimals.get(column["name"])
    sources = reader.rows(
        "select table_id, title, owner, licence, attribution, origin, modified, fetched_at, snapshot_id from core.table "
        "where table_id in (select distinct table_id from core.indicator_value where list_contains(?, indicator_id)) "
        "or (select len(?) = 0) order by table_id",
        [[d["indicator_id"] for d in definitions], [d["indicator_id"] for d in definitions]],
    )
    return Extract(f"{schema}.{table}", reader.release.release_id, columns, rows, definitions, sources)


def write(found: Extract, fmt: str, target: Path | None) -> bytes | None:
    """Write an extract to a file, or give its bytes for standard output.

    :param fmt: one of :data:`FORMATS`. ``csv`` is ISO (UTF-8, comma, decimal point); ``csv-nl`` opens in a Dutch Excel
        as it is (UTF-8 with byte-order mark, semicolon, decimal comma, CRLF).
    """
    content = {
        "csv": lambda: _csv(found, ",", ".", "\n").encode(),
        "csv-nl": lambda: b"\xef\xbb\xbf" + _csv(found, ";", ",", "\r\n").encode(),
        "json": lambda: _json(found).encode(),
        "xlsx": lambda: _xlsx(found),
        "parquet": lambda: _parquet(found),
    }[fmt]()
    if target is None:
        return content
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.part")
    beside.write_bytes(content)
    beside.replace(target)
    return None


def text(value: Any, point: str = ".") -> str:
    """A value as a CSV has it: whole numbers without decimals, others to the last digit, nothing for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal):
        number = float(value)
        if math.isfinite(number) and number.is_integer() and abs(number) < 1e15:
            return str(int(number))
        return repr(number).replace(".", point)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def csv_text(names: Iterable[str], rows: Iterable[Sequence[Any]], delimiter: str, point: str, line_end: str) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=line_end)
    writer.writerow(names)
    writer.writerows([text(v, point) for v in row] for row in rows)
    return buffer.getvalue()


def _csv(found: Extract, delimiter: str, point: str, line_end: str) -> str:
    return csv_text(found.names, found.rows, delimiter, point, line_end)


def json_value(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value


def _json(found: Extract) -> str:
    return json.dumps(
        {
            "table": found.table,
            "release": found.release_id,
            "columns": found.columns,
            "definitions": [{k: json_value(v) for k, v in d.items()} for d in found.definitions],
            "sources": [{k: json_value(v) for k, v in s.items()} for s in found.sources],
            "rows": [{n: json_value(v) for n, v in zip(found.names, row, strict=True)} for row in found.rows],
        },
        ensure_ascii=False,
        default=str,
    )


def _parquet(found: Extract) -> bytes:
    import tempfile

    import duckdb

    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        shape = ", ".join(f'"{c["name"]}" {c["type"]}' for c in found.columns)
        con.execute(f"create table extract ({shape})")
        if found.rows:
            con.executemany(f"insert into extract values ({', '.join('?' * len(found.columns))})", found.rows)
        target = Path(folder) / "extract.parquet"
        con.execute(
            f"copy extract to '{target}' (format parquet, compression zstd, "
            f"kv_metadata {{'release': '{found.release_id}', 'table': '{found.table}'}})"
        )
        return target.read_bytes()


_READING = [
    ("Leeg", "Een lege cel betekent dat er geen cijfer is; nul is een cijfer."),
    ("Reden", "Waarom een cijfer ontbreekt, staat per cijfer in de tabel core.indicator_value (kolom missing_reason)."),
    ("Periode", "Periodecodes zoals het CBS ze schrijft: 2024JJ00 is het jaar 2024, 2024HJ01 het eerste halfjaar."),
    (
        "De Kempen",
        "Regio KEMPEN: Bergeijk, Bladel, Eersel, Oirschot en Reusel-De Mierden samen. Verhoudingen zijn berekend "
        "uit opgetelde tellers en noemers, niet gemiddeld.",
    ),
    ("Bewerking", "Bron: CBS, tenzij anders vermeld; bewerking Rural Data Center Kempen. Licentie: CC BY 4.0."),
]


def _xlsx(found: Extract) -> bytes:
    """A workbook: figures, how to read them, definitions, sources. Codes are text, headers are frozen, no merged cells."""
    import xlsxwriter

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_numbers": False, "strings_to_formulas": False})
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    day = book.add_format({"num_format": "dd-mm-yyyy"})

    sheet = book.add_worksheet("Cijfers")
    numbers = {}
    for at, column in enumerate(found.columns):
        places = column.get("decimals")
        pattern = "General" if places is None else "#,##0" + ("." + "0" * places if places else "")
        numbers[at] = book.add_format({"num_format": pattern})
        sheet.write_string(0, at, column["name"], head)
        sheet.set_column(at, at, max(12, min(34, len(column["name"]) + 2)))
    for line, row in enumerate(found.rows, 1):
        for at, value in enumerate(row):
            if value is None:
                continue
            if isinstance(value, bool):
                sheet.write_boolean(line, at, value)
            elif isinstance(value, int | float | Decimal):
                sheet.write_number(line, at, float(value), numbers[at])
            elif isinstance(value, datetime):
                sheet.write_string(line, at, value.isoformat())
            elif isinstance(value, date):
                sheet.write_datetime(line, at, datetime(value.year, value.month, value.day), day)
            else:
                sheet.write_string(line, at, text(value))
    sheet.freeze_panes(1, min(2, len(found.columns)))
    if found.rows:
        sheet.autofilter(0, 0, len(found.rows), len(found.columns) - 1)

    notes = [("Tabel", found.table), ("Release", found.release_id), *_READING]
    if any(s["origin"] == "sample" for s in found.sources):
        notes.insert(
            2, ("LET OP", "Deze cijfers komen uit het meegeleverde voorbeelduittreksel, niet uit een verse levering.")
        )
    _sheet(book, "Toelichting", ["onderwerp", "toelichting"], notes, [18, 100], head, wrap)
    _sheet(
        book,
        "Definities",
        ["indicator", "naam", "definitie", "eenheid", "richting", "teller", "noemer", "kanttekening", "bron", "versie"],
        [
            [
                d["indicator_id"],
                d["name_nl"],
                d["definition"],
                d["unit"],
                d["direction"],
                d["numerator"],
                d["denominator"],
                " ".join(filter(None, [d["caveats"], d["why_not"]])),
                d["source"],
                d["version"],
            ]
            for d in found.definitions
        ],
        [26, 34, 70, 14, 16, 30, 30, 60, 40, 8],
        head,
        wrap,
    )
    _sheet(
        book,
        "Bronnen",
        [
            "tabel",
            "titel",
            "eigenaar",
            "licentie",
            "bronvermelding",
            "herkomst",
            "gewijzigd bij bron",
            "opgehaald",
            "snapshot",
        ],
        [
            [
                s["table_id"],
                s["title"],
                s["owner"],
                s["licence"],
                s["attribution"],
                s["origin"],
                s["modified"],
                text(s["fetched_at"]),
                s["snapshot_id"],
            ]
            for s in found.sources
        ],
        [14, 60, 34, 12, 18, 12, 22, 28, 44],
        head,
        wrap,
    )
    book.close()
    return buffer.getvalue()


def _sheet(
    book: Any, name: str, header: list[str], rows: Iterable[Sequence[Any]], widths: list[int], head: Any, wrap: Any
) -> None:
    sheet = book.add_worksheet(name)
    for at, (title, width) in enumerate(zip(header, widths, strict=True)):
        sheet.write_string(0, at, title, head)
        sheet.set_column(at, at, width)
    for line, row in enumerate(rows, 1):
        for at, value in enumerate(row):
            sheet.write_string(line, at, text(value), wrap)
    sheet.freeze_panes(1, 0)
