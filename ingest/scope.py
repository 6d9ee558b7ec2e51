"""Which regions of a table are taken: all, or those that matter to our municipalities."""

from __future__ import annotations

import hashlib
import json
import re

from ingest.datacenter import DataCenter, here
from ingest.declaration import Table
from ingest.snapshot import Snapshot

REGION = re.compile(r"^(NL\d{1,2}|LD\w{2}|PV\d{2}|CR\d{2}|GM\d{4}|WK\d{6}|BU\d{8})$")


def wanted(code: str, center: DataCenter) -> bool:
    """Whether a region belongs to a data centre's scope: its municipalities with their wijken and buurten, and for comparison all
    municipalities, its COROP area, its province and the country; codes that are no region of this kind stay too."""
    if not REGION.match(code) or code[:2] in ("NL", "GM"):
        return True
    if code[:2] in ("WK", "BU"):
        return center.owns(code)
    return code in (center.corop, center.province)


def in_scope(table: Table, last: Snapshot | None, asked: str | None = None) -> Table:
    """The table with the scope that it is taken in: what was asked for, or else the declared one; a table that was once
    taken whole stays so until the smaller scope is asked for."""
    scope = asked or ("nederland" if last and last.scope == "nederland" else table.scope)
    return table.model_copy(update={"scope": scope})


def regions_of(scope: str) -> dict[str, str]:
    """Tells one state of the region's scope from the next: who is in it is declared, and can change. Nothing where all regions
    are taken."""
    if scope == "nederland":
        return {}
    said = json.dumps([sorted(here().codes), here().corop, here().province])
    return {"regions": hashlib.sha256(said.encode()).hexdigest()[:16]}
