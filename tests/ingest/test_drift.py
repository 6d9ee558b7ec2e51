"""A change at the source is classed: told where it does no harm, stopped where it would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.drift import BREAKING, COMPATIBLE, HARMLESS, Change, changes
from tests.ingest.statline.test_landing import V3, V4, Setting, v3_table, v4_table
from tests.standin import Group, StandIn, Topic, V3Table


def difference(tmp_path: Path, table, edit: Callable) -> list[Change]:
    with StandIn([v3_table(), v4_table()]) as cbs:
        setting = Setting(tmp_path, cbs)
        setting.land(table)
        edit(cbs[table.id])
        cbs[table.id].touch()
        outcome = setting.land(table)
        assert outcome.result == "fetched", outcome.reason
        before, after = setting.store.all(table.id)
        return changes(before, after)


def said(found: list[Change]) -> set[tuple[str, str]]:
    return {(c.level, c.check) for c in found}


def add_period(table) -> None:
    table.add_rows([{"Woningkenmerken": "T001100", "RegioS": "NL01", "Perioden": "2025JJ00", "Aardgas_1": 900}])


CASES: dict[str, tuple[Callable, set[tuple[str, str]]]] = {
    "nothing": (lambda t: None, set()),
    "a new period": (add_period, {(HARMLESS, "code_new")}),
    "a new column": (lambda t: t.add_measure(Topic("Warmte"), value=1), {(COMPATIBLE, "measure_new")}),
    "another suffix": (lambda t: t.rename_measure("Aardgas_1", "Aardgas_9"), {(COMPATIBLE, "measure_code")}),
    "a column gone": (lambda t: t.drop_measure("Aardgas_1"), {(BREAKING, "measure_gone")}),
    "a column renamed": (
        lambda t: t.rename_measure("Aardgas_1", "Gasverbruik_1"),
        {(BREAKING, "measure_gone"), (COMPATIBLE, "measure_new")},
    ),
    "another unit": (lambda t: t.set_unit("Aardgas_1", "1 000 m³"), {(BREAKING, "measure_unit")}),
    "another title": (lambda t: t.set_property("Aardgas_1", Title="Gasleveringen"), {(BREAKING, "measure_title")}),
    "a figure revised": (
        lambda t: t.set_value(
            {"RegioS": "GM0770", "Perioden": "2022JJ00", "Woningkenmerken": "T001100"}, "Aardgas_1", 1
        ),
        {(HARMLESS, "revised")},
    ),
    "all scaled": (lambda t: t.scale("Aardgas_1", 1000), {(BREAKING, "scaled")}),
    "all scaled down": (lambda t: t.scale("Aardgas_1", 0.01), {(BREAKING, "scaled")}),
    "doubled is a revision": (lambda t: t.scale("Aardgas_1", 2), {(HARMLESS, "revised")}),
    "all null": (lambda t: t.set_value(None, "Aardgas_1", None), {(BREAKING, "all_null")}),
    "a period gone": (
        lambda t: (t.drop_rows({"Perioden": "2022JJ00"}), t.drop_code("Perioden", "2022JJ00")),
        {(BREAKING, "period_gone"), (COMPATIBLE, "rows_lost")},
    ),
    "rows lost": (lambda t: t.drop_rows({"RegioS": "PV30"}), {(COMPATIBLE, "rows_lost")}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_change_in_a_wide_table_is_classed(tmp_path: Path, case: str) -> None:
    edit, expected = CASES[case]
    assert said(difference(tmp_path, V3, edit)) == expected


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda t: t.scale("M000352", 1000), {(BREAKING, "scaled")}),
        (lambda t: t.rename_measure("M000352", "M999999"), {(BREAKING, "measure_gone"), (COMPATIBLE, "measure_new")}),
        (lambda t: t.set_unit("M000352", "x 1 000"), {(BREAKING, "measure_unit")}),
        (lambda t: t.set_value({"RegioS": "GM0770", "Perioden": "2022JJ00"}, "M000352", 3), {(HARMLESS, "revised")}),
    ],
    ids=["scaled", "renamed", "unit", "revised"],
)
def test_a_change_in_a_long_table_is_classed(tmp_path: Path, edit: Callable, expected: set) -> None:
    assert said(difference(tmp_path, V4, edit)) == expected


def test_a_renamed_column_is_suggested(tmp_path: Path) -> None:
    found = difference(tmp_path, V3, lambda t: t.rename_measure("Stadsverwarming_2", "Stadsverwarmingen_2"))
    assert "Lijkt op: Stadsverwarmingen" in found[0].text


def cut_off() -> V3Table:
    """Two columns of one topic group whose keys CBS cut off at the same letter, a thousand times apart."""
    return V3Table.build(
        V3.id,
        dims={"RegioS": ["NL01", "GM0770", "GM1724", "GM1728", "GM1667", "GM0823"], "Perioden": ["2024JJ00"]},
        topics=[Group("Energie", [Topic("Gemiddeld", unit="m³"), Topic("Gemiddeld", unit="m³")])],
        rows=[
            (r, "2024JJ00", n + 1, 1000 * n + 1000)
            for n, r in enumerate(["NL01", "GM0770", "GM1724", "GM1728", "GM1667", "GM0823"])
        ],
    )


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda t: t.set_value({"RegioS": "GM0770"}, "Gemiddeld_1", 7), {(HARMLESS, "revised")}),
        (lambda t: t.drop_measure("Gemiddeld_2"), {(BREAKING, "measure_gone")}),
    ],
)
def test_columns_that_share_a_stem_are_told_apart(tmp_path: Path, edit: Callable, expected: set) -> None:
    with StandIn([cut_off()]) as cbs:
        setting = Setting(tmp_path, cbs)
        setting.land(V3)
        edit(cbs[V3.id])
        cbs[V3.id].touch()
        assert setting.land(V3).result == "fetched"
        assert said(changes(*setting.store.all(V3.id))) == expected
