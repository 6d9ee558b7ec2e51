"""A warehouse made once by the real command, for the tests that only read it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.browser import Browser, started
from tests.ingest.boundaries.pdok import Pdok, sample_areas
from tests.sample_tables import only_the_sample, sample_tables
from tests.standin import StandIn
from tests.warehouse.conftest import Service

#: The first data folder in which dbt parsed the project.
PARSED: list[Path] = []

RDC = Path(sys.executable).with_name("rdc")


@dataclass
class Rdc:
    """The ``rdc`` command as a user runs it: a process of its own, in a data folder of its own."""

    home: Path
    env: dict[str, str]
    #: Whether it takes all tables that an indicator needs, or those that the stand-in has: the sample's.
    whole: bool = False

    def __call__(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        self._warm()
        done = subprocess.run(
            [str(RDC), *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == status, f"rdc {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        if not PARSED and (self.home / "dbt" / "target" / "manifest.json").is_file():
            PARSED.append(self.home / "dbt")
        return done

    def _warm(self) -> None:
        """dbt parses the project once per data folder, which takes some 7 s; all but the first test start from its parse."""
        if PARSED and not (self.home / "dbt").exists() and PARSED[0].is_dir():
            shutil.copytree(PARSED[0], self.home / "dbt")

    def copy(self, home: Path, env: dict[str, str]) -> Rdc:
        """The same data folder once more, to spoil; its sources are asked elsewhere."""
        shutil.copytree(self.home, home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("dagster", ".run.lock"))
        return Rdc(home, env)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        self._warm()
        return subprocess.Popen(
            [str(RDC), *arguments], env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json").stdout)

    def sql(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.file), read_only=True) as con:
            return con.execute(sql).fetchall()

    @property
    def file(self) -> Path:
        return self.home / "warehouse" / "rdc.duckdb"

    def _environment(self) -> dict[str, str]:
        if not self.whole:
            only_the_sample(self.home)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("RDC_", "DAGSTER_", "PYTEST_", "COLUMNS"))}
        return kept | self.env | {"RDC_HOME": str(self.home), "RDC_HTTP_TIMEOUT": "2", "RDC_HTTP_ATTEMPTS": "2"}


@pytest.fixture(scope="session")
def cbs() -> Iterator[StandIn]:
    """CBS with the sample's figures. Tests that change a table or set a fault take one of their own."""
    with StandIn(sample_tables(), page_size=100) as standin:
        yield standin


@pytest.fixture(scope="session")
def pdok() -> Iterator[Pdok]:
    """PDOK with the sample's areas, as those of the year of its wijken and buurten and as those of last year."""
    with Pdok(most=1000) as pdok:
        for year in (2020, datetime.now(UTC).year - 1):
            pdok.year(year, sample_areas())
        yield pdok


@pytest.fixture(scope="session")
def released(cbs: StandIn, pdok: Pdok, tmp_path_factory: pytest.TempPathFactory) -> Rdc:
    """A data folder with one live release in it, boundaries too."""
    rdc = Rdc(tmp_path_factory.mktemp("released"), cbs.env | {"RDC_PDOK_URL": pdok.url})
    only_the_sample(rdc.home, boundaries=True)
    rdc("run")
    return rdc


@pytest.fixture(scope="module")
def service(released: Rdc) -> Iterator[Service]:
    """That release, served."""
    with Service(released.home) as service:
        yield service


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as browser:
        yield browser


def first_run_as_told() -> dict[str, int]:
    """What README says that a first run gives: tables and indicators with figures, live and on the sample, and of how many."""
    text = " ".join((Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split())
    live = re.search(r"(\d+) tables, from which (\d+) of the (\d+) indicators have figures", text)
    sample = re.search(r"(\d+) tables with which (\d+) indicators have figures", text)
    assert live and sample
    names = ("tables", "indicators", "declared", "sample_tables", "sample_indicators")
    return dict(zip(names, map(int, live.groups() + sample.groups()), strict=True))
