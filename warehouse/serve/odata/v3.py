"""OData v3 as opendata.cbs.nl speaks it: catalogue, feed and API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from fastapi import APIRouter
from fastapi.responses import Response

from ingest.datacenter import here
from warehouse.making import product
from warehouse.serve.odata.tables import (
    PERIOD,
    REGION,
    Maker,
    Options,
    StatLine,
    edm_of,
    fields_of,
    identifier,
    json_only,
    list_page,
    number_fields,
    rows_page,
    spelled,
    text_fields,
    types_of,
)
from warehouse.serve.problem import Problem
from warehouse.serve.request import Ask, Asked

router = APIRouter()

#: Rows on a page, as StatLine's feed has them.
PAGE = 10_000
_JSON = "application/json;odata=minimalmetadata;streaming=true;charset=utf-8"


@router.get("/ODataCatalog")
def catalogue_root(asked: Ask) -> Response:
    json_only(asked)
    opened = asked.open()
    entry = {"name": "Tables", "url": f"{asked.root}/ODataCatalog/Tables"}
    return _answer(asked, f"{asked.root}/ODataCatalog/$metadata", json.dumps(entry), headers=asked.headers(opened))


@router.get("/ODataCatalog/$metadata")
def catalogue_metadata(asked: Ask) -> Response:
    entries = _catalogue(asked, asked.request.query_params.get("release"))
    return _edmx([("Tables", "Table", "Identifier", edm_of(entries, "Identifier"))])


@router.get("/ODataCatalog/Tables")
def catalogue(asked: Ask) -> Response:
    entries = _catalogue(asked, asked.request.query_params.get("release"))
    options = Options(asked, fields_of(entries), 3)
    opened = asked.open(options.release)
    rows, count = list_page(entries, options)
    context = f"{asked.root}/ODataCatalog/$metadata#Tables"
    return _answer(asked, context, rows, count if options.counted else None, headers=asked.headers(opened))


def _catalogue(asked: Asked, release: str | None) -> list[dict[str, Any]]:
    opened = asked.open(release)
    found = []
    for number, theme in enumerate(asked.listing(opened).themes):
        table = StatLine.find(asked, identifier(theme), release)
        info = _info(table)
        api, feed = (f"{asked.root}/{kind}/OData/{table.id}" for kind in ("ODataApi", "ODataFeed"))
        found.append(
            {
                "Updated": table.modified,
                "ID": number,
                **{
                    k: info[k] for k in ("Identifier", "Title", "ShortTitle", "ShortDescription", "Summary", "Modified")
                },
                "MetaDataModified": table.modified,
                **{
                    k: info[k]
                    for k in ("ReasonDelivery", "ExplanatoryText", "OutputStatus", "Source", "Language", "Catalog")
                },
                **{k: info[k] for k in ("Frequency", "Period")},
                "SummaryAndLinks": f'{info["Summary"]}<br /><a href="{api}">{api}</a><br /><a href="{feed}">{feed}</a>',
                "ApiUrl": api,
                "FeedUrl": feed,
                **{k: info[k] for k in ("DefaultPresentation", "DefaultSelection", "GraphTypes")},
                "RecordCount": table.count(table.wide()),
                "ColumnCount": 2 + len(table.topics),
                "SearchPriority": "2",
            }
        )
    return found


def _info(table: StatLine) -> dict[str, Any]:
    return {
        "ID": 0,
        "Title": table.title,
        "ShortTitle": table.published.themes[table.theme],
        "Identifier": table.id,
        "Summary": table.describe(),
        "Modified": table.modified,
        "MetaDataModified": table.modified,
        "ReasonDelivery": "Actualisering",
        "ExplanatoryText": "",
        "OutputStatus": "Regulier",
        "Source": f"{product.publisher()['name']}.",
        "Language": "nl",
        "Catalog": here().code,
        "Frequency": "Perjaar",
        "Period": table.span(),
        "ShortDescription": table.describe(),
        "Description": table.describe(),
        "DefaultPresentation": "graphType=table",
        "DefaultSelection": "",
        "GraphTypes": "Table",
        "SearchPriority": "2",
    }


def _properties(table: StatLine) -> list[dict[str, Any]]:
    def dimension(number: int, kind: str, key: str, title: str, text: str) -> dict[str, Any]:
        return {
            **{"odata.type": f"Cbs.OData.{kind}", "ID": number, "Position": number, "ParentID": None, "Type": kind},
            **{"Key": key, "Title": title, "Description": text},
        }

    return [
        dimension(0, "GeoDimension", REGION, "Regio's", f"Gebieden; {here().group.name} is {here().code}.")
        | {"MapYear": None},
        dimension(1, "TimeDimension", PERIOD, "Perioden", "De periode waarover het cijfer gaat.")
        | {"ReleasePolicy": False},
        *(
            {
                "odata.type": "Cbs.OData.Topic",
                "ID": number,
                "Position": number,
                "ParentID": None,
                "Type": "Topic",
                "Key": i["indicator_id"],
                "Title": i["name_nl"],
                "Description": " ".join(filter(None, [i["definition"], i["caveats"], f"Bron: {i['source']}."])),
                "Datatype": "Double",
                "Unit": i["unit"],
                "Decimals": i["decimals"],
                "Default": "",
                "PresentationType": "Relative" if i["unit"] == "%" else "Absolute",
            }
            for number, i in enumerate(table.topics, 2)
        ),
    ]


def _regions(table: StatLine) -> list[dict[str, Any]]:
    return [
        {"Key": r["region_code"], "Title": r["title"], "Description": None, "CategoryGroupID": None}
        for r in table.regions()
    ]


def _periods(table: StatLine) -> list[dict[str, Any]]:
    return [
        {"Key": p["period_code"], "Title": p["title"], "Description": None, "Status": p["status"]}
        for p in table.periods()
    ]


_LISTS: dict[str, Maker] = {
    "TableInfos": lambda t: [_info(t)],
    "DataProperties": _properties,
    "CategoryGroups": lambda _: [],
    REGION: _regions,
    PERIOD: _periods,
}
_DATA = ("TypedDataSet", "UntypedDataSet")
_RESOURCES = ("TableInfos", "UntypedDataSet", "TypedDataSet", "DataProperties", "CategoryGroups", REGION, PERIOD)


@router.get("/ODataFeed/{odata}/{name}", name="feed")
@router.get("/ODataApi/{odata}/{name}", name="api")
@router.get("/ODataFeed/{odata}/{name}/{resource:path}", name="feed")
@router.get("/ODataApi/{odata}/{name}/{resource:path}", name="api")
def table(asked: Ask, odata: str, name: str, resource: str = "") -> Response:
    if odata.lower() != "odata":
        raise Problem(404, f"Er is niets op {asked.request.url.path}.")
    found = StatLine.find(asked, name, asked.request.query_params.get("release"))
    service = "ODataApi" if asked.request.url.path.lower().startswith("/odataapi") else "ODataFeed"
    root = f"{asked.root}/{service}/OData/{found.id}"
    headers = asked.headers(found.opened)
    resource = spelled(resource.strip("/"), (*_RESOURCES, "$metadata", "$count"))
    if resource == "":
        Options(asked, text_fields("name", "url"), 3)
        entries = ",".join(json.dumps({"name": n, "url": f"{root}/{n}"}) for n in _RESOURCES)
        return _answer(asked, f"{root}/$metadata", entries, headers=headers)
    if resource == "$metadata":
        return _metadata(found)
    base, _, rest = resource.partition("/")
    context = f"{root}/$metadata#Cbs.OData.WebAPI.{base}"
    if base in _DATA and rest in ("", "$count"):
        sql = _untyped(found) if base == "UntypedDataSet" else found.wide()
        kinds = _kinds(found, base)
        known = {n: (number_fields if kind == "number" else text_fields)(n)[n] for n, kind in kinds.items()}
        options = Options(asked, known, 3, unasked=found.labels)
        sql = found.labelled(sql, options.named(found.labels))
        if rest == "$count":
            [(count,)] = found.published.con.execute(
                f"select count(*) from ({sql}) where {options.where}", options.parameters
            ).fetchall()
            return Response(str(count), media_type="text/plain; charset=utf-8", headers=headers)
        rows, more, count = rows_page(found, options, sql, '"ID"', PAGE)
        return _answer(asked, context, rows, count, more, headers)
    if base in _LISTS and not rest:
        entries_ = _LISTS[base](found)
        options = Options(asked, fields_of(entries_) or text_fields("Key"), 3)
        rows, total = list_page(entries_, options)
        return _answer(asked, context, rows, total if options.counted else None, headers=headers)
    raise Problem(404, f"{found.id} heeft geen {resource[:80]}; er zijn {', '.join(_RESOURCES)}.")


def _kinds(table: StatLine, resource: str) -> dict[str, str]:
    """The columns of a row, and whether each is a number or a text. A label's kind is the same in both sets of rows."""
    figure = "text" if resource == "UntypedDataSet" else "number"
    figures = {i["indicator_id"]: figure for i in table.topics}
    return {"ID": "number", REGION: "text", PERIOD: "text"} | figures | table.labels


def _untyped(table: StatLine) -> str:
    """Figures as text with the decimals of their topic, a point for one that is missing."""
    columns = ", ".join(
        f"""case when "{i["indicator_id"]}" is null then '.' else format('{{:.{int(i["decimals"])}f}}', "{i["indicator_id"]}") end
        as "{i["indicator_id"]}\""""
        for i in table.topics
    )
    return f'select "ID", "{REGION}", "{PERIOD}", {columns} from ({table.wide()})'


def _answer(
    asked: Asked,
    context: str,
    rows: str,
    count: int | None = None,
    more: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    counted = f',"odata.count":"{count}"' if count is not None else ""
    after = f',"odata.nextLink":{json.dumps(more)}' if more else ""
    body = f'{{"odata.metadata":{json.dumps(context)}{counted},"value":[{rows}]{after}}}'
    return Response(body, media_type=_JSON, headers=(headers or {}) | {"DataServiceVersion": "3.0"})


# -- $metadata --------------------------------------------------------------------------------------------------------


def _metadata(table: StatLine) -> Response:
    edm = {"number": "Edm.Double", "text": "Edm.String"}
    sets = [
        (name, f"T{name}", "ID", [(n, "Edm.Int32" if n == "ID" else edm[k]) for n, k in _kinds(table, name).items()])
        for name in _DATA
    ]
    derived = []
    for name, maker in _LISTS.items():
        entries, key = maker(table), "Key" if name in (REGION, PERIOD) else "ID"
        sets.append((name, f"T{name}", key, edm_of(entries, key)))
        derived += [(kind, f"T{name}") for kind in types_of(entries)]
    return _edmx(sets, derived)


def _edmx(sets: list[tuple[str, str, str, list[tuple[str, str]]]], derived: Sequence[tuple[str, str]] = ()) -> Response:
    """The schema of a service, as Power BI and Excel ask for it.

    :param sets: name, type, key and properties of each; ``derived``: the types that entries may be of, and their base.
    """
    types = "".join(
        f'<EntityType Name="{kind}"><Key><PropertyRef Name="{key}"/></Key>'
        + "".join(
            f'<Property Name="{escape(name)}" Type="{edm}"{" Nullable=" + chr(34) + "false" + chr(34) if name == key else ""}/>'
            for name, edm in fields
        )
        + "</EntityType>"
        for _, kind, key, fields in sets
    )
    types += "".join(f'<EntityType Name="{kind}" BaseType="Cbs.OData.{base}"/>' for kind, base in derived)
    holders = "".join(f'<EntitySet Name="{name}" EntityType="Cbs.OData.{kind}"/>' for name, kind, _, _ in sets)
    body = (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx">'
        '<edmx:DataServices m:DataServiceVersion="3.0" m:MaxDataServiceVersion="3.0" '
        'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
        f'<Schema Namespace="Cbs.OData" xmlns="http://schemas.microsoft.com/ado/2009/11/edm">{types}'
        f'<EntityContainer Name="WebAPI" m:IsDefaultEntityContainer="true">{holders}</EntityContainer></Schema>'
        "</edmx:DataServices></edmx:Edmx>"
    )
    return Response(body, media_type="application/xml", headers={"DataServiceVersion": "3.0"})
