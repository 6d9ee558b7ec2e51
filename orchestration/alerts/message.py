"""Concerns in words: one message, whatever it is about, in the languages of its channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import yaml

from ingest.datacenter import here
from ingest.declaration import SAFE_LOADER
from ingest.months import MONTHS
from ingest.words import shown
from orchestration.alerts.affected import Affected
from orchestration.alerts.concern import Concern
from orchestration.alerts.quiet import AMSTERDAM

LANGUAGES = {"nl": ("nl",), "en": ("en",), "both": ("nl", "en")}
#: So many names are named; of the others it is said how many there are.
NAMED = 5
_MONTHS = {
    "nl": MONTHS,
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
}


@dataclass(frozen=True)
class Message:
    title: str
    body: str


@cache
def words() -> dict[str, Any]:
    file = Path(__file__).with_name("words.yml")
    return dict(yaml.load(file.read_text(encoding="utf-8"), Loader=SAFE_LOADER))


def part(language: str, name: str, **facts: object) -> str:
    return Template(words()["parts"][language][name]).substitute(facts)


def sentence(concern: Concern, language: str, which: str = "what") -> str:
    """What is wrong, or what to do."""
    facts = {name: shown(value, 120) for name, value in concern.facts.items()}
    said = Template(words()["kinds"][concern.kind][language][which]).substitute(
        facts | {"subject": shown(concern.subject)}
    )
    if which == "what" and concern.kind in ("refused", "build_failed") and concern.level != "public":
        levels = words()["levels"][language]
        said += f" ({Template(levels.get(concern.level, levels['other'])).substitute(level=concern.level)})"
    return said


def moment(at: str, language: str) -> str:
    """A moment as people in the Netherlands say it."""
    local = datetime.fromisoformat(at).astimezone(AMSTERDAM)
    return f"{local.day} {_MONTHS[language][local.month - 1]} {local.year}, {local:%H:%M}"


def touches(found: Affected, language: str) -> str:
    """Whom it touches, in a line."""
    told = []
    for one, many, names in (("indicator", "indicators", found.indicators), ("goal", "goals", found.goals)):
        if names:
            more = len(names) - NAMED
            listed = ", ".join(names[:NAMED]) + (f", {part(language, 'and', number=more)}" if more > 0 else "")
            told.append(part(language, one if len(names) == 1 else many, number=len(names), names=listed))
    if found.partners:
        told.append(part(language, "partner" if found.partners == 1 else "partners", number=found.partners))
    return "; ".join(told)


def told(concern: Concern, found: Affected, level: str) -> dict[str, Any]:
    """A concern as a program reads it: its facts, and the same words as in a message."""
    concern = concern if concern.seen_by(level) else closed(concern)
    return {
        "kind": concern.kind,
        "subject": concern.subject,
        "since": concern.since,
        "asks": concern.asks,
        "level": concern.level,
        "affects": found.record,
        "command": concern.command,
        "nl": {which: sentence(concern, "nl", which) for which in ("what", "do")},
        "en": {which: sentence(concern, "en", which) for which in ("what", "do")},
    }


def closed(concern: Concern) -> Concern:
    """What may be told of it to those who may not know what it is about. All of them are one."""
    return Concern("closed", "closed", "rdc status", asks=concern.asks)


def readable(concerns: Sequence[Concern], level: str) -> list[Concern]:
    """The concerns as one of this level may read them."""
    seen = [c if c.seen_by(level) else closed(c) for c in concerns]
    return list({c.key: c for c in seen}.values())


def message(
    concerns: Sequence[Concern], found: dict[str, Affected], over: dict[str, dict[str, str]], language: str
) -> Message:
    """What asks for someone, and what is over, in one message.

    :param found: whom each concern touches, by its key.
    :param over: by key, the heading per language of what is over.
    """
    center, languages = here().name, LANGUAGES[language]
    number = len(concerns)
    name = "title_over" if not number else "title_one" if number == 1 else "title_many"
    title = " / ".join(
        part(lang, name, center=center if not n else "", number=number).removeprefix(": ")
        for n, lang in enumerate(languages)
    )
    texts = []
    for lang in languages:
        lines = [line for c in concerns for line in (*_lines(c, found.get(c.key, Affected()), lang), "")]
        if over:
            lines += [part(lang, "over"), *(f"- {said[lang]}" for said in over.values()), ""]
        texts.append("\n".join(lines).strip())
    return Message(title, "\n\n-- English --\n\n".join(texts) + "\n")


def trial(language: str) -> Message:
    center, languages = here().name, LANGUAGES[language]
    titles = [
        part(lang, "title_test", center=center if not n else "").removeprefix(": ") for n, lang in enumerate(languages)
    ]
    return Message(" / ".join(titles), "\n\n".join(part(lang, "test") for lang in languages) + "\n")


def _lines(concern: Concern, found: Affected, language: str) -> list[str]:
    lines = [f"* {sentence(concern, language)}"]
    if concern.since:
        lines.append(f"  {part(language, 'since')}: {moment(concern.since, language)}")
    if whom := touches(found, language):
        lines.append(f"  {part(language, 'touches')}: {whom}")
    if concern.detail:
        lines.append(f"  {part(language, 'detail')}: {shown(concern.detail)}")
    lines.append(f"  {part(language, 'do')}: {sentence(concern, language, 'do')}")
    lines.append(f"  {part(language, 'command')}: {concern.command}")
    return lines


def since(concern: Concern, noticed: str) -> Concern:
    """The concern with the moment at which it was first seen, where it has none of its own."""
    return concern if concern.since else replace(concern, since=noticed)
