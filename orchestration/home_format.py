"""Which form a data folder has, and whether this version may work in it.

``$RDC_HOME/format.json`` has a number that goes up by one when a version lays things down in a way that the versions before it can't
read. Every command looks at it before anything else, so that what can't be is said before anything is touched. What an
earlier version laid down is read as it is; where that is not enough, the step from that form is in :data:`STEPS`, and is done once,
by the first command that writes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingest.errors import MendableError
from ingest.project import version
from ingest.storage import durable
from ingest.storage.durable import Damaged

NAME, RESTORING = "format.json", ".restoring.json"
#: The form that this version writes. Form 1 is that of 0.1, which wrote no number; all of it is read as it is.
FORMAT = 1
#: From a form to the next one: what is done to the folder. Each may be begun again after a kill.
STEPS: dict[int, Callable[[Path], None]] = {}


class HomeError(MendableError):
    """A data folder that this version can't work in."""


def of(home: Path) -> int:
    """The form of a data folder.

    :raises Damaged: it can't be told.
    """
    return _read(home)[0]


def newer(found: int, made_by: str) -> str:
    """Why this version can't read that form, or nothing where it can."""
    if found <= FORMAT:
        return ""
    return (
        f"It has form {found}, made by version {made_by} of the data centre; this is {version()}, which "
        f"knows form {FORMAT}. Install that version or a newer one. Nothing was touched."
    )


def check(home: Path) -> None:
    """Look whether a command may begin.

    :raises HomeError: a newer version made the folder, or it is being restored; the message says what to do.
    """
    if (begun := restoring(home)) is not None:
        where, number = begun.get("folder", "DIR"), begun.get("number", "NUMBER")
        raise HomeError(
            f"{home} is being restored, or was when that was broken off, so nothing in it can be used yet. Finish it: "
            f"`rdc restore {where} --backup {number}`."
        )
    if why := newer(*_read(home)):
        raise HomeError(f"{home} can't be used by this version. {why}")


def begin(home: Path) -> None:
    """Bring the folder into the form of this version. Only for the one that holds the run lock.

    :raises HomeError: see :func:`check`.
    """
    check(home)
    found = of(home)
    for step in range(found, FORMAT):
        STEPS[step](home)
        _write(home, step + 1)
    if not (home / NAME).exists():
        _write(home, FORMAT)


def restoring(home: Path) -> dict[str, Any] | None:
    """Which backup is being laid down here, or was when that was broken off; None where none is."""
    try:
        return dict(durable.read_record(home / RESTORING, ""))
    except FileNotFoundError:
        return None
    except (Damaged, TypeError, ValueError):
        return {}


def _read(home: Path) -> tuple[int, str]:
    """The form, and the version that made it so."""
    remedy = f"If no newer version than this made the folder, `rm {home / NAME}`; else put back a copy of it."
    try:
        facts = durable.read_record(home / NAME, remedy, strict=True)
    except FileNotFoundError:
        return 1, "0.1"
    if not isinstance(facts, dict) or not isinstance(facts.get("format"), int):
        raise Damaged(home / NAME, "it names no form", remedy)
    return facts["format"], str(facts.get("version", "?"))


def _write(home: Path, form: int) -> None:
    durable.record(home / NAME, {"format": form, "version": version()})
