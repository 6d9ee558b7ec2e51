"""Synthetic control with predictors: donors are weighed so that together they look like the treated area in more than the outcome.

How much each predictor counts is chosen so that the outcome before is followed best (Abadie and Gardeazabal, 2003). That problem has
many local optima: one start gives one of them, and the gap after differs between fits that are nearly as good. So there are
several starts and two methods, all fits are kept, the best counts, and the spread of the gap over those nearly as good is part of
the answer. The inner problem, the weights for given predictors' weights, is convex and certified (`simplex`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from warehouse.effects.comparison import Comparison
from warehouse.effects.file import Table
from warehouse.effects.panel import Panel, PanelError
from warehouse.effects.rule import NEARLY_AS_GOOD_PREDICTED
from warehouse.effects.simplex import Array, best_weights

_SEED = 20170101
#: Starts beside the equal one and the one by regression, steps of each, and rounds from the best; for the treated area, and for
#: each other fit.
_FAR, _NEAR = (14, 250, 6), (1, 120, 0)
_PRECISION = 1e-3
#: A predictor counts at least this share of the one that counts most.
_LEAST = 1e-8

_Key = tuple[str, tuple[str, ...], tuple[str, str]]


@dataclass(frozen=True)
class Predictors:
    """A value per predictor and unit.

    :param values: a row per predictor, a column per unit of ``units``, in units of their own spread.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    values: Array

    def of(self, units: Sequence[str]) -> Array:
        return self.values[:, [self.units.index(unit) for unit in units]]


@dataclass(frozen=True)
class WithPredictors(Comparison):
    """The method for `estimate`. The first panel that it weighs is searched through; others, such as the placebos, less far."""

    predictors: Predictors
    key: str = "synthetic"
    name: str = "synthetische controle met kenmerken"
    assumes: str = (
        "Aangenomen is dat het gebied zonder de ingreep was gegaan als een mengsel van gebieden die er vooraf op leken, in de "
        "gekozen kenmerken en in het cijfer zelf; dat niets anders alleen hier gebeurde; en dat de ingreep de andere niet raakte. "
        "Hoe zwaar elk kenmerk telt, is gezocht en niet bewezen: de beste van veel pogingen telt, met de spreiding ernaast."
    )
    _searched: dict[_Key, list[tuple[float, Array]]] = field(default_factory=dict)

    def weights(self, panel: Panel) -> Array:
        return min(self._fits(panel), key=lambda fit: fit[0])[1]

    def spread(self, panel: Panel, weights: Array) -> tuple[float, float]:
        """The least and the most of the mean gap over all fits that were found and are nearly as good as the best."""
        fits = self._fits(panel)
        most = min(error for error, _ in fits) * NEARLY_AS_GOOD_PREDICTED**2
        after = panel.after
        gaps = [float((panel.outcome[after] - panel.others[after] @ w).mean()) for error, w in fits if error <= most]
        return min(gaps), max(gaps)

    def _fits(self, panel: Panel) -> list[tuple[float, Array]]:
        key = (panel.treated, panel.donors, panel.fit)
        if key not in self._searched:
            far = not self._searched
            search = _Search(self.predictors, panel)
            self._searched[key] = search.fits(*(_FAR if far else _NEAR))
        return self._searched[key]


@dataclass(frozen=True)
class _Search:
    predictors: Predictors
    panel: Panel

    @cached_property
    def _others(self) -> Array:
        return self.predictors.of(self.panel.donors)

    @cached_property
    def _own(self) -> Array:
        return self.predictors.of([self.panel.treated])[:, 0]

    def fits(self, starts: int, steps: int, rounds: int) -> list[tuple[float, Array]]:
        """Every fit that a search came by, each with its MSPE before: the local optima and the way to them.

        :param steps: of each try; the best end is tried from anew until it stands still, at most so many ``rounds``.
        """
        from scipy.optimize import minimize

        found: list[tuple[float, Array]] = []

        def error(importance: Array) -> float:
            weights = self._weights(importance)
            found.append((self._error(weights), weights))
            return found[-1][0]

        def descend(start: Array, precision: float) -> list[tuple[float, Array]]:
            tries = (("Powell", "xtol"), ("Nelder-Mead", "xatol"))
            ends = (minimize(error, start, method=m, options={"maxfev": steps, p: precision}) for m, p in tries)
            return [(float(end.fun), np.asarray(end.x)) for end in ends]

        ends = [end for start in self._starts(starts) for end in descend(start, _PRECISION)]
        best, at = min(ends, key=lambda end: end[0])
        for _ in range(rounds):
            was = best
            best, at = min([(best, at), *descend(at - at.max(), _PRECISION / 10)], key=lambda end: end[0])
            if best > was * (1 - _PRECISION / 10):
                break
        return found

    def _weights(self, importance: Array) -> Array:
        """Certified weights when predictor ``k`` counts ``exp(importance[k])``."""
        counts = np.exp(np.clip(importance - importance.max(), np.log(_LEAST), 0.0))
        root = np.sqrt(counts)
        return best_weights(self._others * root[:, None], self._own * root)

    def _error(self, weights: Array) -> float:
        before = self.panel.before
        return float(np.mean((self.panel.outcome[before] - self.panel.others[before] @ weights) ** 2))

    def _starts(self, more: int) -> list[Array]:
        count = len(self.predictors.names)
        random = np.random.default_rng(_SEED)
        drawn = [np.log(random.dirichlet(np.ones(count)) + _LEAST) for _ in range(more)]
        return [np.zeros(count), self._by_regression(), *drawn]

    def _by_regression(self) -> Array:
        """Each predictor by the square of its coefficient on the outcome before, over all areas."""
        table = np.vstack([self._others.T, self._own])
        outcome = np.vstack([self.panel.others[self.panel.before].T, self.panel.outcome[self.panel.before]])
        found, *_ = np.linalg.lstsq(np.column_stack([np.ones(len(table)), table]), outcome, rcond=None)
        return np.log((found[1:] ** 2).sum(axis=1) + _LEAST)


def gathered(table: Table, unit: str, time: str, asked: Sequence[str], panel: Panel) -> Predictors:
    """The predictors from the columns of a file.

    :param asked: a column each, with the periods that its mean is taken over: ``trade``, ``trade:1981-1990`` or
        ``sector:1961,1963``. Without periods: those of the fit in which it has a value.
    :raises PanelError: a column or period that is not there, or an area without a value.
    """
    units = (panel.treated, *panel.donors)
    where, when = table.names(unit), table.periods(time)
    fitted = {panel.periods[i] for i in np.flatnonzero(panel.before)}
    rows = []
    for said in asked:
        column, _, window = said.partition(":")
        chosen = _window(window, when) if window else fitted
        cells: dict[str, list[float]] = {name: [] for name in units}
        for name, period, value in zip(where, when, table.values(column), strict=True):
            if name in cells and period in chosen and value is not None:
                cells[name].append(value)
        if empty := [name for name in units if not cells[name]]:
            raise PanelError(
                f"Predictor {said!r} has no value for {', '.join(empty[:5])} in its periods: name other periods, such as "
                f"{column}:1990-1995, or leave the unit or the predictor out"
            )
        values = np.array([np.mean(cells[name]) for name in units])
        if not values.std():
            raise PanelError(f"Predictor {said!r} is the same everywhere, so it tells nothing: leave it out")
        rows.append(values / values.std(ddof=1))
    return Predictors(tuple(asked), units, np.array(rows))


def _window(said: str, periods: Sequence[str]) -> set[str]:
    known = set(periods)
    found: set[str] = set()
    for part in said.split("," if "," in said else "+"):
        ends = re.fullmatch(r"(\w+)-(\w+)", part.strip())
        if part.strip() in known:
            found.add(part.strip())
        elif ends and set(ends.groups()) <= known:
            found |= {period for period in known if ends[1] <= period <= ends[2]}
        else:
            raise PanelError(f"There is no period {part!r} for a predictor; write 1981-1990, or 1961+1963+1965")
    return found
