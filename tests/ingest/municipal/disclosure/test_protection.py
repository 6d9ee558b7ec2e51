"""Rows of a municipality as the figures that may be published of them, without a delivery or a snapshot around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.municipal.contract import Contract
from ingest.municipal.disclosure.memory import Memory
from ingest.municipal.disclosure.protection import Part, Protection
from ingest.municipal.layer import Delivery, Layer
from ingest.municipal.region import Geography
from tests.ingest.municipal.disclosure.test_memory import B1, B2, CONTRACT, observation

Figures = dict[tuple[str, ...], tuple[float | None, str]]
PERIOD = "2024JJ00"
FREE = {"units": "none", "why": "no persons"}


def measure(code: str, **more: Any) -> dict[str, Any]:
    return {"code": code, "title": "t", "unit": "aantal", **more}


def contract(*measures: dict[str, Any], dimensions: tuple[str, ...] = (), **changes: Any) -> Contract:
    return Contract(
        **CONTRACT | {"observation": observation(measures=list(measures), dimensions=list(dimensions))} | changes
    )


ALL, A = measure("alle", count="rows"), measure("a", count="rows", where={"soort": ["A"]})
SHARE = measure("aandeel", ratio=["a", "alle"], factor=100, decimals=1)


def row(kind: str, region: str = B1, period: str = PERIOD, key: str | None = None, **of: Any) -> dict[str, Any]:
    return {"gemeente": "GM0770", "period": period, "region": region, "soort": kind, "key": key, **of}


class Source:
    """The layer of a source, and what is published of it each time."""

    def __init__(self, home: Path, geography: Geography, of: Contract) -> None:
        self.layer, self.memory, self.of = Layer(home, of.id), Memory(home), of
        self.geography, self.warnings, self.number = geography, list[str](), 0

    def delivery(self) -> Delivery:
        self.number += 1
        return Delivery(
            f"d{self.number}",
            "2026-01-01",
            "n",
            "s",
            1,
            "drop",
            "accepted",
            [],
            [],
            1,
            1,
            0,
            {},
            [["GM0770", PERIOD]],
            "h",
        )

    def publish(self, *counts: tuple[str, str, int], gone: bool = False, period: str = PERIOD, **of: Any) -> Figures:
        """So many rows per kind and buurt; ``gone``: their retention is over."""
        rows = [row(kind, region, period, **of) for kind, region, count in counts for _ in range(count)]
        return self.publish_rows(None if gone else rows, period)

    def publish_rows(self, rows: list[dict[str, Any]] | None, period: str = PERIOD) -> Figures:
        self.warnings.clear()
        protection = Protection(self.of, self.layer, self.geography, self.memory, self.warnings)
        observed, self.used = protection.figures(Part("GM0770", period, rows, self.delivery()))
        return {o.key: (o.value, o.attribute) for o in observed if o.key[1] == "GM0770" and o.period == period}

    def records(self) -> list[dict[str, Any]]:
        return self.layer.published("GM0770", PERIOD)


@pytest.fixture
def source(tmp_path: Path, geography: Geography) -> Source:
    return Source(tmp_path, geography, contract(ALL, A, SHARE))


SUPPRESSED = (None, "Suppressed")


# -- ratios -----------------------------------------------------------------------------------------------------------


def test_a_share_is_of_published_figures_only(source: Source) -> None:
    found = source.publish(("A", B1, 33), ("B", B1, 66))
    assert found == {
        ("alle", "GM0770"): (99, "None"),
        ("a", "GM0770"): (33, "None"),
        ("aandeel", "GM0770"): (33.3, "None"),
    }


@pytest.mark.parametrize(("of", "share"), [(50, (40.0, "None")), (49, SUPPRESSED)])
def test_a_share_is_of_enough(source: Source, of: int, share: tuple[float | None, str]) -> None:
    assert source.publish(("A", B1, 20), ("B", B1, of - 20))["aandeel", "GM0770"] == share


def test_a_share_of_what_is_hidden_is_hidden(source: Source) -> None:
    found = source.publish(("A", B1, 4), ("B", B1, 66))
    assert found["a", "GM0770"] == found["aandeel", "GM0770"] == SUPPRESSED


def test_a_share_of_nobody_can_not_be_and_one_of_no_figure_is_not_there(tmp_path: Path, geography: Geography) -> None:
    """Where nobody is protected no denominator is too small, and a member that was not delivered has no figure."""
    sums = [measure(f"m_{c}", sum="getal", where={"soort": [c]}) for c in "ABC"]
    shares = [
        measure(f"deel_{above}{below}", ratio=[f"m_{above}", f"m_{below}"], decimals=2)
        for above, below in ("AB", "BA", "CA")
    ]
    columns = [*CONTRACT["columns"], {"name": "getal", "type": "decimal"}]
    of = contract(*sums, *shares, columns=columns, disclosure=FREE)
    source = Source(tmp_path, geography, of)
    found = source.publish(("A", B1, 3), getal=2.0)
    assert found == {("m_A", "GM0770"): (6, "None"), ("deel_CA", "GM0770"): (None, "NotAvailable"),
                     ("deel_BA", "GM0770"): (None, "NotAvailable")}  # fmt: skip
    assert source.publish(("A", B1, 3), ("B", B1, 1), getal=0.0)["deel_BA", "GM0770"] == (None, "Impossible")
    assert source.publish(("A", B1, 1), ("B", B1, 4), getal=2.0)["deel_AB", "GM0770"] == (0.25, "None")
    assert source.records() == [], "what nobody is protected by need not be remembered"


# -- the rest of a group ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sensitive", [True, False])
@pytest.mark.parametrize("others", [3, 0])
def test_the_rest_of_a_group_is_protected_where_the_contract_calls_the_part_sensitive(
    tmp_path: Path, geography: Geography, others: int, sensitive: bool
) -> None:
    """Of 70 people 67 have it, or all: that three have not, or nobody, may be what should be known of none of them."""
    source = Source(tmp_path, geography, contract(ALL, A | {"of": "alle", "sensitive": sensitive}))
    found = source.publish(("A", B1, 70 - others), ("B", B1, others))
    assert ([value for value, _ in found.values()].count(None) > 0) is sensitive


# -- who is behind a figure -------------------------------------------------------------------------------------------

PERSON = {"name": "burger", "type": "key"}


def test_few_persons_behind_many_rows_are_few(tmp_path: Path, geography: Geography) -> None:
    of = contract(ALL, columns=[*CONTRACT["columns"], PERSON])
    source, other = Source(tmp_path / "many", geography, of), Source(tmp_path / "few", geography, of)
    many = [row("A", key=f"p{n % 10}") for n in range(30)]
    assert source.publish_rows(many)["alle", "GM0770"] == (30, "None")
    assert other.publish_rows([row("A", key=f"p{n % 9}") for n in range(30)])["alle", "GM0770"] == SUPPRESSED


@pytest.mark.parametrize(
    ("amounts", "shown"), [([100.0] * 10, True), ([100.0] * 9, False), ([*[100.0] * 20, 2100.0], False)]
)
def test_an_amount_is_of_enough_who_bring_it_and_of_none_that_dominates(
    tmp_path: Path, geography: Geography, amounts: list[float], shown: bool
) -> None:
    columns = [*CONTRACT["columns"], {"name": "bedrag", "type": "decimal", "minimum": 0}]
    source = Source(tmp_path, geography, contract(measure("euro", sum="bedrag"), columns=columns))
    found = source.publish_rows([row("A", bedrag=amount) for amount in amounts])
    assert found == {("euro", "GM0770"): (sum(amounts), "None") if shown else SUPPRESSED}


def test_kinds_that_share_persons_tell_of_each_other_all_the_same(tmp_path: Path, geography: Geography) -> None:
    """Of 41 persons 40 are in B: then at least one is in A."""
    persons = measure("personen", count="distinct")
    kinds = [*CONTRACT["columns"][:2], {"name": "soort", "type": "category", "allowed": ["A", "B"]}, PERSON]
    of = contract(persons, dimensions=("soort",), columns=kinds)
    source = Source(tmp_path, geography, of)
    rows = [*(row("B", key=f"p{n}") for n in range(40)), *(row("A", key=f"p{n}") for n in range(37, 41))]
    found = {key[2]: value for key, (value, _) in source.publish_rows(rows).items()}
    assert found["A"] is None and None in (found["B"], found["Totaal"])
    apart = [*(row("B", key=f"p{n}") for n in range(40)), *(row("A", key=f"p{n}") for n in range(20, 60))]
    source = Source(tmp_path / "other", geography, of)
    found = {key[2]: value for key, (value, _) in source.publish_rows(apart).items()}
    assert found == {"Totaal": 60, "A": 40, "B": 40}


# -- again ------------------------------------------------------------------------------------------------------------


def test_the_same_figures_are_published_as_they_were_and_not_written_down_again(source: Source) -> None:
    first = source.publish(("A", B1, 33), ("B", B1, 66))
    assert source.publish(("A", B1, 33), ("B", B1, 66)) == first and source.used == "d2"
    assert len(source.records()) == 1
    source.publish(("A", B1, 34), ("B", B1, 66))
    assert [r["delivery"] for r in source.records()] == ["d1", "d3"]
    # By other terms the same figures are protected anew.
    source.of = source.of.model_copy(
        update={"title": "Anders", "disclosure": source.of.disclosure.model_copy(update={"least_denominator": 200})}
    )
    assert source.publish(("A", B1, 34), ("B", B1, 66))["aandeel", "GM0770"] == SUPPRESSED
    assert len(source.records()) == 3


def test_without_rows_what_was_published_last_stands_and_of_nothing_there_is_nothing(source: Source) -> None:
    assert source.publish(gone=True) == {} and source.used == "d1"
    source.publish(("A", B1, 33), ("B", B1, 66))
    last = source.publish(("A", B1, 35), ("B", B1, 70))
    assert source.publish(gone=True) == last and source.used == "d3"


def test_a_correction_that_would_give_a_figure_away_is_not_published(source: Source) -> None:
    """Where it was known that 12 of 99 had it, nobody may learn that nine have."""
    source.of = contract(ALL, A, disclosure={"threshold": 5, "why": "a test"})
    first = source.publish(("A", B1, 9), ("B", B1, 90))
    assert first["a", "GM0770"] == (9, "None")
    source.of = contract(ALL, A)
    assert source.publish(("A", B1, 9), ("B", B1, 91)) == first and source.used == "d1"
    assert "the correction is not published" in source.warnings[0] and len(source.records()) == 1


def test_a_figure_is_written_down_with_a_mark_of_the_rows_behind_it(tmp_path: Path, geography: Geography) -> None:
    nobody = measure("geen", count="rows", where={"soort": ["C"]})
    source = Source(tmp_path, geography, contract(ALL, A, nobody))
    source.publish(("A", B1, 33), ("B", B1, 66))
    source.publish(("A", B1, 33), ("B", B1, 67))
    first, second = (
        {key[0]: mark for (key, *_), mark in zip(r["figures"], r["marks"], strict=True) if not key[0].startswith("~")}
        for r in source.records()
    )
    assert first["a"] == second["a"] and None not in (first["a"], first["alle"]) and first["geen"] is None
    assert len({first["a"], first["alle"], second["alle"]}) == 3


def test_what_counts_something_else_than_before_is_not_published_beside_it(source: Source) -> None:
    first = source.publish(("A", B1, 33), ("B", B1, 66))
    source.of = contract(ALL, A | {"where": {"soort": ["B"]}}, SHARE)
    assert source.publish(("A", B1, 33), ("B", B1, 66)) == first and source.used == "d1"
    [warning] = source.warnings
    assert f"a counts something else than before (published before as bron GM0770 {PERIOD})" in warning
    assert len(source.records()) == 1


def test_what_was_hidden_before_is_not_had_from_what_is_shown_now(tmp_path: Path, geography: Geography) -> None:
    """A had four, which nobody could learn; that it has fourteen now may be known, but not what would give away the four."""
    source = Source(tmp_path, geography, contract(ALL, dimensions=("soort",)))
    first = source.publish(("A", B1, 4), ("B", B1, 40), ("C", B1, 60))
    hidden = {key for key, (value, _) in first.items() if value is None}
    assert first["alle", "GM0770", "Totaal"] == (104, "None") and ("alle", "GM0770", "A") in hidden and len(hidden) == 2
    second = source.publish(("A", B1, 14), ("B", B1, 40), ("C", B1, 60))
    assert {key for key, (value, _) in second.items() if value is None} >= hidden - {("alle", "GM0770", "A")}


def test_another_year_is_no_other_division_of_this_one(source: Source) -> None:
    source.publish(("A", B1, 33), ("B", B1, 66))
    assert source.publish(("A", B1, 33), ("B", B1, 66), period="2023JJ00") and not source.warnings
    assert source.publish(("A", B1, 33), ("B", B1, 66), period="2023KW01") == {}
    assert "another division of the year was published (2023JJ00)" in source.warnings[0]
    assert source.publish(("A", B1, 33), ("B", B1, 67)) and not source.warnings


def test_what_is_hidden_for_others_is_a_part_before_a_total_and_a_buurt_before_its_wijk(
    tmp_path: Path, geography: Geography
) -> None:
    of = contract(ALL, dimensions=("soort",))
    source = Source(tmp_path, geography, of)
    found = source.publish(("A", B1, 4), ("B", B1, 40), ("C", B2, 60))
    assert found["alle", "GM0770", "Totaal"] == (104, "None")
    assert [found["alle", "GM0770", c][1] for c in "ABC"].count("Suppressed") == 2
