"""The book of sharing levels through time: what it says of each release, and what it says when it was lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.settings import DATABASE
from ingest.storage import durable
from warehouse.sharing.access import Scope
from warehouse.sharing.closing import FILE, Closed, Levels, access, has_levels, indicators_only_of

Tables = dict[str, tuple[str, str]]


def on_shelf(root: Path, name: str, tables: Tables, series: str = "public") -> Path:
    """A released file with the levels and protocols of its source tables."""
    folder = root if series == "public" else root / "restricted" / series
    file = folder / "releases" / name / DATABASE
    file.parent.mkdir(parents=True)
    with duckdb.connect(str(file)) as con:
        con.execute('create schema core; create table core."table" (table_id text, sharing_level text, protocol text)')
        for table, of in tables.items():
            con.execute('insert into core."table" values (?, ?, ?)', [table, *of])
    return file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (folder := tmp_path / "home" / "warehouse").mkdir(parents=True)
    return folder


def events(root: Path) -> list[tuple[str, str]]:
    return [(e["table"], e["level"]) for e in json.loads((root / FILE).read_text())["events"]]


def dated(root: Path, *changes: tuple[str, str, str], **releases: int) -> Levels:
    """A book that says this."""
    book = [{"table": t, "level": level, "at": at} for t, level, at in changes]
    durable.record(root / FILE, {"events": book, "releases": {f"public/{name}": n for name, n in releases.items()}})
    return Levels(root)


# -- whose levels are kept --------------------------------------------------------------------------------------------


def test_only_what_is_or_was_not_simply_everyones_is_written_down(root: Path) -> None:
    levels = Levels(root)
    levels.note({"CBS": "public", "BLANK": None}, ())
    assert not (root / FILE).exists() and levels.count == 0
    levels.note({"CBS": "public", "OWN": "public", "SHUT": "partners", "ODD": "iedereen"}, {"OWN"})
    told = [("ODD", "municipality"), ("OWN", "public"), ("SHUT", "partners")]
    assert events(root) == told and levels.count == 3
    written = (root / FILE).stat().st_mtime_ns, (root / FILE).stat().st_ino
    levels.note({"OWN": "public", "SHUT": "partners", "ODD": "wie weet"}, {"OWN"})
    assert ((root / FILE).stat().st_mtime_ns, (root / FILE).stat().st_ino) == written, "nothing is new"
    levels.note({"SHUT": "public"}, ())
    assert events(root) == [*told, ("SHUT", "public")]
    assert all(e["at"] for e in json.loads((root / FILE).read_text())["events"])


def test_a_source_that_is_not_declared_is_closed_where_all_were_named(root: Path) -> None:
    levels = Levels(root)
    levels.note({"OWN": "public", "SHUT": "partners"}, {"OWN"})
    levels.note({"SHUT": "partners"}, ())
    assert len(events(root)) == 2, "a release names its own sources only"
    levels.note({"SHUT": "partners"}, (), complete=True)
    assert events(root)[2:] == [("OWN", "municipality")]
    levels.note({"SHUT": "partners"}, (), complete=True)
    assert len(events(root)) == 3


# -- of a release -----------------------------------------------------------------------------------------------------


def test_a_release_knows_what_came_after_it_and_those_that_are_gone_are_forgotten(root: Path) -> None:
    levels = Levels(root)
    levels.note({"A": "partners"}, ())
    for name in ("2026.11.1", "2026.11.2"):
        on_shelf(root, name, {})
    levels.made("2026.11.1")
    levels.note({"A": "public"}, ())
    Levels(root / "restricted" / "partners").made("2026.11.1")
    levels.made("2026.11.2")
    state = json.loads((root / FILE).read_text())["releases"]
    # The partners' one is not on the shelf any more; the one that is being made need not be on it yet.
    assert state == {"public/2026.11.1": 1, "public/2026.11.2": 2}
    levels.note({"A": "municipality"}, ())
    assert levels.since("2026.11.1")["A"].level == levels.since("2026.11.2")["A"].level == "municipality"
    levels.made("2026.11.3")
    assert levels.since("2026.11.3") == {}


def test_the_least_open_level_since_then_holds_and_its_day_is_that_of_its_coming(root: Path) -> None:
    changes = [("A", level, f"2026-0{n}-01") for n, level in
               enumerate(["partners", "municipality", "partners", "municipality", "public"], 1)]  # fmt: skip
    levels = dated(root, *changes, ("B", "public", "2026-06-01"), r1=0, r2=2, r3=4)
    assert levels.since("r1") == {
        "A": Closed("A", "municipality", "2026-02-01"),
        "B": Closed("B", "public", "2026-06-01"),
    }
    assert levels.since("r2")["A"] == Closed("A", "municipality", "2026-04-01")
    assert levels.since("r3")["A"] == Closed("A", "public", "2026-05-01")
    assert levels.since("never heard of") == levels.since("r1"), "it counts as older than all"
    assert str(levels.since("r1")["A"]) == "A (municipality since 2026-02-01)" and str(Closed("A", "x")) == "A (x)"


def test_what_another_process_closes_is_seen_at_once(root: Path) -> None:
    on_shelf(root, "2026.11.1", {})
    service, command = Levels(root), Levels(root)
    assert service.since("2026.11.1") == {} and service.count == 0
    for number, level in enumerate(("partners", "public", "municipality"), 1):
        command.note({"A": level}, ())
        assert service.since("2026.11.1")["A"].level == ("partners" if number < 3 else "municipality")
        assert service.count == number


def test_what_a_release_may_show_is_the_least_open_of_its_own_of_since_and_of_the_current_one(root: Path) -> None:
    levels = dated(root, ("A", "partners", "2026-01-01"), ("B", "public", "2026-02-01"), r1=0)
    own = {"A": "public", "B": "municipality", "C": "public", "OWN": "public"}
    assert levels.levels(own, {"OWN"}, "r1") == own | {"A": "partners"}
    now = levels.levels(own, {"OWN"}, "r1", {"A": "municipality", "B": "public", "C": "partners"})
    assert now == {"A": "municipality", "B": "municipality", "C": "partners", "OWN": "municipality"}


@pytest.mark.parametrize(
    ("series", "scope", "closed"),
    [
        ("public", Scope(), ["TO_PARTNERS", "TO_OWN"]),
        ("partners", Scope("partners"), ["TO_OWN", "PARTNERS_TO_OWN"]),
        ("GM0770", Scope("municipality", ("GM0770",)), []),
    ],
)
def test_closed_is_what_a_series_could_show_and_may_not_now(
    root: Path, series: str, scope: Scope, closed: list[str]
) -> None:
    dated(root, ("TO_OWN", "municipality", "2026-01-01"))
    levels = Levels(root if series == "public" else root / "restricted" / series)
    assert levels.scope == scope and levels.root == root
    own = {
        "TO_PARTNERS": "public",
        "TO_OWN": "public",
        "PARTNERS_TO_OWN": "partners",
        "OWN": "municipality",
        "SAME": "public",
    }
    today = own | {"TO_PARTNERS": "partners", "TO_OWN": "municipality", "PARTNERS_TO_OWN": "municipality"}
    found = levels.closed(own, today, "r1")
    assert {c.table for c in found} == set(closed) and [c.table for c in found] == sorted(closed)
    assert all(c.level == today[c.table] and c.at == ("2026-01-01" if c.table == "TO_OWN" else None) for c in found)


def test_a_released_file_is_asked_for_its_own_levels(root: Path) -> None:
    file = on_shelf(root, "2026.11.1", {"OWN": ("public", "municipal"), "CBS": ("public", "v3")})
    levels = dated(root, ("OWN", "partners", "2026-01-01"))
    assert levels.closed_in_file(file, "2026.11.1") == [Closed("OWN", "partners", "2026-01-01")]
    with duckdb.connect(str(file)) as con:
        con.execute(
            "create table core.indicator_term as select 1 as binding_id, 'OWN' as table_id union all select 2, 'CBS'"
        )
        con.execute("create table core.indicator_value (binding_id integer, table_id text)")
        con.execute("create table core.region_group (group_code text, region_code text)")
        assert access(con, levels, "2026.11.1").bindings == {1: "partners", 2: "public"}
        # One from before there were sources of municipalities had nothing that could be closed.
        con.execute('alter table core."table" drop column protocol')
        assert not has_levels(con) and levels.closed_in(con, "2026.11.1") == []


def test_an_indicator_is_only_of_closed_sources_where_each_binding_draws_on_one() -> None:
    with duckdb.connect() as con:
        con.execute(
            "create schema core; create table core.indicator_term (indicator_id text, binding_id int, table_id text)"
        )
        terms = [("one", 1, "SHUT"), ("mixed", 2, "SHUT"), ("mixed", 2, "OPEN"), ("two", 3, "SHUT"), ("two", 4, "OPEN"),
                 ("open", 5, "OPEN")]  # fmt: skip
        con.executemany("insert into core.indicator_term values (?, ?, ?)", terms)
        assert indicators_only_of(con, ["SHUT"]) == {"one", "mixed"}
        assert indicators_only_of(con, []) == set()
        con.execute("attach ':memory:' as beside; create schema beside.core; create table beside.core.indicator_term as "
                    "select 'there' as indicator_id, 1 as binding_id, 'SHUT' as table_id")  # fmt: skip
        assert indicators_only_of(con, ["SHUT"], "beside") == {"there"}


# -- without the book -------------------------------------------------------------------------------------------------


def test_it_is_made_again_from_the_releases_at_the_least_open_that_any_has(root: Path) -> None:
    on_shelf(root, "2026.11.9", {"CBS": ("public", "v3"), "CBS_GONE": ("public", "v3"), "OWN": ("public", "municipal"),
                                 "TAKEN_OUT": ("public", "municipal"), "LATER_SHUT": ("public", "v3")})  # fmt: skip
    on_shelf(root, "2026.11.10", {"CBS": ("public", "v3"), "OWN": ("public", "municipal")})
    on_shelf(root, "2026.11.1", {"LATER_SHUT": ("partners", "v3"), "OPENED": ("municipality", "v3")}, "partners")
    on_shelf(root, "2026.11.2", {"LATER_SHUT": ("partners", "v3"), "OPENED": ("public", "v3")}, "partners")
    (root / "releases" / "2026.11.12").mkdir()  # nothing is in it
    on_shelf(root, "2026.11.11 copy", {"OWN": ("municipality", "municipal")})
    on_shelf(root, "2026.11.8", {}).write_bytes(b"torn")
    levels = Levels(root)
    assert levels.count == 4 and not (root / FILE).exists()
    closed = {"LATER_SHUT": "municipality", "TAKEN_OUT": "municipality", "OPENED": "municipality", "OWN": "public"}
    for old in ("2026.11.9", "2026.11.8"):
        assert {t: c.level for t, c in levels.since(old).items()} == closed
    partners = Levels(root / "restricted" / "partners")
    assert partners.since("2026.11.1").keys() == closed.keys()
    # The newest of each series was made with the levels of its day.
    assert levels.since("2026.11.10") == partners.since("2026.11.2") == {}
    levels.recall()
    assert dict(events(root)) == closed and levels.since("2026.11.9").keys() == closed.keys()


WRONG: dict[str, Any] = {
    "no list": {"events": 3, "releases": {}},
    "no releases": {"events": []},
    "a level that is none": {"events": [{"table": "A", "level": "iedereen", "at": None}], "releases": {}},
    "no name": {"events": [{"table": 1, "level": "public", "at": None}], "releases": {}},
    "no day": {"events": [{"table": "A", "level": "public"}], "releases": {}},
    "no number": {"events": [], "releases": {"public/r": "1"}},
    "no object": {"events": ["A"], "releases": {}},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_book_that_says_nothing_that_can_be_used_is_set_aside_and_made_again(root: Path, what: str) -> None:
    on_shelf(root, "2026.11.1", {"OWN": ("public", "municipal")})
    on_shelf(root, "2026.11.2", {})
    levels = Levels(root)
    assert levels.damage() == ""
    durable.record(root / FILE, WRONG[what])
    assert "does not say who may see what" in levels.damage()
    assert levels.since("2026.11.1")["OWN"].level == "municipality"
    levels.note({}, ())  # nothing is new, but what was worked out is written down again
    assert levels.damage() == "" and events(root) == [("OWN", "municipality")]
    assert (root / FILE).stat().st_mode & 0o077 == 0
    [aside] = root.parent.glob(f"damaged/*/warehouse/{FILE}")
    assert WRONG[what].items() <= json.loads(aside.read_text()).items()


def test_what_a_killed_run_left_of_it_is_removed_and_nothing_else(root: Path) -> None:
    levels = dated(root, ("A", "partners", "2026-01-01"))
    left, other = root / f".{FILE}.1234", root / f"{FILE}.backup"
    left.touch(), other.touch()
    levels.sweep()
    assert not left.exists() and other.exists() and (root / FILE).exists()
