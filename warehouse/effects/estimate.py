"""One question from panel to answer: fit, placebos, robustness, rule. Every estimate carries all of it; there is no bare number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from warehouse.effects import placebo
from warehouse.effects.panel import Panel
from warehouse.effects.placebo import Gaps
from warehouse.effects.refusal import refused
from warehouse.effects.rule import (
    CANNOT_TELL,
    PERIODS_AFTER,
    PERIODS_BEFORE,
    RELEVANT_SHARE,
    WRONG_AT_MOST,
    Found,
    judge,
)
from warehouse.effects.simplex import Array
from warehouse.effects.synthetic import OutcomeOnly

#: A donor of less weight is not left out in turn: nothing would change.
_COUNTS = 0.001


class Method(Protocol):
    """A way to weigh donors."""

    @property
    def name(self) -> str: ...

    @property
    def assumes(self) -> str:
        """What must hold for its estimate to mean anything, in Dutch."""

    def weights(self, panel: Panel) -> Array: ...

    def spread(self, panel: Panel, weights: Array) -> tuple[float, float]: ...


@dataclass(frozen=True)
class Question:
    """What is known beside the panel.

    :param breaks: periods from which the series or the area is no longer the same, each with what changed.
    :param also_treated: areas in which the same was done.
    :param relevant: the size of effect that matters, in units of the outcome.
    :param margin: of the source, half a width, on the mean effect.
    :param questions: how many are asked at once; the accepted rate of wrong answers is shared among them.
    """

    breaks: Mapping[str, str] = field(default_factory=dict)
    also_treated: Iterable[str] = ()
    relevant: float | None = None
    margin: float = 0.0
    questions: int = 1

    @property
    def wrong_at_most(self) -> float:
        return WRONG_AT_MOST / self.questions


@dataclass(frozen=True)
class Effect:
    """An answer with all that it rests on. Of a refusal there is the answer and the reason only; nothing else was worked out.

    :param estimate: the mean of observed minus counterfactual from the start on, in units of the outcome.
    :param confidence: the share of cases in which such an interval holds the true effect.
    :param path: per period: observed, counterfactual, gap, and whether it is before or after.
    """

    answer: str
    reason: str
    method: str
    assumes: str
    treated: str
    start: str
    questions: int
    left_out: tuple[str, ...]
    estimate: float | None = None
    interval: tuple[float, float] | None = None
    confidence: float | None = None
    weights: dict[str, float] = field(default_factory=dict)
    fit: dict[str, Any] = field(default_factory=dict)
    placebo: dict[str, Any] = field(default_factory=dict)
    without_one: dict[str, float] = field(default_factory=dict)
    spread: tuple[float, float] | None = None
    smallest_detectable: float | None = None
    relevant: float | None = None
    path: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def estimate(panel: Panel, question: Question | None = None, method: Method | None = None) -> Effect:
    """The effect on the treated area, or why it can't be told.

    A provisional figure decides when the answer is another without it; then it can't be told yet.

    :raises UncertifiedError: when the solver can't certify its optimum.
    """
    question, method = question or Question(), method or OutcomeOnly()
    why = refused(panel, question.breaks, question.also_treated)
    if why is not None:
        about = (method.name, method.assumes, panel.treated, panel.start)
        return Effect(CANNOT_TELL, why, *about, question.questions, panel.left_out)
    found = _estimate(panel, question, method)
    after = {panel.periods[i] for i in np.flatnonzero(panel.after)}
    unsure = sorted(panel.provisional & after)
    if unsure and found.answer != CANNOT_TELL:
        firm = _firm(panel, after, unsure)
        settled = _estimate(firm, question, method).answer if firm else CANNOT_TELL
        if settled != found.answer:
            return replace(
                found,
                answer=CANNOT_TELL,
                reason=f"het antwoord hangt aan voorlopige cijfers ({', '.join(unsure)}): zonder die is het *{settled}*",
            )
    return found


def _firm(panel: Panel, after: set[str], unsure: list[str]) -> Panel | None:
    """The panel without provisional periods after the start, or None when too little is left."""
    left = [period for period in panel.periods if period in after and period not in unsure]
    if len(left) < PERIODS_AFTER:
        return None
    return replace(panel, start=left[0]).without(unsure)


def _estimate(panel: Panel, question: Question, method: Method) -> Effect:
    rate = question.wrong_at_most
    weights = method.weights(panel)
    own, others = _gaps(panel, weights), _placebos(panel, method)
    low, high, confidence = placebo.interval(own, others, rate, question.margin)
    smallest = placebo.smallest_detectable(own, others, rate, question.margin)
    relevant = question.relevant
    if relevant is None:
        relevant = RELEVANT_SHARE * float(np.abs(panel.outcome[panel.before]).mean())
    without = _without_one(panel, weights, method)
    spread = method.spread(panel, weights)
    earlier = _earlier(panel, question, method)
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
            smallest=smallest,
            relevant=relevant,
        )
    )
    return Effect(
        answer=answer.answer,
        reason=answer.reason,
        method=method.name,
        assumes=method.assumes,
        treated=panel.treated,
        start=panel.start,
        questions=question.questions,
        left_out=panel.left_out,
        estimate=own.mean,
        interval=(low, high),
        confidence=confidence,
        weights=dict(zip(panel.donors, map(float, weights), strict=True)),
        fit={"rmspe": own.fit, "rmspe_of_donors": donors_fit, "from": panel.fit[0], "until": panel.fit[1]},
        placebo={
            "in_space": {
                "rank": ranks[0],
                "of": ranks[1],
                "p": ranks[0] / ranks[1],
                "donors": {gaps.unit: {"rmspe": gaps.fit, "ratio": gaps.ratio, "gap": gaps.mean} for gaps in others},
            },
            "in_time": earlier,
        },
        without_one=without,
        spread=spread,
        smallest_detectable=smallest,
        relevant=relevant,
        path=_path(panel, weights),
    )


def _gaps(panel: Panel, weights: Array) -> Gaps:
    level = float(np.abs(panel.outcome).mean())
    return placebo.gaps(panel.treated, panel.outcome - panel.others @ weights, panel.before, panel.after, level)


def _placebos(panel: Panel, method: Method) -> list[Gaps]:
    """Each donor as if it were treated, fitted on the other donors."""
    found = []
    for donor in panel.donors:
        pretended = panel.as_if(donor)
        found.append(_gaps(pretended, method.weights(pretended)))
    return found


def _without_one(panel: Panel, weights: Array, method: Method) -> dict[str, float]:
    """The mean gap when each donor that counts is left out in turn."""
    found = {}
    for donor, weight in zip(panel.donors, weights, strict=True):
        if weight >= _COUNTS:
            less = panel.only([other for other in panel.donors if other != donor])
            found[donor] = _gaps(less, method.weights(less)).mean
    return found


def _earlier(panel: Panel, question: Question, method: Method) -> dict[str, Any] | None:
    """The same at an earlier date, two thirds into the fit, or None where too few periods come before that."""
    fitted = [panel.periods[i] for i in np.flatnonzero(panel.before)]
    at = max(PERIODS_BEFORE, round(len(fitted) * 2 / 3))
    if at > len(fitted) - PERIODS_AFTER:
        return None
    past = panel.earlier(fitted[at])
    own, others = _gaps(past, method.weights(past)), _placebos(past, method)
    low, high, _ = placebo.interval(own, others, question.wrong_at_most, question.margin)
    rank = placebo.rank(own, others)
    rare = rank / (len(others) + 1) <= question.wrong_at_most and not low <= 0 <= high
    return {"start": past.start, "estimate": own.mean, "rank": rank, "of": len(others) + 1, "rare": rare}


def _path(panel: Panel, weights: Array) -> list[dict[str, Any]]:
    rows = zip(panel.periods, panel.outcome, panel.others @ weights, panel.before, panel.after, strict=True)
    return [
        {
            "period": period,
            "observed": float(observed),
            "counterfactual": float(expected),
            "gap": float(observed - expected),
            "part": "fit" if before else "after" if after else "between",
        }
        for period, observed, expected, before, after in rows
    ]
