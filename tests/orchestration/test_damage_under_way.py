"""Each kind of file of a real data folder is damaged, and a command that goes on for a while is the first to meet it: `rdc run`,
`rdc serve` and `rdc ui`. What is told of each kind, in each way of damage, is tried with `rdc status` in ``test_damage.py``."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path

import pytest
import requests

from ingest.municipal.layer import Layer
from tests.orchestration.conftest import RDC, Rdc
from tests.orchestration.test_damage import CONTRACT, WAYS, delivery
from tests.orchestration.test_ui import free_port
from warehouse.serve.keys import Keys

pytestmark = pytest.mark.long

FIGURES = "select count(*), sum(value) from core.indicator_value"

#: Each kind of file that a data folder has after a run, as a pattern: the first that fits is damaged.
KINDS = (
    "clock.json",
    "dagster/dagster.yaml",
    "dagster/history/runs.db",
    "dagster/history/runs/index.db",
    "dagster/schedules/schedules.db",
    "dbt/manifest.json",
    "dbt/partial_parse.sha*",
    "dbt/target/manifest.json",
    "dbt/target/partial_parse.msgpack",
    "keys.json",
    f"municipal/{CONTRACT}/deliveries.jsonl",
    f"municipal/{CONTRACT}/records/*.json",
    f"municipal/{CONTRACT}/rows/*",
    "snapshots/83625NED/*/codes.parquet",
    "snapshots/83625NED/*/data.parquet",
    "snapshots/83625NED/*/metadata.json.zst",
    "snapshots/83625NED/*/page-*",
    "snapshots/83625NED/*/snapshot.json",
    "snapshots/83625NED/*.verdict.json",
    "snapshots/outcomes.jsonl",
    "snapshots/verified.json",
    "warehouse/current.json",
    "warehouse/levels.json",
    "warehouse/rdc.duckdb",
    "warehouse/records/*.json",
    "warehouse/records/*.sums",
    "warehouse/releases/2*/SHA256SUMS",
    "warehouse/releases/2*/datapackage.json",
    "warehouse/releases/2*/promoted",
    "warehouse/releases/2*/rdc.duckdb",
    "warehouse/releases/2*/release.json",
    "warehouse/releases/2*/tables/*",
)


def cases(first: int) -> Iterator[object]:
    """Every kind once, the ways of damage taking turns from one on."""
    ways = cycle([*WAYS][first:] + [*WAYS][:first])
    for kind, how in zip(KINDS, ways, strict=False):
        yield pytest.param(kind, how, id=f"{kind}, {how}")


@pytest.fixture(scope="module")
def template(released: Rdc, tmp_path_factory: pytest.TempPathFactory) -> Rdc:
    """A released data folder with Dagster's own files, a delivery and a key in it."""
    home = Path(shutil.copytree(released.home, tmp_path_factory.mktemp("under way") / "home"))
    layer = Layer(home / "municipal", CONTRACT)
    for n in (1, 2):
        layer.add(delivery(n), [{"gemeente": "GM0770", "period": f"202{n}JJ00"}], [])
    Keys(home).add("partner", "Omgevingsdienst", "partners")
    return Rdc(home, released.env)


@pytest.fixture
def rdc(template: Rdc, tmp_path: Path) -> Rdc:
    return Rdc(Path(shutil.copytree(template.home, tmp_path / "home")), template.env)


def spoil(rdc: Rdc, kind: str, how: str) -> None:
    found = sorted(rdc.home.glob(kind))
    assert found, f"no {kind} in a data folder"
    WAYS[how](found[0])


@pytest.mark.parametrize(("kind", "how"), cases(0))
def test_a_run_goes_on(rdc: Rdc, kind: str, how: str) -> None:
    before = rdc.sql(FIGURES)
    spoil(rdc, kind, how)
    done = subprocess.run(
        [str(RDC), "run"], env=rdc._environment(), capture_output=True, text=True, timeout=600, check=False
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    # A thing that is lost for good ends it with 1 and is named; after it was looked at, all is well.
    if done.returncode != 0:
        assert done.returncode == 1 and "DAMAGED" in said, said
        (rdc.home / "damaged").rename(rdc.home.parent / "looked at")
    assert rdc("run").returncode == 0
    assert rdc.sql(FIGURES) == before


@contextmanager
def under_way(rdc: Rdc, command: list[str], port: int, log: Path) -> Iterator[Callable[[str], requests.Response]]:
    """A command that serves on a port, ended as an operator ends it."""
    url = f"http://127.0.0.1:{port}"
    env = rdc._environment() | {"RDC_UI_PORT": str(port), "PYTHONUNBUFFERED": "1"}
    with log.open("w", encoding="utf-8") as out:
        serving = subprocess.Popen([str(RDC), *command], env=env, stdout=out, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + 120
            while True:
                with suppress(requests.ConnectionError):
                    requests.get(url, timeout=30)
                    break
                assert serving.poll() is None and time.monotonic() < until, log.read_text(encoding="utf-8")
                time.sleep(0.3)
            yield lambda path: requests.get(url + path, timeout=60)
        finally:
            serving.send_signal(signal.SIGTERM)
            serving.wait(90)


@pytest.mark.parametrize(("kind", "how"), cases(2))
def test_the_service_answers(rdc: Rdc, tmp_path: Path, kind: str, how: str) -> None:
    question = "/v1/waarnemingen?indicator=bev_inwoners&gebied=KEMPEN&periode=2026"
    spoil(rdc, kind, how)
    port = free_port()
    with under_way(rdc, ["serve", "--port", str(port)], port, tmp_path / "log") as get:
        answer = get(question)
        assert answer.status_code == 200
        assert [row["waarde"] for row in answer.json()["waarnemingen"]] == [94549]
        for path in ("/", "/v1/releases", "/v1/indicatoren", "/ODataCatalog/Tables", "/v1/tabellen"):
            assert get(path).status_code < 500, path
    assert "Traceback" not in (tmp_path / "log").read_text(encoding="utf-8")


@pytest.mark.parametrize(("kind", "how"), list(cases(4))[::5])
def test_the_web_interface_opens(rdc: Rdc, tmp_path: Path, kind: str, how: str) -> None:
    spoil(rdc, kind, how)
    with under_way(rdc, ["ui"], free_port(), tmp_path / "log") as get:
        assert get("/server_info").json()["dagster_webserver_version"]
        assert get("/").status_code == 200
    assert "Traceback" not in (tmp_path / "log").read_text(encoding="utf-8")
