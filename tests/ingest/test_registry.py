"""A declaration that can't be used is an error that names file, table and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.http import Client
from ingest.registry import Registry, RegistryError
from ingest.settings import Settings, SettingsError
from tests.standin import Dim, StandIn, V3Table, V4Table

HEAD = "source_id: x\nname: X\nlicence: CC0\nattribution: X\nowner: X\ntables:\n"


def registry(folder: Path, content: str) -> Registry:
    (folder / "own.yml").write_text(content, encoding="utf-8")
    return Registry.load(own=folder)


def test_the_shipped_sources_are_valid_and_have_terms() -> None:
    tables = Registry.load().tables
    assert len(tables) >= 11
    assert all(t.licence and t.attribution and t.owner and t.sharing_level for t in tables.values())


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("{id: A1, title: T, protocol: v5, cadence: year}", "table A1: field protocol"),
        ("{id: A1, title: T, protocol: v3, cadence: sometimes}", "table A1: field cadence"),
        ("{id: A1, title: T, protocol: v3, cadence: year, period: '2020'}", "table A1: field period"),
        ("{id: A1, title: T, protocol: v3, cadence: year, perod: 2020JJ00}", "table A1: field perod"),
        ("{title: T, protocol: v3, cadence: year}", "table number 1: field id"),
        ("{id: 'A 1', title: T, protocol: v3, cadence: year}", "table A 1: field id"),
    ],
)
def test_a_bad_declaration_names_file_table_and_field(tmp_path: Path, line: str, field: str) -> None:
    with pytest.raises(RegistryError) as error:
        registry(tmp_path, HEAD + f"  - {line}\n")
    assert "own.yml" in str(error.value)
    assert field in str(error.value)


@pytest.mark.parametrize("content", ["tables: [", "just text", "[]", HEAD.replace("source_id: x\n", "") + "  []\n"])
def test_a_file_that_is_no_declaration_names_itself(tmp_path: Path, content: str) -> None:
    with pytest.raises(RegistryError, match=r"own\.yml"):
        registry(tmp_path, content)


def test_a_table_declared_twice_names_both_files(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"own\.yml: table 84799NED is already declared in .*cbs\.yml"):
        registry(tmp_path, HEAD + "  - {id: 84799NED, title: T, protocol: v3, cadence: year}\n")


def test_an_unknown_table_gets_a_suggestion() -> None:
    with pytest.raises(RegistryError, match="Did you mean 84799NED"):
        Registry.load().select(("84799ned",))


def test_a_host_must_be_an_address() -> None:
    with pytest.raises(SettingsError, match="RDC_STATLINE_V3_URL"):
        Settings.from_env({"RDC_STATLINE_V3_URL": "opendata.cbs.nl"})


# -- rdc sources add --------------------------------------------------------------------------------------------------


def add(tmp_path: Path, cbs: StandIn, table_id: str, protocol: str | None = None, **more):
    from ingest.add import add as register

    settings = Settings.from_env({"RDC_HOME": str(tmp_path)} | cbs.env)
    options = {"catalog": "cbs", "period": None, "odata_filter": None} | more
    return register(settings, Client(timeout=1, attempts=1), table_id, protocol, **options)


def v3(table_id: str, **more: object) -> V3Table:
    return V3Table.build(
        table_id,
        dims={"RegioS": ["NL01", "GM0770"], "Perioden": ["2023JJ00"]},
        topics=["Aantal"],
        rows=[("NL01", "2023JJ00", 1), ("GM0770", "2023JJ00", 2)],
        **more,
    )


def test_a_table_is_registered_from_its_own_metadata(tmp_path: Path) -> None:
    with StandIn([v3("84948NED", title="Een tabel", frequency="Perkwartaal")]) as cbs:
        table, file, _ = add(tmp_path, cbs, "84948NED")
    assert (table.protocol, table.title, table.cadence) == ("v3", "Een tabel", "quarter")
    known = Registry.load(own=file.parent).tables["84948NED"]
    assert known.title == "Een tabel"
    assert known.licence == "CC BY 4.0"


def test_a_table_that_is_only_on_v4_is_found_there(tmp_path: Path) -> None:
    only_v4 = V4Table.build(
        "85900NED", dims={"RegioS": ["NL01"], "Perioden": ["2023JJ00"]}, measures=["M1"], rows=[("NL01", "2023JJ00", 1)]
    )
    with StandIn([only_v4]) as cbs:
        assert add(tmp_path, cbs, "85900NED")[0].protocol == "v4"


def test_a_whole_v4_table_can_be_declared_by_its_bulk_file(tmp_path: Path) -> None:
    table = V4Table.build("85900NED", dims={"Perioden": ["2023JJ00"]}, measures=["M1"], rows=[("2023JJ00", 1)])
    with StandIn([table]) as cbs:
        declared, file, _ = add(tmp_path, cbs, "85900NED", via="csv")
        assert (declared.protocol, declared.via) == ("v4", "csv")
        assert Registry.load(own=file.parent).tables["85900NED"].via == "csv"
        for wrong in ({"odata_filter": "Perioden eq '2023JJ00'"}, {"protocol": "v3"}):
            with pytest.raises(RegistryError, match="the bulk file of a whole v4 table"):
                add(tmp_path, cbs, "85901NED", via="csv", **wrong)
        with pytest.raises(RegistryError, match="'soon' is not a CBS period code"):
            add(tmp_path, cbs, "85901NED", period="soon")


def test_a_third_party_table_is_asked_at_their_host(tmp_path: Path) -> None:
    with StandIn([v3("50999NED", catalog="RIVM")]) as cbs:
        with pytest.raises(RegistryError, match="No table 50999NED"):
            add(tmp_path, cbs, "50999NED")
        assert add(tmp_path, cbs, "50999NED", catalog="third-party")[0].catalog == "third-party"


def test_the_year_of_a_table_without_periods_is_told_or_asked_for(tmp_path: Path) -> None:
    def without(table_id: str, title: str) -> V3Table:
        return V3Table.build(
            table_id,
            dims=[Dim("WijkenEnBuurten", ["NL00"], kind="GeoDetail")],
            topics=["Aantal"],
            rows=[("NL00", 1)],
            title=title,
        )

    tables = [
        without("85001NED", "Kerncijfers 2021"),
        without("85002NED", "Van 2015 tot 2020"),
        without("85003NED", "X"),
    ]
    with StandIn(tables) as cbs:
        assert add(tmp_path, cbs, "85001NED")[0].period == "2021JJ00"
        for table_id in ("85002NED", "85003NED"):
            with pytest.raises(RegistryError, match="--period"):
                add(tmp_path, cbs, table_id)
        assert add(tmp_path, cbs, "85003NED", period="2019JJ00")[0].period == "2019JJ00"


def test_a_table_too_large_asks_for_a_slice(tmp_path: Path) -> None:
    large = v3("85004NED")
    with StandIn([large]) as cbs:
        import ingest.add

        before, ingest.add.MOST = ingest.add.MOST, 1
        try:
            with pytest.raises(RegistryError, match=r"--filter"):
                add(tmp_path, cbs, "85004NED")
        finally:
            ingest.add.MOST = before
        assert add(tmp_path, cbs, "85004NED", odata_filter="startswith(RegioS,'GM')")[0].filter


def test_an_unknown_table_says_where_was_looked(tmp_path: Path) -> None:
    with StandIn([v3("84948NED")]) as cbs, pytest.raises(RegistryError, match="No table 12345NED"):
        add(tmp_path, cbs, "12345NED")


def test_a_table_that_is_declared_already_is_left_alone(tmp_path: Path) -> None:
    with StandIn([]) as cbs, pytest.raises(RegistryError, match="already declared"):
        add(tmp_path, cbs, "84799NED")


@pytest.mark.shared
def test_every_table_of_the_facts_is_declared(recorded: Path) -> None:
    import csv
    import re

    facts = recorded.parent / "facts"
    with (facts / "indicators.csv").open(encoding="utf-8") as lines:
        named = {i for row in csv.DictReader(lines) for i in re.findall(r"\b\d{5}(?:NED|ned)\b", row["table_id"])}
    with (facts / "kwb_tables.csv").open(encoding="utf-8") as lines:
        named |= {row["table_id"] for row in csv.DictReader(lines)}
    geography = (
        (facts / "geography.md")
        .read_text(encoding="utf-8")
        .split("Gebieden in Nederland ids:")[1]
        .split("Column suffix")[0]
    )
    named |= {f"{number}NED" for number in re.findall(r"\b8\d{4}(?=NED)", geography)}
    tables = Registry.load().tables
    assert named - set(tables) == set()
    assert len(tables) >= 60
    assert all(t.why for t in tables.values() if t.on_request), "a table on request says why it, and why this protocol"
