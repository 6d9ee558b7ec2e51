"""The memory of what was published of a municipal source, made again when it is lost, from what is still here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard

from ingest.municipal.contract import Contract
from ingest.municipal.disclosure import protection
from ingest.municipal.disclosure.linking import marks
from ingest.municipal.disclosure.memory import Key, Memory, laid_down, shown_by, shown_in
from ingest.municipal.layer import Layer, stamp_id
from ingest.municipal.region import Geography
from ingest.snapshot import Snapshot
from ingest.storage import durable
from ingest.storage.durable import Damaged

if TYPE_CHECKING:
    from ingest.home import Home


@dataclass(frozen=True)
class _Shown:
    """What was shown of a municipality in a period at a time.

    :param snapshot: None where the figures are known from a released file alone.
    """

    snapshot: Snapshot | None
    gemeente: str
    period: str
    figures: dict[Key, float | None]

    def known_from(self, record: dict[str, Any]) -> bool:
        """Whether the memory has these figures already."""
        published = {tuple(key): shown for key, _, shown, *_ in record["figures"]}
        return all(key in published and published[key] == value for key, value in self.figures.items())

    def record(self, layer: Layer, geography: Geography) -> tuple[dict[str, Any], list[dict[str, Any]] | None]:
        """What the memory must know of it, and the rows behind it: counted again where they are still here and give the same
        figures, else the outside of it alone."""
        delivery, rows = self._rows(layer)
        made = self._remade(geography, delivery, rows) if rows else None
        return made or self._outside(delivery), rows

    def _rows(self, layer: Layer) -> tuple[str, list[dict[str, Any]] | None]:
        """The delivery that the figures of a snapshot were counted from, and its rows where they are still here."""
        if self.snapshot is None:
            return "recalled", None
        delivery = layer.used(stamp_id(self.snapshot.stamp)).get(f"{self.gemeente} {self.period}")
        if delivery is None:
            covering = [
                d.delivery_id
                for d in layer.deliveries()
                if d.state == "accepted"
                and d.at <= self.snapshot.fetched_at
                and [self.gemeente, self.period] in d.covers
            ]
            delivery = covering[-1] if covering else None
        rows = layer.rows(delivery) if delivery else None
        mine = (
            [r for r in rows if (r["gemeente"], r["period"]) == (self.gemeente, self.period)]
            if rows is not None
            else None
        )
        return delivery or "recalled", mine

    def _remade(self, geography: Geography, delivery: str, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
        """As it was, counted again from its rows under the contract of then; None where that gives other figures."""
        from ingest.municipal.counting import count_up
        from ingest.municipal.disclosure.control import prepare

        assert self.snapshot is not None  # there are no rows without
        packed = self.snapshot.file("metadata.json.zst").read_bytes()
        contract = Contract.model_validate(json.loads(zstandard.ZstdDecompressor().decompress(packed))["contract"])
        counted = count_up(contract, self.gemeente, self.period, rows, geography)
        made = prepare(*protection.table(contract, counted), contract.disclosure.rules)
        shown = {key: f for key, f in made.figures.items() if not key[0].startswith("~")}
        if shown.keys() != self.figures.keys():
            return None
        for key, figure in shown.items():
            if self.figures[key] is None:
                figure.published = None
            elif figure.published != self.figures[key]:
                return None
        return protection.record(made, delivery, contract, marks(contract, counted))

    def _outside(self, delivery: str) -> dict[str, Any]:
        """That of which only what was published is known: it stands as it is."""
        return {
            "delivery": delivery,
            "contract": "",
            "frozen": True,
            "figures": [
                [list(k), v or 0.0, v, v or 0.0, v or 0.0, 0.0, v or 0.0, None, 1.0, False]
                for k, v in self.figures.items()
            ],
            "relations": [],
        }


def recall(home: Home, contract_id: str, released: Sequence[Path]) -> list[tuple[str, str, bool]]:
    """Make the memory of a source again from the snapshots, the releases and the rows that are still here.

    :param released: the files of all releases of all series.
    :returns: municipality, period, and whether all of it is known again. Where the rows are gone, only the outside is: what
        was published then stands for good.
    """
    memory, layer = Memory(home.settings.municipal), Layer(home.settings.municipal, contract_id)
    shown = _shown(home, contract_id, released)
    geography, found = Geography.of(home), []
    for pair in sorted({pair for _, _, pairs in shown for pair in pairs}):
        file = layer.folder / "published" / f"{pair[0]}-{pair[1]}.json"
        try:
            before = layer.published(*pair)
        except Damaged:
            durable.set_aside(home.settings.home, file)
            before = []
        rows: list[dict[str, Any]] | None = None
        known = list(zip(accumulate((str(r["at"]) for r in before), max), before, strict=True))
        for at, snapshot, pairs in shown:
            if not (figures := pairs.get(pair)):
                continue
            was = _Shown(snapshot, *pair, figures)
            if same := [n for n, (_, record) in enumerate(known) if was.known_from(record)]:
                then, record = known[same[-1]]
                known[same[-1]] = max(then, at), record
                continue
            record, counted_rows = was.record(layer, geography)
            known.append((at, record | {"at": at}))
            rows = counted_rows or rows
        # What was published last comes last: it is what stands where nothing new can be published.
        records = [record for _, record in sorted(known, key=itemgetter(0))]
        if records != before:
            memory.write(layer, *pair, records, rows)
            found.append((*pair, not any(r.get("frozen") for r in records)))
    return found


def _shown(
    home: Home, contract_id: str, released: Sequence[Path]
) -> list[tuple[str, Snapshot | None, dict[tuple[str, str], dict[Key, float | None]]]]:
    """What was shown of a source, oldest first: when it was laid down, the snapshot where it is still here, and the figures."""
    snapshots = [s for s in home.store.all(contract_id) if not home.store.changed(s)]
    # Snapshots are in the order of their making, whatever the clock said.
    times = accumulate((s.fetched_at for s in snapshots), max)
    files = [(laid_down(file, contract_id), None, shown_in(file, contract_id)) for file in released]
    return sorted(
        [*files, *((at, s, shown_by(s)) for at, s in zip(times, snapshots, strict=True))], key=lambda shown: shown[0]
    )
