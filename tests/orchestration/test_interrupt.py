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

from orchestration.interrupt import heard, stop_if_asked

#: ``rdc run`` on which Ctrl-C falls while Dagster keeps its books, just before the release.
RUN = """
import os, signal
from dagster._utils.interrupts import capture_interrupts
from orchestration import pipeline
from orchestration.cli import main

report = pipeline.report

def swallowed(*of):
    with capture_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
    return report(*of)

pipeline.report = swallowed
main(["run", "--source", "sample"])
"""


def test_a_swallowed_interrupt_stops_the_run_before_its_release(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env=os.environ | {"RDC_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Error: Stopped. What was released stays" in done.stderr
    assert "Traceback" not in done.stderr and "leaked" not in done.stderr
    assert not (tmp_path / "warehouse" / "rdc.duckdb").exists()
    assert not list((tmp_path / "warehouse").glob("releases/*/promoted"))


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
