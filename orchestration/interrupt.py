"""A Ctrl-C that is not lost.

Dagster takes the handling of signals over while it keeps its books, and an import may swallow what is raised in it; a run that
was to stop would go on to a release. So what came is remembered, whoever handles it, and looked at where it matters.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_listening: int | None = None
_came = False


@contextmanager
def heard() -> Iterator[None]:
    """Remember a Ctrl-C (SIGINT) as long as this lasts. Only the main thread can; in others it does nothing."""
    global _listening, _came
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    _listening = reader
    try:
        yield
    finally:
        _listening, _came = None, False
        signal.set_wakeup_fd(before)
        os.close(writer)
        os.close(reader)


def stop_if_asked() -> None:
    """:raises KeyboardInterrupt: Ctrl-C was pressed, and the run is still going on."""
    global _came
    if _listening is not None:
        with suppress(BlockingIOError):
            _came |= signal.SIGINT in os.read(_listening, 4096)
    if _came:
        raise KeyboardInterrupt
