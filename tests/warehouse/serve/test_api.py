"""The API as its users meet it: figures, filters, paging, forms, errors, caching, files."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
import requests
from pyjstat import pyjstat

from tests.warehouse.conftest import Center
from tests.warehouse.made import INDICATORS, PERIODS, REGIONS, figure_of

OPEN = [i[0] for i in INDICATORS if i[6] == "public"]
EERSEL = {"indicator": "bev_inwoners", "gebied": "GM0770", "periode": "2024"}


def test_a_figure_with_all_that_belongs_to_it(center: Center) -> None:
    answer = center.service.get("/v1/waarnemingen", **EERSEL)
    [row] = answer.json()["waarnemingen"]
    assert row["waarde"] == figure_of("bev_inwoners", "GM0770", "2024JJ00")
    assert (row["status"], row["redenOntbreekt"], row["definitieVersie"]) == ("Definitief", None, 1)
    assert (row["indelingsjaar"], row["bronvermelding"], row["release"]) == (2024, "Bron: CBS", center.releases[-1])
    assert (row["peildatum"], row["periodeSoort"], row["reden"]) == ("2024-01-01", "jaar", None)
    assert (row["ondergrens"], row["bovengrens"]) == (row["waarde"] - 1, row["waarde"] + 1)
    assert row["reeksbreuk"] == "Andere telling."


def test_a_place_by_its_name_and_why_there_is_nothing(center: Center) -> None:
    said = center.service.get("/v1/waarnemingen", indicator="bev_inwoners", gebied="Eersel-Dorp", periode="2024").json()
    assert [r["gebied"] for r in said["waarnemingen"]] == ["WK077000"] and said["waarnemingen"][0][
        "ligtInNaam"
    ] == "Eersel"
    assert said["meldingen"] == ["Eersel-Dorp is hier Eersel-Dorp (WK077000), wijk van Eersel"]
    none = center.service.get("/v1/waarnemingen", indicator="soc_meldingen", gebied="GM0770").json()
    assert none["waarnemingen"] == [] and "heeft in deze release een cijfer" in none["meldingen"][0]
    assert "meldingen" not in center.service.get("/v1/waarnemingen", **EERSEL).json()


def test_a_name_of_a_place_may_have_blanks_and_marks(center: Center) -> None:
    for path in ("/v1/waarnemingen", "/v1/tabellen/wonen"):
        found = center.service.get(path, gebied=["De Kempen", "Eersel"], formaat="json").json()
        rows = found.get("waarnemingen") or found["rows"]
        assert {r.get("gebied") or r["region_code"] for r in rows} == {"KEMPEN", "GM0770"}
        for name in ("'s-Hertogenbosch", "Hoogeloon, Hapert en Casteren", "Utrecht (gemeente)", "Súdwest-Fryslân"):
            answer = center.service.get(path, gebied=name)
            assert answer.status_code == 404
            assert f"Gebied {name} is er niet in deze release." in answer.json()["detail"]
            assert "/v1/gebieden noemt de gebieden die er zijn." in answer.json()["detail"]
        assert center.service.get(path, gebied=" ").status_code == 400


def test_comparisons_and_goals_can_be_asked_for_and_hide_what_is_closed(center: Center) -> None:
    rows = center.service.get("/v1/tabellen/comparison", gebied="GM0770", formaat="json").json()["rows"]
    assert {r["indicator_id"] for r in rows} == set(OPEN) and {r["region_code"] for r in rows} == {"GM0770"}
    mine = center.service.get("/v1/tabellen/comparison", center.keys["all"], formaat="json").json()["rows"]
    assert {r["indicator_id"] for r in mine} == {i[0] for i in INDICATORS}
    goals = center.service.get("/v1/tabellen/policy_goal", formaat="json").json()["rows"]
    assert {g["indicator_id"] for g in goals} == {"bev_inwoners"}


def test_every_open_figure_page_by_page_once(center: Center) -> None:
    url, seen, pages = f"{center.service.url}/v1/waarnemingen?limiet=50", {}, 0
    while url:
        body = requests.get(url, timeout=30).json()
        for row in body["waarnemingen"]:
            key = (row["indicator"], row["gebied"], row["periode"])
            assert key not in seen
            seen[key] = row["waarde"]
        url, pages = body["_links"].get("next", {}).get("href"), pages + 1
    assert seen == {(i, r[0], p): figure_of(i, r[0], p) for i in OPEN for r in REGIONS for p in PERIODS}
    assert pages == 2


def test_a_ranking_of_municipalities_pages_on(center: Center) -> None:
    first = center.service.get(
        "/v1/waarnemingen", indicator="won_prijs", gebiedSoort="gemeente", sorteer="-waarde", limiet=4
    )
    second = requests.get(first.json()["_links"]["next"]["href"], timeout=30).json()
    values = [r["waarde"] for r in first.json()["waarnemingen"] + second["waarnemingen"]]
    assert values == sorted(values, reverse=True) and len(values) == 2 * len(PERIODS)
    assert 'rel="next"' in first.headers["Link"] and "next" not in second["_links"]


@pytest.mark.parametrize(
    ("path", "params", "status", "said"),
    [
        ("/v1/waarnemingen", {"indicator": "bev_inwonrs"}, 404, "Bedoelt u BEV_INWONERS"),
        (
            "/v1/waarnemingen",
            {"gebied": "Centrum"},
            400,
            "Meer gebieden heten Centrum: WK172800 (wijk van Bladel), BU0",
        ),
        ("/v1/waarnemingen", {"gebied": ["Centrum", "x"]}, 400, "Gebied x is er niet in deze release."),
        ("/v1/tabellen/wonen", {"gebied": "Blader"}, 404, "Bedoelt u Bladel (GM1728)"),
        ("/v1/waarnemingen", {"gebid": "GM0770"}, 400, "bedoelt u gebied"),
        ("/v1/waarnemingen", {"limiet": "0"}, 400, "kleiner dan 1"),
        ("/v1/waarnemingen", {"gebied": "GM0770' or 1=1 --"}, 404, "Gebied GM0770' or 1=1 -- is er niet"),
        ("/v1/waarnemingen", {"indicator": "x' or 1=1 --"}, 400, "heeft niet de vorm"),
        ("/v1/waarnemingen", {"release": "2020.1.1"}, 404, "Release 2020.1.1 is er niet;"),
        ("/v1/waarnemingen", {"sindsRelease": "2020.1.1"}, 404, "Release 2020.1.1 is er niet;"),
        ("/v1/waarnemingen", {"cursor": "abc"}, 400, "begin opnieuw"),
        ("/v1/tabellen/bestaatniet", {}, 404, "is er niet"),
        ("/v1/tabellen/region", {"vorm": "lang"}, 404, "zo niet te krijgen"),
        ("/v1/tabellen/wonen", {"formaat": "gpkg"}, 406, "geen grenzen"),
        ("/v1/niets", {}, 404, "Er is niets op /v1/niets"),
        ("/v1/releases/", {}, 404, "Er is niets op"),
        ("/v1/releases/actueel/bestanden/../../../keys.json", {}, 404, ""),
        ("/v1/releases/actueel/bestanden/%2e%2e/%2e%2e/%2e%2e/keys.json", {}, 404, ""),
        ("/v1/waarnemingen", {"gebied": ["A"] * 550}, 400, "komt vaker voor dan 500"),
        ("/v1/waarnemingen", {"gebied": "x" * 9000}, 414, "hoogstens"),
    ],
)
def test_what_is_wrong_is_said(center: Center, path: str, params: dict, status: int, said: str) -> None:
    answer = center.service.get(path, **params)
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert said.casefold() in json.dumps(body, ensure_ascii=False).casefold()


def test_all_errors_at_once(center: Center) -> None:
    body = center.service.get("/v1/waarnemingen", limiet="x", indicator="a b", zomaar="1").json()
    assert {e["name"] for e in body["errors"]} == {"limiet", "indicator", "zomaar"}


def test_only_reading(center: Center) -> None:
    for method in ("post", "put", "patch", "delete"):
        answer = getattr(requests, method)(f"{center.service.url}/v1/waarnemingen", timeout=30)
        assert (answer.status_code, answer.json()["status"]) == (405, 405)


def test_the_headers_of_the_rules(center: Center) -> None:
    answer = center.service.get("/v1/indicatoren", headers={"Origin": "https://elders.example"})
    assert answer.headers["API-Version"] == "1.0.0"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" in answer.headers and "server" not in answer.headers
    assert parsedate_to_datetime(answer.headers["Last-Modified"])
    again = center.service.get("/v1/indicatoren", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = center.service.get("/v1/indicatoren", thema="wonen", headers={"If-None-Match": answer.headers["ETag"]})
    assert other.status_code == 200
    head = requests.head(f"{center.service.url}/v1/indicatoren", timeout=30)
    assert (head.status_code, head.content) == (200, b"")


def read(answer: requests.Response, fmt: str) -> dict[tuple[str, str], float]:
    """Region and period → figure, as a reader of the format finds them."""
    if fmt == "jsonstat":
        frame = pyjstat.Dataset.read(answer.text).write("dataframe", naming="id")
        return {(r, p): v for r, p, v in zip(frame["region"], frame["period"], frame["value"], strict=True)}
    if fmt == "json":
        rows = answer.json()["rows"]
    elif fmt == "csv":
        rows = list(csv.DictReader(io.StringIO(answer.text)))
    elif fmt == "csv-nl":
        rows = [
            r | {"won_prijs": r["won_prijs"].replace(",", ".")}
            for r in csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";")
        ]
    elif fmt == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(answer.content))["Cijfers"]
        names = [c.value for c in sheet[1]]
        rows = [dict(zip(names, (c.value for c in line), strict=True)) for line in sheet.iter_rows(min_row=2)]
    return {(r["region_code"], r["period_code"]): float(r["won_prijs"]) for r in rows}


@pytest.mark.parametrize("fmt", ["json", "csv", "csv-nl", "xlsx", "jsonstat"])
def test_a_table_in_every_form_has_the_same_figures(center: Center, fmt: str) -> None:
    answer = center.service.get("/v1/tabellen/wonen", formaat=fmt, gebied=["GM0770", "gm1728"])
    assert answer.status_code == 200
    assert read(answer, fmt) == {(r, p): figure_of("won_prijs", r, p) for r in ("GM0770", "GM1728") for p in PERIODS}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        ("text/html, application/json;q=0.5, text/csv;q=0.9", "text/csv"),
        ("*/*", "application/json"),
        ("image/png", "application/problem+json"),
    ],
)
def test_the_accept_header_chooses(center: Center, accept: str, kind: str) -> None:
    answer = center.service.get("/v1/tabellen/wonen", headers={"Accept": accept})
    assert answer.headers["Content-Type"].startswith(kind)
    assert answer.status_code == (406 if "problem" in kind else 200)


def test_figures_as_parquet(center: Center, tmp_path) -> None:
    file = tmp_path / "x.parquet"
    file.write_bytes(center.service.get("/v1/waarnemingen", indicator="won_prijs", formaat="parquet").content)
    rows = duckdb.sql(f"select region_code, period_code, value from '{file}'").fetchall()
    assert {(r, p): v for r, p, v in rows} == {
        (r[0], p): figure_of("won_prijs", r[0], p) for r in REGIONS for p in PERIODS
    }


def test_only_what_changed_since_a_release(center: Center) -> None:
    changed = center.service.get("/v1/waarnemingen", sindsRelease=center.releases[1], indicator="won_prijs").json()
    rows = changed["waarnemingen"]
    assert len(rows) == len(REGIONS) * len(PERIODS)
    assert all(r["wijziging"] == "value" and r["oudeWaarde"] == r["waarde"] + 0.125 for r in rows)
    assert center.service.get("/v1/waarnemingen", sindsRelease=center.releases[2]).json()["waarnemingen"] == []
    as_csv = center.service.get(
        "/v1/waarnemingen", sindsRelease=center.releases[1], indicator="won_prijs", formaat="csv"
    )
    assert {r["change"] for r in csv.DictReader(io.StringIO(as_csv.text))} == {"value"}


def test_an_earlier_release_is_as_it_was(center: Center) -> None:
    [row] = center.service.get("/v1/waarnemingen", release=center.releases[1], **EERSEL).json()["waarnemingen"]
    assert (row["waarde"], row["release"]) == (
        figure_of("bev_inwoners", "GM0770", "2024JJ00") + 0.125,
        center.releases[1],
    )


def test_files_have_ranges_and_sums(center: Center) -> None:
    listed = center.service.get("/v1/releases/actueel/bestanden").json()["bestanden"]
    for item in listed:
        answer = requests.get(item["_links"]["self"]["href"], timeout=30)
        assert hashlib.sha256(answer.content).hexdigest() == item["sha256"], item["bestand"]
        assert len(answer.content) == item["bytes"]
    [csv_file] = [i for i in listed if i["bestand"] == "tables/wonen.csv"]
    url, tag = csv_file["_links"]["self"]["href"], f'"{csv_file["sha256"]}"'
    whole = requests.get(url, timeout=30).content
    part = requests.get(url, headers={"Range": "bytes=10-", "If-Range": tag}, timeout=30)
    assert (part.status_code, part.content) == (206, whole[10:])
    assert requests.get(url, headers={"Range": "bytes=10-", "If-Range": '"other"'}, timeout=30).content == whole
    assert requests.get(url, headers={"If-None-Match": tag}, timeout=30).status_code == 304


def test_the_openapi_document_is_for_dutch_readers(center: Center) -> None:
    document = center.service.get("/v1/openapi.json").json()
    assert document["info"]["contact"]["email"] and document["openapi"].startswith("3.")
    assert {"/indicatoren", "/gebieden", "/waarnemingen", "/tabellen/{tabel}", "/releases"} <= set(document["paths"])
    assert all("422" not in op["responses"] for ops in document["paths"].values() for op in ops.values())


def test_the_openapi_document_follows_the_api_design_rules(center: Center) -> None:
    """What the linter of the Dutch API Design Rules (Spectral with ``media/linter.yaml``) looks at, and needs no node."""
    document = center.service.get("/v1/openapi.json").json()
    assert [s["url"] for s in document["servers"]] == ["/v1"]
    assert center.service.get("/v1/").json() == center.service.get("/v1").json()
    assert re.fullmatch(r"\d+\.\d+\.\d+", document["info"]["version"])
    assert {"name", "url", "email"} <= set(document["info"]["contact"])
    operations = [op for ops in document["paths"].values() for op in ops.values()]
    assert len({op["operationId"] for op in operations}) == len(operations) > 10
    for path, ops in document["paths"].items():
        assert re.fullmatch(r"/|(/([a-z0-9-]+|\{[^}]+\}))+", path), path
        for op in ops.values():
            names = [p["name"] for p in op.get("parameters", []) if p["in"] == "query"]
            assert all(re.fullmatch(r"[a-z]+([A-Z][a-z]*)*", n) for n in names), names
            assert "400" in op["responses"] or not op.get("parameters")
            for status, said in op["responses"].items():
                if status[0] in "23":
                    assert "API-Version" in said["headers"], (path, status)
                else:
                    assert set(said["content"]) == {"application/problem+json"}, (path, status)
    assert document["components"]["headers"]["API-Version"]["schema"]["type"] == "string"
    assert {"status", "title", "detail"} <= set(document["components"]["schemas"]["ProblemItem"]["properties"])


def test_the_catalogue_by_accept(center: Center) -> None:
    assert center.service.get("/v1/catalogus").text.startswith("@prefix")
    answer = center.service.get("/v1/catalogus", headers={"Accept": "application/ld+json"})
    assert answer.headers["Content-Type"] == "application/ld+json" and answer.json()


def test_before_the_first_release_it_says_so(tmp_path) -> None:
    from tests.warehouse.conftest import Service
    from tests.warehouse.made import publish

    with Service(tmp_path) as service:
        answer = service.get("/v1/waarnemingen")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
        publish(tmp_path / "warehouse")
        assert service.get("/v1/waarnemingen").status_code == 200


def test_the_script_in_the_docs_does_what_they_say(center: Center) -> None:
    text = (Path(__file__).parents[3] / "docs" / "partners.md").read_text(encoding="utf-8")
    script = text.split("```python\n")[1].split("```")[0].replace("https://data.example.nl", center.service.url)
    names: dict[str, Any] = {}
    exec(script, names)
    table = names["table"]
    assert dict(zip(zip(table["region_code"], table["period_code"], strict=True), table["value"], strict=True)) == {
        (r, p): figure_of("bev_inwoners", r, p) for r in ("GM0770", "KEMPEN") for p in PERIODS
    }
