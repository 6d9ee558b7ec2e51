"""Quiet hours, in the time of the Netherlands whatever the machine's is: summer and winter time go along."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from ingest.settings import SettingsError

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
USUAL = "22:00-07:00"
VARIABLE = "RDC_QUIET_HOURS"
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class QuietHours:
    """:param start, end: equal where there are none; over midnight where the start is the later one."""

    start: time
    end: time

    @classmethod
    def read(cls, text: str) -> QuietHours:
        """:raises ValueError: it is neither ``none`` nor hours such as ``22:00-07:00``."""
        if text == "none":
            return cls(time(), time())
        if not (found := _HOURS.fullmatch(text)):
            raise ValueError(f"{text!r} are no hours; write 22:00-07:00, or none")
        a, b, c, d = map(int, found.groups())
        return cls(time(a, b), time(c, d))

    def hold(self, at: datetime) -> bool:
        """Whether it is quiet at this moment."""
        moment = at.astimezone(AMSTERDAM).time()
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


def usual(env: Mapping[str, str] = os.environ) -> QuietHours:
    """The quiet hours of this data centre.

    :raises SettingsError: the environment has some that are none.
    """
    try:
        return QuietHours.read(env.get(VARIABLE, "").strip() or USUAL)
    except ValueError as error:
        raise SettingsError(f"{VARIABLE}: {error}") from None


def is_quiet(at: datetime) -> bool:
    """Whether nothing starts by itself now, but for what someone delivers."""
    return usual().hold(at)
