"""What policy choices did, by the figures that dbt made."""

# No `from __future__ import annotations` here: Dagster reads the annotations of a step's parameters as they are.
from collections.abc import Iterator, Sequence

import dagster as dg

from ingest.datacenter import here
from orchestration import by_hand, pipeline
from orchestration.assets.checks import CHECK, judged
from orchestration.assets.keys import EFFECTS, POOL, owned_by, renewed, series
from orchestration.resource import Run
from orchestration.workspace import Workspace


def effect_assets(work: Workspace, models: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """:param models: what must be built before."""

    @dg.multi_asset(
        name="policy_effects",
        specs=[
            dg.AssetSpec(
                key,
                deps=models,
                group_name="mart",
                kinds={"duckdb"},
                partitions_def=series(work),
                owners=owned_by(here().name),
                freshness_policy=renewed(work),
                description="What policy choices did: only what changed is worked out, and none of it keeps a release back.",
            )
            for key in EFFECTS
        ],
        check_specs=[
            dg.AssetCheckSpec(CHECK, asset=key, description="Great Expectations; it keeps no release back.")
            for key in EFFECTS
        ],
        pool=POOL,
    )
    def policy_effects(context: dg.AssetExecutionContext, run: Run) -> Iterator[dg.MaterializeResult]:
        work = run.workspace()
        # Alone, it is worked out by hand: there is no candidate then.
        found, results = pipeline.effects(work) if work.candidate.file.is_file() else by_hand.effects(work)
        for line in found.broke_off:
            context.log.warning(line)
        for key in EFFECTS:
            yield dg.MaterializeResult(
                asset_key=key,
                check_results=[judged(key, results)],
                metadata={
                    "worked_out": found.questions,
                    "taken_over": found.taken_over,
                    "broke_off": dg.MetadataValue.md("\n".join(f"- {line}" for line in found.broke_off) or "-"),
                },
            )

    return policy_effects
