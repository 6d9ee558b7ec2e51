"""Each method on its own terms: what it is held to, what it refuses, and the one answer that follows from several."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.warehouse.effects.panels import alone, made, with_effect, with_own_trend
from warehouse.effects.effect import Effect
from warehouse.effects.estimate import METHODS, estimate, estimates, fitting
from warehouse.effects.panel import Panel, position
from warehouse.effects.rule import CANNOT_TELL, NOT_SEEN, SEEN
from warehouse.effects.together import together

DID, INTERRUPTED = METHODS["did"], METHODS["interrupted"]


def test_differences_are_the_regression_with_an_effect_per_area_and_per_period() -> None:
    """Two-way fixed effects by a library, with a dummy for the treated area after, and an event study with one per period after."""
    from statsmodels.regression.linear_model import OLS

    panel = with_effect(made(7, donors=8), 3.0)
    values = np.column_stack([panel.outcome, panel.others])
    periods, areas = values.shape
    area, period = np.tile(np.arange(areas), periods), np.repeat(np.arange(periods), areas)
    fixed = np.column_stack([np.equal.outer(area, range(areas)), np.equal.outer(period, range(1, periods))]).astype(
        float
    )
    treated = (area == 0)[:, None] & np.equal.outer(period, np.flatnonzero(panel.after))
    found = estimate(panel, None, DID)
    whole = OLS(values.ravel(), np.column_stack([fixed, treated.any(axis=1)])).fit()
    assert found.estimate == pytest.approx(whole.params[-1])
    study = OLS(values.ravel(), np.column_stack([fixed, treated])).fit()
    after = [row["gap"] for row in found.path if row["part"] == "after"]
    assert after == pytest.approx(list(study.params[-len(after) :]))


def test_the_event_study_has_an_interval_per_period_before_and_after() -> None:
    found = estimate(with_effect(made(4), 6.0), None, DID)
    assert found.answer == SEEN
    assert all(row["low"] <= row["gap"] <= row["high"] for row in found.path)
    assert all(row["low"] > 0 for row in found.path if row["part"] == "after")
    before = [row for row in found.path if row["part"] == "fit"]
    assert sum(row["low"] <= 0 <= row["high"] for row in before) >= len(before) - 2
    assert np.mean([row["gap"] for row in before]) == pytest.approx(0)


def test_what_did_not_move_in_parallel_before_is_no_effect_of_the_start() -> None:
    drifting = estimate(with_own_trend(made(8), 0.5), None, DID)
    assert drifting.fit["trend_rank"] == 1
    assert drifting.answer == CANNOT_TELL and "vóór de ingreep" in drifting.reason


def test_a_series_alone_is_beside_its_own_growth() -> None:
    panel = alone(3)
    found = estimate(panel, None, INTERRUPTED)
    assert found.answer != SEEN and found.weights == {} and found.placebo["in_space"] is None
    assert found.smallest_detectable is not None
    large = estimate(with_effect(panel, 3 * found.smallest_detectable), None, INTERRUPTED)
    assert large.answer == SEEN and large.placebo["in_time"]["rank"] == 1
    assert large.estimate == pytest.approx((found.estimate or 0.0) + 3 * found.smallest_detectable)
    growth = np.diff(panel.outcome[panel.before]).mean()
    first, last = (row for row in large.path if row["period"] in (panel.start, panel.periods[-1]))
    begun = panel.outcome[panel.before][-1]
    assert first["counterfactual"] == pytest.approx(begun + growth)
    assert last["counterfactual"] == pytest.approx(begun + growth * panel.after.sum())
    assert last["high"] - last["low"] > first["high"] - first["low"]


def test_what_a_series_alone_can_not_say() -> None:
    panel = alone(3)

    def why(changed: Panel) -> str:
        found = estimate(changed, None, INTERRUPTED)
        assert found.answer == CANNOT_TELL
        return found.reason

    assert "minstens 12 perioden" in why(panel.without(panel.periods[1:10]))
    assert "hoogstens half" in why(replace(panel, start=panel.periods[12], fit=(panel.periods[0], panel.periods[11])))
    assert "na 2004 ontbreekt" in why(panel.without(["2005"]))
    assert "kies er geen uit" in why(replace(panel, fit=("2002", panel.fit[1])))
    assert "evenveel" in why(replace(panel, outcome=np.arange(len(panel.periods), dtype=float)))
    waves = np.cumsum(np.sin(np.arange(len(panel.periods)) / 2))
    assert "samenhang" in why(replace(panel, outcome=100 + waves))
    early = panel.outcome + 40.0 * (np.arange(len(panel.periods)) == 9)
    assert estimate(replace(panel, outcome=early), None, INTERRUPTED).answer != SEEN


def test_which_methods_a_question_gets_follows_from_its_donors() -> None:
    assert fitting(2) == fitting(20) == ("synthetic", "did")
    assert fitting(1) == fitting(0) == ("interrupted",)
    assert [one.method for one in estimates(made(4))] == ["synthetische controle", "verschil-in-verschillen"]
    [one] = estimates(alone(3))
    assert one.method == "onderbroken tijdreeks"


@pytest.mark.parametrize(
    ("first", "second", "answer", "said"),
    [
        ((SEEN, 5.0, 2.0), (SEEN, 4.0, 2.0), SEEN, "reden"),
        ((SEEN, 5.0, 2.0), (SEEN, -4.0, 2.0), CANNOT_TELL, "spreken elkaar tegen"),
        ((SEEN, 5.0, 2.0), (NOT_SEEN, 1.0, 4.0), CANNOT_TELL, "spreken elkaar tegen"),
        ((SEEN, 5.0, 2.0), (NOT_SEEN, 1.0, 6.0), SEEN, "niet eens: twee zegt *geen effect gezien*"),
        ((NOT_SEEN, 1.0, 6.0), (SEEN, 5.0, 2.0), NOT_SEEN, "niet eens: twee zegt *effect gezien*"),
        ((NOT_SEEN, 1.0, 4.0), (SEEN, 5.0, 2.0), CANNOT_TELL, "spreken elkaar tegen"),
        ((CANNOT_TELL, None, None), (SEEN, 5.0, 2.0), CANNOT_TELL, "niet eens"),
    ],
)
def test_the_first_method_decides_and_a_contradiction_takes_it_back(
    first: tuple[str, float | None, float | None], second: tuple[str, float, float], answer: str, said: str
) -> None:
    one, two = (
        Effect(found, "reden", name, "", "gebied", "2014", 1, (), estimate=size, smallest_detectable=smallest)
        for name, (found, size, smallest) in (("een", first), ("twee", second))
    )
    found = together([one, two])
    assert found.answer == answer and said in found.reason
    assert together([one]).reason == "reden"


@pytest.mark.parametrize(
    ("period", "at"),
    [("1975", 1975), ("2024JJ00", 2024), ("2024KW03", 2024.5), ("2024MM07", 2024.5), ("2015-H2", 2015.5)],
)
def test_a_period_lies_in_time(period: str, at: float) -> None:
    assert position(period) == at
