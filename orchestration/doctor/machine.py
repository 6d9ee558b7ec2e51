"""The machine: its packages, time zone, clock, space and ports."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ingest.project import DISTRIBUTION, ROOT
from ingest.settings import number
from orchestration.alerts.concerns import room
from orchestration.alerts.quiet import AMSTERDAM
from orchestration.doctor.finding import Finding
from orchestration.workspace import Workspace

LOCK = ROOT / "requirements.lock"
_PINNED = re.compile(r"^([A-Za-z0-9_.\[\]-]+)==([^\s;\\]+)\s*(?:;\s*([^\\]+))?", re.MULTILINE)


def versions(work: Workspace, lock: Path = LOCK) -> Iterator[Finding]:
    """The packages that are installed against those that were tried together."""
    from packaging.markers import Marker
    from packaging.requirements import Requirement

    repair = (
        "Set up anew: `make setup` in the checkout, or `pip install --upgrade` of the package in an empty environment."
    )
    wrong = []
    for text in requires(DISTRIBUTION) or []:
        needed = Requirement(text)
        if needed.marker is None or needed.marker.evaluate({"extra": ""}):
            have = _installed(needed.name)
            if have is None or not needed.specifier.contains(have, prereleases=True):
                wrong.append(f"{needed.name} is {have or 'not there'}, and should be {needed.specifier}")
    pinned = _PINNED.findall(lock.read_text(encoding="utf-8")) if lock.is_file() else []
    for name, told, marker in pinned:
        have = _installed(name.partition("[")[0])
        if have and have != told and (not marker or Marker(marker.strip()).evaluate()):
            wrong.append(f"{name} is {have}, and {told} in {lock.name}")
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        yield Finding("versions", False, "; ".join(wrong[:5]) + more, repair)
    else:
        held = f"{len(pinned)} packages of {lock.name}" if pinned else "the packages that it needs"
        yield Finding("versions", True, f"Python {sys.version.split()[0]}, {held}")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def time_zone(work: Workspace) -> Iterator[Finding]:
    try:
        ZoneInfo.no_cache(AMSTERDAM.key)
    except ZoneInfoNotFoundError:
        said = f"the machine knows no time zone {AMSTERDAM.key}, so that the schedule can't run"
        yield Finding("time zone", False, said, "Install the package tzdata of the system, or `pip install tzdata`.")
        return
    local = datetime.now().astimezone().tzname()
    yield Finding("time zone", True, f"{AMSTERDAM.key} for the schedule; the machine itself tells {local}")


def clock(work: Workspace) -> Iterator[Finding]:
    if why := work.clock.wrong(datetime.now(UTC)):
        yield Finding("clock", False, why, "Set the clock, then `rdc clock --right`.")
    else:
        yield Finding("clock", True, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, after all that was seen before")


def space(work: Workspace) -> Iterator[Finding]:
    free, needed = room(work)
    said = f"{free / 1e9:.1f} GB free, of which a run may take {needed / 1e9:.1f} GB"
    if free < needed:
        yield Finding("space", False, said, "`rdc sources prune --yes` removes old snapshots; else enlarge the disk.")
    else:
        yield Finding("space", True, said)


def ports(work: Workspace) -> Iterator[Finding]:
    """The two that we listen on: free, or ours."""
    for name, port, how in (("rdc serve", 8080, "--port"), ("rdc ui", number("RDC_UI_PORT", 3000, 1), "RDC_UI_PORT")):
        taken = _answers(port)
        if taken is None:
            yield Finding("ports", True, f"{port} is free for `{name}`")
        elif any(words in taken for words in (b"api-version", b"dagster", b"rdc")):
            yield Finding("ports", True, f"`{name}` answers on {port}")
        else:
            said = f"something else listens on {port}, where `{name}` is to"
            yield Finding("ports", False, said, f"Give `{name}` another port ({how}), or stop what listens there.")


def _answers(port: int) -> bytes | None:
    """What is said on a port of this machine, in small letters; None where nobody listens."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as asked:
            asked.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" % port)
            said = b""
            while len(said) < 65_536 and (more := asked.recv(8192)):
                said += more
            return said.lower()
    except ConnectionRefusedError:
        return None
    except OSError:
        return b""
