"""The indicator registry: definitions that a policy officer can read and review, bound to the columns of CBS.

One YAML file per theme in ``dbt_project/indicators``. A binding names a table's column by its **stem within its topic
groups** (v3) or by its measure code (v4), never by the numeric suffix, which moves every year.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

FOLDER = Path(__file__).parent.parent / "dbt_project" / "indicators"

THEMES = (
    "bevolking",
    "wonen",
    "sociaal_domein",
    "gezondheid",
    "onderwijs",
    "werk_en_inkomen",
    "economie",
    "veiligheid",
    "mobiliteit",
    "milieu_en_energie",
    "ruimte",
    "bestuur",
)
RegionType = Literal["land", "landsdeel", "provincie", "corop", "gemeente", "wijk", "buurt", "ggd_regio", "jeugdregio"]
_SUFFIXED = re.compile(r"_\d+$")


class IndicatorError(ValueError):
    """A definition that can't be used; the message names file, indicator and field."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Term(_Strict):
    """One column of a source table, at one member of each further dimension.

    :param stem: the v3 key without its suffix, together with ``path``, the titles of its topic groups from the outside
        in. Without a path the stem must be the only one of its name in the table; the build fails when it is not.
    :param measure: the v4 measure code; instead of stem and path.
    :param dimensions: the member of every dimension besides region and period, by the dimension's key.
    :param table: another table than the binding's own.
    :param subtract: take the value off instead of adding it.
    """

    stem: str | None = None
    path: list[str] = []
    measure: str | None = None
    dimensions: dict[str, str] = {}
    table: str | None = None
    subtract: bool = False

    @model_validator(mode="after")
    def _one_name(self) -> Term:
        if (self.stem is None) == (self.measure is None):
            raise ValueError("name a column by `stem` (v3) or by `measure` (v4), one of the two")
        if self.stem and _SUFFIXED.search(self.stem):
            raise ValueError(f"{self.stem} ends in a numeric suffix, which moves every year: leave it out")
        return self


class Binding(_Strict):
    """Where the figures come from: a table, for these kinds of region, and how they are made.

    Either ``value`` (the source publishes the figure itself) or ``numerator`` and ``denominator`` (we divide), or all
    three: published where the source does, divided for an aggregate such as De Kempen. Terms of one role are added up.

    :param regions: the kinds of region that this table serves; so that two tables never give the same figure.
    :param last_period: the last period that this table serves, where a successor takes over.
    """

    table: str
    regions: list[RegionType] = Field(min_length=1)
    value: list[Term] = []
    numerator: list[Term] = []
    denominator: list[Term] = []
    first_period: str | None = None
    last_period: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Binding:
        if bool(self.numerator) != bool(self.denominator):
            raise ValueError("a ratio needs both `numerator` and `denominator`")
        if not self.value and not self.numerator:
            raise ValueError("a binding needs `value`, or `numerator` and `denominator`")
        return self


class Version(_Strict):
    """A definition, and from when to when it holds (by period: the first day that a figure is about).

    :param aggregation: ``sum`` (values of parts add up), ``ratio`` (numerators and denominators add up), or ``none``
        (an aggregate can't be made from what is published; ``why_not`` says why, in Dutch).
    :param factor: what numerator / denominator is multiplied by: 100 for a percentage, 1000 for per 1 000.
    """

    version: int = Field(ge=1)
    valid_from: date
    valid_to: date | None = None
    definition: str
    unit: str
    decimals: int = Field(ge=0, le=4)
    aggregation: Literal["sum", "ratio", "none"]
    factor: float = 1
    why_not: str | None = None
    numerator: str | None = Field(None, description="in words, Dutch")
    denominator: str | None = Field(None, description="in words, Dutch")
    caveats: str | None = None
    bindings: list[Binding] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Version:
        ratio = any(b.numerator for b in self.bindings)
        if self.aggregation == "ratio" and not ratio:
            raise ValueError("aggregation is `ratio`, but no binding has numerator and denominator")
        if self.aggregation == "sum" and ratio:
            raise ValueError("aggregation is `sum`, but a binding has numerator and denominator")
        if self.aggregation == "none" and not self.why_not:
            raise ValueError("aggregation is `none`: `why_not` must say why, for whoever misses De Kempen")
        if ratio and not (self.numerator and self.denominator):
            raise ValueError("a ratio must name its `numerator` and `denominator` in words")
        return self


class Indicator(_Strict):
    """A standard indicator: its name, and its definition version by version."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    direction: Literal["hoger_is_beter", "lager_is_beter", "neutraal"]
    source: str = Field(description="publisher and statistic, as it is cited")
    bbv: int | None = Field(None, ge=1, le=39, description="number among the mandatory BBV policy indicators")
    versions: list[Version] = Field(min_length=1)

    @model_validator(mode="after")
    def _versions_in_turn(self) -> Indicator:
        for number, version in enumerate(self.versions, 1):
            if version.version != number:
                raise ValueError(f"versions are numbered 1, 2, …; got {version.version} in place {number}")
        for earlier, later in zip(self.versions, self.versions[1:], strict=False):
            if earlier.valid_to is None or earlier.valid_to >= later.valid_from:
                raise ValueError(f"version {earlier.version} must end before version {later.version} begins")
        return self

    @property
    def current(self) -> Version:
        return self.versions[-1]


class Theme(_Strict):
    """One file of the registry."""

    theme: Literal[THEMES]  # type: ignore[valid-type]
    title: str
    indicators: list[Indicator]


def load(folder: Path = FOLDER) -> list[Theme]:
    """Read the registry.

    :raises IndicatorError: naming file, indicator and field of everything that is wrong.
    """
    themes: list[Theme] = []
    problems: list[str] = []
    for file in sorted(folder.glob("*.yml")):
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
            themes.append(Theme.model_validate(content))
        except yaml.YAMLError as error:
            problems.append(f"{file.name}: not readable as YAML: {error}")
        except ValidationError as error:
            problems += [f"{file.name}: {line}" for line in _explain(error, content)]
    seen: dict[str, str] = {}
    for theme in themes:
        for indicator in theme.indicators:
            if indicator.id in seen:
                problems.append(f"{theme.theme}.yml: indicator {indicator.id} is already in {seen[indicator.id]}.yml")
            seen[indicator.id] = theme.theme
    if problems:
        raise IndicatorError("\n".join(problems))
    return themes


def _explain(error: ValidationError, content: object) -> list[str]:
    lines = []
    for item in error.errors():
        place = list(item["loc"])
        where = f"field {'.'.join(map(str, place)) or '(the file itself)'}"
        if len(place) >= 2 and place[0] == "indicators" and isinstance(place[1], int) and isinstance(content, dict):
            entry = content["indicators"][place[1]]
            name = entry.get("id") if isinstance(entry, dict) else None
            where = f"indicator {name or place[1] + 1}: field {'.'.join(map(str, place[2:])) or '(itself)'}"
        lines.append(f"{where}: {item['msg'].removeprefix('Value error, ')}")
    return lines
