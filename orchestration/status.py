"""What ``rdc status`` knows: the current release, how each table stands, and what asks for a person, in the words of the alerts."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ingest.municipal.source import stray_folders
from orchestration import damage
from orchestration.alerts.affected import affected
from orchestration.alerts.concern import EVERYTHING
from orchestration.alerts.concerns import concerns, refused_since
from orchestration.alerts.message import told
from orchestration.state import states
from orchestration.workspace import Workspace


def overview(work: Workspace, at: datetime | None = None) -> dict[str, Any]:
    """The current release, a record per table (:class:`orchestration.state.State`), and ``concerns``: what is wrong and what to do."""
    at = at or datetime.now(UTC)
    release = work.releases.current()
    tables = states(work, at)
    wrong = concerns(work, at, tables)
    touched = affected(work, wrong)
    return {
        "release": asdict(release) if release else None,
        "file": str(work.releases.current_file) if release else None,
        "damage": [asdict(d) for d in damage.lost(work.settings)],
        "withheld": work.withheld(),
        "stray": stray_folders(work),
        "clock": work.clock_is_wrong(),
        "refused": str(work.refused_report) if refused_since(work) else None,
        "concerns": [told(c, touched[c.key], EVERYTHING) for c in wrong],
        "tables": [s.record for s in tables],
    }
