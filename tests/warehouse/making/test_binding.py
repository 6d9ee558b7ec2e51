"""Definitions bound to the tables of a build: which column each term takes, what is withheld, and what a reader is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from warehouse.making.binding import Withheld, load_registry
from warehouse.registry import indicators

#: Table, stem and unit of its columns; T_MARGIN has a further dimension.
COLUMNS = [
    ("T_ONE", "Inwoners", "aantal"), ("T_ONE", "Aandeel", "%"), ("T_ONE", "Afval", "kilogram"), ("T_ONE", "Huizen", "aantal"),
    ("T_MARGIN", "Ervaren", "%"), ("T_TWO", "Inwoners", "aantal"),
]  # fmt: skip


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(
            """
            create schema raw;
            create table raw.snapshot as select * from (values
                (1, 'T_ONE', []::varchar[]), (2, 'T_MARGIN', ['Marges']), (3, 'T_TWO', [])
            ) as t(snapshot_no, table_id, other_dimensions);
            create table raw.measure (measure_id integer, snapshot_no integer, stem varchar, path varchar, unit varchar);
            create table raw.code as select * from (values
                (2, 'Marges', 'MW00000', 'Waarde'), (2, 'Marges', 'MOG0095', 'Ondergrens'), (2, 'Marges', 'MBG0095', 'Bovengrens'),
                (2, 'Regio', 'GM0770', 'Eersel'), (1, 'Marges', 'MW00000', 'of another table')
            ) as t(snapshot_no, dimension, code, title);
            """
        )
        numbers = {"T_ONE": 1, "T_MARGIN": 2, "T_TWO": 3}
        con.executemany(
            "insert into raw.measure values (?, ?, ?, null, ?)",
            [(n, numbers[table], stem, unit) for n, (table, stem, unit) in enumerate(COLUMNS, 1)],
        )
        yield con


def term(stem: str, **more: Any) -> dict[str, Any]:
    return {"stem": stem} | more


def binding(table: str = "T_ONE", **roles: Any) -> dict[str, Any]:
    return {"table": table, "regions": ["gemeente"]} | roles


def ratio(above: dict[str, Any], below: dict[str, Any], table: str = "T_ONE") -> dict[str, Any]:
    return binding(table, numerator=[above], denominator=[below])


def load(con: duckdb.DuckDBPyConnection, folder: Path, *versions: dict[str, Any]) -> list[Withheld]:
    """A registry of an indicator for each: ``a``, ``b`` and so on."""
    declared = [
        {
            "id": name, "name": name, "direction": "neutraal", "source": "CBS",
            "versions": [{"version": 1, "valid_from": "2000-01-01", "definition": "X.", "unit": "aantal", "decimals": 0,
                          "aggregation": "sum"} | version],
        }
        for name, version in zip("abcdefgh", versions, strict=False)
    ]  # fmt: skip
    theme = {
        "theme": "bevolking",
        "title": "Bevolking",
        "purpose": "Weten.",
        "eu_themes": ["SOCI"],
        "indicators": declared,
    }
    folder.mkdir(exist_ok=True)
    (folder / "bevolking.yml").write_text(yaml.safe_dump(theme, sort_keys=False), encoding="utf-8")
    return load_registry(con, indicators.load(folder))


def bound(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return con.execute(
        "select indicator_id, role, term_no, term.table_id, bound_to, dimensions_key, sign, measure_id from raw.term as term "
        "join raw.binding using (binding_id) order by all"
    ).fetchall()


def told(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str | None, str | None]]:
    found = con.execute("select indicator_id, availability, no_figure, caveats from raw.indicator").fetchall()
    return {name: tuple(rest) for name, *rest in found}


RATIO = {"aggregation": "ratio", "factor": 100, "unit": "%", "numerator": "Wie.", "denominator": "Van wie."}


def test_each_term_takes_its_column_of_its_table_with_its_sign_and_member(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = {"Marges": "MW00000"}
    withheld = load(
        con, tmp_path / "r",
        {"bindings": [binding(value=[term("Inwoners"), term("Huizen", subtract=True), term("Inwoners", table="T_TWO"),
                                     term("Elders", table="T_GONE")])]},
        {"unit": "%", "aggregation": "none", "why_not": "Een proef.",
         "bindings": [binding("T_MARGIN", value=[term("Ervaren", dimensions=members)],
                              margins={"dimension": "Marges", "lower": "MOG0095", "upper": "MBG0095"})]},
    )  # fmt: skip
    assert withheld == []
    assert bound(con) == [
        ("a", "value", 1, "T_ONE", "Inwoners ()", "", 1, 1),
        ("a", "value", 2, "T_ONE", "Huizen ()", "", -1, 4),
        ("a", "value", 3, "T_TWO", "Inwoners ()", "", 1, 6),
        # Its table is not in this build: whoever reads the figure finds that a part is not there.
        ("a", "value", 4, "T_GONE", "Elders ()", "", 1, None),
        ("b", "lower", 1, "T_MARGIN", "Ervaren ()", "Marges=MOG0095", 1, 5),
        ("b", "upper", 1, "T_MARGIN", "Ervaren ()", "Marges=MBG0095", 1, 5),
        ("b", "value", 1, "T_MARGIN", "Ervaren ()", "Marges=MW00000", 1, 5),
    ]


@pytest.mark.parametrize(
    ("version", "above", "fits"),
    [
        (RATIO, term("Inwoners"), True),
        (RATIO, term("Aandeel"), False),  # a share is never counted in shares
        (RATIO | {"factor": 1}, term("Aandeel"), False),
        (RATIO | {"factor": 1, "unit": "kilogram per inwoner"}, term("Afval", unit="kilogram"), True),
        (RATIO | {"factor": 1, "unit": "kilogram"}, term("Afval"), True),
        (RATIO | {"factor": 1000, "unit": "kilogram"}, term("Afval"), False),  # in thousands it is another unit
        (RATIO | {"factor": 1, "unit": "kilogram"}, term("Inwoners"), True),
        (RATIO | {"factor": 1, "unit": "kilogram"}, term("Aandeel"), False),
    ],
)  # fmt: skip
def test_what_is_divided_is_counted_in_things_or_in_what_the_figure_is_given_in(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, version: dict[str, Any], above: dict[str, Any], fits: bool
) -> None:
    withheld = load(con, tmp_path / "r", version | {"bindings": [ratio(above, term("Huizen"))]})
    assert (withheld == []) is fits
    # None of its terms is bound, though the denominator fits: half a ratio would be a figure of something else.
    assert [number for *_, number in bound(con)] == ([4, bound(con)[1][-1]] if fits else [None, None])


def test_what_does_not_fit_is_withheld_alone_and_its_place_is_told(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    good, bad = binding(value=[term("Inwoners")]), binding("T_TWO", value=[term("Inwoners"), term("Inwooners")])
    found = load(
        con,
        tmp_path / "r",
        {"bindings": [good]},
        {"bindings": [bad | {"regions": ["land"]}, good]},
        {"bindings": [bad]},
    )
    assert [(w.indicator_id, w.version, w.table_id) for w in found] == [("b", 1, "T_TWO"), ("c", 1, "T_TWO")]
    assert found[0].place.endswith("bevolking.yml: indicator b: field versions.0.bindings.0.value.1.stem")
    assert found[0].reason.startswith("T_TWO has no column Inwooners. Did you mean Inwoners?")
    assert {b: n for b, *_, n in bound(con) if b == "a"} == {"a": 1}
    assert con.execute("select count(*) from raw.withheld").fetchall() == [(2,)]
    numbers = {
        t for (t,) in con.execute("select distinct binding_id from raw.term where measure_id is null").fetchall()
    }
    assert numbers == {w.binding_id for w in found}
    why = "Ingehouden: T_TWO heeft geen kolom Inwooners; het meest lijkt daarop Inwoners."
    assert told(con) == {
        "a": ("berekend", None, None),
        "b": ("berekend", None, why),  # from its other table
        "c": ("ingehouden", why, why),
    }


def test_a_column_that_is_wrong_is_told_once_and_not_again_for_its_margins(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    margins = {"dimension": "Marges", "lower": "MOG0095", "upper": "MBG0095"}
    wrong = binding("T_MARGIN", value=[term("Ervaaren", dimensions={"Marges": "MW00000"})], margins=margins)
    [found] = load(con, tmp_path / "r", {"aggregation": "none", "why_not": "x", "unit": "%", "bindings": [wrong]})
    assert found.place.endswith("bindings.0.value.0.stem")


def test_a_member_is_of_the_table_and_of_a_dimension_besides_region_and_period(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    base = {"aggregation": "none", "why_not": "x", "unit": "%"}
    versions = [
        base | {"bindings": [binding("T_MARGIN", value=[term("Ervaren", dimensions=members)])]}
        for members in ({"Marges": "MX"}, {"Regio": "GM0770", "Marges": "MW00000"}, {})
    ]
    reasons = [w.reason for w in load(con, tmp_path / "r", *versions)]
    assert reasons == [
        "Marges of T_MARGIN has no member MX. Members: MW00000 (Waarde), MOG0095 (Ondergrens), MBG0095 (Bovengrens)",
        "T_MARGIN has no dimension Regio, but Marges.",
        "T_MARGIN has the dimension Marges; name its member. "
        "Members: MW00000 (Waarde), MOG0095 (Ondergrens), MBG0095 (Bovengrens)",
    ]


def test_without_its_tables_a_figure_says_which_to_fetch(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    gone, other = (binding(f"T_{name}", value=[term("X")]) for name in ("GONE", "ELSE"))
    reason = {"reason": "geen_open_bron", "text": "Niemand meet dit."}
    assert not load(
        con, tmp_path / "r", {"bindings": [gone]}, {"bindings": [gone | {"regions": ["land"]}, other]},
        {"bindings": [], "no_figure": reason, "aggregation": "none", "why_not": "x"},
        {"bindings": [gone | {"regions": ["land"]}, binding(value=[term("Inwoners")])]},
    )  # fmt: skip
    assert told(con) == {
        "a": ("niet_opgehaald", "De brontabel T_GONE is niet in deze uitgave opgenomen. Ophalen kan met: rdc run --table T_GONE", None),
        "b": ("niet_opgehaald", "De brontabellen T_GONE, T_ELSE zijn niet in deze uitgave opgenomen. "
              "Ophalen kan met: rdc run --table T_ELSE", None),
        "c": ("geen_open_bron", "Niemand meet dit.", None),
        "d": ("berekend", None, None),
    }  # fmt: skip
