"""Another region is another file: nothing in the project names this one but ``region.yml``."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from ingest.datacenter import SHIPPED, DataCenter, RegionFileError, at
from tests.orchestration.conftest import Rdc
from tests.standin import StandIn, recorded_tables

PROJECT = Path(__file__).parent.parent
DE_PEEL = Path(__file__).parent / "regions" / "de_peel.yml"
#: What only our own texts say. A buurt may be called De Kempen, wherever it lies.
_OURS = r"\bKEMPEN\b|Kempengemeente|Data Center (De )?Kempen"
PEEL = ("GM0743", "GM0762", "GM1652", "GM0847")


def test_no_code_names_a_region_of_its_own() -> None:
    ours = at(PROJECT / "no such folder")
    named = re.compile("|".join([ours.slug, *(c for c in ours.codes if c != ours.example)]), re.IGNORECASE)
    where = ("ingest", "dbt_project", "expectations", "warehouse", "orchestration")
    # What is of this region by nature: the bundled extract, made-up deliveries, examples of goals, and policy choices.
    of_this_region = (
        *("ingest/sample/", "ingest/municipal/examples/", "dbt_project/target/"),
        *("dbt_project/goals/", "dbt_project/interventions/"),
    )
    # The generated documentation of the marts is filled in; it is made anew for another region.
    generated = re.compile(r"dbt_project/models/mart/_(?!comparison)\w+\.yml")
    found = []
    for file in sorted(f for folder in where for f in (PROJECT / folder).rglob("*")):
        path = file.relative_to(PROJECT).as_posix()
        if (
            file.suffix not in (".py", ".sql", ".yml", ".html", ".j2")
            or path.startswith(of_this_region)
            or generated.match(path)
        ):
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            code = line.split("#")[0] if file.suffix in (".py", ".yml") else line.split("--")[0]
            if code.startswith("DISTRIBUTION = "):
                continue  # what is installed has one name
            if named.search(code) and "``" not in code and "such as" not in code:
                found.append(f"{path}:{number}: {line.strip()}")
    assert not found


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("members", {"770": "Eersel"}, "members.770"),
        ("example", "GM0001", "example: GM0001 is none of the members"),
        ("box", [2, 0, 1, 1], "box: west, south, east, north"),
        ("slug", "nederland", "slug: `nederland` is the name of the scope"),
        (
            "group",
            {"code": "CR36", "name": "x", "source": "x", "valid_from": "2000-01-01"},
            "CR36 looks like a code of CBS",
        ),
        ("texts", {"gemeente": "x"}, "texts: aantal, gemeenten, omschrijving missing"),
        ("colour", "red", "colour: Extra inputs are not permitted"),
    ],
)
def test_a_mistake_in_the_file_is_told_by_its_field(tmp_path: Path, field: str, value: object, told: str) -> None:
    content = yaml.safe_load(DE_PEEL.read_text(encoding="utf-8")) | {field: value}
    (tmp_path / "region.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(RegionFileError, match=re.escape(told)) as failed:
        at(tmp_path)
    assert str(tmp_path / "region.yml") in str(failed.value)


def test_a_text_of_one_region_is_nothing_in_another_and_an_unknown_one_is_a_mistake() -> None:
    text = "Er zijn $aantal $gemeenten in $groep ($code).$openbare_voorzieningen"
    peel = DataCenter.model_validate(yaml.safe_load(DE_PEEL.read_text(encoding="utf-8")))
    assert peel.fill(text) == "Er zijn vier Peelgemeenten in De Peel (DEPEEL)."
    kempen = DataCenter.model_validate(yaml.safe_load(SHIPPED.read_text(encoding="utf-8")))
    assert kempen.fill(text).startswith("Er zijn vijf Kempengemeenten in De Kempen (KEMPEN). In Oirschot ligt")
    with pytest.raises(RegionFileError, match=r"\$gemeenten"):
        peel.fill("Er zijn $gementen.")


def _peel(home: Path, env: dict[str, str]) -> Rdc:
    shutil.copyfile(DE_PEEL, home / "region.yml")
    return Rdc(home, env)


@pytest.mark.long
def test_the_data_centre_of_another_region_is_built_from_another_file(tmp_path: Path) -> None:
    rdc = _peel(tmp_path, {})
    rdc("run", "--source", "sample")
    # How the bundled extract was cut stays what it is: its file names, and the scope that it was cut to.
    _nothing_of_the_kempen(rdc, but=("snapshot",))
    assert rdc.sql("select region_code, group_name from core.data_center") == [("DEPEEL", "De Peel")]
    csv = rdc("pull", "bevolking", "--region", "De Peel", "--format", "csv").stdout
    assert csv.splitlines()[1].startswith("DEPEEL,De Peel,groep,")
    assert "de-peel" in rdc("run", "--scope", "nowhere", status=2).stderr


@pytest.mark.long
@pytest.mark.shared
def test_another_region_on_the_recorded_tables(recorded: Path, tmp_path: Path) -> None:
    """The recorded tables have the whole country, so the other region has all its wijken and every figure of its own."""
    with StandIn(recorded_tables(recorded)) as cbs:
        rdc = _peel(tmp_path, cbs.env)
        rdc("run")
    _nothing_of_the_kempen(rdc)
    with duckdb.connect(str(rdc.file), read_only=True) as con:
        # The region's inhabitants are the sum of its municipalities', added up here from the cells of the source.
        inhabitants = con.execute(
            "select value from core.indicator_value "
            "where region_code = 'DEPEEL' and indicator_id = 'bev_inwoners' and period_code = '2024JJ00'"
        ).fetchall()
        assert (
            inhabitants
            == con.execute(
                "select sum(value) from core.observation where table_id = '03759ned' and period_code = '2024JJ00' "
                f"and measure_code = 'M000352' and region_code in {PEEL}"
            ).fetchall()
        )
        assert inhabitants[0][0] > 90_000
        (wijken,) = con.execute(
            "select count(distinct region_code) from mart.bevolking where region_type = 'wijk' and substr(region_code, 3, 4) "
            f"in {tuple(c[2:] for c in PEEL)}"
        ).fetchall()[0]
        assert wijken > 15, "wijken of the four"
        compared = con.execute(
            "select distinct group_code from mart.comparison where region_code = 'DEPEEL'"
        ).fetchall()
        assert {code for (code,) in compared} == {"PV30", "GROTE_BUREN"}, "its province and the group that it declared"


def _nothing_of_the_kempen(rdc: Rdc, but: tuple[str, ...] = ()) -> None:
    assert not list(_mentions(rdc.file, but))
    for file in (rdc.home / "warehouse" / "releases").rglob("*"):
        if file.suffix in (".md", ".json", ".jsonld", ".ttl", ".html", ".csv"):
            text = file.read_text(encoding="utf-8")
            assert not re.search(_OURS, text), file


def _mentions(file: Path, but: tuple[str, ...]) -> Iterator[str]:
    with duckdb.connect(str(file), read_only=True) as con:
        for schema, table in con.execute(
            "select table_schema, table_name from information_schema.tables where table_schema in ('core', 'mart')"
        ).fetchall():
            (count, example) = con.execute(
                f'select count(*), any_value(r::varchar) from {schema}."{table}" as r where regexp_matches(r::varchar, ?)',
                [_OURS],
            ).fetchall()[0]
            if count and table not in but:
                yield f"{schema}.{table}: {count} rows, such as {example}"
        yield from (
            f"{table}.{column}: {comment}"
            for table, column, comment in con.execute(
                "select table_name, column_name, comment from duckdb_columns() where regexp_matches(comment, ?)",
                [_OURS],
            ).fetchall()
        )
