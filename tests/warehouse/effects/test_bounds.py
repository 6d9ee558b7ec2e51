"""The rule and the placebos at their bounds: which side of a threshold has which answer, for effects up and down alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.warehouse.effects.panels import made
from warehouse.effects.placebo import Gaps, band, interval, rank, smallest_detectable, trend_rank
from warehouse.effects.refusal import refused
from warehouse.effects.rule import (
    CANNOT_TELL,
    FOUND_AT_LEAST,
    NOT_SEEN,
    SEEN,
    Found,
    FoundAlone,
    judge,
    judge_alone,
    number,
)

#: An effect that everything just allows.
SEEN_BY_A_HAIR: dict[str, Any] = {
    "estimate": 10.0, "interval": (0.1, 18.0), "wrong_at_most": 0.1, "ranks": (2, 20), "fit": 3.0, "donors_fit": 1.0,
    "without_one": (5.0, 12.0), "spread": (0.1, 20.0), "earlier": (2.4, True), "trend": 4.9, "smallest": 8.0, "relevant": 4.0,
}  # fmt: skip
ALONE: dict[str, Any] = {
    "estimate": 10.0, "interval": (0.1, 18.0), "persistence": 0.2, "in_time": (1, 9.0, "2008"), "without_one": (5.0, 12.0),
    "spread": (0.1, 20.0), "smallest": 8.0, "relevant": 4.0,
}  # fmt: skip


def turned(found: dict[str, Any]) -> dict[str, Any]:
    """The same downwards."""
    flipped = found | {"estimate": -found["estimate"]}
    for name in ("interval", "without_one", "spread"):
        flipped[name] = tuple(-value for value in reversed(found[name]))
    if "trend" in found:
        flipped["trend"] = -found["trend"]
        flipped["earlier"] = found["earlier"] and (-found["earlier"][0], found["earlier"][1])
    return flipped


def answers(found: dict[str, Any]) -> str:
    """The answer with its reason, if it is the same upwards and downwards."""
    rule, of = (judge, Found) if "ranks" in found else (judge_alone, FoundAlone)
    up, down = (rule(of(**one)) for one in (found, turned(found)))  # type: ignore[operator]
    assert up.answer == down.answer
    return f"{up.answer}: {up.reason}"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, f"{SEEN}: de afwijking na de ingreep is groter dan die bij 18 van de 19 vergelijkingsgebieden"),
        ({"earlier": None}, "dat was er niet al ervoor"),
        ({"ranks": (2, 20)}, "dat was er niet vanaf een eerder moment"),
        ({"ranks": (3, 20), "relevant": 8.0}, f"{NOT_SEEN}: het verschil valt binnen wat ook zonder ingreep voorkomt; een effect vanaf 8"),
        ({"ranks": (1, 10)}, SEEN),
        ({"ranks": (1, 9)}, f"{CANNOT_TELL}: er zijn 8 vergelijkingsgebieden; om toeval uit te sluiten zijn er minstens 9 nodig "
                            "(kans op een verkeerd antwoord: 10,0%)"),
        ({"ranks": (1, 29), "wrong_at_most": 1 / 30}, "minstens 29 nodig (kans op een verkeerd antwoord: 3,33%)"),
        ({"fit": 3.5}, f"{CANNOT_TELL}: de vergelijkingsgebieden volgen het gebied vóór de ingreep te slecht: de afwijking is 3,50 keer"),
        ({"interval": (0.0, 18.0), "relevant": 8.0}, NOT_SEEN),
        ({"without_one": (4.9, 12.0)}, f"{CANNOT_TELL}: het verschil hangt aan één vergelijkingsgebied: zonder blijft er 49% van over"),
        ({"without_one": (-4.9, 12.0)}, "zonder blijft er 0% van over (minstens 50% is nodig)"),
        ({"spread": (0.0, 20.0)}, "bijna even goede vergelijkingen geven verschillen van 0 tot 20,0: niet eens de richting"),
        ({"earlier": (2.5, False)}, "ook vóór de ingreep week het gebied al af (2,50, gemeten"),
        ({"earlier": (2.4, False)}, SEEN),
        ({"earlier": (-5.0, True)}, "ook vóór de ingreep week het gebied al af (-5,00, gemeten"),
        ({"earlier": (-4.9, True)}, SEEN),
        ({"earlier": (-5.0, False)}, SEEN),
        ({"trend": 5.0}, "was het zo doorgegaan, dan was het verschil ook al 5,00 geweest"),
        ({"trend": -9.0}, SEEN),
        ({"earlier": None, "trend": 5.0}, "zijn eigen weg"),
        # What is looked at first is told.
        ({"ranks": (1, 9), "fit": 9.0}, "er zijn 8"), ({"fit": 9.0, "ranks": (9, 20)}, "te slecht"),
        ({"without_one": (1.0, 1.0), "spread": (-1.0, 1.0)}, "hangt aan"), ({"spread": (-1.0, 1.0), "trend": 9.0}, "richting"),
        # Of what is not seen: whether what matters would have been.
        ({"ranks": (9, 20), "smallest": 4.0}, NOT_SEEN),
        ({"ranks": (9, 20), "smallest": 4.01}, f"{CANNOT_TELL}: het verschil valt binnen wat ook zonder ingreep voorkomt, maar met deze "
         "reeks was een effect vanaf 4,01 te onderscheiden; ook een effect dat telt (4,00) kan dus gemist zijn"),
        ({"ranks": (9, 20), "smallest": None}, "was geen enkele omvang te onderscheiden"),
    ],
)  # fmt: skip
def test_an_answer_beside_others(change: dict[str, Any], said: str) -> None:
    assert said in answers(SEEN_BY_A_HAIR | change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, SEEN),
        (
            {"persistence": 0.21},
            f"{CANNOT_TELL}: het cijfer groeide of daalde vóór de ingreep perioden achtereen sneller",
        ),
        ({"persistence": 0.21}, "0,210; hoogstens 0,200 mag"),
        ({"interval": (0.0, 18.0), "relevant": 8.0}, NOT_SEEN),
        ({"interval": (0.0, 18.0)}, f"{CANNOT_TELL}: het verschil valt binnen"),
        (
            {"in_time": (2, 12.0, "2008")},
            f"{CANNOT_TELL}: vóór de ingreep week het cijfer ook al zo sterk af (vanaf 2008: 12,0)",
        ),
        ({"without_one": (4.9, 12.0)}, "hangt aan één periode na de ingreep: zonder blijft er 49%"),
        ({"spread": (0.0, 20.0)}, "niet eens de richting staat vast"),
    ],
)
def test_an_answer_of_a_series_alone(change: dict[str, Any], said: str) -> None:
    assert said in answers(ALONE | change)


def test_numbers_have_three_figures_that_count_as_dutch_writes_them() -> None:
    told = {
        0: "0",
        0.012345: "0,0123",
        1: "1,00",
        12.34: "12,3",
        -123.4: "-123",
        1234.6: "1.235",
        -1234567: "-1.234.567",
    }
    assert {value: number(value) for value in told} == told


# -- what is no panel to estimate on ----------------------------------------------------------------------------------


def test_a_panel_is_fit_up_to_its_bounds() -> None:
    assert refused(made(1, before=6, after=2), {}, []) is None
    assert "er zijn 5 perioden vóór 2005" in (refused(made(1, before=5, after=2), {}, []) or "")
    assert "er zijn 1 perioden vanaf 2006" in (refused(made(1, before=6, after=1), {}, []) or "")
    panel = made(1, before=6, after=2)
    for period, breaks in (("2000", False), ("2001", True), ("2007", True), ("2008", False)):
        assert ("breekt" in (refused(panel, {period: "nieuw."}, []) or "")) is breaks
    two = refused(panel, {"2004": "nieuw.", "2002": "oud"}, [])
    assert two is not None and two.endswith("(2002: oud; 2004: nieuw)")
    assert refused(replace(panel, provisional=frozenset({"2006"})), {}, []) is None
    assert "alle cijfers vanaf 2006 zijn voorlopig" in (
        refused(replace(panel, provisional=frozenset({"2006", "2007"})), {}, []) or ""
    )


@pytest.mark.parametrize(
    ("periods", "odd"),
    [
        ("2000 2001 2002 2003 2004 2005 2006 2007", None),
        ("2000 2001 2002 2004 2005 2006 2007 2008", None),  # a year that nobody has
        ("2000 2001 2002 2004 2006 2007 2008 2009", "van 2004 naar 2006"),  # two in a row
        ("2000 2001 2002 2002.5 2003 2004 2005 2006", "van 2002 naar 2002.5"),
        ("2000 2000.5 2001 2001.5 2002 2002.5 2003 2003.5", None),
        ("2000JJ00 2001JJ00 2002JJ00 2003JJ00 2004JJ00 2005JJ00 2006KW01 2006KW02", "verschillende lengte"),
    ],
)
def test_periods_are_all_as_long(periods: str, odd: str | None) -> None:
    named = tuple(periods.split())
    told = refused(replace(made(1, before=6, after=2), periods=named, start=named[6], fit=(named[0], named[5])), {}, [])
    assert told is None if odd is None else odd in (told or "")


# -- placebos ---------------------------------------------------------------------------------------------------------


def gap(mean: float, fit: float = 1.0, wide: float = 0.0, trend: float = 0.0) -> Gaps:
    """An area whose two gaps after the start lie this far from their mean."""
    after = np.array([mean - wide, mean + wide])
    return Gaps("x", fit, np.array([fit, -fit, *after]), after, trend)


def test_an_area_is_ranked_by_what_it_is_in_units_of_its_own_fit() -> None:
    donors = [gap(3, 2), gap(5), gap(-8, 2), gap(0, wide=6)]
    assert [rank(gap(mean), donors) for mean in (7, 6, 5, -4, 1)] == [1, 2, 3, 4, 5]
    ways = [gap(0, 2, trend=6), gap(0, trend=-4), gap(0, trend=2)]
    assert [trend_rank(gap(0, trend=trend), ways) for trend in (5, -4, 3, 1)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("count", "rate", "half", "share"),
    [(9, 0.1, 9, 0.9), (19, 0.1, 18, 0.9), (18, 0.1, 18, 18 / 19), (5, 0.1, 5, 5 / 6), (2, 0.9, 1, 1 / 3)],
)
def test_an_interval_is_what_the_placebos_do_not_refuse(count: int, rate: float, half: float, share: float) -> None:
    """Donors of sizes 1, 2, 3 and so on; the treated area fits half as well as each."""
    donors = [gap(size * (-1) ** size) for size in range(1, count + 1)]
    low, high, told = interval(gap(7, 2.0), donors, rate, 0.0)
    assert (low, high, told) == pytest.approx((7 - 2 * half, 7 + 2 * half, share))
    assert interval(gap(7, 2.0), donors, rate, 2 * half)[1] == pytest.approx(7 + 2 * half * np.sqrt(2))
    assert band(gap(7, 2.0), donors, rate, 0.0) == pytest.approx([2, 2, 2 * half, 2 * half])


@pytest.mark.parametrize("margin", [0.0, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_smallest_detectable_effect_is_the_least_that_enough_placebos_would_show(seed: int, margin: float) -> None:
    """Told by trying: each donor in turn is given the effect, up and down, and judged among the others."""
    random = np.random.default_rng(seed)
    donors = [gap(float(m), float(f), float(w)) for m, f, w in zip(random.normal(size=20), random.uniform(0.5, 2, 20),
                                                                   random.uniform(0, 1, 20), strict=True)]  # fmt: skip
    treated = gap(0.0, 1.5)
    found = smallest_detectable(treated, donors, 0.1, margin)
    assert found is not None

    def shown(effect: float) -> float:
        seen = 0
        for at, donor in enumerate(donors):
            others = donors[:at] + donors[at + 1 :]
            for sign in (1, -1):
                after = donor.after / donor.fit + sign * effect / treated.fit
                moved = Gaps("x", 1.0, after, after, 0.0)
                ranked = rank(moved, others) <= 2
                low, high, _ = interval(moved, others, 0.1, margin / treated.fit)
                seen += ranked and not low <= 0 <= high
        return seen / (2 * len(donors))

    step = 0.02 * found
    assert shown(found + step) >= FOUND_AT_LEAST > shown(found - step)
    assert smallest_detectable(treated, donors[:8], 0.1, margin) is None, "of nine areas none is one in ten"
    assert smallest_detectable(treated, donors[:9], 0.1, margin) is not None
    assert smallest_detectable(treated, donors[:1], 0.9, margin) is None
