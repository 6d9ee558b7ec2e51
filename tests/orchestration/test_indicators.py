"""Indicators over years, areas and groups, as an analyst finds them: by the real command, from CBS's services."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import openpyxl
import pytest

from tests.orchestration.conftest import Rdc
from tests.orchestration.kwb import WIJKEN, kwb
from tests.sample_tables import sample_tables
from tests.standin import Dim, Group, StandIn, Topic, V3Table

PROJECT = Path(__file__).parent.parent.parent
KEMPEN = ("GM1724", "GM1728", "GM0770", "GM0823", "GM1667")


def areas(table_id: str, year: int, eersel: str) -> V3Table:
    """«Gebieden in Nederland» of a year: code and name side by side under each kind of area."""
    corop = {"GM1723": ("CR34", "Midden-Noord-Brabant")}
    size = {"GM0770": eersel, "GM1728": "4"}
    names = {"3": "10 000 tot 20 000 inwoners", "4": "20 000 tot 50 000 inwoners"}
    rows = []
    for code in (*KEMPEN, "GM1723"):
        region, name = corop.get(code, ("CR36", "Zuidoost-Noord-Brabant"))
        group = size.get(code, "3")
        rows.append(
            {"RegioS": code, "Code_1": code, "Naam_2": code, "Code_5": region, "Naam_6": name}
            | {"Code_40": group, "Omschrijving_41": names[group]}
        )
    pair = [Topic("Code_5", datatype="String"), Topic("Naam_6", datatype="String")]
    return V3Table.build(
        table_id,
        title=f"Gebieden in Nederland {year}",
        dims=[Dim("RegioS", {c: {"Title": c} for c in (*KEMPEN, "GM1723")}, kind="GeoDimension")],
        topics=[
            Group("Gemeenten", [Topic("Code_1", datatype="String"), Topic("Naam_2", datatype="String")]),
            Group("COROP-gebieden", pair),
            Group(
                "Gemeentegrootte",
                [Topic("Code_40", datatype="String"), Topic("Omschrijving_41", datatype="String")],
            ),
        ],
        rows=rows,
    )


def stock(table_id: str, columns: tuple[str, ...], years: tuple[int, ...], figure: int) -> V3Table:
    rows = [
        {"Gebruiksfunctie": "A045364", "RegioS": code, "Perioden": f"{year}JJ00"} | dict.fromkeys(columns, figure)
        for code in ("NL01", *KEMPEN)
        for year in years
    ]
    return V3Table.build(
        table_id,
        dims={"Gebruiksfunctie": ["A045364"], "RegioS": ["NL01", *KEMPEN], "Perioden": [f"{y}JJ00" for y in years]},
        topics=[Topic(c, datatype="Long") for c in columns],
        rows=rows,
    )


def crimes() -> V3Table:
    kinds = ("T001161", "CRI1000", "CRI2000", "CRI2100", "CRI3000")
    return V3Table.build(
        "83648NED",
        dims={"SoortMisdrijf": kinds, "RegioS": ["NL01", *KEMPEN], "Perioden": ["2024JJ00"]},
        topics=[Topic("TotaalGeregistreerdeMisdrijven_1", datatype="Long")],
        rows=[(k, code, "2024JJ00", 404 if k == "T001161" else 40) for k in kinds for code in ("NL01", *KEMPEN)],
    )


def health() -> V3Table:
    """RIVM's estimates of two years, in one division into wijken and buurten."""
    stems = "ErvarenGezondheidGoedZeerGoed_4 WekelijkseSporters_6 ErnstigOvergewicht_10 Roker_11 HoogRisicoOpAngstOfDepressie_25"
    stems += " ErnstigZeerErnstigEenzaam_28 Mantelzorger_31 Vrijwilligerswerk_32 MoeiteMetRondkomen_33"
    years = ("2022JJ00", "2024JJ00")
    topics = [Topic(s, unit="%", decimals=1, datatype="Double") for s in stems.split()]
    return V3Table.build(
        "50150NED",
        catalog="RIVM",
        dims={
            "Leeftijd": ["20300"],
            "Marges": ["MW00000"],
            "WijkenEnBuurten": ["NL00", *KEMPEN, *WIJKEN],
            "Perioden": years,
        },
        topics=topics,
        rows=[
            ("20300", "MW00000", code, year, *[50.5] * len(topics))
            for code in ("NL00", *KEMPEN, *WIJKEN)
            for year in years
        ],
    )


TABLES = ("50150NED", "85984NED", "86165NED", "85755NED", "86059NED", "81955NED", "86098NED", "83648NED")


@pytest.fixture(scope="module")
def villages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rdc]:
    tables = [
        *sample_tables(),
        kwb("85984NED", 2024, names={"WK077004": "Wintelre"}),
        kwb("86165NED", 2025, flags={"WK077004": "3", "WK082301": "2"}, names={"WK077004": "Wintelre en omgeving"}),
        areas("85755NED", 2024, "3"),
        areas("86059NED", 2025, "4"),
        stock("81955NED", ("BeginstandVoorraad_1", "Nieuwbouw_2", "EindstandVoorraad_8"), (2023, 2024), 8000),
        stock(
            "86098NED",
            ("BeginstandVoorraad_1", "VergundeNieuwbouw_2", "NieuwbouwTotaal_6", "EindstandVoorraad_22"),
            (2024, 2025),
            8050,
        ),
        crimes(),
        health(),
    ]
    with StandIn(tables, page_size=1000) as cbs:
        rdc = Rdc(tmp_path_factory.mktemp("villages"), cbs.env)
        rdc("run", *(word for table in TABLES for word in ("--table", table)))
        yield rdc


def value(rdc: Rdc, indicator: str, region: str, period: str) -> tuple:
    return rdc.sql(
        "select value, numerator, denominator, missing_reason, method from core.indicator_value "
        f"where indicator_id = '{indicator}' and region_code = '{region}' and period_code = '{period}'"
    )[0]


def test_what_is_asked_for_is_released_beside_all_else_that_there_is(villages: Rdc) -> None:
    """On a data folder that has nothing yet, that is the sample."""
    origins = dict(villages.sql('select table_id, origin from core."table"'))
    assert {origins[table] for table in TABLES} == {"live"}
    others = {table.id for table in sample_tables()} - set(TABLES)
    assert others and {origins[table] for table in others} == {"sample"}


def test_the_share_of_65_and_over_of_the_kempen_is_22233_of_93237(villages: Rdc) -> None:
    share, numerator, denominator, reason, method = value(villages, "bev_65plus_pct", "KEMPEN", "2024JJ00")
    assert (numerator, denominator, reason, method) == (22233, 93237, None, "aggregated")
    assert share == 100 * 22233 / 93237


def test_explain_of_a_group_has_both_cells_of_every_member(villages: Rdc) -> None:
    found = villages.json("explain", "bev_65plus_pct", "KEMPEN", "2024")
    cells = {(c["role"], c["source_region"]): c for c in found["cells"]}
    assert {r for _, r in cells} == set(KEMPEN) and len(cells) == 10
    assert sum(c["value"] for (role, _), c in cells.items() if role == "numerator") == 22233
    assert sum(c["value"] for (role, _), c in cells.items() if role == "denominator") == 93237
    for cell in cells.values():
        assert (cell["table_id"], cell["measure_code"][-3:]) in {("85984NED", "_12"), ("85984NED", "s_5")}
        assert cell["url"].startswith("http://127.0.0.1") and cell["sha256"] and cell["fetched_at"]
        assert cell["verified"] == "the snapshot on disk is untouched and has the same value"
    assert "100 × 22233 / 93237" in " ".join(found["steps"])
    assert found["definition"]["caveats"] and found["versions"][0]["version"] == 1


def test_wijken_add_up_to_less_than_the_municipality_and_are_not_offered_as_it(villages: Rdc) -> None:
    wijken = villages.sql(
        "select sum(value), count(*) from core.indicator_value where indicator_id = 'bev_inwoners' "
        "and region_code like 'WK1724%' and period_code = '2024JJ00'"
    )
    assert wijken == [(19190, 7)]
    assert value(villages, "bev_inwoners", "GM1724", "2024JJ00")[0] == 19196


def test_all_26_wijken_are_there_for_every_indicator_by_wijk(villages: Rdc) -> None:
    assert len(WIJKEN) == 26
    counts = villages.sql(
        "select indicator_id, count(distinct region_code) from core.indicator_value "
        "where region_code like 'WK%' and period_code = '2024JJ00' group by 1"
    )
    assert len(counts) > 40
    assert {n for _, n in counts} == {26}
    assert villages.sql("select success from core.check_result where check_name = 'wijken_complete'") == [(True,)]


def test_a_wijk_series_goes_on_only_where_cbs_says_that_the_area_is_unchanged(villages: Rdc) -> None:
    def series(region: str) -> list[tuple]:
        return villages.sql(
            "select period_code, series_break, series_segment from core.indicator_value "
            f"where indicator_id = 'bev_65plus_pct' and region_code = '{region}' order by 1"
        )

    # 2020 is in the sample; of 2021 to 2023 nothing is known, so 2024 does not go on with it.
    early, middle, late = series("WK172400")
    assert (early[0], middle[0], late[0]) == ("2020JJ00", "2024JJ00", "2025JJ00")
    assert early[1] is None and "sinds 2020" in middle[1] and late[1] is None
    assert [row[2] for row in (early, middle, late)] == [1, 2, 2]
    assert "afbakening" in series("WK077004")[2][1]
    assert "code is veranderd" in series("WK082301")[2][1]
    assert [row[1] for row in series("GM1724")] == [None, None, None]
    told = villages.sql(
        "select distinct series_break from mart.indicator where region_code = 'WK077004' and period_code = '2025JJ00' "
        "and indicator_id = 'bev_65plus_pct'"
    )
    assert "indelingswijziging 3" in told[0][0]


def test_a_table_in_one_division_into_wijken_does_not_break(villages: Rdc) -> None:
    rows = villages.sql(
        "select period_code, value, series_break, series_segment from core.indicator_value "
        "where indicator_id = 'gez_eenzaam' and region_code = 'WK077000' order by 1"
    )
    assert rows == [("2022JJ00", 50.5, None, 1), ("2024JJ00", 50.5, None, 1)]


def test_names_are_as_they_were(villages: Rdc) -> None:
    rows = villages.sql(
        "select name, year(valid_from), year(valid_to) from core.region_version where region_code = 'WK077004' "
        "and valid_from >= date '2024-01-01' order by 2"
    )
    assert rows == [("Wintelre", 2024, 2024), ("Wintelre en omgeving", 2025, 2025)]


def test_a_successor_serves_from_its_first_year_and_the_series_says_that_it_breaks(villages: Rdc) -> None:
    rows = villages.sql(
        "select period_code, value, table_id, series_break, series_segment from core.indicator_value "
        "where indicator_id = 'won_voorraad' and region_code = 'GM0770' order by 1"
    )
    assert [(p, v, t, s) for p, v, t, _, s in rows] == [
        ("2023JJ00", 8000, "81955NED", 1),
        ("2024JJ00", 8000, "81955NED", 1),
        ("2025JJ00", 8050, "86098NED", 2),
    ]
    assert rows[0][3] is None and rows[1][3] is None and "86098NED" in rows[2][3]


def test_membership_of_groups_is_dated(villages: Rdc) -> None:
    def members(group: str, day: str) -> set[str]:
        return {
            r[0]
            for r in villages.sql(
                f"select region_code from core.region_group where group_code = '{group}' and valid_from <= date '{day}' "
                f"and coalesce(valid_to, date '9999-12-31') >= date '{day}'"
            )
        }

    assert members("KEMPEN", "2022-01-01") == set(KEMPEN)
    assert "GM1728" in members("RDC_KEMPEN", "2020-06-01") and "GM1728" in members("RDC_KEMPEN", "2023-06-01")
    assert members("RDC_KEMPEN", "2021-06-01") == members("RDC_KEMPEN", "2022-12-31") == set(KEMPEN) - {"GM1728"}
    assert members("CJG_KEMPEN", "2024-01-01") == set(KEMPEN) - {"GM0823"}
    assert "GM0823" not in members("LB3007", "2024-01-01") and len(members("LB3007", "2024-01-01")) == 8
    assert len(members("PLATTELAND_NB", "2024-01-01")) == 11 and len(members("CR36", "2023-12-31")) == 21
    # «Gebieden in Nederland» has the last word for its years.
    assert members("CR36", "2024-06-01") == set(KEMPEN) and members("CR34", "2024-06-01") == {"GM1723"}
    assert "GM0770" in members("GK3", "2024-06-01") and "GM0770" in members("GK4", "2025-06-01")
    assert {"GM0770"} & members("GK4", "2024-06-01") == set()
    assert members("ST4", "2025-06-01") == set(KEMPEN)
    kinds = villages.sql(
        "select region_code, region_type from core.region where region_code in ('KEMPEN', 'LB3007', 'CR34') order by 1"
    )
    assert kinds == [("CR34", "corop"), ("KEMPEN", "groep"), ("LB3007", "landbouwgebied")]


def test_a_group_of_rounded_parts_has_no_figure_but_a_reason(villages: Rdc) -> None:
    for indicator in ("wrk_bijstand_n", "wrk_bijstand_1000", "eco_vestigingen_n", "won_koop_pct"):
        figure, _, _, reason, _ = value(villages, indicator, "KEMPEN", "2024JJ00")
        assert (figure, reason) == (None, "not_available")
    [(note,)] = villages.sql(
        "select note from core.indicator_value where indicator_id = 'wrk_bijstand_n' and region_code = 'KEMPEN' "
        "and period_code = '2024JJ00'"
    )
    assert "afgerond" in note


def test_crime_rates_are_by_our_own_definition(villages: Rdc) -> None:
    rate, numerator, denominator, _, method = value(villages, "vei_misdrijven_1000", "GM0770", "2024JJ00")
    assert (numerator, denominator, method) == (404, 20199, "computed")
    assert rate == 1000 * 404 / 20199


def test_comparison_ranks_and_says_where_nothing_can_be_shown(villages: Rdc) -> None:
    rows = villages.sql(
        "select region_code, rank, ranked_municipalities, value from mart.comparison where indicator_id = 'mil_gas' "
        "and period_code = '2024JJ00' and group_code = 'KEMPEN' and rank is not null order by value"
    )
    assert [r[1] for r in rows] == [1, 2, 3, 4, 5] and {r[2] for r in rows} == {5}  # less gas is better
    verdicts = villages.sql(
        "select country_verdict, value, lower_bound, upper_bound, country_value from mart.comparison "
        "where indicator_id = 'gez_ervaren' and period_code = '2024JJ00' and group_code = 'KEMPEN'"
    )
    assert len(verdicts) == 5 and all(low <= v <= high for _, v, low, high, _ in verdicts)
    assert {v[0] for v in verdicts} <= {"geen aantoonbaar verschil", "hoger", "lager"}
    index = villages.sql(
        "select base_period, round(index_value, 6) from mart.comparison where indicator_id = 'bev_inwoners' "
        "and region_code = 'KEMPEN' and period_code = '2026JJ00' and group_code = 'PLATTELAND_NB'"
    )
    assert index in ([], [("2019JJ00", round(100 * 94549 / 89459, 6))])


def test_a_goal_has_its_trend_its_distance_and_its_comparison(villages: Rdc) -> None:
    sql = "select * from mart.policy_goal where goal_id = 'voorbeeld_eersel_gas'"
    [row] = json.loads(villages("query", sql, "--format", "json").stdout)
    assert (row["baseline_value"], row["latest_value"], row["target_value"]) == (1530, 1000, 800)
    assert row["distance_to_target"] == -200 and row["trend"] == "dalend"
    # From 2022 on the figure rests on smart meters: over that break nothing is said.
    assert (row["on_track"], row["on_track_verdict"], row["change_per_year"]) == (None, "niet te zeggen", None)
    assert "slimme meters" in row["series_break"]
    assert row["comparison_group"] == "KEMPEN" and row["country_value"] == 800 and row["example"] is True
    assert row["comparison_rank"] and row["comparison_municipalities"] == 5


@pytest.mark.parametrize(
    "theme",
    [
        *("bevolking", "wonen", "sociaal_domein", "gezondheid", "onderwijs", "werk_en_inkomen", "economie"),
        *("veiligheid", "mobiliteit", "milieu_en_energie", "ruimte", "bestuur"),
    ],
)
def test_every_theme_can_be_pulled_with_its_definitions_and_sources(villages: Rdc, theme: str, tmp_path: Path) -> None:
    target = tmp_path / f"{theme}.xlsx"
    villages("pull", theme, "--region", "GM0770", "--format", "xlsx", "--output", str(target))
    book = openpyxl.load_workbook(target)
    figures = list(book["Cijfers"].values)
    assert len(figures) > 1 and {row[0] for row in figures[1:]} == {"GM0770"}
    definitions = list(book["Definities"].values)
    assert {row[0] for row in definitions[1:]} == {c for c in figures[0] if c and c[:4] in {r[0][:4] for r in definitions[1:]}} - {
        "region_code", "region_name", "region_type"
    }  # fmt: skip
    if theme != "bestuur":  # of which nobody publishes anything; the definitions say so
        assert any(v is not None for row in figures[1:] for v in row[6:])
        assert len(list(book["Bronnen"].values)) > 1


def test_an_indicator_without_a_source_says_why(villages: Rdc) -> None:
    [(reason, note, method)] = villages.sql(
        "select missing_reason, note, method from core.indicator_value where indicator_id = 'bes_formatie' "
        "and region_code = 'GM0770'"
    )
    assert (reason, method) == ("not_available", "absent") and "Eigen gegevens van de gemeente" in note
    [(availability, no_figure)] = villages.sql(
        "select availability, no_figure from core.indicator where indicator_id = 'won_woz'"
    )
    assert availability == "niet_opgehaald" and "rdc run --table 85036NED" in no_figure
    told = villages("explain", "bes_formatie", "GM0770", "2026").stdout
    assert "Eigen gegevens van de gemeente" in " ".join(told.split())


def test_a_day_can_be_asked_for_as_well_as_a_release(villages: Rdc) -> None:
    now = villages("pull", "gezondheid", "--format", "csv").stdout
    assert villages("pull", "gezondheid", "--format", "csv", "--as-of", "2099-01-01").stdout == now
    assert "Nothing was published yet" in villages("pull", "wonen", "--as-of", "2020-01-01", status=1).stderr
    asked = villages("explain", "mil_gas", "GM0770", "2024", "--as-of", "2099-01-01", status=1)
    assert "kept per release" in " ".join(asked.stderr.split())


WRONG = """
theme: bevolking
indicators:
  - id: eigen_fout
    name: Een fout
    direction: neutraal
    source: CBS
    versions:
      - version: 1
        valid_from: 2010-01-01
        definition: Aandeel gehuwden.
        unit: '%'
        decimals: 1
        aggregation: none
        why_not: Een proef.
        bindings:
          - {table: 84799NED, regions: [gemeente], value: [{stem: Gehuwd, path: [Bevolking, Burgerlijke staat]}]}
"""


@pytest.mark.long
def test_what_does_not_fit_is_withheld_and_all_else_is_released(tmp_path: Path) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    for folder in ("dbt_project", "expectations", "ingest", "orchestration", "warehouse"):
        shutil.copytree(
            PROJECT / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__", "target", "logs")
        )
    shutil.copy(PROJECT / "region.yml", project)

    def rdc(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-c", "from orchestration.cli import main; main()", *arguments],
            cwd=project,
            env=os.environ | {"PYTHONPATH": str(project), "RDC_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, " ".join(done.stderr.split())

    def figures(where: str) -> list[tuple]:
        with duckdb.connect(str(home / "warehouse" / "rdc.duckdb"), read_only=True) as con:
            return con.execute(f"from core.indicator_value where {where} order by all").fetchall()

    shown = "indicator_id <> 'bev_65plus_pct' and indicator_id <> 'eigen_fout'"
    assert rdc("run", "--source", "sample")[0] == 0
    before, share = figures(shown), figures("indicator_id = 'bev_65plus_pct' and table_id = '84799NED'")
    file = project / "dbt_project" / "indicators" / "bevolking.yml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("stem: k_65JaarOfOuder\n", "stem: k_65JarenOfOuder\n"), encoding="utf-8")
    (home / "indicators").mkdir()
    (home / "indicators" / "mijn.yml").write_text(WRONG, encoding="utf-8")
    status, _, said = rdc("run", "--source", "sample")
    assert status == 1
    assert "bevolking.yml: indicator bev_65plus_pct: field versions.0.bindings.0.numerator.0.stem" in said
    assert "bev_65plus_pct is withheld for 84799NED: 84799NED has no column k_65JarenOfOuder" in said
    assert "Did you mean k_65JaarOfOuder (Bevolking > Leeftijdsgroepen)" in said
    assert "$RDC_HOME/indicators/mijn.yml: indicator eigen_fout: field versions.0.bindings.0.value.0.unit" in said
    assert "eigen_fout is withheld for 84799NED: " in said and "is in 'aantal', where '%' is expected" in said
    # All else is as it was; of the first the last good figures serve on, of the second it is said why there are none.
    columns = [c for c in range(17) if c != 15]  # all but the binding's number
    assert [[row[c] for c in columns] for row in figures(shown)] == [[row[c] for c in columns] for row in before]
    kept = figures("indicator_id = 'bev_65plus_pct' and table_id = '84799NED'")
    assert share and [row[:8] for row in kept] == [row[:8] for row in share]
    assert {(row[10][:20], row[12]) for row in kept} == {("Laatste goede cijfer", "kept")}
    told = figures("indicator_id = 'eigen_fout'")
    # Both for the year of its table and for the latest.
    assert {(row[2], row[4], row[12]) for row in told} == {(code, None, "absent") for code in ("KEMPEN", *KEMPEN)}
    assert len(told) == 12 and "2020JJ00" in {row[3] for row in told}
    assert all(row[10].startswith("Ingehouden: kolom Gehuwd") for row in told)
    with duckdb.connect(str(home / "warehouse" / "rdc.duckdb"), read_only=True) as con:
        found = con.execute(
            "select indicator_id, availability, caveats from core.indicator "
            "where indicator_id in ('bev_65plus_pct', 'eigen_fout') order by 1"
        ).fetchall()
        assert [(i, a) for i, a, _ in found] == [("bev_65plus_pct", "ingehouden"), ("eigen_fout", "ingehouden")]
        assert all("Ingehouden: " in caveats for _, _, caveats in found)
        assert con.execute(
            "select success, severity from core.check_result where check_name = 'definitions_fit_tables'"
        ).fetchall() == [(False, "warning")]
        assert con.execute("select count(*) from core.observation where table_id = '84799NED'").fetchall()[0][0] > 1000
    status, _, said = rdc("run", "--source", "sample")  # nothing changed, and nothing was mended
    assert status == 1 and "eigen_fout is withheld" in said
    assert "bev_65plus_pct (withheld): 84799NED has no column" in " ".join(rdc("status")[1].split())
    status, told_by, _ = rdc("explain", "bev_65plus_pct", "GM0770", "2020")
    assert status == 0 and "kept from an earlier release" in " ".join(told_by.split())
