"""Synthetic control on the outcome alone: weights by which the donors together follow the treated area before (Abadie).

It assumes that the treated area would have gone on as this mixture of areas does, that nothing else struck only one of them,
and that the policy did not reach the donors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from warehouse.effects.comparison import Comparison
from warehouse.effects.panel import Panel
from warehouse.effects.rule import NEARLY_AS_GOOD
from warehouse.effects.simplex import Array, best_weights, extremes


@dataclass(frozen=True)
class OutcomeOnly(Comparison):
    """The default: a convex problem, so there is one best fit and it is found from anywhere."""

    key: str = "synthetic"
    name: str = "synthetische controle"
    assumes: str = (
        "Aangenomen is dat het gebied zonder de ingreep was gegaan als het mengsel van gebieden dat het vooraf het best volgt, dat "
        "niets anders alleen hier gebeurde, en dat de ingreep de andere gebieden niet raakte."
    )

    def weights(self, panel: Panel) -> Array:
        return best_weights(panel.others[panel.before], panel.outcome[panel.before])

    def spread(self, panel: Panel, weights: Array) -> tuple[float, float]:
        """The least and the most of the mean gap over all weights that fit nearly as well: exact, by a second convex problem."""
        before, after = panel.before, panel.after
        best = float(np.linalg.norm(panel.outcome[before] - panel.others[before] @ weights))
        least = 1e-6 * float(np.linalg.norm(panel.outcome[before]))
        low, high = extremes(
            panel.others[before],
            panel.outcome[before],
            max(best * NEARLY_AS_GOOD, least),
            panel.others[after].mean(axis=0),
        )
        mean = float(panel.outcome[after].mean())
        return mean - high, mean - low
