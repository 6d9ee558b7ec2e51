"""dbt's own files: they are read back, so a kill while one is written must not stop every run after it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from ingest.datacenter import here
from warehouse.making import build
from warehouse.reading.published import REFERENCE
from warehouse.registry import indicators


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dbt")
    build.manifest(folder)
    return folder


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sha256"])
@pytest.mark.parametrize("how", ["cut", "empty", "one byte"])
def test_a_manifest_that_a_kill_left_by_half_is_made_again(
    scratch: Path, monkeypatch: pytest.MonkeyPatch, name: str, how: str
) -> None:
    parsed: list[list[str]] = []
    invoke = build._invoke
    monkeypatch.setattr(build, "_invoke", lambda command, *where: (parsed.append(command), invoke(command, *where))[1])
    assert "model.rdc.observation" in nodes(build.manifest(scratch)) and parsed == []  # whole: not made again
    file = scratch / name
    whole = file.read_bytes()
    spoilt = {"cut": whole[: len(whole) // 2], "empty": b"", "one byte": whole[:20] + b"!" + whole[21:]}
    file.write_bytes(spoilt[how])
    assert "model.rdc.observation" in nodes(build.manifest(scratch)) and parsed == [["parse"]]
    build.manifest(scratch)
    assert parsed == [["parse"]]


def test_what_dbt_left_by_half_in_its_own_folder_is_not_read(scratch: Path) -> None:
    (scratch / "target" / "manifest.json").write_bytes(b"{")
    assert "model.rdc.observation" in nodes(build.manifest(scratch))


def nodes(manifest: Path) -> dict[str, object]:
    return json.loads(manifest.read_bytes())["nodes"]


@pytest.mark.parametrize("how", ["cut", "one byte", "a folder", "gone", "not done"])
def test_dbt_goes_on_only_from_what_it_parsed_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    parsed, seen = tmp_path / "target" / "partial_parse.msgpack", []
    killed: list[KeyboardInterrupt] = []

    class Runner:
        def invoke(self, _: list[str]) -> SimpleNamespace:
            seen.append(parsed.read_bytes() if parsed.is_file() else None)
            parsed.parent.mkdir(exist_ok=True)
            parsed.write_bytes(b"the project as it was parsed")
            if killed:
                raise killed.pop()
            return SimpleNamespace(success=True, exception=None)

    monkeypatch.setattr("dbt.cli.main.dbtRunner", Runner)
    build._invoke(["parse"], tmp_path, build.PROJECT)
    if how == "cut":
        parsed.write_bytes(parsed.read_bytes()[:-3])
    elif how == "one byte":
        parsed.write_bytes(parsed.read_bytes().replace(b"w", b"v"))
    elif how == "not done":
        killed.append(KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            build._invoke(["build"], tmp_path, build.PROJECT)
        seen.pop(0)
    else:
        parsed.unlink()
        if how == "a folder":
            parsed.mkdir()
    build._invoke(["build"], tmp_path, build.PROJECT)
    build._invoke(["build"], tmp_path, build.PROJECT)
    assert seen[1:] == [None, b"the project as it was parsed"]


def test_the_project_is_known_by_its_files_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "target" / "rdc"
    project.mkdir(parents=True)
    monkeypatch.setattr(build, "PROJECT", project)
    before = build.project_hash()
    (project / "model.sql").write_text("select 1", encoding="utf-8")
    assert build.project_hash() != before


#: What has its key in a test of its own, which counts more than the key alone.
KEYED = {"cell": "cell_one_per_row_and_measure", "observation": "observation_one_per_cell"}


def test_every_model_of_core_and_mart_has_its_key_tested(scratch: Path) -> None:
    """One row per key: the model's grain, or a column that is unique and never empty. An ephemeral one is part of those that take it up."""
    project = nodes(build.manifest(scratch))
    tested: dict[str, set[tuple[str, str | None]]] = {}
    for node in project.values():
        if node["resource_type"] == "test":
            name = (node["test_metadata"] or {}).get("name") if "test_metadata" in node else node["name"]
            tested.setdefault(node.get("attached_node") or "", set()).add((name, node.get("column_name")))
    alone = {node["name"] for node in project.values() if node["resource_type"] == "test"}
    without = []
    for unique_id, node in project.items():
        if node["resource_type"] != "model" or node["config"]["materialized"] == "ephemeral":
            continue
        of = tested.get(unique_id, set())
        keyed = any(name == "grain" or {("unique", column), ("not_null", column)} <= of for name, column in of)
        if node["schema"] in ("core", "mart") and not keyed and KEYED.get(node["name"]) not in alone:
            without.append(node["name"])
    assert without == []


def test_dbt_docs_tell_where_the_data_comes_from_and_where_it_goes(scratch: Path) -> None:
    """Each source with its columns, each with a text and a type; and who uses the marts, down to what they are made of."""
    project = json.loads(build.manifest(scratch).read_bytes())
    for source in project["sources"].values():
        assert source["columns"], source["name"]
        assert all(c["description"] and c["data_type"] for c in source["columns"].values()), source["name"]
    exposures = {e["name"]: e for e in project["exposures"].values()}
    assert exposures.keys() == {"api", "odata", "files", "portal"}
    wide = {f"model.rdc.{theme.theme}" for theme in indicators.load().themes}
    for exposure in exposures.values():
        assert exposure["owner"]["name"] == here().publisher.name
        assert wide < set(exposure["depends_on"]["nodes"])
    by_us = {"policy_effect", "policy_effect_path"}
    shown = {f"source.rdc.worked_out.{name}" if name in by_us else f"model.rdc.{name}" for name in REFERENCE}
    for name in ("api", "odata", "files"):
        assert shown <= set(exposures[name]["depends_on"]["nodes"])
