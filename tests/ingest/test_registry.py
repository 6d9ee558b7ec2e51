"""A declaration that can't be used is an error that names file, table and field."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from ingest.declaration import RegistryError, StatedStatus
from ingest.http import Client, FetchError
from ingest.registry import Registry
from ingest.settings import Settings, SettingsError
from tests.standin import Dim, Fault, StandIn, V3Table, V4Table

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


def test_a_table_that_ours_are_not_in_or_that_has_no_regions_is_registered_with_a_remark(tmp_path: Path) -> None:
    large = V3Table.build(
        "85792NED",
        dims={"RegioS": ["NL01", "PV30", "GM0363"], "Perioden": ["2023JJ00"]},
        topics=["Aantal"],
        rows=[(code, "2023JJ00", 1) for code in ("NL01", "PV30", "GM0363")],
    )
    bare = V3Table.build("85001NED", dims={"Perioden": ["2023JJ00"]}, topics=["Aantal"], rows=[("2023JJ00", 1)])
    with StandIn([large, bare, v3("84948NED")]) as cbs:
        assert any(
            "none of our municipalities is among its 3 regions" in line for line in add(tmp_path, cbs, "85792NED")[2]
        )
        assert any("it has no regions" in line for line in add(tmp_path, cbs, "85001NED")[2])
        assert len(add(tmp_path, cbs, "84948NED")[2]) == 1


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


@pytest.mark.parametrize("terminal", [True, False])
def test_who_sits_at_a_terminal_is_asked_for_the_period(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    from click.testing import CliRunner

    from orchestration.cli import main

    table = V3Table.build("85002NED", dims={"RegioS": ["NL01"]}, topics=["Aantal"], rows=[("NL01", 1)], title="X")
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: terminal, raising=False)
    with StandIn([table]) as cbs:
        environment = cbs.env | {"RDC_HOME": str(tmp_path)}
        done = CliRunner().invoke(main, ["sources", "add", "85002NED"], input="2019JJ00\n", env=environment)
    declared = Registry.load(own=tmp_path / "sources").tables.get("85002NED")
    if terminal:
        assert done.exit_code == 0 and declared and declared.period == "2019JJ00", done.output
    else:
        assert done.exit_code == 1 and declared is None


def commuting(table_id: str, protocol: str) -> V3Table | V4Table:
    """Who lives where and works where: two dimensions of regions."""
    regions = ["NL01", "GM0770", "GM1724"]
    rows = [(home, work, "2023JJ00", n) for n, (home, work) in enumerate((h, w) for h in regions for w in regions)]
    if protocol == "v3":
        dims = [Dim("WoonregioS", regions, kind="GeoDimension"), Dim("WerkregioS", regions, kind="GeoDimension")]
        return V3Table.build(
            table_id, dims=[*dims, Dim("Perioden", ["2023JJ00"], kind="TimeDimension")], topics=["Banen"], rows=rows
        )
    dims = [Dim("WoonregioS", regions, kind="GeoDimension"), Dim("WerkregioS", regions, kind="GeoDimension")]
    return V4Table.build(
        table_id, dims=[*dims, Dim("Perioden", ["2023JJ00"], kind="TimeDimension")], measures=["M1"], rows=rows
    )


@pytest.mark.parametrize("protocol", ["v3", "v4"])
def test_a_table_with_two_dimensions_of_regions_asks_which_one_counts(tmp_path: Path, protocol: str) -> None:
    import duckdb

    from ingest.snapshot import Store
    from ingest.statline.landing import land

    with StandIn([commuting("84688NED", protocol)]) as cbs:
        with pytest.raises(RegistryError, match="--region-dimension WoonregioS") as asked:
            add(tmp_path, cbs, "84688NED")
        assert "WerkregioS" in str(asked.value)
        with pytest.raises(
            RegistryError, match="Perioden is no dimension of regions of 84688NED; those are WoonregioS"
        ):
            add(tmp_path, cbs, "84688NED", region_dimension="Perioden")
        assert not list(tmp_path.rglob("*.yml"))

        _, file, told = add(tmp_path, cbs, "84688NED", region_dimension="WerkregioS")
        assert "regions of its figures: WerkregioS" in told
        settings = Settings.from_env({"RDC_HOME": str(tmp_path)} | cbs.env)
        store = Store(settings.snapshots)
        table = Registry.load(own=file.parent).tables["84688NED"]
        assert (table.region_dimension, land(table, settings, store, Client()).result) == ("WerkregioS", "fetched")
        snapshot = store.newest("84688NED")
        assert snapshot and (snapshot.region_dimension, snapshot.other_dimensions) == ("WerkregioS", ["WoonregioS"])
        kinds = duckdb.sql(f"select key, kind from '{snapshot.file('dimensions.parquet')}'").fetchall()
        assert dict(kinds) == {"WoonregioS": "other", "WerkregioS": "region", "Perioden": "time"}
        assert land(table, settings, store, Client()).result == "unchanged"
        other = table.model_copy(update={"region_dimension": "WoonregioS"})
        assert land(other, settings, store, Client()).result == "fetched"
        assert land(
            table.model_copy(update={"region_dimension": None}), settings, Store(tmp_path / "x"), Client()
        ).reason


@pytest.mark.parametrize("resource", ["DataProperties", "RegioS", "TableInfos"])
def test_a_table_whose_metadata_are_broken_is_not_registered(tmp_path: Path, resource: str) -> None:
    with StandIn([v3("84948NED")]) as cbs:
        cbs.fault("84948NED", Fault.GZIP_IN_NAME_503, resource=resource, times=None)
        with pytest.raises((RegistryError, FetchError), match="HTTP 503"):
            add(tmp_path, cbs, "84948NED", protocol="v3")
        assert not list(tmp_path.rglob("*.yml"))


def test_what_nobody_foresaw_is_told_and_nothing_is_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def strange(*_: object) -> None:
        raise ZeroDivisionError("by a library")

    monkeypatch.setattr("ingest.statline.v3.V3.metadata", strange)
    with StandIn([v3("84948NED")]) as cbs:
        with pytest.raises(
            RegistryError, match=r"84948NED: what the source sent could not be used: ZeroDivisionError at"
        ):
            add(tmp_path, cbs, "84948NED", protocol="v3")
        assert not list(tmp_path.rglob("*.yml"))


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


def test_a_stated_status_is_of_periods_as_cbs_codes_them() -> None:
    with pytest.raises(ValidationError, match="not a CBS period code"):
        StatedStatus.model_validate({"edition": "2025-09-17", "periods": {"2024": "Voorlopig"}})
    with pytest.raises(ValidationError):
        StatedStatus.model_validate({"edition": "2025-09-17", "periods": {"2024JJ00": "Definitief"}})


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("81528NED", "De cijfers over 2022 en 2023 zijn nader voorlopig en 2024 is voorlopig."),
        ("85005NED", "de gegevens voor 2024 en de eerste helft van 2025 zijn nader voorlopig."),
    ],
)
def test_a_stated_status_is_what_cbs_wrote(recorded: Path, table: str, said: str) -> None:
    stated = Registry.load().tables[table].stated_status
    [infos] = json.loads(gzip.decompress((recorded / "v3" / table / "meta.json.gz").read_bytes()))["TableInfos"]
    text = " ".join(infos["Description"].split())
    assert said in text and stated is not None and infos["Modified"].startswith(str(stated.edition))
