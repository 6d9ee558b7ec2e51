"""How often the rule of effects answers wrongly, on made panels: ``python -m tests.benchmarks.effects [--panels 500]``."""

from __future__ import annotations

import argparse
from collections import Counter

from tests.warehouse.effects.panels import made, with_bad_donor, with_effect, with_own_trend
from warehouse.effects.effect import Effect, Question
from warehouse.effects.estimate import estimate

KINDS = ("no effect", "twice the smallest detectable", "own trend", "bad donor", "interval holds")


def rates(panels: int, disturbed: bool = True) -> dict[str, Counter[str]]:
    """The answers by kind of panel; of the interval, whether it held the truth (zero) where nothing happened.

    :param disturbed: also the panels with a trend of their own and those with a bad donor.
    """
    found: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for seed in range(panels):
        panel = made(seed)
        still = estimate(panel)
        found["no effect"][still.answer] += 1
        found["interval holds"][str(_holds(still, 0.0))] += 1
        size = 2 * (still.smallest_detectable or 0.0) * (1 if seed % 2 else -1)
        found["twice the smallest detectable"][estimate(with_effect(panel, size)).answer] += 1
        if not disturbed:
            continue
        found["own trend"][estimate(with_own_trend(panel, 0.5 if seed % 2 else -0.5)).answer] += 1
        found["bad donor"][estimate(with_bad_donor(panel, 10.0)).answer] += 1
    return found


def _holds(effect: Effect, truth: float) -> bool:
    return effect.interval is not None and effect.interval[0] <= truth <= effect.interval[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=500)
    panels = parser.parse_args().panels
    print(f"{panels} panels of each kind; accepted rate of false answers: {Question().wrong_at_most:.0%}")
    for kind, counts in rates(panels).items():
        print(f"{kind}: " + ", ".join(f"{name} {count / panels:.1%}" for name, count in counts.most_common()))


if __name__ == "__main__":
    main()
