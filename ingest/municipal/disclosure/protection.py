"""The figures of a municipal source as they may be published: counted up, protected against everything published before,
and written down for the next time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ingest.municipal.contract import TOTAL, Contract
from ingest.municipal.disclosure.linking import NotLinkedError, canonical, counts, marks, translated
from ingest.municipal.disclosure.memory import Memory
from ingest.municipal.layer import Delivery, Layer
from ingest.snapshot import now

if TYPE_CHECKING:
    from ingest.municipal.counting import Counted
    from ingest.municipal.disclosure.control import Release
    from ingest.municipal.publication import Observed
    from ingest.municipal.region import Geography


@dataclass(frozen=True)
class Part:
    """What is to be published of one municipality and period.

    :param rows: those of the delivery that is in force; None where their retention is over.
    """

    gemeente: str
    period: str
    rows: list[dict[str, Any]] | None
    delivery: Delivery


@dataclass(frozen=True)
class Protection:
    """Protects the figures of one source.

    :param memory: what was published before, of all sources.
    :param warnings: where what could not be published is told.
    """

    contract: Contract
    layer: Layer
    geography: Geography
    memory: Memory
    warnings: list[str]

    def figures(self, part: Part) -> tuple[list[Observed], str]:
        """The figures of a municipality and period as they may be published, given all that was published of them before, and
        the delivery that they are from.

        What is published is written down before anyone can see it: should this process end here, the next run knows more is
        out than is, which is the safe side.
        """
        from ingest.municipal.counting import count_up
        from ingest.municipal.disclosure.control import UnprotectableError, attack, prepare, protect

        contract, period, rows, delivery = self.contract, part.period, part.rows, part.delivery
        records = self.layer.published(part.gemeente, period)
        if rows is None:  # their retention is over; what was published of them stands
            return _standing_figures(contract, period, records, delivery)
        counted = count_up(contract, part.gemeente, period, rows, self.geography)
        if counted.unplaced:
            self.warnings.append(
                f"{part.gemeente} {period}: {' and '.join(counted.unplaced)} left out, too many rows have no place there"
            )
        cells, relations = table(contract, counted)
        if contract.disclosure.units == "none":
            found = list(_observed(contract, period, {c.key: c.value for c in cells}, counted.missing))
            return found, delivery.delivery_id
        true = {cell.key: cell.value for cell in cells}
        try:
            earlier = self._linked(part, counted, rows, true)
        except NotLinkedError as why:
            self.warnings.append(
                f"{part.gemeente} {period}: not published, since {why}; what was published before stands"
            )
            return _standing_figures(contract, period, records, delivery)
        if records and records[-1]["contract"] == contract.publish_hash:
            before = release_of(records[-1])
            if {key: item.value for key, item in before.figures.items()} == true:
                return list(_observed(contract, period, before)), delivery.delivery_id
        made = prepare(cells, relations, contract.disclosure.rules)
        try:
            protect(made, earlier)
            safe = not attack([*earlier, made])
        except UnprotectableError:
            safe = False
        if not safe:
            self.warnings.append(
                f"{part.gemeente} {period}: the correction is not published, since together with what was published before it would "
                "give figures away; the earlier figures stand"
            )
            return _standing_figures(contract, period, records, delivery)
        self.memory.write(
            self.layer,
            part.gemeente,
            period,
            [*records, record(made, delivery.delivery_id, contract, marks(contract, counted))],
            rows,
        )
        return list(_observed(contract, period, made)), delivery.delivery_id

    def _linked(
        self, part: Part, counted: Counted, rows: list[dict[str, Any]], true: dict[tuple[str, ...], float]
    ) -> list[Release]:
        """Everything published before of the same people, in the names of today.

        :raises NotLinkedError: some of it is about other groups of them, which the attacker does not know to link. A small group is
            then had by subtracting the one from the other.
        """
        others = [
            p
            for p in self.layer.published_periods(part.gemeente)
            if p[:4] == part.period[:4] and p[4:6] != part.period[4:6]
        ]
        if others:
            raise NotLinkedError(f"another division of the year was published ({', '.join(others)})")
        seen = marks(self.contract, counted)
        found = []
        for where, record in self.memory.of(self.layer, part.gemeente, part.period, rows, self.contract.municipalities):
            if record.get("frozen"):
                raise NotLinkedError(f"of what was published before ({where}) only the outside is known any more")
            try:
                found.append(release_of(record, translated(record, self.contract, true, seen)))
            except NotLinkedError as error:
                raise NotLinkedError(f"{error} (published before as {where})") from None
        return found


def _standing_figures(
    contract: Contract, period: str, records: list[dict[str, Any]], delivery: Delivery
) -> tuple[list[Observed], str]:
    """What was published last; nothing where nothing was."""
    if not records:
        return [], delivery.delivery_id
    return list(_observed(contract, period, release_of(records[-1]))), records[-1]["delivery"]


def _positional(contract: Contract, key: tuple[str, ...]) -> tuple[str, ...] | None:
    """The key as it is published; None for a figure of a dimension that the contract no longer has."""
    members = dict(part.split("=", 1) for part in key[2:])
    found = tuple(members.pop(name, TOTAL) for name in contract.observation.dimensions)
    return None if members else (*key[:2], *found)


def table(contract: Contract, counted: Counted) -> tuple[list[Any], list[Any]]:
    """Counted figures as the cells and relations of disclosure control."""
    from ingest.municipal.disclosure.control import Cell, Relation

    def name(key: tuple[str, ...]) -> tuple[str, ...]:
        return canonical(contract, key)

    measures = {m.code: m for m in contract.observation.measures} | counted.linking
    has_key = contract.of_type("key") is not None
    cells, relations = [], []
    for key, tally in counted.tallies.items():
        measure = measures[key[0]]
        by_unit = measure.is_amount or (has_key and measure.count == "rows")
        cells.append(
            Cell(
                name(key),
                tally.value,
                contributors=tally.units if by_unit else None,
                largest=tally.largest if measure.is_amount else 0.0,
                second=tally.second if measure.is_amount else 0.0,
                rounded=not key[1].startswith("GM"),
                amount=measure.is_amount,
                linking=key[0] in counted.linking,
                weight={"GM": 64.0, "WK": 8.0}.get(key[1][:2], 1.0) * 4.0 ** key[2:].count(TOTAL),
            )
        )
    for s in counted.sums:
        parent, parts = name(s.parent), [name(part) for part in s.parts]
        if s.overlapping:
            relations += Relation.overlapping(parent, parts, s.rest)
        else:
            relations.append(Relation.total(parent, parts, s.rest))
    for whole, part, sensitive in counted.subsets:
        if whole not in counted.tallies or part not in counted.tallies:
            continue
        rest = counted.tallies[whole].value - counted.tallies[part].value
        if sensitive and rest >= 0:
            others = name(("~" + part[0], *part[1:]))
            cells.append(Cell(others, rest, shown=False))
            relations.append(Relation.total(name(whole), [name(part), others]))
        elif rest >= 0:
            relations.append(Relation(((name(whole), 1.0), (name(part), -1.0)), 0.0, math.inf))
    return cells, relations


def _observed(
    contract: Contract, period: str, made: Any, missing: Mapping[tuple[str, ...], str] = MappingProxyType({})
) -> Iterator[Observed]:
    """Published figures as observations; ratios are divided from published figures, and so tell nothing new.

    :param missing: why a figure is not there, where its rows say so.
    """
    from ingest.municipal.publication import DELIVERED, IMPOSSIBLE, NOT_AVAILABLE, SUPPRESSED, Observed

    known: dict[Any, float | None] = (
        made if isinstance(made, dict) else {k: f.published for k, f in made.figures.items()}
    )
    shown = {place: value for key, value in known.items() if (place := _positional(contract, key))}
    for key, value in shown.items():
        if not key[0].startswith("~"):
            yield Observed(key, period, value, "None" if value is not None else SUPPRESSED)
    for key, reason in missing.items():
        yield Observed(key, period, None, DELIVERED[reason])
    least = contract.disclosure.least_denominator if contract.disclosure.units != "none" else 0
    for measure in contract.observation.measures:
        if not measure.ratio:
            continue
        above, below = measure.ratio
        for key in [k for k in (*shown, *missing) if k[0] == below]:
            numerator, denominator = shown.get((above, *key[1:])), shown.get(key)
            place = (measure.code, *key[1:])
            if why := missing.get(key) or missing.get((above, *key[1:])):
                yield Observed(place, period, None, DELIVERED[why])
            elif denominator == 0:
                yield Observed(place, period, None, IMPOSSIBLE)
            elif denominator is None or numerator is None or denominator < least:
                absent = (above, *key[1:]) not in shown
                yield Observed(place, period, None, NOT_AVAILABLE if absent else SUPPRESSED)
            else:
                yield Observed(place, period, round(measure.factor * numerator / denominator, measure.decimals))


def record(made: Release, delivery_id: str, contract: Contract, seen: Mapping[tuple[str, ...], str]) -> dict[str, Any]:
    """A release as it is kept: the true figures, what was published of them, and marks of the rows behind them."""
    index = {key: n for n, key in enumerate(made.figures)}
    return {
        "at": now(),
        "delivery": delivery_id,
        "contract": contract.publish_hash,
        "counts": counts(contract),
        "figures": [
            [list(key), f.value, f.published, f.low, f.high, f.least, f.most, f.need, f.weight, f.may_hide]
            for key, f in made.figures.items()
        ],
        "marks": [seen.get(key) for key in made.figures],
        "relations": [[[[index[k], f] for k, f in r.terms], r.low, r.high] for r in made.relations],
    }


def release_of(record: dict[str, Any], keys: list[tuple[str, ...]] | None = None) -> Release:
    """A release as it was kept.

    :param keys: its figures' names, where they have others by now.
    """
    from ingest.municipal.disclosure.control import Figure, Relation, Release

    names = keys or [tuple(key) for key, *_ in record["figures"]]
    figures = {
        name: Figure(value, published, low, high, least, most, tuple(need) if need else None, weight, may_hide)
        for name, (_, value, published, low, high, least, most, need, weight, may_hide) in zip(
            names, record["figures"], strict=True
        )
    }
    keys = list(figures)
    relations = [
        Relation(tuple((keys[n], factor) for n, factor in terms), low, high) for terms, low, high in record["relations"]
    ]
    return Release(figures, relations)
