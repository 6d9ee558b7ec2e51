"""Trouble at a write, chosen by its name: the process is killed there (-9), or the disk is full.

What is written is told by Python's own audit events (https://docs.python.org/3/library/audit_events.html), not by a clock, so each
write of a folder has its turn and the same one can be had again.
"""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def name_of(home: Path, event: str, arguments: tuple[Any, ...]) -> str | None:
    """The name of a write in ``home``, the same in every run: without moments, numbers and hashes; None for anything else."""
    path = arguments[0]
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if event == "open":
        flags = arguments[2]
        if not (isinstance(flags, int) and flags & _WRITING):
            return None
    elif event in ("os.rename", "os.link"):
        path = arguments[1]
    elif event not in ("os.mkdir", "os.remove", "os.rmdir"):
        return None
    path = os.fsdecode(path) if isinstance(path, bytes) else str(path)
    if not path.startswith(f"{home}/"):
        return None
    short = re.sub(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8,}|(?<=rdc-ingest-)\w+|(?<=rdc-audit-)\w+|(?<=compute_logs/)\w+",
        "#",
        path.removeprefix(f"{home}/"),
    )
    return f"{event} {re.sub(r'[0-9]+', '0', short)}"


def at_write(home: Path, chosen: Callable[[str], bool], what: str) -> None:
    """From here on the first write that is chosen ends this process, or every write from it on finds the disk full.

    :param what: ``kill`` or ``full``.
    """
    full = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal full
        if not event.startswith(("open", "os.")) or (name := name_of(home, event, arguments)) is None:
            return
        if not full and not chosen(name):
            return
        if what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        full = True
        if event in ("open", "os.mkdir", "os.link"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))

    sys.addaudithook(hook)


def writes(home: Path, work: Callable[[], object]) -> list[str]:
    """The named writes of some work in ``home``, in their order; it is done in a fork of this process."""
    told = home.parent / "names.json"

    def tell() -> None:
        found: dict[str, None] = {}

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event.startswith(("open", "os.")) and (name := name_of(home, event, arguments)):
                found[name] = None

        sys.addaudithook(hook)
        work()
        told.write_text(json.dumps(list(found)), encoding="utf-8")

    assert in_a_child(tell) == 0
    return list(json.loads(told.read_text(encoding="utf-8")))


def named(name: str) -> Callable[[str], bool]:
    return lambda found: found == name


def in_a_child(work: Callable[[], object]) -> int:
    """Do something in a fork of this process; how it ended: 0, 1 with an exception, or -9."""
    child = os.fork()
    if child == 0:
        status = 0
        try:
            work()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            status = 1
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
