"""Which figure is unsafe, and what a published one gives away: the rules at their edges, cell by cell."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ingest.municipal.disclosure.control import (
    Cell,
    Figure,
    Relation,
    Release,
    attack,
    figure,
    prepare,
    protect,
    round_half_up,
)
from ingest.rules import Rules

KEY = ("a",)
PUBLISH = {"zeros": "publish"}


@pytest.mark.parametrize(
    ("value", "contributors", "rules", "need"),
    [
        (9, None, {}, (0, 10)),
        (10, None, {}, None),
        (0, None, {}, (0, 10)),
        (4, None, {"threshold": 5}, (0, 5)),
        (5, None, {"threshold": 5}, None),
        (1, None, PUBLISH, (1, 10)),
        (0, None, PUBLISH, None),
        # Few persons behind more rows: as far below as above is not known, and it may not be told that there are few.
        (15, 2, {}, (5, 20)),
        (15, 9, {}, (5, 20)),
        (15, 10, {}, None),
        (10, 9, {}, (0, 15)),
        (10, 9, PUBLISH, (1, 15)),
        (9, 9, {}, (0, 10)),
        (12, 0, {}, (2, 17)),
        # Many persons behind few rows are enough.
        (9, 12, {}, None),
    ],
)
def test_a_count_of_too_few_units_is_unsafe(
    value: float, contributors: int | None, rules: dict[str, Any], need: tuple[float, float] | None
) -> None:
    found = figure(Cell(KEY, value, contributors), Rules(**rules))
    assert (found.need, found.hidden) == (need, need is not None)
    assert found.published == (None if need else value)
    if value:
        assert (found.least, found.most) == (1.0 if rules == PUBLISH else 0.0, math.inf)


@pytest.mark.parametrize(
    ("value", "contributors", "largest", "second", "need"),
    [
        (1000, 10, 500, 100, None),
        (1000, 9, 500, 100, (900, 1100)),
        (1000, None, 100, 100, (900, 1100)),
        # The largest brings more than half.
        (1000, 12, 501, 0, (900, 1100)),
        (1000, 12, 600, 0, (800, 1200)),
        (1000, 12, 1000, 0, (0, 2000)),
        # The second largest comes within a tenth of the largest.
        (1000, 12, 500, 450, None),
        (1000, 12, 500, 451, (900, 1100)),
        (1000, 12, 480, 472, None),
        (1000, 12, 480, 473, (900, 1100)),
        # Never closer than one, and never below zero.
        (5, 3, 2, 2, (4, 6)),
        (0.5, 3, 0.2, 0.2, (0, 1.5)),
        (0, 0, 0, 0, (0, 1)),
    ],
)
def test_an_amount_of_few_or_of_one_that_dominates_is_unsafe(
    value: float, contributors: int | None, largest: float, second: float, need: tuple[float, float] | None
) -> None:
    found = figure(Cell(KEY, value, contributors, largest, second, amount=True), Rules())
    assert found.need == (pytest.approx(need) if need else None)
    assert found.published == (None if need else value) and found.least == 0.0


def test_the_rules_of_an_amount_are_those_of_the_contract() -> None:
    cell = Cell(KEY, 1000, 12, 600, 300, amount=True)
    assert figure(cell, Rules(dominance=0.6)).need is None
    assert figure(cell, Rules(dominance=0.6, p_percent=16.6)).need is None
    assert figure(cell, Rules(dominance=0.6, p_percent=17)).need == pytest.approx((830, 1170))
    assert figure(cell, Rules(dominance=0.75, threshold=13)).need == pytest.approx((900, 1100))


def test_an_amount_of_nobody_is_told_where_zeros_are() -> None:
    found = figure(Cell(KEY, 0, 0, amount=True), Rules(zeros="publish"))
    assert (found.published, found.need, found.may_hide) == (0.0, None, False)
    # Nobody, and yet an amount: what cannot be is not told.
    assert figure(Cell(KEY, 0, 3, amount=True), Rules(zeros="publish")).need == (0, 1)


@pytest.mark.parametrize(
    ("cell", "rules", "shown"),
    [
        # A count below municipality level is rounded, and stands for all that is rounded to it.
        (Cell(KEY, 12, rounded=True), {}, (10, 10, 12)),
        (Cell(KEY, 13, rounded=True), {}, (15, 13, 17)),
        (Cell(KEY, 23, rounded=True), {}, (25, 23, 27)),
        (Cell(KEY, 24, rounded=True), {"rounding": 10}, (20, 15, 24)),
        (Cell(KEY, 25, rounded=True), {"rounding": 10}, (30, 25, 34)),
        (Cell(KEY, 12, rounded=True), {"rounding": 1}, (12, 12, 12)),
        (Cell(KEY, 12), {}, (12, 12, 12)),
        # Of an amount half a step on both sides; never below zero.
        (Cell(KEY, 1001, 20, 90, 80, rounded=True, amount=True), {}, (1000, 997.5, 1002.5)),
        (Cell(KEY, 1, 20, 0.1, 0.1, rounded=True, amount=True), {}, (0, 0, 2.5)),
        (Cell(KEY, 1001.5, 20, 90, 80, amount=True), {}, (1001.5, 1001.5, 1001.5)),
        (Cell(KEY, 1001.5, 20, 90, 80, rounded=True, amount=True), {"rounding": 1}, (1001.5, 1001.5, 1001.5)),
    ],
)
def test_what_a_published_figure_gives_away(
    cell: Cell, rules: dict[str, Any], shown: tuple[float, float, float]
) -> None:
    found = figure(cell, Rules(**rules))
    assert (found.published, found.low, found.high) == shown
    assert found.may_hide and found.weight == 1.0


def test_a_zero_that_is_told_can_not_be_hidden_and_is_known_to_be_one() -> None:
    zero = figure(Cell(KEY, 0, weight=3), Rules(zeros="publish"))
    assert zero == Figure(0, 0.0, 0.0, 0.0, 0.0, 0.0, None, 3, may_hide=False)
    assert figure(Cell(KEY, 0, shown=False), Rules(zeros="publish")).published is None
    hidden = figure(Cell(KEY, 0), Rules())
    assert hidden.hidden and hidden.may_hide and hidden.most == math.inf


def test_what_is_never_published_is_protected_all_the_same() -> None:
    rest = figure(Cell(KEY, 3, shown=False, weight=2), Rules())
    assert rest == Figure(3, None, -math.inf, math.inf, 0.0, math.inf, (0, 10), 2, may_hide=False)
    assert figure(Cell(KEY, 30, shown=False), Rules()).need is None
    linking = figure(Cell(KEY, 3, linking=True, weight=2), Rules())
    assert linking == Figure(3, None, -math.inf, math.inf, 0.0, math.inf, None, 2, may_hide=False)


def test_rounding_to_one_is_none() -> None:
    assert round_half_up(12.5, 1) == 12.5 and round_half_up(2.4, 5) == 0 and round_half_up(7, 2) == 8


def test_how_figures_hang_together() -> None:
    total, parts = ("T",), [("a",), ("b",)]
    known = Relation.total(total, parts, rest=3)
    assert known == Relation(((total, 1.0), (("a",), -1.0), (("b",), -1.0)), 3, 3)
    assert Relation.total(total, parts).low == Relation.total(total, parts).high == 0
    together, first, second = Relation.overlapping(total, parts, rest=2)
    assert together == Relation(((total, 1.0), (("a",), -1.0), (("b",), -1.0)), -math.inf, 2)
    assert first == Relation(((total, 1.0), (("a",), -1.0)), 0.0, math.inf)
    assert second == Relation(((total, 1.0), (("b",), -1.0)), 0.0, math.inf)


def test_an_interval_ends_where_what_everyone_knows_does() -> None:
    """Of three parts that are not zero none can be less than one, nor more than the total leaves."""
    cells = [Cell(("T",), 12, weight=9), *(Cell((name,), 4) for name in "abc")]
    relations = [Relation.total(("T",), [("a",), ("b",), ("c",)])]
    table = prepare(cells, relations, Rules(zeros="publish"))
    assert table.figures["T",].need is None and table.figures["a",].need == pytest.approx((1, 10))
    few = prepare([Cell(("T",), 6), *(Cell((name,), 2) for name in "abc")], relations, Rules(zeros="publish"))
    assert few.figures["T",].need == pytest.approx((3, 10)), "three parts are together no less than three"
    assert few.figures["a",].need == pytest.approx((1, 10))


def test_an_attacker_names_what_he_found_and_in_which_release() -> None:
    relations = [Relation.total(("T",), [("a",), ("b",)])]

    def table(a: int, b: int) -> Release:
        return prepare([Cell(("T",), a + b), Cell(("a",), a), Cell(("b",), b)], relations, Rules())

    safe, given_away = protect(table(20, 30)), table(9, 30)
    [exposed] = attack([safe, given_away])
    assert (exposed.release, exposed.key) == (1, ("a",))
    assert exposed.found == pytest.approx((9, 9)) and exposed.need == pytest.approx((0, 10))
