"""The themes of the registry: each is one file in ``dbt_project/indicators``, and its heading says what must be known of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from ingest.datacenter import here
from ingest.project import DBT_PROJECT

FOLDER = DBT_PROJECT / "indicators"

#: The subjects by which catalogues of open data sort: the European Union's vocabulary "data theme".
Subject = Literal[
    "AGRI", "ECON", "EDUC", "ENER", "ENVI", "GOVE", "HEAL", "INTR", "JUST", "REGI", "SOCI", "TECH", "TRAN"
]


class Heading(BaseModel):
    """What stands above the indicators of a theme.

    :param theme: its name, that of its file and of its table in ``mart``.
    :param purpose: the social purpose that its figures serve, for the public record of the data product.
    :param eu_themes: where a catalogue of open data puts it.
    :param owner: who answers for it, if not the owner in ``region.yml``.
    :param legal_basis: if it is another than that of all products; likewise ``retention``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    theme: str = Field(pattern=r"^[a-z][a-z_]*$")
    title: str
    purpose: str
    eu_themes: list[Subject] = Field(min_length=1)
    owner: str | None = None
    legal_basis: str | None = None
    retention: str | None = None


def files(folder: Path = FOLDER) -> list[Path]:
    """The files of the themes, in the order of the registry. One whose name begins with a line is no theme."""
    return [file for file in sorted(folder.glob("*.yml")) if not file.name.startswith("_")]


def headings(folder: Path = FOLDER) -> dict[str, Heading]:
    """The heading of every theme of the project, by its name, with the texts of this data centre."""
    return {name: Heading.model_validate(here().filled(content)) for name, content in _declared(folder).items()}


@cache
def _declared(folder: Path) -> dict[str, dict[str, object]]:
    # The indicators below are far the most of a file, and nobody who asks for its heading needs them.
    tops = (file.read_text(encoding="utf-8").split("\nindicators:", 1)[0] for file in files(folder))
    return {content["theme"]: content for content in map(yaml.safe_load, tops)}
