"""What serves on of an indicator that is withheld: only figures of which it is certain that they may and still mean the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.dbt_project.model import build
from tests.warehouse.made import CHECKS, candidate
from warehouse.export import extract, pieces
from warehouse.export.extraction import LONG_SHAPE
from warehouse.making.binding import keep_last_good, load_registry
from warehouse.making.publishing import publish
from warehouse.reading.reader import reading
from warehouse.registry import indicators
from warehouse.releases.release import Releases
from warehouse.sharing.access import Access

#: The main table of all of these is T_OPEN; what else they draw on, differs. No column is called what it must be.
DRAWS_ON = {"bev_inwoners": None, "bev_dichtheid": "T_EIGEN", "won_prijs": "T_PARTNER", "soc_partners": "T_GONE"}
UNITS = {"bev_inwoners": "aantal", "bev_dichtheid": "per km²", "won_prijs": "euro", "soc_partners": "aantal"}


def registry(folder: Path, **changed: Any) -> indicators.Registry:
    def declared(name: str, other: str | None) -> dict[str, Any]:
        terms = [{"stem": "Weg"}, *([{"stem": "Er", "table": other}] if other else [])]
        version = {"version": 1, "valid_from": "2000-01-01", "definition": "X.", "unit": UNITS[name], "decimals": 0}
        version |= {"aggregation": "sum", "bindings": [{"table": "T_OPEN", "regions": ["gemeente"], "value": terms}]}
        version |= changed if name == "bev_inwoners" else {}
        return {"id": name, "name": name, "direction": "neutraal", "source": "CBS", "versions": [version]}

    content = {
        "theme": "bevolking",
        "title": "Bevolking",
        "purpose": "Weten hoeveel.",
        "eu_themes": ["SOCI"],
        "indicators": [declared(*item) for item in DRAWS_ON.items()],
    }
    folder.mkdir(exist_ok=True)
    (folder / "bevolking.yml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return indicators.load(folder)


@pytest.fixture
def released(tmp_path: Path) -> Path:
    made = candidate(tmp_path / "warehouse")
    with made.connect() as con:
        con.execute("update core.indicator_value set table_id = 'T_OPEN', snapshot_id = 'T_OPEN-1'")
        con.execute("update core.indicator_term set table_id = 'T_OPEN'")
        con.execute(
            "delete from core.indicator where indicator_id not in ('bev_inwoners', 'bev_dichtheid', 'won_prijs', 'soc_partners')"
        )
        for name, other in DRAWS_ON.items():
            con.execute(
                "insert into core.indicator_term (binding_id, role, term_no, table_id, indicator_id, version) "
                "select binding_id, role, 2, $2, indicator_id, version "
                "from core.indicator_term where indicator_id = $1 and $2 is not null",
                [name, other],
            )
    return made.file


@pytest.fixture
def con(released: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(
            """
            create schema raw; create schema core;
            create table raw.snapshot as select * from (values
                (1, 'T_OPEN', 'T_OPEN-2', 'v4'), (2, 'T_EIGEN', 'T_EIGEN-2', 'municipal'), (3, 'T_PARTNER', 'T_PARTNER-2', 'table')
            ) as t(snapshot_no, table_id, snapshot_id, protocol), (select []::varchar[] as other_dimensions);
            create table raw.measure as select snapshot_no as measure_id, snapshot_no, 'Er' as stem, 'Er_1' as code, '' as path,
                'aantal' as unit from raw.snapshot;
            create table raw.code (snapshot_no integer, dimension varchar, code varchar, title varchar);
            """
        )
        yield con


def kept(con: duckdb.DuckDBPyConnection, released: Path, registry: indicators.Registry) -> set[str]:
    load_registry(con, registry)
    keep_last_good(con, released)
    return {name for (name,) in con.execute("select distinct indicator_id from raw.kept_figure").fetchall()}


def test_nothing_is_kept_that_draws_on_what_a_municipality_delivered_or_is_no_more(
    con: duckdb.DuckDBPyConnection, released: Path, tmp_path: Path
) -> None:
    assert kept(con, released, registry(tmp_path / "registry")) == {"bev_inwoners", "won_prijs"}


def test_nothing_is_kept_that_drew_on_more_than_its_binding_does_now(
    con: duckdb.DuckDBPyConnection, released: Path, tmp_path: Path
) -> None:
    with duckdb.connect(str(released)) as file:
        file.execute("update core.indicator_term set table_id = 'T_EIGEN' where indicator_id = 'bev_inwoners'")
    assert kept(con, released, registry(tmp_path / "registry")) == {"won_prijs"}


@pytest.mark.parametrize(
    "changed", [{"unit": "x 1 000"}, {"factor": 100}, {"aggregation": "none", "why_not": "Een proef."}]
)
def test_nothing_is_kept_that_would_mean_something_else(
    con: duckdb.DuckDBPyConnection, released: Path, tmp_path: Path, changed: dict[str, Any]
) -> None:
    assert kept(con, released, registry(tmp_path / "registry", **changed)) == {"won_prijs"}


def test_a_kept_figure_is_as_open_as_the_least_open_table_that_it_draws_on(
    con: duckdb.DuckDBPyConnection, released: Path, tmp_path: Path
) -> None:
    assert "won_prijs" in kept(con, released, registry(tmp_path / "registry"))
    con.execute(
        """
        create table core.measure as select *, code as measure_code from raw.measure;
        create table core.snapshot as select * from raw.snapshot;
        create table core."table" as select 'T_OPEN' as table_id, 'public' as sharing_level
            union all select 'T_PARTNER', 'partners' union all select 'T_EIGEN', 'municipality';
        create table core.region_group (group_code varchar, region_code varchar);
        create table core.indicator_value as select indicator_id, table_id, binding_id from raw.kept_figure;
        """
    )
    build(con, "core/indicator_term")
    numbers = dict(con.execute("select distinct indicator_id, binding_id from core.indicator_value").fetchall())
    levels = Access.of(con).bindings
    assert levels[numbers["won_prijs"]] == "partners" and levels[numbers["bev_inwoners"]] == "public"
    assert not con.execute("from core.indicator_term where table_id = 'T_GONE'").fetchall()


@pytest.mark.parametrize("shape", [LONG_SHAPE, None])
def test_a_kept_figure_says_so_in_every_file(tmp_path: Path, shape: str | None) -> None:
    folder = tmp_path / "warehouse"
    made = candidate(folder)
    with made.connect() as con:
        con.execute(
            "update core.indicator_value set method = 'kept', note = 'Laatste goede cijfer.' "
            "where indicator_id = 'bev_inwoners' and region_code = 'GM0770' and period_code = '2023JJ00'"
        )
    publish(Releases(folder), made, [], CHECKS, "<html></html>")
    with reading(Releases(folder)) as reader:
        found = extract(reader.published, "bevolking", regions=["GM0770"], shape=shape)
        rows = list(csv.DictReader(io.StringIO(b"".join(pieces(found, "csv")).decode())))
    told = {r["period_code"]: r for r in rows if r.get("indicator_id", "bev_inwoners") == "bev_inwoners"}
    if shape:
        assert (told["2023JJ00"]["origin"], told["2023JJ00"]["note"]) == ("last_good", "Laatste goede cijfer.")
        assert (told["2024JJ00"]["origin"], told["2024JJ00"]["note"]) == ("live", "")
    else:
        assert told["2023JJ00"]["note"] == "bev_inwoners=Laatste goede cijfer." and not told["2024JJ00"]["note"]
