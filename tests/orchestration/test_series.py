"""Several series in one run: what fails for one of them costs the others nothing, and is told with its name."""

from __future__ import annotations

import json

import pytest

from orchestration import pipeline, run
from orchestration.workspace import Workspace
from tests.ingest.statline.test_landing import V3
from tests.orchestration.test_one_writer import chosen
from tests.orchestration.test_pipeline import cbs, take, work  # noqa: F401
from tests.warehouse.releases.test_release import CHECKS, candidate
from warehouse.making.publishing import publish

LEVELS = ["public", "partners", "GM0770", "GM1728"]
WITHHELD = {"indicator_id": "i", "table_id": "T", "place": "p.yml", "reason": "No such column.", "kept_figures": 0}


@pytest.fixture
def broken(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> set[str]:  # noqa: F811
    """The levels whose build fails; it may be changed."""
    take(work)
    fails = {"partners"}

    def build(at: Workspace, mode: str) -> str:
        if at.level in fails:
            return "step great_expectations failed"
        made = candidate(at.releases.folder, 1)
        if at.level == "GM0770":
            with made.connect() as con:
                con.execute(
                    f"create table core.withheld as select {', '.join(f'$v{i} as {n}' for i, n in enumerate(WITHHELD))}",
                    {f"v{i}": v for i, v in enumerate(WITHHELD.values())},
                )
        publish(at.releases, made, chosen(at), CHECKS, "<html></html>")
        return ""

    monkeypatch.setattr(run, "_ingest", lambda *_: {})
    monkeypatch.setattr(run, "_build", build)
    monkeypatch.setattr(Workspace, "levels", lambda _: LEVELS)
    return fails


def once(work: Workspace, as_json: bool = False) -> int:  # noqa: F811
    return run._alone(work, [V3], "live", None, as_json, False, 0.0, set())


def test_it_fails_for_one(
    work: Workspace,  # noqa: F811
    broken: set[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert once(work) == 1
    said = capsys.readouterr()
    assert "Error: partners: step great_expectations failed" in said.err
    assert f"Released {work.releases.current().release_id}: 1 tables" in said.out
    assert [bool(work.at(level).releases.current()) for level in LEVELS] == [True, False, True, True]
    assert "Error: i is withheld for T: No such column. Mend p.yml." in said.err
    assert pipeline.choose(work, "live", {}) and work.withheld() == [WITHHELD]
    assert once(work, as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["problem"] == "partners: step great_expectations failed"


def test_it_fails_for_all_to_see(work: Workspace, broken: set[str], capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    broken.add("public")
    assert once(work) == 1
    said = capsys.readouterr()
    assert "Error: step great_expectations failed" in said.err and "Nothing changed" not in said.out
    assert not work.settings.restricted
