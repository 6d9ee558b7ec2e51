"""What holds of every panel that a file may hold, by every method: one of three answers, and no digit that hangs on units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.warehouse.effects.panels import made
from warehouse.effects.estimate import METHODS, estimate
from warehouse.effects.panel import Panel
from warehouse.effects.rule import CANNOT_TELL, NOT_SEEN, SEEN

_LENGTH, _DONORS = 16, 10
_VALUES = st.one_of(
    st.integers(0, 3).map(float),  # Counts: many the same.
    st.floats(-1e3, 1e3, allow_nan=False).map(lambda value: round(value, 2)),
    st.sampled_from([0.0, -1e9, 1e9, 1e-9]),
)


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    """Some cells of an ordinary panel are any value, and some series are one value all along."""
    panel = made(draw(st.integers(0, 50)), donors=_DONORS, before=12, after=4)
    values = np.column_stack([panel.outcome, panel.others])
    for at, unit, value in draw(
        st.lists(st.tuples(st.integers(0, _LENGTH - 1), st.integers(0, _DONORS), _VALUES), max_size=6)
    ):
        values[at, unit] = value
    for unit, value in draw(st.lists(st.tuples(st.integers(0, _DONORS), _VALUES), max_size=3)):
        values[:, unit] = value
    return replace(panel, outcome=values[:, 0], others=values[:, 1:])


@pytest.mark.parametrize("method", METHODS)
@given(panel=panels())
def test_every_panel_has_one_of_three_answers_that_its_own_figures_bear(method: str, panel: Panel) -> None:
    found = estimate(panel, None, METHODS[method])
    assert found.answer in (SEEN, NOT_SEEN, CANNOT_TELL) and found.reason
    if found.estimate is None:
        assert found.answer == CANNOT_TELL and found.interval is None and not found.path
        return
    assert found.interval is not None and found.interval[0] <= found.estimate <= found.interval[1]
    if found.answer == SEEN:
        assert not found.interval[0] <= 0 <= found.interval[1]
        assert found.spread is not None and found.spread[0] * found.spread[1] > 0
    if found.answer == NOT_SEEN:
        assert found.smallest_detectable is not None and found.smallest_detectable <= (found.relevant or 0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("times", [1000.0, 1e-6])
def test_the_answer_does_not_hang_on_the_unit(method: str, times: float) -> None:
    for seed in range(4):
        panel = made(seed, donors=12)
        plain = estimate(panel, None, METHODS[method])
        other = estimate(
            replace(panel, outcome=panel.outcome * times, others=panel.others * times), None, METHODS[method]
        )
        assert other.answer == plain.answer
        assert other.estimate == pytest.approx((plain.estimate or 0.0) * times, rel=1e-4)
        assert other.smallest_detectable == pytest.approx((plain.smallest_detectable or 0.0) * times, rel=1e-2)
