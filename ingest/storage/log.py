"""A log that only grows: JSON lines, each with its own checksum.

A line that was torn by a kill or damaged since costs no other line: reading passes it over and counts it, and
:meth:`Log.mend` puts it aside. Lines from before there were checksums are read as they are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingest.storage import durable
from ingest.storage.durable import CHECKSUM, PRIVATE, READABLE, Damaged


class Log:
    """:param fits: whether a line has what is expected of it; it raises a ``TypeError`` or ``ValueError``, or says no.
    :param sync: whether a line is on the disk when :meth:`append` returns, or soon after: then only a power cut loses it.
    """

    def __init__(
        self,
        file: Path,
        mode: int = READABLE,
        fits: Callable[[dict[str, Any]], object] | None = None,
        sync: bool = True,
    ) -> None:
        self.file, self.mode, self.sync, self._fits = file, mode, sync, fits

    def append(self, facts: dict[str, Any]) -> None:
        """Add a line.

        :raises Damaged: something else than a file stands in its place.
        """
        durable.folder(self.file.parent, 0o700 if self.mode == PRIVATE else None)
        line = json.dumps(durable.signed(facts), ensure_ascii=False) + "\n"
        try:
            handle = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, self.mode)
        except IsADirectoryError as error:
            raise Damaged(self.file, "a folder stands in its place", "Run `rdc run`, which puts it aside.") from error
        try:
            stat = os.fstat(handle)
            if stat.st_uid == os.geteuid() and stat.st_mode & 0o777 != self.mode:
                os.fchmod(handle, self.mode)
            size = self._end(handle, stat.st_size)
            content = line.encode()
            if os.write(handle, content) < len(content):
                # A full disk takes part of a line: what came of it goes, and the next attempt says why.
                os.ftruncate(handle, size)
                os.write(handle, content)
            if self.sync:
                os.fsync(handle)
        finally:
            os.close(handle)

    def _end(self, handle: int, size: int) -> int:
        """Where the next line begins: a line that a killed run left torn must not swallow it, and goes."""
        if not size or os.pread(handle, 1, size - 1) == b"\n":
            return size
        before, last = size, b""
        while before and b"\n" not in last:
            start = max(0, before - 8192)
            last = os.pread(handle, before - start, start) + last
            before = start
        line = last[last.rfind(b"\n") + 1 :]
        if self._line(line) is not None:
            return size + os.write(handle, b"\n")
        os.ftruncate(handle, size - len(line))
        return size - len(line)

    def read(self) -> list[dict[str, Any]]:
        """Every whole line, oldest first."""
        return self._read()[0]

    def damage(self) -> str:
        """What is wrong with it, or nothing. A torn last line is no damage: it was never written to its end."""
        if self.file.exists() and not self.file.is_file():
            return "a folder stands in its place"
        bad = self._read()[1]
        lines = f"line {', '.join(map(str, bad[:5]))}" + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")
        return f"{lines} can't be read" if bad else ""

    def bad(self) -> int:
        """How many lines can't be read."""
        return len(self._read()[1])

    def mend(self, home: Path, keep: bool = False) -> Path | None:
        """Put a copy aside and go on with the whole lines; where the copy is, or None where nothing was wrong.

        :param keep: something else is wrong: put a copy aside in any case.
        Only for the one that holds the run lock: a line that is added meanwhile would be lost.
        """
        if self.file.exists() and not self.file.is_file():
            return durable.set_aside(home, self.file)
        whole, bad, torn = self._read()
        kept = durable.set_aside(home, self.file, keep=True) if self.file.exists() and (bad or keep) else None
        if not bad and not torn:
            return kept
        self.write(whole)
        return kept

    def write(self, lines: list[dict[str, Any]]) -> None:
        """The whole log anew."""
        text = "".join(json.dumps(durable.signed(line), ensure_ascii=False) + "\n" for line in lines)
        durable.write(self.file, text, self.mode)

    def _read(self) -> tuple[list[dict[str, Any]], list[int], bool]:
        """The whole lines, the numbers of the bad ones, and whether the last one is torn."""
        try:
            content = self.file.read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            return [], [], False
        found, bad = [], []
        lines = content.split(b"\n")
        last = lines.pop()
        # What a kill left of a line begins as one; else it is something that does not belong here.
        torn = last.startswith(b'{"') and b"\0" not in last and self._line(last) is None
        if last and not torn:
            lines.append(last)
        for number, line in enumerate(lines, 1):
            if (facts := self._line(line)) is not None:
                found.append(facts)
            elif line.strip():
                bad.append(number)
        return found, bad, torn

    def _line(self, line: bytes) -> dict[str, Any] | None:
        try:
            facts = json.loads(line)
            known = facts.pop(CHECKSUM, None)
            if known is not None and known != durable.checksum(facts):
                return None
            if self._fits is not None and self._fits(facts) is False:
                return None
        except (ValueError, TypeError, AttributeError):
            return None
        return dict(facts)
