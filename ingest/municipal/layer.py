"""The municipal layer: what was accepted, what was not, and what was published of it. Readable by its owner alone.

``$RDC_HOME/municipal/<contract>/``::

    deliveries.jsonl            every delivery that was judged, a line each, for ever
    records/<delivery>.json     the same line once more: a log that was damaged is made whole from these
    rows/<delivery>.jsonl.zst   the reduced rows of an accepted delivery, until the contract's retention is over
    quarantine/<delivery>.jsonl file, sheet, line, column, value class and reason of every row that was not accepted
    published/<gm>-<period>.json   true and published figures of every release of a municipality and period
    content/<gm>-<period>.json  marks of the rows behind them, by which they are known under another name
    used/<deliveries>.json      which delivery the figures of each municipality and period are from, per snapshot
    fetched.json                ETag and hash of what was fetched last, per address

Folders have mode 0700 and files 0600.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import zstandard

from ingest.storage import durable
from ingest.storage.durable import PRIVATE, Damaged
from ingest.storage.log import Log


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
        self.log = Log(self.folder / "deliveries.jsonl", PRIVATE, fits=lambda facts: Delivery(**facts))

    # -- deliveries ---------------------------------------------------------------------------------------------------

    def deliveries(self) -> list[Delivery]:
        """Every delivery that was judged, oldest first; a line that can't be read is passed over."""
        return [Delivery(**facts) for facts in self.log.read()]

    def add(self, delivery: Delivery, rows: list[dict[str, Any]], quarantine: Iterable[dict[str, Any]]) -> None:
        """Keep a delivery. The log's line comes last: without it, the delivery was never here."""
        if rows:
            packed = zstandard.ZstdCompressor(level=3).compress("\n".join(map(_line, rows)).encode())
            self.write(f"rows/{delivery.delivery_id}.jsonl.zst", packed)
        lines = "\n".join(map(_line, quarantine))
        if lines:
            self.write(f"quarantine/{delivery.delivery_id}.jsonl", (lines + "\n").encode())
        durable.record(self.folder / "records" / f"{delivery.delivery_id}.json", asdict(delivery), PRIVATE)
        self.log.append(asdict(delivery))

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
                for gemeente, period in delivery.covers:
                    found[gemeente, period] = delivery
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
        """:raises Damaged: what was published is there and can't be read."""
        file = self.folder / "published" / f"{gemeente}-{period}.json"
        remedy = (
            "Without it the figures can't be protected. Put a copy of it back, or make it again with "
            f"`rdc sources recall {self.folder.name}`."
        )
        try:
            return list(durable.read_record(file, remedy))
        except FileNotFoundError:
            return []

    def published_periods(self, gemeente: str) -> list[str]:
        """The periods of which something was published of a municipality."""
        return sorted(f.stem.partition("-")[2] for f in (self.folder / "published").glob(f"{gemeente}-*.json"))

    def publish(self, gemeente: str, period: str, releases: list[dict[str, Any]]) -> None:
        durable.record(self.folder / "published" / f"{gemeente}-{period}.json", releases, PRIVATE)

    def used(self, stamp: str) -> dict[str, str]:
        """Municipality and period → the delivery that a snapshot's figures of it are from, by the snapshot's stamp."""
        file = self.folder / "used" / f"{stamp}.json"
        return _optional(file)

    def use(self, stamp: str, deliveries: dict[tuple[str, str], str]) -> None:
        content = {f"{gemeente} {period}": delivery for (gemeente, period), delivery in deliveries.items()}
        durable.record(self.folder / "used" / f"{stamp}.json", content, PRIVATE)

    # -- addresses ----------------------------------------------------------------------------------------------------

    def fetched(self) -> dict[str, dict[str, str]]:
        """Where it can't be read, everything is fetched once more."""
        return _optional(self.folder / "fetched.json")

    def remember(self, url: str, stamp: dict[str, str]) -> None:
        durable.record(self.folder / "fetched.json", self.fetched() | {url: stamp}, PRIVATE)

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(self, name: str, content: bytes) -> None:
        """Whole or not at all; nobody but the owner can read it at any moment."""
        durable.write(self.folder / name, content, PRIVATE)

    def sweep(self) -> None:
        """Remove what a killed run left: half-written files, and rows of a delivery that never came into the log.

        A line that was damaged may be the line of such rows. So the log is made whole first, and while it isn't, no rows go.
        """
        for folder in (self.folder, *(f for f in self.folder.glob("*") if f.is_dir())):
            durable.sweep(folder)
        self.restore()
        if self.log.damage():
            return
        known = {d.delivery_id for d in self.deliveries()}
        for file in (*self.folder.glob("rows/*"), *self.folder.glob("quarantine/*")):
            if file.is_file() and file.name.split(".")[0] not in known:
                file.unlink()

    def missing(self) -> list[dict[str, Any]]:
        """The deliveries that have a record and no line."""
        logged = {d.delivery_id for d in self.deliveries()}
        found = []
        for file in self.folder.glob("records/*.json"):
            if file.stem not in logged:
                with suppress(Damaged, TypeError):
                    found.append(asdict(Delivery(**durable.read_record(file, ""))))
        return found

    def restore(self) -> int:
        """Put the lines that are missing back into the log, each in its place; how many they were.

        A line that can't be read goes only when there is a record for each that the log had: see :meth:`Log.mend`.
        """
        missing, lines = self.missing(), self.log.read()
        if missing and not self.log.damage():
            self.log.write(sorted([*lines, *missing], key=lambda d: (d["at"], d["delivery_id"])))
        for line in lines:
            record = self.folder / "records" / f"{line['delivery_id']}.json"
            try:
                durable.read_record(record, "")
            except FileNotFoundError:  # of before there were records
                durable.record(record, line, PRIVATE)
            except Damaged:
                durable.set_aside(self.folder.parent.parent, record)
                durable.record(record, line, PRIVATE)
        return len(missing)


def _optional(file: Path) -> dict[str, Any]:
    """A record that can be had again when it is not there or damaged."""
    try:
        return dict(durable.read_record(file, "It is made anew."))
    except (FileNotFoundError, Damaged):
        return {}


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, default=str)


def stamp_id(stamp: dict[str, str]) -> str:
    """Tells one state of a source from the next, as its snapshots have it."""
    return hashlib.sha256(repr(sorted(stamp.items())).encode()).hexdigest()
