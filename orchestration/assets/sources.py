"""The source tables: an asset each, with checks on what arrived."""

# No `from __future__ import annotations` here: Dagster reads the annotations of a step's parameters as they are.
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from ingest.declaration import Table
from ingest.outcome import FETCHED, UNCHANGED
from ingest.source import source_of
from orchestration import pipeline
from orchestration.assets.keys import owned_by, table_key
from orchestration.resource import Run
from orchestration.workspace import Workspace


def _table_spec(table: Table) -> dg.AssetSpec:
    days = table.max_age_days
    return dg.AssetSpec(
        key=table_key(table),
        group_name=_group(table),
        description=table.title,
        kinds=set(source_of(table).kinds),
        owners=owned_by(table.owner or table.source_id),
        skippable=True,  # an unchanged table is not made anew, and one that failed must not stop the others
        metadata={
            "publisher": table.owner,
            "protocol": table.protocol,
            "cadence": table.cadence,
            "licence": table.licence,
            "filter": table.filter or "(whole table)",
            "on_request": table.on_request,
            "sharing_level": table.sharing_level,
        },
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(days=days)) if days else None,
    )


def _group(table: Table) -> str:
    source = source_of(table)
    return "on_request" if table.on_request and source.asked else source.group


def source_assets(work: Workspace) -> dg.AssetsDefinition:
    """One multi-asset for all source tables, so that their downloads overlap; any of them can be picked."""
    tables = list(work.registry.tables.values())

    @dg.multi_asset(
        name="sources",
        specs=[_table_spec(t) for t in tables],
        check_specs=[
            check
            for t in tables
            for check in (
                dg.AssetCheckSpec("fetched", asset=table_key(t), description="The source answered, whole."),
                dg.AssetCheckSpec("accepted", asset=table_key(t), description="Great Expectations on the snapshot."),
            )
        ],
        can_subset=True,
    )
    def sources(context: dg.AssetExecutionContext, run: Run, watch: dg.ResourceParam[pipeline.Watch]) -> Iterator[Any]:
        work = run.workspace()
        chosen = [t for t in work.registry.tables.values() if table_key(t) in context.selected_asset_keys]
        outcomes = pipeline.ingest(work, chosen, watch, run.scope)
        failed = []
        for table_id, outcome in outcomes.items():
            key = table_key(work.registry.tables[table_id])
            good = outcome.result in (FETCHED, UNCHANGED)
            yield dg.AssetCheckResult(
                check_name="fetched",
                asset_key=key,
                passed=outcome.result not in ("failed", "unreachable"),
                metadata={"outcome": outcome.result, "reason": outcome.reason or "-"},
            )
            snapshot = work.store.newest(table_id)
            verdict = work.store.verdict(snapshot) if snapshot else None
            if verdict:
                yield dg.AssetCheckResult(
                    check_name="accepted",
                    asset_key=key,
                    passed=verdict.accepted,
                    metadata={"reasons": "; ".join(verdict.reasons) or "-", "checks": len(verdict.results)},
                )
            if outcome.result == FETCHED and snapshot:
                yield dg.MaterializeResult(
                    asset_key=key,
                    metadata={
                        "snapshot": snapshot.snapshot_id,
                        "dagster/row_count": snapshot.row_count,
                        "modified": snapshot.modified,
                        "url": dg.MetadataValue.url(snapshot.url),
                        "folder": dg.MetadataValue.path(snapshot.path),
                        "seconds": outcome.seconds or 0.0,
                        "sha256": snapshot.sha256,
                        "bytes": outcome.bytes or 0,
                    },
                    data_version=dg.DataVersion(snapshot.sha256),
                )
            if not good:
                failed.append(outcome.reason)
        if failed:
            raise dg.Failure(
                f"{len(failed)} of {len(outcomes)} tables could not be taken in; the others are in, and the last good "
                "snapshots serve on:\n" + "\n".join(failed),
                allow_retries=False,
            )

    return sources
