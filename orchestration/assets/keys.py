"""The names that the assets, and what is to happen by itself, share."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta

import dagster as dg

from ingest.datacenter import here
from ingest.declaration import CADENCE_DAYS, Table
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


def owned_by(name: str) -> list[str]:
    """An owner as Dagster takes one: it knows addresses and teams, and a team's name has letters and digits."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return [f"team:{re.sub(r'[^a-z0-9]+', '_', plain.lower()).strip('_')}"]


def renewed(work: Workspace) -> dg.FreshnessPolicy:
    """How long a release may stand: as long as the source that changes most often may be silent, since each change makes one."""
    days = [t.max_age_days for t in work.selected(()) if t.max_age_days and source_of(t).figures]
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(days=min(days, default=CADENCE_DAYS["year"] or 548)))


def series(work: Workspace) -> dg.StaticPartitionsDefinition:
    """For whom a build and its release are: a partition each, so that what was made for one is never taken for another's."""
    owners = {t.municipality for t in work.registry.tables.values() if t.municipality}
    return dg.StaticPartitionsDefinition([PUBLIC, PARTNERS, *sorted({*here().codes, *owners})])
