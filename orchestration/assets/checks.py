"""Great Expectations over what dbt built, and how all checks came out."""

# No `from __future__ import annotations` here: Dagster reads the annotations of a step's parameters as they are.
import time
from collections.abc import Iterator, Sequence

import dagster as dg

from expectations import CheckResult
from ingest.datacenter import here
from orchestration import by_hand, pipeline
from orchestration.assets.keys import CHECK_RESULT, POOL, owned_by, renewed, series
from orchestration.resource import Run
from orchestration.workspace import Workspace

#: The name of the check on each table.
CHECK = "great_expectations"


def great_expectations(models: Sequence[dg.AssetKey]) -> dg.AssetChecksDefinition:
    """A check on each model. All of them audit the candidate; some of them alone look at what is built by hand."""

    @dg.multi_asset_check(
        name="great_expectations",
        specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=key,
                blocking=True,
                description="Great Expectations; blocks the release when something critical fails.",
            )
            for key in models
        ],
        can_subset=True,
        pool=POOL,
    )
    def great_expectations(context: dg.AssetCheckExecutionContext, run: Run) -> Iterator[dg.AssetCheckResult]:
        work = run.workspace()
        asked = sorted(check.asset_key for check in context.selected_asset_check_keys)
        if len(asked) == len(models):
            results = pipeline.audit(work)
            pipeline.tell_refusal(work)
        else:
            results = by_hand.audit(work)
        for key in asked:
            yield judged(key, results)

    return great_expectations


def judged(key: dg.AssetKey, results: Sequence[CheckResult]) -> dg.AssetCheckResult:
    """How a table came out of the audit."""
    own = [r for r in results if r.subject == ".".join(key.path)]
    broken = [r for r in own if not r.success]
    critical = [r for r in broken if r.severity == "critical"]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=CHECK,
        passed=not broken,
        severity=dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN,
        metadata={
            "checks": len(own),
            "failed": dg.MetadataValue.md(
                "\n".join(f"- {r.severity}: {r.description} {r.observed}" for r in broken) or "-"
            ),
        },
    )


def check_result(work: Workspace, models: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=CHECK_RESULT,
        group_name="core",
        deps=models,
        kinds={"duckdb"},
        owners=owned_by(here().name),
        freshness_policy=renewed(work),
        partitions_def=series(work),
        pool=POOL,
        description="How a release was judged: one row per check, of Great Expectations, of dbt and of the snapshots.",
    )
    def check_result(run: Run) -> dg.MaterializeResult:
        began = time.monotonic()
        counts = pipeline.note_checks(run.workspace())
        seconds = round(time.monotonic() - began, 3)
        return dg.MaterializeResult(metadata={"dagster/row_count": sum(counts.values()), "seconds": seconds, **counts})

    return check_result
