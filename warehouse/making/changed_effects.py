"""What two releases say otherwise of policy choices: which questions came and went, and whose answer is another."""

from __future__ import annotations

from typing import Any

import duckdb

from ingest.sql import records

TOLD = (
    "overall_answer",
    "overall_reason",
    "estimate",
    "interval_low",
    "interval_high",
    "smallest_detectable",
    "questions",
)


def changed(con: duckdb.DuckDBPyConnection, visible: dict[str, str]) -> list[dict[str, Any]]:
    """A record per question that differs: ``intervention_id, indicator_id, title, change`` (added, removed, answer or estimate), and of
    what is told of it the old and the new.

    :param con: with both releases attached, as ``old`` and ``new``.
    :param visible: of each, SQL for the figures that may be told of. An answer has figures of many areas in it, so one is told of where
        all figures of its indicator are.
    """
    whole = ", ".join(
        f"whole_{alias} as (select indicator_id, count(*) as n from {alias}.core.indicator_value group by all intersect "
        f"select indicator_id, count(*) from {visible[alias]} group by all), {alias}_ as (select * from {alias}.mart.policy_effect "
        f"where is_main and indicator_id in (select indicator_id from whole_{alias}))"
        for alias in ("old", "new")
    )
    told = ", ".join(f"{alias}_.{name} as {alias}_{name}" for name in TOLD for alias in ("old", "new"))
    differs = " or ".join(f"old_.{name} is distinct from new_.{name}" for name in TOLD)
    return records(
        con.execute(
            f"""
            with {whole}
            select
                intervention_id, indicator_id, coalesce(new_.title, old_.title) as title,
                case
                    when old_.title is null then 'added'
                    when new_.title is null then 'removed'
                    when old_.overall_answer <> new_.overall_answer then 'answer'
                    else 'estimate'
                end as change,
                {told}
            from old_ full outer join new_ using (intervention_id, indicator_id)
            where {differs}
            order by all
            """
        )
    )
