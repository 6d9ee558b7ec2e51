"""The formats that a table can be had in. One that is written down here is there for the command, the API, its OpenAPI document and the
Accept header alike.

What belongs here: what each of them is called and asked for by. Light to import, since the command lists them before it does
anything; how they are made is in :mod:`warehouse.export`.
"""

from __future__ import annotations

from dataclasses import dataclass

#: A row per region and period, a column per indicator; a row per figure; or a table that is not of figures.
WIDE, LONG_SHAPE, TABLE = "wide", "long", "table"


@dataclass(frozen=True)
class Format:
    """A format that a table can be had in.

    :param made_by: module and function in :mod:`warehouse.export` that give the bytes of an extract, piece by piece.
    :param ending: of a file's name.
    :param title: Dutch; ``refusal`` too: what is said where a table can't be had so.
    :param accepted: what asks for it in an Accept header; None where another format answers to its media type.
    :param shape: the shape that it needs whatever was asked for; None takes any.
    :param on_a_map: it needs the boundaries of regions.
    """

    name: str
    made_by: str
    ending: str
    media_type: str
    title: str
    accepted: str | None = None
    is_text: bool = True
    shape: str | None = None
    on_a_map: bool = False
    refusal: str | None = None


_CSV, _JSON = "text/csv", "application/json"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PARQUET, _GPKG = "application/vnd.apache.parquet", "application/geopackage+sqlite3"

FORMATS = {
    f.name: f
    for f in (
        Format(
            *("csv", "plain:csv_typed_pieces", ".csv", f"{_CSV}; charset=utf-8", "CSV (ISO: komma, decimale punt)"),
            accepted=_CSV,
        ),
        Format(
            *("csv-nl", "plain:csv_dutch_pieces", "-nl.csv", f"{_CSV}; charset=utf-8"),
            "CSV voor een Nederlandse Excel (puntkomma, decimale komma)",
        ),
        Format(
            *("xlsx", "workbook:pieces", ".xlsx", _XLSX, "Excel", _XLSX),
            is_text=False,
            refusal="Te veel rijen voor een Excelblad; vraag minder gebieden of perioden, of neem parquet.",
        ),
        Format("parquet", "parquet:pieces", ".parquet", _PARQUET, "Parquet", _PARQUET, is_text=False),
        Format("json", "plain:json_pieces", ".json", _JSON, "JSON", _JSON),
        Format(
            *("jsonstat", "jsonstat:pieces", ".json", _JSON, "JSON-stat 2.0", "application/vnd.json-stat+json"),
            shape=LONG_SHAPE,
        ),
        Format(
            *("swing", "plain:swing_pieces", ".csv", f"{_CSV}; charset=utf-8", "Swing-importbestand"),
            shape=WIDE,
        ),
        Format(
            *("gpkg", "geopackage:pieces", ".gpkg", _GPKG, "GeoPackage", _GPKG),
            is_text=False,
            shape=WIDE,
            on_a_map=True,
            refusal="Een GeoPackage is hier niet te maken: er zijn geen grenzen van deze gebieden bij de hand.",
        ),
    )
}
