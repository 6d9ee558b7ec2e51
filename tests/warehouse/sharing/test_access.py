"""Who may see which figure: the rule itself, row by row, beside a second reading of it in Python."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from ingest.sql import add_rows
from warehouse.sharing.access import (
    EVERYTHING,
    LEVELS,
    PUBLIC,
    Access,
    Scope,
    delivered,
    known,
    least_open,
    levels_of,
    levels_since,
    texts,
)

#: Source tables with their level as it is written, and how it counts.
TABLES = {"T_OPEN": "public", "T_PARTNER": "partners", "T_OWN": "municipality", "T_BLANK": None, "T_ODD": "iedereen"}
COUNTS = {**dict.fromkeys(("T_OWN", "T_BLANK", "T_ODD"), "municipality"), "T_OPEN": "public", "T_PARTNER": "partners"}
#: What each binding draws on; the last is in no table of the release.
BINDINGS = {
    1: ["T_OPEN"],
    2: ["T_PARTNER"],
    3: ["T_OWN"],
    4: ["T_OPEN", "T_PARTNER"],
    5: ["T_OPEN", "T_OWN"],
    6: ["T_BLANK"],
    7: ["T_ODD"],
    8: ["T_GONE"],
}
GROUPS = {"BOTH": {"GM0770", "GM1728"}, "ONE": {"GM0770"}}
REGIONS = [
    "NL01",
    "GM0770",
    "GM1728",
    "WK077001",
    "WK172801",
    "BU07700101",
    "BU17280101",
    "BOTH",
    "ONE",
    "PV30",
    "CR0770",
]
SCOPES = [
    PUBLIC,
    Scope("partners"),
    Scope("municipality", ("GM0770",)),
    Scope("municipality", ("GM1728",)),
    Scope("municipality", ("GM0770", "GM1728")),
    Scope("municipality"),
    EVERYTHING,
]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(
            """
            create schema core;
            create table core."table" (table_id varchar, sharing_level varchar, protocol varchar);
            create table core.indicator_term (binding_id integer, table_id varchar);
            create table core.region_group (group_code varchar, region_code varchar);
            create table core.indicator_value (binding_id integer, table_id varchar, region_code varchar, method varchar);
            """
        )
        rows = {
            'core."table"': [(t, level, "municipal" if "OWN" in t else "v3") for t, level in TABLES.items()],
            "core.indicator_term": [(b, t) for b, tables in BINDINGS.items() for t in tables],
            "core.indicator_value": [(b, tables[0], r, "published") for b, tables in BINDINGS.items() for r in REGIONS],
            "core.region_group": [(g, m) for g, members in GROUPS.items() for m in members],
        }
        for table, values in rows.items():
            add_rows(con, table, values)
        # No source in this release; and a figure of which nobody knows the source.
        con.execute(
            "insert into core.indicator_value values (null, null, 'GM0770', 'absent'), (null, null, 'GM0770', 'kept')"
        )
        # A figure of a binding that the registry no longer has, known from its figures alone.
        con.execute(
            "insert into core.indicator_value values (9, 'T_OPEN', 'GM1728', 'kept'), (10, 'T_OWN', 'GM1728', 'kept')"
        )
        yield con


def may_see(scope: Scope, binding: int | None, region: str, method: str) -> bool:
    """The rule in plain words, by other means than the SQL."""
    if scope == EVERYTHING:
        return True
    if binding is None:
        return method == "absent"
    tables = BINDINGS.get(binding) or {9: ["T_OPEN"], 10: ["T_OWN"]}[binding]
    least = max((COUNTS.get(t, "municipality") for t in tables), key=LEVELS.index)
    if least != "municipality":
        return LEVELS.index(least) <= LEVELS.index(scope.level)
    if scope.level != "municipality":
        return False
    if region in GROUPS:
        return GROUPS[region] <= set(scope.municipalities)
    return region[:2] in ("GM", "WK", "BU") and f"GM{region[2:6]}" in scope.municipalities


@pytest.mark.parametrize("scope", SCOPES, ids=lambda s: " ".join([s.level, *s.municipalities]))
def test_each_figure_is_seen_by_whom_it_is_for_and_by_nobody_else(con: duckdb.DuckDBPyConnection, scope: Scope) -> None:
    access = Access.of(con)
    rows = con.execute(
        f"select binding_id, region_code, method, {access.visible(scope, 'figure')} from core.indicator_value as figure"
    ).fetchall()
    assert len(rows) == len(BINDINGS) * len(REGIONS) + 4
    assert [r for r in rows if r[3] is not may_see(scope, *r[:3])] == []
    seen = {r[0] for r in rows if r[0] is not None and may_see(scope, *r[:3])}
    assert seen <= set(access.within(scope))
    assert access.whole(scope) is (scope == EVERYTHING)


def test_the_levels_of_today_go_before_those_it_was_made_with(con: duckdb.DuckDBPyConnection) -> None:
    closed = Access.of(con, dict.fromkeys(TABLES, "municipality") | {"T_PARTNER": "public"})
    assert {b for b, level in closed.bindings.items() if level == "public"} == {2}
    assert closed.within(PUBLIC) == [2] and not closed.all_public
    opened = Access.of(con, dict.fromkeys([*TABLES, "T_GONE"], "public"))
    assert opened.all_public and opened.whole(PUBLIC) and opened.visible(PUBLIC) == "true"
    # A source of which no figure is made counts too: its observations are in the file.
    assert not Access({1: "public"}, {}, {"T_OPEN": "public", "T_PARTNER": "partners"}).whole(PUBLIC)
    assert not Access({1: "partners"}, {}, {"T_OPEN": "public"}).whole(PUBLIC)


def test_where_nothing_is_open_nothing_is_seen(con: duckdb.DuckDBPyConnection) -> None:
    closed = Access.of(con, dict.fromkeys(TABLES, "municipality"))
    seen = f"select region_code, method from core.indicator_value as v where {closed.visible(Scope('partners'))}"
    assert con.execute(seen).fetchall() == [("GM0770", "absent")]


def test_what_the_file_says_of_its_sources(con: duckdb.DuckDBPyConnection) -> None:
    assert levels_of(con) == COUNTS
    assert delivered(con) == {"T_OWN"}


def test_what_has_no_level_is_least_open() -> None:
    assert [known(level) for level in (*LEVELS, None, "", "Public")] == [*LEVELS, *["municipality"] * 3]
    assert least_open(["public", "municipality", "partners"]) == "municipality"
    assert least_open(["partners", "public"]) == "partners"


def test_a_level_since_is_the_least_open_of_then_and_now() -> None:
    then = {"A": "public", "B": "partners", "C": "public", "D": "public", "E": "partners"}
    now = {"A": "partners", "B": "public", "E": None}
    assert levels_since(then, ["C", "A"], now) == {
        "A": "partners",  # closed since
        "B": "partners",  # opened since: what was not for everyone does not become so
        "C": "municipality",  # of a municipality, and taken out
        "D": "public",  # of CBS, and not asked any more
        "E": "municipality",  # without a level now
    }


@pytest.mark.parametrize(
    ("level", "codes", "said"),
    [
        ("iedereen", (), "'iedereen' is no sharing level; there are public, partners, municipality"),
        ("municipality", ("GM770",), "'GM770' is no municipality's code"),
        ("municipality", ("GM0770", "GM07701"), "'GM07701' is no municipality's code"),
        ("municipality", ("XGM0770",), "is no municipality's code"),
        ("municipality", ("**",), "is no municipality's code"),
    ],
)
def test_a_scope_that_is_none_is_refused(level: str, codes: tuple[str, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("*", r"\*")):
        Scope(level, codes)


def test_everything_is_a_level_and_a_star() -> None:
    assert EVERYTHING.everything and Scope("municipality", ("GM0770", "*")).everything
    assert not any(s.everything for s in (PUBLIC, Scope("partners", ("*",)), Scope("municipality", ("GM0770",))))


def test_texts_are_quoted_and_in_order() -> None:
    assert texts(["b", "a'c"]) == "'a''c', 'b'"
