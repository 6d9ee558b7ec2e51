"""The runbook: every command in it is run, in its order, on a released sample and a stand-in for CBS."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.orchestration.conftest import RDC, Rdc
from tests.sample_tables import sample_tables
from tests.standin import StandIn, V3Table

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: What a block may need that is not here; a new kind is to be thought about.
NEEDS = {
    "a checkout",
    "root, on a machine of its own",
    "a channel, on a machine that is to keep running",  # tests/orchestration/alerts, test_doctor.py
    "a table in quarantine",
    "as long as a first run",  # tests/orchestration/test_going_on.py
}


def blocks() -> list[str]:
    return BLOCK.findall(RUNBOOK.read_text(encoding="utf-8"))


def test_what_can_not_be_run_here_is_named() -> None:
    first = [block.splitlines()[0] for block in blocks()]
    assert {line.removeprefix("# needs ") for line in first if line.startswith("#")} == NEEDS
    assert len(first) > 12


@pytest.mark.long
def test_every_command_does_what_it_is_there_for(released: Rdc, tmp_path: Path) -> None:
    tables = sample_tables()
    added = next(table for table in sample_tables() if isinstance(table, V3Table) and table.id == "82972NED")
    added.info["Identifier"] = "84948NED"
    home = tmp_path / "home"
    with StandIn([*tables, added], page_size=1000) as cbs:
        environment = released.copy(home, released.env | cbs.env)._environment()
        environment["PATH"] = f"{RDC.parent}{os.pathsep}{environment['PATH']}"
        release = "2026.11.1"
        for block in blocks():
            if block.startswith("# needs"):
                continue
            if not (tmp_path / "kept").exists() and (made := sorted((home / "warehouse/releases").glob("[0-9]*"))):
                release = made[0].name
            told = block.replace("2026.11.1", release)
            for there, here in {"/mnt/backup": tmp_path / "kept", "/tmp/restored": tmp_path / "restored"}.items():
                told = told.replace(there, str(here))
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", told], env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{told}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            if "core.observation" in block:
                assert not re.search(r"│\s*0│", done.stdout), done.stdout
    assert (tmp_path / "restored/warehouse/rdc.duckdb").read_bytes() == (home / "warehouse/rdc.duckdb").read_bytes()
