"""What Dagster shows as assets and checks, a file per concern; ``orchestration.pipeline`` does the work."""
