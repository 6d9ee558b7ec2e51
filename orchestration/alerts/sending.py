"""A message on its way: whether its channel took it, and what is remembered of one that does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from orchestration.alerts.channels import Channel
from orchestration.alerts.memory import Memory
from orchestration.alerts.message import Message

Send = Callable[[Channel, str, str], str]


@dataclass
class Told:
    """What became of it, for whoever looks on.

    :param sent: a line per message that was taken.
    :param failed: a line per channel that did not take one.
    :param waiting: how many concerns wait for the end of quiet hours.
    """

    sent: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    waiting: int = 0


def delivered(channel: Channel, said: Message, memory: Memory, at: datetime, deliver: Send, result: Told) -> bool:
    """Whether the channel took the message; since when it does not is remembered."""
    if problem := deliver(channel, said.title, said.body):
        memory.failing.setdefault(channel.id, at.isoformat(timespec="seconds"))
        result.failed.append(problem)
        return False
    memory.failing.pop(channel.id, None)
    result.sent.append(f"{channel.name}: {said.title}")
    return True
