"""One model or one check alone, as someone picks it in Dagster's interface: made on a database of its own, and never released."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.orchestration.conftest import Rdc

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.mark.long
def test_one_model_and_one_check_alone(released: Rdc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dagster as dg

    from ingest.settings import Settings
    from orchestration.definitions import definitions
    from orchestration.instance import dagster_home
    from orchestration.workspace import Workspace

    rdc = released.copy(tmp_path / "home", released.env)
    monkeypatch.setenv("RDC_HOME", str(rdc.home))
    monkeypatch.setenv("DAGSTER_HOME", str(dagster_home(rdc.home)))
    before = {f: f.stat().st_mtime_ns for f in (rdc.home / "warehouse").rglob("*") if f.is_file()}
    defs = definitions(Workspace.open(Settings(rdc.home)))
    wonen = dg.AssetKey(["mart", "wonen"])
    audited = dg.AssetCheckKey(wonen, "great_expectations")
    checks = defs.resolve_asset_graph().asset_check_keys
    of_wonen = {key for key in checks if key.asset_key == wonen}
    assert of_wonen > {audited}
    tested = next(key for key in checks if key.name == "missing_value_has_reason")
    picked = {
        "model": (dg.AssetSelection.assets(wonen), "public", {wonen}, of_wonen),
        "audit": (dg.AssetSelection.checks(audited), None, set(), {audited}),
        "test": (dg.AssetSelection.checks(tested), None, set(), {tested}),
    }
    jobs = [dg.define_asset_job(name, selection=what[0]) for name, what in picked.items()]
    alone = dg.Definitions.merge(defs, dg.Definitions(jobs=jobs))
    with dg.DagsterInstance.get() as instance:
        for name, (_, partition, made, checked) in picked.items():
            how: dict[str, Any] = {"partition_key": partition} if partition else {}
            done = alone.resolve_job_def(name).execute_in_process(instance=instance, run_config=QUIET, **how)
            assert {e.asset_key for e in done.get_asset_materialization_events()} == made
            found = {(e.asset_check_key, e.passed) for e in done.get_asset_check_evaluations()}
            assert found == {(key, True) for key in checked}
    after = {f: f.stat().st_mtime_ns for f in (rdc.home / "warehouse").rglob("*") if f.is_file()}
    assert after == before, "what is published, and the candidate, stay as they are"
