"""What stands out of an area: the figures that lie far from the middle of areas like it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from warehouse.serve.portal.figures import Figure

#: A figure stands out from this many times the usual distance to the middle; the list is no longer than this.
FAR, MOST = 2.0, 6
#: Among fewer areas there is no middle to speak of.
FEWEST = 8
#: What makes the median distance as large as a standard deviation, where figures lie as the normal distribution has them.
_NORMAL = 1.4826


@dataclass(frozen=True)
class Outlier:
    """:param middle: the median of the areas, and ``rank`` the place among them, from the highest; ``of`` how many they are."""

    figure: Figure
    middle: float
    distance: float
    rank: int
    of: int

    @property
    def higher(self) -> bool:
        return self.distance > 0


def standing_out(
    figures: Collection[Figure],
    alike: Mapping[str, Mapping[str, float]],
    indicators: Mapping[str, dict[str, Any]],
) -> list[Outlier]:
    """The figures that lie farthest from the middle: the difference with the median, over the median distance to it.

    A figure of how much there is, or one whose margin reaches the middle, does not stand out.

    :param alike: of each indicator the numbers of the areas that it is seen among, in the same period, by area.
    """
    found = []
    for figure in figures:
        if figure.value is None or indicators[figure.indicator]["is_total"]:
            continue
        values = list(alike.get(figure.indicator, {}).values())
        if len(values) < FEWEST:
            continue
        middle = median(values)
        usual = median(abs(v - middle) for v in values) * _NORMAL
        within = figure.lower is not None and figure.upper is not None and figure.lower <= middle <= figure.upper
        if usual and not within and abs(distance := (figure.value - middle) / usual) >= FAR:
            rank = 1 + sum(v > figure.value for v in values)
            found.append(Outlier(figure, middle, distance, rank, len(values)))
    return sorted(found, key=lambda o: -abs(o.distance))[:MOST]
