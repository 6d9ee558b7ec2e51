"""What a check finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    :param check: the name of the check.
    :param good: whether it is as it should be. What is worth knowing and not wrong is good.
    :param said: what was found, in a line.
    :param repair: what puts it right: a command, or what to do.
    :param mend: what `--fix` does, where that can harm nothing; it says what it did.
    """

    check: str
    good: bool
    said: str
    repair: str = ""
    mend: Callable[[], str] | None = field(default=None, repr=False, compare=False)

    @property
    def record(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "good": self.good,
            "said": self.said,
            "repair": self.repair or None,
            "fixable": self.mend is not None,
        }
