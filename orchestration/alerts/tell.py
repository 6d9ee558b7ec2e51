"""Bring what is wrong to whom it concerns: what is new in one message, once; and that it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from filelock import FileLock, Timeout

from orchestration.alerts import digest
from orchestration.alerts.affected import Affected, affected
from orchestration.alerts.channels import Channel, declared, send
from orchestration.alerts.concern import Concern
from orchestration.alerts.concerns import concerns
from orchestration.alerts.memory import Memory
from orchestration.alerts.message import message, readable, sentence, since
from orchestration.alerts.sending import Send, Told, delivered
from orchestration.workspace import Workspace

LOCK = ".alerts.lock"
#: What comes up in quiet hours waits for their end; where nothing looks then, not longer than this.
WAITS = timedelta(hours=20)


def tell(work: Workspace, at: datetime | None = None, deliver: Send = send) -> Told:
    """Look what is wrong, and tell each channel what it does not know yet. One process does so at a time; another leaves it to it.

    A message counts as told when its channel took it; a channel that does not is tried again at the next look.

    :raises AlertsError: what is declared of alerts can't be used.
    """
    home, result = work.settings.home, Told()
    channels = declared(home)
    if not channels:
        return result
    at = at or datetime.now(UTC)
    lock = FileLock(home / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return result
    try:
        memory = Memory.read(home)
        _forget(memory, channels)
        wrong = [c for c in concerns(work, at) if c.asks]
        now = at.isoformat(timespec="seconds")
        memory.noticed = {c.key: memory.noticed.get(c.key, now) for c in wrong}
        wrong = [since(c, memory.noticed[c.key]) for c in wrong]
        touched = affected(work, wrong)
        for channel in channels:
            _one(channel, wrong, touched, memory, at, deliver, result)
        digest.send_due(work, channels, memory, at, deliver, result)
        memory.write(home)
        return result
    finally:
        lock.release()


def _forget(memory: Memory, channels: list[Channel]) -> None:
    """What is known of channels that are declared no more."""
    ids = {c.id for c in channels}
    for known in (memory.told, memory.failing, memory.digest):
        for gone in set(known) - ids:
            known.pop(gone)


def _one(
    channel: Channel,
    wrong: list[Concern],
    touched: dict[str, Affected],
    memory: Memory,
    at: datetime,
    deliver: Send,
    result: Told,
) -> None:
    known: dict[str, Any] = memory.told.setdefault(channel.id, {})
    own = readable([c for c in wrong if c.kind != "channel" or c.subject != channel.name], channel.level)
    new = [c for c in own if c.key not in known or known[c.key]["mark"] != c.mark]
    over = {key: said for key, said in known.items() if key not in {c.key for c in own}}
    if channel.hours().hold(at):
        waited = [c for c in new if at - datetime.fromisoformat(memory.noticed.get(c.key, at.isoformat())) >= WAITS]
        if not waited:
            result.waiting = max(result.waiting, len(new))
            return
    if not new and not over:
        return
    said = message(new, touched, {key: facts["what"] for key, facts in over.items()}, channel.language)
    if delivered(channel, said, memory, at, deliver, result):
        for key in over:
            known.pop(key)
        for concern in new:
            what = {lang: sentence(concern, lang) for lang in ("nl", "en")}
            known[concern.key] = {"mark": concern.mark, "what": what, "at": at.isoformat(timespec="seconds")}
