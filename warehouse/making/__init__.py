"""Making a release: inputs, the candidate that dbt builds, what changed, and the files that describe it."""
