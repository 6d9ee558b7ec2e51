"""The audit of a candidate: core, disclosure control, then the marts that it turns out to have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from expectations import core, disclosure, effects, mart
from expectations.audit import audit, broken
from expectations.check import Check, Subject, within
from expectations.result import CheckResult

#: Tables whose checks look at each part by itself, with the condition that a row is of a part that this build made; and their checks
#: that look at another table beside it, and so at all of it.
_MADE_NOW = {
    "core.source_row": "snapshot_no in (select snapshot_no from raw.snapshot where not is_taken_over)",
    "core.cell": "measure_id // 65536 in (select snapshot_no from raw.snapshot where not is_taken_over)",
    "core.indicator_value": "indicator_id not in (select part from core.build_part where kind = 'indicator' and made_in is not null)",
    "core.indicator_history": "indicator_id not in (select part from core.build_part where kind = 'indicator' and made_in is not null)",
}
_ACROSS = {"open_rows_are_published"}


def audit_candidate(database: Path, earlier: Iterable[CheckResult] = ()) -> list[CheckResult]:
    """Audit schemas ``core`` and ``mart`` of a built candidate. The file is only read, and fully closed afterwards.

    :param earlier: how the release that the candidate goes on from was judged. What was taken over from it has its verdict; and
        where a check found nothing, it is asked of the parts that were made since.
    :raises duckdb.Error: the file is not there, is no database, or another process holds it.
    """
    results: list[CheckResult] = []
    subjects = [*core.subjects(), disclosure.subject()]
    before = {(r.subject, r.check): r for r in earlier if r.suite != "dbt"}
    with duckdb.connect(str(database), read_only=True) as con:
        try:
            subjects += mart.subjects(con)
        except duckdb.Error as error:
            results.append(
                broken("mart", "mart", "marts_found", "De thematabellen zijn te vinden in core.indicator.", str(error))
            )
        taken_over = _taken_over(con) if before else set()
    asked = []
    for subject in subjects:
        known = [before.get((subject.name, check.name)) for check in subject.checks]
        if subject.name in taken_over and all(known):
            results += [result for result in known if result]
        else:
            asked.append(_of_what_was_made(subject, known))
    for outcomes in audit(database, "candidate", asked):
        results += outcomes
    return results


def audit_effects(database: Path) -> list[CheckResult]:
    """Audit what came of policy choices, once that is worked out on an audited candidate."""
    return [result for outcomes in audit(database, "candidate", effects.subjects()) for result in outcomes]


def _taken_over(con: duckdb.DuckDBPyConnection) -> set[str]:
    """The marts of which nothing changed."""
    found = con.execute("select part from core.build_part where kind = 'mart' and made_in is not null").fetchall()
    return {f"mart.{part}" for (part,) in found}


def _of_what_was_made(subject: Subject, known: Sequence[CheckResult | None]) -> Subject:
    if subject.name not in _MADE_NOW:
        return subject

    def asked(check: Check, before: CheckResult | None) -> Check:
        if before is None or not before.success or check.name in _ACROSS:
            return check
        return within(check, _MADE_NOW[subject.name])

    return replace(subject, checks=[asked(c, b) for c, b in zip(subject.checks, known, strict=True)])
