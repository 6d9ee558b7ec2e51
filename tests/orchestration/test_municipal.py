"""Deliveries through the whole of ``rdc run``: released to those who may see them, and nobody's data anywhere."""

from __future__ import annotations

import hashlib
import random
import shutil
from pathlib import Path

import pytest

from ingest.municipal import examples
from tests.ingest.municipal.conftest import found_in
from tests.orchestration.conftest import Rdc
from tests.warehouse.conftest import Service

NOBODY = "http://127.0.0.1:9"
PLANTED = ["123456782", "Xqbertha Verzonnenaar", "bertha@xqverzonnen.nl", "0612345678", "Xqverzonnenstraat 17"]
BUURTEN = ["BU07700000", "BU07700001", "BU07700002", "BU07700100"]

#: Definitions of a user's own: on what everyone may see, on what partners may, and on what is one municipality's alone. The
#: second is an indicator that the project has, without figures.
INDICATORS = """
theme: {theme}
indicators:
  - id: {id}
    name: {name}
    direction: neutraal
    source: {source}
    versions:
      - version: 1
        valid_from: 2020-01-01
        definition: {name}.
        unit: {unit}
        decimals: 1
        {rest}
"""
OWN = {
    "afval": INDICATORS.format(
        theme="milieu_en_energie", id="eigen_restafval", name="Restafval per inwoner", unit="kilogram", source="Gemeente",
        rest="""aggregation: ratio
        numerator: kilogrammen restafval
        denominator: inwoners op 1 januari
        bindings:
          - table: huishoudelijk_afval
            regions: [gemeente]
            numerator: [{measure: afval, dimensions: {fractie: Restafval}}]
            denominator:
              - table: 03759ned
                measure: M000352
                dimensions: {BurgerlijkeStaat: T001019, Geslacht: T001038, Leeftijd: '10000'}""",
    ),
    "wmo": INDICATORS.format(
        theme="sociaal_domein", id="eigen_wmo", name="Inwoners met Wmo", unit="personen", source="Gemeente",
        rest="""aggregation: sum
        bindings:
          - table: wmo_jeugd_clienten
            regions: [gemeente, wijk, buurt]
            value: [{measure: clienten, dimensions: {wet: WMO, geboortejaar: Totaal}}]""",
    ),
    "klachten": INDICATORS.format(
        theme="bestuur", id="eigen_klachten", name="Klachten per kwartaal", unit="aantal", source="Gemeente Eersel",
        rest="""aggregation: sum
        bindings:
          - table: klachten_eersel
            regions: [gemeente]
            value: [{measure: klachten, dimensions: {soort: Totaal}}]""",
    ),
    "termijn": INDICATORS.format(
        theme="bestuur", id="eigen_klachten_termijn", name="Klachten over termijnen", unit="'%'", source="Gemeente Eersel",
        rest="""aggregation: ratio
        factor: 100
        numerator: klachten over termijnen
        denominator: klachten
        bindings:
          - table: klachten_eersel
            regions: [gemeente]
            numerator: [{measure: klachten, dimensions: {soort: Termijn}}]
            denominator: [{measure: klachten, dimensions: {soort: Totaal}}]""",
    ),
}  # fmt: skip
#: A source of one municipality, as docs/municipal.md says to declare one.
KLACHTEN = """
id: klachten_eersel
title: Klachten over de gemeente Eersel
owner: Gemeente Eersel
contact: gegevensbeheer@voorbeeld.invalid
purpose: Waarover inwoners klagen.
legal_basis: Awb hoofdstuk 9
processing_register: "12"
sharing_level: municipality
retention_days: 365
cadence: year
municipalities: [GM0770]
columns:
  - {name: datum, type: date}
  - {name: soort, type: category, allowed: [Bejegening, Termijn]}
  - {name: klager, type: drop, required: false, personal: naam}
observation: {period: datum, dimensions: [soort], measures: [{code: klachten, title: Klachten, unit: aantal, count: rows}]}
"""


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Rdc:
    """A data folder in which sources were delivered for everyone, for partners and for one municipality; and one run."""
    home = tmp_path_factory.mktemp("delivered")
    rng = random.Random(1)
    signals = home / "drop" / "meldingen_fixi" / f"{PLANTED[1]} {PLANTED[0]}.csv"
    signals.parent.mkdir(parents=True)
    rows = [
        f"M{n};0{rng.randint(1, 9)}-03-2024;{rng.choice(['Afval', 'Groen'])};{PLANTED[4]};"
        f"{rng.choice(['Eersel', 'Bladel'])};Gereed;{PLANTED[1]} {PLANTED[2]} {PLANTED[3]}\n"
        for n in range(300)
    ]
    signals.write_text(
        "Meldingnummer;Datum;Hoofdcategorie;Straat;Gemeente;Status;Omschrijving\n" + "".join(rows), "cp1252"
    )
    clients = home / "drop" / "wmo_jeugd_clienten" / "2024.csv"
    clients.parent.mkdir(parents=True)
    lines = [
        f"{100_000_000 + n};2024;{rng.randint(1930, 2020)};{rng.choice(BUURTEN)};770;{rng.choice(['WMO', 'JW'])};{PLANTED[1]}\n"
        for n in range(250)
    ]
    lines.append(f"{PLANTED[0]};2024;1950;BU07700001;770;WMO;{PLANTED[1]}\n")
    lines.append(f"X;2024;1950;{PLANTED[4]};770;WMO;{PLANTED[2]}\n")
    clients.write_text("client_pseudo;jaar;geboortejaar;buurtcode;gemeentecode;wet;naam\n" + "".join(lines))
    waste = home / "drop" / "huishoudelijk_afval"
    shutil.copytree(examples.FOLDER / "huishoudelijk_afval", waste)
    complaints = home / "drop" / "klachten_eersel" / "klachten.csv"
    complaints.parent.mkdir(parents=True)
    kinds = ["Bejegening"] * 30 + ["Termijn"] * 17
    complaints.write_text("datum;soort;klager\n" + "".join(f"02-03-2024;{kind};{PLANTED[1]}\n" for kind in kinds))
    (home / "sources" / "municipal").mkdir(parents=True)
    (home / "sources" / "municipal" / "klachten_eersel.yml").write_text(KLACHTEN)
    (home / "indicators").mkdir()
    for name, text in OWN.items():
        (home / "indicators" / f"{name}.yml").write_text(text)
    env = dict.fromkeys(("RDC_STATLINE_V3_URL", "RDC_STATLINE_V4_URL", "RDC_STATLINE_THIRD_PARTY_URL"), NOBODY)
    rdc = Rdc(home, env | {"RDC_DROP_SETTLE_SECONDS": "0", "RDC_PSEUDONYM_KEY": "secret-of-the-test"})
    rdc("run")
    return rdc


def test_the_public_release_has_what_is_public_and_nothing_else(delivered: Rdc) -> None:
    assert delivered.sql(
        "select distinct table_id, sharing_level from core.observation where source_id = 'gemeenten' order by 1"
    ) == [("huishoudelijk_afval", "public"), ("meldingen_fixi", "public")]
    assert delivered.sql("select distinct sharing_level from core.observation") == [("public",)]
    tables = ["table", "measure", "dimension_member", "snapshot", "disclosure_rule", "download_outcome"]
    for table in tables:
        closed = "('wmo_jeugd_clienten', 'klachten_eersel')"
        assert delivered.sql(f"select count(*) from core.{chr(34)}{table}{chr(34)} where table_id in {closed}") == [
            (0,)
        ]
    total = delivered.sql(
        "select value from core.observation where measure_code = 'meldingen' and dimensions['hoofdcategorie'] = 'Totaal'"
    )
    assert sum(value for (value,) in total) == 300


def test_partners_have_a_release_of_their_own_that_others_can_not_open(delivered: Rdc) -> None:
    restricted = delivered.home / "warehouse" / "restricted"
    assert restricted.stat().st_mode & 0o077 == 0
    sql = (
        "select missing_reason, sharing_level, count(*) as n from core.observation "
        "where table_id = 'wmo_jeugd_clienten' group by all order by all"
    )
    found = delivered("query", sql, "--level", "partners", "--format", "csv").stdout.splitlines()
    assert [line.rsplit(",", 1)[0] for line in found[1:]] == ["suppressed,partners", ",partners"]
    assert delivered("query", sql, "--format", "csv").stdout.splitlines()[1:] == []
    assert "no sharing level" in delivered("query", sql, "--level", "../x", status=1).stderr
    assert "There is no release yet" in delivered("query", sql, "--level", "GM1728", status=1).stderr


def answers(delivered: Rdc, *arguments: str, level: str = "public") -> list[str]:
    return delivered(*arguments, "--level", level, "--format", "csv").stdout.splitlines()[1:]


def test_an_indicator_is_as_open_as_the_source_that_it_is_bound_to(delivered: Rdc) -> None:
    """Its figures, its definition and its column: in a release that may not have its source there is no trace of it."""
    figures = (
        "select distinct indicator_id from core.indicator_value where indicator_id like 'eigen%' and value is not null"
    )
    defined = "select indicator_id from core.indicator where indicator_id like 'eigen%'"
    columns = (
        "select column_name from information_schema.columns where column_name like 'eigen%' and table_schema = 'mart'"
    )
    seen = {"public": ["eigen_restafval"], "partners": ["eigen_restafval", "eigen_wmo"]}
    seen["GM0770"] = ["eigen_klachten", *seen["partners"]]
    for level, expected in seen.items():
        # One has no figures: no percentage on 47, which the source would not give either.
        also = ["eigen_klachten_termijn"] if level == "GM0770" else []
        for sql, more in ((figures, []), (defined, also), (columns, also)):
            assert sorted(answers(delivered, "query", sql, level=level)) == sorted([*expected, *more]), (level, sql)
    # Not by its text either: in no table, view or description of the file, nor in what lies beside it.
    assert found_in(delivered.home / "warehouse" / "releases", ["eigen_wmo", "eigen_klachten", "klachten_eersel"]) == []
    restricted = delivered.home / "warehouse" / "restricted"
    assert found_in(restricted / "partners", ["eigen_klachten", "klachten_eersel"]) == []


def test_an_indicator_of_the_municipality_is_pulled_like_any_other(delivered: Rdc) -> None:
    head, *rows = delivered("pull", "milieu_en_energie", "--region", "Eersel", "--period", "2024").stdout.splitlines()
    at = head.split(",").index("eigen_restafval")
    (kilograms,), (people,) = delivered.sql(
        "select value from core.observation where region_code = 'GM0770' and period_code = '2024JJ00' and "
        "(table_id = 'huishoudelijk_afval' and measure_code = 'afval' and dimensions['fractie'] = 'Restafval' or "
        "table_id = '03759ned' and measure_code = 'M000352' and dimensions['Leeftijd'] = '10000') order by table_id desc"
    )
    assert float(rows[0].split(",")[at]) == pytest.approx(kilograms / people)
    pulled = delivered("pull", "sociaal_domein", "--region", "GM0770", "--level", "partners", "--long").stdout
    assert "eigen_wmo" in pulled
    clients = "select value from core.indicator_value where indicator_id = 'eigen_wmo' and region_code = 'GM0770'"
    assert float(answers(delivered, "query", clients, level="partners")[0]) > 50


def test_a_figure_leads_back_to_the_delivery(delivered: Rdc) -> None:
    found = delivered.json("explain", "eigen_restafval", "Eersel", "2024")
    assert [c["delivered"] is not None for c in found["cells"]] == [True, False]
    delivery = found["cells"][0]["delivered"]["delivery"]
    file = next((delivered.home / "drop" / "huishoudelijk_afval").glob("*.xlsx"))
    assert delivery["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    told = delivered("explain", "eigen_wmo", "Eersel", "2024", "--level", "partners").stdout
    for part in (
        "contract wmo_jeugd_clienten (partners)",
        "different client_pseudo counted; per gemeente, wijk, buurt and year of jaar",
        "disclosure control: at least 10 persons, rounded to 5 below municipality level, zeros: hide",
        "252 rows = 251 accepted + 1 in quarantine + 0 dropped",
        hashlib.sha256((delivered.home / "drop" / "wmo_jeugd_clienten" / "2024.csv").read_bytes()).hexdigest(),
        "the snapshot on disk is untouched and has the same value",
    ):
        assert part in told
    assert "There is no indicator" in delivered("explain", "eigen_wmo", "Eersel", "2024", status=1).stderr


def test_what_is_one_municipality_s_own_is_in_its_release_alone(delivered: Rdc) -> None:
    sql = "select dimensions['soort'] as soort, value, missing_reason from core.observation where table_id = 'klachten_eersel' order by 1"
    assert answers(delivered, "query", sql, level="GM0770") == [
        "Bejegening,30,",
        "Termijn,17,",
        "Totaal,47,",
    ]
    for level in ("public", "partners"):
        assert answers(delivered, "query", sql, level=level) == []
    termijn = "indicator_id = 'eigen_klachten_termijn' and region_code = 'GM0770'"
    ratio = f"select value, missing_reason from core.indicator_value where {termijn}"
    assert answers(delivered, "query", ratio, level="GM0770") == [",suppressed"]
    levels = "select distinct sharing_level from core.observation order by 1"
    assert answers(delivered, "query", levels, level="GM0770") == ["municipality", "partners", "public"]


def test_the_service_gives_each_key_its_own(delivered: Rdc) -> None:
    wanted = {"partner": ("partners",), "eersel": ("municipality", "GM0770"), "bladel": ("municipality", "GM1728")}
    keys: dict[str, str | None] = {"nobody": None}
    for name, (level, *municipality) in wanted.items():
        arguments = ["--partner", name, "--level", level, *(f"--municipality={m}" for m in municipality)]
        keys[name] = delivered.json("keys", "add", name, *arguments)["secret"]
    indicators, seen, files = ["eigen_restafval", "eigen_wmo", "eigen_klachten"], {}, {}
    with Service(delivered.home, delivered.env) as service:
        for name, key in keys.items():
            answers = [service.get("/v1/waarnemingen", key, indicator=i, gebied="GM0770") for i in indicators]
            seen[name] = [
                a.status_code == 200 and any(w["waarde"] is not None for w in a.json()["waarnemingen"]) for a in answers
            ]
            table = service.get("/v1/tabellen/bestuur", key, formaat="csv", gebied="GM0770").text
            files[name] = "eigen_klachten" in table
    assert seen == {
        "nobody": [True, False, False],
        "partner": [True, True, False],
        "eersel": [True, True, True],
        "bladel": [True, True, False],
    }
    assert files == {"nobody": False, "partner": False, "eersel": True, "bladel": False}


def test_disclosure_control_was_checked_again_in_both(delivered: Rdc) -> None:
    sql = "select count(*) as n, count(*) filter (success) as ok from core.check_result where suite = 'disclosure'"
    for level in ("public", "partners", "GM0770"):
        assert answers(delivered, "query", sql, level=level) == ["6,6"]


def test_nobody_is_found_anywhere_under_the_data_folder(delivered: Rdc) -> None:
    assert len(list(delivered.home.rglob("*"))) > 100
    assert found_in(delivered.home, [*PLANTED, "100000017", "100000249"]) == []


def test_status_sources_and_deliveries_tell_of_it(delivered: Rdc) -> None:
    states = {t["table_id"]: t["state"] for t in delivered.json("status")["tables"]}
    assert (states["meldingen_fixi"], states["wmo_jeugd_clienten"]) == ("ok", "ok")
    assert "klantcontacten" not in states
    assert {"klantcontacten", "meldingen_fixi"} <= {t["id"] for t in delivered.json("sources", "list")}
    history = {d["contract"]: d for d in delivered.json("sources", "deliveries")}
    clients = history["wmo_jeugd_clienten"]
    assert (clients["received"], clients["accepted"], clients["quarantined"]) == (252, 251, 1)
    assert clients["in_force"] == ["GM0770 2024JJ00"]
    told = Path(clients["report"]).read_text(encoding="utf-8")
    assert "kolom buurtcode: onbekende wijk of buurt" in told and PLANTED[4] not in told


def test_a_contract_and_a_file_can_be_tried_without_a_trace(delivered: Rdc, tmp_path: Path) -> None:
    file = tmp_path / "probeer.csv"
    file.write_text("datum;gemeente;kanaal;onderwerp;in_een_keer\n" + "2024-01-02;Eersel;Chat;Overig;ja\n" * 12)
    before = sorted(delivered.home.rglob("*"))
    assert "OVERGENOMEN" in delivered("sources", "check", "klantcontacten", str(file)).stdout
    file.write_text("datum;gemeente;kanaal;onderwerp;in_een_keer;iets\n2024-01-02;Eersel;Chat;Overig;ja;x\n")
    assert "niet zijn afgesproken" in delivered("sources", "check", "klantcontacten", str(file), status=1).stdout
    assert sorted(delivered.home.rglob("*")) == before


def test_nothing_new_makes_no_release(delivered: Rdc) -> None:
    before = delivered.json("releases"), delivered.json("releases", "--level", "partners")
    assert "Nothing changed" in delivered("run").stdout
    assert (delivered.json("releases"), delivered.json("releases", "--level", "partners")) == before


@pytest.mark.long
def test_a_source_that_is_closed_again_is_closed_everywhere(delivered: Rdc, tmp_path: Path) -> None:
    """Opened on purpose, then closed, by runs: the release in which it was open stays closed, and the one after has nothing of it."""
    rdc = delivered.copy(tmp_path, delivered.env)
    contract = tmp_path / "sources" / "municipal" / "klachten_eersel.yml"
    contract.write_text(KLACHTEN.replace("sharing_level: municipality", "sharing_level: public"))
    rdc("run")
    opened = rdc.json("releases")[-1]["release_id"]
    assert rdc.sql("select count(*) > 0 from core.observation where table_id = 'klachten_eersel'") == [(True,)]
    contract.write_text(KLACHTEN)
    rdc("run")
    *_, before, after = rdc.json("releases")
    assert (before["release_id"], before["closed"], after["closed"]) == (opened, ["klachten_eersel"], [])
    names = ["klachten_eersel", "eigen_klachten", "Klachten over de gemeente"]
    folder = tmp_path / "warehouse" / "releases" / after["release_id"]
    assert found_in(tmp_path, names, sorted(folder.rglob("*"))) == []
    refused = " ".join(rdc("rollback", opened, status=1).stderr.split())
    assert "open again what was closed since: klachten_eersel (municipality since" in refused
    assert "klachten_eersel" in rdc("query", "select 1", "--as-of", opened, status=1).stderr
    assert "eigen_klachten" not in rdc("pull", "bestuur", "--as-of", opened).stdout
    with Service(tmp_path, rdc.env) as service:
        since = service.get("/v1/waarnemingen", sindsRelease=opened)
        assert (since.status_code, since.json()["waarnemingen"]) == (200, [])
        for path in ("indicatoren", "waarnemingen", "tabellen/bestuur", "tabellen/indicator"):
            assert not [n for n in names if n in service.get(f"/v1/{path}", release=opened, limiet=1000).text]
