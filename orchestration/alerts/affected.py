"""Whom a concern touches: the indicators that draw on its tables, the goals on these, and partners with a key of that level."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from ingest.storage.durable import Damaged
from orchestration.alerts.concern import Concern
from orchestration.workspace import PARTNERS, PUBLIC, Workspace
from warehouse.registry import goals
from warehouse.registry.indicators import IndicatorError, load
from warehouse.serve.keys import Key, Keys


@dataclass(frozen=True)
class Affected:
    """Names in Dutch, as they are published.

    :param partners: how many keys open what it is about.
    """

    indicators: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    partners: int = 0

    @property
    def record(self) -> dict[str, Any]:
        return {"indicators": list(self.indicators), "goals": list(self.goals), "partners": self.partners}


@dataclass(frozen=True)
class _Declared:
    """By indicator: its name, the tables that it draws on, the goals that it is of."""

    names: dict[str, str]
    draws: dict[str, set[str]]
    goals: dict[str, list[str]]


@lru_cache(maxsize=1)
def _declared(own: Path, _stamp: tuple[tuple[str, int], ...]) -> _Declared:
    """What is declared, read once per state of the user's own files: the daemon asks again and again."""
    found = _Declared({}, {}, {})
    try:
        registry = load(own=own)
        for _, indicator in registry.indicators():
            found.names[indicator.id] = indicator.name
            found.draws[indicator.id] = {
                t for v in indicator.versions for b in v.bindings for t in registry.draws_on(b)
            }
        for goal in goals.load(registry=registry):
            found.goals.setdefault(goal.indicator, []).append(goal.goal)
    except (IndicatorError, goals.GoalError):
        pass  # Whoever builds is told; that an alert can't name indicators must not keep it back.
    return found


def affected(work: Workspace, concerns: list[Concern]) -> dict[str, Affected]:
    """By the key of the concern. The registry is read only where there is something to be touched."""
    if not concerns:
        return {}
    own = work.settings.own_indicators
    known = _declared(own, tuple((f.name, f.stat().st_mtime_ns) for f in sorted(own.glob("*.yml"))))
    try:
        now = datetime.now(UTC)
        keys = [k for k in Keys(work.settings.home).all() if not k.refused(now)]
    except (Damaged, OSError):
        keys = []
    closed = {t.id for t in work.registry.tables.values() if t.sharing_level not in (None, PUBLIC)}
    found = {}
    for concern in concerns:
        touched = [
            i
            for i, tables in known.draws.items()
            if (i in concern.indicators or tables & set(concern.tables))
            and (concern.level != PUBLIC or not tables & closed)
        ]
        opened = [k for k in keys if _opens(k, concern.level)]
        found[concern.key] = Affected(
            tuple(known.names[i] for i in touched),
            tuple(dict.fromkeys(aim for i in touched for aim in known.goals.get(i, []))),
            len({k.partner for k in opened}) if concern.tables or concern.indicators else 0,
        )
    return found


def _opens(key: Key, level: str) -> bool:
    """Whether a key gives what is of this level."""
    if level in (PUBLIC, PARTNERS):
        return True
    return key.level == "municipality" and bool({level, "*"} & set(key.municipalities))
