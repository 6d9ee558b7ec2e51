"""Scales: a range of round numbers around the figures, and labels that do not lie over one another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: A scale starts at zero when the lowest figure is less than this part of the highest: then little is gained by cutting it.
_FROM_ZERO = 0.5


@dataclass(frozen=True)
class Scale:
    """:param steps: where the grid lines are; the first and last bound the scale."""

    steps: Sequence[float]

    @property
    def settings(self) -> dict[str, float | list[float]]:
        """What a view asks for (:func:`~warehouse.serve.portal.charts.chart.setting`)."""
        return {"laag": self.low, "hoog": self.high, "stappen": list(self.steps)}

    @property
    def low(self) -> float:
        return self.steps[0]

    @property
    def high(self) -> float:
        return self.steps[-1]


def around(values: Sequence[float], decimals: int, zero: bool = False, about: int = 5) -> Scale:
    """A scale over all of these, in steps of 1, 2 or 5 times a power of ten.

    :param decimals: steps are no finer than a figure is told.
    :param zero: whether it has to contain zero.
    """
    low, high = min(values), max(values)
    if zero or 0 <= low <= _FROM_ZERO * high:
        low = min(0.0, low)
    if zero or _FROM_ZERO * low <= high <= 0:
        high = max(0.0, high)
    finest = 10.0**-decimals
    if high == low:
        low, high = low - finest, high + finest
    rough = max((high - low) / about, finest)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return Scale([round(at * step, digits) for at in range(first, last + 1)])


def apart(places: Sequence[float], room: float, low: float, high: float) -> list[float]:
    """Places moved as little as needed to lie at least ``room`` from one another, from ``low`` to ``high``, in the order given."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    found = [0.0] * len(places)
    least = low
    for i in order:
        found[i] = least = max(places[i], least)
        least += room
    most = high
    for i in reversed(order):
        found[i] = most = min(found[i], most)
        most -= room
    return found
