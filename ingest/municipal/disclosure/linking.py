"""What was published before, told in the names of today: figures are linked by what they count, not by what they are called.

A dimension, a measure, a region or a whole contract may be renamed between two deliveries. Would the earlier figures keep
their old names then, disclosure control would take them for figures of other people, and a hidden one could be had by
subtracting the one release from the other. So every figure that is published is written down with a mark of the rows
behind it; equal marks of old and new figures show which name became which. Where names went and others came, and nothing
shows that they are the same, the figures can't be linked, and are not published.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ingest.municipal.contract import TOTAL, Contract
from ingest.municipal.counting import Counted

Key = tuple[str, ...]
#: How much speaks for each new name of an old one: a figure that fits several speaks for each a little.
Votes = Mapping[str, dict[str, float]]


class NotLinkedError(Exception):
    """What was published before can't be linked with what is to be published now; the message says why."""


def canonical(contract: Contract, key: Key) -> Key:
    """A figure's name for ever: without what is a total, so that it stays the same when a dimension is added."""
    members = zip(contract.observation.dimensions, key[2:], strict=True)
    return (*key[:2], *sorted(f"{name}={member}" for name, member in members if member != TOTAL))


def counts(contract: Contract) -> dict[str, Any]:
    """What each measure counts, as it is compared with what it counted before."""
    return {
        m.code: [m.count, m.sum, sorted([c, sorted(values)] for c, values in m.where.items())]
        for m in contract.observation.measures
    }


def marks(contract: Contract, counted: Counted) -> dict[Key, str]:
    """Figure → a mark of what it counts: how it counts, and which rows. None for a figure that no row is behind."""
    kinds = {m.code: m.count or "sum" for m in contract.observation.measures}
    found = {}
    for key, tally in counted.tallies.items():
        if tally.rows and key[0] in kinds:
            said = f"{kinds[key[0]]} {tally.value:.6f} {tally.rows}"
            found[canonical(contract, key)] = hashlib.blake2b(said.encode(), digest_size=12).hexdigest()
    return found


def translated(
    record: dict[str, Any], contract: Contract, now: Mapping[Key, float], seen: Mapping[Key, str]
) -> list[Key]:
    """The keys of a record's figures in the names of today, in their order.

    :param now: the true figures that are to be published; ``seen``: their marks.
    :raises NotLinkedError: names went and others came, and it can't be seen which became which.
    """
    old = [tuple(key) for key, *_ in record["figures"]]
    values = {key: figure[1] for key, figure in zip(old, record["figures"], strict=True)}
    measures, regions, dimensions, members = _votes(old, record.get("marks") or [], seen)
    own = [key for key in old if not key[0].startswith("~")]
    mine = [key for key in now if not key[0].startswith("~")]

    defined, known = record.get("counts", {}), counts(contract)
    renamed = _matched({k[0] for k in own}, {k[0] for k in mine}, measures)
    for code in sorted({k[0] for k in own} - renamed.keys()):
        alike = [c for c in known if c not in renamed.values() and known[c] == defined.get(code)]
        if len(alike) == 1:
            renamed[code] = alike[0]
    _none_replaced("measure", {k[0] for k in own}, {k[0] for k in mine}, renamed)
    before = dict(zip(old, record.get("marks") or [], strict=False))
    whole = {c: max((k for k in own if k[0] == c), key=lambda k: values[k]) for c, to in renamed.items() if to == c}
    if other := sorted(
        code
        for code, key in whole.items()
        # The same rows behind the largest figure: its condition is only worded otherwise.
        if code in defined and defined[code] != known.get(code) and (before.get(key) or "-") != seen.get(key)
    ):
        raise NotLinkedError(f"{', '.join(other)} counts something else than before")

    parts = {tuple(part.split("=", 1)) for key in own for part in key[2:]}
    names = {name for name, _ in parts}
    ours = set(contract.observation.dimensions)
    grouped = _matched(names, ours, dimensions)
    for name in sorted(names - grouped.keys()):
        used = {member for n, member in parts if n == name}
        alike = [d for d in ours - set(grouped.values()) if used <= set(contract.by_name[d].members)]
        if len(alike) == 1:
            grouped[name] = alike[0]
    _none_replaced("dimension", names, ours, grouped)
    member_of = {}
    for name, member in sorted(parts):
        if name not in grouped:
            continue  # a dimension that is no more; its figures stay what they were
        to, allowed = grouped[name], set(contract.by_name[grouped[name]].members)
        best = _best(members.get(f"{name}={member}", {}))
        if best and best.split("=", 1)[0] == to and (member not in allowed or name != to):
            member_of[name, member] = best.split("=", 1)[1]
        elif member in allowed:
            member_of[name, member] = member
        else:
            raise NotLinkedError(f"{name} {member} are no longer members, but were published")

    there = {k[1] for k in own if values[k]}
    placed = _matched(there, {k[1] for k in mine}, regions, stubborn=True)
    _none_replaced("region", there, {k[1] for k in mine if now[k]}, placed)
    # A region where nobody was gives its name to the one that has it now, and takes a name that became free.
    free = sorted(there - set(placed.values()))
    for region in sorted({k[1] for k in old} - there):
        if region in placed.values():
            placed[region] = free.pop() if free else f"{region}?"

    def name_of(key: Key) -> Key:
        measure = key[0]
        if measure.startswith("~") and measure[1:] in renamed:
            measure = "~" + renamed[measure[1:]]
        told = []
        for part in key[2:]:
            name, member = part.split("=", 1)
            told.append(f"{grouped[name]}={member_of[name, member]}" if (name, member) in member_of else part)
        return (renamed.get(measure, measure), placed.get(key[1], key[1]), *sorted(told))

    found = [name_of(key) for key in old]
    if len(set(found)) < len(found):
        raise NotLinkedError("what were several figures would be one now")
    return found


def _votes(
    old: Iterable[Key], old_marks: Iterable[str | None], seen: Mapping[Key, str]
) -> tuple[Votes, Votes, Votes, Votes]:
    """Which measure, region, dimension and member became which, by the marks that old and new figures share."""
    new: dict[str, list[Key]] = defaultdict(list)
    for key, mark in seen.items():
        new[mark].append(key)
    measures, regions, dimensions, members = (defaultdict[str, dict[str, float]](_no_votes) for _ in range(4))
    for key, old_mark in zip(old, old_marks, strict=False):
        same = new.get(old_mark or "", [])
        # Of the same rows may be the whole and its only part: figures of as many dimensions are likelier to be the same.
        same = [k for k in same if len(k) == len(key)] or same
        for other in same:
            weight = 1.0 / len(same)
            measures[key[0]][other[0]] += weight
            regions[key[1]][other[1]] += weight
            if len(key) == len(other) == 3:
                dimensions[key[2].split("=", 1)[0]][other[2].split("=", 1)[0]] += weight
                members[key[2]][other[2]] += weight
    return measures, regions, dimensions, members


def _matched(old: Collection[str], new: Collection[str], votes: Votes, stubborn: bool = False) -> dict[str, str]:
    """Old name → new name, each new one once: by the votes where they speak against the name itself, else by name.

    :param stubborn: a name that is still there is the same as long as any vote is for it.
    """
    found: dict[str, str] = {}
    for name in sorted(old):
        said = votes.get(name, {})
        enough = 1e-9 if stubborn else 0.5 * max(said.values(), default=0)
        contradicted = max(said.values(), default=0) >= 1 and said.get(name, 0) < enough
        if name in new and not contradicted:
            found[name] = name
    claims = [(n, name, to) for name in old if name not in found for to, n in votes.get(name, {}).items()]
    for _, name, to in sorted(claims, key=lambda c: (-c[0], c[1], c[2])):
        if name not in found and to in new and to not in found.values():
            found[name] = to
    return found


def _none_replaced(what: str, old: Collection[str], new: Collection[str], matched: Mapping[str, str]) -> None:
    gone, came = sorted(set(old) - matched.keys()), sorted(set(new) - set(matched.values()))
    if gone and came:
        raise NotLinkedError(
            f"{what} {', '.join(gone[:5])} went and {', '.join(came[:5])} came, and nothing shows which became which"
        )


def _no_votes() -> dict[str, float]:
    return defaultdict(float)


def _best(votes: Mapping[str, float]) -> str | None:
    return max(sorted(votes), key=lambda name: votes[name]) if votes else None
