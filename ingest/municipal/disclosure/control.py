"""Statistical disclosure control: which counted-up figures may be published, and the attacker that proves it.

Method. Cell suppression (Hundepool and others, *Statistical Disclosure Control*, 2012, ch. 4). A figure that a rule calls
unsafe is hidden (primary suppression) and gets a *protection interval*: all that an outsider may come to know is at least
as wide. Further figures are hidden (secondary suppression) with the linear-programming heuristic of Kelly, Golden and
Assad (Networks 22, 1992): the cheapest way in which the table could have been another one, in which the unsafe figure is
at the end of its interval; the published figures that had to move are hidden. The outcome is proved by the attacker's
problem (Fischetti and Salazar, Management Science 47, 2001): the least and the most that a hidden figure can be, given
everything that is published.

Everything means: all published totals of the table (nested regions, dimensions), a rounded figure as the interval that
it stands for, and **all earlier releases of the same figures**. Between releases the attacker is given more than an
outsider has: which of the hidden figures did not change. So a figure can be had neither now, nor by subtracting one
release from the other.

HiGHS solves the linear programmes. There is no kept-up Python library that protects tables linked over releases
(sdcTable, GaussSuppression and tau-argus take one table at a time, and the first two are R), hence these lines.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ingest.rules import Rules

Key = tuple[str, ...]

#: Figures move by whole persons or by cents; HiGHS is exact to 1e-7.
EPSILON = 1e-6


@dataclass(frozen=True)
class Cell:
    """A true figure, and what decides whether it may be shown.

    :param contributors: units behind it; None where the figure is itself the number of units.
    :param largest: amounts only: what the largest contributor brings, and the ``second`` largest.
    :param rounded: whether it is of a region below the municipality.
    :param amount: an amount (euros, hours, kilograms) and not a count.
    :param shown: False for a figure that is never published, but that an outsider could work out (the rest of a group).
    :param linking: True for a figure that is only there to say how others hang together: never published, never unsafe.
    :param weight: what it costs a reader not to have it; a total costs more than a part.
    """

    key: Key
    value: float
    contributors: int | None = None
    largest: float = 0.0
    second: float = 0.0
    rounded: bool = False
    amount: bool = False
    shown: bool = True
    linking: bool = False
    weight: float = 1.0


@dataclass(frozen=True)
class Relation:
    """What everyone knows of the figures: ``low <= sum(factor * figure) <= high``."""

    terms: tuple[tuple[Key, float], ...]
    low: float = 0.0
    high: float = 0.0

    @classmethod
    def total(cls, parent: Key, parts: Iterable[Key], rest: float = 0.0) -> Relation:
        """Parts add up to a total; ``rest`` is what belongs to the total and to no part, taken as known to everyone."""
        return cls(((parent, 1.0), *((part, -1.0) for part in parts)), rest, rest)

    @classmethod
    def overlapping(cls, parent: Key, parts: Sequence[Key], rest: float = 0.0) -> list[Relation]:
        """Parts that may share units: the total is at least each of them and at most all together."""
        return [
            cls(((parent, 1.0), *((part, -1.0) for part in parts)), -math.inf, rest),
            *(cls(((parent, 1.0), (part, -1.0)), 0.0, math.inf) for part in parts),
        ]


@dataclass
class Figure:
    """What an outsider gets, and must not get, of one cell.

    :param published: the figure as published; None is hidden.
    :param low, high: what a published figure gives away: the interval of true figures that it may stand for.
    :param least, most: what everyone knows without it being published.
    :param need: protection interval of an unsafe figure, within which no outsider may come.
    """

    value: float
    published: float | None
    low: float
    high: float
    least: float
    most: float
    need: tuple[float, float] | None
    weight: float
    may_hide: bool = True

    @property
    def hidden(self) -> bool:
        return self.published is None


@dataclass
class Release:
    """A table as it is published: its figures by key, and how they hang together."""

    figures: dict[Key, Figure]
    relations: list[Relation] = field(default_factory=list)


@dataclass(frozen=True)
class Exposure:
    """A hidden figure of which the attacker knows more than the rules allow: the bounds found, and those needed."""

    release: int
    key: Key
    found: tuple[float, float]
    need: tuple[float, float]


class UnprotectableError(Exception):
    """What was published before gives a figure away, whatever is hidden now; the keys of those figures.

    The table must not be published then: what earlier releases say of it stays as it is, which tells nothing new.
    """

    def __init__(self, keys: list[Key]) -> None:
        super().__init__(f"{len(keys)} figures can't be protected any more, given what earlier releases published")
        self.keys = keys


# -- primary suppression ----------------------------------------------------------------------------------------------


def round_half_up(value: float, base: int) -> float:
    """To the nearest multiple of ``base``, the half upwards, as CBS rounds counts."""
    return float(math.floor((value + base // 2) / base) * base) if base > 1 else float(value)


def figure(cell: Cell, rules: Rules) -> Figure:
    """A cell by the rules alone: hidden with its protection interval, or published."""
    if cell.linking:
        return Figure(cell.value, None, -math.inf, math.inf, 0.0, math.inf, None, cell.weight, False)
    zero = not cell.value and not cell.contributors
    may_hide = cell.shown and not (zero and rules.zeros == "publish")
    if cell.amount:
        need, least = _unsafe_amount(cell, rules), 0.0
    else:
        need, least = _unsafe_count(cell, rules), rules.floor
    if zero and rules.zeros == "publish":
        return Figure(cell.value, 0.0 if cell.shown else None, 0.0, 0.0, 0.0, 0.0, None, cell.weight, may_hide)
    if not cell.shown:
        return Figure(cell.value, None, -math.inf, math.inf, 0.0, math.inf, need, cell.weight, False)
    base = rules.rounding if cell.rounded else 1
    shown = round_half_up(cell.value, base)
    if cell.amount:
        low, high = (shown - base / 2, shown + base / 2) if base > 1 else (cell.value, cell.value)
        low = max(low, 0.0)
    elif base > 1:
        low, high = max(shown - base // 2, float(rules.threshold)), shown + (base - 1) // 2
    else:
        low = high = cell.value
    published = None if need else (shown if base > 1 else cell.value)
    return Figure(cell.value, published, low, high, least, math.inf, need, cell.weight, may_hide)


def _unsafe_count(cell: Cell, rules: Rules) -> tuple[float, float] | None:
    """Too few units: nobody may know that there are any, nor that there are fewer than the threshold."""
    units = cell.value if cell.contributors is None else cell.contributors
    if units >= rules.threshold or (not units and rules.zeros == "publish"):
        return None
    if cell.value < rules.threshold:
        return (rules.floor, float(rules.threshold))
    return (max(rules.floor, cell.value - rules.threshold), cell.value + rules.threshold / 2)


def _unsafe_amount(cell: Cell, rules: Rules) -> tuple[float, float] | None:
    """Too few contributors, or one that dominates: (n,k) rule with n = 1, and the p% rule (Hundepool 2012, 4.2.2)."""
    few = (cell.contributors or 0) < rules.threshold and not (not cell.contributors and rules.zeros == "publish")
    excess = cell.largest / rules.dominance - cell.value
    close = rules.p_percent / 100 * cell.largest - (cell.value - cell.largest - cell.second)
    if not few and excess <= 0 and close <= 0:
        return None
    width = max(excess, close, rules.p_percent / 100 * cell.value, 1.0)
    return (max(0.0, cell.value - width), cell.value + width)


def prepare(cells: Iterable[Cell], relations: Iterable[Relation], rules: Rules) -> Release:
    """The table after primary suppression only: not fit to publish.

    A protection interval ends where common knowledge does: three parts of which everyone knows that they are not zero
    (because zeros are published) can't together be less than three, whatever is hidden.
    """
    table = Release({cell.key: figure(cell, rules) for cell in cells}, list(relations))
    unsafe = {key: item for key, item in table.figures.items() if item.need}
    if not unsafe:
        return table
    index = {key: at for at, key in enumerate(table.figures)}
    lower, upper = (np.array([getattr(item, name) for item in table.figures.values()]) for name in ("least", "most"))
    rows = [([index[k] for k, _ in r.terms], [f for _, f in r.terms], r.low, r.high) for r in table.relations]
    nothing_shown = _Model(rows, lower, upper)
    for key, item in unsafe.items():
        low, high = item.need or (0.0, 0.0)
        least = nothing_shown.optimum(index[key], maximise=False, enough=low)
        most = nothing_shown.optimum(index[key], maximise=True, enough=high)
        item.need = (max(low, least), min(high, most))
    return table


# -- secondary suppression --------------------------------------------------------------------------------------------


def protect(table: Release, earlier: Sequence[Release] = ()) -> Release:
    """Hide what must be hidden for every unsafe figure, of this release and the earlier ones, to keep its interval.

    :param table: after primary suppression; changed in place and returned.
    :param earlier: what was published of the same figures before, oldest first. It can't be taken back.
    :raises UnprotectableError: an earlier release gives a figure away, whatever is hidden now.
    """
    system = _System([*earlier, table])
    current = len(earlier)
    targets = system.targets()
    if not targets:
        return table
    model = _Repair(system, current)
    lost: list[Key] = []
    # What needs the most room first: what is hidden for it serves the others.
    for variable, low, high, key in sorted(targets, key=lambda t: -(t[2] - t[1])):
        for bound, up in ((high, True), (low, False)):
            moved = model.reach(variable, bound, up)
            if moved is None:
                lost.append(key)
            for at in moved or ():
                hidden = system.keys[current][at]
                table.figures[hidden].published = None
                model.hide(at)
    if lost:
        raise UnprotectableError(list(dict.fromkeys(lost)))
    return table


def attack(releases: Sequence[Release]) -> list[Exposure]:
    """Bound every unsafe figure from all that is published; those that come out narrower than they must."""
    system = _System(releases)
    lower, upper = system.bounds()
    model = _Model(system.rows, lower, upper)
    found: list[Exposure] = []
    where = system.places()
    for variable, low, high, _ in system.targets():
        most = model.optimum(variable, maximise=True, enough=high - EPSILON)
        least = model.optimum(variable, maximise=False, enough=low + EPSILON)
        if least > low + EPSILON or most < high - EPSILON:
            release, key = where[variable]
            found.append(Exposure(release, key, (least, most), (low, high)))
    return found


class _System:
    """All releases together: a variable per figure, one for several releases in which the true figure is the same."""

    def __init__(self, releases: Sequence[Release]) -> None:
        self.releases = releases
        self.index: list[dict[Key, int]] = []
        self.keys: list[dict[int, Key]] = []
        self.truth: list[float] = []
        # A figure that went back to what it once was may be known to be the same again.
        known: dict[tuple[Key, float], int] = {}
        for release in releases:
            index: dict[Key, int] = {}
            for key, item in release.figures.items():
                at = known.get((key, item.value))
                if at is None:
                    at = known[key, item.value] = len(self.truth)
                    self.truth.append(item.value)
                index[key] = at
            self.index.append(index)
            self.keys.append({at: key for key, at in index.items()})
        seen: set[tuple[object, ...]] = set()
        self.rows: list[tuple[list[int], list[float], float, float]] = []
        for release, index in zip(releases, self.index, strict=True):
            for relation in release.relations:
                places = [index[key] for key, _ in relation.terms]
                factors = [factor for _, factor in relation.terms]
                row = (*places, *factors, relation.low, relation.high)
                if row not in seen:
                    seen.add(row)
                    self.rows.append((places, factors, relation.low, relation.high))

    def targets(self) -> list[tuple[int, float, float, Key]]:
        """Unsafe figures: variable, protection interval, key. One per variable, with the widest interval."""
        needs: dict[int, tuple[float, float, Key]] = {}
        for release, index in zip(self.releases, self.index, strict=True):
            for key, item in release.figures.items():
                if item.need:
                    low, high, _ = needs.get(index[key], (*item.need, key))
                    needs[index[key]] = (min(low, item.need[0]), max(high, item.need[1]), key)
        return [(at, low, high, key) for at, (low, high, key) in needs.items()]

    def places(self) -> dict[int, tuple[int, Key]]:
        return {at: (n, key) for n, index in enumerate(self.index) for key, at in index.items()}

    def bounds(self, last: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """What is known of each variable from the first ``last`` releases (all of them when not given)."""
        lower, upper = np.full(len(self.truth), -math.inf), np.full(len(self.truth), math.inf)
        for n, (release, index) in enumerate(zip(self.releases, self.index, strict=True)):
            for key, item in release.figures.items():
                at = index[key]
                lower[at], upper[at] = max(lower[at], item.least), min(upper[at], item.most)
                if not item.hidden and (last is None or n < last):
                    lower[at], upper[at] = max(lower[at], item.low), min(upper[at], item.high)
        return lower, upper


class _Model:
    """A linear programme over the figures, solved again and again with another objective."""

    def __init__(
        self,
        rows: list[tuple[list[int], list[float], float, float]],
        lower: np.ndarray,
        upper: np.ndarray,
        cost: np.ndarray | None = None,
    ) -> None:
        import highspy

        self.width = len(lower)

        class Quiet(highspy.Highs):
            """It greets on standard output when it prepares its callbacks, which ``rdc run --json`` can't have."""

            def enableCallbacks(self) -> None:  # noqa: N802
                self.silent()
                super().enableCallbacks()  # type: ignore[no-untyped-call]

        self._highs = highs = Quiet()  # type: ignore[no-untyped-call]
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = self.width, len(rows)
        model.col_cost_ = np.zeros(self.width) if cost is None else cost
        model.col_lower_, model.col_upper_ = lower, upper
        model.row_lower_ = np.array([row[2] for row in rows], dtype=float)
        model.row_upper_ = np.array([row[3] for row in rows], dtype=float)
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.cumsum([0, *(len(row[0]) for row in rows)])
        model.a_matrix_.index_ = np.array([at for row in rows for at in row[0]], dtype=np.int32)
        model.a_matrix_.value_ = np.array([factor for row in rows for factor in row[1]], dtype=float)
        highs.passModel(model)
        self._optimal = highspy.HighsModelStatus.kOptimal
        self._unbounded = (
            highspy.HighsModelStatus.kUnbounded,
            highspy.HighsModelStatus.kUnboundedOrInfeasible,
        )
        #: Tables that agree with all that is known: each bounds every figure, so few programmes must be solved.
        self._seen_most, self._seen_least = np.full(self.width, -math.inf), np.full(self.width, math.inf)

    def solve(self) -> np.ndarray | None:
        """A best table; None when there is none."""
        self._highs.run()
        if self._highs.getModelStatus() != self._optimal:
            return None
        return np.asarray(self._highs.getSolution().col_value)

    def optimum(self, variable: int, maximise: bool, enough: float) -> float:
        """The most or the least that a figure can be. A value that is far ``enough`` saves going on to the end."""
        known = self._seen_most[variable] if maximise else self._seen_least[variable]
        if known >= enough if maximise else known <= enough:
            return float(known)
        self._highs.changeColCost(variable, -1.0 if maximise else 1.0)
        self._highs.run()
        status = self._highs.getModelStatus()
        self._highs.changeColCost(variable, 0.0)
        if status == self._optimal:
            table = np.asarray(self._highs.getSolution().col_value)
            np.maximum(self._seen_most, table, out=self._seen_most)
            np.minimum(self._seen_least, table, out=self._seen_least)
            return float(table[variable])
        if status in self._unbounded:
            return math.inf if maximise else -math.inf
        raise ArithmeticError(f"HiGHS: {self._highs.modelStatusToString(status)}; the published figures contradict")


class _Repair:
    """The cheapest other table: every figure may move within what it gives away; a published one also beyond that, at a
    cost, and is hidden then.

    A figure is ``truth + s + p - q``: ``s`` within what is known, ``p`` and ``q`` beyond it.
    """

    def __init__(self, system: _System, current: int) -> None:
        self._truth = truth = np.array(system.truth)
        self._count = n = len(truth)
        #: What can't be taken back: what everyone knows, and what earlier releases published.
        self._hard = system.bounds(current)
        lower, upper = system.bounds()
        cost = np.zeros(3 * n)
        top = np.zeros(3 * n)
        self._open: set[int] = set()
        before: dict[Key, bool] = {}
        for release in system.releases[:current]:
            before |= {key: item.hidden for key, item in release.figures.items()}
        for key, at in system.index[current].items():
            item = system.releases[current].figures[key]
            if item.hidden or not item.may_hide:
                continue
            self._open.add(at)
            # What was hidden last time is the first to be hidden again.
            cost[n + at] = cost[2 * n + at] = item.weight * (0.1 if before.get(key) else 1.0)
            top[n + at], top[2 * n + at] = self._hard[1][at] - upper[at], lower[at] - self._hard[0][at]
        # A solver wants a reach that is finite: ten times all units there are is more than any figure can be.
        most = 10 * (float(np.abs(truth).sum()) + 1000)
        rows = [
            (
                [*at, *(n + a for a in at), *(2 * n + a for a in at)],
                [*factors, *factors, *(-f for f in factors)],
                *(bound - sum(f * truth[a] for a, f in zip(at, factors, strict=True)) for bound in (low, high)),
            )
            for at, factors, low, high in system.rows
        ]
        self._low = np.concatenate([np.maximum(lower - truth, -most), np.zeros(2 * n)])
        self._high = np.concatenate([np.minimum(upper - truth, most), np.minimum(top[n:], most)])
        self._most = most
        self._model = _Model(rows, self._low.copy(), self._high.copy(), cost)
        self._far, self._near = np.zeros(n), np.zeros(n)

    def reach(self, variable: int, bound: float, up: bool) -> list[int] | None:
        """The published figures that must be hidden for a figure to be able to lie at ``bound``; None: it never can."""
        distance = bound - self._truth[variable]
        if (self._far[variable] >= distance - EPSILON) if up else (self._near[variable] <= distance + EPSILON):
            return []
        low, high = self._low[variable], self._high[variable]
        if (distance > high + EPSILON) if up else (distance < low - EPSILON):
            return None
        highs = self._model._highs
        highs.changeColBounds(variable, *((distance, high) if up else (low, distance)))
        table = self._model.solve()
        highs.changeColBounds(variable, low, high)
        if table is None:
            return None
        n = self._count
        moved = table[:n] + table[n : 2 * n] - table[2 * n :]
        np.maximum(self._far, moved, out=self._far)
        np.minimum(self._near, moved, out=self._near)
        return [at for at in sorted(self._open) if table[n + at] > EPSILON or table[2 * n + at] > EPSILON]

    def hide(self, at: int) -> None:
        self._open.discard(at)
        n = self._count
        self._low[at] = max(self._hard[0][at] - self._truth[at], -self._most)
        self._high[at] = min(self._hard[1][at] - self._truth[at], self._most)
        highs = self._model._highs
        highs.changeColBounds(at, self._low[at], self._high[at])
        for column in (n + at, 2 * n + at):
            highs.changeColBounds(column, 0.0, 0.0)
