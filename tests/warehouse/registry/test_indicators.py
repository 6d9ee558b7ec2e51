"""The registry of indicators and the policy goals: what is in them, and what is said of a mistake in one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import get_args

import pytest
import yaml

from ingest.registry import Registry as Tables
from warehouse.making.binding import Column, Columns
from warehouse.registry import codebook, goals, indicators, wide
from warehouse.registry.goals import GoalError
from warehouse.registry.indicators import BBV_NUMBERS, IndicatorError, Registry, Term
from warehouse.registry.themes import FOLDER, Heading, headings
from warehouse.registry.units import agree

REGISTRY = indicators.load()
#: What partners rely on; there may be more.
THEMES = (
    *("bevolking", "wonen", "sociaal_domein", "gezondheid", "onderwijs", "werk_en_inkomen", "economie", "veiligheid"),
    *("mobiliteit", "milieu_en_energie", "ruimte", "bestuur"),
)
ALL = [indicator for _, indicator in REGISTRY.indicators()]


def test_the_registry_has_what_the_municipalities_share() -> None:
    assert {theme.theme for theme in REGISTRY.themes} >= set(THEMES)
    assert all(theme.indicators for theme in REGISTRY.themes)
    assert len(ALL) >= 110
    assert sorted(i.bbv for i in ALL if i.bbv) == list(BBV_NUMBERS)


def test_a_theme_is_one_file(tmp_path: Path) -> None:
    folder, own = tmp_path / "indicators", tmp_path / "own"
    shutil.copytree(FOLDER, folder)
    own.mkdir()
    content = yaml.safe_load((folder / "onderwijs.yml").read_text(encoding="utf-8"))
    (folder / "onderwijs.yml").unlink()
    named = {
        "theme": "leren",
        "title": "Leren",
        "purpose": "Leren in $groep.",
        "eu_themes": ["EDUC"],
        "owner": "Afdeling Leren",
    }
    (folder / "leren.yml").write_text(
        yaml.safe_dump(named | {"indicators": content["indicators"]}, sort_keys=False, allow_unicode=True),
        encoding="utf-8",
    )
    (own / "mijn.yml").write_text(
        OWN.format(id="eigen_formatie").replace("theme: bestuur", "theme: leren"), encoding="utf-8"
    )
    found = {theme.theme: theme for theme in indicators.load(folder, own).themes}
    assert "onderwijs" not in found
    assert found["leren"].indicators[-1].id == "eigen_formatie"
    assert {path.name for path in wide.files(found["leren"])} == {"leren.sql", "_leren.yml"}
    assert headings(folder)["leren"].purpose == "Leren in De Kempen."
    assert headings(folder)["leren"].owner == "Afdeling Leren"


def test_a_theme_is_named_as_its_file_and_an_own_indicator_names_one_that_is_there(tmp_path: Path) -> None:
    folder, own = tmp_path / "indicators", tmp_path / "own"
    shutil.copytree(FOLDER, folder)
    own.mkdir()
    (folder / "onderwijs.yml").rename(folder / "leren.yml")
    with (folder / "wonen.yml").open("a", encoding="utf-8") as file:
        file.write("owner: Afdeling Wonen\n")
    (own / "mijn.yml").write_text(OWN.format(id="eigen").replace("theme: bestuur", "theme: bestier"), encoding="utf-8")
    with pytest.raises(IndicatorError) as told:
        indicators.load(folder, own)
    there = ", ".join(sorted(file.stem for file in folder.glob("[!_]*.yml")))
    assert "leren" in there
    assert str(told.value).splitlines() == [
        "leren.yml: field theme: must be leren, as the file is called",
        "wonen.yml: field (the file itself): `indicators` come last; put owner above them",
        f"$RDC_HOME/indicators/mijn.yml: field theme: there is no bestier; there are {there}",
    ]


def test_the_heading_of_every_theme_is_read_without_its_indicators() -> None:
    assert headings() == {t.theme: Heading(**t.model_dump(exclude={"indicators"})) for t in REGISTRY.themes}


def test_a_way_to_add_up_is_known_wherever_it_must_be() -> None:
    ways = set(get_args(indicators.Aggregation)) - {"none"}
    assert ways == set(codebook._AGGREGATION)
    sums = (FOLDER.parent / "models" / "core" / "indicator_value.sql").read_text(encoding="utf-8")
    assert [way for way in ways if f"when '{way}' then" not in sums] == []


def test_every_mandatory_indicator_is_computed_or_says_plainly_why_not() -> None:
    for indicator in (i for i in ALL if i.bbv):
        version = indicator.current
        assert indicator.taakveld
        if version.no_figure:
            assert len(version.no_figure.text) > 40, indicator.id
        else:
            assert REGISTRY.sources(version), indicator.id
    reasons = {i.current.no_figure.reason for i in ALL if i.bbv and i.current.no_figure}
    assert reasons == {"eigen_gegevens", "geen_open_bron", "vervallen", "kolommen_niet_gezien"}
    own = {i.bbv for i in ALL if i.current.no_figure and i.current.no_figure.reason == "eigen_gegevens" and i.bbv}
    assert own == {1, 2, 3, 4, 5}


def test_every_table_that_an_indicator_names_is_declared() -> None:
    tables = Tables.load().tables
    for indicator in ALL:
        for version in indicator.versions:
            for source in REGISTRY.sources(version):
                for table in (source.table, *(t.table for terms in source.roles.values() for t in terms if t.table)):
                    assert table in tables, (indicator.id, table)


def test_a_series_is_written_out_over_its_years_with_its_exceptions() -> None:
    sources = REGISTRY.sources(next(i for i in ALL if i.id == "bev_65plus_pct").current)
    assert len(sources) == 14
    found = {s.table: s.seen for s in sources}
    assert (found["84799NED"], found["84286NED"], found["85984NED"]) == (True, False, True)
    last = sources[-1]
    assert (last.table, [t.stem for t in last.roles["numerator"]]) == (
        "86358NED",
        [["k_65JaarTot80Jaar", "k_65Tot80Jaar"], ["k_80JaarOfOuder"]],
    )
    assert last.stretch == sources[0].stretch + 1


def test_margins_swap_for_what_is_subtracted() -> None:
    [source, *_] = REGISTRY.sources(next(i for i in ALL if i.id == "gez_niet_sporters_pct").current)
    members = {role: terms[0].dimensions["Marges"] for role, terms in source.roles.items()}
    assert members == {"value": "MW00000", "lower": "MBG0095", "upper": "MOG0095"}


def test_where_a_successor_takes_over_the_series_says_whether_it_breaks() -> None:
    for indicator in ("won_voorraad", "won_nieuwbouw_1000", "sd_jeugdhulp_pct", "sd_jeugdreclassering_pct"):
        first, second = REGISTRY.sources(next(i for i in ALL if i.id == indicator).current)
        assert second.series_break and not first.series_break


@pytest.mark.parametrize(
    ("first", "those"),
    [
        # CBS counts government, education and care (SBI O-Q) among the establishments from 2021 on: the parts of 2021
        # add up to the total with them, those of 2019 without.
        ("2021JJ00", ["eco_vestigingen_n", "eco_vestigingen_inw_1000"]),
        # CBS, from 2022 on: distances follow the direction in which a road may be driven.
        ("2022JJ00", [f"mob_{what}" for what in ("afst_huisarts", "afst_supermarkt", "afst_kdv", "afst_school")]),
        ("2022JJ00", ["mob_scholen_3km", "mob_afst_station"]),
        # CBS, from 2018 on: animals are added for a shed that stands empty for a while on the day of counting.
        ("2018JJ00", ["eco_rundvee", "eco_varkens", "eco_kippen"]),
    ],
)
def test_where_the_source_counts_otherwise_the_series_breaks(first: str, those: list[str]) -> None:
    for indicator in those:
        version = next(i for i in ALL if i.id == indicator).current
        assert first in {b.first for b in version.breaks}, indicator


def test_generated_files_are_current() -> None:
    assert codebook.main(["--check"]) == 0


def test_the_codebook_has_a_page_per_indicator_and_an_index_that_links_to_all() -> None:
    pages = codebook.pages(REGISTRY, Tables.load())
    assert set(pages) == {f"{i.id}.md" for i in ALL} | {"README.md"}
    assert all(f"({i.id}.md)" in pages["README.md"] for i in ALL)
    page = pages["won_nieuwbouw_1000.md"]
    assert "BBV-indicator | nummer 36" in page and "81955NED" in page and "86098NED" in page and "Breuk bij" in page
    assert "Geen cijfer: eigen gegevens van de gemeente" in pages["bes_formatie.md"]
    both = pages["eco_vestigingen_1000.md"]
    assert "15 tot en met 64 jaar" in both and "15 tot en met 74 jaar" in both and "tot en met 31-12-2018" in both


# -- mistakes ---------------------------------------------------------------------------------------------------------

GOOD = {
    "theme": "bevolking",
    "title": "Bevolking",
    "purpose": "Weten hoeveel.",
    "eu_themes": ["SOCI"],
    "indicators": [
        {
            "id": "bev_x",
            "name": "X",
            "direction": "neutraal",
            "source": "CBS",
            "versions": [
                {
                    "version": 1,
                    "valid_from": "2020-01-01",
                    "definition": "X.",
                    "unit": "aantal",
                    "decimals": 0,
                    "aggregation": "sum",
                    "bindings": [{"table": "T1", "regions": ["gemeente"], "value": [{"stem": "X"}]}],
                }
            ],
        }
    ],
}
SERIES = {"series": [{"id": "kwb", "title": "KWB", "tables": [{"period": "2020JJ00", "table": "T1"}]}]}


def registry(folder: Path, change=lambda version, indicator: None) -> Registry:
    content = yaml.safe_load(yaml.safe_dump(GOOD, sort_keys=False))
    change(content["indicators"][0]["versions"][0], content["indicators"][0])
    (folder / "bevolking.yml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (folder / "_series.yml").write_text(yaml.safe_dump(SERIES), encoding="utf-8")
    return indicators.load(folder)


def test_the_good_one_is_good(tmp_path: Path) -> None:
    assert len(list(registry(tmp_path).indicators())) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v, i: v.update(decimals="een"), "indicator bev_x: field versions.0.decimals"),
        (lambda v, i: v.update(unitt="x"), "indicator bev_x: field versions.0.unitt"),
        (lambda v, i: i.update(bbv=40), "indicator bev_x: field bbv"),
        (lambda v, i: i.update(bbv=3), "BBV indicator 3 must name its `taakveld`"),
        (lambda v, i: v.pop("bindings"), "where the figures come from (`bindings`) or why there are none"),
        (lambda v, i: v["bindings"][0]["value"][0].update(stem="X_5"), "numeric suffix, which moves every year"),
        (lambda v, i: v["bindings"][0].update(series="kwb"), "name a `table` or a `series`, one of the two"),
        (
            lambda v, i: v["bindings"].append(dict(v["bindings"][0], table="T2")),
            "say whether the figures can be compared",
        ),
        (lambda v, i: v.update(aggregation="none"), "`why_not` must say why"),
        (lambda v, i: v["bindings"][0].update(first_period="2020"), "field versions.0.bindings.0.first_period"),
        (
            lambda v, i: v["bindings"][0].update(margins={"dimension": "Marges", "lower": "L", "upper": "U"}),
            "margins are members of Marges",
        ),
        (
            lambda v, i: (v["bindings"][0].pop("table"), v["bindings"][0].update(series="kwbb")),
            "there is no series kwbb. Did you mean kwb?",
        ),
        (
            lambda v, i: (
                v["bindings"][0].pop("table"),
                v["bindings"][0].update(series="kwb", **{"except": [{"periods": ["1999JJ00"], "absent": "x"}]}),
            ),
            "the series kwb has no 1999JJ00",
        ),
        (
            lambda v, i: i["versions"].append(dict(v, version=2, valid_from="2022-01-01")),
            "version 1 must end before version 2 begins",
        ),
    ],
)
def test_a_mistake_is_told_with_indicator_and_field(tmp_path: Path, change, said: str) -> None:
    with pytest.raises(IndicatorError) as error:
        registry(tmp_path, change)
    assert said in str(error.value)
    assert "bev_x" in str(error.value) and "bevolking.yml" in str(error.value)


def test_what_is_no_yaml_is_told_by_file(tmp_path: Path) -> None:
    (tmp_path / "wonen.yml").write_text("theme: [wonen", encoding="utf-8")
    with pytest.raises(IndicatorError, match=r"wonen\.yml: not readable as YAML"):
        indicators.load(tmp_path)


def test_a_bbv_number_is_given_once(tmp_path: Path) -> None:
    shutil.copytree(indicators.FOLDER, tmp_path / "indicators")
    file = tmp_path / "indicators" / "bestuur.yml"
    file.write_text(file.read_text(encoding="utf-8").replace("bbv: 2\n", "bbv: 1\n"), encoding="utf-8")
    with pytest.raises(IndicatorError, match="indicator bes_bezetting: field bbv: 1 is already bes_formatie"):
        indicators.load(tmp_path / "indicators")


def test_any_change_of_a_definition_changes_its_hash(tmp_path: Path) -> None:
    def hashed(change=lambda version, indicator: None) -> str:
        [(_, indicator)] = registry(tmp_path, change).indicators()
        return indicators.definition_hash(indicator, indicator.current)

    same = hashed()
    assert hashed() == same
    assert hashed(lambda v, i: v.update(unit="procent")) != same
    assert hashed(lambda v, i: v["bindings"][0]["value"][0].update(stem="Y")) != same


# -- bound to the tables of a build -----------------------------------------------------------------------------------

COLUMNS = Columns(
    {"T1"},
    {
        "T1": [
            Column(1, "AantalInwoners", "Bevolking", "aantal"),
            Column(2, "Appartement", "Energie > Elektriciteit", "kWh"),
            Column(3, "Appartement", "Energie > Aardgas", "m3"),
        ]
    },
    {"T1": {"Marges": {"MW00000": "Waarde", "MOG0095": "Ondergrens"}}},
)
_VALUE = {"Marges": "MW00000"}


@pytest.mark.parametrize(
    ("term", "strict", "number"),
    [
        ({"stem": "AantalInwoners"}, True, 1),
        ({"stem": "AantalInwoners", "path": ["Bevolking"]}, True, 1),
        ({"stem": ["Inwoners", "AantalInwoners"], "path": ["Bevolking"]}, True, 1),
        ({"stem": "AantalInwoners", "path": ["Elders"]}, False, 1),  # topic groups of this table were never seen
        ({"stem": "Appartement", "path": ["Energie", "Aardgas"]}, False, 3),
    ],
)
def test_a_term_finds_its_column(term: dict, strict: bool, number: int) -> None:
    assert COLUMNS.find("T1", Term(dimensions=_VALUE, **term), strict) == (number, [])


@pytest.mark.parametrize(
    ("term", "strict", "said"),
    [
        ({"stem": "AantalInwoner"}, True, "Did you mean AantalInwoners (Bevolking)?"),
        ({"stem": "aantalinwoners"}, True, "Did you mean AantalInwoners (Bevolking)?"),
        ({"stem": "Xyz"}, True, "None of its columns comes near"),
        (
            {"stem": "AantalInwoners", "path": ["Elders"]},
            True,
            "path: T1 has no column AantalInwoners under Elders. It is under Bevolking.",
        ),
        ({"stem": "Appartement"}, True, "has 2 columns Appartement: Appartement (Energie > Elektriciteit); "),
        ({"stem": "Appartement", "path": ["Energie", "Olie"]}, False, "path: T1 has no column Appartement under"),
        ({"stem": ["AantalInwoners", "Appartement"]}, True, "has 3 columns"),
        ({"measure": "M000352"}, True, "measure: T1 has no column M000352"),
        (
            {"stem": "AantalInwoners", "dimensions": {}},
            True,
            "has the dimension Marges; name its member. Members: MW00000 (Waarde)",
        ),
        (
            {"stem": "AantalInwoners", "dimensions": {"Marges": "MW0000"}},
            True,
            "no member MW0000. Members: MW00000 (Waarde)",
        ),
        (
            {"stem": "AantalInwoners", "dimensions": _VALUE | {"Geslacht": "1"}},
            True,
            "has no dimension Geslacht, but Marges",
        ),
    ],
)
def test_a_term_that_finds_none_or_two_is_told_with_what_comes_near(term: dict, strict: bool, said: str) -> None:
    _, wrong = COLUMNS.find("T1", Term(**({"dimensions": _VALUE} | term)), strict)
    assert len(wrong) == 1 and said in wrong[0].text and wrong[0].dutch


@pytest.mark.parametrize(
    ("unit", "stem", "fits"),
    [("aantal", "AantalInwoners", True), ("personen", "AantalInwoners", True), ("%", "AantalInwoners", False),
     ("x 1 000", "AantalInwoners", False), ("per 1 000 inwoners", "AantalInwoners", False), (None, "AantalInwoners", True)],
)  # fmt: skip
def test_a_column_must_count_what_its_binding_says(unit: str | None, stem: str, fits: bool) -> None:
    number, wrong = COLUMNS.find("T1", Term(stem=stem, dimensions=_VALUE), True, [unit])
    assert number == 1 and (wrong == []) is fits
    assert fits or "unit: AantalInwoners (Bevolking) of T1 is in 'aantal'" in wrong[0].text


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("x 1 000 euro", "1 000 euro", True), ("m³", "m3", True), ("hectare", "ha", True), ("kWp", "kW", True),
     ("aantal inwoners per km²", "inwoners per km²", True), ("per 1 000", "per 1 000 inwoners van 15 tot 65 jaar", True),
     ("euro", "x 1 000 euro", False), ("per 1 000 inwoners", "per 10 000 inwoners", False), ("%", "aantal", False),
     ("are", "ha", False), ("", "aantal", True), ("1 000 kg", "kg", False), ("per huishouden", "aantal", False),
     ("mld euro", "aantal", False), ("mld euro", "mln euro", False), ("1 miljard euro", "mld euro", True),
     ("x 10 000", "aantal", False), ("10 000 kg", "kilogram x 10.000", True), ("‰", "aantal", False), ("‰", "%", False),
     ("promille", "‰", True), ("liter", "aantal", False), ("€ 1 000", "x 1 000 euro", True), ("€ 1000", "euro", False),
     ("2015=100", "aantal", False), ("2015 = 100", "2020=100", False), ("fte", "aantal", False), ("1 000 fte", "fte", False),
     ("x 1 000 personen", "aantal (x 1 000)", True), ("per duizend inwoners", "per 1 000 inwoners", True),
     ("percentage", "%", True), ("wat dan ook", "aantal", False), ("wat dan ook", "Wat dan ook", True)],
)  # fmt: skip
def test_units_agree_when_they_count_the_same_in_the_same_measure(one: str, other: str, same: bool) -> None:
    assert agree(one, other) is agree(other, one) is same


# -- policy goals -----------------------------------------------------------------------------------------------------

GOAL = {
    "id": "eersel_gas",
    "region": "GM0770",
    "programme": "Duurzaamheid",
    "taakveld": "7.4 Milieubeheer",
    "goal": "Minder gas",
    "indicator": "mil_gas",
    "baseline_period": "2019JJ00",
    "target": 800,
    "target_period": "2030JJ00",
    "decided_on": "2019-11-05",
    "decided_by": "Gemeenteraad",
    "legal_basis": "Transitievisie warmte",
}


def declared(folder: Path, **change: object) -> list[goals.Goal]:
    (folder / "eersel.yml").write_text(yaml.safe_dump({"goals": [GOAL | change]}), encoding="utf-8")
    return goals.load(folder, REGISTRY)


def test_shipped_goals_are_examples_and_say_so() -> None:
    shipped = goals.load()
    assert shipped and all(g.example and "voorbeeld" in g.decided_by for g in shipped)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"indicator": "mil_gass"},
            "goal eersel_gas: field indicator: there is no indicator mil_gass. Did you mean mil_gas",
        ),
        ({"target": "veel"}, "goal eersel_gas: field target"),
        ({"target_period": "2018JJ00"}, "must be after baseline_period"),
        ({"baseline_period": "2019"}, "goal eersel_gas: field baseline_period"),
        ({"wanneer": "nu"}, "goal eersel_gas: field wanneer"),
    ],
)
def test_a_mistake_in_a_goal_is_told_with_goal_and_field(tmp_path: Path, change: dict, said: str) -> None:
    assert len(declared(tmp_path)) == 1
    with pytest.raises(GoalError) as error:
        declared(tmp_path, **change)
    assert said in str(error.value) and "eersel.yml" in str(error.value)


# -- a user's own -----------------------------------------------------------------------------------------------------

OWN = """
theme: bestuur
indicators:
  - id: {id}
    name: Formatie
    direction: neutraal
    source: Gemeente
    versions:
      - version: 1
        valid_from: 2020-01-01
        definition: De formatie.
        unit: fte
        decimals: 1
        aggregation: sum
        bindings:
          - {{table: formatie, regions: [gemeente], value: [{{measure: fte}}]}}
"""


def own(folder: Path, name: str, closed: tuple[str, ...] = ()) -> indicators.Registry:
    (folder / "mijn.yml").write_text(OWN.format(id=name), encoding="utf-8")
    return indicators.load(own=folder, closed=closed)


def test_an_indicator_of_ones_own_comes_into_its_theme(tmp_path: Path) -> None:
    shipped = {i.id for _, i in REGISTRY.indicators()}
    found = {i.id: theme.theme for theme, i in own(tmp_path, "eigen_formatie").indicators()}
    assert set(found) - shipped == {"eigen_formatie"} and found["eigen_formatie"] == "bestuur"
    # Where its source may not be, there is no trace of it.
    assert {i.id for _, i in own(tmp_path, "eigen_formatie", ("formatie",)).indicators()} == shipped


def test_it_takes_the_place_of_one_without_figures_and_of_no_other(tmp_path: Path) -> None:
    [found] = [i for _, i in own(tmp_path, "bes_formatie").indicators() if i.id == "bes_formatie"]
    assert found.current.bindings
    [left] = [i for _, i in own(tmp_path, "bes_formatie", ("formatie",)).indicators() if i.id == "bes_formatie"]
    assert left.current.no_figure
    with pytest.raises(IndicatorError, match="bev_inwoners is already in bevolking"):
        own(tmp_path, "bev_inwoners")
    with pytest.raises(IndicatorError, match=r"mijn\.yml: indicator Wrong"):
        own(tmp_path, "Wrong")


def test_of_several_sources_only_what_is_open_is_bound(tmp_path: Path) -> None:
    binding = "          - {table: ander, regions: [land], value: [{measure: fte}]}\n"
    (tmp_path / "mijn.yml").write_text(OWN.format(id="eigen_formatie") + binding, encoding="utf-8")
    found = {i.id: i for _, i in indicators.load(own=tmp_path, closed={"formatie"}).indicators()}["eigen_formatie"]
    assert [b.table for b in found.current.bindings] == ["ander"]


def test_a_goal_on_what_a_release_may_not_have_is_not_in_it_and_stops_nothing(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "indicators", tmp_path / "goals"
    for folder in (mine, theirs):
        folder.mkdir()
    goal = GOAL | {"id": "eersel_formatie", "indicator": "eigen_formatie"}
    (theirs / "eersel.yml").write_text(yaml.safe_dump({"goals": [GOAL, goal]}), encoding="utf-8")
    assert [g.id for g in goals.load(theirs, own(mine, "eigen_formatie"))] == ["eersel_gas", "eersel_formatie"]
    assert [g.id for g in goals.load(theirs, own(mine, "eigen_formatie", ("formatie",)))] == ["eersel_gas"]
    with pytest.raises(GoalError, match="there is no indicator eigen_formatie"):
        goals.load(theirs, own(mine, "eigen_andere", ("formatie",)))


def test_each_indicator_knows_the_file_that_declares_it(tmp_path: Path) -> None:
    files = {i.id: i.file for _, i in own(tmp_path, "eigen_formatie").indicators()}
    assert files["eigen_formatie"] == "$RDC_HOME/indicators/mijn.yml" and files["bev_inwoners"] == "bevolking.yml"
    with pytest.raises(
        IndicatorError, match=r"indicators/mijn\.yml: indicator bev_inwoners is already in bevolking\.yml"
    ):
        own(tmp_path, "bev_inwoners")
