"""One Dagster code location: source tables, dbt models, checks and the release, with schedule and sensors over them.

The asset graph is the way of the data: ``statline/<table>`` and ``municipal/<contract>`` → ``warehouse/candidate`` → dbt's models →
``warehouse/release``. Two jobs run it: ``ingest`` fetches what changed and may fail for some tables; ``build`` makes a
release from the last good snapshots whatever happened to the others. ``rdc run`` runs the same jobs.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations of a step's parameters as they are.
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.asset_utils import get_asset_check_key_for_test

from ingest.declaration import Table
from ingest.municipal.source import state_of
from ingest.outcome import FETCHED, UNCHANGED
from ingest.settings import number
from ingest.source import source_of
from orchestration import pipeline
from orchestration.instance import KILLED, close_dead_runs
from orchestration.resource import Run
from orchestration.workspace import Workspace
from warehouse.making.build import manifest
from warehouse.releases.inputs import Input

CANDIDATE = dg.AssetKey(["warehouse", "candidate"])
RELEASE = dg.AssetKey(["warehouse", "release"])
#: What touches the candidate runs one after another, whoever starts it.
POOL = "duckdb"
#: The tag that says what a sensor asked a run for.
ASKED = "rdc/asked"


def _inputs(work: Workspace, mode: str = "auto") -> list[Input]:
    return [c.input for c in pipeline.choose(work, mode, work.outcomes.latest()) if c.input]


def table_key(table: Table) -> dg.AssetKey:
    return dg.AssetKey([source_of(table).group, table.id])


# -- source tables ----------------------------------------------------------------------------------------------------


def _table_spec(table: Table) -> dg.AssetSpec:
    days = table.max_age_days
    return dg.AssetSpec(
        key=table_key(table),
        group_name=_group(table),
        description=table.title,
        kinds=set(source_of(table).kinds),
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
    def sources(context: dg.AssetExecutionContext, run: Run) -> Iterator[Any]:
        work = run.workspace()
        chosen = [t for t in work.registry.tables.values() if table_key(t) in context.selected_asset_keys]
        watch = WATCH
        outcomes = pipeline.ingest(work, chosen, watch.progress, watch.done, run.scope)
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


class Watch:
    """Where ``rdc run`` hangs its progress bar; without it nothing is shown."""

    def progress(self, table_id: str, pages: int, expected: int) -> None: ...

    def done(self, outcome: Any) -> None: ...


WATCH = Watch()


# -- candidate, dbt, checks, release ----------------------------------------------------------------------------------


class Translator(DagsterDbtTranslator):
    """dbt's sources are the candidate; a model's schema is its group and the start of its key."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return CANDIDATE
        return dg.AssetKey([self._schema(dbt_resource_props), dbt_resource_props["alias"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return self._schema(dbt_resource_props)

    def _schema(self, props: Mapping[str, Any]) -> str:
        return str(props["config"].get("schema") or props["schema"])


def _translator() -> Translator:
    return Translator(settings=DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))


def build_assets(work: Workspace) -> list[Any]:
    """The candidate, dbt's models on it, Great Expectations over them, and the release."""
    project = json.loads(manifest(work.scratch).read_text(encoding="utf-8"))
    translator = _translator()

    @dg.asset(
        key=CANDIDATE,
        group_name="warehouse",
        deps=[table_key(t) for t in work.selected(())],
        kinds={"duckdb"},
        pool=POOL,
        output_required=False,
        description="An empty database beside the released one, with the chosen snapshots laid out for dbt. The choice is "
        "written down, and all that follows keeps to it.",
    )
    def candidate(context: dg.AssetExecutionContext, run: Run) -> Iterator[dg.MaterializeResult]:
        work = run.workspace()
        work.sweep()
        inputs = _inputs(work, run.mode)
        if not work.releases.is_new(inputs):
            # Another run built this while this one waited for its turn.
            context.log.info("Nothing changed since the newest release, so there is nothing to build.")
            return
        pipeline.prepare(work, inputs)
        yield dg.MaterializeResult(
            metadata={
                "tables": len(inputs),
                "origins": dg.MetadataValue.json({i.table.id: i.origin for i in inputs}),
            }
        )

    @dbt_assets(manifest=project, dagster_dbt_translator=translator, name="dbt", pool=POOL)
    def dbt_models(context: dg.AssetExecutionContext, run: Run) -> Iterator[Any]:
        work = run.workspace()
        nodes = pipeline.build(work)
        for node in nodes:
            if node.resource_type == "model":
                props = project["nodes"][node.unique_id]
                yield dg.MaterializeResult(
                    asset_key=translator.get_asset_key(props), metadata={"seconds": round(node.seconds, 3)}
                )
        for node in nodes:
            if node.resource_type != "test":
                continue
            key = get_asset_check_key_for_test(project, translator, node.unique_id, None)
            if key is not None:
                yield dg.AssetCheckResult(
                    asset_key=key.asset_key,
                    check_name=key.name,
                    passed=node.status in ("pass", "success"),
                    severity=dg.AssetCheckSeverity.WARN if node.status == "warn" else dg.AssetCheckSeverity.ERROR,
                    metadata={"failures": node.failures or 0, "message": node.message or "-"},
                )

    models = [key for key in dbt_models.keys if key.path[0] in ("core", "mart")]

    @dg.multi_asset_check(
        name="great_expectations",
        specs=[
            dg.AssetCheckSpec(
                "great_expectations",
                asset=key,
                blocking=True,
                description="Great Expectations; blocks the release when something critical fails.",
            )
            for key in sorted(models)
        ],
        pool=POOL,
    )
    def great_expectations(context: dg.AssetCheckExecutionContext, run: Run) -> Iterator[dg.AssetCheckResult]:
        work = run.workspace()
        results = pipeline.audit(work)
        pipeline.tell_refusal(work)
        for key in sorted(models):
            own = [r for r in results if r.subject == ".".join(key.path)]
            broken = [r for r in own if not r.success]
            critical = [r for r in broken if r.severity == "critical"]
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name="great_expectations",
                passed=not broken,
                severity=dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN,
                metadata={
                    "checks": len(own),
                    "failed": dg.MetadataValue.md(
                        "\n".join(f"- {r.severity}: {r.description} {r.observed}" for r in broken) or "-"
                    ),
                },
            )

    @dg.asset(
        key=RELEASE,
        group_name="warehouse",
        deps=models,
        kinds={"duckdb"},
        pool=POOL,
        description="The published warehouse: the candidate, audited and promoted by one atomic rename.",
    )
    def release(context: dg.AssetExecutionContext, run: Run) -> dg.MaterializeResult:
        work = run.workspace()
        made = pipeline.release(work)
        return dg.MaterializeResult(
            metadata={
                "release": made.release_id,
                "sha256": made.sha256,
                "bytes": made.bytes,
                "checks": dg.MetadataValue.json(made.checks),
                "tables": dg.MetadataValue.json(made.tables),
                "report": dg.MetadataValue.path(work.releases.report(made.release_id)),
            }
        )

    return [candidate, dbt_models, great_expectations, release]


# -- jobs, schedule, sensors ------------------------------------------------------------------------------------------


def _request(context: dg.SensorEvaluationContext, key: str, **how: Any) -> dg.RunRequest:
    """Ask for a run once per state of things; once more for each time that its process was killed, up to three times."""
    killed = context.instance.get_runs_count(dg.RunsFilter(tags={ASKED: key, KILLED: "yes"}))
    return dg.RunRequest(run_key=f"{key}#{min(killed, 3)}", tags={ASKED: key}, **how)


def jobs_and_automation(work: Workspace, tables: dg.AssetsDefinition, build: list[Any]) -> dict[str, list[Any]]:
    contracts = work.registry.contracts
    every_source = dg.AssetSelection.assets(tables)
    looked_after = dg.AssetSelection.assets(*(table_key(t) for t in work.selected(())))
    ingest_job = dg.define_asset_job(
        "ingest", selection=looked_after, description="Fetch what changed at the sources, and audit what arrived."
    )
    build_job = dg.define_asset_job(
        "build",
        selection=dg.AssetSelection.all() - every_source,
        description="Candidate, dbt, audit, release; from the last good snapshots.",
    )
    daily = dg.ScheduleDefinition(
        name="daily",
        job=ingest_job,
        cron_schedule="30 6 * * *",
        execution_timezone="Europe/Amsterdam",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every morning, after CBS has published; the build follows by itself.",
    )

    @dg.sensor(
        name="sources_moved",
        job=ingest_job,
        minimum_interval_seconds=number("RDC_STATLINE_LOOK_SECONDS", 3600, 1),
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sources_moved(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Asks every source that can be asked whether its table changed, and asks for the tables that did."""
        work = Workspace.open()
        answers = pipeline.plan(work, [t for t in work.selected(()) if source_of(t).asked])
        moved = [a for a in answers.values() if a.result == FETCHED]
        if not moved:
            yield dg.SkipReason("No table has a new version.")
        else:
            yield _request(
                context,
                ";".join(sorted(f"{a.table_id}@{a.modified}" for a in moved)),
                asset_selection=[table_key(work.registry.tables[a.table_id]) for a in moved],
            )

    delivery_job = dg.define_asset_job(
        "deliveries",
        selection=dg.AssetSelection.assets(*(table_key(t) for t in work.registry.tables.values() if t.id in contracts)),
        description="Take in what municipalities delivered.",
    )

    @dg.sensor(
        name="municipal_deliveries",
        job=delivery_job,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def municipal_deliveries(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Looks into the drop folder, and asks for the sources that something whole and new was put down for."""
        work = Workspace.open()
        # Sources with an address are asked by the daily schedule, not every minute.
        dropped = [t for t in work.registry.tables.values() if t.id in contracts and not contracts[t.id].ways_in]
        new = [a.table_id for a in pipeline.plan(work, dropped).values() if a.result == FETCHED]
        if not new:
            yield dg.SkipReason("Nothing new was delivered.")
        else:
            keys = [table_key(work.registry.tables[i]) for i in new]
            # Asked for once per state of the folders: what can't be taken in is not tried again every minute.
            yield _request(context, state_of(work, new), asset_selection=keys)

    @dg.sensor(
        name="build_what_is_new",
        job=build_job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def build_what_is_new(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Asks for a build when the newest release was made from something else than what is here now: after every ingest,
        also one in which some tables failed, and after a build that was killed."""
        work = Workspace.open()
        close_dead_runs(context.instance, work.settings.home)
        asked = len(work.outcomes.all())
        if not asked:
            yield dg.SkipReason("No source was asked yet.")
            return
        new = False
        for level in work.levels():
            at = work.at(level)
            inputs = _inputs(at)
            if not inputs or not at.releases.is_new(inputs):
                continue
            new = True
            newest = next((r.release_id for r in reversed(at.releases.all())), "-")
            yield _request(
                context,
                # What was refused once is refused again, so it waits until a source was asked anew.
                f"build-{level}-{newest}-{at.releases.fingerprint(inputs)[:16]}-{asked}",
                run_config={"resources": {"run": {"config": {"level": level}}}},
            )
        if not new:
            yield dg.SkipReason("Nothing changed since the newest release.")

    return {
        "jobs": [ingest_job, delivery_job, build_job],
        "schedules": [daily],
        "sensors": [sources_moved, municipal_deliveries, build_what_is_new],
    }


def definitions(work: Workspace | None = None) -> dg.Definitions:
    work = work or Workspace.open()
    tables = source_assets(work)
    build = build_assets(work)
    return dg.Definitions(
        assets=[tables, *(b for b in build if not isinstance(b, dg.AssetChecksDefinition))],
        asset_checks=[b for b in build if isinstance(b, dg.AssetChecksDefinition)],
        resources={"run": Run()},
        executor=dg.in_process_executor,
        **jobs_and_automation(work, tables, build),
    )


defs = definitions()
