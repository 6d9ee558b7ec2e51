"""What reads StatLine reads these tables by changing the host: the unmodified ``cbsodata``, and what others ask of OData."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from typing import Any

import cbsodata.cbsodata3 as cbsodata
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.conftest import Center
from tests.warehouse.made import PERIODS, REGIONS, figure_of

EXPECTED = {(r[0], p): figure_of("won_prijs", r[0], p) for r in REGIONS for p in PERIODS}


@pytest.fixture
def plain_http() -> Iterator[None]:
    before = cbsodata.options.use_https
    cbsodata.options.use_https = False
    yield
    cbsodata.options.use_https = before


def test_the_unmodified_cbsodata_package(center: Center, plain_http: None) -> None:
    host = center.service.host
    tables = cbsodata.get_table_list(catalog_url=host)
    assert {t["Identifier"]: t["RecordCount"] for t in tables}["KEMPEN-WONEN"] == len(EXPECTED)
    assert cbsodata.get_table_list(catalog_url=host, select=["Identifier"], filters="Identifier eq 'KEMPEN-WONEN'") == [
        {"Identifier": "KEMPEN-WONEN"}
    ]
    info = cbsodata.get_info("KEMPEN-WONEN", catalog_url=host)
    assert info["Title"] == "Wonen; standaardindicatoren De Kempen" and "Bron: CBS" in info["Summary"]
    properties = {p["Key"]: p for p in cbsodata.get_meta("KEMPEN-WONEN", "DataProperties", catalog_url=host)}
    assert [properties[k]["Type"] for k in ("RegioS", "Perioden", "won_prijs")] == [
        "GeoDimension",
        "TimeDimension",
        "Topic",
    ]
    assert properties["won_prijs"]["Description"].startswith("Definitie van Gemiddelde verkoopprijs.")
    assert {p["Status"] for p in cbsodata.get_meta("KEMPEN-WONEN", "Perioden", catalog_url=host)} == {"Definitief"}

    titles = {r["Key"]: r["Title"] for r in cbsodata.get_meta("KEMPEN-WONEN", "RegioS", catalog_url=host)}
    assert len(set(titles.values())) == len(REGIONS)  # two buurten of one name stay two
    data = cbsodata.get_data("KEMPEN-WONEN", catalog_url=host)
    assert {(r["RegioS"], r["Perioden"]): r["won_prijs"] for r in data} == {
        (titles[r], p[:4]): v for (r, p), v in EXPECTED.items()
    }
    some = cbsodata.get_data(
        "KEMPEN-WONEN",
        catalog_url=host,
        select=["RegioS", "won_prijs"],
        filters="RegioS eq 'GM0770    ' and Perioden ge '2023JJ00'",
    )
    assert [r["won_prijs"] for r in some] == [EXPECTED["GM0770", p] for p in PERIODS[1:]] and set(some[0]) == {
        "RegioS",
        "won_prijs",
    }
    untyped = cbsodata.get_meta("KEMPEN-WONEN", "UntypedDataSet", catalog_url=host)
    assert all(isinstance(r["won_prijs"], str) for r in untyped)


def test_cbsodata_with_a_key_in_its_address(center: Center, plain_http: None) -> None:
    host = f"eersel:{center.keys['eersel']}@{center.service.host}"
    rows = cbsodata.get_data("KEMPEN-BEVOLKING", catalog_url=host)
    seen = {(r["RegioS"], r["Perioden"]): r["soc_meldingen"] for r in rows}
    assert seen["Eersel", "2024"] == figure_of("soc_meldingen", "GM0770", "2024JJ00")
    assert seen["Bladel", "2024"] is None


def every_page(url: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while url:
        body = requests.get(url, timeout=30).json()
        rows += body["value"]
        url = body.get("odata.nextLink") or body.get("@odata.nextLink")
    return rows


def test_next_links_pages_and_counts(center: Center, monkeypatch: pytest.MonkeyPatch) -> None:
    v3 = f"{center.service.url}/ODataFeed/odata/KEMPEN-WONEN"
    assert requests.get(f"{v3}/TypedDataSet/$count", timeout=30).text == str(len(EXPECTED))
    body = requests.get(
        f"{v3}/TypedDataSet?$top=5&$skip=3&$inlinecount=allpages&$orderby=won_prijs desc", timeout=30
    ).json()
    assert body["odata.count"] == str(len(EXPECTED)) and "odata.nextLink" not in body
    assert [r["won_prijs"] for r in body["value"]] == sorted(EXPECTED.values(), reverse=True)[3:8]
    v4 = f"{center.service.url}/odata/v1/CBS/KEMPEN-WONEN"
    body = requests.get(f"{v4}/Observations?$count=true&$top=2&$filter=contains(RegioS,'GM')", timeout=30).json()
    assert body["@odata.count"] == 6 and len(body["value"]) == 2
    assert requests.get(f"{v4}/Observations/$count?$filter=Value gt 1e9", timeout=30).text == "0"


def test_v4_has_the_reason_beside_the_figure(center: Center) -> None:
    root = f"{center.service.url}/odata/v1/CBS"
    names = {e["name"] for e in requests.get(f"{root}/KEMPEN-WONEN", timeout=30).json()["value"]}
    assert {"Properties", "Dimensions", "RegioSCodes", "PeriodenCodes", "MeasureCodes", "Observations"} <= names
    properties = requests.get(f"{root}/KEMPEN-WONEN/Properties", timeout=30).json()
    observations = every_page(f"{root}/KEMPEN-WONEN/Observations")
    assert properties["ObservationCount"] == len(observations) == len(EXPECTED)
    assert {(o["RegioS"], o["Perioden"]): o["Value"] for o in observations} == EXPECTED
    assert {o["ValueAttribute"] for o in observations} == {"None"}
    assert set(observations[0]) == {"Id", "Measure", "ValueAttribute", "Value", "StringValue", "RegioS", "Perioden"}
    for o in every_page(f"{root}/KEMPEN-WONEN/Observations?$select=*"):
        assert (o["LowerBound"], o["UpperBound"]) == (o["Value"] - 1, o["Value"] + 1)
        assert (o["ReferencePeriod"], o["PeriodType"], o["Status"]) == (
            f"{o['Perioden'][:4]}-01-01",
            "jaar",
            "Definitief",
        )
    broken = f"{root}/KEMPEN-BEVOLKING/Observations?$filter=SeriesBreak eq 'Andere telling.' and LowerBound gt 0"
    assert {o["Measure"] for o in every_page(broken)} == {"bev_inwoners"}
    assert {d["Identifier"] for d in every_page(f"{root}/Datasets")} == {"KEMPEN-BEVOLKING", "KEMPEN-WONEN"}


@pytest.mark.parametrize("rows", ["TypedDataSet", "UntypedDataSet"])
def test_v3_tells_of_a_figure_what_belongs_to_it_where_it_is_asked(center: Center, rows: str) -> None:
    feed = f"{center.service.url}/ODataFeed/odata"
    wonen = f"{feed}/KEMPEN-WONEN/{rows}"
    plain, all_told = every_page(wonen), every_page(f"{wonen}?$select=*")
    # Whatever reads StatLine gets what StatLine has.
    assert not any(name.startswith("won_prijs_") for name in plain[0])
    assert [{name: row[name] for name in plain[0]} for row in all_told] == plain
    for row in all_told:
        value = EXPECTED[row["RegioS"], row["Perioden"]]
        told = {name.removeprefix("won_prijs_"): said for name, said in row.items() if name.startswith("won_prijs_")}
        year = row["Perioden"][:4]
        assert told | {"Note": None} == {
            **{"LowerBound": value - 1, "UpperBound": value + 1, "SeriesBreak": None, "Reason": None, "Note": None},
            **{"Status": "Definitief", "ReferencePeriod": f"{year}-01-01", "PeriodType": "jaar"},
        }
    bevolking = f"{feed}/KEMPEN-BEVOLKING/{rows}"
    some = every_page(f"{bevolking}?$select=ID,bev_inwoners_SeriesBreak&$filter=bev_inwoners_SeriesBreak ne null")
    assert some and all(set(row) == {"ID", "bev_inwoners_SeriesBreak"} for row in some)
    assert {row["bev_inwoners_SeriesBreak"] for row in some} == {"Andere telling."}
    counted = requests.get(f"{bevolking}/$count?$filter=bev_inwoners_SeriesBreak ne null", timeout=30)
    assert counted.text == str(len(some))
    assert [row["ID"] for row in every_page(f"{bevolking}?$orderby=bev_inwoners_LowerBound desc,ID&$select=ID")]


_JSON_OF = {
    "Edm.String": str,
    "Edm.Int32": int,
    "Edm.Int64": int,
    "Edm.Double": (int, float),
    "Edm.Boolean": bool,
}


@pytest.mark.parametrize(
    "path",
    [
        "ODataFeed/odata/KEMPEN-WONEN",
        "ODataApi/odata/KEMPEN-WONEN",
        "ODataCatalog",
        "odata/v1/CBS/KEMPEN-WONEN",
        "odata/v1/CBS/",
    ],
)
def test_what_is_answered_is_what_the_schema_says(center: Center, path: str) -> None:
    """A strict reader, such as that of Power BI and Excel, refuses what ``$metadata`` does not declare, or declares otherwise."""
    url = f"{center.service.url}/{path}"
    schema = ElementTree.fromstring(requests.get(f"{url.rstrip('/')}/$metadata", timeout=30).text)
    declared = {
        e.get("Name", ""): e for e in schema.iter() if e.tag.rpartition("}")[2] in ("EntityType", "ComplexType")
    }
    holders = {e.get("Name"): e for e in schema.iter() if e.tag.rpartition("}")[2] in ("EntitySet", "Singleton")}

    def properties(kind: str) -> dict[str, str]:
        found = declared[kind.rpartition(".")[2]]
        own = {p.get("Name", ""): p.get("Type", "") for p in found if p.tag.endswith("Property")}
        return own | (properties(base) if (base := found.get("BaseType")) else {})

    def agrees(entry: dict[str, Any], kind: str) -> None:
        kinds = properties(next((v for k, v in entry.items() if k.endswith("odata.type")), kind))
        for name, value in entry.items():
            if "odata." in name or value is None:
                continue
            of = kinds[name].removeprefix("Collection(").rstrip(")")
            for one in value if kinds[name].startswith("Collection(") else [value]:
                if of.startswith("Edm."):
                    assert isinstance(one, _JSON_OF[of]) and (type(one) is not bool or of == "Edm.Boolean"), (name, one)
                else:
                    agrees(one, of)

    offered = requests.get(url, timeout=30).json()["value"]
    assert {e["name"] for e in offered} == set(holders)
    for name, holder in holders.items():
        body = requests.get(f"{url.rstrip('/')}/{name}", timeout=30).json()
        kind = holder.get("EntityType") or holder.get("Type") or ""
        [[key]] = [list(e) for e in declared[kind.rpartition(".")[2]] if e.tag.endswith("Key")]
        # A number with decimals can't be a key, and what is a key is there.
        assert properties(kind)[key.get("Name", "")] in ("Edm.String", "Edm.Int32", "Edm.Int64")
        entries = body["value"] if holder.get("EntityType") else [body]
        assert entries or name == "CategoryGroups"
        if "DataSet" in name or name == "Observations":
            for entry in requests.get(f"{url.rstrip('/')}/{name}?$select=*", timeout=30).json()["value"]:
                assert set(entry) == set(properties(kind))
                agrees(entry, kind)
        for entry in entries:
            agrees(entry, kind)
            assert entry[key.get("Name", "")] is not None


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("$filter=nonsense eq 1", 400, "geen kolom nonsense"),
        ("$filter=RegioS eq 1", 400, "niet te vergelijken"),
        ("$filter=RegioS eq 'x", 400, "niet te lezen vanaf teken"),
        ("$filter=RegioS", 400, "hoort een voorwaarde"),
        ("$filter=startswith(RegioS)", 400, "wil 2 argumenten"),
        ("$filter=" + "(" * 60 + "RegioS eq 'x'" + ")" * 60, 400, "haakjes diep"),
        ("$filter=ID in (" + ",".join(["1"] * 1001) + ")", 400, "meer dan 1000 delen"),
        ("$filter=drop(table)", 400, "functie drop"),
        ("$select=RegioS,password", 400, "geen kolom"),
        ("$orderby=1;drop table x", 400, "niet te sorteren"),
        ("$top=-1", 400, "heel getal"),
        ("$top=1&$top=2", 400, "twee keer"),
        ("$expand=x", 501, "$expand"),
        ("$format=atom", 400, "Alleen JSON"),
        ("release=2020.1.1", 404, "Release 2020.1.1 is er niet;"),
    ],
)
def test_what_is_wrong_is_said_in_the_form_of_odata(center: Center, query: str, status: int, said: str) -> None:
    for path, where in (
        ("ODataFeed/odata/KEMPEN-WONEN/TypedDataSet", "odata.error"),
        ("odata/v1/CBS/KEMPEN-WONEN/Observations", "error"),
    ):
        if "v1" in path and "=ID " in query:
            query = query.replace("ID", "Id")
        answer = requests.get(f"{center.service.url}/{path}?{query}", timeout=30)
        message = answer.json()[where]["message"]
        assert answer.status_code == status, answer.text
        assert said in (message["value"] if isinstance(message, dict) else message)


@pytest.mark.parametrize(
    ("most", "too_much", "said"),
    [
        (f"{'RegioS eq ' + repr('GM0770'):<6000}", f"{'RegioS eq ' + repr('GM0770'):<6001}", "hoogstens 6000 tekens"),
        (f"won_prijs in ({','.join(['1'] * 999)})", f"won_prijs in ({','.join(['1'] * 1000)})", "meer dan 1000 delen"),
        (f"{'(' * 49}won_prijs eq 1{')' * 49}", f"{'(' * 50}won_prijs eq 1{')' * 50}", "meer dan 50 haakjes"),
        ("not " * 49 + "true", "not " * 50 + "true", "meer dan 50 haakjes"),
    ],
    ids=["length", "parts", "brackets", "not"],
)
def test_a_filter_up_to_its_limits_is_answered_and_one_step_further_is_not(
    center: Center, most: str, too_much: str, said: str
) -> None:
    for path in ("/ODataFeed/odata/KEMPEN-WONEN/TypedDataSet", "/odata/v1/CBS/KEMPEN-WONEN/Observations"):
        if "v1" in path:
            most, too_much = most.replace("won_prijs", "Value"), too_much.replace("won_prijs", "Value")
        assert center.service.get(path, **{"$filter": most}).status_code == 200
        answer = center.service.get(path, **{"$filter": too_much})
        assert answer.status_code == 400 and said in answer.text


_WORDS = (
    "RegioS Perioden won_prijs ID 'GM0770' 'x'';drop' 1 -2.5e3 null true eq ne gt and or not ( ) , startswith( substringof( substring( in "
    "length( % ' \u00e9 -- /* ;"
)
_words = st.sampled_from(_WORDS.split())


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(_words, max_size=12))
def test_no_filter_whatever_breaks_the_service(center: Center, words: list[str]) -> None:
    answer = requests.get(
        f"{center.service.url}/ODataFeed/odata/KEMPEN-WONEN/TypedDataSet",
        params={"$filter": " ".join(words)},
        timeout=30,
    )
    assert answer.status_code in (200, 400), (words, answer.text)
    if answer.status_code == 200:
        assert {
            (r["RegioS"], r["Perioden"]): r["won_prijs"] for r in answer.json()["value"]
        }.items() <= EXPECTED.items()


ATOM = "application/atom+xml,application/atomsvc+xml,application/xml"
POWER_QUERY = (
    "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9,"
    "application/atomsvc+xml;q=0.8,application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7"
)


@pytest.mark.parametrize(
    "path", ["/ODataFeed/odata/KEMPEN-WONEN/TypedDataSet", "/odata/v1/CBS/KEMPEN-WONEN/Observations"]
)
def test_who_takes_atom_only_is_told_so(center: Center, path: str) -> None:
    roots = {
        path,
        path.rpartition("/")[0],
        "/ODataCatalog",
        "/ODataCatalog/Tables",
        "/odata/v1/CBS",
        "/odata/v1/CBS/Datasets",
    }
    for root in roots:
        for accept, status in (
            *((ATOM, 406), ("application/json;q=0, */*;q=0.0", 406), (POWER_QUERY, 200), ("*/*", 200), ("", 200)),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 200),
        ):
            answer = center.service.get(root, headers={"Accept": accept})
            assert answer.status_code == status, (root, accept)
            assert "json" in answer.headers["Content-Type"]
        assert "Atom" in center.service.get(root, headers={"Accept": ATOM}).text
        assert center.service.get(root, headers={"Accept": ATOM}, **{"$format": "json"}).status_code == 200
    # What is XML, or plain text, is had by whoever takes that.
    assert center.service.get(path.rpartition("/")[0] + "/$metadata", headers={"Accept": "application/xml"}).ok
    assert center.service.get(path + "/$count", headers={"Accept": "text/plain"}).ok


@pytest.mark.parametrize(
    "path",
    [
        *("/ODataCatalog", "/ODataCatalog/Tables", "/ODataCatalog/$metadata"),
        *("/ODataFeed/OData/KEMPEN-WONEN", "/ODataApi/OData/KEMPEN-WONEN/TypedDataSet"),
        *("/ODataFeed/OData/KEMPEN-WONEN/UntypedDataSet/$count", "/ODataApi/OData/KEMPEN-WONEN/$metadata"),
        *("/ODataApi/OData/KEMPEN-WONEN/RegioS", "/ODataApi/OData/KEMPEN-WONEN/DataProperties"),
        *(
            "/odata/v1/CBS",
            "/odata/v1/CBS/Datasets",
            "/odata/v1/CBS/Datasets('KEMPEN-WONEN')",
            "/odata/v1/CBS/$metadata",
        ),
        *("/odata/v1/CBS/KEMPEN-WONEN/Observations/$count", "/odata/v1/CBS/KEMPEN-WONEN/MeasureCodes"),
    ],
)
def test_a_path_is_found_whatever_its_case(center: Center, path: str) -> None:
    def said(asked: str) -> str:
        answer = center.service.get(asked)
        assert answer.status_code == 200, asked
        # StatLine repeats the catalogue as it was asked for.
        return answer.text.replace("/CBS/", "/cbs/").replace("/CBS", "/cbs")

    assert said(path) == said(path.lower())
    assert said(path.upper()).lower() == said(path).lower()


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("substring(RegioS,0,2) eq 'GM'", lambda r, p: r.startswith("GM")),
        (
            "((substring(RegioS, 0, 2) eq 'GM') or (substring(RegioS,0,2) eq 'WK')) and (substring(Perioden,4,2) eq 'JJ')",
            lambda r, p: r[:2] in ("GM", "WK"),
        ),
        ("substring(Perioden,0,4) ge '2023'", lambda r, p: p[:4] >= "2023"),
        ("substring(RegioS,2) eq '0770'", lambda r, p: r[2:] == "0770"),
        ("substring(RegioS,-3,2) eq 'GM'", lambda r, p: r.startswith("GM")),
        ("substring(RegioS,99) eq ''", lambda r, p: True),
        ("substring(RegioS,0,1e300) eq 'KEMPEN'", lambda r, p: r == "KEMPEN"),
        ("substring(RegioS,1e300,1) eq 'x'", lambda r, p: False),
    ],
)
def test_substring_as_a_default_selection_has_it(
    center: Center, condition: str, kept: Callable[[str, str], bool]
) -> None:
    expected = {(r[0], p) for r in REGIONS for p in PERIODS if kept(r[0], p)}
    for path in ("/ODataFeed/odata/KEMPEN-WONEN/TypedDataSet", "/odata/v1/CBS/KEMPEN-WONEN/Observations"):
        answer = center.service.get(path, **{"$filter": condition, "$select": "RegioS, Perioden"})
        assert answer.status_code == 200, answer.text
        assert {(v["RegioS"], v["Perioden"]) for v in answer.json()["value"]} == expected


def test_all_that_is_wrong_with_options_is_told_at_once(center: Center) -> None:
    wrong = {"$filter": "Bestaat eq 1", "$select": "Ook,Niet", "$top": "x", "$orderby": "Zomaar", "$format": "atom"}
    for path in ("/ODataFeed/odata/KEMPEN-WONEN/TypedDataSet", "/odata/v1/CBS/KEMPEN-WONEN/Observations"):
        answer = center.service.get(path, **wrong)
        assert answer.status_code == 400
        for said in ("kolom Bestaat", "'Ook', 'Niet'", "$top moet", "'Zomaar'", "geen atom"):
            assert said in answer.text, said
        assert center.service.get(path, **{"$expand": "x"}).status_code == 501
        both = center.service.get(path, **{"$expand": "x", "$top": "x"})
        assert both.status_code == 400 and "$expand" in both.text and "$top moet" in both.text
    path = "/v1/waarnemingen"
    body = center.service.get(path, indicator="bestaatniet", gebied="GM9999", periode="1900", thema="wone").json()
    assert body["status"] == 400 and {e["name"] for e in body["errors"]} == {"indicator", "gebied", "periode", "thema"}
