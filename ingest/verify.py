"""Whether a snapshot is still what it was when it was laid down, down to the bytes that the source sent."""

from __future__ import annotations

import hashlib

from ingest.received import Page, body
from ingest.snapshot import Snapshot


def altered(snapshot: Snapshot) -> list[str]:
    """What is not as it was: files against the hashes in the manifest, pages against the hash of the body as received.

    A page is read whole into memory, some 50 MB.
    """
    if changed := snapshot.damaged():
        return [f"{name} was changed or is gone" for name in changed]
    return [
        f"{page.file} does not give the body that {page.url} sent"
        for page in (Page(**known) for known in snapshot.pages)
        if hashlib.sha256(body(page, snapshot.path)).hexdigest() != page.sha256
    ]
