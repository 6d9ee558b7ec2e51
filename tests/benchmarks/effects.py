"""How often the rule of effects answers wrongly, by method, on made panels: ``python -m tests.benchmarks.effects [--panels 500]``.

The thresholds of the rule were chosen on panels of other shapes and seeds (`warehouse.effects.rule` says which).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence

from tests.warehouse.effects.panels import (
    alone,
    made,
    with_bad_donor,
    with_break,
    with_effect,
    with_missing_years,
    with_own_trend,
)
from warehouse.effects.effect import Effect, Question
from warehouse.effects.estimate import METHODS, estimate
from warehouse.effects.panel import Panel
from warehouse.effects.together import together

BESIDE_DONORS = ("synthetic", "did")
#: What is done to a panel without effect, and what is said of it; odd seeds the other way round.
Kind = Callable[[Panel, int], tuple[Panel, Question]]
DISTURBED: dict[str, Kind] = {
    "own trend": lambda panel, sign: (with_own_trend(panel, 0.5 * sign), Question()),
    "slow own trend": lambda panel, sign: (with_own_trend(panel, 0.2 * sign), Question()),
    "bad donor": lambda panel, sign: (with_bad_donor(panel, 10.0 * sign), Question()),
    "break that is known": lambda panel, sign: (with_break(panel, 8.0 * sign), Question(breaks={"2007": "een breuk"})),
    "break that nobody told": lambda panel, sign: (with_break(panel, 8.0 * sign), Question()),
    "missing years": lambda panel, _: (with_missing_years(panel), Question()),
    "treated donor": lambda panel, _: (panel, Question(also_treated=("gebied 3",))),
}
#: By method and kind of panel.
Found = dict[tuple[str, str], Counter[str]]
WANDERING = ("wanders", "wanders, growth half goes on", "wanders, growth mostly goes on")


def rates(panels: int, methods: Sequence[str] = BESIDE_DONORS, disturbed: bool = True) -> Found:
    """The answers by method, and over all of them together, by kind of panel; of the interval, whether it held the truth (zero) where
    nothing happened.

    :param disturbed: also the panels with something else than an effect.
    """
    found: Found = {}
    for seed in range(panels):
        _undisturbed(found, methods, made(seed), seed)
        for kind, disturb in DISTURBED.items() if disturbed else ():
            _counted(found, methods, kind, *disturb(made(seed), 1 if seed % 2 else -1))
    return found


def rates_alone(panels: int) -> Found:
    """The same for a series without donors, by how it wanders."""
    found: Found = {}
    for seed in range(panels):
        for kind, persistence in zip(WANDERING, (0.0, 0.5, 0.8), strict=True):
            _undisturbed(found, ("interrupted",), alone(seed, persistence=persistence), seed, f"{kind}: ")
    return found


def _undisturbed(found: Found, methods: Sequence[str], panel: Panel, seed: int, of: str = "") -> None:
    """An effect of twice the smallest that each method would have seen; for all together, of the method that decides."""
    still = _counted(found, methods, f"{of}no effect", panel, Question())
    kind = f"{of}twice the smallest detectable"
    for key, effect in zip(methods, still, strict=True):
        found.setdefault((key, f"{of}interval holds"), Counter())[str(_holds(effect, 0.0))] += 1
        moved = with_effect(panel, 2 * (effect.smallest_detectable or 0.0) * (1 if seed % 2 else -1))
        if key == methods[0]:
            first = moved
        else:
            _counted(found, (key,), kind, moved, Question())
    one = _counted({}, methods, kind, first, Question())
    found.setdefault((methods[0], kind), Counter())[one[0].answer] += 1
    if len(methods) > 1:
        found.setdefault(("together", kind), Counter())[together(one).answer] += 1


def _counted(found: Found, methods: Sequence[str], kind: str, panel: Panel, question: Question) -> list[Effect]:
    effects = [estimate(panel, question, METHODS[key]) for key in methods]
    for key, effect in zip(methods, effects, strict=True):
        found.setdefault((key, kind), Counter())[effect.answer] += 1
    if len(methods) > 1:
        found.setdefault(("together", kind), Counter())[together(effects).answer] += 1
    return effects


def _holds(effect: Effect, truth: float) -> bool:
    return effect.interval is not None and effect.interval[0] <= truth <= effect.interval[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=500)
    panels = parser.parse_args().panels
    print(f"{panels} panels of each kind; accepted rate of false answers: {Question().wrong_at_most:.0%}")
    for (key, kind), counts in (rates(panels) | rates_alone(panels)).items():
        print(f"{key}, {kind}: " + ", ".join(f"{name} {count / panels:.1%}" for name, count in counts.most_common()))


if __name__ == "__main__":
    main()
