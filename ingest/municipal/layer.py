"""The municipal layer: what was accepted, what was not, and what was published of it. Readable by its owner alone.

``$RDC_HOME/municipal/<contract>/``::

    deliveries.jsonl            every delivery that was judged, a line each, for ever
    rows/<delivery>.jsonl.zst   the reduced rows of an accepted delivery, until the contract's retention is over
    quarantine/<delivery>.jsonl file, sheet, line, column, value class and reason of every row that was not accepted
    published/<gm>-<period>.json   true and published figures of every release of a municipality and period
    used/<deliveries>.json      which delivery the figures of each municipality and period are from, per snapshot
    fetched.json                ETag and hash of what was fetched last, per address

Folders have mode 0700 and files 0600.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import zstandard


@dataclass(frozen=True)
class Delivery:
    """A delivery that was judged.

    :param name: its name as it may be written down; the file's own name can be personal.
    :param state: ``accepted`` or ``stopped``.
    :param covers: municipality and period of its rows; what an earlier delivery had of these, it replaces.
    :param key_id: tells whether two deliveries were hashed with the same secret.
    """

    delivery_id: str
    at: str
    name: str
    sha256: str
    bytes: int
    way_in: str
    state: str
    reasons: list[str]
    warnings: list[str]
    received: int
    accepted: int
    quarantined: int
    dropped: dict[str, int]
    covers: list[list[str]]
    intake_hash: str
    key_id: str | None = None
    missing_boundaries: list[int] = field(default_factory=list)
    report: str | None = None


class Layer:
    """The municipal layer of one contract."""

    def __init__(self, root: Path, contract_id: str) -> None:
        self.folder = root / contract_id
        self.log = self.folder / "deliveries.jsonl"

    # -- deliveries ---------------------------------------------------------------------------------------------------

    def deliveries(self) -> list[Delivery]:
        """Every delivery that was judged, oldest first; a line that a killed run left torn is passed over."""
        if not self.log.is_file():
            return []
        found = []
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                found.append(Delivery(**json.loads(line)))
            except (ValueError, TypeError):
                continue
        return found

    def add(self, delivery: Delivery, rows: list[dict[str, Any]], quarantine: Iterable[dict[str, Any]]) -> None:
        """Keep a delivery. The log's line comes last: without it, the delivery was never here."""
        if rows:
            packed = zstandard.ZstdCompressor(level=3).compress("\n".join(map(_line, rows)).encode())
            self.write(f"rows/{delivery.delivery_id}.jsonl.zst", packed)
        lines = "\n".join(map(_line, quarantine))
        if lines:
            self.write(f"quarantine/{delivery.delivery_id}.jsonl", (lines + "\n").encode())
        self._append(_line(asdict(delivery)))

    def rows(self, delivery_id: str) -> list[dict[str, Any]] | None:
        """The reduced rows of a delivery; None where its retention is over."""
        file = self.folder / "rows" / f"{delivery_id}.jsonl.zst"
        if not file.is_file():
            return None
        text = zstandard.ZstdDecompressor().decompress(file.read_bytes()).decode()
        return [json.loads(line) for line in text.splitlines()]

    def in_force(self, everything: bool) -> dict[tuple[str, str], Delivery]:
        """Which delivery each municipality and period is from: the newest that was accepted.

        :param everything: a delivery replaces all that was before it, also what it does not have.
        """
        found: dict[tuple[str, str], Delivery] = {}
        for delivery in self.deliveries():
            if delivery.state == "accepted":
                if everything:
                    found = {}
                found |= dict.fromkeys((tuple(pair) for pair in delivery.covers), delivery)
        return found

    def expire(self, days: int, today: datetime | None = None) -> int:
        """Remove rows that are older than the contract lets them be; how many deliveries lost theirs."""
        before, gone = (today or datetime.now(UTC)) - timedelta(days=days), 0
        for delivery in self.deliveries():
            file = self.folder / "rows" / f"{delivery.delivery_id}.jsonl.zst"
            if datetime.fromisoformat(delivery.at) < before and file.is_file():
                file.unlink()
                gone += 1
        return gone

    # -- what was published -------------------------------------------------------------------------------------------

    def published(self, gemeente: str, period: str) -> list[dict[str, Any]]:
        file = self.folder / "published" / f"{gemeente}-{period}.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []

    def published_periods(self, gemeente: str) -> list[str]:
        """The periods of which something was published of a municipality."""
        return sorted(f.stem.partition("-")[2] for f in (self.folder / "published").glob(f"{gemeente}-*.json"))

    def publish(self, gemeente: str, period: str, releases: list[dict[str, Any]]) -> None:
        self.write(f"published/{gemeente}-{period}.json", json.dumps(releases, ensure_ascii=False).encode())

    def used(self, stamp: str) -> dict[str, str]:
        """Municipality and period → the delivery that a snapshot's figures of it are from, by the snapshot's stamp."""
        file = self.folder / "used" / f"{stamp}.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

    def use(self, stamp: str, deliveries: dict[tuple[str, str], str]) -> None:
        content = {f"{gemeente} {period}": delivery for (gemeente, period), delivery in deliveries.items()}
        self.write(f"used/{stamp}.json", json.dumps(content, indent=1).encode())

    # -- addresses ----------------------------------------------------------------------------------------------------

    def fetched(self) -> dict[str, dict[str, str]]:
        file = self.folder / "fetched.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

    def remember(self, url: str, stamp: dict[str, str]) -> None:
        self.write("fetched.json", json.dumps(self.fetched() | {url: stamp}, indent=1).encode())

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(self, name: str, content: bytes) -> None:
        """Write beside, fsync, rename; nobody but the owner can read it at any moment."""
        target = self.folder / name
        self._make(target.parent)
        beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise

    def _append(self, line: str) -> None:
        self._make(self.folder)
        handle = os.open(self.log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                line = "\n" + line
            os.write(handle, (line + "\n").encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def _make(self, folder: Path) -> None:
        for part in [*reversed(folder.relative_to(self.folder.parent).parents), folder.relative_to(self.folder.parent)]:
            made = self.folder.parent / part
            if not made.is_dir():
                made.mkdir(parents=True, mode=0o700, exist_ok=True)
                made.chmod(0o700)

    def sweep(self) -> None:
        """Remove what a killed run left: half-written files, and rows of a delivery that never came into the log."""
        for left in self.folder.glob("**/.*.part"):
            left.unlink(missing_ok=True)
        known = {d.delivery_id for d in self.deliveries()}
        for file in (*self.folder.glob("rows/*"), *self.folder.glob("quarantine/*")):
            if file.name.split(".")[0] not in known:
                file.unlink(missing_ok=True)


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, default=str)
