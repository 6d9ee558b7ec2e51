"""Whether a figure went up or down: against the one before it in its series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse.serve.portal.figures import Figure


@dataclass(frozen=True)
class Change:
    """:param verdict: a name in ``words.yml``, ``change``: ``hoger``, ``lager``, ``gelijk``, ``onzeker`` or ``breuk``."""

    figure: Figure
    before: Figure
    verdict: str


def change(series: Sequence[Figure], comparable: bool = True) -> Change | None:
    """The newest figure against the one before it; None where there are no two of them.

    As in ``mart.comparison``: of figures with margins that overlap no difference can be shown.

    :param series: of one area, in the order of time.
    :param comparable: whether figures of different periods can be compared at all.
    """
    there = [f for f in series if f.value is not None]
    kind = there[-1].period[4:6] if there else ""
    there = [f for f in there if f.period[4:6] == kind][-2:]
    if len(there) < 2 or not comparable:
        return None
    before, now = there
    return Change(now, before, _verdict(now, before))


def _verdict(now: Figure, before: Figure) -> str:
    assert now.value is not None and before.value is not None
    if now.series_break or now.version != before.version:
        return "breuk"
    if now.lower is not None or before.lower is not None:
        low, high = (_or(now.lower, now.value), _or(now.upper, now.value))
        other_low, other_high = (_or(before.lower, before.value), _or(before.upper, before.value))
        if low <= other_high and other_low <= high:
            return "onzeker"
    return "hoger" if now.value > before.value else "lager" if now.value < before.value else "gelijk"


def _or(bound: float | None, value: float) -> float:
    return value if bound is None else bound
