"""The published cases, on the outcome alone, beside what a certified solver gave apart (mean and rank to 1%, weights to 0.01)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import shared
from warehouse.effects.effect import Effect
from warehouse.effects.estimate import METHODS, estimate
from warehouse.effects.file import read
from warehouse.effects.panel import shape
from warehouse.effects.predictors import WithPredictors, gathered

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def cases() -> Path:
    folder = shared()
    if folder is None or not (folder / "effects").is_dir():
        pytest.skip("the published cases are not here")
    return folder / "effects"


def _answer(file: Path, unit: str, time: str, outcome: str, treated: str, start: str, **more: object) -> Effect:
    with file.open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row[unit] != "Spain (Espana)"]
    cells = [(row[unit], str(int(float(row[time]))), float(row[outcome])) for row in rows]
    return estimate(shape(cells, treated, start, **more))  # type: ignore[arg-type]


def _check(
    effect: Effect, fit: float, mean: float, last: float, rank: tuple[int, int], weights: dict[str, float]
) -> None:
    assert effect.fit["rmspe"] == pytest.approx(fit, rel=0.01)
    assert effect.estimate == pytest.approx(mean, rel=0.01)
    assert effect.path[-1]["gap"] == pytest.approx(last, rel=0.01)
    assert (effect.placebo["in_space"]["rank"], effect.placebo["in_space"]["of"]) == rank
    large = {name: weight for name, weight in effect.weights.items() if weight > 0.02}
    assert large == pytest.approx(weights, abs=0.01)
    assert sum(effect.weights.values()) == pytest.approx(1)


def test_the_basque_country(cases: Path) -> None:
    case = (cases / "basque.csv", "regionname", "year", "gdpcap", "Basque Country (Pais Vasco)", "1975")
    _check(_answer(*case), 0.0842, -0.692, -0.803, (7, 17), {"Cataluna": 0.826, "Madrid (Comunidad De)": 0.168})
    short = {"Madrid (Comunidad De)": 0.483, "Baleares (Islas)": 0.311, "Rioja (La)": 0.206}
    effect = _answer(*case, fit=("1955", "1969"))
    _check(effect, 0.0756, -1.035, -1.012, (7, 17), short)
    assert {row["part"] for row in effect.path if "1970" <= row["period"] <= "1974"} == {"between"}


def test_west_germany(cases: Path) -> None:
    weights = {
        "USA": 0.343,
        "Austria": 0.323,
        "Switzerland": 0.108,
        "Greece": 0.099,
        "Italy": 0.061,
        "France": 0.039,
        "Norway": 0.028,
    }
    effect = _answer(cases / "germany.csv", "country", "year", "gdp", "West Germany", "1990")
    _check(effect, 60.84, -1297, -3446, (1, 17), weights)
    assert effect.answer == "effect gezien"


def test_california(cases: Path, tmp_path: Path) -> None:
    with (cases / "california_prop99.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    cells = [(state, row["Year"], float(row[state])) for row in rows for state in row if state != "Year"]
    weights = {"Utah": 0.394, "Montana": 0.232, "Nevada": 0.205, "Connecticut": 0.109, "New Hampshire": 0.045}
    _check(estimate(shape(cells, "California", "1989")), 1.656, -19.51, -26.60, (3, 39), weights)


@pytest.mark.parametrize(
    ("file", "columns", "treated", "start", "fit", "published", "asked"),
    [
        (
            "basque.csv",
            ("regionname", "year", "gdpcap"),
            "Basque Country (Pais Vasco)",
            "1975",
            ("1960", "1969"),
            (0.0089, -0.70),
            [
                *(f"school.{level}:1964-1969" for level in ("illit", "prim", "med", "high", "post.high")),
                *("invest:1964-1969", "gdpcap:1960-1969", "popdens:1969"),
                *(
                    f"sec.{sector}:1961+1963+1965+1967+1969"
                    for sector in (
                        "agriculture",
                        "energy",
                        "industry",
                        "construction",
                        "services.venta",
                        "services.nonventa",
                    )
                ),
            ],
        ),
        (
            "germany.csv",
            ("country", "year", "gdp"),
            "West Germany",
            "1990",
            ("1960", "1989"),
            (14955, -1585),
            [
                *("gdp:1981-1990", "infrate:1981-1990", "trade:1981-1990", "schooling:1980-1985", "invest80:1980"),
                "industry:1981-1990",
            ],
        ),
    ],
)
def test_with_predictors_the_fit_is_no_worse_than_the_published_one_and_its_gap_lies_in_the_spread(
    cases: Path,
    file: str,
    columns: tuple[str, str, str],
    treated: str,
    start: str,
    fit: tuple[str, str],
    published: tuple[float, float],
    asked: list[str],
) -> None:
    table = read(cases / file)
    unit, time, outcome = columns
    rows = zip(table.names(unit), table.periods(time), table.values(outcome), strict=True)
    panel = shape([row for row in rows if row[0] != "Spain (Espana)"], treated, start, fit=fit)
    method = WithPredictors(gathered(table, unit, time, asked, panel))
    weights = method.weights(panel)
    gap = panel.outcome - panel.others @ weights
    assert np.mean(gap[panel.before] ** 2) <= published[0]
    low, high = method.spread(panel, weights)
    assert low < published[1] < high


def test_differences_on_california_are_those_published_and_see_no_effect(cases: Path) -> None:
    """-27.3 packs (Arkhangelsky et al., 2021, table 1). They found it misleading, as the mean of 38 states fell more slowly before too."""
    with (cases / "california_prop99.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    cells = [(state, row["Year"], float(row[state])) for row in rows for state in row if state != "Year"]
    found = estimate(shape(cells, "California", "1989"), None, METHODS["did"])
    assert found.estimate == pytest.approx(-27.35, abs=0.01)
    assert found.answer == "niet te zeggen" and found.fit["trend"] < found.estimate / 2
