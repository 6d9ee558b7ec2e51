"""A key opens what it is for and nothing else, by whatever way it is tried."""

from __future__ import annotations

import io
import json
import os
import re
import time
import zipfile
from pathlib import Path

import duckdb
import pytest
import requests

from tests.warehouse.conftest import Center, Service
from tests.warehouse.made import PERIODS, REGIONS, figure_of, publish
from warehouse.formats import FORMATS
from warehouse.serve.keys import Keys

#: Whatever is of Bladel alone, or has Bladel in it.
NOT_EERSEL = ("GM1728", "WK172800", "BU17280000", "KEMPEN", "NL01")
SHIFTS = (0.0625, 0.125, 0.0)
#: Reference tables that have figures, or tell of indicators.
_OF_INDICATORS = ("policy_goal", "comparison", "intervention", "policy_effect", "policy_effect_path")


def figures(indicator: str, regions: tuple[str, ...]) -> set[float]:
    return {figure_of(indicator, r, p) + s for r in regions for p in PERIODS for s in SHIFTS}


def numbers(answer: requests.Response, folder: Path) -> set[float]:
    """Every number in an answer, whatever its form."""
    content = answer.content
    if content[:4] == b"PAR1":
        file = folder / "x.parquet"
        file.write_bytes(content)
        with duckdb.connect() as con:
            return {
                float(v) for row in con.execute(f"from '{file}'").fetchall() for v in row if isinstance(v, int | float)
            }
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            content = b" ".join(book.read(n) for n in book.namelist())
    if content[:15] == b"SQLite format 3":
        pytest.fail("no geopackage can be made here, so none should come")
    if len(content) > 8 and content[8:12] == b"DUCK":
        return {-1.0}
    text = content.decode("utf-8")
    found = set()
    for piece in re.findall(r"\d+[.,]\d+", text):
        found.add(float(piece.replace(",", ".")))
    return found


def everything_to_ask(center: Center) -> list[tuple[str, dict[str, object]]]:
    """Every resource by every parameter, form, OData option and release that there is."""
    formats = list(FORMATS)
    asks: list[tuple[str, dict[str, object]]] = [("/", {}), ("/rdc.duckdb", {})]
    for name in (
        "releases",
        "indicatoren",
        "gebieden",
        "perioden",
        "tabellen",
        "dataproducten",
        "beleidsdoelen",
        "catalogus",
    ):
        asks.append((f"/v1/{name}", {}))
    for release in [None, *center.releases]:
        of: dict[str, object] = {"release": release} if release else {}
        for fmt in formats:
            asks += [
                ("/v1/waarnemingen", of | {"formaat": fmt, "limiet": 10000}),
                (
                    "/v1/waarnemingen",
                    of | {"formaat": fmt, "gebied": ["GM1728", "KEMPEN"], "indicator": "soc_meldingen"},
                ),
                ("/v1/waarnemingen", of | {"formaat": fmt, "sorteer": "-waarde", "thema": "bevolking"}),
            ]
            asks += [("/v1/tabellen/bevolking", of | {"formaat": fmt, "vorm": shape}) for shape in ("breed", "lang")]
            asks += [(f"/v1/tabellen/{name}", of | {"formaat": fmt}) for name in _OF_INDICATORS]
            asks.append(("/v1/tabellen/bevolking", of | {"formaat": fmt, "gebied": "GM1728"}))
        asks += [("/v1/waarnemingen", of | {"sindsRelease": r, "limiet": 10000}) for r in center.releases]
        asks += [
            (f"/v1/tabellen/{name}", of | {"formaat": "csv"})
            for name in ("indicator", "region", "region_group", "period")
        ]
        for theme in ("core.observation", "core.indicator_value", "observation", "indicator_value", "mart.bevolking"):
            asks.append((f"/v1/tabellen/{theme}", dict(of)))
        asks.append(("/v1/beleidsdoelen", dict(of)))
        if release in (None, center.releases[0]):
            asks += pages({"uitgave": release} if release else {})
        for service in ("ODataFeed", "ODataApi"):
            root = f"/{service}/odata/KEMPEN-BEVOLKING"
            for resource in (
                "",
                "/TableInfos",
                "/DataProperties",
                "/RegioS",
                "/Perioden",
                "/TypedDataSet",
                "/UntypedDataSet",
            ):
                asks.append((root + resource, dict(of)))
            for options in (
                {"$filter": "RegioS eq 'GM1728'"},
                {"$filter": "RegioS eq 'GM1728' or true"},
                {"$filter": "soc_meldingen gt 0"},
                {"$filter": "soc_meldingen ne null", "$select": "soc_meldingen"},
                {"$orderby": "soc_meldingen desc", "$top": "3"},
                {"$skip": "1", "$select": "RegioS,soc_meldingen", "$inlinecount": "allpages"},
            ):
                asks.append((root + "/TypedDataSet", of | options))
        for catalog in ("CBS", "KEMPEN"):
            root = f"/odata/v1/{catalog}/KEMPEN-BEVOLKING"
            for resource in ("", "/Properties", "/Dimensions", "/MeasureCodes", "/RegioSCodes", "/Observations"):
                asks.append((root + resource, dict(of)))
            for options in (
                {"$filter": "RegioS eq 'GM1728' and Measure eq 'soc_meldingen'"},
                {"$filter": "Value gt 3000000", "$orderby": "Value desc"},
                {"$filter": "RegioS in ('GM1728','KEMPEN','NL01') or not (RegioS eq 'GM0770')"},
                {"$select": "Value", "$skip": "3", "$count": "true"},
            ):
                asks.append((root + "/Observations", of | options))
    for release in [*center.releases, "actueel"]:
        root = f"/v1/releases/{release}"
        asks += [(root, {}), (f"{root}/wijzigingen", {}), (f"{root}/bestanden", {})]
        folder = (
            center.service.home / "warehouse" / "releases" / (release if release != "actueel" else center.releases[-1])
        )
        asks += [
            (f"{root}/bestanden/{f.relative_to(folder).as_posix()}", {})
            for f in sorted(folder.rglob("*"))
            if f.is_file()
        ]
    return asks


def pages(of: dict[str, object]) -> list[tuple[str, dict[str, object]]]:
    """Pages of the portal and their charts, of what is closed above all."""
    closed = ("soc_meldingen", "soc_partners")
    asks: list[tuple[str, dict[str, object]]] = [
        *(
            (path, {})
            for path in (
                "/",
                "/doelen",
                "/effecten",
                "/thema",
                "/thema/bevolking",
                "/kwaliteit",
                "/uitgaven",
                "/producten",
            )
        ),
        *((f"/gemeente/{name}", {}) for name in ("bladel", "eersel", "de-kempen")),
        *((path, {}) for path in ("/wijk/WK172800", "/buurt/BU17280000", "/sitemap.xml", "/uitgaven.atom")),
        *(("/zoeken", {"q": f"{words} bladel"}) for words in ("meldingen", "gedeeld met partners")),
    ]
    for name in closed:
        asks += [(f"/indicator/{name}{part}", {"gebied": "GM1728"}) for part in ("", "/grafiek/reeks.svg")]
        asks.append(("/vergelijk", {"indicator": name, "gebied": ["GM1728", "KEMPEN", "GM0770", "NL01"]}))
        asks += [(f"/cijfer/{name}/{region}/2024JJ00", {}) for region in ("GM1728", "KEMPEN", "GM0770")]
        asks += [(f"/effect/keuze_{name}{part}", {}) for part in ("", "/grafiek/verloop.svg", "/grafiek/kaart.svg")]
    return [(path, params | of) for path, params in asks]


def test_a_key_of_eersel_gets_nothing_of_bladel(center: Center, tmp_path: Path) -> None:
    forbidden = figures("soc_meldingen", NOT_EERSEL)
    own = figures("soc_meldingen", ("GM0770", "WK077000", "BU07700000"))
    shared = figures("soc_partners", tuple(r[0] for r in REGIONS))
    seen_own, seen_shared, answered = set(), set(), 0
    for path, params in everything_to_ask(center):
        answer = center.service.get(path, center.keys["eersel"], **params)
        assert answer.status_code in (200, 400, 403, 404, 406), (path, params, answer.text[:300])
        answered += answer.status_code == 200
        found = numbers(answer, tmp_path)
        assert not found & forbidden, (path, params, sorted(found & forbidden)[:3])
        assert -1.0 not in found, f"{path} gives a whole database"
        seen_own |= found & own
        seen_shared |= found & shared
    assert answered > 150
    assert seen_own == own  # and everything of its own, of every release
    assert seen_shared == shared  # a municipality is a partner too


def test_without_a_key_only_what_is_open(center: Center, tmp_path: Path) -> None:
    regions = tuple(r[0] for r in REGIONS)
    forbidden = figures("soc_meldingen", regions) | figures("soc_partners", regions)
    for path, params in everything_to_ask(center)[::2]:
        answer = center.service.get(path, **params)
        found = numbers(answer, tmp_path)
        assert not found & forbidden, (path, params)
        assert -1.0 not in found


def test_an_answer_on_a_policy_choice_is_seen_by_who_may_see_all_its_figures(center: Center) -> None:
    """It has figures of other areas in it: a municipality that sees its own of an indicator sees no answer on it. The title of a choice
    tells what it is about, so that goes with it."""
    for table in ("intervention", "policy_effect", "policy_effect_path"):
        told = {
            key: {
                row["intervention_id"]
                for row in center.service.get(f"/v1/tabellen/{table}", center.keys.get(key), formaat="json").json()[
                    "rows"
                ]
            }
            for key in ("", "partner", "eersel", "all")
        }
        public = {"keuze_bev_inwoners", "keuze_bev_dichtheid", "keuze_won_prijs"}
        assert told == {
            "": public,
            "partner": public | {"keuze_soc_partners"},
            "eersel": public | {"keuze_soc_partners"},
            "all": public | {"keuze_soc_partners", "keuze_soc_meldingen"},
        }
    for path in ("/", "/effecten", "/v1/tabellen/intervention", "/v1/tabellen/policy_effect", "/sitemap.xml"):
        text = center.service.get(path, center.keys["eersel"]).text
        assert "keuze_soc_meldingen" not in text and "keuze over Meldingen" not in text
    assert center.service.get("/effect/keuze_soc_meldingen", center.keys["eersel"]).status_code == 404
    assert center.service.get("/effect/keuze_soc_meldingen", center.keys["all"]).status_code == 200


def test_each_key_sees_its_own_level(center: Center, tmp_path: Path) -> None:
    def seen(key: str, indicator: str) -> set[float]:
        answer = center.service.get(
            "/v1/waarnemingen", center.keys[key], indicator=indicator, limiet=10000, formaat="csv"
        )
        return numbers(answer, tmp_path)

    regions = tuple(r[0] for r in REGIONS)
    everything = {figure_of("soc_meldingen", r, p) for r in regions for p in PERIODS}
    assert seen("all", "soc_meldingen") >= everything
    assert not seen("partner", "soc_meldingen")
    assert seen("partner", "soc_partners") >= {figure_of("soc_partners", r, p) for r in regions for p in PERIODS}
    whole = center.service.get("/v1/releases/actueel/bestanden/rdc.duckdb", center.keys["all"])
    assert whole.content[8:12] == b"DUCK"
    assert center.service.get("/v1/releases/actueel/bestanden/rdc.duckdb", center.keys["partner"]).status_code == 403


def test_answers_to_different_keys_are_never_taken_for_each_other(center: Center) -> None:
    tags = {
        key: center.service.get("/v1/tabellen/bevolking", center.keys.get(key)).headers["ETag"]
        for key in ("eersel", "all", "")
    }
    assert len(set(tags.values())) == 3
    answer = center.service.get("/v1/tabellen/bevolking", center.keys["eersel"], headers={"If-None-Match": tags["all"]})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"].startswith("private") and "X-Api-Key" in answer.headers["Vary"]


def test_a_key_comes_by_header_bearer_or_password_and_never_by_address(center: Center) -> None:
    key, url = center.keys["eersel"], f"{center.service.url}/v1/waarnemingen?indicator=soc_meldingen&gebied=GM0770"
    for answer in (
        requests.get(url, headers={"X-Api-Key": key}, timeout=30),
        requests.get(url, headers={"Authorization": f"Bearer {key}"}, timeout=30),
        requests.get(url, auth=("whoever", key), timeout=30),
    ):
        assert len(answer.json()["waarnemingen"]) == len(PERIODS)
    assert requests.get(f"{url}&key={key}", timeout=30).status_code == 400
    for wrong in (key + "x", "x", "x" * 5000):
        assert requests.get(url, headers={"X-Api-Key": wrong}, timeout=30).status_code == 401
    assert requests.get(url, headers={"Authorization": "Basic !!"}, timeout=30).status_code == 401


def test_keys_expire_are_revoked_and_counted_while_the_service_runs(center: Center) -> None:
    keys = Keys(center.service.home)
    _, brief = keys.add("brief", "Proef", "partners", days=-1)
    _, taken = keys.add("taken", "Proef", "partners")
    _, slow = keys.add("slow", "Proef", "partners", per_minute=3)
    assert "verlopen" in center.service.get("/v1", brief).json()["detail"]
    assert center.service.get("/v1", taken).status_code == 200
    keys.revoke("taken")
    assert "ingetrokken" in center.service.get("/v1", taken).json()["detail"]
    answers = [center.service.get("/v1", slow) for _ in range(5)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_key_is_kept_as_a_hash_and_used_without_a_trace_of_who(center: Center) -> None:
    file = center.service.home / "keys.json"
    assert file.stat().st_mode & 0o077 == 0
    center.service.get("/v1/waarnemingen", center.keys["eersel"], gebied="GM0770")
    lines = [json.loads(line) for line in (center.service.home / "serve" / "audit.jsonl").read_text().splitlines()]
    last = [line for line in lines if line["key_id"] == "eersel"][-1]
    assert (last["resource"], last["status"], last["release"]) == ("/v1/waarnemingen", 200, center.releases[-1])
    requests.head(f"{center.service.url}/v1/waarnemingen", headers={"X-Api-Key": center.keys["eersel"]}, timeout=30)
    log = (center.service.home / "serve" / "audit.jsonl").read_text().splitlines()
    head = [line for line in map(json.loads, log) if line["method"] == "HEAD"][-1]
    assert (head["key_id"], head["resource"], head["release"]) == ("eersel", last["resource"], last["release"])
    assert set(last) == {"at", "key_id", "method", "resource", "status", "release", "checksum"}
    both = file.read_text() + (center.service.home / "serve" / "audit.jsonl").read_text()
    assert "GM0770" not in json.dumps(lines) and "127.0.0.1" not in both
    assert not any(secret in both for secret in center.keys.values())


def test_the_service_writes_nothing_but_its_log(tmp_path: Path) -> None:
    from tests.warehouse.made import publish

    release = publish(tmp_path / "warehouse").release_id
    with Service(tmp_path, {"TMPDIR": str(tmp_path)}) as service:
        before = {f: (f.stat().st_mtime_ns, f.stat().st_size) for f in (tmp_path / "warehouse").rglob("*")}
        for path in (
            "/v1/waarnemingen",
            "/v1/tabellen/wonen?formaat=xlsx",
            f"/v1/releases/{release}/bestanden/rdc.duckdb",
        ):
            assert service.get(path).status_code in (200, 403)
        for sql in (
            "copy (select 1) to '/tmp/x.csv'",
            "attach '/etc/passwd' as p",
            "select * from read_text('/etc/passwd')",
        ):
            answer = service.get(
                "/ODataFeed/odata/KEMPEN-WONEN/TypedDataSet", **{"$filter": f"RegioS eq '{sql}'; {sql}"}
            )
            assert answer.status_code == 400
        time.sleep(0.2)
        after = {f: (f.stat().st_mtime_ns, f.stat().st_size) for f in (tmp_path / "warehouse").rglob("*")}
    assert before == after
    assert not os.path.exists("/tmp/x.csv")  # noqa: PTH110


def test_who_has_a_key_is_served_from_the_releases_of_its_level(tmp_path: Path) -> None:
    """What is not public is not in the public file: partners and municipalities have releases of their own."""
    warehouse = tmp_path / "warehouse"
    public = publish(warehouse, levels={"T_EIGEN": "public", "T_PARTNER": "public"}, shift=0.5)
    publish(warehouse / "restricted" / "partners", shift=0.25)
    publish(warehouse / "restricted" / "GM0770", shift=0.125)
    keys = Keys(tmp_path)
    secrets = {
        None: None,
        "partner": keys.add("partner", "Omgevingsdienst", "partners")[1],
        "eersel": keys.add("eersel", "Gemeente Eersel", "municipality", ["GM0770"])[1],
        # Bladel has no series of its own (yet): it gets what partners get.
        "bladel": keys.add("bladel", "Gemeente Bladel", "municipality", ["GM1728"])[1],
    }
    shifts = {None: 0.5, "partner": 0.25, "eersel": 0.125, "bladel": 0.25}
    with Service(tmp_path) as service:
        for who, secret in secrets.items():
            answer = service.get(
                "/v1/waarnemingen", secret, indicator="bev_inwoners", gebied="GM0770", periode=PERIODS[-1]
            )
            [found] = answer.json()["waarnemingen"]
            assert found["waarde"] == figure_of("bev_inwoners", "GM0770", PERIODS[-1]) + shifts[who], who
        assert service.get("/v1/releases").json()["releases"][0]["release"] == public.release_id


def test_what_was_told_of_changes_is_closed_with_the_figures_that_it_names(tmp_path: Path) -> None:
    open_then = {"T_EIGEN": "public", "T_PARTNER": "public"}
    publish(tmp_path / "warehouse", levels=open_then, shift=0.5)
    second = publish(tmp_path / "warehouse", levels=open_then).release_id
    publish(tmp_path / "warehouse")
    keys = Keys(tmp_path)
    eersel = keys.add("eersel", "Gemeente Eersel", "municipality", ["GM0770"])[1]
    everything = keys.add("all", "Rural Data Center", "municipality", ["*"])[1]
    of_bladel = figures("soc_meldingen", ("GM1728",))
    path = f"/v1/releases/{second}/wijzigingen"
    with Service(tmp_path) as service:
        assert numbers(service.get(path, everything), tmp_path) & of_bladel
        for key in (None, eersel):
            assert service.get(path, key).status_code == 403


def test_nothing_restricted_without_a_trace(tmp_path: Path) -> None:
    """The audit log can't be written: a key opens nothing, what is public goes on, and it says why."""
    publish(tmp_path / "warehouse")
    secret = Keys(tmp_path).add("eersel", "Gemeente Eersel", "municipality", ["GM0770"])[1]
    log = tmp_path / "serve" / "audit.jsonl"
    log.mkdir(parents=True)
    with Service(tmp_path) as service:
        for path in ("/v1/waarnemingen", "/v1/tabellen/bevolking?formaat=csv", "/odata/v1/CBS/KEMPEN-BEVOLKING"):
            refused = service.get(path, secret)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60"), path
            assert "logboek" in refused.text and "waarde" not in refused.text
            assert service.get(path).status_code == 200
        assert service.get("/v1/waarnemingen", secret).headers["Content-Type"] == "application/problem+json"
        assert "The audit log can't be written" in service.said
        log.rmdir()
        assert service.get("/v1/waarnemingen", secret).status_code == 200
        # Nor when the keys themselves can't be told.
        (tmp_path / "keys.json").write_text("[{")
        refused = service.get("/v1/waarnemingen", secret)
        assert (refused.status_code, service.get("/v1/waarnemingen").status_code) == (503, 200)
        assert "Sleutels" in refused.json()["detail"]
    assert [json.loads(line)["status"] for line in log.read_text().splitlines()] == [200]
