"""``rdc run`` as a data engineer meets it: a release from nothing, nothing twice, and what a broken source does to it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.instance import KILLED, PROCESS, dagster_home, has_open_run
from tests.orchestration.conftest import Rdc, first_run_as_told
from tests.sample_tables import only_the_sample, sample_tables
from tests.standin import Fault, StandIn

FIVE = ("GM1724", "GM1728", "GM0770", "GM0823", "GM1667")


def per_municipality(rdc: Rdc, sql: str) -> list[float]:
    found = dict(rdc.sql(sql))
    return [found[code] for code in FIVE]


# -- what a release has -----------------------------------------------------------------------------------------------


def test_every_table_is_live_and_counted(released: Rdc) -> None:
    found = released.sql(
        'select origin, snapshot.row_count = expected_count from core.snapshot join core."table" using (table_id, origin)'
    )
    assert len(found) == 15 + 1, "the tables of the sample, and boundaries"
    assert set(found) == {("live", True)}


def test_figures_of_the_source(released: Rdc) -> None:
    """Published by CBS: Kerncijfers wijken en buurten 2020, 03759ned, 81528NED, 83625NED."""
    inhabitants = "select region_code, value from core.observation where table_id = '84799NED' and measure_code = 'AantalInwoners_5'"
    assert per_municipality(released, inhabitants) == [18635, 20390, 19313, 18714, 13112]
    prices = "select region_code, value from core.observation where table_id = '83625NED' and period_code = '2025JJ00'"
    assert per_municipality(released, prices) == [527954, 511537, 536817, 585652, 482744]


def test_indicators_of_the_municipalities_and_the_kempen(released: Rdc) -> None:
    population = "select region_code, value from core.indicator_value where indicator_id = 'bev_inwoners' and period_code = '2026JJ00'"
    assert per_municipality(released, population) == [19436, 21046, 20537, 19801, 13729]
    assert dict(released.sql(population))["KEMPEN"] == 94549
    gas = "select region_code, value from core.indicator_value where indicator_id = 'mil_gas' and period_code = '2024JJ00'"
    assert per_municipality(released, gas) == [1020, 930, 1000, 970, 960]
    assert dict(released.sql(gas))["NL01"] == 800


def test_a_missing_figure_has_its_reason(released: Rdc) -> None:
    mean = released.sql(
        "select region_code, value, missing_reason from core.observation where table_id = '03759ned' "
        "and measure_code = 'M000365' and period_code = '2026JJ00'"
    )
    assert {(v, reason) for code, v, reason in mean if code in FIVE} == {(None, "impossible")}


def test_a_ratio_of_the_kempen_is_divided_not_averaged(released: Rdc) -> None:
    kempen = released.sql(
        "select value, numerator, denominator from core.indicator_value where indicator_id = 'bev_65plus_pct' "
        "and region_code = 'KEMPEN' and period_code = '2020JJ00'"
    )
    parts = released.sql(
        "select sum(value) filter (measure_code = 'k_65JaarOfOuder_12'), sum(value) filter (measure_code = 'AantalInwoners_5') "
        f"from core.observation where table_id = '84799NED' and region_code in {FIVE}"
    )
    [(value, numerator, denominator)], [(elderly, inhabitants)] = kempen, parts
    assert (numerator, denominator) == (elderly, inhabitants)
    assert value == pytest.approx(100 * elderly / inhabitants, abs=1e-12)


def test_the_country_has_one_code_where_regions_are_compared(released: Rdc) -> None:
    assert released.sql("select count(*) from core.observation where region_code = 'NL00'")[0][0] > 0
    assert released.sql("select count(*) from core.indicator_value where region_code in ('NL00', 'NL1')") == [(0,)]


def test_every_promised_column_is_there(released: Rdc) -> None:
    promised = {
        "core.observation": "source_id, table_id, measure_code, measure_title, measure_path, unit, region_code, period_code, "
        "dimensions, value, text_value, missing_reason, period_status, snapshot_id",
        "core.indicator": "indicator_id, version, theme, name_nl, definition, unit, direction, numerator, denominator, source, "
        "valid_from, valid_to",
        "core.indicator_value": "indicator_id, definition_version, region_code, period_code, value, missing_reason, "
        "period_status, snapshot_id",
        "core.indicator_history": "indicator_id, region_code, period_code, value, known_from, known_to",
        "core.region": "region_code, region_type, name, parent_code, valid_from, valid_to",
        "core.region_group": "group_code, region_code, valid_from, valid_to",
        "core.period": "period_code, period_type, start_date, end_date",
        "core.table": "table_id, origin",
        "core.snapshot": "snapshot_id, url, sha256",
        "core.region_boundary": "region_code, valid_year, region_type, name, geometry, attribution, licence, snapshot_id",
        "core.check_result": "suite, subject, severity, success",
        "mart.policy_goal": "goal, indicator_id, baseline_value, target_value, latest_value, on_track",
    }
    for table, columns in promised.items():
        released.sql(f"select {columns} from {table} limit 1")
    types = dict(
        released.sql(
            "select column_name, data_type from duckdb_columns() where schema_name = 'core' and table_name = 'observation'"
        )
    )
    assert types["value"] == "DOUBLE"
    assert types["dimensions"] == "MAP(VARCHAR, VARCHAR)"


def test_every_column_of_a_theme_is_documented(released: Rdc) -> None:
    bare = released.sql(
        "select table_name, column_name from duckdb_columns() where schema_name = 'mart' and comment is null"
    )
    assert bare == []
    assert len(released.sql("select distinct theme from core.indicator")) >= 6
    assert released.sql("select count(*) from core.indicator")[0][0] >= 30


def test_every_table_and_column_of_core_is_documented(released: Rdc) -> None:
    """In the released file itself, where an analyst's program shows it."""
    for kind in ("columns", "tables", "views"):
        bare = released.sql(
            f"select * from duckdb_{kind}() where schema_name = 'core' and not internal and coalesce(comment, '') = ''"
        )
        assert bare == [], kind
    promised = dict(released.sql("select column_name, comment from duckdb_columns() where table_name = 'check_result'"))
    assert promised.keys() == {
        *("suite", "subject", "check_name", "column_name", "severity", "success", "description", "observed", "ran_at")
    }
    assert "keeps the release back" in promised["severity"]


def test_checks_are_kept_with_the_release(released: Rdc) -> None:
    suites = dict(released.sql("select suite, count(*) from core.check_result group by all"))
    assert set(suites) == {"snapshot", "core", "disclosure", "mart", "dbt"}
    assert released.sql("select * from core.check_result where not success and severity = 'critical'") == []
    report = next(released.home.glob("warehouse/releases/*/report.html")).read_text(encoding="utf-8")
    assert 'lang="nl"' in report
    assert "src=" not in report


def test_nothing_changed_makes_no_release(released: Rdc, cbs: StandIn) -> None:
    before = released.json("releases")
    cbs.requests.clear()
    done = released("run")
    assert "Nothing changed" in done.stdout
    assert released.json("releases") == before
    assert not [r for r in cbs.requests if "TypedDataSet" in r.path or "Observations" in r.path]


def test_nothing_changed_imports_nothing_heavy(released: Rdc) -> None:
    code = (
        "import sys\nfrom orchestration.run import run\nstatus = run('auto', (), None, True)\n"
        "heavy = {'dagster', 'dbt', 'great_expectations', 'pandas', 'sqlalchemy'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else status)"
    )
    subprocess.run([sys.executable, "-c", code], env=released._environment(), check=True, capture_output=True)


def test_the_run_is_in_dagster(released: Rdc) -> None:
    from dagster import DagsterInstance

    with DagsterInstance.from_ref(_instance(released)) as instance:
        runs = {r.job_name: r.status.value for r in instance.get_runs()}
    assert runs == {"ingest": "SUCCESS", "build": "SUCCESS"}


def _instance(rdc: Rdc):
    from dagster._core.instance import InstanceRef

    return InstanceRef.from_dir(str(rdc.home / "dagster"))


# -- what a source does to it -----------------------------------------------------------------------------------------


def test_without_a_network_the_sample_is_released_and_said_so(tmp_path: Path) -> None:
    nobody, pdok = "http://127.0.0.1:9", "http://127.0.0.1:10"
    env = {"RDC_STATLINE_V3_URL": nobody, "RDC_STATLINE_V4_URL": nobody, "RDC_STATLINE_THIRD_PARTY_URL": nobody}
    rdc = Rdc(tmp_path, env | {"RDC_PDOK_URL": pdok})
    only_the_sample(tmp_path, boundaries=True)
    done = rdc("run")
    assert "SAMPLE, NOT LIVE" in done.stderr
    # Boundaries are no figures: they are told in a line of their own, and counted with no table.
    assert "boundaries for maps: sample" in done.stdout and "gebiedsgrenzen" not in done.stderr
    assert rdc.sql("select region_type, count(*) from core.region_boundary group by 1 order by 1") == [
        ("buurt", 134),
        ("gemeente", 21),
        ("wijk", 26),
    ]
    assert rdc.sql("select count(*) from core.measure where table_id = 'gebiedsgrenzen'") == [(0,)]
    assert "15 of 15 tables come from the sample" in " ".join(done.stderr.split())
    assert rdc.sql('select distinct origin from core."table"') == [("sample",)]
    assert rdc.sql("select distinct origin from core.observation") == [("sample",)]
    readme = first_run_as_told()
    assert rdc.sql(
        "select (select count(*) from core.snapshot where layout <> 'areas'), count(distinct indicator_id) from core.indicator_value "
        "where value is not null"
    ) == [(readme["sample_tables"], readme["sample_indicators"])]
    assert rdc.sql(
        "select value from core.indicator_value where indicator_id = 'bev_inwoners' and region_code = 'KEMPEN' "
        "and period_code = '2026JJ00'"
    ) == [(94549,)]
    # One cause is told once: the host, how many tables it costs, and which; every table's own line only when asked for.
    told = " ".join(done.stderr.replace("│", " ").split())
    assert told.count("127.0.0.1:9: no answer") == 1 and "costs 15 tables: " in told
    live = " ".join(rdc("run", "--source", "live", status=1).stderr.split())
    assert live.count("127.0.0.1:9: no answer") == 1 and "costs 15 tables: " in live
    each = " ".join(rdc("run", "--source", "live", "--verbose", status=1).stderr.split())
    assert all(f"{table_id}: no data at all" in each for (table_id,) in rdc.sql('select table_id from core."table"'))


def test_a_broken_table_keeps_its_last_good_snapshot_and_the_others_go_on(released: Rdc, tmp_path: Path) -> None:
    faults = {
        "84799NED": (Fault.SHORT_PAGE, "the answer is not whole"),
        "81528NED": (Fault.HTML_200, "a web page"),
        "85005NED": (Fault.JSON_CUT, "JSON cut short"),
        "85447NED": (Fault.LOOPING_NEXT_LINK, "a loop"),
        "86137NED": (Fault.RESET, "broken connection"),
        "85012NED": (Fault.SERVER_ERROR_503, "HTTP 503"),
        "03759ned": (Fault.SHORT_PAGE, "the answer is not whole"),
    }
    with StandIn(sample_tables(), page_size=100) as cbs:
        rdc = released.copy(tmp_path, cbs.env)
        before = dict(rdc.sql('select table_id, snapshot_id from core."table"'))
        for table_id, (fault, _) in faults.items():
            cbs[table_id].touch()
            resource = "Observations" if table_id == "03759ned" else "TypedDataSet"
            cbs.fault(table_id, fault, resource=resource, times=None)
        cbs["85098NED"].touch()

        done = rdc("run", status=1)

        after = dict(rdc.sql('select table_id, snapshot_id from core."table"'))
        origins = dict(rdc.sql('select table_id, origin from core."table"'))
        states = {t["table_id"]: t for t in rdc.json("status")["tables"]}
        for table_id, (_, why) in faults.items():
            assert (after[table_id], origins[table_id]) == (before[table_id], "last_good")
            assert why in states[table_id]["why"], states[table_id]
            assert states[table_id]["state"] == "failed"
            assert table_id in done.stderr
        assert origins["85098NED"] == "live"
        assert after["85098NED"] != before["85098NED"]


# -- killed -----------------------------------------------------------------------------------------------------------


class Reader(threading.Thread):
    """An analyst who never stops asking: every answer must come from a whole release."""

    def __init__(self, file: Path) -> None:
        super().__init__(daemon=True)
        self.file, self.seen, self.torn, self.stopped = file, set(), [], threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            if self.file.exists():
                try:
                    with duckdb.connect(str(self.file), read_only=True) as con:
                        release = con.execute("select release_id from core.release").fetchall()
                        checks = con.execute("select count(*) > 0 from core.check_result").fetchall()[0][0]
                        tables = con.execute("select count(*) from core.snapshot where layout <> 'areas'").fetchall()[
                            0
                        ][0]
                        if len(release) == 1 and checks and tables == 15:
                            self.seen.add(release[0][0])
                        else:
                            self.torn.append((release, checks, tables))
                except duckdb.Error as error:
                    self.torn.append(str(error))
            time.sleep(0.1)


@pytest.mark.long
def test_killed_at_any_moment_the_next_run_makes_a_good_release(released: Rdc, tmp_path: Path) -> None:
    moments: dict[str, Callable[[Path], bool]] = {
        "ingest": lambda home: bool(list(home.glob("snapshots/*/.landing-*/page-*"))),
        "build": lambda home: (home / "warehouse/candidate/rdc.duckdb").exists(),
        "audit": lambda home: (home / "warehouse/candidate/audit.json").exists(),
        "release": lambda home: bool(list(home.glob("warehouse/releases/.*"))),
    }
    with StandIn(sample_tables(), page_size=100) as cbs:
        rdc = released.copy(tmp_path, cbs.env)
        reader = Reader(rdc.file)
        reader.start()
        for moment, reached in moments.items():
            for table_id in ("85098NED", "03759ned"):
                cbs[table_id].touch()
            process = rdc.start("run")
            while process.poll() is None and not reached(tmp_path):
                time.sleep(0.01)
            assert process.poll() is None, f"the run ended before {moment}"
            process.kill()
            process.wait()
        rdc("run")
        reader.stopped.set()
        reader.join()

        assert reader.torn == []
        assert len(reader.seen) >= 2
        assert set(rdc.sql('select distinct origin from core."table"')) == {("live",)}
        for table_id in ("85098NED", "03759ned"):
            assert rdc.sql(f"select modified from core.snapshot where table_id = '{table_id}'") == [
                (cbs[table_id].modified,)
            ]
        assert not list(tmp_path.glob("snapshots/*/.landing-*"))
        assert not list(tmp_path.glob("warehouse/releases/.*"))
        assert not (tmp_path / "warehouse/candidate").exists()
        statuses = rdc.json("status")
        assert all(t["state"] in ("ok", "stale") for t in statuses["tables"])


def test_two_runs_at_once_are_refused(released: Rdc) -> None:
    from filelock import FileLock

    with FileLock(released.home / ".run.lock"):
        assert "Another run is working" in released("run", status=1).stderr


@pytest.mark.long
def test_a_full_disk_is_told_and_nothing_is_half_there(tmp_path: Path) -> None:
    home = tmp_path / "small"
    home.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(home)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a disk of 256 kB can't be made here: mounting needs root")
    try:
        (home / "dbt").mkdir()  # not warmed: a parse of dbt is larger than this disk
        told = Rdc(home, {})("run", "--source", "sample", status=1).stderr
    finally:
        subprocess.run(["umount", str(home)], check=True)
    assert f"The disk of {home} is full" in " ".join(told.split())
    assert "Traceback" not in told


def test_a_run_killed_after_its_release_is_closed_by_one_that_finds_nothing_to_do(
    released: Rdc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    rdc = released.copy(tmp_path / "home", released.env)
    code = f"from pathlib import Path; from orchestration.writer import sign_of_life; print(sign_of_life(Path({str(rdc.home)!r})))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    @dg.job
    def build() -> None: ...

    with dg.DagsterInstance.from_config(str(dagster_home(rdc.home))) as books:
        run = books.create_run_for_job(build, status=dg.DagsterRunStatus.STARTED, tags={PROCESS: ended})
        assert has_open_run(rdc.home)
        assert "Nothing changed" in rdc("run").stdout
        [after] = [r for r in books.get_runs() if r.run_id == run.run_id]
        assert after.status == dg.DagsterRunStatus.FAILURE and after.tags[KILLED] == "yes"
        assert not has_open_run(rdc.home)
