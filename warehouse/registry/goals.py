"""Policy goals, declared as text that a policy officer reviews: ``dbt_project/goals/*.yml``, a file per municipality.

A goal ties an indicator to a decision: from which year, to which value, by when, decided by whom and on which basis. Where
it stands is worked out in ``mart.policy_goal``.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ingest.datacenter import here
from ingest.errors import MendableError
from ingest.project import DBT_PROJECT
from warehouse.registry import indicators
from warehouse.registry.declared import declared, is_ours, no_indicator

FOLDER = DBT_PROJECT / "goals"
_YEAR = r"^\d{4}(JJ00|SJ00)$"


class GoalError(MendableError, ValueError):
    """A goal that can't be used; the message names file, goal and field."""


class Goal(BaseModel):
    """A goal as it was decided.

    :param region: CBS's code of the municipality, or of a group.
    :param baseline_period: the year from which progress counts; its figure comes from the indicator.
    :param target: the value to reach in ``target_period``.
    :param compare_with: the group whose figure is put beside it.
    :param example: made up, to show how it looks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    region: str = Field(pattern=r"^[A-Z][A-Z0-9_]+$")
    programme: str
    taakveld: str
    goal: str
    indicator: str
    baseline_period: str = Field(pattern=_YEAR)
    target: float
    target_period: str = Field(pattern=_YEAR)
    compare_with: str = Field(default_factory=lambda: here().code)
    decided_on: date
    decided_by: str
    legal_basis: str
    example: bool = False

    @model_validator(mode="after")
    def _forward(self) -> Goal:
        if self.target_period <= self.baseline_period:
            raise ValueError(f"target_period {self.target_period} must be after baseline_period {self.baseline_period}")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    goals: list[Goal]


def load(folder: Path = FOLDER, registry: indicators.Registry | None = None) -> list[Goal]:
    """Read all goals, but for those on an indicator that the release may know nothing of.

    :param registry: the indicators there are; the project's own by default.
    :raises GoalError: naming file, goal and field of everything that is wrong.
    """
    registry = registry or indicators.load()
    known = {indicator.id for _, indicator in registry.indicators()}
    found: dict[str, Goal] = {}
    problems: list[str] = []
    for file, content in declared(sorted(folder.glob("*.yml")), _File, problems):
        for goal in content.goals:
            if goal.example and not is_ours(goal.region):
                continue  # The examples that the project ships are of the region that it ships.
            if goal.id in found:
                problems.append(f"{file.name}: goal {goal.id}: field id: there is another goal of this name")
            if goal.indicator not in known | registry.hidden:
                problems.append(f"{file.name}: goal {goal.id}: field indicator: {no_indicator(goal.indicator, known)}")
            found[goal.id] = goal
    if problems:
        raise GoalError("\n".join(problems))
    return [goal for goal in found.values() if goal.indicator in known]
