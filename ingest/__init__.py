"""From a source to a snapshot.

What belongs here: declaring sources, talking to them, proving that what arrived is whole, and laying it down as an
immutable snapshot. Nothing here knows indicators, dbt, Great Expectations or Dagster.
"""
