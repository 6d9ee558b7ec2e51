"""From snapshots to a release.

What belongs here: the candidate database, the indicator registry, release, rollback, export formats, and reading the
released file. May read :mod:`ingest.registry`, :mod:`ingest.snapshot` and :mod:`ingest.storage.durable`; never imports Dagster.
"""
