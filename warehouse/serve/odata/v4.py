"""OData v4 as datasets.cbs.nl speaks it: a row per observation, with the reason why a value is missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from ingest.datacenter import here
from warehouse.making import product
from warehouse.serve.odata.tables import (
    LABELS,
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

router = APIRouter(prefix="/odata/v1/{catalog}")

#: Observations on a page, as StatLine has them.
PAGE = 100_000
_JSON = "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8"
_FIXED = ("Id", "Measure", "ValueAttribute", "Value", "StringValue")


def _properties(table: StatLine) -> dict[str, Any]:
    root = _root(table.asked)
    moment = table.modified + "+00:00"
    return {
        "Identifier": table.id,
        "Title": table.title,
        "Description": table.describe(),
        "Language": "nl",
        "Authority": product.publisher()["contact_url"],
        "Modified": moment,
        "ReleaseDate": moment,
        "ModificationDate": moment,
        "TemporalCoverage": table.span(),
        "Catalog": here().code,
        "Publisher": product.publisher()["name"],
        "ContactPoint": product.publisher()["contact_email"],
        "Version": table.opened.release_id,
        "VersionNotes": "",
        "VersionReason": "Actualisering",
        "Frequency": "Per jaar",
        "Status": "Regulier",
        "ObservationCount": table.count(table.long()),
        "ObservationsModified": moment,
        "DatasetType": "Numeric",
        "GraphTypes": "Table",
        "License": "https://creativecommons.org/licenses/by/4.0/",
        "Source": f"{product.publisher()['name']}.",
        "Summary": table.describe(),
        "LongDescription": table.describe(),
        "Provenance": [],
        "RelatedSources": [],
        "Distributions": [
            {
                "Format": form,
                "MediaType": form,
                "DownloadUrl": url,
                "AccessUrl": url,
                "Language": "nl",
            }
            for form, url in (
                ("odata", f"{root}/{table.id}"),
                ("csv", f"{table.asked.root}/v1/tabellen/{table.theme}?vorm=lang&formaat=csv"),
            )
        ],
    }


def _dimensions(table: StatLine) -> list[dict[str, Any]]:
    root = f"{_root(table.asked)}/{table.id}"
    return [
        {
            "@odata.type": f"#Cbs.Ccb.Models.{kind}",
            "Identifier": key,
            "Title": title,
            "Description": "",
            "MapYear": "" if kind == "GeoDimension" else None,
            "ReleasePolicy": True if kind == "TimeDimension" else None,
            "Kind": kind,
            "ContainsGroups": True,
            "ContainsCodes": True,
            "CodesUrl": f"{root}/{key}Codes",
            "GroupsUrl": f"{root}/{key}Groups",
        }
        for key, title, kind in ((REGION, "Regio's", "GeoDimension"), (PERIOD, "Perioden", "TimeDimension"))
    ]


def _measures(table: StatLine) -> list[dict[str, Any]]:
    return [
        {
            "Identifier": i["indicator_id"],
            "Index": number,
            "Title": i["name_nl"],
            "Description": " ".join(filter(None, [i["definition"], i["caveats"], f"Bron: {i['source']}."])),
            "MeasureGroupId": None,
            "DataType": "Double",
            "Unit": i["unit"],
            "Decimals": i["decimals"],
            "PresentationType": "Relative" if i["unit"] == "%" else "Absolute",
        }
        for number, i in enumerate(table.topics, 1)
    ]


def _regions(table: StatLine) -> list[dict[str, Any]]:
    return [
        {
            "Identifier": r["region_code"],
            "Index": number,
            "Title": r["title"],
            "Description": "",
            "DimensionGroupId": r["region_type"],
        }
        for number, r in enumerate(table.regions(), 1)
    ]


def _periods(table: StatLine) -> list[dict[str, Any]]:
    return [
        {
            "Identifier": p["period_code"],
            "Index": number,
            "Title": p["title"],
            "Description": "",
            "DimensionGroupId": "0",
            "Status": p["status"],
        }
        for number, p in enumerate(table.periods(), 1)
    ]


def _group(name: str, number: int, title: str) -> dict[str, Any]:
    return {"Id": name, "Index": number, "Title": title, "Description": "", "ParentId": None}


_LISTS: dict[str, Maker] = {
    "MeasureCodes": _measures,
    "Dimensions": _dimensions,
    f"{REGION}Groups": lambda t: [
        _group(kind, n, kind) for n, kind in enumerate(dict.fromkeys(r["region_type"] for r in t.regions()), 1)
    ],
    f"{REGION}Codes": _regions,
    f"{PERIOD}Groups": lambda _: [_group("0", 1, "Perioden")],
    f"{PERIOD}Codes": _periods,
}
_RESOURCES = [*_LISTS, "Observations", "Properties"]
#: What the catalogue leaves out.
_NOT_IN_CATALOGUE = frozenset({"LongDescription", "Provenance", "RelatedSources", "Distributions"})


def _root(asked: Asked) -> str:
    """The address of the catalogue; asked under CBS's name or our own, it is the same."""
    return asked.root + "/odata/v1/" + asked.request.path_params["catalog"]


def _catalog_is_ours(asked: Asked) -> None:
    if asked.request.path_params["catalog"].upper() not in ("CBS", here().code):
        raise Problem(
            404,
            f"Er is geen catalogus {asked.request.path_params['catalog'][:40]}; er is {here().code} (en CBS, als naam ervoor).",
        )


@router.get("")
@router.get("/")
def root(asked: Ask, catalog: str) -> Response:
    _catalog_is_ours(asked)
    json_only(asked)
    entry = {"name": "Datasets", "kind": "EntitySet", "url": "Datasets"}
    return _answer(f"{_root(asked)}/$metadata", json.dumps(entry), headers=asked.headers(asked.open()))


@router.get("/{name}")
@router.get("/{name}/{resource:path}")
def table(asked: Ask, catalog: str, name: str, resource: str = "") -> Response:
    _catalog_is_ours(asked)
    release = asked.request.query_params.get("release")
    name = spelled(name, ("Datasets", "$metadata"))
    resource = spelled(resource.strip("/"), (*_RESOURCES, "$metadata", "$count"))
    if name.lower().startswith("datasets"):
        return _catalogue(asked, release, name[len("Datasets") :], resource)
    if name == "$metadata":
        entries = _datasets(asked, release)
        return _csdl([("Datasets", "Dataset", "Identifier", edm_of(entries, "Identifier"))])
    found = StatLine.find(asked, name, release)
    headers = asked.headers(found.opened)
    context = f"{_root(asked)}/{found.id}/$metadata"
    if resource == "":
        Options(asked, text_fields("name", "kind", "url"), 4)
        entries = [{"name": n, "kind": "Singleton" if n == "Properties" else "EntitySet", "url": n} for n in _RESOURCES]
        return _answer(context, ",".join(map(json.dumps, entries)), headers=headers)
    if resource == "$metadata":
        return _metadata(found)
    if resource == "Properties":
        Options(asked, {}, 4)
        return _entity(_properties(found), f"{context}#Properties", headers)
    base, _, rest = resource.partition("/")
    if base == "Observations" and rest in ("", "$count"):
        known = {
            **number_fields("Id"),
            **text_fields("Measure", "ValueAttribute"),
            **number_fields("Value"),
            **text_fields("StringValue", REGION, PERIOD),
            **{n: (number_fields if kind == "number" else text_fields)(n)[n] for n, kind in LABELS.items()},
        }
        options = Options(asked, known, 4, unasked=LABELS)
        sql = found.long()
        if rest == "$count":
            [(count,)] = found.published.con.execute(
                f"select count(*) from ({sql}) where {options.where}", options.parameters
            ).fetchall()
            return Response(str(count), media_type="text/plain; charset=utf-8", headers=headers)
        rows, more, counted = rows_page(found, options, sql, '"Id"', PAGE)
        return _answer(f"{context}#Observations", rows, counted, more, headers)
    if base in _LISTS and rest in ("", "$count"):
        listed = _LISTS[base](found)
        options = Options(asked, fields_of(listed) or text_fields("Identifier"), 4)
        rows, total = list_page(listed, options)
        if rest == "$count":
            return Response(str(total), media_type="text/plain; charset=utf-8", headers=headers)
        return _answer(f"{context}#{base}", rows, total if options.counted else None, headers=headers)
    raise Problem(404, f"{found.id} heeft geen {resource[:80]}; er zijn {', '.join(_RESOURCES)}.")


def _datasets(asked: Asked, release: str | None) -> list[dict[str, Any]]:
    found = []
    for theme in asked.listing(asked.open(release)).themes:
        table = StatLine.find(asked, identifier(theme), release)
        found.append({k: v for k, v in _properties(table).items() if k not in _NOT_IN_CATALOGUE})
    return found


def _catalogue(asked: Asked, release: str | None, one: str, rest: str) -> Response:
    headers = asked.headers(asked.open(release))
    entries = _datasets(asked, release)
    context = f"{_root(asked)}/$metadata#Datasets"
    if one.startswith("('") and one.endswith("')") and not rest:
        for entry in entries:
            if entry["Identifier"] == one[2:-2].upper():
                return _entity(entry, f"{context}/$entity", headers)
        raise Problem(404, f"Er is geen tabel {one[2:-2][:80]}.")
    if one or rest not in ("", "$count"):
        raise Problem(404, f"Er is niets op {asked.request.url.path[:200]}.")
    options = Options(asked, fields_of(entries), 4)
    rows, total = list_page(entries, options)
    if rest == "$count":
        return Response(str(total), media_type="text/plain; charset=utf-8", headers=headers)
    return _answer(context, rows, total if options.counted else None, headers=headers)


def _answer(
    context: str, rows: str, count: int | None = None, more: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    counted = f',"@odata.count":{count}' if count is not None else ""
    after = f',"@odata.nextLink":{json.dumps(more)}' if more else ""
    body = f'{{"@odata.context":{json.dumps(context)}{counted},"value":[{rows}]{after}}}'
    return Response(body, media_type=_JSON, headers=(headers or {}) | {"OData-Version": "4.0"})


def _entity(fields: dict[str, Any], context: str, headers: dict[str, str]) -> Response:
    body = json.dumps({"@odata.context": context, **fields}, ensure_ascii=False)
    return Response(body, media_type=_JSON, headers=headers | {"OData-Version": "4.0"})


# -- $metadata --------------------------------------------------------------------------------------------------------


def _metadata(table: StatLine) -> Response:
    observation = [
        *(("Id", "Edm.Int64"), ("Measure", "Edm.String"), ("ValueAttribute", "Edm.String"), ("Value", "Edm.Double")),
        *(("StringValue", "Edm.String"), (REGION, "Edm.String"), (PERIOD, "Edm.String")),
        *((name, "Edm.Double" if kind == "number" else "Edm.String") for name, kind in LABELS.items()),
    ]
    sets = [("Observations", "Observation", "Id", observation)]
    derived = []
    for name, maker in _LISTS.items():
        entries, key = maker(table), "Id" if name.endswith("Groups") else "Identifier"
        sets.append((name, name[:-1], key, edm_of(entries, key)))
        derived += [(kind, name[:-1]) for kind in types_of(entries)]
    properties = _properties(table)
    distribution = properties["Distributions"][0]
    declared = [
        (name, "Collection(Cbs.Ccb.Models.Distribution)" if name == "Distributions" else edm)
        for name, edm in edm_of([properties], "Identifier")
    ]
    return _csdl(sets, derived, ("Properties", "Dataset", "Identifier", declared), [*edm_of([distribution], "Format")])


_Declared = tuple[str, str, str, list[tuple[str, str]]]


def _csdl(
    sets: list[_Declared],
    derived: Sequence[tuple[str, str]] = (),
    single: _Declared | None = None,
    distribution: Sequence[tuple[str, str]] = (),
) -> Response:
    """The schema of a service, as Power BI and Excel ask for it.

    :param sets: name, type, key and properties of each; ``derived``: the types that entries may be of, and their base.
    :param single: the same of what there is one of, and the properties of its ``distribution``.
    """
    types = "".join(
        f'<EntityType Name="{kind}"><Key><PropertyRef Name="{key}"/></Key>'
        + "".join(
            f'<Property Name="{name}" Type="{edm}"' + (' Nullable="false"/>' if name == key else "/>")
            for name, edm in fields
        )
        + "</EntityType>"
        for _, kind, key, fields in [*sets, *([single] if single else [])]
    )
    types += "".join(f'<EntityType Name="{kind}" BaseType="Cbs.Ccb.Models.{base}"/>' for kind, base in derived)
    if distribution:
        fields = "".join(f'<Property Name="{name}" Type="{edm}"/>' for name, edm in distribution)
        types += f'<ComplexType Name="Distribution">{fields}</ComplexType>'
    holders = "".join(f'<EntitySet Name="{name}" EntityType="Cbs.Ccb.Models.{kind}"/>' for name, kind, _, _ in sets)
    if single:
        holders += f'<Singleton Name="{single[0]}" Type="Cbs.Ccb.Models.{single[1]}"/>'
    body = (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
        f'<Schema Namespace="Cbs.Ccb.Models" xmlns="http://docs.oasis-open.org/odata/ns/edm">{types}'
        f'<EntityContainer Name="Container">{holders}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>'
    )
    return Response(body, media_type="application/xml", headers={"OData-Version": "4.0"})
