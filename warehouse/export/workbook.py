"""An Excel workbook: figures, how to read them, definitions, sources, changes.

Codes are text (a leading zero stays), figures are numbers with the decimals of their indicator, headers are frozen, no
cells are merged.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingest.datacenter import here
from warehouse.export.extraction import ExportError, Extract
from warehouse.export.parquet import read
from warehouse.export.plain import text
from warehouse.formats import TABLE
from warehouse.reading.published import MISSING_REASONS

#: What a sheet holds, its header included (the limit of the format).
MOST_ROWS = 1_048_576

_READING = [
    ("Leeg", "Een lege cel betekent dat er geen cijfer is; nul is een cijfer."),
    ("Reden", "Waarom een cijfer ontbreekt, staat in de kolommen missing_reason (code) en reason van dezelfde rij."),
    (
        "Marges",
        "Van een cijfer uit een steekproef staan de grenzen (95%) in dezelfde rij; verschillen daarbinnen zeggen niets.",
    ),
    ("Reeksbreuk", "Staat er iets in series_break, dan is het cijfer niet met het vorige van de reeks te vergelijken."),
    *((f"  {code}", meaning) for code, meaning in MISSING_REASONS.items()),
    ("Periode", "Periodecodes zoals het CBS ze schrijft: 2024JJ00 is het jaar 2024, 2024HJ01 het eerste halfjaar."),
    (
        "$groep",
        "Regio $code: $namen samen. Verhoudingen zijn berekend uit opgetelde tellers en noemers, niet gemiddeld.",
    ),
    ("Bewerking", "Bewerking van de bronnen: $naam. Licentie: CC BY 4.0; noem de bron."),
]
_CHANGES = {
    "added": "nieuw",
    "removed": "vervallen",
    "changed": "gewijzigd",
    "value": "cijfer gewijzigd",
    "missing_reason": "andere reden dat het ontbreekt",
    "definition_version": "andere definitieversie",
    "period_status": "andere status",
    "column_added": "kolom erbij",
    "column_removed": "kolom vervallen",
    "type": "ander type",
    "description": "omschrijving gewijzigd",
    "table_added": "tabel erbij",
    "table_removed": "tabel vervallen",
}


def pieces(extracted: Extract) -> Iterator[bytes]:
    rows = extracted.count()
    if rows >= MOST_ROWS:
        raise ExportError(
            f"{extracted.name} has {rows:,} rows; an Excel sheet holds {MOST_ROWS - 1:,}. Take fewer regions or periods, or parquet."
        )
    with tempfile.TemporaryDirectory(prefix="rdc-", dir=extracted.published.scratch) as folder:
        target = Path(folder) / "table.xlsx"
        _write(extracted, rows, target)
        yield from read(target)


def _write(extracted: Extract, rows: int, target: Path) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(
        str(target),
        {"constant_memory": True, "strings_to_numbers": False, "strings_to_formulas": False, "strings_to_urls": False},
    )
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    _figures(book, extracted, rows, head)
    notes = [
        ("Tabel", f"{extracted.title} ({extracted.name})"),
        ("Release", extracted.release_id),
        *here().filled(_READING),
    ]
    if extracted.is_sample:
        notes.insert(
            2, ("LET OP", "Deze cijfers komen uit het meegeleverde voorbeelduittreksel, niet uit een verse levering.")
        )
    notes += [(c.name, f"{c.title}. {c.description}") for c in extracted.columns if not c.is_indicator]
    _sheet(book, extracted, "Toelichting", ["onderwerp", "toelichting"], notes, [22, 110], head, wrap)
    _sheet(
        book,
        extracted,
        "Definities",
        [
            *("indicator", "naam", "definitie", "eenheid", "richting", "teller", "noemer", "kanttekening", "bron"),
            *("versie", "geldig vanaf", "geldig tot en met", "peildatum"),
        ],
        (
            [
                *(d["indicator_id"], d["name_nl"], d["definition"], d["unit"], d["direction"], d["numerator"]),
                *(
                    d["denominator"],
                    " ".join(filter(None, [d.get("not_comparable"), d["caveats"], d["why_not"], d.get("no_figure")])),
                    d["source"],
                    d["version"],
                ),
                *(d["valid_from"], d["valid_to"], d.get("reference")),
            ]
            for d in extracted.definitions
        ),
        [26, 34, 70, 14, 16, 30, 30, 60, 40, 8, 14, 14, 30],
        head,
        wrap,
    )
    _sheet(
        book,
        extracted,
        "Bronnen",
        [
            *("tabel", "titel", "eigenaar", "licentie", "bronvermelding", "herkomst", "gewijzigd bij bron"),
            *("opgehaald", "snapshot"),
        ],
        (
            [
                *(s["table_id"], s["title"], s["owner"], s["licence"], s["attribution"], s["origin"], s["modified"]),
                *(s["fetched_at"], s["snapshot_id"]),
            ]
            for s in extracted.sources
        ),
        [14, 60, 34, 12, 18, 12, 22, 28, 44],
        head,
        wrap,
    )
    _sheet(
        book,
        extracted,
        "Wijzigingen",
        [
            "wat",
            "indicator",
            "gebied",
            "periode",
            "oud",
            "nieuw",
            "reden oud",
            "reden nieuw",
            "status oud",
            "status nieuw",
        ],
        _changes(extracted),
        [30, 26, 14, 12, 18, 18, 16, 16, 14, 14],
        head,
        wrap,
    )
    book.close()


def _figures(book: Any, extracted: Extract, rows: int, head: Any) -> None:
    sheet = book.add_worksheet("Cijfers")
    day = book.add_format({"num_format": "dd-mm-yyyy"})
    formats = []
    for at, column in enumerate(extracted.columns):
        places = column.decimals
        pattern = "General" if places is None else "#,##0" + ("." + "0" * places if places else "")
        formats.append(book.add_format({"num_format": pattern}))
        # A region's name is cut off by the cell beside it, which is never empty.
        sheet.set_column(at, at, 34 if column.name == "region_name" else max(12, min(34, len(column.name) + 2)))
        sheet.write_string(0, at, column.name, head)
    for line, row in enumerate(extracted.rows(), 1):
        for at, value in enumerate(row):
            if value is None:
                continue
            if isinstance(value, bool):
                sheet.write_boolean(line, at, value)
            elif isinstance(value, int | float | Decimal):
                sheet.write_number(line, at, float(value), formats[at])
            elif isinstance(value, datetime):
                sheet.write_string(line, at, value.isoformat())
            elif isinstance(value, date):
                sheet.write_datetime(line, at, datetime(value.year, value.month, value.day), day)
            else:
                sheet.write_string(line, at, text(value))
    _for_paper(sheet, extracted)
    sheet.freeze_panes(1, 2 if extracted.shape != TABLE else 1)
    if rows:
        sheet.autofilter(0, 0, rows, len(extracted.columns) - 1)


def _changes(extracted: Extract) -> Iterator[Sequence[Any]]:
    changes = extracted.changes
    if not changes.get("old"):
        yield ("Er is geen eerdere release om mee te vergelijken.",)
        return
    yield (f"Sinds release {changes['old']}:",)
    for change in changes["schema"]:
        yield (_CHANGES[change["change"]], change["column"], None, None, change["old"], change["new"])
    for change in changes["definitions"]:
        what = f"definitie{': ' + change['field'] if change['field'] else ''} {_CHANGES[change['change']]}"
        yield (what, change["indicator_id"], None, None, change["old"], change["new"])
    for change in changes["values"]:
        yield (
            *(_CHANGES[change["kind"]], change["indicator_id"], change["region_code"], change["period_code"]),
            *(change["old_value"], change["new_value"], change["old_missing_reason"], change["new_missing_reason"]),
            *(change["old_period_status"], change["new_period_status"]),
        )
    listed = len(changes["values"])
    total = sum(sum(kinds.values()) for kinds in changes["by_indicator"].values())
    if total > listed:
        yield (f"… en nog {total - listed} cijfers; `rdc diff {changes['old']} {changes['new']}` noemt ze alle.",)
    elif not (total or changes["definitions"] or changes["schema"]):
        yield ("Niets gewijzigd.",)


def _sheet(
    book: Any,
    extracted: Extract,
    name: str,
    header: list[str],
    rows: Iterable[Sequence[Any]],
    widths: list[int],
    head: Any,
    wrap: Any,
) -> None:
    sheet = book.add_worksheet(name)
    for at, width in enumerate(widths):
        sheet.set_column(at, at, width)
    for at, title in enumerate(header):
        sheet.write_string(0, at, title, head)
    for line, row in enumerate(rows, 1):
        # Said, since not every program works out by itself how high a row of wrapped text is. Before its cells: what is
        # written goes straight to the file.
        lines = max((-(-len(text(v)) // (w - 2)) for v, w in zip(row, widths, strict=False)), default=1)
        sheet.set_row(line, min(409, 15 * max(1, lines)))
        for at, value in enumerate(row):
            if isinstance(value, int | float) and not isinstance(value, bool):
                sheet.write_number(line, at, value, wrap)
            elif value is not None:
                sheet.write_string(line, at, text(value), wrap)
    _for_paper(sheet, extracted)
    sheet.freeze_panes(1, 0)


def _for_paper(sheet: Any, extracted: Extract) -> None:
    """As wide as one sheet of A3, with its header on every page and the release below it."""
    sheet.set_landscape()
    sheet.set_paper(8)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer(f"&L{extracted.title.replace('&', '&&')}, release {extracted.release_id}&R&A, bladzijde &P van &N")
