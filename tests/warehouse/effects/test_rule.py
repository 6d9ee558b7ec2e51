"""What the rule answers on panels of which the truth is known, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from tests.benchmarks.effects import BESIDE_DONORS, rates, rates_alone
from tests.warehouse.effects.panels import made, rows_of, with_effect, with_own_trend
from warehouse.effects.effect import Question
from warehouse.effects.estimate import estimate
from warehouse.effects.panel import PanelError, shape
from warehouse.effects.rule import CANNOT_TELL, NOT_SEEN, SEEN, WRONG_AT_MOST, Found, judge
from warehouse.effects.simplex import UncertifiedError, best_weights, extremes


def test_no_effect_is_rarely_seen_and_a_large_one_mostly() -> None:
    found = rates(6, disturbed=False) | rates_alone(6)
    for key, kind in (("synthetic", ""), ("did", ""), ("interrupted", "wanders: ")):
        # One in ten is accepted: three of six would come once in sixty.
        assert found[key, f"{kind}no effect"][SEEN] <= 2
        assert found[key, f"{kind}twice the smallest detectable"][SEEN] >= 4
        assert found[key, f"{kind}interval holds"]["True"] >= 4


@pytest.mark.long
def test_the_rates_hold_over_a_hundred_panels() -> None:
    """Over 500 by hand (`python -m tests.benchmarks.effects`): what it measured stands in docs/effecten.md."""
    panels = 100
    found = rates(panels) | rates_alone(panels)
    chance = 0.06  # Two standard errors of a rate of one in ten.
    for (_, kind), counts in found.items():
        if kind.endswith("twice the smallest detectable") and not kind.startswith("wanders, "):
            assert counts[SEEN] >= 0.8 * panels
        elif kind.endswith("interval holds") and not kind.startswith("wanders, "):
            assert counts["True"] >= (1 - WRONG_AT_MOST - chance) * panels
        elif not kind.endswith(("twice the smallest detectable", "interval holds")):
            assert counts[SEEN] <= (WRONG_AT_MOST + chance) * panels
    for key in BESIDE_DONORS:
        assert found[key, "break that is known"][SEEN] == found[key, "treated donor"][SEEN] == 0


def test_an_effect_has_all_that_belongs_to_it() -> None:
    effect = estimate(with_effect(made(4), 6.0))
    assert effect.answer == SEEN
    assert effect.interval is not None and effect.interval[0] < 6 < effect.interval[1]
    assert effect.spread is not None and effect.spread[0] <= effect.estimate <= effect.spread[1]
    assert effect.placebo["in_space"]["rank"] == 1 and len(effect.placebo["in_space"]["donors"]) == 20
    assert effect.placebo["in_time"]["start"] == "2009"
    assert set(effect.without_one) == {name for name, weight in effect.weights.items() if weight >= 0.001}
    assert [row["gap"] for row in effect.path] == pytest.approx(
        [row["observed"] - row["counterfactual"] for row in effect.path]
    )
    assert effect.smallest_detectable is not None and 0 < effect.smallest_detectable < 6


def test_what_went_its_own_way_before_is_no_effect_of_the_start() -> None:
    effect = estimate(with_own_trend(made(1), 2.0))
    assert effect.answer == CANNOT_TELL and "te slecht" in effect.reason


def test_more_questions_ask_for_more_donors() -> None:
    panel = with_effect(made(4), 6.0)
    effect = estimate(panel, Question(questions=3))
    assert effect.answer == CANNOT_TELL and effect.questions == 3
    assert "20 vergelijkingsgebieden" in effect.reason and "minstens 29" in effect.reason


def test_a_margin_of_the_source_widens_the_interval() -> None:
    panel = with_effect(made(4), 6.0)
    plain, wide = estimate(panel), estimate(panel, Question(margin=7.0))
    assert plain.interval is not None and wide.interval is not None
    assert wide.interval[1] - wide.interval[0] > plain.interval[1] - plain.interval[0]
    assert (plain.answer, wide.answer) == (SEEN, NOT_SEEN)


def test_a_series_that_would_have_hidden_what_matters_says_nothing() -> None:
    assert estimate(made(4)).answer == NOT_SEEN
    effect = estimate(made(4), Question(relevant=0.1))
    assert effect.answer == CANNOT_TELL and "gemist" in effect.reason


def test_refusals() -> None:
    panel = made(4)
    rows = rows_of(panel)

    def why(question: Question | None = None, **more: object) -> str:
        effect = estimate(
            shape(more.pop("rows", rows), panel.treated, more.pop("start", panel.start), **more), question
        )  # type: ignore[arg-type]
        assert effect.answer == CANNOT_TELL and effect.estimate is None and not effect.path
        return effect.reason

    assert "5 perioden vóór 2005; minstens 6" in why(start="2005")
    assert "1 perioden vanaf 2019; minstens 2" in why(start="2019")
    assert "(2008: nieuwe grens)" in why(Question(breaks={"2008": "nieuwe grens"}))
    assert "gebied 4 kreeg de ingreep ook" in why(Question(also_treated=["gebied 4", "elders"]))
    assert "geen waarde in 2016" in why(
        rows=[(u, p, None if (u, p) == (panel.treated, "2016") else v) for u, p, v in rows]
    )
    assert "halve jaren" in why(rows=[(u, "2010.5" if p == "2011" else p, v) for u, p, v in rows])
    halves = {str(2000 + i): f"{2000 + i / 2:g}" if i < 14 else str(1993 + i) for i in range(20)}
    assert "halve jaren" in why(rows=[(u, halves[p], v) for u, p, v in rows], start="2007")
    assert "HJ, JJ" in why(rows=[(u, p + ("HJ01" if p == "2011" else "JJ00"), v) for u, p, v in rows], start="2014JJ00")
    assert "voorlopig" in why(provisional=[str(year) for year in range(2014, 2020)])
    assert "minstens 2 zijn nodig" in why(donors=["gebied 1"])


def test_a_break_before_the_window_is_none_in_it() -> None:
    assert estimate(made(4), Question(breaks={"2000": "ander begin", "2025": "later"})).estimate is not None


def test_provisional_figures_decide_only_where_the_answer_hangs_on_them() -> None:
    panel = with_effect(made(4), 12.0)
    late = replace(panel, outcome=panel.outcome - 12.0 * np.isin(panel.periods, ["2014", "2015", "2016"]))
    assert estimate(replace(panel, provisional=frozenset({"2019"}))).answer == SEEN
    assert estimate(late).answer == SEEN
    hanging = estimate(replace(late, provisional=frozenset({"2017", "2018", "2019"})))
    assert hanging.answer == CANNOT_TELL and "voorlopige cijfers (2017, 2018, 2019)" in hanging.reason


def test_a_donor_that_lacks_a_year_is_left_out_and_named() -> None:
    panel = made(4)
    rows = [row for row in rows_of(panel) if row[:2] not in {("gebied 2", "2004"), (panel.treated, "2003")}]
    effect = estimate(shape(rows, panel.treated, panel.start))
    assert "gebied 2" not in effect.weights and len(effect.weights) == 19
    assert "2003" not in [row["period"] for row in effect.path]
    assert any("gebied 2" in note and "2004" in note for note in effect.left_out)
    assert any("2003" in note and panel.treated in note for note in effect.left_out)


def test_what_can_not_be_read_as_a_panel_is_told() -> None:
    rows = rows_of(made(4))
    for arguments, said in [
        (("niemand", "2014"), "no unit 'niemand'"),
        (("behandeld", "1814"), "no period '1814'"),
        (("behandeld", "2014", ["behandeld", "gebied 1"]), "no donor"),
    ]:
        with pytest.raises(PanelError, match=said):
            shape(rows, *arguments)  # type: ignore[arg-type]
    with pytest.raises(PanelError, match="two values"):
        shape([*rows, rows[0]], "behandeld", "2014")


def test_one_donor_that_carries_all_and_fits_that_differ_can_not_be_told() -> None:
    found = Found(5.0, (2.0, 8.0), 0.1, (1, 20), 1.0, 1.0, (4.0, 6.0), (3.0, 7.0), (0.5, False), 0.5, 3.0, 4.0)
    assert judge(found).answer == SEEN
    for change, said in [
        ({"without_one": (1.0, 6.0)}, "één vergelijkingsgebied"),
        ({"without_one": (-1.0, 6.0)}, "één vergelijkingsgebied"),
        ({"spread": (-1.0, 7.0)}, "bijna even goede"),
        ({"earlier": (3.0, True)}, "ook vóór de ingreep"),
        ({"earlier": (-3.0, True)}, "ook vóór de ingreep"),
        ({"earlier": (1.5, False)}, "ook vóór de ingreep"),
        ({"trend": 2.5}, "zijn eigen weg"),
        ({"fit": 4.0}, "te slecht"),
        ({"ranks": (1, 5)}, "minstens 9 nodig"),
    ]:
        answer = judge(replace(found, **change))  # type: ignore[arg-type]
        assert answer.answer == CANNOT_TELL and said in answer.reason
    assert judge(replace(found, interval=(-1.0, 11.0))).answer == NOT_SEEN
    assert judge(replace(found, ranks=(3, 20))).answer == NOT_SEEN
    assert judge(replace(found, earlier=(-3.0, False))).answer == SEEN
    assert judge(replace(found, earlier=None, trend=-2.5)).answer == SEEN


def test_weights_are_the_best_there_are() -> None:
    """Against a search by another way: no move between two donors betters the fit."""
    for seed in range(6):
        panel = made(seed, donors=8)
        donors, target = panel.others[panel.before], panel.outcome[panel.before]
        weights = best_weights(donors, target)
        best = float(((target - donors @ weights) ** 2).sum())
        for i in range(8):
            for j in range(8):
                step = min(weights[i], 1e-3)
                moved = weights.copy()
                moved[i], moved[j] = moved[i] - step, moved[j] + step
                assert float(((target - donors @ moved) ** 2).sum()) >= best * (1 - 1e-6)


def test_near_equal_fits_hold_the_best_one_and_reach_as_far_as_they_may() -> None:
    panel = made(2)
    donors, target = panel.others[panel.before], panel.outcome[panel.before]
    mean = panel.others[panel.after].mean(axis=0)
    weights = best_weights(donors, target)
    residual = float(np.linalg.norm(target - donors @ weights))
    low, high = extremes(donors, target, residual * 1.1, mean)
    assert low < mean @ weights < high
    wider = extremes(donors, target, residual * 1.5, mean)
    assert wider[0] < low and high < wider[1]


def test_what_is_no_number_is_told() -> None:
    with pytest.raises(UncertifiedError):
        best_weights(np.array([[1.0, np.nan], [2.0, 3.0]]), np.array([1.0, 2.0]))


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("warehouse.effects.estimate", ("scipy", "clarabel", "statsmodels", "pandas")),
        ("orchestration.cli", ("numpy", "scipy", "clarabel", "statsmodels", "pandas", "duckdb", "dagster", "dbt")),
    ],
)
def test_nothing_heavy_is_imported_before_a_fit(module: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
