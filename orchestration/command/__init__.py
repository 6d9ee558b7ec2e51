"""The ``rdc`` command, a module per group of its commands.

Everything heavy (Dagster, dbt, Great Expectations, DuckDB) is imported where it is used, so that asking for help or status does
not wait for it.
"""
