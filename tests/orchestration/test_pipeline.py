"""Taking in and judging, on real HTTP, without the cost of a whole run: what is quarantined, and what lets it through."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from expectations import CheckResult
from ingest.declaration import RegistryError
from ingest.http import Client
from ingest.registry import Registry
from ingest.settings import Settings
from orchestration import judging, pipeline
from orchestration.judging import AcceptError
from orchestration.pipeline import BlockedError
from orchestration.workspace import Workspace, prunable
from tests.ingest.statline.test_landing import V3, v3_table
from tests.ingest.statline.test_landing import replace_table as changed
from tests.standin import StandIn
from tests.warehouse.releases.test_release import CHECKS, candidate
from warehouse.making.publishing import publish


@pytest.fixture
def cbs():
    with StandIn([v3_table()]) as standin:
        yield standin


@pytest.fixture
def work(cbs: StandIn, tmp_path: Path) -> Workspace:
    opened = Workspace.open(Settings.from_env({"RDC_HOME": str(tmp_path)} | cbs.env))
    opened.registry = Registry({V3.id: V3})
    opened.client = Client(timeout=1.0, attempts=2, backoff=0.01)
    return opened


def test_no_service_is_left_for_the_end() -> None:
    """Each has connections of its own: the tables of one are not to wait until those of the others are in."""
    many = [V3.model_copy(update={"id": f"9000{n}NED"}) for n in range(6)]
    few = [V3.model_copy(update={"id": f"9100{n}NED", "catalog": "third-party"}) for n in range(2)]
    order = [table.id for table in pipeline.spread([*many, *few])]
    assert [id for id in order if id[1] == "0"] == [t.id for t in many]
    assert [order.index(t.id) for t in few] == [2, 6]
    assert pipeline.spread([]) == []


def take(work: Workspace, table=V3):
    return pipeline.ingest(work, [table])[table.id]


def test_a_breaking_change_is_quarantined_with_what_accepts_it(work: Workspace, cbs: StandIn) -> None:
    assert take(work).result == "fetched"
    good = work.store.good(V3.id)
    cbs[V3.id].set_unit("Aardgas_1", "1 000 m³")
    cbs[V3.id].touch()
    outcome = take(work)
    newest = work.store.newest(V3.id)
    assert outcome.result == "quarantined"
    assert "eenheid is nu '1 000 m³' in plaats van 'm³'" in outcome.reason
    assert f"rdc sources accept {V3.id}" in outcome.reason and newest.snapshot_id in outcome.reason
    assert work.store.good(V3.id) == good

    accepted = judging.accept(work, V3)
    assert work.store.good(V3.id) == accepted == newest
    file = work.settings.own_sources / "accepted" / f"{V3.id}.yml"
    [entry] = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert entry["snapshot"] == newest.snapshot_id and "eenheid" in entry["changes"][0]
    assert work.store.verdict(newest).accepted_by == entry["by"]
    with pytest.raises(AcceptError, match="No snapshot"):
        judging.accept(work, V3)
    # From now on this is the measure of things: the next version with the same unit passes.
    cbs[V3.id].touch()
    assert take(work).result == "fetched"


def test_the_edit_that_the_message_names_does_it_too(work: Workspace, cbs: StandIn) -> None:
    take(work)
    cbs[V3.id].scale("Aardgas_1", 1000)
    cbs[V3.id].touch()
    assert "maal zo groot" in take(work).reason
    newest = work.store.newest(V3.id)
    assert not judging.to_judge(work, V3)
    folder = work.settings.own_sources / "accepted"
    folder.mkdir(parents=True)
    (folder / f"{V3.id}.yml").write_text(f"- {{snapshot: {newest.snapshot_id}, by: Marie, at: 2026-11-24}}\n")
    assert judging.to_judge(work, V3)
    assert judging.judge(work, [V3]) == {}
    assert work.store.good(V3.id) == newest
    assert work.store.verdict(newest).accepted_by == "Marie"


def test_a_broken_snapshot_can_not_be_accepted(work: Workspace, cbs: StandIn) -> None:
    take(work)
    for column in ("Aardgas_1", "Stadsverwarming_2"):
        cbs[V3.id].set_value(None, column, None)
    cbs[V3.id].touch()
    assert take(work).result == "quarantined"
    with pytest.raises(AcceptError, match="not only changed but broken"):
        judging.accept(work, V3)


def test_a_file_of_acceptances_that_can_t_be_read_names_itself(work: Workspace, cbs: StandIn) -> None:
    take(work)
    cbs[V3.id].drop_measure("Aardgas_1")
    cbs[V3.id].touch()
    folder = work.settings.own_sources / "accepted"
    folder.mkdir(parents=True)
    (folder / f"{V3.id}.yml").write_text("snapshot: x\n")
    with pytest.raises(RegistryError, match=rf"accepted/{V3.id}\.yml: not a list"):
        take(work)


def test_a_column_that_was_declared_and_is_not_there_is_told(work: Workspace, cbs: StandIn) -> None:
    table = changed(V3, columns=("Aardgas", "Stadsverwarmings"))
    assert take(work, table).result == "fetched"
    verdict = work.store.verdict(work.store.newest(V3.id))
    [found] = [r for r in verdict.results if r["check"] == "columns_declared"]
    assert (found["success"], found["severity"]) == (False, "warning")
    assert "Stadsverwarmings" in found["observed"] and "Stadsverwarming" in found["observed"]


def test_a_version_without_a_change_takes_no_room(work: Workspace, cbs: StandIn) -> None:
    take(work)
    cbs[V3.id].touch()
    take(work)
    first, second = work.store.all(V3.id)
    assert first.file("data.parquet").samefile(second.file("data.parquet"))
    assert first.pages and first.file(first.pages[0]["file"]).samefile(second.file(second.pages[0]["file"]))
    assert second.damaged() == []
    cbs[V3.id].set_value({"RegioS": "GM0770", "Perioden": "2022JJ00", "Woningkenmerken": "T001100"}, "Aardgas_1", 1)
    cbs[V3.id].touch()
    take(work)
    assert not work.store.newest(V3.id).file("data.parquet").samefile(first.file("data.parquet"))


@pytest.mark.parametrize("level", ["public", "GM0770"])
def test_only_what_no_release_used_can_be_pruned(work: Workspace, cbs: StandIn, level: str) -> None:
    """Nor what a series used for which no source is declared any more."""
    from warehouse.releases.release import Release

    for _ in range(4):
        cbs[V3.id].touch()
        take(work)
    first, second, third, fourth = work.store.all(V3.id)
    releases = work.at(level).releases
    used = releases.folder / "releases" / "2026.11.1"
    used.mkdir(parents=True)
    release = Release(
        "2026.11.1", first.fetched_at, {V3.id: {"snapshot_id": second.snapshot_id}}, "", "", 0, {}, {}, None
    )
    (used / "release.json").write_text(json.dumps(asdict(release)))
    (used / "promoted").touch()
    assert releases.all()

    assert prunable(work, days=1) == []
    found = prunable(work, days=0)
    assert found == [first, third]
    for snapshot in found:
        work.store.remove(snapshot)
    assert work.store.all(V3.id) == [second, fourth]
    # What they shared is still whole in the others.
    assert second.damaged() == fourth.damaged() == []
    assert not list(work.store.root.glob("*/.gone-*")) and not list(work.store.root.glob(f"*/{first.snapshot_id}*"))


def test_a_renamed_column_that_indicators_are_bound_to_names_the_edit_of_each(tmp_path: Path) -> None:
    from tests.sample_tables import sample_tables

    table = Registry.load().tables["81528NED"]
    with StandIn([t for t in sample_tables() if t.id == table.id]) as cbs:
        work = Workspace.open(Settings.from_env({"RDC_HOME": str(tmp_path)} | cbs.env))
        assert take(work, table).result == "fetched"
        [gas] = [m for m in cbs[table.id].measures if m.startswith("GemiddeldAardgasverbruik")]
        cbs[table.id].rename_measure(gas, "GemiddeldGasverbruik_1")
        cbs[table.id].touch()
        reason = take(work, table).reason
    stem = gas.rpartition("_")[0]
    assert (
        f"Pas aan in dbt_project/indicators/milieu_en_energie.yml, indicator mil_gas, versie 1: stem: [{stem}, GemiddeldGasverbruik]"
        in reason
    )


def test_a_refusal_is_told_of_the_candidate_that_was_refused(work: Workspace, cbs: StandIn) -> None:
    """And neither where the build broke off before its audit was done, nor of the candidate before."""
    take(work)
    inputs = [c.input for c in pipeline.choose(work, "live", work.outcomes.latest()) if c.input]
    pipeline.prepare(work, inputs)

    def judged(severity: str, complete: bool) -> str:
        result = CheckResult("core", "core.cell", "c", severity, False, "Klopt.", "2 rijen", "2026-11-01")
        pipeline._keep(work, [result], complete=complete)
        return pipeline.tell_refusal(work)

    assert judged("warning", complete=False) == "" and not work.refused_report.exists()
    assert "core.cell c: 2 rijen" in judged("critical", complete=True) and work.refused_report.exists()
    shutil.rmtree(work.candidate.folder)
    publish(work.releases, candidate(work.releases.folder, 1), inputs, CHECKS, "<html></html>")
    work.candidate.folder.mkdir()
    pipeline._keep(work, [CheckResult("core", "core.cell", "c", "critical", False, "", "")], complete=True)
    shutil.rmtree(work.store.root / V3.id)
    with pytest.raises(BlockedError, match="would be gone"):
        pipeline.prepare(work, [])
    assert pipeline.tell_refusal(work) == ""
