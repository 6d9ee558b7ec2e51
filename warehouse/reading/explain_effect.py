"""An answer on a policy choice back to the cells of the sources: of the area, and of each area that counts in the comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from warehouse.reading.effects import answers
from warehouse.reading.explain import chain
from warehouse.reading.published import Published

#: An area of less weight than this does not count in a comparison.
COUNTS = 0.001


def explain_effect(
    published: Published, intervention: str, indicator: str, cell_url: Callable[[dict[str, Any]], str | None]
) -> dict[str, Any] | None:
    """The whole chain behind an answer.

    :param cell_url: gives the address at which a cell can be looked up at its source, or None.
    :returns: ``question`` as it was declared, ``answer`` and ``reason`` over all methods, ``methods`` with a record of each, and
        ``areas``: of each that counts by the method that decides, its share (None of the area itself) and its figures with their cells.
        None where there is no such question.
    """
    asked = next((one for one in answers(published, intervention) if one.indicator.indicator == indicator), None)
    if asked is None:
        return None
    one, effect = asked.intervention, asked.effect
    counting = sorted(
        ((w, code) for code, w in effect.weights.items() if w >= COUNTS), key=lambda item: (-item[0], item[1])
    )
    shares: list[tuple[str, float | None]] = [(one.region, None), *((code, share) for share, code in counting)]
    names = {r["region_code"]: r["name"] for r in published.rows("select region_code, name from core.region")}
    periods = [point["period"] for point in effect.path]
    return {
        "release": published.release_id,
        "question": one.model_dump(mode="json"),
        "answer": asked.answer.answer,
        "reason": asked.answer.reason,
        "caveats": list(asked.caveats),
        "methods": asked.as_dict(),
        "areas": [
            {
                "region_code": code,
                "region_name": names.get(code) or code,
                "share": share,
                "figures": [_figure(published, indicator, code, period, cell_url) for period in periods],
            }
            for code, share in shares
        ],
    }


def _figure(
    published: Published,
    indicator: str,
    region: str,
    period: str,
    cell_url: Callable[[dict[str, Any]], str | None],
) -> dict[str, Any]:
    found = chain(published, indicator, region, period, None, cell_url) or {"figure": {}, "cells": []}
    return {
        "period_code": period,
        "value": found["figure"].get("value"),
        "period_status": found["figure"].get("period_status"),
        "cells": found["cells"],
    }
