"""Policy choices whose effect is asked for, declared as text: ``dbt_project/interventions/<municipality>.yml``, and the user's own in
``$RDC_HOME/interventions``. What each field means: docs/effecten.md. What came of them: `warehouse.effects.declared`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ingest.errors import MendableError
from ingest.project import DBT_PROJECT
from warehouse.registry import indicators
from warehouse.registry.declared import declared, is_ours, no_indicator

FOLDER = DBT_PROJECT / "interventions"
_REGION = r"^[A-Z][A-Z0-9_]+$"


class InterventionError(MendableError, ValueError):
    """An intervention that can't be used; the message names file, intervention and field."""


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Expected(_Declared):
    """An indicator in which an effect is looked for, and the direction that was expected.

    :param relevant: the size of effect that matters, in the indicator's unit; a share of its level where nobody said.
    """

    indicator: str
    direction: Literal["stijging", "daling", "onbekend"]
    relevant: float | None = Field(default=None, gt=0)


class Excluded(_Declared):
    """An area that can't serve as comparison, and why, in Dutch."""

    region: str = Field(pattern=_REGION)
    why: str


class Intervention(_Declared):
    """A policy choice as it was made.

    :param region: CBS's code of the municipality or wijk, or of a group.
    :param from_period: the first period that counts as after.
    :param until_period: the last period that is looked at; the last that there is where it is empty.
    :param disturbances: other things that changed then, there or with the neighbours.
    :param compare_with: codes of areas or groups; proposed by size class and stedelijkheid where it is empty.
    :param declared_on: when this was written down; after the outcome was known it is told so.
    :param published: what an earlier study said, with its source.
    :param example: made up, to show how it looks.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    what: str
    region: str = Field(pattern=_REGION)
    from_period: str = Field(pattern=r"^\d{4}(JJ00|SJ00)$")
    until_period: str | None = Field(default=None, pattern=r"^\d{4}(JJ00|SJ00)$")
    indicators: list[Expected] = Field(min_length=1)
    decided_by: str
    legal_basis: str
    declared_on: date
    disturbances: list[str] = []
    excluded: list[Excluded] = []
    also_treated: list[str] = []
    compare_with: list[str] = []
    published: str | None = None
    example: bool = False


class _File(_Declared):
    interventions: list[Intervention]


@dataclass(frozen=True)
class Written:
    """An intervention, and the file that it stands in."""

    intervention: Intervention
    file: Path


def load(folders: Iterable[Path], registry: indicators.Registry | None = None) -> list[Intervention]:
    """Read all interventions of these folders, with only the indicators that the release may know of.

    :param registry: the indicators there are; the project's own by default.
    :raises InterventionError: naming file, intervention and field of everything that is wrong.
    """
    found, problems = read(folders, registry)
    if problems:
        raise InterventionError("\n".join(problems))
    return [one.intervention for one in found]


def read(folders: Iterable[Path], registry: indicators.Registry | None = None) -> tuple[list[Written], list[str]]:
    """The same, with what is wrong beside it: an intervention that can't be used costs no other, and no release."""
    registry = registry or indicators.load()
    known = {indicator.id for _, indicator in registry.indicators()}
    found: dict[str, Written] = {}
    problems: list[str] = []
    files = (file for folder in folders for file in sorted(folder.glob("*.yml")))
    for file, content in declared(files, _File, problems):
        for one in content.interventions:
            if file.parent == FOLDER and not is_ours(one.region):
                continue  # What the project ships is of the region that it ships.
            wrong = _wrong(one, found, known | registry.hidden)
            problems += [f"{file.name}: intervention {one.id}: {line}" for line in wrong]
            asked = [expected for expected in one.indicators if expected.indicator in known]
            if asked and not wrong:
                found[one.id] = Written(one.model_copy(update={"indicators": asked}), file)
    return list(found.values()), problems


def _wrong(one: Intervention, found: Collection[str], known: set[str] | frozenset[str]) -> list[str]:
    lines = [] if one.id not in found else ["field id: there is another intervention of this name"]
    names = [asked.indicator for asked in one.indicators]
    for name in names:
        if name not in known:
            lines.append(f"field indicators: {no_indicator(name, known)}")
    if len(set(names)) < len(names):
        lines.append("field indicators: an indicator is named twice")
    if one.until_period and one.until_period < one.from_period:
        lines.append(
            f"field until_period: {one.until_period} is before {one.from_period}, from which the choice counts"
        )
    treated = {one.region, *one.also_treated}
    if both := sorted(treated & set(one.compare_with)):
        lines.append(f"field compare_with: {', '.join(both)} got it too, so it can't be compared with")
    return lines
