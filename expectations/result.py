"""What a check found: the one record that leaves this package."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime


def now() -> str:
    """The time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class CheckResult:
    """One check on one subject, and how it came out.

    :param suite: ``snapshot``, ``core``, ``disclosure`` or ``mart``; ``dbt`` for a test of dbt.
    :param subject: a table id for a snapshot, else the table: ``core.observation``, ``mart.bevolking``; ``dbt`` for a test of dbt.
    :param check: name of the check, the same from run to run, once per suite and subject.
    :param severity: ``critical`` (blocks), ``warning`` or ``info``. A check that could not be run is critical.
    :param description: what must hold, in a Dutch sentence.
    :param observed: what was found, in Dutch.
    :param column: the column that it is about, where it is about one.
    :param ran_at: when, in UTC, as ISO 8601.
    """

    suite: str
    subject: str
    check: str
    severity: str
    success: bool
    description: str
    observed: str
    column: str | None = None
    ran_at: str = field(default_factory=now)
