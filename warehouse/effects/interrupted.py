"""Interrupted series: the treated area beside nothing but its own past, for when there is no area to compare with.

The counterfactual goes on from the last value before, with the mean growth of the periods before (a random walk with drift). Levels
of regional figures wander; a straight line through them sees effects where there are none, the more so the longer it is drawn
on. The uncertainty is that of the regression of growth on a constant, by plain or Newey-West errors, whichever are wider, and
with few degrees of freedom (t). Growth that depends on the growth before it makes them too narrow, and is refused by the rule.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from warehouse.effects.effect import Effect, Question
from warehouse.effects.panel import Panel, position
from warehouse.effects.rule import (
    FOUND_AT_LEAST,
    PERIODS_BEFORE_ALONE,
    FoundAlone,
    judge_alone,
)
from warehouse.effects.simplex import Array


@dataclass(frozen=True)
class _Growth:
    """The growth per period before: its mean, the long-run variance of one step, and how far one step tells the next."""

    mean: float
    variance: float
    steps: int
    persistence: float


@dataclass(frozen=True)
class _Drawn:
    """The series drawn on from its last value before: gaps, and the error of their mean, with its degrees of freedom."""

    gaps: Array
    error: float
    freedom: int
    growth: _Growth

    @property
    def mean(self) -> float:
        return float(self.gaps.mean())

    @property
    def size(self) -> float:
        return abs(self.mean) / self.error


@dataclass(frozen=True)
class Interrupted:
    """What is left without donors, and the weakest of the methods: whatever else changed at the start counts as effect."""

    key: str = "interrupted"
    name: str = "onderbroken tijdreeks"
    assumes: str = (
        "Er is geen gebied om mee te vergelijken. Aangenomen is dat het cijfer zonder de ingreep was blijven veranderen als gemiddeld "
        "ervoor, en dat er vanaf dat moment niets anders veranderde, ook niet in de rest van het land. Dat is de zwakste vergelijking."
    )

    def unfit(self, panel: Panel) -> str | None:
        before, after = int(panel.before.sum()), int(panel.after.sum())
        if before < PERIODS_BEFORE_ALONE:
            return f"zonder vergelijkingsgebied zijn minstens {PERIODS_BEFORE_ALONE} perioden vóór {panel.start} nodig; er zijn er {before}"
        if 2 * after > before:
            return (
                f"er zijn {after} perioden vanaf {panel.start} en {before} ervoor: zonder vergelijkingsgebied is een reeks hoogstens half "
                "zo lang door te trekken als zij ervoor duurt"
            )
        if panel.fit != (panel.periods[0], panel.periods[before - 1]) or before + after < len(panel.periods):
            return "een onderbroken tijdreeks rekent met alle perioden voor de ingreep: kies er geen uit"
        steps = [round(position(later) - position(one), 6) for one, later in pairwise(panel.periods)]
        if len(set(steps)) > 1:
            at = panel.periods[next(i for i, step in enumerate(steps) if step != min(steps))]
            return f"na {at} ontbreekt een periode; een onderbroken tijdreeks heeft ze allemaal nodig"
        if float(np.ptp(np.diff(panel.outcome[panel.before]))) <= 1e-9 * float(np.abs(panel.outcome).max()):
            return "het cijfer veranderde vóór de ingreep elke periode evenveel; wat gewone afwijkingen zijn, is dan niet te zien"
        return None

    def estimate(self, panel: Panel, question: Question) -> Effect:
        from scipy.stats import t as student

        series, begun = panel.outcome, int(panel.before.sum())
        own = _drawn(series, begun)
        likely, found_by = student.ppf([1 - question.wrong_at_most / 2, FOUND_AT_LEAST], own.freedom)
        half = float(np.hypot(likely * own.error, question.margin))
        smallest = half + float(found_by) * own.error
        relevant = question.size_that_matters(series[:begun])
        starts = self._earlier(series, begun)
        rank = 1 + sum(drawn.size >= own.size for drawn in starts.values())
        most = max(starts, key=lambda at: starts[at].size)
        without = {period: float(np.delete(own.gaps, i).mean()) for i, period in enumerate(panel.periods[begun:])}
        spread = self._spread(series, begun)
        answer = judge_alone(
            FoundAlone(
                estimate=own.mean,
                interval=(own.mean - half, own.mean + half),
                persistence=own.growth.persistence,
                in_time=(rank, starts[most].mean, panel.periods[most]),
                without_one=(min(without.values()), max(without.values())),
                spread=spread,
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
            interval=(own.mean - half, own.mean + half),
            confidence=1 - question.wrong_at_most,
            fit={
                "rmspe": float(np.sqrt(np.mean((np.diff(series[:begun]) - own.growth.mean) ** 2))),
                "growth": own.growth.mean,
                "persistence": own.growth.persistence,
                "from": panel.fit[0],
                "until": panel.fit[1],
            },
            placebo={
                "in_space": None,
                "in_time": {
                    "start": panel.periods[most],
                    "estimate": starts[most].mean,
                    "rank": rank,
                    "of": len(starts) + 1,
                    "rare": rank > 1,
                },
            },
            without_one=without,
            spread=spread,
            smallest_detectable=smallest,
            relevant=relevant,
            path=_path(panel, own, float(likely), question.margin),
        )

    @staticmethod
    def _earlier(series: Array, begun: int) -> dict[int, _Drawn]:
        """As if it began at each earlier period that leaves half of the periods before, with as many after as there are."""
        after = len(series) - begun
        return {at: _drawn(series[: min(at + after, begun)], at) for at in range(begun // 2, begun - 1)}

    @staticmethod
    def _spread(series: Array, begun: int) -> tuple[float, float]:
        """The least and the most over the choice of periods whose growth goes on: all before, or the last half or more of them."""
        steps = np.diff(series[:begun])
        ahead = np.arange(1, len(series) - begun + 1)
        gaps = [
            float((series[begun:] - series[begun - 1] - ahead * steps[-count:].mean()).mean())
            for count in range(len(steps) // 2, len(steps) + 1)
        ]
        return min(gaps), max(gaps)


def _drawn(series: Array, begun: int) -> _Drawn:
    growth = _growth(series[:begun])
    ahead = np.arange(1, len(series) - begun + 1)
    gaps = series[begun:] - (series[begun - 1] + ahead * growth.mean)
    return _Drawn(gaps, _error(growth, len(ahead)), growth.steps - 1, growth)


def _error(growth: _Growth, ahead: int) -> float:
    """Of the mean gap over so many periods: each later step counts in fewer gaps, and the mean growth is uncertain in all."""
    shares = np.arange(ahead, 0, -1) / ahead
    return float(np.sqrt(growth.variance * ((shares**2).sum() + ((ahead + 1) / 2) ** 2 / growth.steps)))


def _growth(before: Array) -> _Growth:
    from statsmodels.regression.linear_model import OLS

    steps = np.diff(before)
    count = len(steps)
    plain = OLS(steps, np.ones(count)).fit()
    lags = max(1, int(4 * (count / 100) ** (2 / 9)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # What it warns of, few observations, is what the t distribution is for.
        robust = plain.get_robustcov_results(cov_type="HAC", maxlags=lags, use_correction=True, use_t=True)
    error = max(float(plain.bse[0]), float(robust.bse[0]))
    off = plain.resid
    squares = float(off @ off)
    persistence = float(off[1:] @ off[:-1]) / squares if squares else 0.0
    return _Growth(float(plain.params[0]), count * error**2, count, persistence)


def _path(panel: Panel, own: _Drawn, likely: float, margin: float) -> list[dict[str, Any]]:
    """Before: each value beside what the one before it foretold. After: beside the series drawn on."""
    series, begun = panel.outcome, int(panel.before.sum())
    rows = []
    for at, period in enumerate(panel.periods):
        if at < begun:
            expected = float(series[at - 1] + own.growth.mean) if at else float(series[0])
            error = float(np.sqrt(own.growth.variance * (1 + 1 / own.growth.steps))) if at else 0.0
        else:
            ahead = at - begun + 1
            expected = float(series[begun - 1] + ahead * own.growth.mean)
            error = float(np.sqrt(own.growth.variance * (ahead + ahead**2 / own.growth.steps)))
        gap, half = float(series[at]) - expected, float(np.hypot(likely * error, margin))
        rows.append(
            {
                "period": period,
                "observed": float(series[at]),
                "counterfactual": expected,
                "gap": gap,
                "low": gap - half,
                "high": gap + half,
                "part": "fit" if at < begun else "after",
            }
        )
    return rows
