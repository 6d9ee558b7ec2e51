"""Under the daemon with everything on: nothing that was accepted is lost, and one writes at a time."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from ingest.settings import Settings
from orchestration.instance import KILLED, PROCESS, dagster_home
from orchestration.workspace import Workspace
from tests.orchestration.conftest import Rdc
from tests.orchestration.test_ui import free_port
from tests.sample_tables import sample_tables
from tests.standin import StandIn

CONTRACT = """
id: afval_proef
title: Afval, een proef
owner: Gemeente (afdeling milieu)
contact: gegevensbeheer@voorbeeld.invalid
purpose: Nagaan of elke levering in een uitgave komt.
legal_basis: geen persoonsgegevens
processing_register: niet van toepassing
sharing_level: public
retention_days: 3650
cadence: year
columns:
  - {name: jaar, type: year}
  - {name: gemeente, type: gemeente}
  - {name: fractie, type: category, allowed: [Glas, Textiel]}
  - {name: kg, type: integer, unit: kilogram, minimum: 0}
observation:
  levels: [gemeente]
  period: jaar
  period_type: year
  dimensions: [fractie]
  measures: [{code: afval, title: Afval, unit: kilogram, sum: kg}]
disclosure: {units: none, why: Gewogen vuilniswagens van een hele gemeente.}
"""
DELIVERIES, CHANGES, RUNS = 20, 10, 4


@pytest.mark.long
def test_everything_that_arrives_is_released_and_one_writes_at_a_time(tmp_path: Path) -> None:
    rng = random.Random(20261127)
    with StandIn(sample_tables(), page_size=100) as cbs:
        rdc = Rdc(
            tmp_path,
            cbs.env | {"RDC_DROP_SETTLE_SECONDS": "0", "RDC_STATLINE_LOOK_SECONDS": "20", "RDC_QUIET_HOURS": "none"},
        )
        (tmp_path / "sources" / "municipal").mkdir(parents=True)
        (tmp_path / "sources" / "municipal" / "afval_proef.yml").write_text(CONTRACT)
        rdc("run")
        port = free_port()
        env = rdc._environment() | {"RDC_UI_PORT": str(port)}
        with (tmp_path / "ui.log").open("w") as log:
            ui = subprocess.Popen(
                [str(Path(sys.executable).with_name("rdc")), "ui"], env=env, stdout=log, stderr=log, text=True
            )
        try:
            up(port, ui)
            work = Workspace.open(Settings.from_env(env))
            tables = [t.id for t in work.selected(()) if t.protocol != "municipal"]
            changed = rng.sample(tables, min(CHANGES, len(tables)))
            changed += rng.choices(tables, k=CHANGES - len(changed))
            happen = [("deliver", n) for n in range(DELIVERIES)] + [("change", t) for t in changed]
            happen += [("run", n) for n in range(RUNS)] + [("kill", 0)]
            rng.shuffle(happen)
            shells = []
            for what, which in happen:
                time.sleep(rng.uniform(0, 12))
                if what == "deliver":
                    deliver(tmp_path, int(which))
                elif what == "change":
                    cbs[str(which)].touch()
                elif what == "run":
                    shells.append(rdc.start("run"))
                else:
                    kill_a_run(work)
            for shell in shells:
                said = shell.communicate(timeout=900)[0]
                assert shell.returncode == 0 or "Another run is working" in said, said
            until = time.monotonic() + 1200
            while missing(work, cbs, changed) and time.monotonic() < until:
                assert ui.poll() is None
                time.sleep(3)
            assert missing(work, cbs, changed) == []
        finally:
            ui.send_signal(signal.SIGTERM)
            ui.wait(120)
        for release in work.releases.all():
            assert record(work, release) == content(work, release)
        spans = writing_spans(work)
        assert len(spans) > 5
        for (_, end, one), (start, _, other) in itertools.pairwise(spans):
            assert end <= start, f"{one} and {other} wrote at the same time"
        assert "Nothing changed" in rdc("run").stdout


def up(port: int, ui: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        assert ui.poll() is None
        with suppress(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{port}/server_info", timeout=10)
            return
        time.sleep(1)
    raise AssertionError("the web server did not come up")


def deliver(home: Path, number: int) -> None:
    """A delivery of a year of its own, whole from its first moment."""
    folder = home / "drop" / "afval_proef"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{2001 + number};{g};{f};{400 + number}\n" for g in ("Eersel", "Bladel") for f in ("Glas", "Textiel")]
    beside = folder / f".{number}.csv.part"
    beside.write_text("jaar;gemeente;fractie;kg\n" + "".join(lines))
    beside.rename(folder / f"levering-{number}.csv")


def kill_a_run(work: Workspace) -> None:
    """End the process of one of the daemon's runs, as a machine out of memory would."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        with instance(work) as books:
            import dagster as dg

            going = books.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        # Those that a sensor asked for, and not the shell's, whose end would be told to the one who waits for it.
        signs = [r.tags[PROCESS] for r in going if PROCESS in r.tags and "dagster/sensor_name" in r.tags]
        if signs:
            with suppress(ProcessLookupError):
                os.kill(int(signs[0].split("-")[0]), signal.SIGKILL)
            return
        time.sleep(0.2)


def instance(work: Workspace) -> Any:
    import dagster as dg

    return dg.DagsterInstance.from_config(str(dagster_home(work.settings.home)))


def missing(work: Workspace, cbs: StandIn, changed: list[str]) -> list[str]:
    """What arrived and is not in the newest release."""
    current = work.releases.current()
    assert current
    found = []
    for table_id in set(changed):
        used = work.store.get(table_id, current.inputs[table_id]["snapshot_id"])
        if used.modified[:19] != cbs[table_id].modified[:19]:
            found.append(f"{table_id}: {used.modified} and not {cbs[table_id].modified}")
    with duckdb.connect(str(work.releases.path(current.release_id)), read_only=True) as con:
        rows = con.execute(
            "select period_code, region_code, value from core.observation where table_id = 'afval_proef' "
            "and dimensions['fractie'] = 'Glas' and region_code in ('GM0770', 'GM1728')"
        ).fetchall()
    have = {(period[:4], region): value for period, region, value in rows}
    for number in range(DELIVERIES):
        for region in ("GM0770", "GM1728"):
            if have.get((str(2001 + number), region)) != 400 + number:
                found.append(f"delivery {number} of {region}: {have.get((str(2001 + number), region))}")
    return found


def record(work: Workspace, release: Any) -> set[tuple[str, str]]:
    return {(table, used["snapshot_id"]) for table, used in release.inputs.items()}


def content(work: Workspace, release: Any) -> set[tuple[str, str]]:
    with duckdb.connect(str(work.releases.path(release.release_id)), read_only=True) as con:
        named = set(con.execute("select table_id, snapshot_id from core.snapshot").fetchall())
        held = set(con.execute("select distinct table_id, snapshot_id from core.observation").fetchall())
    assert held <= named
    return named


def writing_spans(work: Workspace) -> list[tuple[float, float, str]]:
    """From when to when each run was at work, by its first and last step; a run that was killed has an open end."""
    spans = []
    with instance(work) as books:
        for run in books.get_runs():
            steps = [s for s in books.get_run_step_stats(run.run_id) if s.start_time]
            if steps and KILLED not in run.tags:
                ends = [s.end_time or s.start_time for s in steps]
                spans.append((min(s.start_time for s in steps), max(ends), f"{run.job_name} {run.run_id[:8]}"))
    return sorted(spans)
