"""Made panels, of which the truth is known: areas that follow three common movements, each in its own mixture and with its own noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from warehouse.effects.panel import Panel, shape

BEFORE, AFTER, DONORS = 14, 6, 20


def made(seed: int, donors: int = DONORS, before: int = BEFORE, after: int = AFTER) -> Panel:
    """No effect, and the treated area is drawn as all others are."""
    random = np.random.default_rng(seed)
    length = before + after
    movements = random.normal(size=(length, 3)).cumsum(axis=0) + np.linspace(0, 4, length)[:, None]
    noise = np.zeros((length, donors + 1))
    for period in range(length):
        noise[period] = 0.5 * noise[period - 1] * (period > 0) + random.normal(scale=0.5, size=donors + 1)
    values = 100 + movements @ random.dirichlet(np.ones(3), size=donors + 1).T * 2 + noise
    periods = tuple(str(2000 + i) for i in range(length))
    return Panel(
        periods=periods,
        treated="behandeld",
        donors=tuple(f"gebied {i}" for i in range(donors)),
        outcome=values[:, 0],
        others=values[:, 1:],
        start=periods[before],
        fit=(periods[0], periods[before - 1]),
    )


def with_effect(panel: Panel, size: float) -> Panel:
    return replace(panel, outcome=panel.outcome + size * panel.after)


def with_own_trend(panel: Panel, per_period: float) -> Panel:
    """The treated area goes its own way from the first period on, and the start changes nothing."""
    return replace(panel, outcome=panel.outcome + per_period * np.arange(len(panel.periods)))


def with_bad_donor(panel: Panel, jump: float) -> Panel:
    """The first donor jumps at the start, for a reason of its own."""
    others = panel.others.copy()
    others[panel.after, 0] += jump
    return replace(panel, others=others)


def alone(seed: int, before: int = 20, after: int = 4, persistence: float = 0.0) -> Panel:
    """One area without any other, that wanders: each period it grows by a mean and chance, of which this share goes on."""
    random = np.random.default_rng(seed)
    growth = random.normal(size=before + after)
    for period in range(1, before + after):
        growth[period] += persistence * growth[period - 1]
    values = 100 + (growth + 0.3).cumsum()
    periods = tuple(str(2000 + i) for i in range(before + after))
    return Panel(
        periods=periods,
        treated="behandeld",
        donors=(),
        outcome=values,
        others=np.empty((before + after, 0)),
        start=periods[before],
        fit=(periods[0], periods[before - 1]),
    )


def with_break(panel: Panel, jump: float) -> Panel:
    """The series of the treated area jumps halfway before the start, and stays there: its definition changed."""
    return replace(panel, outcome=panel.outcome + jump * (np.arange(len(panel.periods)) >= panel.before.sum() // 2))


def with_missing_years(panel: Panel) -> Panel:
    """Two donors lack a year each, and the treated area one before the start."""
    gone = {("gebied 1", panel.periods[3]), ("gebied 2", panel.periods[-2]), (panel.treated, panel.periods[5])}
    rows = [row for row in rows_of(panel) if row[:2] not in gone]
    return shape(rows, panel.treated, panel.start)


def rows_of(panel: Panel) -> list[tuple[str, str, float | None]]:
    """The panel as a file has it: a row per area and period."""
    values = np.column_stack([panel.outcome, panel.others])
    names = (panel.treated, *panel.donors)
    return [
        (name, period, float(values[i, j])) for j, name in enumerate(names) for i, period in enumerate(panel.periods)
    ]
