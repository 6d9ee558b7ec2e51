"""dbt by hand, as an analyst uses it after a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.orchestration.conftest import Rdc

PROJECT = Path(__file__).parents[2] / "dbt_project"


def test_any_dbt_command_works_on_what_is_there(released: Rdc, tmp_path: Path) -> None:
    rdc = released.copy(tmp_path / "home", released.env)
    before = rdc.file.read_bytes()
    told = rdc("dbt", "build", "--select", "wonen")
    assert "wonen" in told.stdout and "ERROR=0" in told.stdout
    listed = rdc("dbt", "ls", "--select", "+policy_goal", "--resource-type", "model").stdout
    assert "rdc.core.indicator_value" in listed
    assert rdc("dbt", "build", "--select", "no_such_model").returncode == 0
    assert rdc("dbt", "run", "--select", "wonen", "--vars", "{broken", status=1).stderr
    assert rdc.file.read_bytes() == before, "what is published stays as it is"
    plain = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")),
            "build",
            "--select",
            "wonen",
            "--target-path",
            str(tmp_path / "target"),
        ],
        cwd=PROJECT,
        env=os.environ | {"RDC_HOME": str(rdc.home), "DBT_LOG_PATH": str(tmp_path), "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert plain.returncode == 0, plain.stdout
    assert "ERROR=0" in plain.stdout


@pytest.mark.long
def test_figures_made_in_turns_are_those_made_at_once(released: Rdc, tmp_path: Path) -> None:
    rdc = released.copy(tmp_path / "home", released.env)

    def figures() -> list[tuple[object, ...]]:
        [file] = (rdc.home / "dbt").rglob("rdc.duckdb")
        with duckdb.connect(str(file), read_only=True) as con:
            return con.execute("select * from core.indicator_value").fetchall()  # in their order in the file

    rdc("dbt", "run", "--select", "+indicator_value")
    at_once = figures()
    told = rdc("dbt", "run", "--debug", "--select", "indicator_value", "--vars", "{cells_per_megabyte: 5}").stdout
    assert told.count("set variable in_turn") >= 5
    assert figures() == at_once and len(at_once) > 10_000


def test_what_needs_no_project_lays_out_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    (home / "dbt").mkdir(parents=True)  # else a parse of another test is put there
    rdc = Rdc(home, {})
    rdc("dbt", "--version")
    assert "--select" in rdc("dbt", "build", "--help").stdout
    rdc("dbt", "no-such-command", status=1)
    assert {file.name for file in home.rglob("*") if file.is_file()} <= {"on_request.txt", "dbt.log"}
