"""Whether the files of a snapshot that a build reads are still those that were laid down.

Every one is read and hashed once per state of the file (place, size, times, inode), and what was found is remembered beside the
snapshots. So an unchanged file costs a look at its folder entry, and one that was rewritten is hashed again.
"""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.storage.durable import Damaged, read_record, record

if TYPE_CHECKING:
    from ingest.snapshot import Snapshot

NAME = "verified.json"


class Verified:
    """The hashes that files were found to have, by their state; kept in a folder's ``verified.json``, which may be thrown away."""

    def __init__(self, root: Path) -> None:
        self._file, self._root = root / NAME, root
        self._known: dict[str, list[object]] | None = None
        #: Tables are looked at side by side. A file is hashed by whoever comes first; the others wait for what was found.
        self._turn = threading.Lock()

    def wrong(self, snapshot: Snapshot) -> list[str]:
        """What a build would read otherwise than it was laid down: files that are gone or changed, or the manifest itself."""
        hashes = {name: about["sha256"] for name, about in snapshot.files.items()}
        whole = hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()
        if whole != snapshot.sha256 or not snapshot.snapshot_id.endswith(whole[:8]):
            return ["snapshot.json"]
        read = [name for name in hashes if name.endswith(".parquet")]
        with self._turn:
            if self._known is None:
                self._known = self._read()
            before = dict(self._known)
            found = [name for name in read if self._sha256(snapshot.file(name), self._known) != hashes[name]]
            if before != self._known:
                self._keep(self._known)
        return found

    def _sha256(self, file: Path, known_files: dict[str, list[object]]) -> str | None:
        try:
            stat = file.stat()
        except OSError:
            return None
        place = str(file.relative_to(self._root)) if file.is_relative_to(self._root) else str(file)
        # The time of the last change of the entry as well: the other time can be set by whoever rewrites a file.
        state = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
        known = known_files.get(place)
        if known and known[:-1] == state:
            return str(known[-1])
        try:
            found = file_sha256(file)
        except OSError:  # a bad sector
            return None
        known_files[place] = [*state, found]
        return found

    def _read(self) -> dict[str, list[object]]:
        try:
            content = read_record(self._file, "")
            return {place: state for place, state in content["files"].items() if isinstance(state, list) and state}
        except (FileNotFoundError, Damaged, OSError, KeyError, TypeError, AttributeError):
            return {}

    def _keep(self, known: dict[str, list[object]]) -> None:
        # With what another process found meanwhile; should both write at once, one of them hashes some files once more.
        here = {place: state for place, state in (self._read() | known).items() if (self._root / place).is_file()}
        # Who may only read works all the same; the next one who may write remembers.
        with suppress(OSError):
            record(self._file, {"files": here})


def file_sha256(file: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
