"""The effect of declared policy choices on the figures of a release: nothing but the release is needed to redo it.

All indicators of all declared choices are questions that are asked at once, and share the accepted rate of wrong answers. The
examples, which are made up, are counted apart: they are no questions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from warehouse.effects.asked import Asked, Known
from warehouse.effects.figures import Figures
from warehouse.registry.interventions import Expected, Intervention

if TYPE_CHECKING:
    from warehouse.effects.effect import Effect, Question
    from warehouse.effects.panel import Panel

#: What an answer's digits turn on besides our own code.
_PACKAGES = ("numpy", "scipy", "clarabel", "statsmodels")
#: A figure that is there and not shown: it may decide, and is no end of the series.
_HIDDEN = ("suppressed", "confidential")


@dataclass(frozen=True)
class Asking:
    """A question that is still to be answered.

    :param questions: how many are asked at once.
    """

    intervention: Intervention
    indicator: Expected
    questions: int

    @property
    def question(self) -> str:
        """MD5 over what is asked. As long as that is the same it is the same question, however it is worded."""
        one = self.intervention
        asked = (
            one.region,
            one.from_period,
            one.until_period,
            self.indicator.model_dump(),
            one.also_treated,
            one.compare_with,
        )
        return _md5([*asked, sorted(out.region for out in one.excluded)])

    def made_from(self, figures: Figures, known: Known) -> str:
        """MD5 over all that the answer is made from, but for our own code."""
        versions = {name: _version(name) for name in _PACKAGES}
        told = (figures.indicator_name, figures.unit, figures.region_name, figures.not_comparable, figures.comparison)
        asked = (self.intervention.model_dump(mode="json"), self.indicator.model_dump(), self.questions, known.proven)
        return _md5([versions, told, asked, known.committed_on, figures.rows])


def askings(declared: Sequence[Intervention]) -> list[Asking]:
    """Every question about these choices."""
    real = sum(len(one.indicators) for one in declared if not one.example)
    made_up = sum(len(one.indicators) for one in declared if one.example)
    return [Asking(one, expected, made_up if one.example else real) for one in declared for expected in one.indicators]


def answer(asking: Asking, figures: Figures, known: Known) -> Asked:
    """The answer by every method that fits. What breaks the working out off is its reason that nothing can be told: an error in
    one question costs no other, and no release."""
    effects: Sequence[Effect]
    broke_off = False
    try:
        effects = _estimates(asking, figures)
    except Exception as error:
        broke_off = True
        why = " ".join(f"{type(error).__name__}: {error}".split())
        effects = _refusals(asking, figures, f"de berekening brak af ({why})")
    return Asked(
        asking.intervention,
        asking.indicator,
        figures.indicator_name,
        figures.unit,
        figures.region_name,
        figures.comparison,
        _caveats(asking, figures, known),
        tuple(effects),
        known,
        tuple(figures.snapshots),
        broke_off,
    )


def _caveats(asking: Asking, figures: Figures, known: Known) -> tuple[str, ...]:
    """What a reader must know first: whether it is made up, what was said before, how the comparison was chosen."""
    one = asking.intervention
    first = ["Dit is een verzonnen voorbeeld: deze keuze is nooit gemaakt."] if one.example else []
    if one.published:
        first.append(f"Eerder gepubliceerd: {one.published}")
    excluded = (f"{out.region} vergelijkt niet mee: {out.why}." for out in one.excluded)
    treated = (f"{code} kreeg het ook en vergelijkt niet mee." for code in one.also_treated)
    more = [figures.not_comparable] if figures.not_comparable else []
    if one.until_period:
        more.append(f"Er is gekeken tot en met {one.until_period[:4]}.")
    expected = f"Verwacht was: {asking.indicator.direction}."
    return (*first, expected, figures.comparison, *one.disturbances, *excluded, *treated, *more, known.told(one))


def _estimates(asking: Asking, figures: Figures) -> Sequence[Effect]:
    from warehouse.effects.digits import told
    from warehouse.effects.estimate import estimates

    shaped = _shaped(asking, figures)
    return _refusals(asking, figures, shaped) if isinstance(shaped, str) else [told(e) for e in estimates(*shaped)]


def _shaped(asking: Asking, figures: Figures) -> tuple[Panel, Question] | str:
    """The panel and what is known beside it, or why there is none."""
    from warehouse.effects.effect import Question
    from warehouse.effects.panel import shape

    one = asking.intervention
    rows = [row for row in figures.rows if one.until_period is None or row["period_code"] <= one.until_period]
    own = [row for row in rows if row["region_code"] == one.region]
    periods = sorted(row["period_code"] for row in own if row["value"] is not None or row["missing_reason"] in _HIDDEN)
    if not periods:
        return "er is geen enkel cijfer van het gebied"
    if periods[0] >= one.from_period:
        return f"de reeks begint in {periods[0][:4]}, en niet vóór de ingreep ({one.from_period[:4]})"
    if periods[-1] < one.from_period:
        return f"er is nog geen cijfer vanaf de ingreep ({one.from_period[:4]}); het laatste is van {periods[-1][:4]}"
    first, last = periods[0], periods[-1]
    rows = [row for row in rows if first <= row["period_code"] <= last]
    broken = {row["region_code"] for row in rows if row["series_break"] and row["period_code"] > first} - {one.region}
    panel = shape(
        [(r["region_code"], r["period_code"], r["value"]) for r in rows if r["region_code"] not in broken],
        one.region,
        min(period for period in {row["period_code"] for row in rows} if period >= one.from_period),
        provisional=[row["period_code"] for row in rows if row["is_provisional"] and row["region_code"] not in broken],
    )
    left_out = [f"Niet vergeleken, omdat hun reeks of grens veranderde: {', '.join(sorted(broken))}"] if broken else []
    after = [row for row in own if row["period_code"] >= one.from_period and row["margin"] is not None]
    question = Question(
        breaks={
            row["period_code"]: row["series_break"] for row in own if row["series_break"] and row["period_code"] > first
        },
        also_treated=one.also_treated,
        relevant=asking.indicator.relevant,
        margin=sum(row["margin"] for row in after) / len(after) if after else 0.0,
        questions=asking.questions,
    )
    return replace(panel, left_out=(*panel.left_out, *left_out)), question


def _refusals(asking: Asking, figures: Figures, why: str) -> list[Effect]:
    """Of every method that the question gets."""
    from warehouse.effects.effect import Effect
    from warehouse.effects.estimate import METHODS, fitting
    from warehouse.effects.rule import CANNOT_TELL

    one, questions = asking.intervention, asking.questions
    donors = len({row["region_code"] for row in figures.rows} - {one.region})
    return [
        Effect(CANNOT_TELL, why, m.name, m.assumes, one.region, one.from_period, questions, ())
        for m in (METHODS[key] for key in fitting(donors))
    ]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _md5(what: Any) -> str:
    return hashlib.md5(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()
