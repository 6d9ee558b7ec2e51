"""Figures of before in the names of today, by name, by what their measures count, and by the rows behind them."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.municipal.contract import Contract
from ingest.municipal.disclosure.linking import NotLinkedError, canonical, counts, translated
from tests.ingest.municipal.disclosure.test_memory import CONTRACT, observation

Figures = dict[str, tuple[float, str | None]]
OTHER = {"name": "klasse", "type": "category", "allowed": ["A", "B", "C"]}
WIDER = {"name": "soort", "type": "category", "allowed": ["A", "B", "C", "X", "Y"]}
NARROW = {"name": "soort", "type": "category", "allowed": ["B", "C", "X", "Y"]}
BEFORE: Figures = {
    "alle GM": (55, "all"),
    "alle GM soort=A": (3, "a"),
    "alle GM soort=B": (12, "b"),
    "alle GM soort=C": (40, "c"),
}


def contract(*columns: dict[str, Any], dimensions: tuple[str, ...] = ("soort",), measures: Any = None) -> Contract:
    """A contract with these columns for those of their names."""
    known = {c["name"]: c for c in [*CONTRACT["columns"], *columns]}
    more = {"measures": measures} if measures else {}
    return Contract(
        **CONTRACT | {"columns": list(known.values()), "observation": observation(dimensions=list(dimensions), **more)}
    )


def measure(code: str, **where: list[str]) -> dict[str, Any]:
    return {"code": code, "title": "t", "unit": "aantal", "count": "rows", "where": where}


def key(name: str) -> tuple[str, ...]:
    return tuple(name.split())


def became(
    before: Figures, now: Figures, today: Contract, then: Contract | None = None, marked: bool = True
) -> dict[str, str]:
    """Old name → new name, where it has another one."""
    record = {
        "figures": [[list(key(name)), value] for name, (value, _) in before.items()],
        "counts": counts(then or contract()),
        **({"marks": [mark for _, mark in before.values()]} if marked else {}),
    }
    true = {key(name): value for name, (value, _) in now.items()}
    seen = {key(name): mark for name, (_, mark) in now.items() if mark}
    found = [" ".join(k) for k in translated(record, today, true, seen)]
    return {old: new for old, new in zip(before, found, strict=True) if old != new}


def renamed(figures: Figures, *changes: tuple[str, str]) -> Figures:
    found = {}
    for name, said in figures.items():
        for old, new in changes:
            name = name.replace(old, new)
        found[name] = said
    return found


def other_rows(figures: Figures) -> Figures:
    """The same names, but no row is behind them that was before."""
    return {name: (value, f"{mark}'") for name, (value, mark) in figures.items()}


# -- dimensions and members -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("marked", [True, False])
def test_what_did_not_change_has_its_name(marked: bool) -> None:
    assert became(BEFORE, BEFORE, contract(), marked=marked) == {}
    assert became(BEFORE, other_rows(BEFORE), contract(), marked=marked) == {}


def test_a_dimension_is_known_by_its_rows_or_by_being_the_one_that_has_its_members() -> None:
    today = contract(OTHER, dimensions=("klasse",))
    now = renamed(BEFORE, ("soort", "klasse"))
    told = {name: new for name, new in zip(BEFORE, now, strict=True) if name != new}
    assert became(BEFORE, now, today) == told
    assert became(BEFORE, other_rows(now), today) == told
    two = contract(OTHER, OTHER | {"name": "tweede"}, dimensions=("klasse", "tweede"))
    with pytest.raises(NotLinkedError, match=r"dimension soort went and klasse, tweede came"):
        became(BEFORE, other_rows(now), two)
    none = contract(OTHER | {"allowed": ["A", "B", "D"]}, dimensions=("klasse",))
    with pytest.raises(NotLinkedError, match="dimension soort went and klasse came"):
        became(BEFORE, {"alle GM": (55, "z")}, none)


def test_a_member_is_known_by_its_rows_where_its_name_went() -> None:
    today = contract(NARROW)
    now = renamed(BEFORE, ("=A", "=X"))
    assert became(BEFORE, now, today) == {"alle GM soort=A": "alle GM soort=X"}
    with pytest.raises(NotLinkedError, match="soort A are no longer members"):
        became(BEFORE, other_rows(now), today)
    # One whose name is still there keeps it, though the same rows bear another as well.
    assert became(BEFORE, now, contract(WIDER)) == {}


def test_members_of_a_dimension_that_is_no_more_stay_what_they_were() -> None:
    assert became(BEFORE, {"alle GM": (55, "all")}, contract(dimensions=())) == {}


def test_members_are_told_by_the_most_of_their_rows_also_where_their_dimension_has_another_name() -> None:
    before: Figures = {"alle GM soort=A": (9, "a"), "alle B1 soort=A": (4, "a1"), "alle B2 soort=A": (5, "a2")}
    now: Figures = {"alle GM soort=X": (9, "a"), "alle B1 soort=X": (4, "a1"), "alle B2 soort=Y": (5, "a2")}
    assert set(became(before, now, contract(NARROW)).values()) == {
        "alle GM soort=X",
        "alle B1 soort=X",
        "alle B2 soort=X",
    }
    swapped: Figures = {"alle GM klasse=B": (3, "a"), "alle GM klasse=A": (12, "b"), "alle GM klasse=C": (40, "c")}
    assert became(BEFORE, swapped, contract(OTHER, dimensions=("klasse",))) == {
        "alle GM soort=A": "alle GM klasse=B", "alle GM soort=B": "alle GM klasse=A", "alle GM soort=C": "alle GM klasse=C",
    }  # fmt: skip


def test_the_total_and_its_only_part_are_not_taken_for_each_other() -> None:
    """The same rows are behind both; figures of as many dimensions are the same."""
    two = contract({"name": "tweede", "type": "category", "allowed": ["C"]}, dimensions=("soort", "tweede"))
    moved: Figures = {"alle GM": (40, "c"), "alle GM tweede=C": (40, "c"), "alle GM soort=C": (40, "others")}
    assert became({"alle GM soort=C": (40, "c")}, moved, two) == {"alle GM soort=C": "alle GM tweede=C"}
    one: Figures = {"alle GM": (40, "c"), "alle GM soort=C": (40, "c")}
    today = contract(OTHER | {"allowed": ["Z"]}, dimensions=("klasse",))
    assert became(one, {"alle GM": (40, "c"), "alle GM klasse=Z": (40, "c")}, today) == {
        "alle GM soort=C": "alle GM klasse=Z"
    }


# -- measures ---------------------------------------------------------------------------------------------------------


def test_a_measure_is_known_by_its_rows_or_by_being_the_one_that_counts_the_same() -> None:
    before = BEFORE | {"~alle GM": (5.0, None), "~rest GM": (6.0, None)}
    now = renamed(BEFORE, ("alle", "meldingen"))
    today = contract(measures=[measure("meldingen")])
    told = {name: name.replace("alle", "meldingen") for name in before if "alle" in name}
    assert became(before, now, today) == told
    assert became(before, other_rows(now), today) == told
    both = contract(measures=[measure("meldingen"), measure("zaken")])
    with pytest.raises(NotLinkedError, match="measure alle went and meldingen, zaken came"):
        became(before, other_rows(now | {"zaken GM": (55, "all")}), both)
    another = contract(measures=[measure("meldingen", soort=["A"])])
    with pytest.raises(NotLinkedError, match="measure alle went and meldingen came"):
        became(before, other_rows(now), another)


def test_a_measure_that_counts_something_else_is_not_the_same_unless_its_rows_are() -> None:
    today = contract(measures=[measure("alle", soort=["A", "B", "C"])])
    assert became(BEFORE, BEFORE, today) == {}
    with pytest.raises(NotLinkedError, match="alle counts something else than before"):
        became(BEFORE, other_rows(BEFORE), today)
    # Nor do the rows of another measure say anything of this one.
    then = contract(measures=[measure("m", soort=["A"]), measure("n", soort=["B"])], dimensions=())
    otherwise = contract(measures=[measure("m", soort=["C"]), measure("n", soort=["B"])], dimensions=())
    with pytest.raises(NotLinkedError, match="m counts something else than before"):
        became({"m GM": (30, "m"), "n GM": (50, "n")}, {"m GM": (31, "x"), "n GM": (50, "n")}, otherwise, then)
    # That a part has the same rows says nothing of the whole.
    part = other_rows(BEFORE) | {"alle GM soort=A": (3, "a")}
    with pytest.raises(NotLinkedError, match="alle counts something else than before"):
        became(BEFORE, part, today)


def test_names_that_change_places_are_told_by_what_is_behind_them() -> None:
    """Two measures swap their names: by name each would be taken for the other."""
    before: Figures = {"m GM": (30, "m"), "n GM": (50, "n")}
    then = contract(measures=[measure("m", soort=["A"]), measure("n", soort=["B"])], dimensions=())
    today = contract(measures=[measure("m", soort=["B"]), measure("n", soort=["A"])], dimensions=())
    assert became(before, {"n GM": (30, "m"), "m GM": (50, "n")}, today, then) == {"m GM": "n GM", "n GM": "m GM"}


@pytest.mark.parametrize(("kept", "moved"), [(1, True), (2, False)])
def test_a_name_stands_against_others_while_half_as_much_speaks_for_it(kept: int, moved: bool) -> None:
    """Of the rows of m most are under n now, and the other way round."""
    count = 4 + kept
    before: Figures = {f"{name} B{n}": (n, f"{name}{n}") for name in "mn" for n in range(count)}
    other = {"m": "n", "n": "m"}
    now: Figures = {
        f"{name if n < kept else other[name]} B{n}": (n, f"{name}{n}") for name in "mn" for n in range(count)
    }
    both = contract(measures=[measure("m"), measure("n")], dimensions=())
    told = {name: f"{other[name[0]]}{name[1:]}" for name in before}
    assert became(before, now, both) == (told if moved else {})


def test_rows_that_fit_several_speak_for_each_a_little_and_against_no_name() -> None:
    three = contract(measures=[measure(code) for code in "mno"], dimensions=())
    now: Figures = {"m GM": (30, "new"), "n GM": (30, "x"), "o GM": (30, "x")}
    assert became({"m GM": (30, "x")}, now, three) == {}


def test_a_name_that_went_becomes_the_one_that_most_of_its_rows_have() -> None:
    before: Figures = {f"m B{n}": (n, f"{n}") for n in range(3)}
    now: Figures = {"n B0": (0, "0"), "n B1": (1, "1"), "o B2": (2, "2")}
    two = contract(measures=[measure("n", soort=["A"]), measure("o", soort=["B"])], dimensions=())
    assert set(became(before, now, two).values()) == {"n B0", "n B1", "n B2"}


# -- regions ----------------------------------------------------------------------------------------------------------

PLACES: Figures = {"alle GM": (55, "all"), "alle B1": (15, "p"), "alle B2": (40, "q"), "alle B3": (0, None)}
PLAIN = {"dimensions": ()}


def test_a_region_is_known_by_its_rows_where_its_code_went() -> None:
    now: Figures = {"alle GM": (55, "all"), "alle B4": (15, "p"), "alle B2": (40, "q"), "alle B3": (0, None)}
    assert became(PLACES, now, contract(**PLAIN)) == {"alle B1": "alle B4"}
    # Its own code may be of others by now.
    others: Figures = now | {"alle B1": (7, "new")}
    assert became(PLACES, others, contract(**PLAIN)) == {"alle B1": "alle B4"}
    with pytest.raises(NotLinkedError, match="region B1 went and B4 came"):
        became(PLACES, other_rows(now), contract(**PLAIN))


def test_a_region_where_nobody_was_gives_its_code_to_who_has_it_now() -> None:
    """Nobody lived in B3, where those of B1 are counted now; B1 is free for what B3 was."""
    now: Figures = {"alle GM": (55, "all"), "alle B3": (15, "p"), "alle B2": (40, "q")}
    assert became(PLACES, now, contract(**PLAIN)) == {"alle B1": "alle B3", "alle B3": "alle B1"}


def test_regions_without_anybody_are_no_news() -> None:
    """They may come and go; only where somebody is, a code that came must be known."""
    now: Figures = {"alle GM": (55, "all"), "alle B1": (15, "p"), "alle B2": (40, "q"), "alle B5": (0, None)}
    assert became(PLACES, now, contract(**PLAIN)) == {}
    gone: Figures = {"alle GM": (55, "all"), "alle B2": (40, "q"), "alle B5": (0, None)}
    assert became(PLACES, gone, contract(**PLAIN)) == {}


def test_a_region_that_is_still_there_is_the_same_while_any_row_says_so() -> None:
    """Most of its figures are those of a neighbour by chance; a measure stands by the most of its rows."""
    before: Figures = {f"m{n} B1": (n + 10, f"x{n}") for n in range(5)}
    now: Figures = {f"m{n} {'B1' if n == 0 else 'B2'}": (n + 10, f"x{n}") for n in range(5)}
    then = contract(measures=[measure(f"m{n}", soort=["A", "B", "C"][: n % 3 + 1]) for n in range(5)], dimensions=())
    with pytest.raises(NotLinkedError, match="region"):
        became({**before, "m0 B7": (4, "y")}, {**now, "m0 B8": (4, "z")}, then, then)
    assert became(before, now, then, then) == {}


def test_figures_that_would_fall_together_are_not_linked() -> None:
    """Two members are each told to be the same new one, by other figures of it."""
    before: Figures = {"alle GM soort=A": (3, "a"), "alle GM soort=B": (12, "b"), "alle B1": (15, "all")}
    now: Figures = {"alle GM soort=X": (3, "a"), "alle B1 soort=X": (12, "b"), "alle B1": (15, "all")}
    with pytest.raises(NotLinkedError, match="what were several figures would be one now"):
        became(before, now, contract(NARROW | {"allowed": ["C", "X"]}))


def test_the_name_of_a_figure_has_no_totals_and_no_order() -> None:
    two = contract(OTHER, dimensions=("soort", "klasse"))
    assert canonical(two, ("alle", "GM", "B", "A")) == ("alle", "GM", "klasse=A", "soort=B")
    assert canonical(two, ("alle", "GM", "Totaal", "A")) == ("alle", "GM", "klasse=A")
    assert canonical(two, ("alle", "GM", "Totaal", "Totaal")) == ("alle", "GM")
