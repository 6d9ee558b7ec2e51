"""The audit of a candidate: core, disclosure control, then the marts that it turns out to have."""

from __future__ import annotations

from pathlib import Path

import duckdb

from expectations import core, disclosure, mart
from expectations.audit import audit, broken
from expectations.result import CheckResult


def audit_candidate(database: Path) -> list[CheckResult]:
    """Audit schemas ``core`` and ``mart`` of a built candidate. The file is only read, and fully closed afterwards.

    :raises duckdb.Error: the file is not there, is no database, or another process holds it.
    """
    results: list[CheckResult] = []
    subjects = [*core.subjects(), disclosure.subject()]
    with duckdb.connect(str(database), read_only=True) as con:
        try:
            subjects += mart.subjects(con)
        except duckdb.Error as error:
            results.append(
                broken("mart", "mart", "marts_found", "De thematabellen zijn te vinden in core.indicator.", str(error))
            )
    for outcomes in audit(database, "candidate", subjects):
        results += outcomes
    return results
