"""Difference-in-differences: the treated area beside the plain mean of the others, each against its own level before.

With one treated area and a value in every cell, the regression with an effect per area and per period (two-way fixed effects)
and its event study are these differences of means, to the digit; a test holds them to a library's regression. It assumes that the
area would have moved in parallel with the mean of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from warehouse.effects.comparison import Comparison
from warehouse.effects.panel import Panel
from warehouse.effects.rule import PERIODS_OF_BASE
from warehouse.effects.simplex import Array


@dataclass(frozen=True)
class Differences(Comparison):
    """Nothing is fitted but a level, so it needs parallel movements, and gets by with few periods before."""

    key: str = "did"
    name: str = "verschil-in-verschillen"
    assumes: str = (
        "Aangenomen is dat het gebied zonder de ingreep evenveel was veranderd als de andere gebieden gemiddeld (evenwijdig, ook al "
        "lag het hoger of lager), dat niets anders alleen hier gebeurde, en dat de ingreep de andere gebieden niet raakte."
    )

    def weights(self, panel: Panel) -> Array:
        return np.full(len(panel.donors), 1 / len(panel.donors))

    def counterfactual(self, panel: Panel, weights: Array) -> Array:
        mean = panel.others @ weights
        level: float = (panel.outcome - mean)[panel.before].mean()
        return np.asarray(mean + level)

    def spread(self, panel: Panel, weights: Array) -> tuple[float, float]:
        """The least and the most of the effect over the choice of base: all periods before, or the last so many of them."""
        gap = panel.outcome - panel.others @ weights
        before, after = gap[panel.before], float(gap[panel.after].mean())
        least = min(PERIODS_OF_BASE, len(before))
        found = [after - float(before[-count:].mean()) for count in range(least, len(before) + 1)]
        return min(found), max(found)
