"""The stand-in for CBS's services answers as CBS does, and fails as it is told to."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import cbsodata
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tests.standin import Dim, Fault, Group, Missing, StandIn, Topic, V3Table, V4Table, recorded_tables
from tests.standin.answers import Page
from tests.standin.filters import FilterError, parse
from tests.standin.rows import Rows, encode

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("RDC_SHARED") or ROOT.parent / "shared")

KWB, ENERGY, POLICE, POPULATION = "84799NED", "81528NED", "47018NED", "03759ned"


def kwb() -> V3Table:
    """One padded dimension, no periods, topics in nested groups, a text topic, empty cells."""
    regions = {"NL00": "Nederland", "GM0770": "Eersel", "WK077000": None, "BU07700000": None}
    return V3Table.build(
        KWB,
        title="Kerncijfers wijken en buurten 2020",
        dims={"WijkenEnBuurten": regions},
        topics=[
            Topic("Gemeentenaam", datatype="String", unit="naam"),
            Group("Bevolking", [Group("Leeftijd", ["k_0Tot15Jaar"]), "AantalInwoners"]),
            Group("Energie", [Topic("GemiddeldGasverbruik", unit="m³", decimals=1)]),
        ],
        rows=[
            ("NL00", "Nederland ", 2_726_099, 17_407_585, 1240.0),
            ("GM0770", "Eersel    ", 2_800, 19_313, 1510.5),
            ("WK077000", "Eersel    ", 900, 6_105, None),
            ("BU07700000", "Eersel    ", None, 5_020, None),
        ],
    )


def energy() -> V3Table:
    """Two dimensions and ten rows: three pages of four."""
    years = {"2022JJ00": None, "2023JJ00": {"Status": "Voorlopig"}}
    regions = ["NL01", "PV30", "GM0770", "GM1724", "GM1728"]
    return V3Table.build(
        ENERGY,
        dims={"RegioS": regions, "Perioden": years},
        topics=["Aardgas", "Elektriciteit"],
        rows=[(region, year, n, n * 2) for n, (region, year) in enumerate(product(regions, years))],
    )


def police() -> V3Table:
    return V3Table.build(
        POLICE,
        dims={"SoortMisdrijf": ["0.0.0"]},
        topics=["Misdrijven"],
        rows=[("0.0.0", 7)],
        catalog="Politie",
    )


def population() -> V4Table:
    return V4Table.build(
        POPULATION,
        dims={
            "Geslacht": {"T001038": "Totaal"},
            "RegioS": ["NL01", "GM0770", "GM1728"],
            "Perioden": ["2024JJ00", "2025JJ00"],
        },
        measures=[
            Topic("M000352", title="Bevolking op 1 januari"),
            Group("Gemiddeld", [Topic("M000365", title="Gemiddelde bevolking", decimals=1)]),
        ],
        rows=[
            ("T001038", "NL01", "2024JJ00", 17_942_942, 17_993_485.5),
            ("T001038", "NL01", "2025JJ00", 18_044_027, None),
            ("T001038", "GM0770", "2024JJ00", 20_157, 20_201.0),
            ("T001038", "GM0770", "2025JJ00", 20_245, Missing("NotAvailable")),
            ("T001038", "GM1728", "2024JJ00", 21_119, 21_155.5),
            ("T001038", "GM1728", "2025JJ00", 21_191, Missing("Confidential")),
        ],
    )


@pytest.fixture
def cbs() -> Iterator[StandIn]:
    tables = [kwb(), energy(), police(), population()]
    with StandIn(tables, page_size=4, v4_page_size=5, api_limit=8) as standin:
        yield standin


@pytest.fixture
def client(cbs: StandIn, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The unmodified cbsodata client, pointed at the stand-in."""
    monkeypatch.setattr(cbsodata.options, "catalog_url", cbs.catalog_url)
    monkeypatch.setattr(cbsodata.options, "use_https", False)
    return cbsodata


Ask = Callable[[StandIn], Any]


def get(url: str, **options: str) -> requests.Response:
    """GET with query options written without their dollar: ``filter=...`` is ``$filter=...``."""
    params = {f"${name}": value for name, value in options.items()}
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, params=params, timeout=5)


def feed(cbs: StandIn, table: str, resource: str = "TypedDataSet", **options: str) -> Any:
    """The rows of one answer of ODataFeed."""
    answer = get(f"{cbs.v3_url}/ODataFeed/odata/{table}/{resource}", **options)
    answer.raise_for_status()
    return answer.json()["value"]


def observations(cbs: StandIn, resource: str = "Observations", **options: str) -> Any:
    answer = get(f"{cbs.v4_url}/{POPULATION}/{resource}", **options)
    answer.raise_for_status()
    return answer.json()["value"]


def pages(url: str, link: str = "odata.nextLink", limit: int = 20) -> list[dict[str, Any]]:
    """All pages, by following the next link."""
    found: list[dict[str, Any]] = []
    following: str | None = url
    while following and len(found) < limit:
        found.append(get(following).json())
        following = found[-1].get(link)
    return found


def codes(rows: list[dict[str, Any]], dimension: str = "WijkenEnBuurten") -> list[str]:
    return [row[dimension].rstrip() for row in rows]


# -- the client everyone uses --------------------------------------------------------------------------


def test_cbsodata_reads_catalogue_and_metadata(client: Any) -> None:
    assert [table["Identifier"] for table in client.get_table_list()] == [KWB, ENERGY]
    (entry,) = client.get_table_list(select=["Identifier", "RecordCount"], filters=f"Identifier eq '{KWB}'")
    assert entry == {"Identifier": KWB, "RecordCount": 4}
    assert client.get_info(KWB)["Title"] == "Kerncijfers wijken en buurten 2020"
    assert [entry["Key"] for entry in client.get_meta(KWB, "WijkenEnBuurten")][:2] == [
        "NL00      ",
        "GM0770    ",
    ]


def test_cbsodata_reads_data_over_several_pages(cbs: StandIn, client: Any) -> None:
    rows = client.get_data(ENERGY)
    assert [row["Aardgas_1"] for row in rows] == list(range(10))
    assert {row["Perioden"] for row in rows} == {"2022", "2023"}
    assert cbs.count(ENERGY, "TypedDataSet") == 3
    assert [request.page for request in cbs.requests if request.resource == "TypedDataSet"] == [1, 2, 3]


def test_cbsodata_filters_and_selects(client: Any) -> None:
    condition = "RegioS eq 'GM0770' and Perioden ge '2023JJ00'"
    rows = client.get_data(ENERGY, filters=condition, select="RegioS,Aardgas_1")
    assert rows == [{"RegioS": "GM0770", "Aardgas_1": 5}]


def test_cbsodata_reads_untyped_data_and_third_parties(cbs: StandIn, client: Any) -> None:
    assert client.get_data(KWB, typed=True)[2]["GemiddeldGasverbruik_4"] == "       ."
    third = cbs.third_party_url.removeprefix("http://")
    assert client.get_data(POLICE, catalog_url=third)[0]["Misdrijven_1"] == 7
    with pytest.raises(requests.HTTPError, match="404"):
        client.get_data(POLICE)


# -- v3 ------------------------------------------------------------------------------------------------


def test_v3_lays_json_out_as_cbs_does(cbs: StandIn) -> None:
    answer = get(f"{cbs.v3_url}/ODataApi/odata/{ENERGY}/TypedDataSet", top="2", format="json")
    context = f"{cbs.v3_url}/ODataApi/OData/81528NED/$metadata#Cbs.OData.WebAPI.TypedDataSet"
    assert answer.text.split("\r\n") == [
        "{",
        f'  "odata.metadata":"{context}","value":[',
        "    {",
        '      "ID":0,"RegioS":"NL01  ","Perioden":"2022JJ00","Aardgas_1":0,"Elektriciteit_2":0',
        "    },{",
        '      "ID":1,"RegioS":"NL01  ","Perioden":"2023JJ00","Aardgas_1":1,"Elektriciteit_2":2',
        "    }",
        "  ]",
        "}",
    ]


def test_v3_next_link_repeats_the_question(cbs: StandIn) -> None:
    url = f"{cbs.v3_url}/ODataFeed/OData/{ENERGY}/UntypedDataSet/"
    first = get(url, format="json", filter="RegioS ne 'PV30  '", top="7").json()
    asked = "?$format=json&$filter=RegioS%20ne%20%27PV30%20%20%27"
    assert first["odata.nextLink"] == f"{url}{asked}&$top=3&$skip=4"
    second = get(first["odata.nextLink"]).json()
    assert [row["ID"] for row in first["value"] + second["value"]] == [0, 1, 4, 5, 6, 7, 8]
    assert "odata.nextLink" not in second


def test_v3_may_put_value_first() -> None:
    with StandIn([energy()], page_size=4, value_first=True) as cbs:
        answer = get(f"{cbs.v3_url}/ODataFeed/odata/{ENERGY}/TypedDataSet", format="json")
    assert list(answer.json()) == ["value", "odata.metadata", "odata.nextLink"]
    assert b"\r\n" not in answer.content


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("WijkenEnBuurten eq 'GM0770    '", ["GM0770"]),
        ("WijkenEnBuurten eq 'GM0770'", []),
        ("WijkenEnBuurten eq 'GM0770     '", []),
        (
            "startswith(WijkenEnBuurten,'GM0770') or startswith(WijkenEnBuurten,'BU0770')",
            ["GM0770", "BU07700000"],
        ),
        ("substringof('0770',WijkenEnBuurten)", ["GM0770", "WK077000", "BU07700000"]),
        ("WijkenEnBuurten ge 'Z'", ["NL00", "GM0770", "WK077000", "BU07700000"]),
        ("WijkenEnBuurten lt 'A' and startswith(WijkenEnBuurten,'WK')", ["WK077000"]),
    ],
)
def test_v3_filters_on_padded_regions(cbs: StandIn, condition: str, found: list[str]) -> None:
    assert codes(feed(cbs, KWB, filter=condition)) == found


def test_v3_honours_ranges_of_periods(cbs: StandIn) -> None:
    rows = feed(cbs, ENERGY, filter="Perioden ge '2023JJ00' and RegioS eq 'NL01  '")
    assert [row["Perioden"] for row in rows] == ["2023JJ00"]


@pytest.mark.parametrize(
    ("condition", "status", "message"),
    [
        ("AantalInwoners_3 gt 5000", 500, "query returns more than 8 records"),
        ("Onbekend eq 'x'", 400, "Could not find a property named 'Onbekend'"),
        ("WijkenEnBuurten eq", 400, "Syntax error"),
        ("contains(WijkenEnBuurten,'GM')", 400, "unknown function"),
        ("WijkenEnBuurten eq 3", 400, "incompatible types"),
        ("WijkenEnBuurten", 400, "single boolean value"),
    ],
)
def test_v3_refuses_some_filters(cbs: StandIn, condition: str, status: int, message: str) -> None:
    answer = get(f"{cbs.v3_url}/ODataFeed/odata/{KWB}/TypedDataSet", filter=condition)
    assert answer.status_code == status
    assert message in answer.json()["odata.error"]["message"]["value"]


def test_v3_api_gives_no_more_than_its_limit(cbs: StandIn) -> None:
    url = f"{cbs.v3_url}/ODataApi/odata/{ENERGY}/TypedDataSet"
    assert get(url).status_code == 500
    assert "more than 8 records" in get(url).text
    whole = get(url, filter="Perioden eq '2022JJ00'").json()
    assert len(whole["value"]) == 5
    assert "odata.nextLink" not in whole


def test_v3_counts(cbs: StandIn) -> None:
    url = f"{cbs.v3_url}/ODataFeed/odata/{ENERGY}/TypedDataSet"
    answer = get(f"{url}/$count", filter="startswith(RegioS,'GM')")
    assert (answer.text, answer.headers["Content-Type"].split(";")[0]) == ("6", "text/plain")
    assert get(url, inlinecount="allpages", top="1").json()["odata.count"] == "10"
    (entry,) = get(f"{cbs.v3_url}/ODataCatalog/Tables", filter=f"Identifier eq '{ENERGY}'").json()["value"]
    assert (entry["RecordCount"], entry["ColumnCount"]) == (10, 4)


def test_v3_untyped_rows_are_texts(cbs: StandIn) -> None:
    row = feed(cbs, KWB, "UntypedDataSet")[3]
    assert row == {
        "ID": 3,
        "WijkenEnBuurten": "BU07700000",
        "Gemeentenaam_1": "Eersel    ",
        "k_0Tot15Jaar_2": "       .",
        "AantalInwoners_3": "    5020",
        "GemiddeldGasverbruik_4": "       .",
    }


def test_v3_describes_itself(cbs: StandIn) -> None:
    names = [entry["name"] for entry in feed(cbs, ENERGY, "")]
    assert names == [
        "TableInfos",
        "UntypedDataSet",
        "TypedDataSet",
        "DataProperties",
        "CategoryGroups",
        "RegioS",
        "Perioden",
    ]
    assert all(get(entry["url"]).ok for entry in feed(cbs, ENERGY, ""))
    info = feed(cbs, ENERGY, "TableInfos")[0]
    assert (info["Identifier"], info["Modified"]) == (ENERGY, "2026-03-01T02:00:00")
    assert get(f"{cbs.v3_url}/ODataCatalog/Tables").json()["value"][0]["ApiUrl"].startswith(cbs.v3_url)
    assert get(f"{cbs.v3_url}/ODataFeed/odata/1NED/TypedDataSet").status_code == 404
    assert get(f"{cbs.v3_url}/ODataFeed/odata/{ENERGY}/Seizoenen").status_code == 404


def test_v3_metadata_is_complete(cbs: StandIn) -> None:
    properties = feed(cbs, KWB, "DataProperties")
    tree = [(p["ID"], p["Position"], p["ParentID"], p["Type"], p["Key"] or p["Title"]) for p in properties]
    assert tree == [
        (0, 0, None, "GeoDetail", "WijkenEnBuurten"),
        (1, 1, None, "Topic", "Gemeentenaam_1"),
        (2, None, None, "TopicGroup", "Bevolking"),
        (3, None, 2, "TopicGroup", "Leeftijd"),
        (4, 2, 3, "Topic", "k_0Tot15Jaar_2"),
        (5, 3, 2, "Topic", "AantalInwoners_3"),
        (6, None, None, "TopicGroup", "Energie"),
        (7, 4, 6, "Topic", "GemiddeldGasverbruik_4"),
    ]
    gas = properties[-1]
    assert (gas["Title"], gas["Unit"]) == ("Gemiddeld gasverbruik", "m³")
    assert (gas["Datatype"], gas["Decimals"]) == ("Double", 1)
    assert feed(cbs, KWB, "WijkenEnBuurten")[3] == {
        "Key": "BU07700000",
        "Title": "BU07700000",
        "Description": None,
        "Municipality": "GM0770",
        "DetailRegionCode": "BU07700000",
    }
    periods = feed(cbs, ENERGY, "Perioden")
    assert [(p["Key"], p["Title"], p["Status"]) for p in periods] == [
        ("2022JJ00", "2022", "Definitief"),
        ("2023JJ00", "2023", "Voorlopig"),
    ]


# -- v4 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("RegioS eq 'GM0770'", 4),
        ("RegioS in ('GM0770','GM1728') and Perioden ge '2025JJ00'", 4),
        ("not (startswith(RegioS,'GM') or endswith(Perioden,'5JJ00'))", 2),
        ("contains(RegioS,'077') and Measure ne 'M000352'", 2),
        ("ValueAttribute eq 'None' and Value gt 20200 and Value le 20245", 2),
        ("Value eq null and RegioS lt 'GM1728'", 1),
        ("Id lt 3", 3),
        ("RegioS eq 'gm0770'", 0),
        ("true", 12),
    ],
)
def test_v4_filters(cbs: StandIn, condition: str, found: int) -> None:
    assert get(f"{cbs.v4_url}/{POPULATION}/Observations/$count", filter=condition).text == str(found)


def test_v4_pages_and_counts(cbs: StandIn) -> None:
    url = f"{cbs.v4_url}/{POPULATION}/Observations"
    found = pages(url + "?$count=true&$orderby=Id desc", "@odata.nextLink")
    assert [len(page["value"]) for page in found] == [5, 5, 2]
    assert [row["Id"] for page in found for row in page["value"]] == list(range(12))
    assert {page["@odata.count"] for page in found} == {12}
    assert found[0]["@odata.nextLink"] == url + "?$count=true&$orderby=Id%20desc&$skip=5"
    assert len(observations(cbs, top="3")) == 3
    some = observations(cbs, select="RegioS,Value", skip="4", top="1")
    assert some == [{"Value": 20157, "RegioS": "GM0770"}]


def test_v4_empty_cells_have_a_reason(cbs: StandIn) -> None:
    empty = observations(cbs, filter="Value eq null")
    assert [row["ValueAttribute"] for row in empty] == ["Impossible", "NotAvailable", "Confidential"]
    assert list(empty[0])[:5] == ["Id", "Measure", "ValueAttribute", "Value", "StringValue"]
    assert list(empty[0])[5:] == ["Geslacht", "RegioS", "Perioden"]


def test_v4_metadata_is_complete(cbs: StandIn) -> None:
    root = f"{cbs.v4_url}/{POPULATION}"
    names = [entry["name"] for entry in get(root).json()["value"]]
    assert {
        "Properties",
        "Dimensions",
        "MeasureCodes",
        "MeasureGroups",
        "RegioSCodes",
        "Observations",
    } <= set(names)
    assert all(get(f"{root}/{name}").ok for name in names)
    properties = get(f"{root}/Properties").json()
    assert (properties["ObservationCount"], properties["Version"]) == (12, "202603010000")
    dimensions = observations(cbs, resource="Dimensions")
    assert [entry["Kind"] for entry in dimensions] == ["Dimension", "GeoDimension", "TimeDimension"]
    assert [get(entry["CodesUrl"]).status_code for entry in dimensions] == [200, 200, 200]
    assert [entry["GroupsUrl"] is not None for entry in dimensions] == [False, True, True]
    assert [entry["Id"] for entry in get(dimensions[1]["GroupsUrl"]).json()["value"]] == ["NL", "GM"]
    (group,) = observations(cbs, resource="MeasureGroups")
    measures = observations(cbs, resource="MeasureCodes", filter="DataType eq 'Double'")
    found = [(m["Identifier"], m["MeasureGroupId"], m["Decimals"]) for m in measures]
    assert found == [("M000365", group["Id"], 1)]


def test_v4_catalogue(cbs: StandIn) -> None:
    assert [entry["Identifier"] for entry in get(f"{cbs.v4_url}/Datasets").json()["value"]] == [POPULATION]
    assert get(f"{cbs.v4_url}/Datasets", filter="contains(Title,'nergie')").json()["value"] == []
    condition = "Modified gt 2026-02-01T00:00:00Z"
    later = get(f"{cbs.v4_url}/Datasets", filter=condition, select="Identifier").json()["value"]
    assert later == [{"Identifier": POPULATION}]
    assert get(f"{cbs.v4_url}/Datasets('{POPULATION}')").json()["Status"] == "Regulier"


def test_v4_identifiers_are_case_sensitive(cbs: StandIn) -> None:
    answer = get(f"{cbs.v4_url}/03759NED/Properties")
    assert answer.status_code == 404
    assert "03759NED" in answer.json()["error"]["message"]
    assert get(f"{cbs.v4_url}/{POPULATION}/GeslachtGroups").status_code == 404


def test_v4_may_pad_regions() -> None:
    padded = population()
    padded.padded_regions = True
    with StandIn([padded]) as cbs:
        for code in ("NL01", "NL01  "):
            rows = observations(cbs, filter=f"RegioS eq '{code}'")
            assert {row["RegioS"] for row in rows} == {"NL01  "}
        assert observations(cbs, "RegioSCodes")[0]["Identifier"] == "NL01"


def test_v4_bulk_file(cbs: StandIn) -> None:
    url = get(f"{cbs.v4_url}/{POPULATION}/Properties").json()["Distributions"][0]["DownloadUrl"]
    lines = get(url).content.decode().split("\r\n")
    assert lines[0] == "Id;Measure;Geslacht;RegioS;Perioden;Value;StringValue;ValueAttribute"
    assert lines[2] == "1;M000365;T001038;NL01;2024JJ00;17993485,5;;None"
    assert lines[4] == "3;M000365;T001038;NL01;2025JJ00;;;Impossible"


@pytest.mark.parametrize(("terms", "status"), [(166, 200), (167, 400)])
def test_both_services_weigh_filters(cbs: StandIn, terms: int, status: int) -> None:
    condition = " or ".join(f"Perioden eq '{1800 + n}JJ00'" for n in range(terms))
    v3 = get(f"{cbs.v3_url}/ODataFeed/odata/{ENERGY}/TypedDataSet", filter=condition)
    v4 = get(f"{cbs.v4_url}/{POPULATION}/Observations", filter=condition)
    assert (v3.status_code, v4.status_code) == (status, status)
    if status == 400:
        message = "The node count limit of '1000' has been exceeded"
        assert message in v3.json()["odata.error"]["message"]["value"]
        assert message in v4.json()["error"]["message"]


def test_v4_refuses_a_long_address(cbs: StandIn) -> None:
    condition = "RegioS in (" + ",".join(["'GM0770'"] * 900) + ")"
    answer = get(f"{cbs.v4_url}/{POPULATION}/Observations", filter=condition)
    assert answer.status_code == 414


# -- the filter language -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "row", "holds"),
    [
        ("A eq 'it''s'", {"A": "it's"}, True),
        ("A eq 'x' or A eq 'y' and B eq 'z'", {"A": "x", "B": "-"}, True),
        ("(A eq 'x' or A eq 'y') and B eq 'z'", {"A": "x", "B": "-"}, False),
        ("not startswith(A,'GM') and B ge 2", {"A": "PV30", "B": 2.5}, True),
        ("'x' eq A", {"A": "x"}, True),
        ("A lt 3", {"A": None}, False),
        ("A ne null", {"A": None}, False),
        ("startswith(A,'x')", {"A": None}, False),
        ("tolower(A) eq 'gm'", {"A": "GM"}, True),
        ("length(trim(A)) eq 4", {"A": "NL01  "}, True),
        ("A ge 2026-01-01T00:00:00+01:00", {"A": "2025-12-31T23:30:00Z"}, True),
        ("A gt 1.5e0 and A le -1", {"A": -1}, False),
    ],
)
def test_filter_language(text: str, row: dict[str, Any], holds: bool) -> None:
    assert bool(parse(text, 4).over(list(row))(list(row.values()))) is holds


@pytest.mark.parametrize(
    "text", ["A eq 'x", "A eq 'x' and", "(A eq 'x'", "A = 'x'", "not A eq 'x'", "A in ()", "and", "(" * 5000]
)
def test_filter_language_has_limits(text: str) -> None:
    with pytest.raises(FilterError):
        parse(text, 4)


@given(st.lists(st.text(max_size=3), min_size=1, max_size=8), st.text(max_size=3))
def test_or_means_membership(wanted: list[str], value: str) -> None:
    terms = " or ".join("A eq '{}'".format(one.replace("'", "''")) for one in wanted)
    assert parse(terms, 4).over(["A"])([value]) is (value in wanted)


@given(st.dictionaries(st.sampled_from("ABC"), st.one_of(st.none(), st.integers(), st.text()), min_size=3))
def test_rows_find_columns_without_parsing(row: dict[str, Any]) -> None:
    rows = Rows([encode({"ID": 0, **row})])
    assert {name: rows.column(name)[0] for name in row} == row
    changed = rows.with_values("B", lambda _: '"C":1').without_column("A").renamed("C", "D")
    assert next(changed.objects()) == {"ID": 0, "B": '"C":1', "D": row["C"]}


# -- tables that change --------------------------------------------------------------------------------


def test_v3_table_changes_while_it_is_served(cbs: StandIn) -> None:
    table = cbs[KWB]
    table.rename_measure("AantalInwoners_3", "AantalInwoners_4")
    table.add_measure(Topic("Huishoudens_5", unit="aantal"), lambda row: row["ID"] + 1, group="Bevolking")
    table.drop_measure("k_0Tot15Jaar_2")
    table.set_unit("GemiddeldGasverbruik_4", "x 1 000 m³")
    table.scale("GemiddeldGasverbruik_4", 0.001)
    table.set_value({"WijkenEnBuurten": "GM0770"}, "AantalInwoners_4", None)
    table.add_rows([{"WijkenEnBuurten": "BU07700001", "AantalInwoners": 15}])
    assert table.drop_rows("startswith(WijkenEnBuurten,'WK')") == 1
    rows = feed(cbs, KWB)
    assert codes(rows) == ["NL00", "GM0770", "BU07700000", "BU07700001"]
    assert [row["ID"] for row in rows] == [0, 1, 2, 3]
    assert [row["AantalInwoners_4"] for row in rows] == [17_407_585, None, 5_020, 15]
    assert [row["Huishoudens_5"] for row in rows] == [1, 2, 4, None]
    assert [row["GemiddeldGasverbruik_4"] for row in rows] == [1.24, 1.5105, None, None]
    assert "k_0Tot15Jaar_2" not in rows[0]
    properties = {entry["Key"]: entry for entry in feed(cbs, KWB, "DataProperties") if entry["Key"]}
    assert list(properties) == [*list(rows[0])[1:4], "Huishoudens_5", "GemiddeldGasverbruik_4"]
    assert properties["GemiddeldGasverbruik_4"]["Unit"] == "x 1 000 m³"
    assert properties["Huishoudens_5"]["ParentID"] == properties["AantalInwoners_4"]["ParentID"]
    assert codes(feed(cbs, KWB, "WijkenEnBuurten"), "Key")[-1] == "BU07700001"
    with pytest.raises(KeyError):
        table.scale("AantalInwoners_3", 2)
    with pytest.raises(KeyError):
        table.set_value({"Wijken": "GM0770"}, "AantalInwoners_4", 1)


def test_v4_table_changes_while_it_is_served(cbs: StandIn) -> None:
    table = cbs[POPULATION]
    table.rename_measure("M000352", "M000353")
    table.set_unit("M000353", "x 1 000")
    assert table.scale("M000353", 0.001, {"RegioS": "GM0770"}) == 2
    table.set_value("RegioS eq 'GM1728'", "M000353", Missing("Confidential"))
    table.drop_measure("M000365")
    table.add_measure("M000400", lambda row: row["Perioden"][:4])
    table.add_rows([{"Geslacht": "T001038", "RegioS": "GM1667", "Perioden": "2025JJ00", "M000353": 13_000}])
    table.drop_rows({"RegioS": "NL01"})
    rows = pages(f"{cbs.v4_url}/{POPULATION}/Observations", "@odata.nextLink")
    rows = [row for page in rows for row in page["value"]]
    fields = ("Measure", "RegioS", "Value", "StringValue", "ValueAttribute")
    found = [tuple(row[field] for field in fields) for row in rows]
    assert found == [
        ("M000353", "GM0770", 20.157, None, "None"),
        ("M000353", "GM0770", 20.245, None, "None"),
        ("M000353", "GM1728", None, None, "Confidential"),
        ("M000353", "GM1728", None, None, "Confidential"),
        ("M000400", "GM0770", None, "2024", "None"),
        ("M000400", "GM0770", None, "2025", "None"),
        ("M000400", "GM1728", None, "2024", "None"),
        ("M000400", "GM1728", None, "2025", "None"),
        ("M000353", "GM1667", 13_000, None, "None"),
    ]
    assert get(f"{cbs.v4_url}/{POPULATION}/Properties").json()["ObservationCount"] == 9
    measures = observations(cbs, resource="MeasureCodes")
    assert [(m["Identifier"], m["Unit"]) for m in measures] == [("M000353", "x 1 000"), ("M000400", "aantal")]
    assert "GM1667" in codes(observations(cbs, resource="RegioSCodes"), "Identifier")


def test_only_touch_announces_a_change(cbs: StandIn) -> None:
    cbs[ENERGY].scale("Aardgas_1", 10)
    cbs[POPULATION].scale("M000352", 10)
    assert feed(cbs, ENERGY, "TableInfos")[0]["Modified"] == "2026-03-01T02:00:00"
    assert get(f"{cbs.v4_url}/{POPULATION}/Properties").json()["Version"] == "202603010000"
    cbs[ENERGY].touch()
    cbs[POPULATION].touch("2026-06-23T00:00:00+02:00")
    assert feed(cbs, ENERGY, "TableInfos")[0]["Modified"] == "2026-03-02T02:00:00"
    properties = get(f"{cbs.v4_url}/{POPULATION}/Properties").json()
    assert (properties["Version"], properties["Modified"]) == ("202606230000", "2026-06-23T00:00:00+02:00")


def test_served_tables_are_copies() -> None:
    given_table = energy()
    with StandIn([given_table]) as one, StandIn([given_table]) as other:
        one[ENERGY].drop_rows(None)
        one[ENERGY].set_unit("Aardgas_1", "m3")
        one[ENERGY].set_code("Perioden", "2022JJ00", Status="Voorlopig")
        assert feed(one, ENERGY) == []
        assert len(feed(other, ENERGY)) == 10
        assert feed(other, ENERGY, "DataProperties")[2]["Unit"] == "aantal"
        assert feed(other, ENERGY, "Perioden")[0]["Status"] == "Definitief"


def test_a_table_may_come_and_go_and_be_in_both_protocols(cbs: StandIn) -> None:
    cbs.remove(KWB)
    assert get(f"{cbs.v3_url}/ODataFeed/odata/{KWB}/TableInfos").status_code == 404
    cbs.add(V4Table.build(ENERGY, dims=[Dim("Perioden")], measures=["M1"], rows=[("2024JJ00", 1)]))
    with pytest.raises(KeyError, match="both protocols"):
        cbs[ENERGY]
    assert cbs.table(ENERGY, "v4").measures == ["M1"]


def test_the_catalogue_may_be_wrong_about_its_count(cbs: StandIn) -> None:
    cbs[ENERGY].record_count = 12
    (entry,) = get(f"{cbs.v3_url}/ODataCatalog/Tables", filter=f"Identifier eq '{ENERGY}'").json()["value"]
    assert entry["RecordCount"] == 12
    assert get(f"{cbs.v3_url}/ODataFeed/odata/{ENERGY}/TypedDataSet/$count").text == "10"


# -- faults --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.RESET, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)),
        (Fault.REFUSE, requests.ConnectionError),
        (Fault.JSON_CUT, requests.exceptions.JSONDecodeError),
        (Fault.EMPTY_200, requests.exceptions.JSONDecodeError),
        (Fault.HTML_200, requests.exceptions.JSONDecodeError),
        (Fault.REDIRECT_HTML, requests.exceptions.JSONDecodeError),
        (Fault.GZIP_DAMAGED, requests.exceptions.ContentDecodingError),
        (Fault.SERVER_ERROR_503, requests.HTTPError),
        (Fault.TOO_MANY_429, requests.HTTPError),
        (Fault.FORBIDDEN_403, requests.HTTPError),
    ],
)
@pytest.mark.parametrize("ask", [lambda cbs: feed(cbs, ENERGY), observations], ids=["v3", "v4"])
def test_faults_that_break_an_answer(cbs: StandIn, fault: Fault, error: Any, ask: Ask) -> None:
    cbs.fault(None, fault)
    with pytest.raises(error):
        ask(cbs)
    assert ask(cbs)


def test_a_reset_comes_halfway_the_body(cbs: StandIn) -> None:
    cbs.fault(ENERGY, Fault.RESET)
    url = f"{cbs.v3_url}/ODataFeed/odata/{ENERGY}/TypedDataSet"
    with requests.get(url, stream=True, timeout=5, headers={"Accept-Encoding": "identity"}) as answer:
        assert answer.status_code == 200
        begin = answer.raw.read(20)
        assert begin.startswith(b'{\r\n  "odata.metadata')
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match=r"reset|broken"):
            list(answer.iter_content(100_000))


def test_a_stall_lasts_as_long_as_said(cbs: StandIn) -> None:
    cbs.fault(ENERGY, Fault.STALL, seconds=20)
    url = f"{cbs.v3_url}/ODataFeed/odata/{ENERGY}/TypedDataSet"
    started = time.monotonic()
    with pytest.raises(requests.exceptions.RequestException, match="timed out"):
        _ = requests.get(url, timeout=0.2).content
    assert time.monotonic() - started < 2
    cbs.fault(ENERGY, Fault.STALL, seconds=0.1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get(url)


def test_refusals_say_what_a_client_needs(cbs: StandIn) -> None:
    url = f"{cbs.v3_url}/ODataFeed/odata/{ENERGY}/TypedDataSet"
    cbs.fault(ENERGY, Fault.TOO_MANY_429, seconds=7)
    assert get(url).headers["Retry-After"] == "7"
    cbs.fault(ENERGY, Fault.REDIRECT_HTML)
    answer = get(url)
    assert answer.history[0].status_code == 302
    assert answer.headers["Content-Type"].startswith("text/html")
    cbs.fault(ENERGY, Fault.JSON_CUT)
    answer = requests.get(url, timeout=5, headers={"Accept-Encoding": "identity"})
    assert int(answer.headers["Content-Length"]) == len(answer.content)


def v3_pages(cbs: StandIn) -> list[list[int]]:
    found = pages(f"{cbs.v3_url}/ODataFeed/odata/{ENERGY}/TypedDataSet?$format=json", limit=6)
    return [[row["ID"] for row in page["value"]] for page in found]


def v4_pages(cbs: StandIn) -> list[list[int]]:
    found = pages(f"{cbs.v4_url}/{POPULATION}/Observations", "@odata.nextLink", limit=6)
    return [[row["Id"] for row in page["value"]] for page in found]


@pytest.mark.parametrize(
    ("fault", "options", "v3", "v4"),
    [
        (
            Fault.SHORT_PAGE,
            {"page": 2, "rows": 2},
            [[0, 1, 2, 3], [4, 5], [8, 9]],
            [[0, 1, 2, 3, 4], [5, 6, 7], [10, 11]],
        ),
        (
            Fault.SHORT_PAGE,
            {"page": 2, "keep_next_link": False},
            [[0, 1, 2, 3], [4, 5, 6]],
            [[0, 1, 2, 3, 4], [5, 6, 7, 8]],
        ),
        (
            Fault.LOOPING_NEXT_LINK,
            {"page": 3, "times": 2},
            [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], [8, 9], [8, 9]],
            [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11], [10, 11], [10, 11]],
        ),
        (
            Fault.DUPLICATED_PAGE,
            {"times": None},
            [[0, 1, 2, 3], [0, 1, 2, 3], [4, 5]],
            [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [5, 6]],
        ),
    ],
)
def test_faults_of_paging(
    cbs: StandIn, fault: Fault, options: dict[str, Any], v3: list[list[int]], v4: list[list[int]]
) -> None:
    cbs.fault(ENERGY, fault, **options)
    cbs.fault(POPULATION, fault, **options)
    assert v3_pages(cbs) == v3
    assert v4_pages(cbs) == v4
    cbs.clear_faults()
    assert sum(map(len, v3_pages(cbs) + v4_pages(cbs))) == 22


def test_fault_of_a_table_modified_halfway(cbs: StandIn) -> None:
    cbs.fault(ENERGY, Fault.MODIFIED_HALFWAY, page=2)
    before = feed(cbs, ENERGY, "TableInfos")[0]["Modified"]
    feed(cbs, ENERGY)
    assert feed(cbs, ENERGY, "TableInfos")[0]["Modified"] == before
    feed(cbs, ENERGY, skip="4")
    assert feed(cbs, ENERGY, "TableInfos")[0]["Modified"] > before


def test_fault_of_a_null_without_reason(cbs: StandIn) -> None:
    cbs.fault(POPULATION, Fault.NULL_WITHOUT_REASON, rows=2)
    odd = [row["Id"] for row in observations(cbs) if row["Value"] is None and row["ValueAttribute"] == "None"]
    assert odd == [0, 1]
    with pytest.raises(ValueError, match="NULL_WITHOUT_REASON"):
        cbs.fault(ENERGY, Fault.NULL_WITHOUT_REASON)


def test_faults_of_columns(cbs: StandIn) -> None:
    cbs.fault(KWB, Fault.ROW_KEY_RENAMED)
    assert list(feed(cbs, KWB)[0])[-1] == "GemiddeldGasverbruik_5"
    cbs.fault(KWB, Fault.MISSING_COLUMN, column="Gemeentenaam_1")
    assert "Gemeentenaam_1" not in feed(cbs, KWB)[2]
    cbs.fault(KWB, Fault.WRONG_TYPE, rows=2)
    assert [row["k_0Tot15Jaar_2"] for row in feed(cbs, KWB)] == ["n.v.t.", "n.v.t.", 900, None]
    cbs.fault(POPULATION, Fault.ROW_KEY_RENAMED, column="RegioS")
    assert "RegioS_1" in observations(cbs)[0]
    cbs.fault(POPULATION, Fault.MISSING_COLUMN)
    assert "Perioden" not in observations(cbs)[0]
    cbs.fault(POPULATION, Fault.WRONG_TYPE)
    assert [row["Value"] for row in observations(cbs, top="2")] == ["n.v.t.", 17_993_485.5]
    assert feed(cbs, KWB)[0]["Gemeentenaam_1"] == "Nederland "


def test_a_fault_strikes_only_where_it_should(cbs: StandIn) -> None:
    cbs.fault(ENERGY, Fault.SERVER_ERROR_503, resource="TypedDataSet", page=2, times=2)
    feed(cbs, ENERGY, "UntypedDataSet", skip="4")
    feed(cbs, ENERGY)
    feed(cbs, KWB)
    for status in (503, 503, 200):
        assert get(f"{cbs.v3_url}/ODataFeed/odata/{ENERGY}/TypedDataSet", skip="4").status_code == status
    cbs.fault(None, Fault.REFUSE, host="v4", times=None)
    feed(cbs, ENERGY)
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            observations(cbs)


@pytest.mark.parametrize(
    ("table", "resource"), [("1NED", None), (ENERGY, "Observations"), (POPULATION, "TypedDataSet")]
)
def test_a_fault_that_can_never_strike_is_refused(cbs: StandIn, table: str, resource: str | None) -> None:
    with pytest.raises(ValueError, match=r"no table|has no resource"):
        cbs.fault(table, Fault.RESET, resource=resource)


# -- the server ----------------------------------------------------------------------------------------


def test_it_stops_and_starts_on_the_same_port(cbs: StandIn) -> None:
    before = cbs.env
    with requests.Session() as kept:
        kept.trust_env = False
        url = f"{cbs.v3_url}/ODataFeed/odata/{ENERGY}/TableInfos"
        assert kept.get(url, timeout=5).ok
        cbs.stop()
        for _ in range(2):
            with pytest.raises(requests.ConnectionError):
                kept.get(url, timeout=5)
        cbs.start()
        assert cbs.env == before
        assert kept.get(url, timeout=5).ok


def test_one_host_may_be_down() -> None:
    with StandIn([energy(), population(), police()], separate_hosts=True) as cbs:
        assert len({url for name, url in cbs.env.items() if "STATLINE" in name}) == 3
        cbs.stop("v4")
        assert feed(cbs, ENERGY)
        with pytest.raises(requests.ConnectionError):
            observations(cbs)
        cbs.start("v4")
        assert observations(cbs)
        assert get(f"{cbs.v3_url}/odata/v1/CBS/{POPULATION}").status_code == 404


def test_it_logs_what_is_asked(cbs: StandIn) -> None:
    feed(cbs, ENERGY, filter="RegioS eq 'NL01  '")
    get(f"{cbs.v3_url}/ODataCatalog/Tables")
    observations(cbs, skip="5")
    first, second, third = cbs.requests
    assert first.query == {"$filter": "RegioS eq 'NL01  '"}
    assert (first.host, first.table, first.resource, first.page) == ("v3", ENERGY, "TypedDataSet", 1)
    assert first.headers["User-Agent"].startswith("python-requests")
    assert (second.table, second.resource) == (None, "Tables")
    assert (third.host, third.table, third.resource, third.page) == ("v4", POPULATION, "Observations", 2)
    assert first.at <= second.at <= third.at
    assert (cbs.count(), cbs.count(ENERGY), cbs.count(ENERGY, "TableInfos")) == (3, 1, 0)


def test_it_answers_several_at_once_after_its_latency(cbs: StandIn) -> None:
    cbs.latency = 0.2
    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: feed(cbs, ENERGY), range(4)))
    assert 0.2 <= time.monotonic() - started < 0.7
    assert cbs.most_at_once == 4


@pytest.mark.parametrize("compressed", [True, False])
def test_compression_is_an_option(compressed: bool) -> None:
    with StandIn([energy()], gzip=compressed) as cbs:
        answer = get(f"{cbs.v3_url}/ODataFeed/odata/{ENERGY}/TypedDataSet")
        assert answer.headers.get("Content-Encoding") == ("gzip" if compressed else None)
        assert len(answer.json()["value"]) == 10


def test_entity_tags_are_an_option() -> None:
    with StandIn([energy()], etag=True) as cbs:
        url = f"{cbs.v3_url}/ODataFeed/odata/{ENERGY}/TableInfos"
        tag = {"If-None-Match": get(url).headers["ETag"]}
        assert requests.get(url, headers=tag, timeout=5).status_code == 304
        cbs[ENERGY].touch()
        assert requests.get(url, headers=tag, timeout=5).status_code == 200


def test_a_failure_of_its_own_is_not_taken_for_one_of_cbs() -> None:
    with pytest.raises(RuntimeError, match="the stand-in itself failed"), StandIn([energy()]) as cbs:
        cbs[ENERGY].rows = None  # type: ignore[assignment]
        assert get(f"{cbs.v3_url}/ODataFeed/odata/{ENERGY}/TypedDataSet").status_code == 500


# -- recorded tables -----------------------------------------------------------------------------------


def record(table: V3Table, folder: Path) -> None:
    """Lay a table down as a recorded one."""
    folder.mkdir(parents=True)
    served = {name: table.metadata(name) for name in table.resources}
    metadata = {name: list(rows.objects()) for name, rows in served.items() if rows is not None}
    (folder / "meta.json.gz").write_bytes(gzip.compress(json.dumps(metadata).encode()))
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in table.rows.objects()]
    (folder / "rows.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))


def test_recorded_tables_are_served_as_they_were(tmp_path: Path) -> None:
    table = kwb()
    table.set_value({"WijkenEnBuurten": "NL00"}, "Gemeentenaam_1", "Súdwest")
    record(table, tmp_path / "statline" / "v3" / KWB)
    with StandIn(recorded_tables(tmp_path)) as cbs:
        answer = get(f"{cbs.v3_url}/ODataFeed/odata/{KWB}/TypedDataSet")
        assert answer.json()["value"] == list(table.rows.objects())
        assert b"S\\u00fadwest" in answer.content
        assert feed(cbs, KWB, "DataProperties") == list(table.properties)
    with pytest.raises(FileNotFoundError, match="1NED"):
        recorded_tables(tmp_path, ["1NED"])
    with pytest.raises(FileNotFoundError, match="no recorded table at all"):
        recorded_tables(tmp_path / "elsewhere")


def test_it_serves_from_the_command_line(tmp_path: Path) -> None:
    record(energy(), tmp_path / "v3" / ENERGY)
    command = [sys.executable, "-m", "tests.standin", "--recorded", str(tmp_path)]
    command += ["--fault", f"{ENERGY}:TypedDataSet:SHORT_PAGE:rows=3"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout and process.stderr
        try:
            exports = [process.stdout.readline().strip() for _ in range(4)]
            env = dict(line.removeprefix("export ").split("=", 1) for line in exports)
            assert list(env)[:3] == ["RDC_STATLINE_V3_URL", "RDC_STATLINE_V4_URL", "RDC_STATLINE_THIRD_PARTY_URL"]
            url = f"{env['RDC_STATLINE_V3_URL']}/ODataFeed/odata/{ENERGY}/TypedDataSet"
            assert len(get(url).json()["value"]) == 7
            process.terminate()
            assert process.wait(timeout=5) == 0
            assert "1 requests" in process.stderr.read()
        finally:
            process.kill()


@pytest.mark.shared
@pytest.mark.skipif(not (SHARED / "statline").is_dir(), reason="no recorded CBS tables (RDC_SHARED)")
class TestRecorded:
    """Against what CBS really sent."""

    def test_recorded_tables_answer_like_the_capture(self) -> None:
        started = time.monotonic()
        tables = recorded_tables(SHARED, [KWB, POPULATION, "83625NED"])
        assert time.monotonic() - started < 10
        capture = json.loads(gzip.decompress((SHARED / "statline/v4/03759ned/capture.json.gz").read_bytes()))
        with StandIn(tables) as cbs:
            sizes = [len(page["value"]) for page in pages(f"{cbs.v3_url}/ODataFeed/odata/{KWB}/TypedDataSet")]
            assert sizes == [10_000, 7_341]
            (eersel,) = feed(cbs, KWB, filter="WijkenEnBuurten eq 'GM0770    '")
            assert (eersel["Gemeentenaam_1"].rstrip(), eersel["AantalInwoners_5"]) == ("Eersel", 19_313)
            (entry,) = get(f"{cbs.v3_url}/ODataCatalog/Tables").json()["value"]
            info = cbs[KWB].info
            assert (entry["RecordCount"], entry["ColumnCount"]) == (info["RecordCount"], info["ColumnCount"])
            url = f"{cbs.v4_url}/{POPULATION}/Observations/$count"
            assert get(url, filter=capture["sliceFilter"]).text == str(capture["observationRows"])
            assert get(f"{cbs.v4_url}/{POPULATION}/Properties").json()["ObservationCount"] == 100_741_875
            assert "datasets.cbs.nl" not in get(f"{cbs.v4_url}/{POPULATION}/Dimensions").text

    def test_v3_layout_is_that_of_the_wire(self) -> None:
        wire = gzip.decompress((SHARED / "statline/wire/v3-84489NED-TypedDataSet.json.gz").read_bytes())
        answer = json.loads(wire)
        lines = [encode(row) for row in answer["value"]]
        assert Page("v3", answer["odata.metadata"], lines).body() == wire

    def test_v3_next_link_is_that_of_the_wire(self) -> None:
        page = SHARED / "statline/wire/v3-83599NED-UntypedDataSet-page1.json.gz"
        wire = json.loads(gzip.decompress(page.read_bytes()))
        dims = ["BedrijfstakkenBranchesSBI2008", "RegioS", "Perioden"]
        rows = [[*(row[dim] for dim in dims), float(row["OpenstaandeVacatures_1"])] for row in wire["value"]]
        topic = Topic("OpenstaandeVacatures", decimals=1)
        table = V3Table.build("83599NED", dims=dims, topics=[topic], rows=[*rows, rows[0]])
        with StandIn([table]) as cbs:
            answer = get(f"{cbs.v3_url}/ODataFeed/OData/83599NED/UntypedDataSet/", format="json").json()
        assert answer["value"] == wire["value"]
        for field in ("odata.nextLink", "odata.metadata"):
            assert answer[field].replace(cbs.v3_url, "https://opendata.cbs.nl") == wire[field]
