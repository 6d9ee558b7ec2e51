"""What is wrong now. `rdc status` and the alerts ask the same function, so that they say the same.

A kind of concern is a function in :data:`KINDS`, and its texts in ``words.yml``. Patience is here too: an outage of CBS that the last
good snapshot bridges asks for nobody, until it lasts.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from ingest.municipal.source import stray_folders
from ingest.outcome import FAILED, UNREACHABLE
from ingest.source import source_of
from ingest.storage.durable import Damaged
from orchestration import damage
from orchestration.alerts.concern import Concern
from orchestration.alerts.memory import Memory
from orchestration.alerts.quiet import AMSTERDAM
from orchestration.rhythm import due, expected
from orchestration.runs import BUILD, latest_runs
from orchestration.state import State, days_between, moment_of, states
from orchestration.workspace import PARTNERS, PUBLIC, Workspace
from warehouse.serve.keys import Keys

#: How long a host may be away, and how long one table may fail, before a person is asked to look. A daily run tries again meanwhile.
AWAY, FAILING = timedelta(days=2, hours=20), timedelta(hours=20)
#: What was due so long ago and was not asked since says that nothing starts runs any more.
SILENT = timedelta(hours=52)
#: A partner needs some time to put a new key in its programs.
KEY_DAYS = 30
#: A build writes the candidate, the release and its files; with less than this many times the current file it may not fit.
TIMES, LEAST_FREE = 4, 256 << 20
#: What is told of a source in its own words is cut here.
_LONG = 300


@dataclass(frozen=True)
class Look:
    """What all kinds look at, read once."""

    work: Workspace
    at: datetime
    tables: list[State]


def concerns(work: Workspace, at: datetime | None = None, tables: list[State] | None = None) -> list[Concern]:
    """Everything that is wrong at this moment, each once, in the order of :data:`KINDS`."""
    at = at or datetime.now(UTC)
    look = Look(work, at, states(work, at) if tables is None else tables)
    found: dict[str, Concern] = {}
    for kind in KINDS:
        for concern in kind(look):
            found.setdefault(concern.key, concern)
    return list(found.values())


def _level(state: State) -> str:
    table = state.table
    if table.sharing_level in (None, PUBLIC):
        return PUBLIC
    return PARTNERS if table.sharing_level == PARTNERS else table.municipality or "municipality"


def _about(state: State) -> dict[str, str]:
    return {"title": state.table.title}


def _detail(state: State) -> str:
    """What a public source said; never of what may be about people."""
    if source_of(state.table).private or _level(state) != PUBLIC:
        return ""
    why = state.why.removeprefix(f"{state.table.id}: ")
    return why if len(why) <= _LONG else why[: _LONG - 1] + "…"


# -- the machine ------------------------------------------------------------------------------------------------------


def _disk(look: Look) -> Iterator[Concern]:
    home = look.work.settings.home
    free, needed = room(look.work)
    if free < needed:
        yield Concern(
            "disk",
            "disk",
            "rdc sources prune --yes",
            facts={"free": _size(free), "needed": _size(needed), "home": str(home)},
        )


def room(work: Workspace) -> tuple[int, int]:
    """Bytes free on the disk of the data folder, and how many a next run may take."""
    file = work.releases.current_file
    size = file.stat().st_size if file.is_file() else 0
    return shutil.disk_usage(work.settings.home).free, max(LEAST_FREE, TIMES * size)


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"


def _clock(look: Look) -> Iterator[Concern]:
    if look.work.clock.wrong(look.at):
        yield Concern("clock", "clock", "rdc clock --right", since=look.work.clock.before_jump)


def _damage(look: Look) -> Iterator[Concern]:
    if lost := damage.lost(look.work.settings):
        seen = look.work.settings.home / "damaged"
        command = f"mv {shlex.quote(str(seen))} {shlex.quote(f'{look.work.settings.home}-damaged-{look.at:%Y%m%d}')}"
        yield Concern(
            "damage", "damage", command, since=lost[0].at or None, facts={"number": str(len(lost))}, mark=str(len(lost))
        )


def _silent(look: Look) -> Iterator[Concern]:
    latest = {s.table.id: s.last for s in look.tables if s.last}
    # Nothing is wrong with a week in which nothing was due.
    if any(t.id in latest for t in due(look.work, look.at - SILENT, latest)):
        last = max(outcome.at for outcome in latest.values())
        yield Concern("silent", "schedule", "rdc run", since=last, facts={"days": f"{days_between(last, look.at):.0f}"})


# -- sources ----------------------------------------------------------------------------------------------------------


def _spoilt(look: Look) -> Iterator[Concern]:
    for state in look.tables:
        if state.spoilt:
            command = f"rdc run --table {state.table.id}"
            yield Concern(
                "spoilt", state.table.id, command, None, _about(state), "", (state.table.id,), (), _level(state)
            )


def _away(look: Look) -> Iterator[Concern]:
    """One host that does not answer is one concern, however many tables it costs."""
    hosts: dict[tuple[str, str, str], list[State]] = {}
    for state in look.tables:
        if state.last and state.last.result == UNREACHABLE and not state.spoilt:
            level = _level(state)
            host = state.last.host or state.table.id
            hosts.setdefault((host, "unreachable", level), []).append(state)
    for (host, kind, level), costs in hosts.items():
        since = min(s.since or s.last.at for s in costs if s.last)
        asks = look.at - moment_of(since) >= AWAY
        facts = {"number": str(len(costs))}
        tables = tuple(s.table.id for s in costs)
        yield Concern(kind, host, "rdc doctor", since, facts, "", tables, (), level, asks)


def _failed(look: Look) -> Iterator[Concern]:
    """The source answered, and its answer could not be used; where a host answers all its tables so, it is one concern."""
    shared: dict[tuple[str, str], list[State]] = {}
    for state in look.tables:
        if state.last and state.last.result == FAILED and not state.spoilt:
            one = (state.last.host or "", state.last.cause or "")
            shared.setdefault(one if all(one) and _level(state) == PUBLIC else (state.table.id, ""), []).append(state)
    for (subject, cause), costs in shared.items():
        since = min(s.since or s.last.at for s in costs if s.last)
        # What a host answers to a request (503, 429, a page that says so) is an outage too; what it answers to a table is not.
        patience = AWAY if any(s.last and s.last.host for s in costs) else FAILING
        asks = look.at - moment_of(since) >= patience
        tables = tuple(s.table.id for s in costs)
        if cause and len(costs) > 1:
            facts = {"number": str(len(costs))}
            yield Concern("answers", subject, "rdc run", since, facts, cause, tables, asks=asks)
        else:
            [state] = costs
            command, kind = f"rdc run --table {state.table.id}", "failed"
            if source_of(state.table).private:
                command, kind = f"rdc sources deliveries {state.table.id}", "delivery_failed"
            level = _level(state)
            yield Concern(kind, state.table.id, command, since, _about(state), _detail(state), tables, (), level, asks)


def _quarantined(look: Look) -> Iterator[Concern]:
    for state in look.tables:
        if state.state != "quarantined":
            continue
        table = state.table.id
        since, mark = state.since or (state.last.at if state.last else None), ""
        newest = look.work.store.newest(table)
        verdict = look.work.store.verdict(newest) if newest else None
        if newest and verdict and not verdict.accepted:
            # The same version that is refused again is no news.
            since, mark = newest.fetched_at, newest.snapshot_id
        kind, command = "quarantined", f"rdc sources accept {table}"
        if source_of(state.table).private:
            kind, command = "delivery", f"rdc sources deliveries {table}"
        facts = _about(state) | {"owner": state.table.owner or ""}
        yield Concern(kind, table, command, since, facts, _detail(state), (table,), (), _level(state), True, mark)


def _late(look: Look) -> Iterator[Concern]:
    for state in look.tables:
        if state.state != "stale" or not state.overdue or state.record["modified"] is None:
            continue
        table, modified = state.table, state.record["modified"]
        kind, command = "late", f"rdc run --table {table.id}"
        if source_of(table).private:
            kind, command = "delivery_late", f"rdc sources deliveries {table.id}"
        facts = _about(state) | {
            "days": f"{days_between(modified, look.at):.0f}",
            "cadence": table.cadence,
            "owner": table.owner or "",
            "modified": modified[:10],
        }
        next_one = expected(table, look.work.store.good(table.id))
        since = datetime.combine(next_one.late_from, time(), AMSTERDAM).isoformat() if next_one else None
        yield Concern(kind, table.id, command, since, facts, "", (table.id,), (), _level(state))


def _stray(look: Look) -> Iterator[Concern]:
    if names := stray_folders(look.work):
        yield Concern("stray", "drop", "rdc sources list", facts={"number": str(len(names))}, mark=str(len(names)))


# -- the release ------------------------------------------------------------------------------------------------------


def refused_since(work: Workspace) -> str | None:
    """When a candidate was refused after the current release of this level was made; None where none was."""
    if not work.refused_report.is_file():
        return None
    release = work.releases.current()
    at = datetime.fromtimestamp(work.refused_report.stat().st_mtime, UTC)
    return at.isoformat() if release is None or at > datetime.fromisoformat(release.created_at) else None


def _refused(look: Look) -> Iterator[Concern]:
    for level in look.work.levels():
        work = look.work.at(level)
        if since := refused_since(work):
            facts = {"report": str(work.refused_report)}
            yield Concern("refused", level, "rdc run", since, facts, level=level, mark=since)


def _build_failed(look: Look) -> Iterator[Concern]:
    runs = latest_runs(look.work.settings.home, BUILD)
    for level in look.work.levels():
        run = runs.get(level)
        if run and run.failure and not refused_since(look.work.at(level)):
            detail = run.failure[:_LONG] if level == PUBLIC else ""
            yield Concern("build_failed", level, "rdc run", run.at, detail=detail, level=level)


def _withheld(look: Look) -> Iterator[Concern]:
    for level in look.work.levels():
        current = look.work.at(level).releases.current()
        by_indicator: dict[str, list[dict[str, str]]] = {}
        for item in current.withheld if current else []:
            by_indicator.setdefault(item["indicator_id"], []).append(item)
        for indicator, items in by_indicator.items():
            tables = tuple(dict.fromkeys(item["table_id"] for item in items))
            facts = {"place": items[0]["place"], "tables": ", ".join(tables)}
            detail = items[0]["reason"][:_LONG] if level == PUBLIC else ""
            yield Concern("withheld", indicator, "rdc run", None, facts, detail, (), (indicator,), level)


# -- those who read ---------------------------------------------------------------------------------------------------


def _keys(look: Look) -> Iterator[Concern]:
    try:
        keys = Keys(look.work.settings.home).all()
    except (Damaged, OSError):
        return  # told by the look for damage
    for key in keys:
        left = -days_between(key.expires_at, look.at)
        # One that expired a month ago is missed by nobody; one of the same partner that lasts longer is its successor.
        succeeded = any(k.partner == key.partner and k.expires_at > key.expires_at and not k.revoked_at for k in keys)
        if key.revoked_at or succeeded or not -KEY_DAYS < left < KEY_DAYS:
            continue
        who = "".join(f" --municipality {shlex.quote(m)}" for m in key.municipalities)
        command = f"rdc keys add {key.key_id[:36]}-{look.at:%y%m} --partner {shlex.quote(key.partner)} --level {key.level}{who}"
        facts = {"until": key.expires_at[:10]}
        yield Concern("key_expires", key.key_id, command, None, facts, level=PARTNERS)


def _channels(look: Look) -> Iterator[Concern]:
    for channel, since in Memory.read(look.work.settings.home).failing.items():
        yield Concern("channel", channel.rpartition("-")[0], "rdc alerts test", since)


#: What can be wrong, the worst first.
KINDS = (
    _disk,
    _damage,
    _clock,
    _silent,
    _build_failed,
    _refused,
    _spoilt,
    _quarantined,
    _withheld,
    _away,
    _failed,
    _late,
    _stray,
    _keys,
    _channels,
)
