"""What takes seconds to import is imported while bytes arrive: Great Expectations for what is judged next, dbt for what is built of it."""

from __future__ import annotations

import threading
from contextlib import suppress

_started = threading.Event()


def load() -> None:
    """Start it, once per process, in a thread of its own. Who needs one of them imports it as ever, and waits for what is under way.

    Only when something did arrive: where nothing changed, neither is needed.
    """
    if not _started.is_set():
        _started.set()
        threading.Thread(target=_load, name="imports", daemon=True).start()


def _load() -> None:
    from expectations import audit

    # Whatever is wrong with one of them is told where it is used.
    with suppress(Exception):
        audit.package()
    with suppress(Exception):
        from dbt.cli import main

        del main
