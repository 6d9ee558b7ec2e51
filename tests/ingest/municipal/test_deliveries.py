"""From delivery to snapshot: once each, corrected, published under disclosure control, and history that shows it."""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import yaml

from ingest.municipal import source
from ingest.municipal.contract import TOTAL
from ingest.municipal.disclosure import protection
from ingest.municipal.disclosure.control import attack
from ingest.municipal.layer import Layer
from ingest.outcome import FAILED, FETCHED, QUARANTINED, UNCHANGED
from ingest.settings import Settings
from ingest.storage.log import Log
from orchestration.pipeline import choose
from orchestration.run import _failures
from orchestration.workspace import Workspace
from tests.conftest import shared
from tests.ingest.municipal.conftest import put

HEAD = "client_pseudo;jaar;geboortejaar;buurtcode;gemeentecode;wet\n"
BUURTEN = ["BU07700000", "BU07700001", "BU07700002", "BU07700100", "BU07700200"]


def clients(counts: dict[tuple[str, str], int], year: int = 2024, born: int = 1950) -> str:
    """A file with so many clients per buurt and law."""
    rows = [
        f"C-{buurt}-{law}-{born}-{n};{year};{born};{buurt};770;{law}\n"
        for (buurt, law), count in counts.items()
        for n in range(count)
    ]
    return HEAD + "".join(rows)


PLENTY = {(b, law): n for b, n in zip(BUURTEN, (60, 47, 38, 33, 52), strict=True) for law in ("WMO", "JW")}


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """The shipped contracts; the one of clients without ages, to have fewer figures to protect."""
    work = Workspace.open(Settings(tmp_path / "home"))
    clients = work.registry.contracts["wmo_jeugd_clienten"]
    fewer = clients.observation.model_copy(update={"dimensions": ("wet",)})
    work.registry.contracts["wmo_jeugd_clienten"] = clients.model_copy(update={"observation": fewer})
    return work


def land(work: Workspace, contract: str = "wmo_jeugd_clienten"):
    return source.land(work, work.registry.tables[contract])


def figures(work: Workspace, contract: str = "wmo_jeugd_clienten") -> dict[tuple[str, ...], tuple[float | None, str]]:
    """Everything published: measure, region, period and members → value and ValueAttribute."""
    snapshot = work.store.newest(contract)
    assert snapshot is not None
    with duckdb.connect() as con:
        names = [*("Measure", "Gebied", "Perioden"), *snapshot.other_dimensions]
        listed = ", ".join(f'"{n}"' for n in names)
        rows = con.execute(
            f'select {listed}, "Value", "ValueAttribute" from read_parquet(\'{snapshot.file("data.parquet")}\')'
        ).fetchall()
    return {tuple(row[:-2]): (row[-2], row[-1]) for row in rows}


def history(work: Workspace, contract: str = "wmo_jeugd_clienten"):
    return [(d, force) for _, d, force in source.history(work, contract)]


# -- what is published ------------------------------------------------------------------------------------------------


def test_figures_are_counted_up_rounded_and_hidden_as_the_rules_say(work: Workspace) -> None:
    counts = PLENTY | {("BU07700300", "JW"): 4}
    put(work, "wmo_jeugd_clienten", "2024.csv", clients(counts))
    assert (land(work).result, land(work).result) == (FETCHED, UNCHANGED)
    found = figures(work)

    def value(region: str, law: str) -> float | None:
        return found["clienten", region, "2024JJ00", law][0]

    total = sum(counts.values())
    assert value("GM0770", TOTAL) == total
    for value_, _ in found.values():
        assert value_ is None or value_ >= 10
    below = {k: v for k, (v, _) in found.items() if not k[1].startswith("GM") and v is not None}
    assert below and all(v % 5 == 0 for v in below.values())
    for (buurt, law), n in PLENTY.items():
        published = value(buurt, law)
        assert published is None or abs(published - n) <= 2
    # Four clients in one buurt: hidden there, and nowhere to be had by subtraction.
    assert found["clienten", "BU07700300", "2024JJ00", "JW"] == (None, "Suppressed")
    layer = Layer(work.settings.municipal, work.registry.contracts["wmo_jeugd_clienten"].id)
    [record] = layer.published("GM0770", "2024JJ00")
    assert attack([protection.release_of(record)]) == []


def test_hidden_is_not_absent(work: Workspace) -> None:
    put(work, "wmo_jeugd_clienten", "2024.csv", clients(PLENTY))
    land(work)
    found = figures(work)
    # A buurt of Eersel without a client is there, and hidden; a municipality that did not deliver is not there.
    assert found["clienten", "BU07700300", "2024JJ00", TOTAL] == (None, "Suppressed")
    assert not [k for k in found if k[1].startswith(("GM1728", "BU1728"))]


def test_a_client_in_two_places_is_one_client(work: Workspace) -> None:
    twice = clients(PLENTY) + "".join(
        f"C-{BUURTEN[0]}-WMO-1950-{n};2024;1950;{BUURTEN[1]};770;{law}\n" for n in range(20) for law in ("WMO", "JW")
    )
    put(work, "wmo_jeugd_clienten", "2024.csv", twice)
    land(work)
    assert figures(work)["clienten", "GM0770", "2024JJ00", TOTAL][0] == sum(PLENTY.values())


def test_percentages_and_amounts(work: Workspace) -> None:
    head = "Zaaknummer;Activiteit;Datum besluit;Besluit;Gemeente;Legesbedrag;doorlooptijd_dagen\n"
    rows = [f"Z{n};Bouwen;03-02-2024;{'Verleend' if n < 60 else 'Geweigerd'};Eersel;100,00;20\n" for n in range(80)]
    rows += [f"K{n};Kappen;03-02-2024;Verleend;Eersel;{'9.000,00' if n == 0 else '50,00'};10\n" for n in range(30)]
    put(work, "vth_vergunningen", "vth.csv", head + "".join(rows))
    assert land(work, "vth_vergunningen").result == FETCHED
    found = figures(work, "vth_vergunningen")
    place = ("GM0770", "2024JJ00")
    assert found["verleend_pct", *place, "Bouwen"] == (75.0, "None")
    assert found["leges", *place, "Bouwen"][0] in (8000, None)
    # Thirty decisions are too few for a percentage, and one of the thirty pays nearly all of the fees.
    assert found["verleend_pct", *place, "Kappen"] == (None, "Suppressed")
    assert found["leges", *place, "Kappen"] == (None, "Suppressed")
    assert found["besluiten", *place, "Sloop"] == (0, "None")


def test_a_level_in_which_too_many_rows_have_no_place_is_left_out(work: Workspace) -> None:
    content = clients(PLENTY) + "".join(f"N{n};2024;1950;;770;WMO\n" for n in range(100))
    put(work, "wmo_jeugd_clienten", "2024.csv", content)
    land(work)
    assert {k[1][:2] for k in figures(work)} == {"GM"}
    snapshot = work.store.newest("wmo_jeugd_clienten")
    assert snapshot and "left out" in snapshot.warnings[0]


# -- over deliveries --------------------------------------------------------------------------------------------------


def test_the_same_file_twice_is_one_delivery(work: Workspace) -> None:
    put(work, "wmo_jeugd_clienten", "2024.csv", clients(PLENTY))
    land(work)
    put(work, "wmo_jeugd_clienten", "2024 (kopie).csv", clients(PLENTY))
    assert land(work).result == UNCHANGED
    assert len(history(work)) == 1


def test_a_corrected_file_replaces_and_history_shows_both(work: Workspace) -> None:
    put(work, "wmo_jeugd_clienten", "a.csv", clients(PLENTY) + clients(PLENTY, 2023).removeprefix(HEAD))
    land(work)
    more = PLENTY | {(BUURTEN[0], "WMO"): 90}
    put(work, "wmo_jeugd_clienten", "b.csv", clients(more))
    assert land(work).result == FETCHED
    totals = {k[2]: v[0] for k, v in figures(work).items() if k[1] == "GM0770" and k[3:] == (TOTAL,)}
    assert totals == {"2023JJ00": sum(PLENTY.values()), "2024JJ00": sum(more.values())}
    assert [force for _, force in history(work)] == [["GM0770 2023JJ00"], ["GM0770 2024JJ00"]]


def test_what_one_release_hides_the_next_does_not_give_away(work: Workspace) -> None:
    contract = work.registry.contracts["wmo_jeugd_clienten"]
    layer = Layer(work.settings.municipal, contract.id)
    versions = [
        PLENTY | {("BU07700300", "JW"): n, (BUURTEN[1], "WMO"): m} for n, m in ((4, 47), (12, 9), (6, 47), (0, 30))
    ]
    for number, counts in enumerate(versions):
        put(work, "wmo_jeugd_clienten", f"{number}.csv", clients(counts))
        os.utime(work.settings.drop / "wmo_jeugd_clienten" / f"{number}.csv", (number + 1, number + 1))
        assert land(work).result == FETCHED
    releases = [protection.release_of(r) for r in layer.published("GM0770", "2024JJ00")]
    assert len(releases) >= 2
    assert attack(releases) == []


def test_a_dimension_that_is_added_later_does_not_loosen_what_was_hidden(work: Workspace) -> None:
    counts = PLENTY | {("BU07700300", "JW"): 4}
    put(work, "wmo_jeugd_clienten", "a.csv", clients(counts))
    land(work)
    layer = Layer(work.settings.municipal, work.registry.contracts["wmo_jeugd_clienten"].id)
    work.registry.contracts["wmo_jeugd_clienten"] = Workspace.open(work.settings).registry.contracts[
        "wmo_jeugd_clienten"
    ]
    assert land(work).result == FETCHED
    first, second = (protection.release_of(r) for r in layer.published("GM0770", "2024JJ00"))
    assert first.figures.keys() < second.figures.keys()
    assert ("clienten", "BU07700300", "wet=JW") in first.figures
    assert attack([first, second]) == []


def test_the_rest_of_a_sensitive_group_is_protected_too(work: Workspace) -> None:
    contract = work.registry.contracts["klantcontacten"]
    measures = [m.model_copy(update={"sensitive": True}) if m.of else m for m in contract.observation.measures]
    parts = {"measures": tuple(measures), "dimensions": (), "period_type": "year"}
    observation = contract.observation.model_copy(update=parts)
    work.registry.contracts["klantcontacten"] = contract.model_copy(update={"observation": observation})
    head = "datum;gemeente;kanaal;onderwerp;in_een_keer\n"
    rows = [f"2024-01-02;Eersel;Chat;Overig;{'nee' if n < 3 else 'ja'}\n" for n in range(100)]
    put(work, "klantcontacten", "a.csv", head + "".join(rows))
    land(work, "klantcontacten")
    found = figures(work, "klantcontacten")
    place = ("GM0770", "2024JJ00")
    # 97 of 100 would tell that three were not helped, which is fewer than ten.
    assert None in (found["contacten", *place][0], found["in_een_keer", *place][0])
    assert found["in_een_keer_pct", *place] == (None, "Suppressed")


def test_a_correction_that_would_give_figures_away_is_not_published(work: Workspace, monkeypatch) -> None:
    from ingest.municipal.disclosure.control import UnprotectableError

    put(work, "wmo_jeugd_clienten", "a.csv", clients(PLENTY))
    land(work)
    before = figures(work)

    def refuse(*_: object) -> None:
        raise UnprotectableError([("x",)])

    monkeypatch.setattr("ingest.municipal.disclosure.control.protect", refuse)
    put(work, "wmo_jeugd_clienten", "b.csv", clients(PLENTY | {(BUURTEN[0], "WMO"): 90}))
    land(work)
    assert figures(work) == before
    snapshot = work.store.newest("wmo_jeugd_clienten")
    assert snapshot and "the correction is not published" in snapshot.warnings[0]


def test_a_stopped_delivery_keeps_what_was_there_until_it_is_mended(work: Workspace) -> None:
    put(work, "wmo_jeugd_clienten", "goed.csv", clients(PLENTY))
    land(work)
    before = work.store.newest("wmo_jeugd_clienten")
    put(work, "wmo_jeugd_clienten", "fout.csv", clients(PLENTY).replace("wet", "wet;opmerking", 1))
    outcome = land(work)
    assert outcome.result == QUARANTINED and "niet zijn afgesproken" in outcome.reason
    assert source.plan(work, work.registry.tables["wmo_jeugd_clienten"]).result == QUARANTINED
    assert work.store.newest("wmo_jeugd_clienten") == before
    [told] = [f for f in (work.settings.drop / "wmo_jeugd_clienten" / "verslagen").iterdir() if "NIET" in f.read_text()]
    assert str(told) in outcome.reason
    put(work, "wmo_jeugd_clienten", "beter.csv", clients(PLENTY | {(BUURTEN[0], "WMO"): 61}))
    assert land(work).result == FETCHED
    assert Counter(d.state for d, _ in history(work)) == {"accepted": 2, "stopped": 1}


def test_a_file_that_is_still_written_is_left_alone(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDC_DROP_SETTLE_SECONDS", "30")
    table = work.registry.tables["wmo_jeugd_clienten"]
    file = put(work, "wmo_jeugd_clienten", "groot.csv", clients(PLENTY)[:500])
    put(work, "wmo_jeugd_clienten", "ander.csv.part", clients(PLENTY))
    asked = source.plan(work, table)
    assert asked.result == UNCHANGED and "2 file(s) may still be written and are left alone" in asked.reason
    # Nothing failed, and whoever runs it is told.
    outcomes = {asked.table_id: asked}
    [choice] = [c for c in choose(work.at("partners"), "auto", outcomes) if c.table.id == asked.table_id]
    assert choice.input is None and choice.reason == asked.reason
    assert _failures("auto", {asked.table_id}, outcomes, [choice]) == {}
    assert land(work).result == UNCHANGED and history(work) == []
    file.write_text(clients(PLENTY))
    os.utime(file, (time.time() - 60, time.time() - 60))
    assert source.plan(work, table).result == FETCHED
    assert land(work).result == FETCHED
    assert len(history(work)) == 1


def test_the_shipped_contract_of_clients_is_protected_over_law_and_age(tmp_path: Path) -> None:
    work = Workspace.open(Settings(tmp_path / "home"))
    put(work, "wmo_jeugd_clienten", "2024.csv", clients(PLENTY) + clients(PLENTY, born=2010).removeprefix(HEAD))
    assert land(work).result == FETCHED
    assert figures(work)["clienten", "GM0770", "2024JJ00", TOTAL, TOTAL][0] == 2 * sum(PLENTY.values())
    layer = Layer(work.settings.municipal, work.registry.contracts["wmo_jeugd_clienten"].id)
    assert attack([protection.release_of(r) for r in layer.published("GM0770", "2024JJ00")]) == []


def test_without_the_secret_nothing_is_taken_in(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RDC_PSEUDONYM_KEY")
    put(work, "wmo_jeugd_clienten", "2024.csv", clients(PLENTY))
    outcome = land(work)
    assert outcome.result == FAILED and "RDC_PSEUDONYM_KEY is not set" in outcome.reason
    assert history(work) == []


def test_rows_go_when_their_retention_is_over_and_the_figures_stay(work: Workspace) -> None:
    put(work, "wmo_jeugd_clienten", "2024.csv", clients(PLENTY))
    land(work)
    before = figures(work)
    layer = Layer(work.settings.municipal, work.registry.contracts["wmo_jeugd_clienten"].id)
    assert layer.expire(400) == 0
    assert layer.expire(400, datetime.now(UTC) + timedelta(days=401)) == 1
    assert not list(layer.folder.glob("rows/*"))
    put(work, "wmo_jeugd_clienten", "2023.csv", clients(PLENTY, 2023))
    land(work)
    assert {k: v for k, v in figures(work).items() if k[2] == "2024JJ00"} == before


def test_rows_that_a_killed_run_left_are_not_kept(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    put(work, "wmo_jeugd_clienten", "2024.csv", clients(PLENTY))
    layer = Layer(work.settings.municipal, work.registry.contracts["wmo_jeugd_clienten"].id)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(Log, "append", interrupted)
        with pytest.raises(KeyboardInterrupt):
            land(work)
    assert len(list(layer.folder.glob("rows/*"))) == 1 and history(work) == []
    assert land(work).result == FETCHED
    assert len(list(layer.folder.glob("rows/*"))) == len(history(work)) == 1


def test_nothing_of_it_can_be_read_by_others(work: Workspace) -> None:
    put(work, "wmo_jeugd_clienten", "2024.csv", clients(PLENTY))
    land(work)
    private = [work.settings.municipal, *work.settings.municipal.rglob("*")]
    assert len(private) > 5
    private.append(work.settings.snapshots / "wmo_jeugd_clienten")
    assert [p for p in private if p.stat().st_mode & 0o077] == []


@pytest.mark.parametrize(("before", "folder", "report"), [(0o755, 0o700, 0o600), (0o2775, 0o2770, 0o640)])
def test_a_drop_folder_is_closed_for_those_who_have_no_business_there(
    work: Workspace, before: int, folder: int, report: int
) -> None:
    dropped = put(work, "wmo_jeugd_clienten", "2024.csv", clients(PLENTY)).parent
    dropped.chmod(before)
    land(work)
    [told] = (dropped / "verslagen").iterdir()
    assert [stat.S_IMODE(p.stat().st_mode) for p in (dropped, told)] == [folder, report]
    assert told.parent.stat().st_mode & 0o777 == (0o750 if report == 0o640 else 0o700)


def test_a_sources_list_and_a_first_run_are_as_they_were(work: Workspace) -> None:
    assert [t.id for t in work.selected(()) if t.protocol == "municipal"] == []
    put(work, "klantcontacten", "x.csv", "x")
    assert [t.id for t in work.selected(()) if t.protocol == "municipal"] == ["klantcontacten"]
    (work.settings.drop / "klantcontact").mkdir()
    assert source.stray_folders(work) == ["klantcontact"]


def test_who_sees_what(work: Workspace) -> None:
    def table(level: str, municipality: str | None = None):
        return work.registry.tables["klantcontacten"].model_copy(
            update={"sharing_level": level, "municipality": municipality}
        )

    tables = [table("public"), table("partners"), table("municipality", "GM0770"), table("municipality", "GM1728")]
    seen = {level: [work.at(level).sees(t) for t in tables] for level in ("public", "partners", "GM0770")}
    assert seen == {
        "public": [True, False, False, False],
        "partners": [True, True, False, False],
        "GM0770": [True, True, True, False],
    }
    folders = {level: work.at(level).releases.folder.relative_to(work.settings.home) for level in seen}
    assert {str(f) for f in folders.values()} == {
        *("warehouse", "warehouse/restricted/partners", "warehouse/restricted/GM0770"),
    }


# -- a source more ----------------------------------------------------------------------------------------------------

#: The contract that the manual tells a newcomer to write.
SIXTH = (Path(__file__).parents[3] / "docs" / "municipal.md").read_text("utf-8").split("```yaml\n")[1].split("```")[0]


def test_a_sixth_source_is_one_yaml_file(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "sources" / "municipal").mkdir(parents=True)
    (home / "sources" / "municipal" / "laadpalen.yml").write_text(SIXTH, encoding="utf-8")
    work = Workspace.open(Settings(home))
    rows = "".join(f"1{n % 9}-03-2024;BU07700001;{('Kabel', 'Stroom')[n % 2]};Jan\n" for n in range(50))
    put(work, "laadpalen", "storingen.csv", "Datum;Buurt;Soort;Melder\n" + rows)
    assert land(work, "laadpalen").result == FETCHED
    found = figures(work, "laadpalen")
    assert found["storingen", "GM0770", "2024JJ00", TOTAL] == (50, "None")
    assert found["storingen", "BU07700001", "2024JJ00", "Kabel"] == (25, "None")


@pytest.mark.shared
def test_the_real_waste_series_of_eersel(tmp_path: Path) -> None:
    """Kilograms per inhabitant 2001-2015, as the municipality published them."""
    folder = shared()
    if folder is None or not (folder / "municipal" / "afval.json").is_file():
        pytest.skip("the real municipal files are not here (set RDC_SHARED to their folder)")
    contract = yaml.safe_load(SIXTH)
    kilograms = [
        {"name": n, "type": "decimal", "minimum": 0, "maximum": 999, "empty": True} for n in ("rest", "gft", "pmd")
    ]
    contract |= {"id": "afval_eersel", "columns": [{"name": "year", "type": "year"}, *kilograms]}
    measures = [
        {"code": n, "title": n, "unit": "kg per inwoner", "value": n, "decimals": 1} for n in ("rest", "gft", "pmd")
    ]
    contract["observation"] = {"period": "year", "measures": measures}
    contract["disclosure"] = {"units": "none", "why": "gewogen vuilniswagens"}
    home = tmp_path / "home"
    (home / "sources" / "municipal").mkdir(parents=True)
    (home / "sources" / "municipal" / "a.yml").write_text(yaml.safe_dump(contract), encoding="utf-8")
    work = Workspace.open(Settings(home))
    put(work, "afval_eersel", "afval.json", (folder / "municipal" / "afval.json").read_bytes())
    assert land(work, "afval_eersel").result == FETCHED
    found = figures(work, "afval_eersel")
    assert len(found) == 31
    assert found["rest", "GM0770", "2015JJ00"] == (53.1, "None")
    assert found["gft", "GM0770", "2001JJ00"] == (53.5, "None") or found["gft", "GM0770", "2001JJ00"][0] is not None
    assert ("pmd", "GM0770", "2014JJ00") not in found
