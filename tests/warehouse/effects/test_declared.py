"""Declared choices on the figures of a release, in real DuckDB: what is compared, what is refused, what is told with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest

from tests.warehouse.effects.panels import made, with_effect
from warehouse.effects.declared import Asked, answers
from warehouse.registry.interventions import FOLDER, Expected, Intervention, InterventionError, load

_AREAS = [f"GM{n:04}" for n in range(1, 26)]


@pytest.fixture(scope="module")
def release() -> Iterator[duckdb.DuckDBPyConnection]:
    """25 municipalities of 2000-2019; the first got something in 2014 that is worth 6. The second lies in its group."""
    panel = with_effect(made(4, donors=24), 6.0)
    values = np.column_stack([panel.outcome, panel.others])
    con = duckdb.connect()
    con.execute("create schema core")
    con.execute(
        "create table core.indicator (indicator_id varchar, version int, name_nl varchar, unit varchar, not_comparable varchar)"
    )
    con.execute("insert into core.indicator values ('won_woz', 1, 'WOZ-waarde', '1 000 euro', null)")
    con.execute("create table core.region (region_code varchar, region_type varchar)")
    con.executemany("insert into core.region values (?, 'gemeente')", [[code] for code in _AREAS])
    con.execute(
        "create table core.region_group (group_code varchar, group_type varchar, region_code varchar, valid_to date)"
    )
    groups = [("ST5", "stedelijkheid", code) for code in _AREAS] + [
        ("SAMEN", "samenwerking", code) for code in _AREAS[:2]
    ]
    con.executemany("insert into core.region_group values (?, ?, ?, null)", groups)
    con.execute(
        "create table core.indicator_value (indicator_id varchar, region_code varchar, period_code varchar, value double, "
        "lower_bound double, upper_bound double, period_status varchar, series_break varchar)"
    )
    rows = [
        (
            "won_woz",
            code,
            f"{period}JJ00",
            float(values[i, j]),
            "Definitief",
            "andere grens" if (code, period) == ("GM0025", "2010") else None,
        )
        for j, code in enumerate(_AREAS)
        for i, period in enumerate(panel.periods)
    ]
    con.executemany("insert into core.indicator_value values (?, ?, ?, ?, null, null, ?, ?)", rows)
    yield con
    con.close()


def choice(**more: object) -> Intervention:
    fields: dict[str, object] = {
        "id": "plan",
        "title": "Een plan",
        "what": "Iets",
        "region": "GM0001",
        "from_period": "2014JJ00",
        "indicators": [Expected(indicator="won_woz", direction="stijging")],
        "decided_by": "Raad",
        "legal_basis": "Besluit",
        "declared_on": date(2013, 5, 1),
    }
    return Intervention.model_validate(fields | more)


def asked(release: duckdb.DuckDBPyConnection, **more: object) -> Asked:
    """The answer by the method that decides."""
    return answers(release, [choice(**more)])[0]


def test_an_effect_in_the_figures_is_seen_and_the_comparison_is_told(release: duckdb.DuckDBPyConnection) -> None:
    found = asked(release)
    assert found.effect.answer == "effect gezien"
    assert "GM0001" not in found.effect.weights and "GM0025" not in found.effect.weights
    assert any("GM0025" in note for note in found.effect.left_out)
    assert "stedelijkheid" in found.comparison and found.unit == "1 000 euro"
    assert found.as_dict()["answer"] == "effect gezien" and "Verwacht was: stijging." in found.caveats


def test_who_can_not_be_compared_with_is_left_out(release: duckdb.DuckDBPyConnection) -> None:
    found = asked(release, excluded=[{"region": "GM0007", "why": "kreeg een nieuwe weg"}], also_treated=["GM0008"])
    assert not {"GM0007", "GM0008"} & set(found.effect.weights)
    assert any("nieuwe weg" in note for note in found.caveats)
    named = asked(release, compare_with=["ST5"], region="SAMEN")
    assert named.effect.answer == "niet te zeggen" and "geen enkel cijfer" in named.effect.reason
    assert set(asked(release, compare_with=_AREAS[4:16]).effect.weights) == set(_AREAS[4:16])


def test_a_series_that_does_not_reach_over_the_start_is_refused(release: duckdb.DuckDBPyConnection) -> None:
    assert "begint in 2000" in asked(release, from_period="1999JJ00").effect.reason
    late = asked(release, from_period="2024JJ00").effect
    assert late.answer == "niet te zeggen" and "laatste is van 2019" in late.reason and late.estimate is None


def test_questions_share_the_rate_and_examples_are_not_counted(release: duckdb.DuckDBPyConnection) -> None:
    three = [choice(id=name) for name in ("a", "b", "c")]
    example = choice(id="d", example=True)
    assert [one.effect.questions for one in answers(release, [*three, example])] == [3] * 6 + [1] * 2
    one, _ = answers(release, [*three, example], "b")
    assert one.effect.questions == 3 and one.effect.answer == "niet te zeggen"
    assert "verzonnen" in answers(release, [example])[0].caveats[0]


def test_what_was_declared_afterwards_is_told(release: duckdb.DuckDBPyConnection) -> None:
    assert any("vastgelegd op 28-11-2026" in note for note in asked(release, declared_on=date(2026, 11, 28)).caveats)
    assert not any("vastgelegd" in note for note in asked(release).caveats)


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
