"""A panel: one outcome of several areas over several periods, with one of them treated from a period on.

Units of values are those of the source. A value that is missing is NaN here and never zero. What is left out of a panel, and
why, goes with it (`left_out`), for whoever reads the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ingest.errors import MendableError
from warehouse.effects.simplex import Array

_CODED = re.compile(r"^(\d{4})(?P<kind>[A-Z]{2}|-?Q|-?H|-?M)(\d{1,2})$")

_PER_YEAR = {"HJ": 2, "H": 2, "KW": 4, "Q": 4, "MM": 12, "M": 12}


class PanelError(MendableError, ValueError):
    """The panel can't be read as one; the message names the column, area or period."""


@dataclass(frozen=True)
class Panel:
    """The outcome of the treated area and of its donors.

    :param periods: in order, as the source writes them.
    :param treated: the name of the treated area, and ``donors`` those of the others.
    :param outcome: of the treated area, a value per period.
    :param others: a row per period, a column per donor.
    :param start: the first period that counts as after; ``fit`` are the first and last period of the fit.
    :param provisional: periods in which a value may still change.
    :param left_out: what was left out, and why, in Dutch.
    """

    periods: tuple[str, ...]
    treated: str
    donors: tuple[str, ...]
    outcome: Array
    others: Array
    start: str
    fit: tuple[str, str]
    provisional: frozenset[str] = frozenset()
    left_out: tuple[str, ...] = field(default_factory=tuple)

    @property
    def before(self) -> Array:
        """Which periods the fit is made on."""
        first, last = (self.periods.index(period) for period in self.fit)
        return np.array([first <= i <= last and i < self._from for i in range(len(self.periods))])

    @property
    def after(self) -> Array:
        return np.array([i >= self._from for i in range(len(self.periods))])

    @property
    def _from(self) -> int:
        return self.periods.index(self.start)

    def only(self, donors: Sequence[str]) -> Panel:
        """The same with only these donors."""
        places = {donor: place for place, donor in enumerate(self.donors)}
        return replace(self, donors=tuple(donors), others=self.others[:, [places[donor] for donor in donors]])

    def without(self, periods: Iterable[str]) -> Panel:
        """The same without these periods, none of which is the start or an end of the fit."""
        gone = set(periods)
        kept = [i for i, period in enumerate(self.periods) if period not in gone]
        return replace(
            self,
            periods=tuple(self.periods[i] for i in kept),
            outcome=self.outcome[kept],
            others=self.others[kept],
            provisional=self.provisional - gone,
        )

    def as_if(self, donor: str) -> Panel:
        """The same as if this donor were treated; the area that was, is no donor of it."""
        at = self.donors.index(donor)
        rest = self.donors[:at] + self.donors[at + 1 :]
        return replace(
            self, treated=donor, donors=rest, outcome=self.others[:, at], others=np.delete(self.others, at, axis=1)
        )

    def earlier(self, start: str) -> Panel:
        """The same as if it began at this period, with nothing of what came since the real start."""
        kept = self.periods[: self._from]
        last = self.periods[self.periods.index(start) - 1]
        count = len(kept)
        return replace(
            self,
            periods=kept,
            outcome=self.outcome[:count],
            others=self.others[:count],
            start=start,
            fit=(self.fit[0], min(last, self.fit[1], key=self.periods.index)),
        )


def kind_of(period: str) -> str:
    """What a period is one of, from its code: a year, a quarter, a half-year. A bare number is a number."""
    if re.fullmatch(r"\d+(\.\d+)?", period):
        return "getal"
    matched = _CODED.match(period)
    return matched["kind"].strip("-") if matched else "anders"


def position(period: str) -> float:
    """Where a period lies in time, in years from its code; a bare number is itself. Other texts all lie at 0."""
    if kind_of(period) == "getal":
        return float(period)
    matched = _CODED.match(period)
    if not matched:
        return 0.0
    per_year = _PER_YEAR.get(matched["kind"].strip("-"))
    return float(matched[1]) + ((int(matched[3]) - 1) / per_year if per_year else 0.0)


def shape(
    rows: Iterable[tuple[str, str, float | None]],
    treated: str,
    start: str,
    donors: Sequence[str] | None = None,
    fit: tuple[str | None, str | None] = (None, None),
    provisional: Iterable[str] = (),
) -> Panel:
    """A panel from rows of area, period and value.

    A donor that lacks a value is left out whole. A period before the start in which the treated area itself has none is left
    out for all. Both are said in `Panel.left_out`.

    :param donors: the areas to compare with; all others by default.
    :raises PanelError: an area, a period or a value that is not there, or two values of one area and period.
    """
    cells: dict[tuple[str, str], float] = {}
    for unit, period, value in rows:
        if (unit, period) in cells:
            raise PanelError(f"{unit} has two values for {period}: leave one of them")
        cells[unit, period] = np.nan if value is None else float(value)
    units = {unit for unit, _ in cells}
    for name in (treated, *(donors or ())):
        if name not in units:
            raise PanelError(f"There is no unit {name!r}. There are: {_some(units)}")
    if donors and treated in donors:
        raise PanelError(f"{treated!r} is treated, and so no donor")
    periods = sorted({period for _, period in cells}, key=_order)
    first, last = fit[0] or periods[0], fit[1] or periods[-1]
    for period in (start, first, last):
        if period not in periods:
            raise PanelError(f"There is no period {period!r}. There are: {_some(periods)}")
    periods = [period for period in periods if _order(period) >= _order(first)]
    outcome = np.array([cells.get((treated, period), np.nan) for period in periods])
    begun = periods.index(start) if start in periods else 0
    empty = [period for i, period in enumerate(periods) if i < begun and np.isnan(outcome[i])]
    notes = [f"{treated} heeft geen waarde in {period}: die periode telt voor niemand mee" for period in empty]
    kept = [period for period in periods if period not in empty]
    whole, others = [], []
    for unit in donors or sorted(units - {treated}):
        series = [cells.get((unit, period), np.nan) for period in kept]
        gaps = [period for period, value in zip(kept, series, strict=True) if np.isnan(value)]
        if gaps:
            notes.append(f"{unit} vergelijkt niet mee: geen waarde in {_some(gaps)}")
        else:
            whole.append(unit)
            others.append(series)
    fitted = [p for p in kept if _order(first) <= _order(p) <= _order(last) and _order(p) < _order(start)]
    return Panel(
        periods=tuple(kept),
        treated=treated,
        donors=tuple(whole),
        outcome=outcome[[periods.index(period) for period in kept]],
        others=np.array(others, dtype=float).T.reshape(len(kept), len(whole)),
        start=start,
        fit=(fitted[0], fitted[-1]) if fitted else (kept[0], kept[0]),
        provisional=frozenset(provisional) & set(kept),
        left_out=tuple(notes),
    )


def _order(period: str) -> tuple[float, str]:
    """Numbers by size (a year of one digit less would else come first), codes by their text."""
    return (
        (float(period), "")
        if kind_of(period) == "getal"
        else (float(period[:4]) if period[:4].isdigit() else 0.0, period)
    )


def _some(names: Iterable[str], most: int = 12) -> str:
    found = sorted(names)
    more = f" … ({len(found)})" if len(found) > most else ""
    return ", ".join(found[:most]) + more
