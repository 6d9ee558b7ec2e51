"""The release, for each of those who may see what."""

# No `from __future__ import annotations` here: Dagster reads the annotations of a step's parameters as they are.
import time
from collections.abc import Sequence

import dagster as dg

from ingest.datacenter import here
from orchestration import pipeline
from orchestration.assets.keys import POOL, RELEASE, owned_by, renewed, series
from orchestration.resource import Run
from orchestration.workspace import Workspace


def release_asset(work: Workspace, audited: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """:param audited: what must be built and judged before."""

    @dg.asset(
        key=RELEASE,
        group_name="release",
        deps=audited,
        partitions_def=series(work),
        kinds={"duckdb"},
        owners=owned_by(here().name),
        freshness_policy=renewed(work),
        pool=POOL,
        description="The published warehouse: the candidate, audited and promoted by one atomic rename.",
    )
    def release(run: Run) -> dg.MaterializeResult:
        work = run.workspace()
        began = time.monotonic()
        made = pipeline.release(work)
        return dg.MaterializeResult(
            metadata={
                "release": made.release_id,
                "sha256": made.sha256,
                "bytes": made.bytes,
                "seconds": round(time.monotonic() - began, 3),
                "dagster/row_count": made.tables.get("core.indicator_value", 0),
                "checks": dg.MetadataValue.json(made.checks),
                "tables": dg.MetadataValue.json(made.tables),
                "report": dg.MetadataValue.path(work.releases.report(made.release_id)),
            }
        )

    return release
