"""The quality report: one HTML file that needs nothing else, for whoever asks how the figures were judged.

Great Expectations' own Data Docs load scripts from public CDNs; a council's browser should not. So no script, no font
and no style comes from elsewhere, and an outcome is a word before it is a colour (WCAG 2.1, 1.4.1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from expectations.result import CheckResult
from ingest.datacenter import here

TEMPLATE = Path(__file__).parent / "report.html.j2"

SEVERITIES = {"critical": "kritiek", "warning": "waarschuwing", "info": "ter informatie"}
SUITES = {
    "snapshot": "Momentopnamen van de bronnen",
    "dbt": "Tests bij het opbouwen",
    "core": "Kern van het warehouse",
    "disclosure": "Bescherming van gemeentelijke cijfers",
    "mart": "Thematabellen en beleidsdoelen",
}
ORIGINS = {"live": "live", "last_good": "laatste goede momentopname", "sample": "voorbeeld"}


def render(results: Sequence[CheckResult], title: str, facts: Mapping[str, Any]) -> str:
    """The report as one HTML text.

    :param facts: ``release_id``, ``date`` (ISO 8601), and ``tables``: per table ``table_id``, ``title``, ``origin``,
        ``fetched_at``, ``modified`` and ``note``.
    """
    from jinja2 import Environment, StrictUndefined

    # Not by file extension: whatever the template is called, what a source writes is text and never markup.
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"moment": _moment, "number": _number}
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        center=here(),
        title=title,
        facts=facts,
        total=len(results),
        counts=_counts(results),
        blocked=any(not r.success and r.severity == "critical" for r in results),
        failed=[r for r in _ordered(results) if not r.success],
        suites=_by_suite(results),
        severity_words=SEVERITIES,
        origin_words=ORIGINS,
    )


def _counts(results: Sequence[CheckResult]) -> list[tuple[str, int, int]]:
    """Per severity, the heaviest first: how many failed and how many passed."""
    count = Counter((r.severity, r.success) for r in results)
    return [(severity, count[severity, False], count[severity, True]) for severity in SEVERITIES]


def _by_suite(results: Sequence[CheckResult]) -> list[tuple[str, str, list[tuple[str, list[CheckResult]]]]]:
    """Each suite with its title and subjects, and per subject its results, the failed first."""
    known = list(SUITES)
    suites = sorted(
        {r.suite for r in results}, key=lambda suite: (known.index(suite) if suite in known else len(known), suite)
    )
    return [
        (
            suite,
            SUITES.get(suite, suite),
            [
                (subject, _ordered(found))
                for subject, found in groupby(
                    sorted((r for r in results if r.suite == suite), key=lambda r: r.subject), key=lambda r: r.subject
                )
            ],
        )
        for suite in suites
    ]


def _ordered(results: Any) -> list[CheckResult]:
    """The failed first, of those the critical first; otherwise as they were run."""
    known = list(SEVERITIES)
    return sorted(results, key=lambda r: (r.success, known.index(r.severity) if r.severity in known else len(known)))


def _moment(value: Any) -> str:
    """``24-11-2026 03:49 UTC``; a text that is no time stays as the source wrote it."""
    if not value:
        return "onbekend"
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    if at.tzinfo is None:
        return f"{at:%d-%m-%Y %H:%M}"
    return f"{at.astimezone(UTC):%d-%m-%Y %H:%M} UTC"


def _number(value: int) -> str:
    return f"{value:,}".replace(",", ".")
