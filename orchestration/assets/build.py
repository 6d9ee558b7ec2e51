"""The candidate, and dbt's models and tests on it."""

# No `from __future__ import annotations` here: Dagster reads the annotations of a step's parameters as they are.
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets
from dagster_dbt.asset_utils import get_asset_check_key_for_test

from ingest.datacenter import here
from orchestration import by_hand, pipeline
from orchestration.assets.keys import CANDIDATE, POOL, owned_by, renewed, series, table_key
from orchestration.resource import Run
from orchestration.workspace import Workspace
from warehouse.making.build import manifest


class Translator(DagsterDbtTranslator):
    """dbt's sources are the candidate; a model's schema is its group and the start of its key.

    :param fresh: how long what it makes may stand.
    """

    def __init__(self, fresh: dg.FreshnessPolicy) -> None:
        super().__init__(settings=DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))
        self.fresh = fresh

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return CANDIDATE
        return dg.AssetKey([self._schema(dbt_resource_props), dbt_resource_props["alias"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return self._schema(dbt_resource_props)

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        return owned_by(here().name)

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        return spec if spec.key == CANDIDATE else spec.replace_attributes(freshness_policy=self.fresh)

    def _schema(self, props: Mapping[str, Any]) -> str:
        return str(props["config"].get("schema") or props["schema"])


def candidate_asset(work: Workspace) -> dg.AssetsDefinition:
    @dg.asset(
        key=CANDIDATE,
        group_name="candidate",
        deps=[table_key(t) for t in work.registry.tables.values()],
        partitions_def=series(work),
        kinds={"duckdb"},
        owners=owned_by(here().name),
        freshness_policy=renewed(work),
        pool=POOL,
        output_required=False,
        description="An empty database beside the released one, with the chosen snapshots laid out for dbt. The choice is "
        "written down, and all that follows keeps to it.",
    )
    def candidate(context: dg.AssetExecutionContext, run: Run) -> Iterator[dg.MaterializeResult]:
        work = run.workspace()
        work.sweep()
        inputs = pipeline.inputs(work, run.mode)
        if not work.releases.is_new(inputs):
            # Another run built this while this one waited for its turn.
            context.log.info("Nothing changed since the newest release, so there is nothing to build.")
            return
        began = time.monotonic()
        pipeline.prepare(work, inputs)
        yield dg.MaterializeResult(
            metadata={
                "tables": len(inputs),
                "dagster/row_count": sum(i.snapshot.row_count for i in inputs),
                "seconds": round(time.monotonic() - began, 3),
                "snapshots": dg.MetadataValue.json({i.table.id: i.snapshot.snapshot_id for i in inputs}),
                "origins": dg.MetadataValue.json({i.table.id: i.origin for i in inputs}),
            }
        )

    return candidate


def model_assets(work: Workspace) -> dg.AssetsDefinition:
    """dbt's models, with its tests as checks on them. All of them build the candidate; some of them alone are built by hand, on a
    database of their own, as ``rdc dbt`` does: of what is half made nothing can be released."""
    project = json.loads(manifest(work.scratch).read_text(encoding="utf-8"))
    translator = Translator(renewed(work))
    models = {
        translator.get_asset_key(node): node["name"]
        for node in project["nodes"].values()
        if node["resource_type"] == "model"
    }
    tests = {
        key: node["name"]
        for node in project["nodes"].values()
        if node["resource_type"] == "test"
        and (key := get_asset_check_key_for_test(project, translator, node["unique_id"], None))
    }

    @dbt_assets(manifest=project, dagster_dbt_translator=translator, name="dbt", pool=POOL, partitions_def=series(work))
    def dbt_models(context: dg.AssetExecutionContext, run: Run) -> Iterator[Any]:
        work = run.workspace()
        wanted, asked = context.selected_asset_keys, context.selected_asset_check_keys
        rows: dict[str, int] = {}
        if wanted == dbt_models.keys:
            nodes = pipeline.build(work)
            rows = pipeline.row_counts(work)
        else:
            nodes = by_hand.build(work, [*(models[k] for k in wanted), *(tests[k] for k in asked)])
        for node in nodes:
            if (
                node.resource_type == "model"
                and (key := translator.get_asset_key(project["nodes"][node.unique_id])) in wanted
            ):
                counted = rows.get(".".join(key.path))
                metadata = {"seconds": round(node.seconds, 3)} | (
                    {} if counted is None else {"dagster/row_count": counted}
                )
                yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        for node in nodes:
            if node.resource_type != "test":
                continue
            check = get_asset_check_key_for_test(project, translator, node.unique_id, None)
            if check and check in asked:
                yield dg.AssetCheckResult(
                    asset_key=check.asset_key,
                    check_name=check.name,
                    passed=node.status in ("pass", "success"),
                    severity=dg.AssetCheckSeverity.WARN if node.status == "warn" else dg.AssetCheckSeverity.ERROR,
                    metadata={"failures": node.failures or 0, "message": node.message or "-"},
                )

    return dbt_models
