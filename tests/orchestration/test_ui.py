"""`rdc ui`: for a browser on this machine alone, and gone as a whole when it is ended."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from orchestration.webserver import Guard
from tests.orchestration.conftest import RDC

OWN = "127.0.0.1:3000"


def status(**headers: str) -> int:
    """What the guard answers to a request; 200 where Dagster would have had it."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    method, path = told.pop("method", "POST"), told.pop("path", "/graphql")
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask() -> None:
        pairs = [(n.encode(), v.encode()) for n, v in told.items()]
        scope = {"type": "http", "method": method, "path": path, "headers": pairs}
        await Guard(app)(scope, None, send)  # type: ignore[arg-type]

    asyncio.run(ask())
    return sent[0]["status"]


@pytest.mark.parametrize("host", [OWN, "localhost:3000", "[::1]:3000", "LOCALHOST"])
def test_this_machine_is_answered(host: str) -> None:
    assert status(host=host) == 200
    assert status(host=host, origin=f"http://{host.lower()}", sec_fetch_site="same-origin") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:3000"},
        {"host": "localhost@evil.example"},
        {"host": "[::1"},
        {},
        {"host": OWN, "origin": "http://evil.example"},
        {"host": OWN, "origin": "null"},
        {"host": OWN, "origin": "http://["},
        {"host": OWN, "origin": "http://127.0.0.1:8080"},
        {"host": OWN, "sec_fetch_site": "cross-site"},
        {"host": OWN, "sec_fetch_site": "same-site", "method": "GET", "sec_fetch_mode": "no-cors"},
        {"host": OWN, "sec_fetch_site": "cross-site", "method": "GET", "sec_fetch_mode": "navigate"},
    ],
)
def test_another_web_page_is_not(headers: dict[str, str]) -> None:
    assert status(**headers) == 403


def test_a_link_to_a_page_may_be_followed() -> None:
    assert status(host=OWN, method="GET", path="/runs", sec_fetch_site="cross-site", sec_fetch_mode="navigate") == 200


# -- ending it --------------------------------------------------------------------------------------------------------

#: Services that start one more process, and end only when they are killed.
STUBBORN = """
import signal, subprocess, sys, time
for s in (signal.SIGINT, signal.SIGTERM): signal.signal(s, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time\\n"
    "for s in (signal.SIGINT, signal.SIGTERM): signal.signal(s, signal.SIG_IGN)\\ntime.sleep(120)"])
print("services", child.pid, flush=True)
time.sleep(120)
"""
START = """
import sys
from ingest.settings import Settings
from orchestration import ui
ui.SERVICES, ui.PATIENCE, ui.GRACE = [sys.executable, "-c", sys.argv[2]], 0.5, 0.5
sys.exit(ui.run(Settings.from_env(), "1"))
"""


def alive(pid: int) -> bool:
    """A process that ended and that nobody asked after yet is not alive."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_it_ends_all_of_it(tmp_path: Path, number: signal.Signals) -> None:
    env = {k: v for k, v in os.environ.items() if k != "DAGSTER_HOME"} | {"RDC_HOME": str(tmp_path)}
    ui = subprocess.Popen(
        [sys.executable, "-c", START, "", STUBBORN], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert ui.stdout
    child = int(ui.stdout.readline().split()[1])
    ui.send_signal(number)
    said = ui.communicate(timeout=60)[1]
    assert ui.returncode == 0 and "Dagster is stopped" in said
    assert not alive(child)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def processes_of(group: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, pgrp = stat.read_text().rsplit(")", 1)[1].split()[:3]
            if state != "Z" and int(pgrp) == group:
                found.append(int(stat.parent.name))
    return found


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_real_one_answers_this_machine_alone_and_ends_with_its_command(
    tmp_path: Path, number: signal.Signals
) -> None:
    nowhere = {f"RDC_STATLINE_{n}_URL": "http://127.0.0.1:9" for n in ("V3", "V4", "THIRD_PARTY")}
    port = free_port()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("RDC_", "DAGSTER_"))} | nowhere
    env |= {"RDC_HOME": str(tmp_path), "RDC_UI_PORT": str(port), "RDC_HTTP_TIMEOUT": "1", "RDC_HTTP_ATTEMPTS": "1"}
    url, ask = f"http://127.0.0.1:{port}/graphql", {"query": "{ version }"}
    ui = subprocess.Popen([str(RDC), "ui"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 180
        while True:
            with suppress(requests.ConnectionError):
                answer = requests.post(url, json=ask, timeout=10)
                break
            assert ui.poll() is None and time.monotonic() < until
            time.sleep(0.5)
        assert answer.json()["data"]["version"]
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            assert requests.post(url, json=ask, headers=headers, timeout=10).status_code == 403
        second = subprocess.run([str(RDC), "ui"], env=env, capture_output=True, text=True, timeout=120, check=False)
        assert second.returncode == 1 and "is running for" in second.stderr
        [group] = [int(p) for p in Path(f"/proc/{ui.pid}/task/{ui.pid}/children").read_text().split()]
        assert len(processes_of(group)) >= 4  # web server, daemon, code servers
    finally:
        ui.send_signal(number)
        ui.wait(90)
    until = time.monotonic() + 90
    while processes_of(group) and time.monotonic() < until:
        time.sleep(0.5)
    assert processes_of(group) == []
