"""The Dagster code location loads, is complete, and its lineage is the way of the data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.outcome import Outcome
from tests.standin import StandIn


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory):
    from ingest.settings import Settings
    from orchestration.definitions import definitions
    from orchestration.workspace import Workspace

    found = definitions(Workspace.open(Settings(tmp_path_factory.mktemp("dagster"))))
    return found, found.resolve_asset_graph()


def keys(graph) -> set[str]:
    return {"/".join(k.path) for k in graph.get_all_asset_keys()}


def test_every_source_table_and_every_dbt_model_is_an_asset(graph) -> None:
    from ingest.registry import Registry
    from warehouse.registry import indicators

    tables = Registry.load().tables.values()
    groups = {"municipal": "municipal", "boundaries": "boundaries"}
    expected = {f"{groups.get(t.protocol, 'statline')}/{t.id}" for t in tables}
    expected |= {
        "warehouse/candidate",
        "warehouse/release",
        "core/check_result",
        "mart/policy_goal",
        "mart/policy_effect",
        "mart/policy_effect_path",
        "mart/comparison",
        "mart/indicator",
    }
    expected |= {f"mart/{theme.theme}" for theme in indicators.load().themes}
    models = Path(__file__).parent.parent.parent / "dbt_project" / "models"
    stored = [m for m in models.glob("core/*.sql") if "ephemeral" not in m.read_text(encoding="utf-8")]
    expected |= {f"core/{'table' if m.stem == 'source_table' else m.stem}" for m in stored}
    expected |= {f"staging/{m.stem}" for m in models.glob("staging/**/*.sql")}
    assert keys(graph[1]) == expected


def test_lineage_goes_from_the_source_tables_to_the_release(graph) -> None:
    from dagster import AssetKey

    tree = graph[1]
    seen, todo = set(), [AssetKey(["warehouse", "release"])]
    while todo:
        key = todo.pop()
        if key not in seen:
            seen.add(key)
            todo += tree.get(key).parent_keys
    assert AssetKey(["core", "indicator_value"]) in seen and AssetKey(["core", "check_result"]) in seen
    # All that a build may read hangs on the candidate, also what is taken on request only.
    sources = {key for key in tree.get_all_asset_keys() if key.path[0] in ("statline", "municipal")}
    assert sources and sources <= seen
    groups = {"/".join(key.path): tree.get(key).group_name for key in tree.get_all_asset_keys()}
    assert (groups["warehouse/candidate"], groups["warehouse/release"]) == ("candidate", "release")
    order = ["sources", "candidate", "staging", "core", "mart", "release"]
    place = {key: order.index(g if g in order else "sources") for key, g in groups.items()}
    backwards = [
        (name, "/".join(parent.path))
        for name in place
        for parent in tree.get(AssetKey(name.split("/"))).parent_keys
        if place["/".join(parent.path)] > place[name] and name != "core/check_result"
    ]
    assert backwards == [], "the graph goes from left to right"


def test_a_release_is_of_those_who_may_see_it(graph) -> None:
    from dagster import AssetKey

    tree = graph[1]
    for key in (["warehouse", "release"], ["warehouse", "candidate"], ["core", "check_result"], ["mart", "wonen"]):
        found = tree.get(AssetKey(key)).partitions_def.get_partition_keys()
        assert found[:2] == ["public", "partners"] and set(found[2:]) >= {"GM0770", "GM1724"}


def test_definitions_load_without_data_and_quickly(tmp_path: Path) -> None:
    home = tmp_path / "not there yet"
    code = "import time; b = time.process_time(); import orchestration.definitions; print(time.process_time() - b)"

    def seconds() -> float:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"RDC_HOME": str(home)},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        return float(done.stdout)

    seconds()  # dbt reads the project once
    assert seconds() < 5
    assert not (home / "snapshots").exists() and not (home / "warehouse").exists()


def test_checks_block_where_they_must(graph) -> None:
    tree = graph[1]
    by_name: dict[str, list] = {}
    for key in tree.asset_check_keys:
        by_name.setdefault(key.name, []).append(key)
    assert (
        len(by_name["fetched"])
        == len(by_name["accepted"])
        == len([k for k in keys(tree) if k.startswith(("statline/", "municipal/", "boundaries/"))])
    )
    audited = {"/".join(k.asset_key.path) for k in by_name["great_expectations"]}
    assert {"core/indicator_value", "core/cell", "mart/bevolking"} <= audited
    # No release of figures waits for the effect of a policy choice.
    assert {"/".join(k.asset_key.path) for k in by_name["great_expectations"] if not tree.get(k).blocking} == {
        "mart/policy_effect",
        "mart/policy_effect_path",
    }
    assert "missing_value_has_reason" in by_name


def test_jobs_schedule_and_sensors(graph) -> None:
    repository = graph[0].get_repository_def()
    assert {"ingest", "deliveries", "build"} <= {j.name for j in repository.get_all_jobs()}
    [schedule] = repository.schedule_defs
    assert (schedule.name, schedule.execution_timezone) == ("daily", "Europe/Amsterdam")
    # Nobody has to switch them on.
    assert schedule.default_status.value == "RUNNING"
    assert {s.default_status.value for s in repository.sensor_defs} == {"RUNNING"}
    assert {s.name for s in repository.sensor_defs} == {
        "sources_moved",
        "municipal_deliveries",
        "build_what_is_new",
        "alerts",
    }


def test_freshness_follows_the_cadence(graph) -> None:
    from dagster import AssetKey

    tree = graph[1]
    assert tree.get(AssetKey(["statline", "03759ned"])).freshness_policy.fail_window.to_timedelta().days == 548
    assert tree.get(AssetKey(["statline", "84799NED"])).freshness_policy is None


def test_every_asset_has_an_owner_and_says_from_when_it_is_stale(graph) -> None:
    tree = graph[1]
    for key in tree.get_all_asset_keys():
        node = tree.get(key)
        assert [o for o in node.owners if o.startswith("team:")], key
        complete = node.metadata.get("cadence") == "once"  # it changes no more
        assert complete == (node.freshness_policy is None), key
    owners = {k.path[-1]: list(tree.get(k).owners) for k in tree.get_all_asset_keys()}
    assert owners["83625NED"] == ["team:centraal_bureau_voor_de_statistiek"]
    assert owners["release"] == owners["bevolking"] == ["team:rural_data_center_kempen"]


def test_a_sensor_asks_for_what_was_delivered_once(graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dagster import AssetKey, DagsterInstance, DagsterRunStatus, SkipReason, build_sensor_context

    from orchestration.instance import KILLED

    monkeypatch.setenv("RDC_HOME", str(tmp_path))
    monkeypatch.setenv("RDC_DROP_SETTLE_SECONDS", "0")
    sensor = graph[0].get_repository_def().get_sensor_def("municipal_deliveries")

    instance = DagsterInstance.ephemeral()

    def look() -> list:
        return list(sensor(build_sensor_context(instance=instance)))

    assert isinstance(look()[0], SkipReason)
    folder = tmp_path / "drop" / "klantcontacten"
    folder.mkdir(parents=True)
    (folder / "januari.csv").write_text("datum\n")
    [first], [again] = look(), look()
    assert first.asset_selection == [AssetKey(["municipal", "klantcontacten"])]
    assert first.run_key == again.run_key
    # A run whose process was killed took nothing in, so it is asked for once more; but not for ever.
    killed = first.tags | {KILLED: "yes"}
    job = graph[0].resolve_job_def("deliveries")
    keys_asked = {first.run_key}
    for _ in range(5):
        instance.create_run_for_job(job, status=DagsterRunStatus.FAILURE, tags=killed)
        keys_asked.add(look()[0].run_key)
    assert len(keys_asked) == 4
    (folder / "februari.csv").write_text("datum\n")
    assert look()[0].run_key != first.run_key


def test_the_books_of_dagster_are_for_their_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.instance import dagster_home

    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "dagster").mkdir(mode=0o755)
    assert dagster_home(tmp_path).stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "elsewhere"))
    assert dagster_home(tmp_path).stat().st_mode & 0o777 == 0o700


def test_who_looks_on_is_told_of_each_table(cbs: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``rdc run`` hands its progress bar to the steps, which tell it of pages and of each table that is done."""
    import dagster as dg

    from orchestration.assets.keys import table_key
    from orchestration.assets.sources import source_assets
    from orchestration.pipeline import Watch
    from orchestration.resource import Run
    from orchestration.workspace import Workspace

    pages: set[str] = set()
    done: list[str] = []

    class Looking(Watch):
        def progress(self, table_id: str, page: int, expected: int) -> None:
            pages.add(table_id)

        def done(self, outcome: Outcome) -> None:
            done.append(f"{outcome.table_id} {outcome.result}")

    for name, value in (cbs.env | {"RDC_HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    work = Workspace.open()
    tables = work.selected(("83625NED", "81528NED"))
    steps = {"run": Run(), "watch": Looking()}
    assert dg.materialize([source_assets(work)], selection=[table_key(t) for t in tables], resources=steps).success
    assert pages == {"81528NED", "83625NED"}
    assert sorted(done) == ["81528NED fetched", "83625NED fetched"]
