"""A run that is to stop stops, also where the Ctrl-C was swallowed, and leaves no release behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from dagster._utils.interrupts import capture_interrupts

from ingest.settings import Settings
from ingest.snapshot import Store
from orchestration import pipeline
from orchestration.interrupt import heard, stop_if_asked
from orchestration.workspace import Workspace
from tests.sample_tables import sample_tables
from tests.standin import StandIn

#: ``rdc run`` on which Ctrl-C falls while Dagster keeps its books, just after a table has landed.
RUN = """
import os, signal
from dagster._utils.interrupts import capture_interrupts
from orchestration import pipeline
from orchestration.cli import main

ingest = pipeline.ingest

def swallowed(*of):
    outcomes = ingest(*of)
    with capture_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
    return outcomes

pipeline.ingest = swallowed
main(["run", "--table", "84799NED"])
"""


def test_a_swallowed_interrupt_stops_the_run_before_it_builds(tmp_path: Path) -> None:
    with StandIn(sample_tables()) as cbs:
        done = subprocess.run(
            [sys.executable, "-c", RUN],
            env=os.environ | cbs.env | {"RDC_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert Store(tmp_path / "snapshots").good("84799NED"), done.stderr
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Error: Stopped. What was released stays" in done.stderr
    assert "Traceback" not in done.stderr and "leaked" not in done.stderr
    assert not (tmp_path / "warehouse" / "rdc.duckdb").exists()
    assert not list((tmp_path / "warehouse").glob("releases/*"))


def test_a_swallowed_interrupt_leaves_the_release_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Workspace.open(Settings(tmp_path))

    def swallowed(*_: object) -> str:
        with capture_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
        return "<html></html>"

    monkeypatch.setattr(pipeline, "refusal", lambda _: None)
    monkeypatch.setattr(pipeline, "summary", lambda _: {})
    monkeypatch.setattr(pipeline, "_kept", lambda _: ([], True))
    monkeypatch.setattr(pipeline, "report", swallowed)
    with heard(), pytest.raises(KeyboardInterrupt):
        pipeline.release(work)
    assert work.releases.all() == []


def test_what_was_swallowed_is_told_until_the_run_is_over() -> None:
    with heard():
        stop_if_asked()
        with capture_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                stop_if_asked()
    stop_if_asked()


def test_nothing_is_listened_to_afterwards_nor_in_other_threads() -> None:
    with heard():
        pass
    with capture_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
    stop_if_asked()

    def elsewhere() -> None:
        with heard():
            stop_if_asked()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
