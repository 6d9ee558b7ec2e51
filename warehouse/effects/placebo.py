"""What the gaps of areas without treatment say of the gap of the treated one: rank, interval, smallest detectable effect.

Each donor is fitted as if it were treated (Abadie, Diamond and Hainmueller, 2010). Two sizes count, both in units of the own
RMSPE before: the RMSPE after, whose rank is the usual one, and the mean gap after, whose critical value gives the interval.
An effect counts as told apart when it would exceed both critical values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from warehouse.effects.rule import FOUND_AT_LEAST
from warehouse.effects.simplex import Array

#: A gap or an RMSPE of less than this share of the outcome's own size is rounding.
_ROUNDING = 1e-7
_STEPS = 400


@dataclass(frozen=True)
class Gaps:
    """Observed minus counterfactual of one area.

    :param fit: the RMSPE before, never below what is rounding.
    :param path: the gap of each period.
    :param after: the gaps from the start on.
    :param trend: the mean over the periods after, if the straight line through the gaps before went on.
    """

    unit: str
    fit: float
    path: Array
    after: Array
    trend: float

    @property
    def ratio(self) -> float:
        return float(np.sqrt(np.mean(self.after**2))) / self.fit

    @property
    def mean(self) -> float:
        return float(self.after.mean())

    @property
    def size(self) -> float:
        return abs(self.mean) / self.fit


def gaps(unit: str, gap: Array, before: Array, after: Array, level: float) -> Gaps:
    """The gaps of one area; ``level`` is the size of the outcome, for what is rounding and so no gap."""
    gap = np.where(np.abs(gap) < _ROUNDING * level, 0.0, gap)
    fit = max(float(np.sqrt(np.mean(gap[before] ** 2))), _ROUNDING * level, _ROUNDING**2)
    time: Array = np.arange(len(gap), dtype=float)
    slope = float(np.polyfit(time[before], gap[before], 1)[0])
    trend = float(gap[before].mean()) + slope * float(time[after].mean() - time[before].mean())
    return Gaps(unit, fit, gap, gap[after], trend)


def rank(treated: Gaps, donors: list[Gaps]) -> int:
    """1 when no donor has a ratio as great."""
    return 1 + sum(donor.ratio >= treated.ratio for donor in donors)


def interval(treated: Gaps, donors: list[Gaps], wrong_at_most: float, margin: float) -> tuple[float, float, float]:
    """The mean effects that the placebos do not refuse, and the share of cases in which they hold the true one.

    :param margin: that of the source, half a width at the same share; it is added as an independent error.
    """
    allowed = _allowed(len(donors), wrong_at_most)
    half = float(np.hypot(_critical([donor.size for donor in donors], allowed) * treated.fit, margin))
    return treated.mean - half, treated.mean + half, 1 - allowed / (len(donors) + 1)


def trend_rank(treated: Gaps, donors: list[Gaps]) -> int:
    """1 when no donor's gap before has as steep a line through it, in units of its own RMSPE."""
    return 1 + sum(abs(donor.trend) / donor.fit >= abs(treated.trend) / treated.fit for donor in donors)


def band(treated: Gaps, donors: list[Gaps], wrong_at_most: float, margin: float) -> Array:
    """Half the width of the interval of each period, as `interval` has it for the mean."""
    allowed = _allowed(len(donors), wrong_at_most)
    sizes = np.sort(np.abs([donor.path / donor.fit for donor in donors]), axis=0)[::-1]
    return np.asarray(np.hypot(sizes[min(allowed, len(donors)) - 1] * treated.fit, margin))


def smallest_detectable(treated: Gaps, donors: list[Gaps], wrong_at_most: float, margin: float) -> float | None:
    """The smallest constant effect, up or down, that at least `FOUND_AT_LEAST` of the placebos would have shown.

    Each donor's gaps stand for what the treated area would have shown without an effect, in units of its own RMSPE before.
    None when there are too few donors to show an effect of any size.
    """
    count = len(donors)
    if (count + 1) * wrong_at_most < 1 or count < 2:
        return None
    allowed = _allowed(count, wrong_at_most)
    means = np.array([donor.mean / donor.fit for donor in donors])
    spreads = np.array([donor.after.var() / donor.fit**2 for donor in donors])
    ratio = _critical_without([donor.ratio for donor in donors], allowed)
    size = np.hypot(_critical_without([donor.size for donor in donors], allowed), margin / treated.fit)
    # To twice the largest of all: beyond that each placebo shows it, in either direction.
    effects = np.linspace(0.0, 2 * max(ratio.max(), size.max(), np.abs(means).max()), _STEPS + 1)[1:, None]
    shown = np.zeros(len(effects))
    for moved in (means + effects, means - effects):
        seen = (np.sqrt(spreads + moved**2) > ratio) & (np.abs(moved) > size)
        shown += seen.mean(axis=1) / 2
    short = np.flatnonzero(shown < FOUND_AT_LEAST)
    at = int(short[-1]) + 1 if short.size else 0
    return float(effects[at, 0] * treated.fit) if at < len(effects) else None


def _allowed(donors: int, wrong_at_most: float) -> int:
    """The rank up to which an area is rare; 1 where there are too few donors, and the share that it holds is told."""
    return max(1, int(wrong_at_most * (donors + 1) + 1e-9))


def _critical(sizes: list[float], allowed: int) -> float:
    """The size that is exceeded by an area of rank `allowed` or less."""
    return sorted(sizes, reverse=True)[min(allowed, len(sizes)) - 1]


def _critical_without(sizes: list[float], allowed: int) -> Array:
    """The same for each area among all others."""
    ordered = sorted(sizes, reverse=True)
    at = min(allowed, len(sizes) - 1) - 1
    return np.array([ordered[at + 1] if size >= ordered[at] else ordered[at] for size in sizes])
