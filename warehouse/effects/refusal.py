"""What makes a panel unfit for any estimate, told in Dutch. A refusal is an answer: *niet te zeggen*, with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np

from warehouse.effects.panel import Panel, kind_of
from warehouse.effects.rule import PERIODS_AFTER, PERIODS_BEFORE


def refused(panel: Panel, breaks: Mapping[str, str], also_treated: Iterable[str]) -> str | None:
    """Why nothing can be estimated on this panel, or None.

    :param breaks: the periods from which a series or an area is no longer the same, each with what changed.
    :param also_treated: areas in which the same was done; none of them may be a donor.
    """
    treated = sorted(set(also_treated) & set(panel.donors))
    if treated:
        return f"{', '.join(treated)} kreeg de ingreep ook en kan dus niet vergelijken: laat dat gebied weg uit de vergelijking"
    if uneven := _uneven(panel.periods):
        return uneven
    inside = {period: what for period, what in breaks.items() if panel.periods[0] < period <= panel.periods[-1]}
    if inside:
        told = "; ".join(f"{period}: {what.rstrip('.')}" for period, what in sorted(inside.items()))
        return f"de reeks breekt, zodat ervoor en erna niet hetzelfde gemeten is ({told})"
    before, after = panel.before, panel.after
    if (count := int(before.sum())) < PERIODS_BEFORE or panel.fit[0] >= panel.start:
        return f"er zijn {count} perioden vóór {panel.start}; minstens {PERIODS_BEFORE} zijn nodig"
    if (count := int(after.sum())) < PERIODS_AFTER:
        return f"er zijn {count} perioden vanaf {panel.start}; minstens {PERIODS_AFTER} zijn nodig"
    empty = [p for p, value in zip(panel.periods, panel.outcome, strict=True) if np.isnan(value)]
    if empty:
        return f"{panel.treated} heeft geen waarde in {', '.join(empty)}, na de ingreep: onderdrukt of nog niet gepubliceerd"
    if {panel.periods[i] for i in np.flatnonzero(after)} <= panel.provisional:
        return f"alle cijfers vanaf {panel.start} zijn voorlopig"
    return None


def _uneven(periods: tuple[str, ...]) -> str | None:
    kinds = sorted({kind_of(period) for period in periods})
    if len(kinds) > 1:
        return f"perioden van verschillende lengte staan door elkaar ({', '.join(kinds)}): kies er één, bijvoorbeeld alleen jaren"
    if kinds != ["getal"]:
        return None
    steps = [round(float(b) - float(a), 6) for a, b in pairwise(periods)]
    usual = Counter(steps).most_common(1)[0][0] if steps else 1.0
    # One longer step is a period that nobody has; two in a row are another length of period.
    odd = next(
        (
            i
            for i, step in enumerate(steps)
            if abs(step / usual - round(step / usual)) > 1e-6 or (i and min(step, steps[i - 1]) > usual)
        ),
        None,
    )
    if odd is None:
        return None
    return (
        f"van {periods[odd]} naar {periods[odd + 1]} is een andere stap dan de gewone ({usual:g}): "
        "halve jaren staan naast hele. Kies er één"
    )
