"""Deliveries through the whole of ``rdc run``: released to those who may see them, and nobody's data anywhere."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.ingest.municipal.conftest import found_in
from tests.orchestration.conftest import Rdc

NOBODY = "http://127.0.0.1:9"
PLANTED = ["123456782", "Xqbertha Verzonnenaar", "bertha@xqverzonnen.nl", "0612345678", "Xqverzonnenstraat 17"]
BUURTEN = ["BU07700000", "BU07700001", "BU07700002", "BU07700100"]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Rdc:
    """A data folder in which two sources were delivered: one for everyone, one for partners; and one run."""
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
    env = dict.fromkeys(("RDC_STATLINE_V3_URL", "RDC_STATLINE_V4_URL", "RDC_STATLINE_THIRD_PARTY_URL"), NOBODY)
    rdc = Rdc(home, env | {"RDC_DROP_SETTLE_SECONDS": "0", "RDC_PSEUDONYM_KEY": "secret-of-the-test"})
    rdc("run")
    return rdc


def test_the_public_release_has_what_is_public_and_nothing_else(delivered: Rdc) -> None:
    assert delivered.sql(
        "select distinct table_id, sharing_level from core.observation where source_id = 'gemeenten'"
    ) == [("meldingen_fixi", "public")]
    assert delivered.sql("select distinct sharing_level from core.observation") == [("public",)]
    for table in ('core."table"', "core.measure", "core.dimension_member", "core.snapshot", "core.disclosure_rule"):
        assert delivered.sql(f"select count(*) from {table} where table_id = 'wmo_jeugd_clienten'") == [(0,)]
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
    assert "There is no release yet" in delivered("query", sql, "--level", "GM0770", status=1).stderr


def test_disclosure_control_was_checked_again_in_both(delivered: Rdc) -> None:
    sql = "select count(*) as n, count(*) filter (success) as ok from core.check_result where suite = 'disclosure'"
    for level in ("public", "partners"):
        assert delivered("query", sql, "--level", level, "--format", "csv").stdout.splitlines()[1] == "6,6"


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
