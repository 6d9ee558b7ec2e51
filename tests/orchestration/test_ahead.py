"""What is heavy is imported while bytes arrive, and only then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestration import ahead, pipeline
from tests.sample_tables import sample_tables

IMPORTED = """
import inspect, sys, threading
from orchestration import ahead
before = set(sys.modules)
ahead.load(), ahead.load()
[thread] = [t for t in threading.enumerate() if t.name == "imports"]
thread.join()
assert not {"great_expectations", "dbt"} & before
assert {"great_expectations", "dbt.cli.main"} <= set(sys.modules)
inspect.stack()  # as dbt does: it looks into every module
assert "scipy.stats._distr_params" not in sys.modules
from scipy import stats
assert round(stats.entropy([0.5, 0.5], [0.4, 0.6]), 4) == 0.0204
assert "scipy.stats._distr_params" in sys.modules
"""


def test_both_are_imported_once_and_statistics_when_they_are_used() -> None:
    subprocess.run([sys.executable, "-c", IMPORTED], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize("pages", [0, 2])
def test_it_starts_with_the_first_bytes(pages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    started, seen = [], []

    def land(_: object, table: Any, progress: Any, __: object) -> Any:
        for number in range(pages):
            progress(table.id, number, 1)
        return SimpleNamespace(table_id=table.id)

    monkeypatch.setattr(ahead, "load", lambda: started.append(1))
    monkeypatch.setattr(pipeline, "source_of", lambda _: SimpleNamespace(land=land))
    monkeypatch.setattr(pipeline, "spread", lambda tables: tables)
    watch = SimpleNamespace(progress=lambda *told: seen.append(told), done=lambda _: None)
    list(pipeline.landed(None, sample_tables()[:1], watch))  # type: ignore[arg-type]
    assert bool(started) == bool(pages) and len(seen) == pages
