"""The names that the assets, and what is to happen by itself, share."""

from __future__ import annotations

import dagster as dg

from ingest.datacenter import here
from ingest.declaration import Table
from ingest.source import source_of
from orchestration.workspace import PARTNERS, PUBLIC, Workspace

CANDIDATE = dg.AssetKey(["warehouse", "candidate"])
RELEASE = dg.AssetKey(["warehouse", "release"])
CHECK_RESULT = dg.AssetKey(["core", "check_result"])
EFFECTS = [dg.AssetKey(["mart", name]) for name in ("policy_effect", "policy_effect_path")]
#: What touches the candidate runs one after another, whoever starts it.
POOL = "duckdb"


def table_key(table: Table) -> dg.AssetKey:
    return dg.AssetKey([source_of(table).group, table.id])


def series(work: Workspace) -> dg.StaticPartitionsDefinition:
    """For whom a build and its release are: a partition each, so that what was made for one is never taken for another's."""
    owners = {t.municipality for t in work.registry.tables.values() if t.municipality}
    return dg.StaticPartitionsDefinition([PUBLIC, PARTNERS, *sorted({*here().codes, *owners})])
