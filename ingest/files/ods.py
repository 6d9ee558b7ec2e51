"""A look through LibreOffice's file: a zip of XML, read in one pass that keeps nothing."""

from __future__ import annotations

import zipfile

from ingest.files.look import MOST_SHEETS, Look, attribute, parse
from ingest.files.sheet import Faulty, UnreadableError


def looks(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> list[Look]:
    found: list[Look] = []
    row = column = 0
    repeated = 1
    at_column = 0
    cell: dict[str, str] = {}
    wide = 1
    depth = texts = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, repeated, at_column, cell, wide, texts, depth
        if tag == "table":
            depth += 1
        if tag == "table" and depth == 1:
            found.append(Look(attribute(attributes, "name") or ""))
            row = at_column = 0
            if len(found) > MOST_SHEETS:
                raise UnreadableError(f"Het rekenblad heeft meer dan {MOST_SHEETS} werkbladen.")
        elif depth != 1:
            return
        elif tag == "table-column":
            times = int(attribute(attributes, "number-columns-repeated") or 1)
            if attribute(attributes, "visibility") in ("collapse", "filter"):
                found[-1].hidden_columns.update(range(at_column, min(at_column + times, 16_384)))
            at_column += times
        elif tag == "table-row":
            repeated = int(attribute(attributes, "number-rows-repeated") or 1)
            column = 0
            if attribute(attributes, "visibility") in ("collapse", "filter"):
                found[-1].hidden_rows.update(range(row, min(row + repeated, 1_048_576)))
        elif tag in ("table-cell", "covered-table-cell"):
            wide = int(attribute(attributes, "number-columns-repeated") or 1)
            cell = {name.rpartition(":")[2]: value for name, value in attributes.items()}
            cell["office"] = attributes.get("office:value-type", "")
            cell["shows"] = attributes.get("calcext:value-type", "")
            texts = 0

    def text(data: str) -> None:
        nonlocal texts
        if depth == 1 and data.strip():
            texts += 1
            if cell.get("shows") == "error":
                cell["error"] = cell.get("error", "") + data

    def end(tag: str) -> None:
        nonlocal row, column, depth
        if tag == "table":
            depth -= 1
        elif depth != 1:
            return
        elif tag == "table-row":
            row += repeated
        elif tag in ("table-cell", "covered-table-cell"):
            look, kind = found[-1], cell.get("office", "")
            fault = None
            if cell.get("shows") == "error":
                fault = Faulty("error", cell.get("error", "").strip())
            elif "formula" in cell and not kind:
                fault = Faulty("uncalculated")
            if fault or kind or texts:
                look.holds(row + repeated - 1, column + wide - 1)
                look.check(len(found))
            if fault or kind == "percentage":
                places = {(r, c) for r in range(row, row + repeated) for c in range(column, column + wide)}
                if fault:
                    look.faulty |= dict.fromkeys(places, fault)
                else:
                    look.percent |= places
            column += wide

    parse(packed, part, start, end, text)
    return found
