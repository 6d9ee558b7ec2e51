"""The benchmarks work, on next to nothing: what they measure is read from a quiet machine and asserted nowhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    ("module", "options", "told"),
    [
        ("ingest", ["--rounds", "1", "--tables", "2", "--only", "none"], r"\| ours \| \d.*four connections are \d"),
        ("long_table", ["--rounds", "1"], r"ours: \d.*bare: \d.*median of 1 rounds: \d"),
        (
            "serve",
            ["--indicators", "8", "--regions", "30", "--years", "2", "--requests", "1"],
            r"(ratio \d.*){3}at its highest",
        ),
        (
            "portal",
            ["--indicators", "24", "--regions", "600", "--years", "2", "--pages", "2"],
            r"(median \d.*){3}at its highest",
        ),
    ],
    ids=["ingest", "long_table", "serve", "portal"],
)
def test_a_benchmark_runs(module: str, options: list[str], told: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{module}", *options],
        env=os.environ | {"BENCH_REGIONS": "60"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(told, done.stdout, re.DOTALL), done.stdout
