"""The landing zone: immutable snapshots, each whole under its final name or not there at all.

A snapshot is a folder ``$RDC_HOME/snapshots/<table>/<snapshot_id>/``::

    snapshot.json               what it is: source, URLs, time, Modified, rows, fingerprint, SHA-256 of every file
    page-00001.json.zst ...     the rows, a row a line or as the array that came; with what snapshot.json says of the page
                                they give its exact body (ingest.received.body)
    metadata.json.zst           every metadata resource as received
    data.parquet                the rows, typed after the table's own metadata, codes trimmed
    dimensions.parquet codes.parquet measures.parquet   the metadata, normalised

Beside the folder lies ``<snapshot_id>.verdict.json`` once the snapshot was audited. The verdict is not inside,
because a snapshot never changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.errors import MendableError
from ingest.storage.durable import Damaged, fsync, read_record, record
from ingest.verified import Verified, file_sha256

SAMPLE = Path(__file__).parent / "sample"
MANIFEST = "snapshot.json"
#: The layout of a snapshot without figures.
AREAS = "areas"
#: What follows the table's id in a snapshot's, as a regular expression: when it was fetched, and of its hash the beginning.
AFTER_TABLE = r"-\d{8}T\d+Z-[0-9a-f]+$"
_AGAIN = "Run `rdc run`: it puts the snapshot aside and fetches the table anew."


@dataclass(frozen=True)
class Snapshot:
    """What a snapshot knows about itself. ``path`` is where it lies; everything else is in ``snapshot.json``.

    :param origin: ``live`` (from the source) or ``sample`` (the bundled reference extract).
    :param layout: ``wide`` (a column per measure), ``long`` (a row per observation) or ``areas`` (boundaries, which are no figures).
    :param row_count: rows that arrived; ``expected_count`` is the service's own count and ``count_source`` who said so.
    :param region_dimension: key of the dimension with regions, if any; ``time_dimension`` likewise.
    :param period: the declared period of all figures, for a table without a time dimension.
    :param filter: the OData filter that was declared; None takes all rows of the scope.
    :param scope: ``nederland`` (all regions of the table) or the region's slug (those that matter to its municipalities).
    :param sequence: its place among the snapshots of its table, whatever the clock said; 0 for those from before there were
        numbers, which come first, in the order of their time.
    :param sha256: over the hashes of all files: one number for the whole content.
    """

    snapshot_id: str
    source_id: str
    table_id: str
    title: str
    protocol: str
    catalog: str
    origin: str
    layout: str
    url: str
    fetched_at: str
    modified: str
    stamp: dict[str, str]
    row_count: int
    expected_count: int
    count_source: str
    region_dimension: str | None
    time_dimension: str | None
    other_dimensions: list[str]
    period: str | None
    filter: str | None
    scope: str
    schema_fingerprint: str
    sha256: str
    bytes: int
    licence: str
    attribution: str
    warnings: list[str]
    pages: list[dict[str, Any]]
    files: dict[str, dict[str, Any]]
    path: Path = field(compare=False)
    sequence: int = 0

    @classmethod
    def read(cls, path: Path) -> Snapshot:
        """:raises SnapshotError: the manifest is missing or not one of ours."""
        try:
            return cls(path=path, **_as_now(read_record(path / MANIFEST, _AGAIN)))
        except Damaged as error:
            raise SnapshotError(str(error)) from error
        except (OSError, TypeError) as error:
            raise SnapshotError(f"{path}: not a readable snapshot ({error}). {_AGAIN}") from error

    def manifest(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "path"}

    def file(self, name: str) -> Path:
        return self.path / name

    def damaged(self) -> list[str]:
        """The files that are gone, or whose content no longer has the hash under which it was laid down."""
        return [
            name
            for name, known in self.files.items()
            if not self.file(name).is_file() or file_sha256(self.file(name)) != known["sha256"]
        ]

    @property
    def verdict_file(self) -> Path:
        return self.path.with_name(self.path.name + ".verdict.json")


def _as_now(manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest in today's terms. Before regions could be chosen, ``scope`` was the declared filter, and all regions were taken."""
    if "filter" in manifest or "scope" not in manifest:
        return manifest
    return manifest | {"filter": manifest["scope"] or None, "scope": "nederland"}


class SnapshotError(MendableError):
    """A snapshot that can't be read or written."""


class Landing:
    """A snapshot in the making, in a folder that no reader looks at.

    Its journal has a line per page that is whole on disk, so that a run which died at page 37 goes on at page 38.
    """

    _JOURNAL = "pages.jsonl"

    def __init__(self, path: Path) -> None:
        self.path = path

    def done(self) -> list[dict[str, Any]]:
        """The pages that are whole on disk, in order; what comes behind a gap or a torn line is fetched again."""
        journal = self.path / self._JOURNAL
        found: list[dict[str, Any]] = []
        for line in journal.read_text(encoding="utf-8").splitlines() if journal.is_file() else []:
            try:
                page = json.loads(line)
                file = self.path / page["file"]
                whole = page.pop("stored") == file.stat().st_size
            except (ValueError, KeyError, OSError):
                break
            if not whole:
                break
            found.append(page)
        return found

    def keep(self, page: dict[str, Any]) -> None:
        """Note that a page is whole, once it is on disk."""
        file = self.path / page["file"]
        fsync(file)
        with (self.path / self._JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(page | {"stored": file.stat().st_size}) + "\n")

    def commit(self, table_folder: Path, **facts: Any) -> Snapshot:
        """Give the snapshot its id and its final name; after a crash it is there whole or not at all."""
        # What an earlier try left that was killed while it committed is none of the source's.
        for left in (self.path / self._JOURNAL, self.path / MANIFEST, *self.path.glob(".*")):
            left.unlink(missing_ok=True)
        files: dict[str, dict[str, Any]] = {
            item.name: {"bytes": item.stat().st_size, "sha256": file_sha256(item)}
            for item in sorted(self.path.iterdir())
        }
        sha256 = hashlib.sha256(
            json.dumps({name: f["sha256"] for name, f in files.items()}, sort_keys=True).encode()
        ).hexdigest()
        moment = datetime.fromisoformat(facts["fetched_at"]).astimezone(UTC)
        snapshot_id = f"{facts['table_id']}-{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z-{sha256[:8]}"
        snapshot = Snapshot(
            snapshot_id=snapshot_id,
            sha256=sha256,
            bytes=sum(f["bytes"] for f in files.values()),
            files=files,
            path=table_folder / snapshot_id,
            sequence=1 + max((s.sequence for s in _readable(table_folder)), default=0),
            **facts,
        )
        record(self.path / MANIFEST, snapshot.manifest())
        self._share(files, table_folder)
        for item in self.path.iterdir():
            fsync(item)
        fsync(self.path)
        self.path.rename(snapshot.path)
        fsync(table_folder)
        return snapshot

    def _share(self, files: dict[str, dict[str, Any]], table_folder: Path) -> None:
        """A file whose content an earlier snapshot of the table has already takes no room of its own: every snapshot is
        kept, and a table that was published anew without a change costs next to nothing."""
        known: dict[str, Path] = {}
        for earlier in _readable(table_folder):
            known |= {about["sha256"]: earlier.file(name) for name, about in earlier.files.items()}
        for name, about in files.items():
            twin = known.get(about["sha256"])
            if twin is None or not twin.is_file() or file_sha256(twin) != about["sha256"]:
                continue
            beside = self.path / f".{name}.link"
            try:
                os.link(twin, beside)
            except OSError:
                return  # a file system without hard links
            beside.replace(self.path / name)


def _readable(table_folder: Path) -> list[Snapshot]:
    """The snapshots of a table whose manifests can be read, whatever else is wrong with them."""
    found = []
    for manifest in sorted(table_folder.glob(f"*/{MANIFEST}")):
        if not manifest.parent.name.startswith("."):
            with suppress(SnapshotError):
                found.append(Snapshot.read(manifest.parent))
    return found


class Store:
    """All snapshots under ``$RDC_HOME/snapshots``, and the bundled sample beside them."""

    def __init__(self, root: Path, sample: Path = SAMPLE) -> None:
        self.root = root
        self._sample = sample
        self._verified = Verified(root)

    @contextmanager
    def landing(self, table_id: str, version: str, discard_on: tuple[type[Exception], ...] = ()) -> Iterator[Landing]:
        """A folder to fetch one version of a table into, with what an earlier run already brought of it.

        It is kept when the fetching breaks off, and goes when the snapshot is committed or what arrived proves wrong
        (one of the errors in ``discard_on``); what was brought of another version goes too.
        """
        folder = self.root / table_id
        path = folder / f".landing-{hashlib.sha256(version.encode()).hexdigest()[:16]}"
        for other in folder.glob(".landing-*"):
            if other != path:
                shutil.rmtree(other, ignore_errors=True)
        path.mkdir(parents=True, exist_ok=True)
        try:
            yield Landing(path)
        except discard_on:
            shutil.rmtree(path, ignore_errors=True)
            raise
        if path.exists():
            shutil.rmtree(path)

    def remove(self, snapshot: Snapshot) -> None:
        """Take a snapshot away for good: out of sight in one step, whatever happens then. What equals it elsewhere stays."""
        gone = snapshot.path.with_name(f".gone-{snapshot.snapshot_id}")
        snapshot.path.rename(gone)
        snapshot.verdict_file.unlink(missing_ok=True)
        shutil.rmtree(gone)

    def sweep(self, days: float = 7) -> None:
        """Remove beginnings that nobody went on with, and half-removed ends. Only for the one that holds the run lock."""
        for left in self.root.glob("*/.gone-*"):
            shutil.rmtree(left, ignore_errors=True)
        for left in self.root.glob("*/.landing-*"):
            if datetime.now(UTC).timestamp() - left.stat().st_mtime > days * 86_400:
                shutil.rmtree(left, ignore_errors=True)

    def all(self, table_id: str) -> list[Snapshot]:
        """The live snapshots of a table, oldest first."""
        folder = self.root / table_id
        if not folder.is_dir():
            return []
        # One that is damaged costs no other; orchestration.damage tells of it.
        return sorted(_readable(folder), key=lambda s: (s.sequence, s.fetched_at, s.snapshot_id))

    def get(self, table_id: str, snapshot_id: str) -> Snapshot:
        """:raises SnapshotError: it is not there, or can't be read."""
        return Snapshot.read(self.root / table_id / snapshot_id)

    @staticmethod
    def is_id(table_id: str, name: str) -> bool:
        """Whether a name is that of a snapshot of a table."""
        return re.fullmatch(re.escape(table_id) + r"-\d{8}T\d{9}Z-[0-9a-f]{8}", name) is not None

    def newest(self, table_id: str) -> Snapshot | None:
        """The newest snapshot, whatever its verdict: what the source last gave us."""
        return next(reversed(self.all(table_id)), None)

    def good(self, table_id: str) -> Snapshot | None:
        """The newest snapshot that was audited and accepted, and is as it was laid down: what the warehouse is built from."""
        accepted = (s for s in reversed(self.all(table_id)) if (v := self.verdict(s)) and v.accepted)
        return next((s for s in accepted if not self.changed(s)), None)

    def changed(self, snapshot: Snapshot) -> list[str]:
        """What a build would read of a snapshot otherwise than it was laid down; see :mod:`ingest.verified`."""
        return self._verified.wrong(snapshot)

    def spoilt(self, table_id: str) -> tuple[Snapshot, list[str]] | None:
        """The snapshot that the warehouse would be built from, were it not changed since, and what is changed in it."""
        for snapshot in reversed(self.all(table_id)):
            if changed := self.changed(snapshot):
                return snapshot, changed
            if (verdict := self.verdict(snapshot)) and verdict.accepted:
                return None
        return None

    def unjudged(self, table_id: str) -> list[Snapshot]:
        return [s for s in self.all(table_id) if self.verdict(s) is None and not self.changed(s)]

    def sample(self, table_id: str) -> Snapshot | None:
        path = self._sample / table_id
        return Snapshot.read(path) if (path / MANIFEST).is_file() else None

    def judge(self, snapshot: Snapshot, verdict: Verdict) -> None:
        record(snapshot.verdict_file, asdict(verdict))

    def verdict(self, snapshot: Snapshot) -> Verdict | None:
        """What the audit said; None where it was not asked yet, and where its answer can't be read any more: it is asked anew."""
        try:
            return Verdict(**read_record(snapshot.verdict_file, "The next `rdc run` audits the snapshot anew."))
        except (FileNotFoundError, Damaged, TypeError):
            return None


@dataclass(frozen=True)
class Verdict:
    """What the audit said of a snapshot. A snapshot that is not accepted is quarantined, with its reasons.

    :param accepted_by: who let it through although something changed; None where nothing had to be let through.
    """

    accepted: bool
    judged_at: str
    reasons: list[str]
    results: list[dict[str, Any]]
    accepted_by: str | None = None


def fetched_anew(last: Snapshot, spoilt: list[str]) -> str:
    """What is told of a snapshot that was taken again because it was changed on disk."""
    return (
        f"{last.table_id}: snapshot {last.snapshot_id} is not as it was laid down ({', '.join(spoilt)} changed or gone), so it "
        "was fetched anew. Look after the disk, and who may write in the data folder"
    )


def now() -> str:
    """The time in UTC, to the millisecond (two snapshots must not share it), as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
