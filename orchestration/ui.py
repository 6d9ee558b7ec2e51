"""``rdc ui``: Dagster's web interface and daemon, which end together with the command, however it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from ingest.settings import Settings
from ingest.storage import durable
from orchestration import show
from orchestration.instance import close_dead_runs, dagster_home, going_on
from orchestration.writer import BusyError

LOCK = ".ui.lock"
#: What is started.
SERVICES = [sys.executable, "-m", "orchestration.webserver", "dev"]
#: How long the services may take to end in good order.
PATIENCE = 20.0
#: And how long what is left of them after that has at each more urgent signal.
GRACE = 5.0


def run(settings: Settings, port: str) -> int:
    """Start them, and wait until they end or are to end; the exit status.

    :raises BusyError: they run already for this data folder.
    """
    folder = dagster_home(settings.home)
    if (settings.home / LOCK).is_dir():
        durable.set_aside(settings.home, settings.home / LOCK)
    lock = FileLock(settings.home / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(
            f"`rdc ui` is running for {settings.home} already; two daemons would do everything twice."
        ) from None
    try:
        return _serve(settings.home, folder, port)
    finally:
        lock.release()


def _serve(home: Path, folder: Path, port: str) -> int:
    environment = os.environ | {"DAGSTER_HOME": str(folder), "RDC_HOME": str(home)}
    os.environ.update(environment)
    _close_dead(home)
    show.note(f"Dagster on http://127.0.0.1:{port} (stop with Ctrl-C); schedule and sensors are on")
    asked: list[int] = []

    def to_end(number: int, _: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, to_end)
    arguments = ["-m", "orchestration.definitions", "-h", "127.0.0.1", "-p", port]
    # A group of its own, so that whatever it starts is ended with it.
    services = subprocess.Popen(
        [*SERVICES, *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        while services.poll() is None and not asked:
            time.sleep(0.2)
    finally:
        broken_off = _going_on()
        _end(services)
        _close_dead(home, broken_off)
    if asked:
        show.note("Dagster is stopped.")
        return 0
    return services.returncode or 1


def _end(services: subprocess.Popen[bytes]) -> None:
    """In good order first, by interrupt; then whatever is left of the group."""
    with suppress(ProcessLookupError):
        services.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        services.wait(PATIENCE)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(services.pid, number)
            until = time.monotonic() + GRACE
            while time.monotonic() < until:
                os.killpg(services.pid, 0)
                time.sleep(0.1)
    services.wait()


def _going_on() -> list[str]:
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        return going_on(instance)


def _close_dead(home: Path, broken_off: list[str] | None = None) -> None:
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        if closed := close_dead_runs(instance, home, broken_off or []):
            show.note(f"{closed} run(s) were ended from outside; they are marked as failed, and asked for again")
