"""The indicator registry: definitions that a policy officer can read and review, bound to the columns of CBS.

One YAML file per theme in ``dbt_project/indicators``; a user's own are in ``$RDC_HOME/indicators``. A binding names a
table's column by its **stem within its topic groups** (v3) or by its measure code (v4), never by the numeric suffix, which
moves every year. A statistic that CBS publishes as a table a year (Kerncijfers wijken en buurten) is a **series**, declared
once in ``_series.yml``; an indicator binds to the series, with exceptions for the years in which a column is another.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from ingest.datacenter import RegionFileError, here
from ingest.errors import MendableError, explained
from ingest.seen import column_seen
from warehouse.registry.labels import Reference
from warehouse.registry.themes import FOLDER, Heading, files

SERIES = "_series.yml"
#: How messages name the folder of the user's own.
OWN = "$RDC_HOME/indicators"

#: Kinds of region, from large to small where one lies in another.
REGION_TYPES = ("land", "landsdeel", "provincie", "corop", "ggd_regio", "jeugdregio", "gemeente", "wijk", "buurt")
RegionType = Literal["land", "landsdeel", "provincie", "corop", "gemeente", "wijk", "buurt", "ggd_regio", "jeugdregio"]
PERIOD = r"^\d{4}(JJ00|SJ00|HJ0[12]|KW0[1-4]|MM(0[1-9]|1[0-2])|X000)$"
#: How the figure of a group comes from those of its members.
Aggregation = Literal["sum", "ratio", "none"]
#: Roles of a term in a figure. ``lower`` and ``upper`` are the margins of ``value``.
ROLES = ("value", "numerator", "denominator", "lower", "upper")
#: The mandatory policy indicators of municipal budgets (Regeling beleidsindicatoren gemeenten) are numbered 1 to 39.
BBV_NUMBERS = range(1, 40)
_SUFFIXED = re.compile(r"_\d+$")
#: The safe loader in C, where PyYAML has it: the registry is read in a fifth of the time.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Model = TypeVar("_Model", bound=BaseModel)


class IndicatorError(MendableError, ValueError):
    """A definition that can't be used; the message names file, indicator and field."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Term(_Strict):
    """One column of a source table, at one member of each further dimension.

    :param stem: the v3 key without its suffix, together with ``path``, the titles of its topic groups from the outside
        in. A list names what the same column was called from year to year; a table must have exactly one of them.
        Without a path the stem must be the only one of its name in the table; the build fails when it is not.
    :param measure: the v4 measure code; instead of stem and path.
    :param dimensions: the member of every dimension besides region and period, by the dimension's key.
    :param unit: what the column counts, as the table must say it; without one that of the indicator (``value``) or a number of
        things (``numerator``, ``denominator``).
    :param table: another table than the binding's own; ``series``: that series' table of the same year.
    :param subtract: take the value off instead of adding it.
    """

    stem: Annotated[list[str], BeforeValidator(_listed)] = []
    path: list[str] = []
    measure: str | None = None
    dimensions: dict[str, str] = {}
    table: str | None = None
    series: str | None = None
    subtract: bool = False
    unit: str | None = None

    @model_validator(mode="after")
    def _one_name(self) -> Term:
        if bool(self.stem) == bool(self.measure):
            raise ValueError("name a column by `stem` (v3) or by `measure` (v4), one of the two")
        for stem in self.stem:
            if _SUFFIXED.search(stem):
                raise ValueError(f"{stem} ends in a numeric suffix, which moves every year: leave it out")
        return self


class Margins(_Strict):
    """The members of a dimension that hold the lower and upper bound of a figure, as the source publishes them."""

    dimension: str
    lower: str
    upper: str


class Roles(_Strict):
    """How a figure is made: published (``value``), divided (``numerator``, ``denominator``), or both: published where the
    source does, divided for an aggregate such as the region. Terms of one role are added up."""

    value: list[Term] = []
    numerator: list[Term] = []
    denominator: list[Term] = []


class Deviation(Roles):
    """Other columns in some years of a series, or none at all.

    :param absent: why the series has no figure in these years, Dutch.
    :param series_break: why figures from here on can't be compared with the years before, Dutch.
    """

    periods: list[Annotated[str, Field(pattern=PERIOD)]] = Field(min_length=1)
    absent: str | None = None
    series_break: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Deviation:
        if bool(self.absent) == bool(self.value or self.numerator or self.denominator):
            raise ValueError("say which columns these years have, or why they have none (`absent`), one of the two")
        return self


class Binding(Roles):
    """Where the figures come from: a table or a series of tables, for these kinds of region.

    :param regions: the kinds of region that this table serves; so that two tables never give the same figure.
    :param first_period, last_period: the periods that it serves, where another table has those before or after.
    :param constant: what the value is added to: 100, with a term that is subtracted, gives the complement of a percentage.
    :param series_break: why its figures can't be compared with those of the binding before it, Dutch.
    :param continues: why they can, Dutch. A binding that takes over from another must say one of the two.
    :param same_areas: all years of the table are in one division into wijken and buurten, so that its series never break.
    """

    table: str | None = None
    series: str | None = None
    regions: list[RegionType] = Field(min_length=1)
    constant: float = 0
    margins: Margins | None = None
    first_period: str | None = Field(None, pattern=PERIOD)
    last_period: str | None = Field(None, pattern=PERIOD)
    series_break: str | None = None
    continues: str | None = None
    same_areas: bool = False
    deviations: list[Deviation] = Field([], alias="except")

    @model_validator(mode="after")
    def _whole(self) -> Binding:
        if (self.table is None) == (self.series is None):
            raise ValueError("name a `table` or a `series`, one of the two")
        if self.deviations and not self.series:
            raise ValueError("`except` is for the years of a series; bind another table on its own")
        if bool(self.numerator) != bool(self.denominator):
            raise ValueError("a ratio needs both `numerator` and `denominator`")
        if not self.value and not self.numerator:
            raise ValueError("a binding needs `value`, or `numerator` and `denominator`")
        named = [t for r in (self, *self.deviations) for t in (*r.value, *r.numerator, *r.denominator) if t.series]
        if named and not self.series:
            raise ValueError("a term can only name a series when its binding does; name its `table`")
        if self.margins and any(self.margins.dimension not in t.dimensions for t in self.value):
            raise ValueError(f"margins are members of {self.margins.dimension}, which a term of `value` doesn't name")
        return self


class NoFigure(_Strict):
    """Why an indicator has a definition but no figure, in words that a policy officer can pass on.

    ``eigen_gegevens``: only the municipality itself has it. ``geen_open_bron``: nobody publishes it as open data that we
    know of. ``vervallen``: it lapsed. ``kolommen_niet_gezien``: there is an open table, but no one has seen
    its columns, or too little of it is taken in.
    """

    reason: Literal["eigen_gegevens", "geen_open_bron", "vervallen", "kolommen_niet_gezien"]
    text: str


class Break(_Strict):
    """Figures from a period on can't be compared with those before, though table and definition stay what they were.

    :param first: the first period of the new stretch; of every kind of period the first that does not begin before it.
    """

    first: str = Field(pattern=PERIOD)
    why: str


class Version(_Strict):
    """A definition, and from when to when it holds (by period: the first day that a figure is about).

    :param aggregation: ``sum`` (values of parts add up), ``ratio`` (numerators and denominators add up), or ``none``
        (an aggregate can't be made from what is published; ``why_not`` says why, in Dutch).
    :param factor: what numerator / denominator is multiplied by: 100 for a percentage, 1000 for per 1 000.
    :param series_break: what a reader of the series must know at the step from the version before, Dutch.
    :param reference: what date a figure is about (:mod:`warehouse.registry.labels`).
    :param breaks: where the source itself broke the series, and why, Dutch.
    :param not_comparable: why figures of different periods can't be compared at all, Dutch: no index, no trend, no verdict.
    :param total: whether it tells how much there is in a place, so that a larger place has more: then a place is neither
        ranked nor called higher or lower than another. Without it what adds up, or is a number of things, is a total.
    """

    version: int = Field(ge=1)
    valid_from: date
    valid_to: date | None = None
    definition: str
    unit: str
    reference: Reference = "period"
    decimals: int = Field(ge=0, le=4)
    aggregation: Aggregation = "none"
    factor: float = 1
    why_not: str | None = None
    numerator: str | None = Field(None, description="in words, Dutch")
    denominator: str | None = Field(None, description="in words, Dutch")
    caveats: str | None = None
    series_break: str | None = None
    breaks: list[Break] = []
    not_comparable: str | None = None
    total: bool | None = None
    bindings: list[Binding] = []
    no_figure: NoFigure | None = None

    @property
    def is_total(self) -> bool:
        return self.aggregation == "sum" or self.unit == "aantal" if self.total is None else self.total

    @model_validator(mode="after")
    def _consistent(self) -> Version:
        if bool(self.bindings) == bool(self.no_figure):
            raise ValueError("say where the figures come from (`bindings`) or why there are none (`no_figure`)")
        if self.no_figure:
            return self
        ratio = any(b.numerator for b in self.bindings)
        if self.aggregation == "ratio" and not ratio:
            raise ValueError("aggregation is `ratio`, but no binding has numerator and denominator")
        if self.aggregation == "sum" and ratio:
            raise ValueError("aggregation is `sum`, but a binding has numerator and denominator")
        if self.aggregation == "none" and not self.why_not:
            raise ValueError(f"aggregation is `none`: `why_not` must say why, for whoever misses {here().group.name}")
        if ratio and not (self.numerator and self.denominator):
            raise ValueError("a ratio must name its `numerator` and `denominator` in words")
        for number, binding in enumerate(self.bindings):
            before = {r for b in self.bindings[:number] for r in b.regions}
            if before & set(binding.regions) and not (binding.series_break or binding.continues):
                raise ValueError(
                    f"bindings.{number} goes on with the series of another binding: say whether the figures can be compared "
                    "(`continues`) or not (`series_break`), and why"
                )
        return self


class Indicator(_Strict):
    """A standard indicator: its name, and its definition version by version."""

    _file: str = PrivateAttr("")

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    direction: Literal["hoger_is_beter", "lager_is_beter", "neutraal"]
    source: str = Field(description="publisher and statistic, as it is cited")
    publisher: str = "CBS"
    licence: str = "CC BY 4.0"
    bbv: int | None = Field(None, ge=1, le=39, description="number among the mandatory BBV policy indicators")
    taakveld: str | None = Field(None, description="task field (BBV) as a budget orders it")
    versions: list[Version] = Field(min_length=1)

    @model_validator(mode="after")
    def _versions_in_turn(self) -> Indicator:
        for number, version in enumerate(self.versions, 1):
            if version.version != number:
                raise ValueError(f"versions are numbered 1, 2, …; got {version.version} in place {number}")
        for earlier, later in zip(self.versions, self.versions[1:], strict=False):
            if earlier.valid_to is None or earlier.valid_to >= later.valid_from:
                raise ValueError(f"version {earlier.version} must end before version {later.version} begins")
        if self.bbv and not self.taakveld:
            raise ValueError(f"BBV indicator {self.bbv} must name its `taakveld`")
        return self

    @property
    def current(self) -> Version:
        return self.versions[-1]

    @property
    def file(self) -> str:
        """The file that declares it, as messages name it."""
        return self._file


class Theme(Heading):
    """One file of the registry."""

    indicators: list[Indicator]

    @model_validator(mode="before")
    @classmethod
    def _heading_first(cls, content: object) -> object:
        # The heading is read without what is below it.
        if isinstance(content, dict) and "indicators" in content and list(content)[-1] != "indicators":
            raise ValueError(f"`indicators` come last; put {list(content)[-1]} above them")
        return content


class OwnTheme(_Strict):
    """A file of the user's own: indicators that come into a theme besides those of the project."""

    theme: str
    indicators: list[Indicator]


class SeriesTable(_Strict):
    """A year of a series."""

    period: str = Field(pattern=PERIOD)
    table: str


class Series(_Strict):
    """A statistic that is published as a table a year.

    :param area_change: stems of the column in which CBS says whether a wijk or buurt is what it was the year before.
    """

    id: str
    title: str
    area_change: list[str] = []
    tables: list[SeriesTable] = Field(min_length=1)


class _SeriesFile(_Strict):
    series: list[Series]


@dataclass(frozen=True)
class Source:
    """One table that serves an indicator: a binding, with a series written out over its tables.

    :param stretch: number of the stretch of the binding that it belongs to; goes up where an exception begins or ends.
    :param place: where in the registry it is declared, for messages.
    """

    table: str
    regions: tuple[str, ...]
    first_period: str | None
    last_period: str | None
    roles: dict[str, list[Term]]
    constant: float
    stretch: int
    series_break: str | None
    same_areas: bool
    place: str

    @property
    def seen(self) -> bool:
        """Whether all its columns were seen at the source before it was first taken in."""
        return all(
            column_seen(term.table or self.table, [term.measure] if term.measure else term.stem)
            for terms in self.roles.values()
            for term in terms
        )


@dataclass(frozen=True)
class Registry:
    """All themes and the series that their bindings name.

    :param hidden: indicators that are declared and that this release may know nothing of.
    """

    themes: list[Theme]
    series: dict[str, Series]
    hidden: frozenset[str] = frozenset()

    def indicators(self) -> Iterator[tuple[Theme, Indicator]]:
        for theme in self.themes:
            for indicator in theme.indicators:
                yield theme, indicator

    def sources(self, version: Version) -> list[Source]:
        """The tables that serve a version of a definition, in the order of the registry."""
        return self._sources(version.bindings)

    def _sources(self, bindings: Sequence[Binding]) -> list[Source]:
        found: list[Source] = []
        stretch = 0
        for number, binding in enumerate(bindings):
            stretch += 1
            place = f"bindings.{number}"
            if binding.table:
                found.append(_source(binding, binding, binding.table, stretch, place))
                continue
            before: Roles = binding
            for item in self.series[binding.series or ""].tables:
                if item.period < (binding.first_period or "") or item.period > (binding.last_period or "~"):
                    continue
                roles, at = _of_year(binding, item.period, place)
                if isinstance(roles, Deviation) and roles.absent:
                    continue  # A year without a figure breaks no series.
                if roles is not before:
                    stretch, before = stretch + 1, roles
                found.append(_source(binding, self._placed(roles, item.period), item.table, stretch, at, item))
        return found

    def draws_on(self, binding: Binding) -> set[str]:
        """The tables that a binding takes a cell from."""
        return {
            term.table or source.table
            for source in self._sources([binding])
            for terms in source.roles.values()
            for term in terms
        }

    def without(self, closed: Collection[str]) -> Registry:
        """The same for a release that may not have some tables: what draws on one of them is not in it at all."""
        themes = []
        for theme in self.themes:
            kept = []
            for indicator in theme.indicators:
                versions = []
                for version in indicator.versions:
                    bindings = [b for b in version.bindings if not self.draws_on(b) & set(closed)]
                    if len(bindings) == len(version.bindings):
                        versions.append(version)
                    elif bindings:
                        versions.append(version.model_copy(update={"bindings": bindings}))
                if versions:
                    kept.append(indicator.model_copy(update={"versions": versions}))
            themes.append(theme.model_copy(update={"indicators": kept}))
        left = {indicator.id for theme in themes for indicator in theme.indicators}
        return Registry(themes, self.series, self.hidden | {i.id for _, i in self.indicators()} - left)

    def edits(self, table: str, gone: str, new: str) -> list[tuple[str, str, int, str]]:
        """What to write where, now that a column of a table has another name: file, indicator, version and the new line.

        :param gone: the stem or measure code that is no longer there; ``new`` what it is called now.
        """
        found: dict[tuple[str, str, int, str], None] = {}
        for _, indicator in self.indicators():
            for version in indicator.versions:
                for source in self.sources(version):
                    for term in (t for terms in source.roles.values() for t in terms):
                        if (term.table or source.table) != table:
                            continue
                        if gone in term.stem:
                            edit = f"stem: [{', '.join([*term.stem, new])}]"
                        elif term.measure == gone:
                            edit = f"measure: {new}"
                        else:
                            continue
                        found[indicator.file, indicator.id, version.version, edit] = None
        return list(found)

    def _placed(self, roles: Roles, period: str) -> Roles:
        """The same with every term that names another series placed in that series' table of this year."""
        placed = {}
        for role in ("value", "numerator", "denominator"):
            terms = []
            for term in getattr(roles, role):
                if term.series:
                    tables = {t.period: t.table for t in self.series[term.series].tables}
                    term = term.model_copy(update={"table": tables[period]})
                terms.append(term)
            placed[role] = terms
        return roles.model_copy(update=placed)


def _of_year(binding: Binding, period: str, place: str) -> tuple[Roles, str]:
    for number, deviation in enumerate(binding.deviations):
        if period in deviation.periods:
            return deviation, f"{place}.except.{number}"
    return binding, place


def _source(
    binding: Binding, roles: Roles, table: str, stretch: int, place: str, item: SeriesTable | None = None
) -> Source:
    terms = {role: getattr(roles, role) for role in ("value", "numerator", "denominator") if getattr(roles, role)}
    if binding.margins and roles.value:
        for role, member, opposite in (
            ("lower", binding.margins.lower, binding.margins.upper),
            ("upper", binding.margins.upper, binding.margins.lower),
        ):
            # Of what is subtracted the upper bound makes the lowest figure.
            terms[role] = [
                term.model_copy(
                    update={
                        "dimensions": term.dimensions
                        | {binding.margins.dimension: opposite if term.subtract else member}
                    }
                )
                for term in roles.value
            ]
    broken = roles.series_break if isinstance(roles, Deviation) else binding.series_break
    return Source(
        table=table,
        regions=tuple(binding.regions),
        first_period=None if item else binding.first_period,
        last_period=None if item else binding.last_period,
        roles=terms,
        constant=binding.constant,
        stretch=stretch,
        series_break=broken,
        same_areas=binding.same_areas,
        place=place,
    )


def lowest_region(version: Version) -> str | None:
    """The smallest kind of region that has figures."""
    served = {region for binding in version.bindings for region in binding.regions}
    return max(served, key=REGION_TYPES.index, default=None)


def definition_hash(indicator: Indicator, version: Version) -> str:
    """SHA-256 over all that the registry says of a version, bindings included: equal means the same definition."""
    said = indicator.model_dump(mode="json", exclude={"versions"}) | version.model_dump(mode="json", by_alias=True)
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def bindings_text(version: Version) -> str:
    """The bindings of a version as the registry has them, as JSON: what a diff of two releases compares and shows."""
    said = [b.model_dump(mode="json", by_alias=True, exclude_defaults=True) for b in version.bindings]
    return json.dumps(said, ensure_ascii=False)


# -- reading ----------------------------------------------------------------------------------------------------------


def load(folder: Path = FOLDER, own: Path | None = None, closed: Collection[str] = ()) -> Registry:
    """Read the registry.

    :param own: folder with the user's own indicators. One that bears the name of an indicator of the project for which there
        is no figure takes its place: so a municipality fills in what only it has.
    :param closed: tables that this release may not have: without the user's own indicators that draw on them.
    :raises IndicatorError: naming file, indicator and field of everything that is wrong.
    """
    problems: list[str] = []
    series: dict[str, Series] = {}
    file = folder / SERIES
    if file.is_file() and (content := _read(file, _SeriesFile, problems)):
        series = {item.id: item for item in content.series}
    themes: list[Theme] = []
    names = [f.stem for f in files(folder)]
    for file in files(folder):
        if theme := _read(file, Theme, problems):
            themes.append(theme)
            if theme.theme != file.stem:
                problems.append(f"{file.name}: field theme: must be {file.stem}, as the file is called")
    mine = [] if own is None else list(_own(own, {theme.theme: theme for theme in themes}, names, problems))
    problems += _across([*_making_room(themes, mine), *mine], series)
    if problems:
        raise IndicatorError("\n".join(problems))
    open_ = Registry(mine, series).without(closed)
    filled = []
    for theme in _making_room(themes, open_.themes):
        more = [i for own_theme in open_.themes if own_theme.theme == theme.theme for i in own_theme.indicators]
        filled.append(theme.model_copy(update={"indicators": [*theme.indicators, *more]}))
    return Registry(filled, series, open_.hidden)


def _own(own: Path, themes: dict[str, Theme], names: list[str], problems: list[str]) -> Iterator[Theme]:
    """The user's own indicators, under the theme that each file names."""
    for file in sorted(own.glob("*.yml")):
        found = _read(file, OwnTheme, problems, f"{OWN}/{file.name}")
        if found and found.theme not in names:
            problems.append(f"{OWN}/{file.name}: field theme: there is no {found.theme}; there are {', '.join(names)}")
        elif found and found.theme in themes:
            yield themes[found.theme].model_copy(update={"indicators": found.indicators})


def _making_room(themes: list[Theme], mine: list[Theme]) -> list[Theme]:
    """The project's themes without the indicators that have no figure and that the user defines."""
    named = {indicator.id for theme in mine for indicator in theme.indicators}
    return [
        theme.model_copy(
            update={"indicators": [i for i in theme.indicators if i.id not in named or not i.current.no_figure]}
        )
        for theme in themes
    ]


def _read(file: Path, kind: type[_Model], problems: list[str], name: str | None = None) -> _Model | None:
    content: object = None
    name = name or file.name
    try:
        content = here().filled(yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader))
        found = kind.model_validate(content)
        for indicator in found.indicators if isinstance(found, Theme | OwnTheme) else ():
            indicator._file = name
        return found
    except RegionFileError as error:
        problems.append(f"{name}: {error}")
    except yaml.YAMLError as error:
        problems.append(f"{name}: not readable as YAML: {error}")
    except ValidationError as error:
        problems += [f"{name}: {line}" for line in explained(error, content)]
    return None


def _across(themes: list[Theme], series: dict[str, Series]) -> Iterator[str]:
    """What is wrong between entries that are each well formed."""
    seen: dict[str, str] = {}
    bbv: dict[int, str] = {}
    for theme in themes:
        for indicator in theme.indicators:
            where = f"{indicator.file}: indicator {indicator.id}"
            if indicator.id in seen:
                yield f"{where} is already in {seen[indicator.id]}"
            seen[indicator.id] = indicator.file
            if indicator.bbv:
                if indicator.bbv in bbv:
                    yield f"{where}: field bbv: {indicator.bbv} is already {bbv[indicator.bbv]}"
                bbv[indicator.bbv] = indicator.id
            for at, version in enumerate(indicator.versions):
                for number, binding in enumerate(version.bindings):
                    field = f"{where}: field versions.{at}.bindings.{number}"
                    if not binding.series:
                        continue
                    if binding.series not in series:
                        near = difflib.get_close_matches(binding.series, series, n=1, cutoff=0.4)
                        hint = f" Did you mean {near[0]}?" if near else f" Known: {', '.join(series) or 'none'}."
                        yield f"{field}.series: there is no series {binding.series}.{hint}"
                        continue
                    known = {t.period for t in series[binding.series].tables}
                    yield from _other_series(field, binding, series, known)
                    for place, deviation in enumerate(binding.deviations):
                        for period in sorted(set(deviation.periods) - known):
                            yield f"{field}.except.{place}.periods: the series {binding.series} has no {period}"


def _other_series(field: str, binding: Binding, series: dict[str, Series], periods: set[str]) -> Iterator[str]:
    served = {p for p in periods if (binding.first_period or "") <= p <= (binding.last_period or "~")}
    for roles in (binding, *binding.deviations):
        for name in {t.series for t in (*roles.value, *roles.numerator, *roles.denominator) if t.series}:
            missing = served - {t.period for t in series[name].tables} if name in series else served
            if missing:
                yield f"{field}: a term is in series {name}, which has no table for {', '.join(sorted(missing))}"
