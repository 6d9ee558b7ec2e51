"""The service as a user meets it: a process of its own, real HTTP on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.warehouse.made import publish
from warehouse.serve.keys import Keys

RDC = Path(sys.executable).with_name("rdc")


@dataclass
class Service:
    """``rdc serve`` on a data folder."""

    home: Path
    env: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Service:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("RDC_", "PYTEST_", "COLUMNS"))}
        self.log = (self.home / "serve.log").open("w", encoding="utf-8")
        self.process = subprocess.Popen(
            [str(RDC), "serve", "--port", str(self.port)],
            env=kept | self.env | {"RDC_HOME": str(self.home)},
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        for _ in range(600):
            try:
                requests.get(f"{self.url}/v1", timeout=5)
                return self
            except requests.ConnectionError:
                assert self.process.poll() is None, self.said
                time.sleep(0.05)
        raise AssertionError(self.said)

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
        assert "Traceback" not in self.said, self.said

    @property
    def said(self) -> str:
        return (self.home / "serve.log").read_text(encoding="utf-8")

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def get(
        self, path: str, key: str | None = None, headers: dict[str, str] | None = None, **params: Any
    ) -> requests.Response:
        sent = (headers or {}) | ({"X-Api-Key": key} if key else {})
        return requests.get(self.url + path, params=params, headers=sent, timeout=60)


@dataclass
class Center:
    """A data center with three releases, restricted tables among them, its service, and keys."""

    service: Service
    releases: list[str]
    keys: dict[str, str]


@pytest.fixture(scope="session")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    home = tmp_path_factory.mktemp("center")
    folder = home / "warehouse"
    made = [
        # What is closed today was open in the first release.
        publish(folder, levels={"T_EIGEN": "public", "T_PARTNER": "public"}, shift=0.0625),
        publish(folder, shift=0.125),
        publish(folder),
    ]
    keys = Keys(home)
    secrets = {
        "eersel": keys.add("eersel", "Gemeente Eersel", "municipality", ["GM0770"], per_minute=100_000)[1],
        "partner": keys.add("partner", "Omgevingsdienst", "partners")[1],
        "all": keys.add("all", "Rural Data Center", "municipality", ["*"])[1],
    }
    with Service(home) as service:
        yield Center(service, [m.release_id for m in made], secrets)
