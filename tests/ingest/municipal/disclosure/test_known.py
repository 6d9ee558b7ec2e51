"""What the memory knows: whether two sources are of the same people, and whether all that was shown stands in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.municipal.disclosure.memory import Content, Memory, laid_down, shown_in
from ingest.municipal.layer import Layer
from ingest.snapshot import Store
from ingest.storage.durable import Damaged

Rows = list[dict[str, Any]]
PERIOD = "2024JJ00"


def rows(values: Iterable[Any], keyed: bool = False, gemeente: str = "GM0770") -> Rows:
    """A row of each value; the place of a row says nothing of who it is about."""
    return [
        {"gemeente": gemeente, "period": PERIOD, "region": "BU07700000", "key" if keyed else "x": f"v{v}"}
        for v in values
    ]


def same(mine: Rows, theirs: Rows, same_place: bool = True) -> bool:
    told = {Content.of(a).same_people(Content.of(b), same_place) for a, b in ((mine, theirs), (theirs, mine))}
    assert len(told) == 1, "it does not depend on which of the two is asked"
    return told.pop()


# -- the same people --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "same_place", "found"), [(9, True, True), (9, False, False), (10, True, True), (10, False, True)]
)
def test_the_same_rows_are_the_same_people_wherever_they_are_unless_they_are_too_few(
    count: int, same_place: bool, found: bool
) -> None:
    assert same(rows(range(count)), rows(range(count), gemeente="GM1728"), same_place) is found
    # One row more than those few says nothing yet, however many of them are the same.
    assert same(rows(range(9)), rows(range(30))) is False


@pytest.mark.parametrize(("keyed", "least"), [(True, 4), (False, 10)])
def test_a_good_part_in_common_is_enough(keyed: bool, least: int) -> None:
    """A fifth of the keys, half of the rows without one; of the smaller of the two."""
    for common, found in ((least, True), (least - 1, False)):
        mine, theirs = rows(range(20), keyed), rows([*range(common), *range(100, 130 - common)], keyed)
        assert same(mine, theirs) is found
    assert same(rows(range(20), keyed), rows(range(20 - least, 60), keyed)) is True


def test_of_two_places_only_keys_tell_and_a_key_is_compared_with_keys_alone() -> None:
    mine, theirs = range(20), range(5, 25)
    assert same(rows(mine, keyed=True), rows(theirs, keyed=True), same_place=False) is True
    assert same(rows(mine), rows(theirs), same_place=False) is False
    assert same(rows(mine, keyed=True), [*rows(mine), *rows([50])]) is False


def test_rows_that_say_the_same_count_as_often_as_both_have_them() -> None:
    for often, found in ((5, True), (4, False)):
        assert same(rows([1] * 10), rows([1] * often + list(range(10, 20 - often)))) is found


def test_of_many_rows_the_smallest_marks_are_compared_as_far_as_both_reach() -> None:
    """Of 2,000 rows a part of the marks is kept: 30 of the same rows still are the same."""
    many = range(2000)
    assert same(rows(many), rows(range(0, 1500, 25))) is True
    assert same(rows(many), rows(range(5000, 5060))) is False
    assert same(rows(many), rows(range(1000, 3000))) is True
    assert same(rows(many), rows(range(1400, 3400))) is False


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["a"] * 5 + ["b"] * 4 + ["c"] * 3, True),  # three values, some oftener than others
        (["a"] * 7 + ["b"] * 5, False),  # two: yes and no are the same anywhere
        (["a", "b", "c"] * 4, False),  # each as often as the other
    ],
)
def test_a_column_that_tells_is_known_though_all_else_changed(values: list[str], found: bool) -> None:
    def with_column(name: str, start: int) -> Rows:
        return [row | {name: value} for row, value in zip(rows(range(start, start + 12)), values, strict=True)]

    assert same(with_column("soort", 0), with_column("klasse", 100)) is found
    assert same(with_column("soort", 0), with_column("klasse", 100), same_place=False) is False


def test_where_rows_lie_and_when_is_no_column_that_tells() -> None:
    places = ["BU1"] * 5 + ["BU2"] * 4 + ["BU3"] * 3
    mine, theirs = (
        [row | {"region": place} for row, place in zip(rows(range(n, n + 12)), places, strict=True)] for n in (0, 100)
    )
    assert same(mine, theirs) is False


# -- found by them ----------------------------------------------------------------------------------------------------


def test_what_another_source_published_of_the_same_rows_is_found(tmp_path: Path) -> None:
    memory, first, second = Memory(tmp_path), Layer(tmp_path, "eerste"), Layer(tmp_path, "tweede")
    memory.write(first, "GM0770", PERIOD, [{"n": 1}, {"n": 2}], rows(range(20)))
    memory.write(second, "GM0770", PERIOD, [{"n": 3}], rows(range(50, 70)))

    def found(
        layer: Layer, place: str, values: Iterable[int], *ours: str, period: str = PERIOD
    ) -> list[tuple[str, Any]]:
        return [(name, record["n"]) for name, record in memory.of(layer, place, period, rows(values), ours)]

    own = [(f"eerste GM0770 {PERIOD}", 1), (f"eerste GM0770 {PERIOD}", 2)]
    assert found(first, "GM0770", range(300, 320)) == own
    assert found(second, "GM0770", range(20)) == [(f"tweede GM0770 {PERIOD}", 3), *own]
    assert found(Layer(tmp_path, "derde"), "GM0770", range(15)) == own
    assert found(second, "GM0770", range(20), period="2023JJ00") == []
    # Half of the rows of a municipality that delivers now are another's by chance; one that does not may be this one.
    assert found(second, "GM1728", range(15), "GM0770", "GM1728") == []
    assert found(second, "GM1728", range(15), "GM1728") == own
    memory.write(first, "GM0770", PERIOD, [{"n": 4}], rows(range(80, 100)))
    assert found(second, "GM1728", range(15)) == []
    assert found(second, "GM1728", range(80, 100)) == [(f"eerste GM0770 {PERIOD}", 4)]
    memory.write(first, "GM0770", PERIOD, [{"n": 5}], None)
    assert found(second, "GM1728", range(80, 100)) == [(f"eerste GM0770 {PERIOD}", 5)]


def test_marks_of_rows_that_can_not_be_read_are_no_rows_of_others(tmp_path: Path) -> None:
    memory, first = Memory(tmp_path), Layer(tmp_path, "eerste")
    memory.write(first, "GM0770", PERIOD, [{"n": 1}], rows(range(20)))
    [file] = tmp_path.glob("eerste/content/*.json")
    assert file.stat().st_mode & 0o077 == 0
    file.write_text("{")
    with pytest.raises(Damaged, match="rdc sources recall"):
        list(Memory(tmp_path).of(Layer(tmp_path, "tweede"), "GM0770", PERIOD, rows(range(20))))
    file.unlink()
    assert list(Memory(tmp_path).of(Layer(tmp_path, "tweede"), "GM0770", PERIOD, rows(range(20)))) == []


# -- all that was shown -----------------------------------------------------------------------------------------------


def released(file: Path, snapshot_id: str = "bron-20260102T030405678Z-aaaaaaaa") -> Path:
    """A released file with figures of three sources and of measures that are not protected."""
    with duckdb.connect(str(file)) as con:
        con.execute(
            "create schema core; create table core.disclosure_rule (table_id text, measure_code text, units text, kind text); "
            "create table core.observation (table_id text, measure_code text, region_code text, period_code text, "
            "value double, dimensions map(text, text), snapshot_id text)"
        )
        con.executemany(
            "insert into core.disclosure_rule values (?, ?, ?, ?)",
            [("bron", "m", "persons", "count"), ("bron", "open", "none", "count"), ("bron", "pct", "persons", "ratio"),
             ("elders", "m", "persons", "count")],
        )  # fmt: skip
        figures = [("m", "GM0770", 55.0, {"soort": "Totaal"}), ("m", "GM0770", None, {"soort": "A"}),
                   ("m", "BU07700001", 40.0, {"soort": "A", "klasse": "B"}), ("m", "GM1728", 7.0, None),
                   ("open", "GM0770", 1.0, {}), ("pct", "GM0770", 2.0, {})]  # fmt: skip
        con.executemany(
            "insert into core.observation values ('bron', ?, ?, '2024JJ00', ?, ?, ?)",
            [(*figure, snapshot_id) for figure in figures],
        )
        con.execute("insert into core.observation values ('elders', 'm', 'GM0861', '2024JJ00', 1, map {}, 'x')")
    return file


SHOWN: dict[tuple[str, str], dict[tuple[str, ...], float | None]] = {
    ("GM0770", PERIOD): {
        ("m", "GM0770"): 55,
        ("m", "GM0770", "soort=A"): None,
        ("m", "BU07700001", "klasse=B", "soort=A"): 40,
    },
    ("GM1728", PERIOD): {("m", "GM1728"): 7},
}


def test_a_released_file_shows_the_protected_figures_of_a_source(tmp_path: Path) -> None:
    file = released(tmp_path / "r.duckdb")
    assert shown_in(file, "bron") == SHOWN
    assert shown_in(file, "nergens") == {}
    (tmp_path / "torn").write_bytes(b"torn")
    assert shown_in(tmp_path / "torn", "bron") == {}


def test_memory_is_lost_where_a_figure_was_shown_otherwise_than_it_knows(tmp_path: Path) -> None:
    file, layer, memory = released(tmp_path / "r.duckdb"), Layer(tmp_path, "bron"), Memory(tmp_path)

    def lost(**of: dict[tuple[str, ...], float | None]) -> list[tuple[str, str]]:
        for (place, period), figures in SHOWN.items():
            known = figures | of.get(place, {})
            layer.publish(place, period, [
                {"figures": [[list(key), 0, value] for key, value in known.items()]},
                {"figures": [[["m", "GM0770"], 0, 60.0]]},
            ])  # fmt: skip
        return memory.lost(Store(tmp_path / "snapshots"), "bron", [file])

    assert lost() == []
    assert lost(GM0770={("m", "GM0770"): 54}) == [("GM0770", PERIOD)]
    assert lost(GM0770={("m", "GM0770", "soort=A"): 3}) == [("GM0770", PERIOD)]
    assert lost(GM0770={("m", "GM0770"): 60}, GM1728={("m", "GM1728"): None}) == [
        ("GM0770", PERIOD),
        ("GM1728", PERIOD),
    ]
    lost()
    (tmp_path / "bron" / "published" / f"GM1728-{PERIOD}.json").unlink()
    assert memory.lost(Store(tmp_path / "snapshots"), "bron", [file]) == [("GM1728", PERIOD)]
    assert memory.lost(Store(tmp_path / "snapshots"), "bron", []) == []


def test_when_a_released_figure_was_laid_down_is_in_the_id_of_its_snapshot(tmp_path: Path) -> None:
    file = released(tmp_path / "r.duckdb")
    assert laid_down(file, "bron") == "2026-01-02T03:04:05.678+00:00"
    assert laid_down(file, "elders") == laid_down(file, "nergens") == laid_down(tmp_path / "gone", "bron") == ""
