"""Dagster over everything, and the ``rdc`` command.

What belongs here: which step runs when, what is shown of it, and the command line. The steps themselves are in
:mod:`ingest`, :mod:`warehouse` and :mod:`expectations`, which know nothing of this package.
"""

import os

# Telemetry is off, for every tool that we start; set here so that nobody has to think of it.
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
