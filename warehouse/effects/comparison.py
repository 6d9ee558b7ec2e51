"""What every method that compares with other areas has in common: placebos, leave-one-out, interval, and the rule over them.

With one treated area ordinary standard errors mean nothing, however many areas stand beside it. What would have happened by
chance is therefore read from the other areas, each as if it were treated (a permutation test), for every method alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from warehouse.effects import placebo
from warehouse.effects.effect import Effect, Question
from warehouse.effects.panel import Panel
from warehouse.effects.placebo import Gaps
from warehouse.effects.rule import DONORS, PERIODS_AFTER, PERIODS_BEFORE, Found, judge
from warehouse.effects.simplex import Array

#: A donor of less weight is not left out in turn: nothing would change.
_COUNTS = 0.001


class Comparison(ABC):
    """A way to weigh donors, and what follows from it."""

    @property
    @abstractmethod
    def key(self) -> str: ...

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    @abstractmethod
    def assumes(self) -> str: ...

    @abstractmethod
    def weights(self, panel: Panel) -> Array:
        """A share per donor; they add up to one."""

    @abstractmethod
    def spread(self, panel: Panel, weights: Array) -> tuple[float, float]:
        """The least and the most of the mean gap over all comparisons that are nearly as good."""

    def counterfactual(self, panel: Panel, weights: Array) -> Array:
        """What the treated area would have shown, per period."""
        return panel.others @ weights

    def unfit(self, panel: Panel) -> str | None:
        if len(panel.donors) >= DONORS:
            return None
        return (
            f"er is {len(panel.donors) or 'geen enkel'} vergelijkingsgebied met een volledige reeks; minstens {DONORS} zijn nodig "
            "(zonder kan alleen een onderbroken tijdreeks)"
        )

    def estimate(self, panel: Panel, question: Question) -> Effect:
        rate = question.wrong_at_most
        weights = self.weights(panel)
        own, others = self._gaps(panel, weights), self._placebos(panel)
        low, high, confidence = placebo.interval(own, others, rate, question.margin)
        smallest = placebo.smallest_detectable(own, others, rate, question.margin)
        relevant = question.size_that_matters(panel.outcome[panel.before])
        without = self._without_one(panel, weights)
        spread = self.spread(panel, weights)
        earlier = self._earlier(panel, question)
        ranks = placebo.rank(own, others), len(others) + 1
        donors_fit = float(np.median([gaps.fit for gaps in others]))
        answer = judge(
            Found(
                estimate=own.mean,
                interval=(low, high),
                wrong_at_most=rate,
                ranks=ranks,
                fit=own.fit,
                donors_fit=donors_fit,
                without_one=(min(without.values()), max(without.values())),
                spread=spread,
                earlier=(earlier["estimate"], earlier["rare"]) if earlier else None,
                trend=own.trend,
                smallest=smallest,
                relevant=relevant,
            )
        )
        return Effect(
            answer=answer.answer,
            reason=answer.reason,
            method=self.name,
            assumes=self.assumes,
            treated=panel.treated,
            start=panel.start,
            questions=question.questions,
            left_out=panel.left_out,
            estimate=own.mean,
            interval=(low, high),
            confidence=confidence,
            weights=dict(zip(panel.donors, map(float, weights), strict=True)),
            fit={
                "rmspe": own.fit,
                "rmspe_of_donors": donors_fit,
                "trend": own.trend,
                "trend_rank": placebo.trend_rank(own, others),
                "from": panel.fit[0],
                "until": panel.fit[1],
            },
            placebo={
                "in_space": {
                    "rank": ranks[0],
                    "of": ranks[1],
                    "p": ranks[0] / ranks[1],
                    "donors": {
                        gaps.unit: {"rmspe": gaps.fit, "ratio": gaps.ratio, "gap": gaps.mean} for gaps in others
                    },
                },
                "in_time": earlier,
            },
            without_one=without,
            spread=spread,
            smallest_detectable=smallest,
            relevant=relevant,
            path=self._path(panel, weights, placebo.band(own, others, rate, question.margin), others),
        )

    def _gaps(self, panel: Panel, weights: Array) -> Gaps:
        level = float(np.abs(panel.outcome).mean())
        gap = panel.outcome - self.counterfactual(panel, weights)
        return placebo.gaps(panel.treated, gap, panel.before, panel.after, level)

    def _placebos(self, panel: Panel) -> list[Gaps]:
        """Each donor as if it were treated, fitted on the other donors."""
        found = []
        for donor in panel.donors:
            pretended = panel.as_if(donor)
            found.append(self._gaps(pretended, self.weights(pretended)))
        return found

    def _without_one(self, panel: Panel, weights: Array) -> dict[str, float]:
        """The mean gap when each donor that counts is left out in turn."""
        found = {}
        for donor, weight in zip(panel.donors, weights, strict=True):
            if weight >= _COUNTS:
                less = panel.only([other for other in panel.donors if other != donor])
                found[donor] = self._gaps(less, self.weights(less)).mean
        return found

    def _earlier(self, panel: Panel, question: Question) -> dict[str, Any] | None:
        """The same at an earlier date, two thirds into the fit, or None where too few periods come before that."""
        fitted = [panel.periods[i] for i in np.flatnonzero(panel.before)]
        at = max(PERIODS_BEFORE, round(len(fitted) * 2 / 3))
        if at > len(fitted) - PERIODS_AFTER:
            return None
        past = panel.earlier(fitted[at])
        own, others = self._gaps(past, self.weights(past)), self._placebos(past)
        low, high, _ = placebo.interval(own, others, question.wrong_at_most, question.margin)
        rank = placebo.rank(own, others)
        rare = rank / (len(others) + 1) <= question.wrong_at_most and not low <= 0 <= high
        return {"start": past.start, "estimate": own.mean, "rank": rank, "of": len(others) + 1, "rare": rare}

    def _path(self, panel: Panel, weights: Array, half: Array, others: list[Gaps]) -> list[dict[str, Any]]:
        """The event study: the gap of each period with what the placebos do not refuse, before the start (none is expected) and after;
        and the gap of each other area, as if it were treated."""
        expected = self.counterfactual(panel, weights)
        rows = zip(panel.periods, panel.outcome, expected, half, panel.before, panel.after, strict=True)
        return [
            {
                "period": period,
                "placebos": {gaps.unit: float(gaps.path[at]) for gaps in others},
                "observed": float(observed),
                "counterfactual": float(expected),
                "gap": float(observed - expected),
                "low": float(observed - expected - half),
                "high": float(observed - expected + half),
                "part": "fit" if before else "after" if after else "between",
            }
            for at, (period, observed, expected, half, before, after) in enumerate(rows)
        ]
