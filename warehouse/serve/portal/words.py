"""The Dutch texts of frame and pages, as ``words.yml`` has them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml


class Words(dict[str, Any]):
    """Texts by name, asked for as ``words.indicator.heading``. A name that is not there is a mistake, told at once."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise LookupError(f"words.yml has no text {name!r} here; it has {', '.join(self)}") from error


def _read(content: Any) -> Any:
    if isinstance(content, dict):
        return Words({name: _read(value) for name, value in content.items()})
    return [_read(c) for c in content] if isinstance(content, list) else content


@cache
def words() -> Words:
    """All texts."""
    return Words(_read(yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))))
