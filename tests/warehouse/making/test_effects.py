"""The answers on policy choices in a candidate: kept as rows and read back the same, only what changed is worked out, and none of it
breaks a build off."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import pytest

from tests.warehouse.effects.releases import AREAS, candidate, choice, lay_out
from warehouse.effects.asked import Asked
from warehouse.effects.declared import Asking, answer, askings
from warehouse.effects.figures import Figures
from warehouse.effects.kept import read
from warehouse.making.effects import EFFECT, PATH, WorkedOut, say_where_made, work_out

_TWO = [choice(), choice("later", from_period="2030JJ00", example=True)]


@pytest.fixture(scope="module")
def built() -> Iterator[duckdb.DuckDBPyConnection]:
    con = candidate()
    lay_out(con, _TWO)
    assert work_out(con) == WorkedOut(2, 0, ())
    yield con
    con.close()


@pytest.fixture
def con(built: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same, to be changed."""
    cursor = built.cursor()
    cursor.execute("begin")
    yield cursor
    cursor.execute("rollback")


def rows(con: duckdb.DuckDBPyConnection, table: str = EFFECT) -> list[tuple[Any, ...]]:
    return con.execute(f"select * from {table} order by all").fetchall()


def kept(con: duckdb.DuckDBPyConnection) -> list[Asked]:
    return read(con, f"select * from {EFFECT}", f"select * from {PATH}")


def test_what_is_kept_is_read_back_as_it_was_answered(con: duckdb.DuckDBPyConnection) -> None:
    from warehouse.effects.figures import figures

    found = kept(con)
    assert [one.intervention.id for one in found] == ["plan", "later"]
    for one, asking in zip(found, askings(_TWO), strict=True):
        assert one == answer(asking, figures(con, asking.intervention, asking.indicator), one.known)
    assert found[0].effect.answer == found[0].answer.answer == "effect gezien"
    assert [effect.method for effect in found[0].effects] == ["synthetische controle", "verschil-in-verschillen"]
    assert found[0].effect.path[0]["placebos"].keys() == {*AREAS[1:-1]}
    assert found[1].effect.path == [] and "nog geen cijfer" in found[1].effect.reason


def test_the_columns_say_what_the_details_say(con: duckdb.DuckDBPyConnection) -> None:
    for row in con.execute(
        f"select estimate, interval_low, smallest_detectable, placebo_rank, details->>'$.estimate', details->>'$.interval[0]', "
        f"details->>'$.smallest_detectable', details->>'$.placebo.in_space.rank' from {EFFECT} where estimate is not null"
    ).fetchall():
        assert [float(told) for told in row[4:]] == list(row[:4])


def test_what_did_not_change_is_taken_over_and_what_did_is_worked_out(con: duckdb.DuckDBPyConnection) -> None:
    before, path = rows(con), rows(con, PATH)
    lay_out(con, _TWO)
    assert work_out(con) == WorkedOut(0, 2, ())
    assert rows(con) == before and rows(con, PATH) == path
    con.execute(
        "update core.indicator_value set value = value + 1 where region_code = 'GM0009' and period_code = '2016JJ00'"
    )
    assert work_out(con) == WorkedOut(2, 0, ()), "both draw on it"
    assert len(rows(con)) == len(before) and rows(con) != before
    lay_out(con, [choice(), choice("later", from_period="2029JJ00", example=True)])
    assert work_out(con) == WorkedOut(1, 1, ())
    lay_out(con, [choice()])
    assert work_out(con) == WorkedOut(0, 1, ())
    assert {one.intervention.id for one in kept(con)} == {"plan"}


def test_since_when_a_question_is_there_goes_on_as_long_as_it_is_the_same(con: duckdb.DuckDBPyConnection) -> None:
    say_where_made(con, "2026.11.1")
    before = con.execute(
        f"select intervention_id, indicator_id, question, committed_on, first_release, first_released_on from {EFFECT}"
    ).fetchall()
    # Another title is the same question; another start is another one.
    lay_out(con, [choice(title="Anders verwoord"), choice("later", from_period="2031JJ00", example=True)], "2027-03-01")
    for row in set(before):
        con.execute("insert into raw.asked_before values (?, ?, ?, ?, ?, ?)", list(row))
    work_out(con)
    say_where_made(con, "2027.3.1")
    plan, later = kept(con)
    assert (plan.known.first_release, plan.known.first_released_on) == ("2026.11.1", date(2026, 11, 28))
    assert (later.known.first_release, later.known.first_released_on) == ("2027.3.1", date(2027, 3, 1))
    assert not plan.known.before_outcome(plan.intervention) and later.known.before_outcome(later.intervention)


def test_an_error_in_one_costs_no_other_and_is_tried_again(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from warehouse.effects import declared

    right = declared._estimates

    def wrong(asking: Asking, figures: Figures) -> list[Any]:
        if asking.intervention.id == "plan":
            raise MemoryError("te veel")
        return list(right(asking, figures))

    lay_out(con, [choice(what="Iets anders"), _TWO[1]])
    with monkeypatch.context() as patch:
        patch.setattr(declared, "_estimates", wrong)
        found = work_out(con)
    assert (found.questions, found.taken_over) == (1, 1) and "te veel" in found.broke_off[0]
    assert kept(con)[0].effect.answer == "niet te zeggen" and "MemoryError: te veel" in kept(con)[0].effect.reason
    assert work_out(con) == WorkedOut(1, 1, ()) and kept(con)[0].effect.answer == "effect gezien"


def test_what_can_not_be_read_at_all_leaves_empty_tables_and_says_why(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("drop table core.region_group")
    lay_out(con, [choice(what="Iets anders")])
    found = work_out(con)
    assert "region_group" in found.broke_off[0]
    assert rows(con) == [] and rows(con, PATH) == []


def test_without_choices_there_are_two_empty_tables_and_nothing_is_imported() -> None:
    """In a process of its own: here the solver was imported long ago."""
    script = """
import sys, duckdb
from warehouse.making import raw
from warehouse.making.effects import work_out
con = duckdb.connect()
con.execute("create schema raw; create schema mart")
raw.create(con, "intervention", "asked_before", "build")
work_out(con)
for table in ("policy_effect", "policy_effect_path"):
    assert con.execute(f"select count(*) from mart.{table}").fetchall() == [(0,)]
print({"numpy", "scipy", "clarabel", "statsmodels", "cvxpy"} & set(sys.modules))
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
