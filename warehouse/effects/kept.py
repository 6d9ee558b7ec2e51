"""Answers as the rows of ``mart.policy_effect`` and ``mart.policy_effect_path``, and back: what a release says of a policy choice is
read from there, and from nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import duckdb

from ingest.sql import records
from warehouse.effects.asked import Asked, Known
from warehouse.effects.effect import Effect
from warehouse.registry.interventions import Expected, Intervention

#: Columns that a row has of its choice, its indicator or the release, besides those of the method.
Row = dict[str, Any]


def rows(asked: Asked, question: str, made_from: str) -> list[Row]:
    """A row per method; ``made_in`` is filled in once the release has a name."""
    one, known = asked.intervention, asked.known
    return [
        {
            "intervention_id": one.id,
            "title": one.title,
            "example": one.example,
            "indicator_id": asked.indicator.indicator,
            "indicator_name": asked.indicator_name,
            "unit": asked.unit,
            "method": effect.method,
            "is_main": effect is asked.effect,
            "region_code": one.region,
            "region_name": asked.region_name,
            "from_period": one.from_period,
            "expected": asked.indicator.direction,
            "answer": effect.answer,
            "reason": effect.reason,
            "overall_answer": asked.answer.answer,
            "overall_reason": asked.answer.reason,
            "estimate": effect.estimate,
            "interval_low": effect.interval[0] if effect.interval else None,
            "interval_high": effect.interval[1] if effect.interval else None,
            "confidence": effect.confidence,
            "placebo_rank": _in_space(effect).get("rank"),
            "placebo_of": _in_space(effect).get("of"),
            "fit_rmspe": effect.fit.get("rmspe"),
            "fit_rmspe_of_donors": effect.fit.get("rmspe_of_donors"),
            "smallest_detectable": effect.smallest_detectable,
            "relevant": effect.relevant,
            "spread_low": effect.spread[0] if effect.spread else None,
            "spread_high": effect.spread[1] if effect.spread else None,
            "questions": effect.questions,
            "weights": effect.weights,
            "comparison": asked.comparison,
            "caveats": list(asked.caveats),
            "declared_on": one.declared_on,
            "committed_on": known.committed_on,
            "first_release": known.first_release,
            "first_released_on": known.first_released_on,
            "declared_before_outcome": known.before_outcome(one),
            "snapshots": list(asked.snapshots),
            "details": json.dumps(effect.as_dict() | {"path": []}, ensure_ascii=False),
            "question": question,
            "made_from": made_from,
            "made_in": None,
        }
        for effect in asked.effects
    ]


def path_rows(asked: Asked, snapshots: dict[str, str | None]) -> list[Row]:
    """A row per method and period.

    :param snapshots: of the observed figure, by period.
    """
    return [
        {
            "intervention_id": asked.intervention.id,
            "indicator_id": asked.indicator.indicator,
            "method": effect.method,
            "region_code": asked.intervention.region,
            "period_code": point["period"],
            "part": point["part"],
            "observed": point["observed"],
            "counterfactual": point["counterfactual"],
            "gap": point["gap"],
            "gap_low": point.get("low"),
            "gap_high": point.get("high"),
            "placebo_gaps": point.get("placebos", {}),
            "snapshot_id": snapshots.get(point["period"]),
        }
        for effect in asked.effects
        for point in effect.path
    ]


def read(con: duckdb.DuckDBPyConnection, effects: str, path: str, name: str | None = None) -> list[Asked]:
    """The questions and answers of a release, in the order in which they were declared.

    :param effects: SQL for the rows of ``mart.policy_effect`` that may be seen, and ``path`` for those of its path.
    :param name: only about this choice.
    """
    found = records(
        con.execute(
            "select effect.*, choice.declaration, "
            "list_position(list_transform(choice.indicators, lambda asked: asked.indicator), effect.indicator_id) as place "
            f"from ({effects}) as effect inner join core.intervention as choice using (intervention_id) "
            "where $1::varchar is null or effect.intervention_id = $1 "
            "order by choice.position, place, is_main desc, method",
            [name],
        )
    )
    points: dict[tuple[str, ...], list[Row]] = {}
    for row in records(
        con.execute(
            f"select * from ({path}) where $1::varchar is null or intervention_id = $1 order by period_code", [name]
        )
    ):
        points.setdefault((row["intervention_id"], row["indicator_id"], row["method"]), []).append(row)
    by_question: dict[tuple[str, str], list[Row]] = {}
    for row in found:
        by_question.setdefault((row["intervention_id"], row["indicator_id"]), []).append(row)
    return [_asked(of_one, points) for of_one in by_question.values()]


def _asked(of_one: list[Row], points: dict[tuple[str, ...], list[Row]]) -> Asked:
    first = of_one[0]
    one = Intervention.model_validate_json(first["declaration"])
    [expected] = [e for e in one.indicators if e.indicator == first["indicator_id"]] or [
        Expected(indicator=first["indicator_id"], direction=first["expected"])
    ]
    return Asked(
        one,
        expected,
        first["indicator_name"],
        first["unit"],
        first["region_name"],
        first["comparison"],
        tuple(first["caveats"]),
        tuple(_effect(row, points.get((one.id, expected.indicator, row["method"]), [])) for row in of_one),
        Known(first["committed_on"], first["first_release"], first["first_released_on"]),
        tuple(first["snapshots"]),
    )


def _effect(row: Row, points: Iterable[Row]) -> Effect:
    said = json.loads(row["details"])
    said["path"] = [
        {
            "period": point["period_code"],
            **{name: point[name] for name in ("observed", "counterfactual", "gap", "part")},
            **({"placebos": point["placebo_gaps"]} if point["placebo_gaps"] else {}),
            **({"low": point["gap_low"], "high": point["gap_high"]} if point.get("gap_low") is not None else {}),
        }
        for point in points
    ]
    pairs = {f.name for f in fields(Effect)} & {"interval", "spread", "left_out"}
    return Effect(**said | {name: tuple(said[name]) for name in pairs if said[name] is not None})


def _in_space(effect: Effect) -> dict[str, Any]:
    return effect.placebo.get("in_space") or {}
