"""The memory of what was published of municipal sources: whole, or no release; and found again by what the rows say.

Disclosure control protects figures against everything that was published of the same people before. What it has to know
for that stands in the municipal layer (``published/``), and is written before anyone can see the figures. So what a
snapshot shows and the memory does not know is a memory that was lost. And the same rows may have been published by a
contract or a municipality of another name: those are found by what the rows say.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from ingest.errors import MendableError
from ingest.municipal.contract import TOTAL
from ingest.municipal.counting import mark
from ingest.municipal.layer import Layer
from ingest.snapshot import Snapshot, Store
from ingest.sql import identifier, literal
from ingest.storage import durable
from ingest.storage.durable import PRIVATE, Damaged

#: So many marks are kept of the rows of a municipality and period: enough to tell whether others are the same.
_SKETCH = 256
#: With this share of the rows in common they are the same source: of rows with a key, and of others.
_SAME_KEYS, _SAME_ROWS = 0.2, 0.5
#: Fewer rows than this say too little.
_LEAST_ROWS = 10

Key = tuple[str, ...]


class MemoryLostError(MendableError):
    """What was published of a source is not known any more, so that nothing new of it can be protected."""


@dataclass(frozen=True)
class Content:
    """What the rows of a municipality and period say, without saying it.

    :param whole: over all rows; ``columns``: over the values of each column that has more than two, some oftener than others.
    :param sketch: the smallest marks of the rows (of their keys, where they have these), and how many rows have them.
    """

    rows: int
    keyed: bool
    whole: str
    columns: tuple[str, ...]
    sketch: dict[str, int]

    @classmethod
    def of(cls, rows: Sequence[dict[str, Any]]) -> Content:
        keyed = any(row.get("key") for row in rows)
        found = Counter(f"{mark(row):016x}" for row in rows)
        by_column: dict[str, Counter[str]] = {}
        for row in rows:
            for name, value in row.items():
                if name not in ("gemeente", "period", "region"):
                    by_column.setdefault(name, Counter())[repr(value)] += 1
        telling = [v for v in by_column.values() if len(v) > 2 and len(set(v.values())) > 1]
        columns = sorted(_hash(sorted(values.items())) for values in telling)
        sketch = dict(sorted(found.items())[:_SKETCH])
        return cls(len(rows), keyed, _hash(sorted(found.items())), tuple(columns), sketch)

    def same_people(self, other: Content, same_place: bool) -> bool:
        """Whether two contents are of the same rows, as far as anyone can see: wholly, or for a good part.

        :param same_place: they are of one municipality. Of two, rows without a key say the same by chance.
        """
        if min(self.rows, other.rows) < _LEAST_ROWS:
            return self.whole == other.whole and same_place
        if self.whole == other.whole or (same_place and set(self.columns) & set(other.columns)):
            return True
        if self.keyed != other.keyed or not (self.keyed or same_place):
            return False
        # Of what both sketches reach: beyond its last mark a full one says nothing.
        ends = [max(s.sketch) for s in (self, other) if len(s.sketch) == _SKETCH]
        mine, theirs = ({m: n for m, n in s.sketch.items() if not ends or m <= min(ends)} for s in (self, other))
        common = sum(min(n, theirs[m]) for m, n in mine.items() if m in theirs)
        least = min(sum(mine.values()), sum(theirs.values()))
        return least > 0 and common / least >= (_SAME_KEYS if self.keyed else _SAME_ROWS)


@dataclass
class Memory:
    """What was published of all municipal sources.

    :param root: of the municipal layers.
    """

    root: Path
    _contents: dict[Path, Content | None] = field(default_factory=dict)

    def of(
        self, layer: Layer, gemeente: str, period: str, rows: Sequence[dict[str, Any]], ours: Collection[str] = ()
    ) -> Iterator[tuple[str, Any]]:
        """What was published before of the rows of a municipality and period, oldest first, and under which name: its own, and
        that of another contract or municipality with the same rows.

        :param ours: the municipalities that deliver now: another one may have been this one under an earlier code.
        :raises Damaged: some of it is there and can't be read.
        """
        own = layer.published(gemeente, period)
        yield from ((f"{layer.folder.name} {gemeente} {period}", record) for record in own)
        content = Content.of(rows)
        for folder in sorted(self.root.glob("*/published")):
            other = Layer(self.root, folder.parent.name)
            for file in sorted(folder.glob(f"GM*-{period}.json")):
                place = file.stem.partition("-")[0]
                if (other.folder, place) == (layer.folder, gemeente):
                    continue
                known = self._content(other.folder / "content" / file.name)
                if known and known.same_people(content, place == gemeente or place not in ours):
                    name = f"{other.folder.name} {place} {period}"
                    yield from ((name, record) for record in other.published(place, period))

    def write(
        self,
        layer: Layer,
        gemeente: str,
        period: str,
        records: list[dict[str, Any]],
        rows: Sequence[dict[str, Any]] | None,
    ) -> None:
        """Keep what is going to be published; before anyone can see it.

        :param rows: None where they are gone: the marks that are kept of them stay.
        """
        if rows is not None:
            content = Content.of(rows)
            file = layer.folder / "content" / f"{gemeente}-{period}.json"
            durable.record(file, {**vars(content), "columns": list(content.columns)}, PRIVATE)
            self._contents.pop(file, None)
        layer.publish(gemeente, period, records)

    def _content(self, file: Path) -> Content | None:
        if file not in self._contents:
            try:
                said = durable.read_record(file, "Run `rdc sources recall`.")
                self._contents[file] = Content(**{**said, "columns": tuple(said["columns"])})
            except FileNotFoundError:  # published before this was kept, or recalled without its rows
                self._contents[file] = None
        return self._contents[file]

    # -- whole or not -------------------------------------------------------------------------------------------------

    def lost(self, store: Store, contract_id: str, released: Sequence[Path] = ()) -> list[tuple[str, str]]:
        """Municipalities and periods of which a snapshot shows figures that the memory does not know.

        :param released: files of releases: where no snapshot is left, they show what was published.
        """
        layer, found = Layer(self.root, contract_id), set()
        known: dict[tuple[str, str], dict[Key, set[float | None]] | None] = {}
        # A snapshot that was changed since is no witness.
        snapshots = [s for s in store.all(contract_id) if not store.changed(s)]
        shown = [shown_by(s) for s in snapshots] or [shown_in(file, contract_id) for file in released]
        for pairs in shown:
            for pair, figures in pairs.items():
                if pair not in known:
                    known[pair] = _known(layer, *pair)
                remembered = known[pair]
                if remembered is None or any(
                    value not in remembered[key] for key, value in figures.items() if key in remembered
                ):
                    found.add(pair)
        return sorted(found)

    def needs_all(self, store: Store, contract_id: str, declared: Sequence[str], released: Sequence[Path] = ()) -> None:
        """:raises MemoryLostError: what was published of this source, or of one that is declared no more and may have been it,
        is not known any more."""
        undeclared = [f.name for f in sorted(store.root.glob("*")) if f.is_dir() and f.name not in declared]
        for name in [contract_id, *(u for u in undeclared if _is_municipal(store, u))]:
            if lost := self.lost(store, name, released):
                some = ", ".join(" ".join(pair) for pair in lost[:3]) + (" and more" if len(lost) > 3 else "")
                raise MemoryLostError(
                    f"what was published of {name} is not known any more ({some}), so that hidden figures could be had by "
                    f"subtraction; nothing new was published. Put {self.root / name / 'published'} back from a backup, or make it "
                    f"again from what is here with `rdc sources recall {name}`."
                )


def _known(layer: Layer, gemeente: str, period: str) -> dict[Key, set[float | None]] | None:
    """Figure → every way in which it was published, in the names of then; None where nothing is known."""
    try:
        records = layer.published(gemeente, period)
    except Damaged:
        return None
    found: dict[Key, set[float | None]] = {}
    for record in records:
        for key, _, published, *_ in record["figures"]:
            found.setdefault(tuple(key), set()).add(published)
    return found or None


def shown_by(snapshot: Snapshot) -> dict[tuple[str, str], dict[Key, float | None]]:
    """Municipality and period → the protected figures that a snapshot shows of it, in the names of then."""
    dimensions = ", ".join(map(identifier, snapshot.other_dimensions))
    data, rules = (literal(snapshot.file(f)) for f in ("data.parquet", "rules.parquet"))
    with duckdb.connect() as con:
        rows = con.execute(
            f'select "Measure", "Gebied", "Perioden", "Value"{", " if dimensions else ""}{dimensions} from '
            f'read_parquet({data}) where "Measure" in (select measure_code from read_parquet({rules}) '
            "where units <> 'none' and kind <> 'ratio')"
        ).fetchall()
    found: dict[tuple[str, str], dict[Key, float | None]] = {}
    for measure, region, period, value, *members in rows:
        parts = [f"{n}={m}" for n, m in zip(snapshot.other_dimensions, members, strict=True) if m != TOTAL]
        key = (measure, region, *sorted(parts))
        found.setdefault((f"GM{region[2:6]}", period), {})[key] = value
    return found


def shown_in(file: Path, contract_id: str) -> dict[tuple[str, str], dict[Key, float | None]]:
    """The same for a released file: the protected figures of a source in it."""
    found: dict[tuple[str, str], dict[Key, float | None]] = {}
    with duckdb.connect() as con:
        try:
            con.execute(f"attach {literal(file)} as released (read_only); use released")
            rows = con.execute(
                "select measure_code, region_code, period_code, value, map_entries(dimensions) from core.observation "
                "where table_id = $1 and measure_code in (select measure_code from core.disclosure_rule "
                "where table_id = $1 and units <> 'none' and kind <> 'ratio')",
                [contract_id],
            ).fetchall()
        except duckdb.Error:  # a release that can't be read, or from before there were sources of municipalities
            return found
    for measure, region, period, value, members in rows:
        parts = [f"{m['key']}={m['value']}" for m in members or [] if m["value"] != TOTAL]
        found.setdefault((f"GM{region[2:6]}", period), {})[measure, region, *sorted(parts)] = value
    return found


def laid_down(file: Path, contract_id: str) -> str:
    """When the snapshot was laid down that a released file has of a source, as its id says; empty where nothing says it, which
    comes before all others."""
    with duckdb.connect() as con:
        try:
            con.execute(f"attach {literal(file)} as released (read_only); use released")
            ids = con.execute(
                "select max(snapshot_id) from core.observation where table_id = $1", [contract_id]
            ).fetchall()
        except duckdb.Error:
            return ""
    found = re.search(r"-(\d{8}T\d{6})(\d{3})Z-", str(ids[0][0]))
    if found is None:
        return ""
    moment = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(microsecond=int(found[2]) * 1000, tzinfo=UTC)
    return moment.isoformat(timespec="milliseconds")


def _is_municipal(store: Store, table_id: str) -> bool:
    newest = store.newest(table_id)
    return newest is not None and newest.protocol == "municipal"


def _hash(said: object) -> str:
    return hashlib.blake2b(repr(said).encode(), digest_size=12).hexdigest()
