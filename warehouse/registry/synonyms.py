"""The words by which people search for what the indicators call otherwise (``dbt_project/indicators/_synonyms.yml``)."""

from __future__ import annotations

from functools import cache

import yaml
from pydantic import TypeAdapter

from warehouse.registry.themes import FOLDER

FILE = FOLDER / "_synonyms.yml"


@cache
def synonyms() -> tuple[tuple[str, ...], ...]:
    """Groups of words that stand for each other.

    :raises pydantic.ValidationError: the file is no list of groups.
    """
    return TypeAdapter(tuple[tuple[str, ...], ...]).validate_python(yaml.safe_load(FILE.read_text(encoding="utf-8")))
