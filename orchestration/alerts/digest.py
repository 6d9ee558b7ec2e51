"""The week in one message: what came in, what changed, what is late, what is in quarantine, which goals moved.

It tells of the public release alone, and is sent once a week by whatever looks first after Monday eight o'clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ingest.datacenter import here
from ingest.outcome import FETCHED
from orchestration.alerts.channels import Channel
from orchestration.alerts.concern import Concern
from orchestration.alerts.concerns import concerns
from orchestration.alerts.memory import Memory
from orchestration.alerts.message import LANGUAGES, Message, part, readable, sentence
from orchestration.alerts.quiet import AMSTERDAM
from orchestration.alerts.sending import Send, Told, delivered
from orchestration.workspace import PUBLIC, Workspace

WEEK = timedelta(days=7)
HOUR = 8
#: So many lines of a kind are written out.
LISTED = 15
_LATE = ("late", "delivery_late", "unreachable", "answers", "failed", "delivery_failed")
_QUARANTINE = ("quarantined", "delivery")
_GOAL = (
    "select goal_id, goal, region_name, indicator_name, unit, latest_period, latest_value, on_track_verdict, example "
    "from mart.policy_goal"
)


@dataclass
class Week:
    """What happened in the week before a moment.

    :param arrived: tables of which a new version came in, with their titles.
    :param releases: the releases that were made, each with how many figures are new in it and how many were revised.
    :param goals: the goals of which the latest figure or the verdict changed: as they were, and as they are.
    """

    arrived: dict[str, str] = field(default_factory=dict)
    releases: list[tuple[str, int, int]] = field(default_factory=list)
    goals: list[tuple[dict[str, Any] | None, dict[str, Any]]] = field(default_factory=list)


def send_due(
    work: Workspace,
    channels: list[Channel],
    memory: Memory,
    at: datetime,
    deliver: Send,
    result: Told,
) -> None:
    """Send it to every channel that wants it and did not have it this week. A new channel has its first one next Monday."""
    local = at.astimezone(AMSTERDAM)
    this = f"{local:%G-W%V}"
    waiting = []
    for channel in channels:
        known = memory.digest.setdefault(channel.id, this)
        early = local.isoweekday() == 1 and local.hour < HOUR
        if channel.digest and known != this and not early and not channel.hours().hold(at):
            waiting.append(channel)
    if not waiting:
        return
    found, wrong = week(work, at), concerns(work, at)
    for channel in waiting:
        said = digest(found, readable(wrong, channel.level), this, channel.language)
        if delivered(channel, said, memory, at, deliver, result):
            memory.digest[channel.id] = this


def week(work: Workspace, at: datetime) -> Week:
    """What happened in the seven days before."""
    since = at - WEEK
    found = Week()
    for outcome in work.outcomes.all():
        table = work.registry.tables.get(outcome.table_id)
        if outcome.result == FETCHED and table and work.at(PUBLIC).sees(table) and since < _moment(outcome.at) <= at:
            found.arrived[table.id] = table.title
    releases = work.at(PUBLIC).releases
    kept = releases.all()
    for made in (r for r in kept if since < _moment(r.created_at) <= at):
        totals: dict[str, int] = {}
        file = releases.path(made.release_id).with_name("diff.json")
        if file.is_file():
            totals = json.loads(file.read_text(encoding="utf-8")).get("value_totals") or {}
        revised = sum(number for kind, number in totals.items() if kind != "added")
        found.releases.append((made.release_id, totals.get("added", 0), revised))
    before = [r for r in kept if _moment(r.created_at) <= since][-1:] or kept[:1]
    current = releases.current()
    if before and current and before[0].release_id != current.release_id:
        old, new = (_goals(work, r.release_id) for r in (before[0], current))
        found.goals = [(old.get(i), goal) for i, goal in new.items() if _moved(old.get(i), goal)]
    return found


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _moved(old: dict[str, Any] | None, new: dict[str, Any]) -> bool:
    told = ("latest_period", "latest_value", "on_track_verdict")
    return new["latest_value"] is not None and (old is None or any(old[name] != new[name] for name in told))


def _goals(work: Workspace, release_id: str) -> dict[str, dict[str, Any]]:
    import duckdb

    from ingest.sql import records

    try:
        with duckdb.connect(str(work.at(PUBLIC).releases.path(release_id)), read_only=True) as con:
            return {goal["goal_id"]: goal for goal in records(con.execute(_GOAL))}
    except duckdb.Error:  # a release of an earlier version of the project may not have all columns
        return {}


def digest(found: Week, wrong: list[Concern], week: str, language: str) -> Message:
    """The week in words."""
    languages = LANGUAGES[language]
    titles = [
        part(lang, "title_week", center=here().name if not n else "", week=week).removeprefix(": ")
        for n, lang in enumerate(languages)
    ]
    texts = ["\n".join(_lines(found, wrong, lang)).strip() for lang in languages]
    return Message(" / ".join(titles), "\n\n-- English --\n\n".join(texts) + "\n")


def _lines(found: Week, wrong: list[Concern], language: str) -> Iterator[str]:
    late = [sentence(c, language) for c in wrong if c.kind in _LATE]
    quarantine = [sentence(c, language) for c in wrong if c.kind in _QUARANTINE]
    rest = [sentence(c, language) for c in wrong if c.asks and c.kind not in (*_LATE, *_QUARANTINE)]
    releases = [
        part(language, "release", release=name, added=f"{added}", revised=f"{revised}")
        for name, added, revised in found.releases
    ]
    sections = {
        "came_in": [f"{table}: {title}" for table, title in found.arrived.items()],
        "changed": releases,
        "goals_moved": [_goal(old, new, language) for old, new in found.goals],
        "late": late,
        "quarantine": quarantine,
        "open": rest,
    }
    for name, lines in sections.items():
        yield part(language, name)
        if not lines:
            yield f"- {part(language, 'none')}"
        yield from (f"- {line}" for line in lines[:LISTED])
        if len(lines) > LISTED:
            yield f"- {part(language, 'and', number=len(lines) - LISTED)}"
        yield ""


def _goal(old: dict[str, Any] | None, new: dict[str, Any], language: str) -> str:
    def figure(goal: dict[str, Any]) -> str:
        number = f"{goal['latest_value']:,.10g}" if goal["latest_value"] is not None else "-"
        if language == "nl":
            number = number.translate(str.maketrans(",.", ".,"))
        return f"{number} {goal['unit'] or ''} ({goal['latest_period'][:4] if goal['latest_period'] else '-'})"

    moved = f"{figure(old)} → {figure(new)}" if old else figure(new)
    example = f" [{part(language, 'example')}]" if new["example"] else ""
    on_track = part(language, "on_track", verdict=new["on_track_verdict"] or "-")
    return f"{new['region_name']}: {new['goal']}{example}: {moved}; {on_track}"
