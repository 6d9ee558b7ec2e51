"""CBS's two OData services behind one small protocol.

What belongs here: how each service is asked and what it answers, normalised to the same records
(:mod:`ingest.statline.model`). What is done with an answer (proofs, landing) is :mod:`ingest.statline.landing`.
"""

from __future__ import annotations

from ingest.declaration import Table
from ingest.http import Client
from ingest.settings import Settings
from ingest.statline.model import Service
from ingest.statline.v3 import V3
from ingest.statline.v4 import V4


def service(table: Table, settings: Settings, client: Client) -> Service:
    """The service that this table is taken from."""
    if table.protocol == "v4":
        return V4(settings.v4_url, client)
    if table.protocol != "v3":
        raise ValueError(f"{table.id} is of protocol {table.protocol}, which is no service of StatLine")
    return V3(settings.third_party_url if table.catalog == "third-party" else settings.v3_url, client)
