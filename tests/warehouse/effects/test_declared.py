"""Declared choices on the figures of a release, in real DuckDB: what is compared, what is refused, what is told with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.effects.releases import AREAS, candidate, choice
from warehouse.effects.asked import Asked, Known
from warehouse.effects.declared import answer, askings
from warehouse.effects.figures import figures
from warehouse.registry.interventions import FOLDER, Intervention, InterventionError, load


@pytest.fixture(scope="module")
def release() -> Iterator[duckdb.DuckDBPyConnection]:
    with candidate() as con:
        yield con


def answers(
    con: duckdb.DuckDBPyConnection, declared: list[Intervention], known: date = date(2026, 11, 28)
) -> list[Asked]:
    """The answer to each question; by ``known`` it was there."""
    return [
        answer(one, figures(con, one.intervention, one.indicator), Known(known, None, date(2026, 11, 28)))
        for one in askings(declared)
    ]


def asked(release: duckdb.DuckDBPyConnection, known: date = date(2026, 11, 28), **more: object) -> Asked:
    [found] = answers(release, [choice(**more)], known)
    return found


def test_an_effect_in_the_figures_is_seen_and_the_comparison_is_told(release: duckdb.DuckDBPyConnection) -> None:
    found = asked(release)
    assert found.effect.answer == "effect gezien"
    assert "GM0001" not in found.effect.weights and "GM0025" not in found.effect.weights
    assert any("GM0025" in note for note in found.effect.left_out)
    assert "stedelijkheid" in found.comparison and found.unit == "1 000 euro"
    assert found.as_dict()[0]["answer"] == "effect gezien" and "Verwacht was: stijging." in found.caveats


def test_who_can_not_be_compared_with_is_left_out(release: duckdb.DuckDBPyConnection) -> None:
    found = asked(release, excluded=[{"region": "GM0007", "why": "kreeg een nieuwe weg"}], also_treated=["GM0008"])
    assert not {"GM0007", "GM0008"} & set(found.effect.weights)
    assert any("nieuwe weg" in note for note in found.caveats)
    named = asked(release, compare_with=["ST5"], region="SAMEN")
    assert named.effect.answer == "niet te zeggen" and "geen enkel cijfer" in named.effect.reason
    assert set(asked(release, compare_with=AREAS[4:16]).effect.weights) == set(AREAS[4:16])


def test_a_group_that_can_not_be_compared_with_is_all_of_its_members(release: duckdb.DuckDBPyConnection) -> None:
    found = asked(release, region="GM0003", also_treated=["SAMEN"])
    assert not {"GM0001", "GM0002"} & set(found.effect.weights)
    assert "SAMEN kreeg het ook en vergelijkt niet mee." in found.caveats


def test_each_method_answers_and_the_first_says_where_they_disagree(release: duckdb.DuckDBPyConnection) -> None:
    beside = asked(release)
    assert [one.method for one in beside.effects] == ["synthetische controle", "verschil-in-verschillen"]
    assert "niet eens: verschil-in-verschillen zegt *geen effect gezien*" in beside.answer.reason
    [alone] = asked(release, compare_with=["GM0009"]).effects
    assert alone.method == "onderbroken tijdreeks" and "zwakste vergelijking" in alone.assumes


def test_a_figure_that_is_hidden_after_the_start_may_decide() -> None:
    with candidate() as con:
        last = "region_code = 'GM0001' and period_code = '2019JJ00'"
        con.execute(f"update core.indicator_value set value = null, missing_reason = 'not_yet_published' where {last}")
        assert asked(con).effect.answer == "effect gezien"
        con.execute(f"update core.indicator_value set missing_reason = 'suppressed' where {last}")
        hidden = asked(con).effect
    assert hidden.answer == "niet te zeggen" and "geen waarde in 2019JJ00" in hidden.reason


def test_margins_of_the_source_widen_the_interval_and_provisional_figures_of_any_area_may_decide() -> None:
    with candidate() as con:
        plain = asked(con).effect
        con.execute(
            "update core.indicator_value set lower_bound = value - 5, upper_bound = value + 5 where region_code = 'GM0001'"
        )
        wide = asked(con).effect
        con.execute("update core.indicator_value set lower_bound = null, upper_bound = null")
        con.execute(
            "update core.indicator_value set period_status = 'Voorlopig' "
            "where region_code = 'GM0009' and period_code between '2014JJ00' and '2019JJ00'"
        )
        unsure = asked(con).effect
    assert plain.interval and wide.interval
    assert (
        plain.answer == "effect gezien" and wide.interval[0] < plain.interval[0] < plain.interval[1] < wide.interval[1]
    )
    assert (wide.interval[1] - wide.interval[0]) / 2 > 5
    assert unsure.answer == "niet te zeggen" and "voorlopig" in unsure.reason


def test_a_series_that_does_not_reach_over_the_start_is_refused(release: duckdb.DuckDBPyConnection) -> None:
    assert "begint in 2000" in asked(release, from_period="1999JJ00").effect.reason
    late = asked(release, from_period="2024JJ00").effect
    assert late.answer == "niet te zeggen" and "laatste is van 2019" in late.reason and late.estimate is None


def test_questions_share_the_rate_and_examples_are_not_counted(release: duckdb.DuckDBPyConnection) -> None:
    three = [choice(id=name) for name in ("a", "b", "c")]
    example = choice(id="d", example=True)
    assert [one.effect.questions for one in answers(release, [*three, example])] == [3, 3, 3, 1]
    one = answers(release, [*three, example])[1]
    assert one.effect.questions == 3 and one.effect.answer == "niet te zeggen"
    assert "verzonnen" in answers(release, [example])[0].caveats[0]


def test_since_when_a_question_is_there_is_told_by_others_than_its_declaration(
    release: duckdb.DuckDBPyConnection,
) -> None:
    """It claims 2013; the repository tells of 2026, or of the last day of the first year after, or of the day behind that."""
    assert any("de uitkomst al bekend kon zijn. Zelf zegt de vraag van 01-05-2013" in c for c in asked(release).caveats)
    for day, said in ((date(2014, 12, 31), "voordat de uitkomst bekend"), (date(2015, 1, 1), "al bekend")):
        found = asked(release, known=day)
        assert any(said in c and "in de geschiedenis van de bestanden" in c for c in found.caveats)
        assert found.as_dict()[0]["declared_before_outcome"] == (day.year == 2014)


def test_what_breaks_off_is_the_reason_of_that_answer(
    release: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.effects.panel.shape", lambda *_, **__: 1 / 0)
    found = asked(release)
    assert found.broke_off and found.effect.answer == "niet te zeggen"
    assert "ZeroDivisionError: division by zero" in found.effect.reason


def test_the_shipped_ones_can_be_read_and_all_but_the_airport_are_examples() -> None:
    shipped = load([FOLDER])
    assert [one.id for one in shipped if not one.example] == ["eindhoven_airport"]
    assert all("verzonnen" in one.title for one in shipped if one.example)
    [airport] = [one for one in shipped if not one.example]
    assert "geen significante" in (airport.published or "")


_TEXT = """
interventions:
  - id: plan
    title: Plan
    what: Iets
    region: GM0770
    from_period: 2014JJ00
    indicators: [{indicator: won_verkoopprijs, direction: daling}]
    decided_by: Raad
    legal_basis: Besluit
    declared_on: 2013-05-01
"""


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("won_verkoopprijs", "won_verkoopprijzen", r"eigen.yml: intervention plan: .*Did you mean won_verkoopprijs"),
        ("direction: daling", "direction: omlaag", r"eigen.yml: intervention plan: field indicators.0.direction"),
        ("2014JJ00", "2014", r"intervention plan: field from_period"),
        ("    what: Iets\n", "", r"intervention plan: field what"),
        ("declared_on", "declared", r"intervention plan: field declared"),
        (
            "    title",
            "    also_treated: [GM0001]\n    compare_with: [GM0001]\n    title",
            r"compare_with: GM0001 got it too",
        ),
        ("interventions:", "interventions: [", r"eigen.yml: not readable as YAML"),
    ],
)
def test_a_mistake_is_told_with_file_name_and_field(tmp_path: Path, was: str, now: str, said: str) -> None:
    (tmp_path / "eigen.yml").write_text(_TEXT.replace(was, now), encoding="utf-8")
    with pytest.raises(InterventionError, match=said):
        load([tmp_path])


def test_the_users_own_stand_beside_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "eigen.yml").write_text(_TEXT, encoding="utf-8")
    assert {"plan", "eindhoven_airport"} <= {one.id for one in load([FOLDER, tmp_path])}
    (tmp_path / "nog.yml").write_text(_TEXT, encoding="utf-8")
    with pytest.raises(InterventionError, match="another intervention"):
        load([tmp_path])


def test_a_file_of_a_windows_editor_is_named_and_costs_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "eigen.yml").write_bytes(_TEXT.replace("id: plan", "id: plan  # één").encode("cp1252"))
    with pytest.raises(InterventionError, match=r"eigen\.yml: not readable as UTF-8: .*Save it as UTF-8"):
        load([tmp_path])


def test_an_answer_is_told_to_the_digits_that_no_processor_changes(release: duckdb.DuckDBPyConnection) -> None:
    found = asked(release).effect
    for number in (found.estimate, *(found.interval or ()), *found.weights.values(), found.path[3]["counterfactual"]):
        assert number == float(f"{number:.9g}")
    [(figure,)] = release.execute(
        "select value from core.indicator_value where region_code = 'GM0001' and period_code = '2003JJ00'"
    ).fetchall()
    assert found.path[3]["observed"] == figure != float(f"{figure:.9g}"), "a figure is told as it is"
