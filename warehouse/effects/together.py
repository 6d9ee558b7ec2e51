"""One answer from several methods.

The first method decides, so that a second one adds no chance of a wrong *effect gezien*; it may take an answer back.
"""

from __future__ import annotations

from collections.abc import Sequence

from warehouse.effects.effect import Effect
from warehouse.effects.rule import CANNOT_TELL, NOT_SEEN, SEEN, Answer


def together(effects: Sequence[Effect]) -> Answer:
    """The one answer of a question over its methods, the one that decides first, and in its reason where they disagree.

    It can't be told when they contradict each other: effects in opposite directions, or one seen where the other saw none and
    would have seen one of that size.
    """
    first, *others = effects
    if against := [other for other in others if _contradict(first, other) or _contradict(other, first)]:
        told = "; ".join(f"{one.method}: *{one.answer}*, {one.reason}" for one in (first, *against))
        return Answer(CANNOT_TELL, f"de methoden spreken elkaar tegen ({told})")
    differing = [f"{other.method} zegt *{other.answer}*" for other in others if other.answer != first.answer]
    said = f" ({first.method}; de methoden zijn het niet eens: {', '.join(differing)})" if differing else ""
    return Answer(first.answer, first.reason + said)


def _contradict(seen: Effect, other: Effect) -> bool:
    if seen.answer != SEEN or seen.estimate is None or other.estimate is None:
        return False
    if other.answer == SEEN:
        return seen.estimate * other.estimate < 0
    smallest = other.smallest_detectable
    return other.answer == NOT_SEEN and smallest is not None and abs(seen.estimate) >= smallest
