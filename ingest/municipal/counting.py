"""From reduced rows to figures: counted up over nested regions and dimensions, with how the figures hang together.

A figure's key is ``(measure, region, member of dimension 1, ...)``; ``Totaal`` stands for all members. What is here are the
true figures; :mod:`ingest.municipal.disclosure.control` decides which of them may be seen.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any

from ingest.municipal.contract import TOTAL, Contract, Measure
from ingest.municipal.region import Geography, ancestor

Key = tuple[str, ...]

#: A level is published when at least this share of the rows could be placed in it. Below that, its figures would be wrong.
LEAST_PLACED = 0.95
_PLACE = ("gemeente", "period", "region", "key")


#: Of several reasons why something is missing, the one that stands for all: as in the warehouse, what is secret outweighs.
_REASONS = ("confidential", "not_yet_published", "not_available", "unknown", "impossible")


def why_missing(column: str) -> str:
    """Where in a row stands why a number of it is missing; no column can be called so."""
    return f"{column}?"


@dataclass
class Tally:
    """What is behind a figure.

    :param value: rows, distinct keys or a sum.
    :param units: how many units bring it, where there is a key or an amount; ``largest`` and ``second`` what the two largest
        of them bring.
    :param rows: which rows are behind it, in one number: the sum of their marks (see :func:`mark`).
    """

    value: float = 0.0
    units: int = 0
    largest: float = 0.0
    second: float = 0.0
    rows: int = 0


@dataclass(frozen=True)
class Sum:
    """A total, its parts, and what belongs to it but to none of them. ``overlapping``: a unit may be in several parts."""

    parent: Key
    parts: tuple[Key, ...]
    rest: float
    overlapping: bool


@dataclass
class Counted:
    """All figures of a municipality and period.

    :param unplaced: levels that can't be published, since too many rows could not be placed in them.
    :param missing: why there is no figure, where the rows say so.
    :param linking: measures that nobody publishes, by which those with a ``where`` hang together (see :func:`_link`).
    :param subsets: measures of which the second is a part of the first: ``(whole, part, sensitive)``, key by key.
    """

    gemeente: str
    period: str
    regions: dict[str, list[str]]
    tallies: dict[Key, Tally]
    sums: list[Sum] = field(default_factory=list)
    subsets: list[tuple[Key, Key, bool]] = field(default_factory=list)
    unplaced: list[str] = field(default_factory=list)
    linking: dict[str, Measure] = field(default_factory=dict)
    missing: dict[Key, str] = field(default_factory=dict)
    marks: list[int] = field(default_factory=list)


def mark(row: dict[str, Any]) -> int:
    """A number that tells a row by what it says, whatever its columns are called and wherever it lies: by its key, or else by
    its values. Rows that say the same have the same."""
    said = row.get("key") or sorted(
        f"{type(value).__name__} {value}" for name, value in row.items() if name not in _PLACE and value is not None
    )
    return int.from_bytes(hashlib.blake2b(repr(said).encode(), digest_size=8).digest())


def count_up(
    contract: Contract, gemeente: str, period: str, rows: Sequence[dict[str, Any]], geography: Geography
) -> Counted:
    """Count the rows of one municipality and period."""
    o = contract.observation
    year = int(period[:4])
    levels, unplaced = ["gemeente"], list[str]()
    for level in [lv for lv in ("wijk", "buurt") if lv in o.levels]:
        placed = sum(1 for row in rows if ancestor(row["region"], level))
        (levels if placed >= LEAST_PLACED * len(rows) else unplaced).append(level)
    regions = {"gemeente": [gemeente]}
    for level in levels[1:]:
        # Regions without a row are there too: what is absent would otherwise be known to be zero.
        occurring = {code for row in rows if (code := ancestor(row["region"], level))}
        regions[level] = sorted(occurring.union(geography.within(gemeente, level, year)))
    members = [[TOTAL, *contract.by_name[d].members] for d in o.dimensions]
    counted = Counted(gemeente, period, regions, {}, unplaced=unplaced, marks=[mark(row) for row in rows])
    for measure in o.measures:
        if not measure.ratio:
            _measure(counted, contract, measure, rows, levels, members)
    if contract.disclosure.units != "none":
        for whole, part in _parts(o.measures):
            sensitive = part.sensitive and part.of == whole.code
            for key in [k for k in counted.tallies if k[0] == part.code]:
                counted.subsets.append(((whole.code, *key[1:]), key, sensitive))
        for same in _alike(o.measures):
            _link(counted, contract, same, rows, levels, members)
    return counted


def _parts(measures: Sequence[Measure]) -> list[tuple[Measure, Measure]]:
    """Measures of which the second is a part of the first: as the contract says, or since its ``where`` says so. Whether it says
    so or not, anyone can see it."""

    def narrower(part: Measure, whole: Measure) -> bool:
        return all(c in part.where and set(part.where[c]) <= set(values) for c, values in whole.where.items())

    counted = [m for m in measures if m.count or m.sum]
    return [
        (whole, part)
        for whole in counted
        for part in counted
        if whole.code != part.code
        and (
            part.of == whole.code
            or (
                narrower(part, whole)
                # Keys are at most as many as their rows; of two measures of one reach one is the part.
                and (
                    (whole.count, whole.sum) == (part.count, part.sum)
                    or (whole.count, part.count) == ("rows", "distinct")
                )
                and not (narrower(whole, part) and whole.count == part.count and whole.code > part.code)
            )
        )
    ]


def _alike(measures: Sequence[Measure]) -> list[list[Measure]]:
    """Measures that count or add up the same and differ in their ``where`` only."""
    found: dict[tuple[str | None, str | None, bool], list[Measure]] = {}
    for m in measures:
        if m.count or m.sum:
            found.setdefault((m.count, m.sum, m.is_amount), []).append(m)
    return list(found.values())


def _link(
    counted: Counted,
    contract: Contract,
    same: list[Measure],
    rows: Sequence[dict[str, Any]],
    levels: list[str],
    members: list[list[str]],
) -> None:
    """Put down how measures hang together that differ in their ``where`` only: open + closed = all, or a measure of one member
    is that member. Each is the sum of the smallest groups that their conditions tell apart, which come in as figures that
    nobody publishes."""
    o = contract.observation
    named = {column for m in same for column in m.where}
    if len({repr(sorted(m.where.items())) for m in same if m.where}) < 2 and not named & set(o.dimensions):
        return  # nothing, or a whole and a part of it, which is put down already
    groups: list[dict[str, tuple[str, ...]]] = [{}]
    for column in sorted(named - set(o.dimensions)):
        # Values that no condition tells apart are one.
        classes: dict[tuple[bool, ...], list[str]] = {}
        for value in contract.by_name[column].members:
            classes.setdefault(tuple(value in m.where.get(column, [value]) for m in same), []).append(value)
        groups = [g | {column: tuple(values)} for g in groups for values in classes.values()]
    base = same[0].count or same[0].sum
    names = [";".join([f"~{base}", *(f"{c}={','.join(v)}" for c, v in g.items())]) for g in groups]
    for name, group in zip(names, groups, strict=True):
        linking = same[0].model_copy(update={"code": name, "where": group, "of": None, "sensitive": False})
        counted.linking[name] = linking
        _measure(counted, contract, linking, rows, levels, members)
    for m in same:
        inside = [
            name
            for name, group in zip(names, groups, strict=True)
            if all(set(values) <= set(m.where.get(c, values)) for c, values in group.items())
        ]
        narrowed = {at: m.where[d] for at, d in enumerate(o.dimensions) if d in m.where}
        for key in [k for k in counted.tallies if k[0] == m.code]:
            own = key[2:]
            if any(own[at] == TOTAL for at in narrowed):
                continue  # the sum of its members, of which each is put down here
            is_in = all(own[at] in values for at, values in narrowed.items())
            _add(counted, m, key, [(name, *key[1:]) for name in inside] if is_in else [], 0.0)


def _measure(
    counted: Counted,
    contract: Contract,
    measure: Measure,
    rows: Iterable[dict[str, Any]],
    levels: list[str],
    members: list[list[str]],
) -> None:
    dimensions = contract.observation.dimensions
    all_regions = [code for level in levels for code in counted.regions[level]]
    counts: Counter[Key] = Counter()
    marks: Counter[Key] = Counter()
    sums: dict[Key, float] = {}
    brings: dict[Key, Counter[str]] = {}
    distinct, column = measure.count == "distinct", measure.sum or measure.value
    has_key = contract.of_type("key") is not None
    for number, row in enumerate(rows):
        if any(row.get(name) not in values for name, values in measure.where.items()):
            continue
        reason = row.get(why_missing(column)) if column else None
        if column and row.get(column) is None and reason is None:
            continue
        unit = row.get("key") or f"#{number}"
        places = [code for level in levels if (code := ancestor(row["region"], level))]
        own: list[tuple[str, ...]] = [(TOTAL, row[d]) for d in dimensions]
        if measure.value:  # as delivered: it holds for this region and these members, and adds up to nothing
            places, own = places[-1:], [(row[d],) for d in dimensions]
        for place in places:
            for combination in product(*own):
                key = (measure.code, place, *combination)
                if reason is not None:
                    # What it would be with the missing part nobody knows.
                    counted.missing[key] = min(reason, counted.missing.get(key, reason), key=_REASONS.index)
                    continue
                counts[key] += 1
                marks[key] += counted.marks[number]
                if column:
                    sums[key] = sums.get(key, 0.0) + row[column]
                if distinct or has_key or measure.is_amount:
                    brings.setdefault(key, Counter())[unit] += row[column] if column else 1
    for region in all_regions:
        for combination in product(*members) if members else [()]:
            key = (measure.code, region, *combination)
            per_unit = brings.get(key)
            if key in counted.missing:
                continue
            if measure.value:
                if counts[key]:
                    counted.tallies[key] = Tally(sums[key] / counts[key], counts[key])
                continue
            if column and not counts[key] and contract.disclosure.units == "none":
                continue  # nothing was delivered of it, which is not zero
            value = (
                float(len(per_unit or ()))
                if distinct
                else math.fsum([sums.get(key, 0.0)])
                if column
                else float(counts[key])
            )
            largest, second, *_ = *(float(v) for _, v in (per_unit or Counter()).most_common(2)), 0.0, 0.0
            units = len(per_unit or ())
            counted.tallies[key] = Tally(round(value, 6), units, largest, second, marks[key])
    if contract.disclosure.units != "none":
        _relations(counted, measure, levels, members)


def _relations(counted: Counted, measure: Measure, levels: list[str], members: list[list[str]]) -> None:
    combinations = list(product(*members)) if members else [()]
    for upper, lower in pairwise(levels):
        for region in counted.regions[upper]:
            inside = [code for code in counted.regions[lower] if ancestor(code, upper) == region]
            for combination in combinations:
                if inside:
                    parts = [(measure.code, code, *combination) for code in inside]
                    _add(counted, measure, (measure.code, region, *combination), parts, None)
    for region in [code for level in levels for code in counted.regions[level]]:
        for at, codes in enumerate(members):
            for combination in combinations:
                if combination[at] == TOTAL:
                    parts = [
                        (measure.code, region, *combination[:at], code, *combination[at + 1 :]) for code in codes[1:]
                    ]
                    _add(counted, measure, (measure.code, region, *combination), parts, 0.0)


def _add(counted: Counted, measure: Measure, parent: Key, parts: list[Key], rest: float | None) -> None:
    """Put down that parts make up a figure, with ``rest`` beside them; None: whatever is left."""
    whole, together = counted.tallies[parent].value, math.fsum(counted.tallies[p].value for p in parts)
    # A unit that is in two parts makes them more than the whole. Where none is, everyone may know that.
    overlap = measure.count == "distinct" and together > whole + 1e-9
    left = max(0.0, round(whole - together, 6)) if rest is None else rest
    counted.sums.append(Sum(parent, tuple(parts), left, overlap))
