"""From a service to a snapshot, over real HTTP: what lands is whole and exact, and what is not whole does not land."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
import zstandard

from ingest.datacenter import here
from ingest.declaration import Table
from ingest.engine import duck
from ingest.http import Client
from ingest.outcome import FAILED, FETCHED, UNCHANGED, UNREACHABLE
from ingest.received import Page, body
from ingest.settings import Settings
from ingest.snapshot import Snapshot, Store
from ingest.statline.landing import land, unchanged
from ingest.statline.model import Head
from ingest.verified import Verified, file_sha256
from ingest.verify import altered
from tests.standin import Dim, Fault, Group, Missing, StandIn, Topic, V3Table, V4Table

V3 = Table(id="85001NED", title="Test", protocol="v3", cadence="year", source_id="cbs", file="test.yml")
V4 = Table(id="85002NED", title="Test", protocol="v4", cadence="year", source_id="cbs", file="test.yml")
REGIONS = {"NL01": "Nederland", "PV30": "Noord-Brabant", "GM0770": "Eersel", "GM1724": "Bergeijk"}
PERIODS = {
    "2022JJ00": {"Status": "Definitief"},
    "2023JJ00": {"Status": "Definitief"},
    "2024JJ00": {"Status": "Voorlopig"},
}


def v3_table(table_id: str = "85001NED") -> V3Table:
    return V3Table.build(
        table_id,
        dims={
            "Woningkenmerken": {"T001100": "Totaal", "ZW25810": "Appartement"},
            "RegioS": REGIONS,
            "Perioden": PERIODS,
        },
        topics=[Group("Energie", [Topic("Aardgas", unit="m³"), Topic("Stadsverwarming", unit="%", decimals=1)])],
        rows=[
            (kind, region, period, 1000 + 10 * at, None if at == 3 else at + 0.5)
            for at, (kind, region, period) in enumerate(
                (k, r, p) for k in ("T001100", "ZW25810") for r in REGIONS for p in PERIODS
            )
        ],
    )


def v4_table(table_id: str = "85002NED") -> V4Table:
    return V4Table.build(
        table_id,
        dims={"Geslacht": {"T001038": "Totaal"}, "RegioS": REGIONS, "Perioden": PERIODS},
        measures=["M000352", "M000365"],
        rows=[
            ("T001038", region, period, 100 + at, Missing("Impossible") if period == "2024JJ00" else 100.5 + at)
            for at, (region, period) in enumerate((r, p) for r in REGIONS for p in PERIODS)
        ],
        padded_regions=True,
    )


class Setting:
    """A stand-in with two tables, and a client that does not wait long."""

    def __init__(self, home: Path, cbs: StandIn) -> None:
        self.cbs = cbs
        self.settings = Settings.from_env({"RDC_HOME": str(home)} | cbs.env)
        self.store = Store(self.settings.snapshots)

    def land(self, table: Table, **changes: object):
        client = Client(timeout=1.0, attempts=3, backoff=0.01)
        return land(replace_table(table, **changes), self.settings, self.store, client)

    def newest(self, table: Table) -> Snapshot:
        found = self.store.newest(table.id)
        assert found is not None
        return found


def replace_table(table: Table, **changes: object) -> Table:
    return table.model_copy(update=changes)


@pytest.fixture
def setting(tmp_path: Path):
    with StandIn([v3_table(), v4_table()], page_size=7, v4_page_size=7) as cbs:
        yield Setting(tmp_path, cbs)


def rows(snapshot: Snapshot, sql: str = "select *") -> list[tuple]:
    with duckdb.connect() as con:
        return con.execute(f"{sql} from read_parquet('{snapshot.file('data.parquet')}')").fetchall()


def test_who_is_in_the_region_is_part_of_what_is_wanted(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    table = replace_table(V3, scope="kempen")
    assert [setting.land(table).result for _ in range(2)] == [FETCHED, UNCHANGED]
    other = here().model_copy(update={"corop": "CR35"})
    monkeypatch.setattr("ingest.scope.here", lambda: other)
    assert [setting.land(table).result for _ in range(2)] == [FETCHED, UNCHANGED]
    # One of before that was written down holds.
    head = Head(V3.id, "", "", {"Modified": "1"}, None, "", "")
    last = dataclasses.replace(setting.newest(V3), stamp={"Modified": "1"})
    assert unchanged(last, head, table)


def test_snapshots_are_looked_at_side_by_side(setting: Setting) -> None:
    """What two threads and two processes found of files is in the one record in the end."""
    for table in (V3, V4):
        assert setting.land(table).result == FETCHED
    found = [setting.newest(V3), setting.newest(V4)]
    root = setting.settings.snapshots
    (root / "verified.json").unlink(missing_ok=True)
    one, other = Verified(root), Verified(root)
    assert one.wrong(found[0]) == other.wrong(found[1]) == []
    known = json.loads((root / "verified.json").read_text())["files"]
    assert {place.partition("/")[0] for place in known} == {V3.id, V4.id}
    fresh = Verified(root)
    with ThreadPoolExecutor(8) as threads:
        assert not any(threads.map(fresh.wrong, found * 50))


@pytest.mark.parametrize("table", [V3, V4], ids=["v3", "v4"])
def test_a_table_lands_whole_and_proved(setting: Setting, table: Table) -> None:
    outcome = setting.land(table)

    assert (outcome.result, outcome.reason, outcome.rows) == (FETCHED, "", 24)
    snapshot = setting.newest(table)
    assert snapshot.row_count == snapshot.expected_count == 24
    assert len(snapshot.pages) == 4
    assert snapshot.damaged() == []
    assert (snapshot.region_dimension, snapshot.time_dimension) == ("RegioS", "Perioden")
    assert rows(snapshot, "select distinct origin, RegioS") != []
    assert {r[0] for r in rows(snapshot, "select distinct RegioS")} == set(REGIONS)


def test_figures_are_those_of_the_source(setting: Setting) -> None:
    setting.land(V3)
    found = rows(setting.newest(V3), 'select Woningkenmerken, RegioS, Perioden, "Aardgas_1", "Stadsverwarming_2"')
    expected = [
        (kind, region, period, 1000 + 10 * at, None if at == 3 else at + 0.5)
        for at, (kind, region, period) in enumerate(
            (k, r, p) for k in ("T001100", "ZW25810") for r in REGIONS for p in PERIODS
        )
    ]
    assert found == expected


def test_v4_keeps_the_reason_of_a_missing_value(setting: Setting) -> None:
    setting.land(V4)
    found = rows(setting.newest(V4), 'select RegioS, Measure, "Value", ValueAttribute')
    assert ("GM0770", "M000365", None, "Impossible") in found
    assert sum(r[2] is None for r in found) == len(REGIONS)


@pytest.mark.parametrize("table", [V3, V4], ids=["v3", "v4"])
def test_the_exact_body_of_each_page_can_be_checked(setting: Setting, table: Table) -> None:
    setting.land(table)
    snapshot = setting.newest(table)
    for page in snapshot.pages:
        received = body(Page(**page), snapshot.path)
        assert hashlib.sha256(received).hexdigest() == page["sha256"]
        assert len(received) == page["bytes"]
        assert len(json.loads(received)["value"]) > 0
    assert altered(snapshot) == []


def test_what_was_touched_since_is_told(setting: Setting) -> None:
    setting.land(V3)
    snapshot = setting.newest(V3)
    second = snapshot.file(snapshot.pages[1]["file"])
    whole = second.read_bytes()
    with zstandard.open(second) as rows:
        other = rows.read().replace(b"1070", b"1071", 1)
    second.write_bytes(zstandard.compress(other))
    assert altered(snapshot) == ["page-00002.json.zst was changed or is gone"]
    second.unlink()
    assert altered(snapshot) == ["page-00002.json.zst was changed or is gone"]

    # Whoever changes the manifest along is caught by the hash of what the source sent.
    second.write_bytes(zstandard.compress(other))
    snapshot.files[second.name]["sha256"] = file_sha256(second)
    assert altered(snapshot) == [f"page-00002.json.zst does not give the body that {snapshot.pages[1]['url']} sent"]
    second.write_bytes(whole)
    snapshot.files[second.name]["sha256"] = file_sha256(second)
    assert altered(snapshot) == []


def test_a_page_laid_out_otherwise_than_it_began_is_taken_all_the_same(setting: Setting) -> None:
    setting.land(V3)
    as_ever = rows(setting.newest(V3), "select * exclude origin")
    setting.cbs[V3.id].touch()
    setting.cbs.requests.clear()
    setting.cbs.fault(V3.id, Fault.UNEVEN_LAYOUT, page=2, times=None)

    assert setting.land(V3).result == FETCHED
    snapshot = setting.newest(V3)
    assert rows(snapshot, "select * exclude origin") == as_ever
    assert [bool(page["between"]) for page in snapshot.pages] == [True, False, False, False]
    assert sorted(r.page for r in setting.cbs.requests if r.resource == "TypedDataSet") == [1, 2, 2, 3, 4]
    assert hashlib.sha256(body(Page(**snapshot.pages[1]), snapshot.path)).hexdigest() == snapshot.pages[1]["sha256"]


@pytest.mark.parametrize("table", [V3, V4], ids=["v3", "v4"])
def test_an_unchanged_table_is_not_fetched_again(setting: Setting, table: Table) -> None:
    setting.land(table)
    setting.cbs.requests.clear()
    assert setting.land(table).result == UNCHANGED
    assert setting.cbs.count(table.id, "TypedDataSet") + setting.cbs.count(table.id, "Observations") == 0

    setting.cbs[table.id].touch()
    assert setting.land(table).result == FETCHED
    assert len(setting.store.all(table.id)) == 2


def test_a_declared_slice_is_fetched_anew_and_proved_on_its_own_count(setting: Setting) -> None:
    setting.land(V4)
    outcome = setting.land(V4, filter="Perioden ge '2023JJ00' and startswith(RegioS,'GM')")
    assert (outcome.result, outcome.rows) == (FETCHED, 8)
    assert "$count" in setting.newest(V4).count_source


#: What each fault, for ever, must say. Every one ends without a snapshot, whatever its HTTP status.
FAULTS = {
    Fault.RESET: "broken connection",
    Fault.REFUSE: "broken connection",
    Fault.STALL: "nothing for 1 seconds|broken connection",
    Fault.SERVER_ERROR_503: "HTTP 503",
    Fault.TOO_MANY_429: "HTTP 429",
    Fault.FORBIDDEN_403: "HTTP 403",
    Fault.HTML_200: "a web page",
    Fault.REDIRECT_HTML: "a web page",
    Fault.EMPTY_200: "an empty answer",
    Fault.JSON_CUT: "JSON cut short",
    Fault.GZIP_DAMAGED: "damaged answer|JSON cut short",
    Fault.SHORT_PAGE: "expected 24 rows",
    Fault.LOOPING_NEXT_LINK: "a loop",
    Fault.DUPLICATED_PAGE: "expected 24 rows|rows that repeat another",
    Fault.ROW_KEY_RENAMED: "expected the columns",
    Fault.MISSING_COLUMN: "expected the columns",
    Fault.WRONG_TYPE: "expected numbers",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
@pytest.mark.parametrize("table", [V3, V4], ids=["v3", "v4"])
def test_a_fault_leaves_no_snapshot_and_says_what_is_wrong(setting: Setting, table: Table, fault: Fault) -> None:
    import re

    resource = "TypedDataSet" if table.protocol == "v3" else "Observations"
    page = 2 if fault in (Fault.DUPLICATED_PAGE, Fault.SHORT_PAGE) else None
    setting.cbs.fault(
        table.id, fault, resource=resource, page=page, times=None, seconds=0 if "429" in fault.value else None
    )

    outcome = setting.land(table)

    assert outcome.result == FAILED
    assert table.id in outcome.reason
    assert re.search(FAULTS[fault], outcome.reason), outcome.reason
    assert "http://127.0.0.1" in outcome.reason
    assert setting.store.all(table.id) == []
    # The source mends it without a new version: nothing of the broken answer may be left to spoil the next try.
    setting.cbs.clear_faults()
    outcome = setting.land(table)
    assert (outcome.result, outcome.rows) == (FETCHED, 24)


@pytest.mark.parametrize("table", [V3, V4], ids=["v3", "v4"])
def test_a_run_that_broke_off_goes_on_where_it_was(setting: Setting, table: Table) -> None:
    resource = "TypedDataSet" if table.protocol == "v3" else "Observations"
    setting.cbs.fault(table.id, Fault.SERVER_ERROR_503, resource=resource, page=3, times=None)
    assert setting.land(table).result == FAILED
    setting.cbs.clear_faults()
    setting.cbs.requests.clear()

    outcome = setting.land(table)

    assert (outcome.result, outcome.rows) == (FETCHED, 24)
    assert sorted(r.page for r in setting.cbs.requests if r.resource == resource) == [3, 4]
    assert len(setting.newest(table).pages) == 4
    assert not list(setting.settings.snapshots.glob("*/.landing-*"))


@pytest.mark.parametrize("table", [V3, V4], ids=["v3", "v4"])
def test_a_new_version_starts_over(setting: Setting, table: Table) -> None:
    resource = "TypedDataSet" if table.protocol == "v3" else "Observations"
    setting.cbs.fault(table.id, Fault.SERVER_ERROR_503, resource=resource, page=3, times=None)
    setting.land(table)
    setting.cbs.clear_faults()
    setting.cbs[table.id].touch()
    setting.cbs.requests.clear()
    assert setting.land(table).result == FETCHED
    assert sorted(r.page for r in setting.cbs.requests if r.resource == resource) == [1, 2, 3, 4]


def test_a_page_that_was_torn_on_disk_is_fetched_again(setting: Setting) -> None:
    setting.cbs.fault(V3.id, Fault.SERVER_ERROR_503, resource="TypedDataSet", page=4, times=None)
    setting.land(V3)
    setting.cbs.clear_faults()
    torn = next(setting.settings.snapshots.glob("*/.landing-*/page-00002*"))
    torn.write_bytes(torn.read_bytes()[:-5])
    setting.cbs.requests.clear()
    assert setting.land(V3).result == FETCHED
    assert sorted(r.page for r in setting.cbs.requests if r.resource == "TypedDataSet") == [2, 3, 4]


def test_a_null_without_a_reason_is_refused_in_v4(setting: Setting) -> None:
    setting.cbs.fault(V4.id, Fault.NULL_WITHOUT_REASON, times=None)
    outcome = setting.land(V4)
    assert outcome.result == FAILED
    assert "expected a reason (ValueAttribute)" in outcome.reason


@pytest.mark.parametrize(
    "fault",
    [Fault.RESET, Fault.SERVER_ERROR_503, Fault.TOO_MANY_429, Fault.HTML_200, Fault.JSON_CUT, Fault.GZIP_DAMAGED],
    ids=lambda f: f.name,
)
@pytest.mark.parametrize("table", [V3, V4], ids=["v3", "v4"])
def test_a_fault_that_passes_is_overcome(setting: Setting, table: Table, fault: Fault) -> None:
    resource = "TypedDataSet" if table.protocol == "v3" else "Observations"
    setting.cbs.fault(table.id, fault, resource=resource, page=2, times=1, seconds=0)
    outcome = setting.land(table)
    assert (outcome.result, outcome.rows) == (FETCHED, 24)


@pytest.mark.parametrize(
    ("resource", "fault"),
    [("DataProperties", Fault.HTML_200), ("DataProperties", Fault.JSON_CUT), ("RegioS", Fault.SERVER_ERROR_503)],
    ids=str,
)
def test_broken_metadata_is_an_error_of_the_same_kind(setting: Setting, resource: str, fault: Fault) -> None:
    setting.cbs.fault(V3.id, fault, resource=resource, times=None)
    outcome = setting.land(V3)
    assert outcome.result == FAILED
    assert resource in outcome.reason
    assert setting.store.all(V3.id) == []


@pytest.mark.parametrize("table", [V3, V4], ids=["v3", "v4"])
def test_a_version_published_half_way_is_taken_whole(setting: Setting, table: Table) -> None:
    setting.cbs.fault(table.id, Fault.MODIFIED_HALFWAY, page=2, times=1)
    outcome = setting.land(table)
    assert outcome.result == FETCHED
    assert setting.newest(table).modified == setting.cbs[table.id].modified
    assert len(setting.store.all(table.id)) == 1


def test_a_table_that_changes_all_the_time_is_not_taken(setting: Setting) -> None:
    setting.cbs.fault(V3.id, Fault.MODIFIED_HALFWAY, page=2, times=None)
    outcome = setting.land(V3)
    assert outcome.result == FAILED
    assert "published a new one meanwhile" in outcome.reason


def test_a_host_that_is_not_there_is_told_from_one_that_answers_wrongly(setting: Setting) -> None:
    setting.cbs.stop()
    outcome = setting.land(V3)
    assert outcome.result == UNREACHABLE
    assert "no answer" in outcome.reason


def test_an_unknown_table_names_what_was_looked_for(setting: Setting) -> None:
    outcome = setting.land(V3, id="99999NED")
    assert outcome.result == FAILED
    assert "99999NED" in outcome.reason and "404" in outcome.reason


def test_a_table_without_periods_takes_the_declared_one_and_asks_for_it(tmp_path: Path) -> None:
    table = V3Table.build(
        "84799NED",
        dims=[Dim("WijkenEnBuurten", {"NL00": "Nederland", "GM0770": "Eersel", "BU07700000": "Kom"}, kind="GeoDetail")],
        topics=[Topic("Gemeentenaam", datatype="String"), "Inwoners", Topic("Postcode", datatype="String")],
        rows=[
            ("NL00", "Nederland      ", 17_407_585, "."),
            ("GM0770", "Eersel         ", 19_313, "         ."),
            ("BU07700000", "Eersel         ", None, "      5521"),
        ],
    )
    declared = replace_table(V3, id="84799NED", period="2020JJ00")
    with StandIn([table]) as cbs:
        setting = Setting(tmp_path, cbs)
        undeclared = setting.land(declared, period=None)
        assert undeclared.result == FAILED
        assert "add `period:`" in undeclared.reason and "test.yml" in undeclared.reason

        assert setting.land(declared).result == FETCHED
        snapshot = setting.newest(declared)
        assert snapshot.period == "2020JJ00"
        # Codes and text are trimmed on both sides; numbers keep their type; '.' is kept for dbt to judge.
        assert rows(snapshot, 'select WijkenEnBuurten, "Gemeentenaam_1", "Inwoners_2", "Postcode_3"') == [
            ("NL00", "Nederland", 17_407_585, "."),
            ("GM0770", "Eersel", 19_313, "."),
            ("BU07700000", "Eersel", None, "5521"),
        ]


def test_a_whole_column_with_decimals_loses_nothing(tmp_path: Path) -> None:
    table = V3Table.build(
        V3.id,
        dims={"RegioS": REGIONS, "Perioden": PERIODS},
        topics=[Topic("Aantal", datatype="Long")],
        rows=[("NL01", "2022JJ00", 12), ("PV30", "2022JJ00", 12.5)],
    )
    with StandIn([table]) as cbs:
        setting = Setting(tmp_path, cbs)
        assert setting.land(V3).result == FETCHED
        snapshot = setting.newest(V3)
        assert rows(snapshot, 'select "Aantal_1"') == [(12.0,), (12.5,)]
        assert "have decimals" in snapshot.warnings[0]


def test_titles_are_read_as_a_person_reads_them_and_columns_know_their_groups(tmp_path: Path) -> None:
    table = V3Table.build(
        V3.id,
        dims={"RegioS": REGIONS, "Perioden": PERIODS},
        topics=[
            Group("Energie", [Group("Elektriciteit", [Topic("Appartement_48", title="Appartement\u00a0\u00a0")])]),
            Group("Energie", [Group("Gas", [Topic("Appartement_56", description="regel 1\r\nregel 2\nregel 3")])]),
        ],
        rows=[("NL01", "2022JJ00", 1, 2)],
    )
    with StandIn([table]) as cbs:
        setting = Setting(tmp_path, cbs)
        assert setting.land(V3).result == FETCHED
        with duckdb.connect() as con:
            found = con.execute(
                f"select code, stem, title, path, description from read_parquet('{setting.newest(V3).file('measures.parquet')}')"
            ).fetchall()
    assert found[0][:4] == ("Appartement_48", "Appartement", "Appartement", "Energie > Elektriciteit")
    assert found[1][:4] == ("Appartement_56", "Appartement", found[1][2], "Energie > Gas")
    assert found[1][4] == "regel 1\nregel 2\nregel 3"


def test_next_links_to_the_public_host_are_followed_on_ours(setting: Setting) -> None:
    """CBS writes absolute addresses; behind a mirror they must not lead past it."""
    setting.land(V3)
    assert all(page["url"].startswith(setting.settings.v3_url) for page in setting.newest(V3).pages)


def test_cbsodata_is_left_as_it_was_found(setting: Setting) -> None:
    import cbsodata.cbsodata3 as cbsodata

    before = (cbsodata.options.use_https, cbsodata.options.catalog_url, cbsodata.Session)
    setting.land(V3)
    assert (cbsodata.options.use_https, cbsodata.options.catalog_url, cbsodata.Session) == before


def test_every_request_says_who_we_are_and_is_polite(setting: Setting) -> None:
    setting.land(V3)
    setting.land(V4)
    assert all("RuralDataCenterKempen" in r.headers["User-Agent"] for r in setting.cbs.requests)
    assert setting.cbs.most_at_once <= 4


def test_what_does_not_fit_in_memory_goes_to_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not to ``.tmp`` in whatever folder the process runs in, where it may not write and where two would meet."""
    monkeypatch.chdir(tmp_path)
    with duck() as con:
        spill = Path(con.execute("select current_setting('temp_directory')").fetchall()[0][0])
        con.execute("set memory_limit = '40MB'")
        try:
            con.execute("create temp table much as select i, hash(i) as h from range(6_000_000) t(i) order by h")
            assert list(spill.glob("*.tmp"))
            assert spill.stat().st_mode & 0o777 == 0o700
        finally:
            con.execute("set memory_limit = '500MB'")
    assert spill.parent == Path(tempfile.gettempdir())
    assert not list(tmp_path.iterdir())
