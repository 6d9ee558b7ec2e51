"""Going back to an earlier release, where partners and municipalities have releases of their own."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ingest.settings import Settings
from orchestration.cli import main
from orchestration.workspace import Workspace
from tests.warehouse.releases.test_release import CHECKS, candidate
from warehouse.making import publishing
from warehouse.releases.release import Release


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("RDC_HOME", str(tmp_path))
    return Workspace.open(Settings(tmp_path))


def publish(work: Workspace, level: str, figure: int, **snapshots: str) -> Release:
    """A release made from these snapshots, by table."""
    at = work.at(level)
    inputs: list[Any] = [
        SimpleNamespace(
            table=SimpleNamespace(id=t, stated_status=None), snapshot=SimpleNamespace(snapshot_id=s), origin="live"
        )
        for t, s in snapshots.items()
    ]
    return publishing.publish(at.releases, candidate(at.releases.folder, figure), inputs, CHECKS, "<html></html>")


def rdc(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def current(work: Workspace, level: str) -> str:
    [found] = [r for r in json.loads(rdc("releases", "--level", level, "--json").stdout) if r["current"]]
    return str(found["release_id"])


def test_what_is_taken_back_from_everyone_is_taken_back_from_partners_too(work: Workspace) -> None:
    good = publish(work, "public", 1, cbs="a")
    publish(work, "partners", 1, cbs="a", wmo_jeugd_clienten="x")
    later = publish(work, "partners", 2, cbs="a", wmo_jeugd_clienten="y")
    bad = publish(work, "public", 3, cbs="b")
    wrong = publish(work, "partners", 3, cbs="b", wmo_jeugd_clienten="y")
    publish(work, "GM0770", 3, cbs="b", wmo_jeugd_clienten="y")
    done = rdc("rollback", good.release_id)
    assert done.exit_code == 0
    # The newest of theirs with the same public figures; one that never had them stays, and it is said what to do.
    assert (current(work, "public"), current(work, "partners")) == (good.release_id, later.release_id)
    assert f"and for partners: {later.release_id}" in done.output
    assert "No release of GM0770" in " ".join(done.output.split())
    assert rdc("rollback", bad.release_id).exit_code == 0
    assert (current(work, "public"), current(work, "partners")) == (bad.release_id, wrong.release_id)


def test_a_restricted_series_goes_back_alone(work: Workspace) -> None:
    public = publish(work, "public", 1, cbs="a")
    first = publish(work, "partners", 1, cbs="a", wmo_jeugd_clienten="x")
    publish(work, "partners", 2, cbs="a", wmo_jeugd_clienten="y")
    assert rdc("rollback", first.release_id, "--level", "partners").exit_code == 0
    assert (current(work, "public"), current(work, "partners")) == (public.release_id, first.release_id)
    assert "There is no release" in rdc("rollback", "1999.1.1", "--level", "partners").stderr


def test_nothing_goes_back_when_one_of_them_was_changed(work: Workspace) -> None:
    good = publish(work, "public", 1, cbs="a")
    theirs = publish(work, "partners", 1, cbs="a")
    bad, wrong = publish(work, "public", 2, cbs="b"), publish(work, "partners", 2, cbs="b")
    file = work.at("partners").releases.path(theirs.release_id)
    file.chmod(0o644)
    with file.open("r+b") as raw:
        raw.seek(5000)
        raw.write(b"x")
    assert "it was changed since" in " ".join(rdc("rollback", good.release_id).stderr.split())
    assert (current(work, "public"), current(work, "partners")) == (bad.release_id, wrong.release_id)


def test_a_diff_is_of_the_series_that_is_asked_for(work: Workspace) -> None:
    publish(work, "public", 1, cbs="a")
    first, second = publish(work, "partners", 1, cbs="a"), publish(work, "partners", 2, cbs="a")
    found = json.loads(rdc("diff", first.release_id, second.release_id, "--level", "partners", "--json").stdout)
    assert (found["old"], found["new"]) == (first.release_id, second.release_id)
    assert "There is no release" in rdc("diff", first.release_id, second.release_id).stderr
