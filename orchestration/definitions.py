"""One Dagster code location: source tables, dbt models, checks and the release, with schedule and sensors over them.

The asset graph is the way of the data: ``statline/<table>`` and ``municipal/<contract>`` → ``warehouse/candidate`` → dbt's models →
``mart/policy_effect`` → ``core/check_result`` → ``warehouse/release``. Two jobs run it: ``ingest`` fetches what changed and may fail for
some tables; ``build`` makes a release from the last good snapshots whatever happened to the others, for one of those who may see what:
its partition.
``rdc run`` runs the same jobs.
"""

from __future__ import annotations

import dagster as dg

from orchestration.assets.automation import automation
from orchestration.assets.build import candidate_asset, model_assets
from orchestration.assets.checks import check_result, great_expectations
from orchestration.assets.effects import effect_assets
from orchestration.assets.keys import CHECK_RESULT, EFFECTS
from orchestration.assets.release import release_asset
from orchestration.assets.sources import source_assets
from orchestration.pipeline import Watch
from orchestration.resource import Run
from orchestration.workspace import Workspace


def definitions(work: Workspace | None = None, watch: Watch | None = None) -> dg.Definitions:
    """:param watch: who looks on while tables come in."""
    work = work or Workspace.open()
    tables, models = source_assets(work), model_assets(work)
    audited = sorted(key for key in models.keys if key.path[0] in ("core", "mart"))
    by_itself = automation(work, tables)
    return dg.Definitions(
        assets=[
            tables,
            candidate_asset(work),
            models,
            effect_assets(work, audited),
            check_result(work, [*audited, *EFFECTS]),
            release_asset(work, [*audited, *EFFECTS, CHECK_RESULT]),
        ],
        asset_checks=[great_expectations(audited)],
        resources={"run": Run(), "watch": watch or Watch()},
        executor=dg.in_process_executor,
        jobs=by_itself.jobs,
        schedules=by_itself.schedules,
        sensors=by_itself.sensors,
    )


defs = definitions()
