"""``rdc effect`` as an analyst uses it on a file of their own."""

from __future__ import annotations

import csv
import html
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from orchestration.cli import main
from tests.orchestration.conftest import Rdc
from tests.standin import StandIn
from tests.warehouse.conftest import Service
from tests.warehouse.effects.panels import made, with_effect
from tests.warehouse.serve.portal.reading import sound

_AIRPORT, _EXAMPLE = "eindhoven_airport", "voorbeeld_eersel_stroom"


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An effect of 6 from 2014 on, with two predictors, of which one has a value in a single year only."""
    file = tmp_path_factory.mktemp("effect") / "panel.csv"
    made_up = with_effect(made(4, donors=12), 6.0)
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, delimiter=";")
        writer.writerow(["gebied", "jaar", "cijfer", "dichtheid", "scholing"])
        for at, period in enumerate(made_up.periods):
            for number, name in enumerate((made_up.treated, *made_up.donors)):
                value = made_up.outcome[at] if number == 0 else made_up.others[at, number - 1]
                once = f"{number % 5}" if period == "2010" else "NA"
                writer.writerow([name, period, f"{value:.6f}".replace(".", ","), 100 + 3 * number + at, once])
    return file


def effect(panel: Path, *more: str, treated: str = "behandeld", start: str = "2014") -> Result:
    columns = ["--unit", "gebied", "--time", "jaar", "--outcome", "cijfer"]
    return CliRunner().invoke(
        main,
        ["effect", "estimate", "--data", str(panel), *columns, "--treated", treated, "--from", start, *more],
    )


def answer(panel: Path, *more: str, **where: str) -> Any:
    result = effect(panel, *more, "--json", **where)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_an_effect_is_seen_with_all_that_it_rests_on(panel: Path) -> None:
    found = answer(panel)
    assert found["answer"] == "effect gezien" and found["reason"]
    assert found["interval"][0] < found["estimate"] < found["interval"][1]
    assert sum(found["weights"].values()) == pytest.approx(1) and len(found["weights"]) == 12
    assert found["placebo"]["in_space"]["of"] == 13 and found["smallest_detectable"] > 0
    assert [row["period"] for row in found["path"]] == [str(year) for year in range(2000, 2020)]


def test_it_is_told_in_dutch_with_its_caveats_before_the_figures(panel: Path) -> None:
    told = effect(panel, "--questions", "1").stdout
    assert told.startswith("Effect gezien: ")
    assert told.index("Aangenomen is") < told.index("interval van 92%") < told.index("Vergeleken met")


def test_a_refusal_has_a_reason_and_no_number(panel: Path) -> None:
    for more in (["--break", "2010"], ["--also-treated", "gebied 3"], ["--donors", "gebied 1"], ["--fit", "2010:2013"]):
        found = answer(panel, *more)
        assert found["answer"] == "niet te zeggen" and found["reason"]
        assert found["estimate"] is None and found["interval"] is None and found["path"] == []
    assert answer(panel, "--also-treated", "gebied 3", "--without", "gebied 3")["estimate"] is not None
    assert "waarde" not in effect(panel, "--break", "2010").stdout


def test_a_method_is_chosen_and_what_it_assumes_is_said(panel: Path) -> None:
    for key, name, assumes in [
        ("synthetic", "synthetische controle", "mengsel"),
        ("did", "verschil-in-verschillen", "evenwijdig"),
        ("interrupted", "onderbroken tijdreeks", "zwakste vergelijking"),
    ]:
        found = answer(panel, "--method", key)
        assert found["method"] == name and assumes in found["assumes"] and found["path"]
        assert found["interval"][0] <= found["estimate"] <= found["interval"][1]
    told = effect(panel, "--method", "interrupted").stdout
    assert "zwakste vergelijking" in told and "Vergeleken met" not in told
    assert effect(panel, "--method", "did", "--predictors", "dichtheid").exit_code == 2


def test_donors_are_those_named(panel: Path) -> None:
    names = ",".join(f"gebied {n}" for n in range(10))
    assert set(answer(panel, "--donors", names)["weights"]) == {f"gebied {n}" for n in range(10)}
    assert "gebied 11" not in answer(panel, "--without", "gebied 11")["weights"]


@pytest.mark.long
def test_with_predictors_the_spread_is_part_of_the_answer(panel: Path) -> None:
    found = answer(panel, "--predictors", "dichtheid:2000-2005,scholing:2010", "--predictors", "cijfer:2008-2013")
    assert found["method"] == "synthetische controle met kenmerken"
    assert found["spread"][0] <= found["estimate"] <= found["spread"][1]
    assert found["spread"][0] < found["spread"][1]
    assert found["fit"]["rmspe"] >= answer(panel)["fit"]["rmspe"] * (
        1 - 1e-6
    )  # Nothing fits the outcome better than its own fit.


@pytest.mark.parametrize(
    ("more", "where", "said"),
    [
        (["--outcome", "omzet"], {}, "has no column 'omzet'. It has: gebied, jaar"),
        ([], {"treated": "Eersel"}, "no unit 'Eersel'"),
        ([], {"start": "2050"}, "no period '2050'"),
        (["--outcome", "gebied"], {}, "row 2, column 'gebied': 'behandeld' is no number"),
        (["--donors", "gebied 1,gebied 99"], {}, "no unit 'gebied 99'"),
        (["--predictors", "dichtheid:1990-1995"], {}, "no period '1990-1995'"),
        (["--predictors", "scholing:2011"], {}, "Predictor 'scholing:2011' has no value for behandeld"),
        (["--data", "/nowhere.csv"], {}, "no file /nowhere.csv"),
    ],
)
def test_what_can_be_mended_is_one_line(panel: Path, more: list[str], where: dict[str, str], said: str) -> None:
    result = effect(panel, *more, **where)
    assert result.exit_code == 1
    assert said in " ".join(result.output.split())


def test_wrong_usage_is_status_2(panel: Path) -> None:
    assert effect(panel, "--fit", "2010").exit_code == 2
    assert effect(panel, "--questions", "0").exit_code == 2


def test_the_declared_choices_on_a_release(released: Rdc) -> None:
    listed = released.json("effect")
    assert list(dict.fromkeys(one["intervention"] for one in listed)) == [_AIRPORT, "voorbeeld_bladel_gas", _EXAMPLE]
    assert all(one["answer"] and one["reason"] and one["release"] for one in listed)
    told = released("effect", _AIRPORT).stdout
    assert told.index("Niet te zeggen: de reeks begint in") < told.index("Eerder gepubliceerd")
    assert "geen significante" in " ".join(told.split())
    assert "eindhoven_airport" in released("effect", "airport", status=1).stderr


def test_the_command_tells_what_the_release_has_and_draws_it(released: Rdc, tmp_path: Path) -> None:
    file = tmp_path / "stroom.svg"
    told = json.loads(released("effect", _EXAMPLE, "--json", "--chart", str(file)).stdout)
    columns = "method, is_main, answer, estimate, interval_low, smallest_detectable, placebo_rank, questions"
    assert {
        (
            t["method"],
            t["is_main"],
            t["answer"],
            t["estimate"],
            t["interval"][0],
            t["smallest_detectable"],
            rank,
            t["questions"],
        )
        for t in told
        for rank in [t["placebo"]["in_space"]["rank"]]
    } == set(released.sql(f"select {columns} from mart.policy_effect where intervention_id = '{_EXAMPLE}'"))
    path = {(t["method"], p["period"], p["counterfactual"]) for t in told for p in t["path"]}
    assert len(path) == 24 and path == set(
        released.sql(
            f"select method, period_code, counterfactual from mart.policy_effect_path where intervention_id = '{_EXAMPLE}'"
        )
    )
    assert "Verwacht zonder keuze" in file.read_text(encoding="utf-8")
    for wrong in (["effect", "--chart", str(file)], ["effect", _EXAMPLE, "--chart", "stroom.gif"]):
        released(*wrong, status=2)


def test_an_answer_leads_to_the_cells_of_every_area_in_it(released: Rdc) -> None:
    found = released.json("explain", "effect", _EXAMPLE, "mil_elektriciteit")
    [main] = [method for method in found["methods"] if method["is_main"]]
    assert {a["region_code"]: a["share"] for a in found["areas"]} == {
        "GM0770": None,
        **{code: share for code, share in main["weights"].items() if share >= 0.001},
    }
    observed = {point["period"]: point["observed"] for point in main["path"]}
    own = found["areas"][0]["figures"]
    assert {f["period_code"]: f["value"] for f in own} == observed
    for area in found["areas"]:
        assert all(
            cell["table_id"] == "81528NED" and len(cell["sha256"]) == 64 for f in area["figures"] for cell in f["cells"]
        )
        assert all(f["cells"] for f in area["figures"])
    told = released("explain", "effect", _EXAMPLE, "mil_elektriciteit").stdout
    assert "where it was done" in told and "of the comparison" in told
    assert "rdc effect" in released("explain", "effect", _EXAMPLE, "mil_gas", status=1).stderr


def test_what_the_page_says_to_do_gives_the_same_digits(released: Rdc, service: Service, tmp_path: Path) -> None:
    page = sound(service.get(f"/effect/{_EXAMPLE}").text)
    assert "verzonnen" in page.text and "Zelf narekenen" in page.text
    [script] = re.findall(r"<code>(rdc query.*?)</code>", page.html, re.S)
    lines = html.unescape(script).strip()
    env = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "RDC_HOME": str(released.home),
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        ["bash", "-ec", f"{lines} --json"], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    [main] = [method for method in released.json("effect", _EXAMPLE) if method["is_main"]]
    same = ("answer", "reason", "estimate", "interval", "smallest_detectable", "weights", "spread", "path")
    assert {name: again[name] for name in same} == {name: main[name] for name in same}


_OWN = """
interventions:
  - id: eigen_vraag
    title: Een eigen vraag
    what: Iets
    region: GM1728
    from_period: 2018JJ00
    until_period: 2021JJ00
    indicators: [{indicator: mil_elektriciteit, direction: daling}]
    decided_by: Raad
    legal_basis: Besluit
    declared_on: 2017-01-01
"""


@pytest.mark.long
def test_an_own_question_makes_a_release_whose_figures_are_the_same_and_a_mistake_costs_none(
    released: Rdc, cbs: StandIn, tmp_path: Path
) -> None:
    """Only the new question is worked out, what is wrong is told, and all of it can be made again from the snapshots."""
    rdc = released.copy(tmp_path / "home", released.env)
    folder = rdc.home / "interventions"
    folder.mkdir()
    (folder / "eigen.yml").write_text(_OWN, encoding="utf-8")
    (folder / "fout.yml").write_text(
        _OWN.replace("eigen_vraag", "fout").replace("mil_elektriciteit", "mil_elektr"), "utf-8"
    )
    figures = "select indicator_id, region_code, period_code, value from core.indicator_value order by all"
    before, first = rdc.sql(figures), rdc.sql("select release_id from core.release")
    told = rdc("run", status=1).stderr
    assert "fout.yml: intervention fout" in " ".join(told.split())
    assert rdc.sql(figures) == before
    made = dict(rdc.sql("select intervention_id, any_value(made_in) from mart.policy_effect group by all"))
    [(second,)] = rdc.sql("select release_id from core.release")
    # The number of questions is another one now, and an example is counted apart.
    assert made.pop("eigen_vraag") == made.pop(_AIRPORT) == second and [(second,)] != first
    assert set(made.values()) == {first[0][0]}
    (folder / "fout.yml").unlink()
    assert "all the same" in " ".join(rdc("rebuild").stdout.split())
    changed = rdc.json("diff", first[0][0], second)["effects"]
    assert {(c["intervention_id"], c["change"]) for c in changed} == {("eigen_vraag", "added"), (_AIRPORT, "estimate")}
