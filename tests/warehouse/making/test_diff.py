"""What changed between two releases is told whole and exact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.warehouse.made import INDICATORS, figure_of, publish
from warehouse.making.diff import Diff, diff
from warehouse.releases.release import ReleaseError, Releases

EERSEL = ("bev_inwoners", "GM0770", "2024JJ00")


def compared(folder: Path, before: dict | None = None, after: dict | None = None, listed: int = 1000) -> Diff:
    old, new = publish(folder, **(before or {})), publish(folder, **(after or {}))
    return diff(Releases(folder), old.release_id, new.release_id, listed)


def test_equal_releases_do_not_differ(tmp_path: Path) -> None:
    found = compared(tmp_path)
    assert not found.changed
    assert found.as_dict()["changed"] is False


def test_a_figure_old_to_new_to_the_last_bit(tmp_path: Path) -> None:
    before = figure_of(*EERSEL)
    after = before + 2**-20
    found = compared(tmp_path, after={"changes": {EERSEL: after}})
    [change] = found.values
    assert (change["indicator_id"], change["region_code"], change["period_code"], change["kind"]) == (*EERSEL, "value")
    assert (change["old_value"], change["new_value"]) == (before, after)
    assert found.value_totals == {"value": 1}
    assert (found.schema, found.rows, found.definitions, found.sources) == ([], [], [], [])


def test_null_is_no_zero_and_a_reason_is_told(tmp_path: Path) -> None:
    found = compared(tmp_path, {"changes": {EERSEL: 0.0}}, {"changes": {EERSEL: "confidential"}})
    [change] = found.values
    assert (change["kind"], change["old_value"], change["new_value"]) == ("value", 0.0, None)
    assert change["new_missing_reason"] == "confidential"


def test_a_reason_that_changed(tmp_path: Path) -> None:
    found = compared(tmp_path, {"changes": {EERSEL: "unknown"}}, {"changes": {EERSEL: "confidential"}})
    assert [(v["kind"], v["old_missing_reason"], v["new_missing_reason"]) for v in found.values] == [
        ("missing_reason", "unknown", "confidential")
    ]


def test_answers_on_policy_choices_are_told_to_who_may_see_all_their_figures(tmp_path: Path) -> None:
    found = compared(tmp_path, after={"estimate": -45.0, "indicators": INDICATORS[1:]})
    assert {(c["indicator_id"], c["change"], c["old_estimate"], c["new_estimate"]) for c in found.effects} == {
        (INDICATORS[0][0], "removed", -40.0, None),
        *((i[0], "estimate", -40.0, -45.0) for i in INDICATORS[1:]),
    }
    folder = Releases(tmp_path).path(found.new).parent
    public = {c["indicator_id"] for c in json.loads((folder / "diff.json").read_bytes())["effects"]}
    assert public == {i[0] for i in INDICATORS if i[6] == "public"}
    said = (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "opnieuw uitgerekend; nog steeds geen effect gezien" in said and "keuze over Meldingen" not in said


def test_rows_that_came_and_went(tmp_path: Path) -> None:
    gone = {(i[0], "GM1728", "2022JJ00") for i in INDICATORS}
    found = compared(tmp_path, {"without": {EERSEL}}, {"without": gone})
    assert found.value_totals == {"added": 1, "removed": len(INDICATORS)}
    rows = {r["table"]: r for r in found.rows}
    assert (rows["mart.bevolking"]["added"], rows["mart.bevolking"]["removed"]) == (0, 1)
    assert rows["core.indicator_value"]["old"] - rows["core.indicator_value"]["new"] == len(INDICATORS) - 1


def test_provisional_becomes_definitive(tmp_path: Path) -> None:
    found = compared(tmp_path, {"statuses": {"2024JJ00": "NaderVoorlopig"}}, {"statuses": {"2024JJ00": "Definitief"}})
    of_2024 = sum(found.value_totals.values())
    assert found.value_totals == {"period_status": of_2024}
    assert found.became_definitive == of_2024 == len(INDICATORS) * 8
    back = diff(Releases(tmp_path), found.new, found.old)
    assert (back.became_definitive, back.value_totals) == (0, found.value_totals)


def test_definitions_field_by_field(tmp_path: Path) -> None:
    found = compared(tmp_path, after={"versions": {"bev_inwoners": {"definition": "Anders.", "position": 99}}})
    assert [(d["indicator_id"], d["field"], d["new"]) for d in found.definitions] == [
        ("bev_inwoners", "definition", "Anders.")
    ]
    assert not found.value_totals


def test_schema_and_indicators(tmp_path: Path) -> None:
    found = compared(tmp_path, after={"indicators": [*INDICATORS[:1], *INDICATORS[2:]]})
    assert ("mart.bevolking", "bev_dichtheid", "column_removed") in {
        (s["table"], s["column"], s["change"]) for s in found.schema
    }
    assert [(d["indicator_id"], d["change"]) for d in found.definitions] == [("bev_dichtheid", "removed")]


def test_a_long_diff_names_corrections_first_and_counts_all(tmp_path: Path) -> None:
    found = compared(tmp_path, {"without": {("won_prijs", "KEMPEN", "2024JJ00")}}, {"changes": {EERSEL: 1.0}}, listed=1)
    assert [v["kind"] for v in found.values] == ["value"]
    assert (found.value_totals, found.omitted) == ({"added": 1, "value": 1}, 1)


def test_an_unknown_release_names_the_known_ones(tmp_path: Path) -> None:
    release = publish(tmp_path)
    with pytest.raises(ReleaseError, match=release.release_id.replace(".", r"\.")):
        diff(Releases(tmp_path), release.release_id, "1999.1.1")
