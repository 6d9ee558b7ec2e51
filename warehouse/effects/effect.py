"""What is asked and what is answered: the records that every method takes and gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from warehouse.effects.panel import Panel
from warehouse.effects.rule import RELEVANT_SHARE, WRONG_AT_MOST
from warehouse.effects.simplex import Array


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

    def size_that_matters(self, before: Array) -> float:
        """As it was declared, or a share of the mean of the figures before."""
        return RELEVANT_SHARE * float(np.abs(before).mean()) if self.relevant is None else self.relevant


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


class Method(Protocol):
    """A way to say what would have happened without the intervention."""

    @property
    def key(self) -> str:
        """Its name in commands."""

    @property
    def name(self) -> str:
        """Its name in Dutch."""

    @property
    def assumes(self) -> str:
        """What must hold for its estimate to mean anything, in Dutch."""

    def unfit(self, panel: Panel) -> str | None:
        """Why this method can say nothing of this panel, in Dutch, or None. What is wrong for any method: `refusal`."""

    def estimate(self, panel: Panel, question: Question) -> Effect: ...
