"""The protocols that are registered, by name. What a source of one can do is :mod:`ingest.source`."""

from __future__ import annotations

from ingest.errors import MendableError

#: Where the source of each protocol is. It is imported when a table of it is worked on, and not before.
PROTOCOLS = {
    "v3": "ingest.statline.source:V3",
    "v4": "ingest.statline.source:V4",
    "table": "ingest.table.source:SOURCE",
    "boundaries": "ingest.boundaries.source:SOURCE",
    "municipal": "ingest.municipal.source:SOURCE",
}


class UnknownProtocolError(MendableError, ValueError):
    """There is no source of this protocol; the message names those that there are."""


def known_protocol(name: str) -> str:
    """:raises UnknownProtocolError: there is no such protocol."""
    if name not in PROTOCOLS:
        raise UnknownProtocolError(f"{name!r} is no protocol; there are {', '.join(PROTOCOLS)}")
    return name
