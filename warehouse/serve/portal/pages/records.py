"""What the data centre tells of itself from a release: data products, quality and freshness, and what changed when."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from warehouse.serve.portal.page import Asking, Kind, Links, Page
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words

#: Days from one publication of a source to the next, by how often it publishes.
_APART = {"month": 31, "quarter": 92, "half_year": 183, "year": 365}


def _file(view: View, name: str) -> str | None:
    """A file of the release; None where it has none, or it may not be told."""
    file = view.folder / name if view.folder else None
    return file.read_text(encoding="utf-8") if file and file.is_file() else None


def products(view: View, _: Asking, links: Links) -> Page:
    text = _file(view, "producten.json")
    return Page(
        title=words().products.title,
        description=words().products.lead,
        content={"products": [p for p in json.loads(text) if p["tabel"] in view.themes] if text else []},
    )


def quality(view: View, _: Asking, links: Links) -> Page:
    sources = [
        s | {"next": (then := _next(s)), "late": bool(then and then < view.created_at.date())}
        for s in view.table_sources
    ]
    return Page(
        title=words().quality.title,
        description=words().quality.lead,
        content={"sources": sources, "checks": view.checks},
    )


def _next(source: dict[str, Any]) -> date | None:
    """About when the source will publish again; None where it will not, or does not say when it last did."""
    days = _APART.get(source.get("cadence") or "")
    if days is None or not source.get("modified"):
        return None
    try:
        return datetime.fromisoformat(source["modified"]).date() + timedelta(days)
    except ValueError:
        return None


@dataclass
class Section:
    """What one release changed, as its changelog tells it."""

    release: str
    day: str
    parts: list[tuple[str, list[str], list[str]]] = field(default_factory=list)


def releases(view: View, _: Asking, links: Links) -> Page:
    kept = {f.parent.name for f in view.folder.parent.glob("*/release.json")} if view.folder else set()
    return Page(
        title=words().releases.title,
        description=words().releases.lead,
        content={"sections": sections(_file(view, "CHANGELOG.md") or ""), "kept": kept},
    )


def sections(changelog: str) -> list[Section]:
    """The changelog of a release, taken apart: per release its headings, each with paragraphs and items."""
    found: list[Section] = []
    for line in changelog.splitlines():
        if head := re.fullmatch(r"## (\S+) \((\d\d)-(\d\d)-(\d{4})\)", line):
            name, day, month, year = head.groups()
            found.append(Section(name, f"{year}-{month}-{day}", [("", [], [])]))
        elif found and line.startswith("### "):
            found[-1].parts.append((line[4:], [], []))
        elif found and line.startswith("- "):
            found[-1].parts[-1][2].append(line[2:])
        elif found and line.strip():
            found[-1].parts[-1][1].append(line)
    return found


KINDS = [
    Kind("quality", "/kwaliteit", quality, place="foot"),
    Kind("releases", "/uitgaven", releases, place="foot"),
    Kind("products", "/producten", products, place="foot"),
]
