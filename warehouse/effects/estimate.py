"""One question from panel to answer, by one method or by each that fits. There is no bare number: an `Effect` carries all it rests on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from warehouse.effects.difference import Differences
from warehouse.effects.effect import Effect, Method, Question
from warehouse.effects.interrupted import Interrupted
from warehouse.effects.panel import Panel
from warehouse.effects.refusal import refused
from warehouse.effects.rule import CANNOT_TELL, DONORS, PERIODS_AFTER
from warehouse.effects.synthetic import OutcomeOnly

#: By their name in commands. The first is the default.
METHODS: dict[str, Method] = {method.key: method for method in (OutcomeOnly(), Differences(), Interrupted())}


def fitting(donors: int) -> tuple[str, ...]:
    """The methods that a question gets, the one that decides first: a written rule, so that nobody picks one by its outcome.

    With areas to compare: synthetic control, and difference-in-differences beside it. Without: the interrupted series.
    """
    return ("synthetic", "did") if donors >= DONORS else ("interrupted",)


def estimates(panel: Panel, question: Question | None = None) -> list[Effect]:
    """The answer by each method that the panel gets (`fitting`), the one that decides first. One answer from them: `together`."""
    return [estimate(panel, question, METHODS[key]) for key in fitting(len(panel.donors))]


def estimate(panel: Panel, question: Question | None = None, method: Method | None = None) -> Effect:
    """The effect on the treated area, or why it can't be told.

    A provisional figure decides when the answer is another without it; then it can't be told yet.

    :raises UncertifiedError: when the solver can't certify its optimum.
    """
    question, method = question or Question(), method or next(iter(METHODS.values()))
    why = refused(panel, question.breaks, question.also_treated) or method.unfit(panel)
    if why is not None:
        about = (method.name, method.assumes, panel.treated, panel.start)
        return Effect(CANNOT_TELL, why, *about, question.questions, panel.left_out)
    found = method.estimate(panel, question)
    after = {panel.periods[i] for i in np.flatnonzero(panel.after)}
    unsure = sorted(panel.provisional & after)
    if unsure and found.answer != CANNOT_TELL:
        firm = _firm(panel, after, unsure)
        settled = method.estimate(firm, question).answer if firm and not method.unfit(firm) else CANNOT_TELL
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
