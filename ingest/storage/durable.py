"""Files that are there whole or not at all, and that say so themselves when they were damaged since.

What belongs here: writing, reading back and setting aside. Everything in a data folder that is read back is written
through here, so that a process that is killed, a disk that fills up or a bad sector never leaves half a file for a whole one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.errors import MendableError

#: For its owner alone, and for everyone who can reach the folder.
PRIVATE, READABLE = 0o600, 0o644
CHECKSUM = "checksum"
_BESIDE = re.compile(r"\..+[.-][0-9a-f]{8}\.part")


class Damaged(MendableError):  # noqa: N818 (it says what the file is)
    """A file that can't be used as it is: which, what is wrong with it, and what to do."""

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        super().__init__(f"{path} is damaged: {what}. {remedy}")
        self.path, self.what, self.remedy = path, what, remedy


def write(path: Path, content: bytes | str, mode: int = READABLE) -> None:
    """Write beside, fsync, rename: a reader sees the old file or the new one, never half of it.

    :param mode: the file's permissions, whatever the umask; they hold from its first byte on.
    """
    folder(path.parent, 0o700 if mode == PRIVATE else None)
    beside = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:8]}.part")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content.encode() if isinstance(content, str) else content)
            os.fchmod(out.fileno(), mode)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    fsync(path.parent)


def folder(path: Path, mode: int | None = None) -> Path:
    """A folder, with those above it. What is made here gets ``mode``; what was there stays as it is."""
    if not path.is_dir():
        folder(path.parent, mode)
        path.mkdir(exist_ok=True)
        if mode is not None:
            path.chmod(mode)
    return path


def record(path: Path, content: dict[str, Any] | list[Any], mode: int = READABLE) -> None:
    """Write JSON with its checksum in it. A list is kept under ``items``."""
    facts = content if isinstance(content, dict) else {"items": content}
    write(path, json.dumps(signed(facts), ensure_ascii=False, indent=1), mode)


def read_record(path: Path, remedy: str, strict: bool = False) -> Any:
    """What :func:`record` wrote; also what was written before there were checksums, as far as it is JSON.

    :param strict: it never was without one.
    :raises FileNotFoundError: it is not there.
    :raises Damaged: it is there and can't be used.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damaged(path, error.strerror or str(error), remedy) from error
    except ValueError as error:
        raise Damaged(path, _why(path, error), remedy) from error
    if isinstance(content, dict) and CHECKSUM in content:
        known = content.pop(CHECKSUM)
        if known != checksum(content):
            raise Damaged(path, "its content does not have the checksum that stands in it", remedy)
        return content["items"] if set(content) == {"items"} else content
    if strict or (isinstance(content, dict) and "items" in content):
        raise Damaged(path, "its checksum is gone", remedy)
    return content


def _why(path: Path, error: ValueError) -> str:
    return "it is empty" if not path.stat().st_size else f"it is no JSON ({error})"


def signed(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts with their checksum."""
    # As they will be read back: a tuple becomes a list, a date a text.
    plain = json.loads(json.dumps(facts, ensure_ascii=False, default=str))
    return {**plain, CHECKSUM: checksum(plain)}


def checksum(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:32]


def set_aside(home: Path, path: Path, keep: bool = False) -> Path:
    """Put what is damaged away in ``<home>/damaged/<moment>/``, by the path it had. It is never removed.

    :param keep: leave it where it is as well.
    """
    try:
        place = path.relative_to(home)
    except ValueError:
        place = Path(path.name)
    moment = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    target, number = home / "damaged" / moment / place, 1
    while target.exists() or target.is_symlink():
        number += 1
        target = home / "damaged" / f"{moment}-{number}" / place
    folder(target.parent, 0o700)  # what is damaged may be what nobody else should see
    if keep:
        shutil.copy2(path, target)
        target.chmod(PRIVATE)
    else:
        path.rename(target)
        fsync(path.parent)
    return target


def sweep(folder: Path, seconds: float = 0) -> None:
    """Remove what :func:`write` was writing here when it was killed. Only for the one that holds the run lock.

    :param seconds: only what is older: here others write too, who need no run lock.
    """
    for left in folder.glob(".*.part") if folder.is_dir() else []:
        if _BESIDE.fullmatch(left.name) and left.is_file() and time.time() - left.stat().st_mtime >= seconds:
            left.unlink(missing_ok=True)


def fsync(path: Path) -> None:
    """Have a file, or a folder's entries, on disk before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
