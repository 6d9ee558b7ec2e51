"""One thing that is wrong, before it is put into words."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestration.workspace import PARTNERS, PUBLIC

#: What a channel may see that is to see everything.
EVERYTHING = "all"


@dataclass(frozen=True)
class Concern:
    """Something that is wrong with one subject.

    :param kind: which of the texts in ``words.yml`` says it.
    :param subject: what it is about: a table, a host, an indicator, the data folder.
    :param command: the one command to copy.
    :param since: from when on, ISO 8601; None where only the first look tells.
    :param facts: what fills the texts, besides the subject.
    :param detail: what the source or the audit said, of what is public only: English, as it came.
    :param tables: which of our tables it costs; from these follow indicators and goals.
    :param indicators: ids of indicators it touches by themselves.
    :param level: who may know of it: ``public``, ``partners`` or a municipality's code.
    :param asks: whether a person is to do something. What does not ask is told by `rdc status` and by no alert.
    :param mark: another mark makes it worth telling again.
    """

    kind: str
    subject: str
    command: str
    since: str | None = None
    facts: dict[str, str] = field(default_factory=dict)
    detail: str = ""
    tables: tuple[str, ...] = ()
    indicators: tuple[str, ...] = ()
    level: str = PUBLIC
    asks: bool = True
    mark: str = ""

    @property
    def key(self) -> str:
        """What makes it the same concern as before."""
        return f"{self.kind} {self.subject}"

    def seen_by(self, level: str) -> bool:
        """Whether one who sees this level may know of it."""
        return self.level == PUBLIC or level in (EVERYTHING, self.level) or (self.level == PARTNERS and level != PUBLIC)
