"""The wheel where no checkout is: all that the project needs travels in it, and it writes nothing beside its code."""

from __future__ import annotations

import hashlib
import os
import site
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import yaml

PROJECT = Path(__file__).parents[1]
NAME = "Rural Data Center Proefland"


def content(folder: Path) -> dict[str, str]:
    """Every file of an installation; what Python itself keeps of a module is none of ours."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in an environment of its own, which finds the locked packages where they are: nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    without = ["--no-deps", "--no-index"]
    built = [*pip, "wheel", *without, "--no-build-isolation", "--wheel-dir", str(folder / "dist"), str(PROJECT)]
    subprocess.run(built, check=True, cwd=folder)
    [wheel] = (folder / "dist").glob("*.whl")
    venv.create(folder / "env", with_pip=False)
    [packages] = (folder / "env").glob("lib/*/site-packages")
    # A plain path: the files by which an editable install leads to the checkout are not read there.
    (packages / "locked.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")
    python = str(folder / "env/bin/python")
    subprocess.run([*pip, "--python", python, "install", *without, str(wheel)], check=True, cwd=folder)
    return folder / "env"


@pytest.fixture(scope="module")
def home(installed: Path) -> Path:
    """A data folder in which someone declared a region, a source, a contract and a policy choice of their own."""
    home = installed.parent / "home"
    (home / "sources/municipal").mkdir(parents=True)
    (home / "interventions").mkdir()
    region = (PROJECT / "region.yml").read_text(encoding="utf-8").replace("Rural Data Center Kempen", NAME)
    (home / "region.yml").write_text(region, encoding="utf-8")
    publisher = yaml.safe_load((PROJECT / "ingest/sources/rivm.yml").read_text(encoding="utf-8"))
    publisher["tables"] = [publisher["tables"][0] | {"id": "50999NED", "on_request": True}]
    (home / "sources/own.yml").write_text(yaml.safe_dump(publisher), encoding="utf-8")
    contract = (PROJECT / "ingest/sources/municipal/huishoudelijk_afval.yml").read_text(encoding="utf-8")
    contract = contract.replace("huishoudelijk_afval", "eigen_afval")
    (home / "sources/municipal/eigen_afval.yml").write_text(contract, encoding="utf-8")
    choices = yaml.safe_load((PROJECT / "dbt_project/interventions/voorbeelden.yml").read_text(encoding="utf-8"))
    choices["interventions"] = [choices["interventions"][0] | {"id": "eigen_keuze"}]
    (home / "interventions/own.yml").write_text(yaml.safe_dump(choices), encoding="utf-8")
    return home


def environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RDC_", "DAGSTER_", "PYTEST_", "PYTHON"))}
    return kept | {"RDC_HOME": str(home)}


def rdc(installed: Path, home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(installed / "bin/rdc"), *arguments],
        env=environment(home),
        cwd=installed.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def started(installed: Path, home: Path, *arguments: str, **more: str) -> Iterator[Callable[[str], requests.Response]]:
    """A service of the installation; what asks it, waiting until it answers."""
    with (installed.parent / "service.log").open("w+") as log:
        command = [str(installed / "bin/rdc"), *arguments]
        service = subprocess.Popen(
            command, env=environment(home) | more, cwd=installed.parent, stdout=log, stderr=subprocess.STDOUT
        )

        def get(url: str) -> requests.Response:
            while service.poll() is None:
                try:
                    return requests.get(url, timeout=120)
                except requests.ConnectionError:
                    time.sleep(0.2)
            log.seek(0)
            raise AssertionError(log.read())

        try:
            yield get
        finally:
            service.terminate()
            service.wait(60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.long
def test_it_runs_and_serves_outside_any_checkout(installed: Path, home: Path) -> None:
    where = "import ingest, warehouse, orchestration, expectations as e; print(ingest.__file__, e.__file__)"
    found = subprocess.run(
        [str(installed / "bin/python"), "-c", where],
        env=environment(home),
        cwd=installed.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(Path(file).is_relative_to(installed) for file in found.stdout.split())
    before = content(installed)

    assert "Released" in rdc(installed, home, "run", "--source", "sample")
    listed = rdc(installed, home, "sources", "list", "--json")
    assert "50999NED" in listed and "eigen_afval" in listed
    assert "eigen_keuze" in rdc(installed, home, "effect", "eigen_keuze", "--json")
    assert "KEMPEN" in rdc(
        installed, home, "query", "select distinct region_code from core.indicator_value", "--format", "csv"
    )

    port = free_port()
    with started(installed, home, "serve", "--port", str(port)) as get:
        page = get(f"http://127.0.0.1:{port}/")
        assert page.ok and NAME in page.text
        style = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
        assert get(f"http://127.0.0.1:{port}{style}").ok
    with started(installed, home, "ui", RDC_UI_PORT=str(port)) as get:
        assert "dagster_version" in get(f"http://127.0.0.1:{port}/server_info").json()

    assert content(installed) == before
    assert {f.name for f in installed.parent.iterdir()} == {"dist", "env", "home", "service.log"}
