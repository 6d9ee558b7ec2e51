"""What pages ask of a release: one way to a figure, the one that the API takes, with what the asker may see.

What belongs here: every question that a page has. No page writes SQL of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from ingest.datacenter import DataCenter
from warehouse.effects.asked import Asked
from warehouse.reading.effects import answers
from warehouse.reading.explain import chain
from warehouse.reading.published import Published, among
from warehouse.serve.api.questions import known, region_codes
from warehouse.serve.portal.figures import Area, Boundaries, Figure, figure_of, short_name
from warehouse.serve.problem import Problem
from warehouse.sharing.access import LEVELS, PUBLIC
from warehouse.sharing.access import known as known_level

#: What a release that was made earlier does not say of an indicator.
_LATER: dict[str, Any] = dict.fromkeys(
    (
        "caveats",
        "why_not",
        "no_figure",
        "reference",
        "taakveld",
        "bbv",
        "is_total",
        "not_comparable",
        "series_break",
        "lowest_region",
    )
)


@dataclass
class View:
    """A release as pages see it, for whoever asks.

    :param created_at: when the release was made.
    :param open: whether the asker has no key, so that everyone may see the page.
    :param folder: of the release's files; None where the asker may not be told what they say.
    :param look_up: gives the address at which a cell can be looked up at its source, or None.
    """

    published: Published
    center: DataCenter
    created_at: datetime
    open: bool = True
    folder: Path | None = None
    look_up: Callable[[dict[str, Any]], str | None] = lambda _: None
    _figures: dict[Any, list[Figure]] = field(default_factory=dict)
    _boundaries: dict[tuple[str, int], Boundaries] = field(default_factory=dict)

    @property
    def release_id(self) -> str:
        return self.published.release_id

    @cached_property
    def is_sample(self) -> bool:
        return any(s["origin"] == "sample" for s in self.sources)

    @cached_property
    def sources(self) -> list[dict[str, Any]]:
        return self.published.sources()

    @cached_property
    def table_sources(self) -> list[dict[str, Any]]:
        """The source tables that the asker may know of, with how fresh each is."""
        reach = LEVELS.index(self.published.scope.level)
        told = {s["table_id"] for s in self.sources if LEVELS.index(known_level(s["sharing_level"])) <= reach}
        rows = self.published.rows('select * from core."table" order by title, table_id')
        return [r for r in rows if r["table_id"] in told]

    @cached_property
    def checks(self) -> dict[str, Any]:
        """How the release was judged: per suite how many checks passed and failed, and those that failed.

        What a check saw names figures: it is told to who may see all of them.
        """
        if ("core", "check_result") not in self.published.tables or not self.published.whole or self.published.closed:
            return {"suites": [], "failed": []}
        suites = self.published.con.execute(
            "select suite, count(*) filter (success), count(*) filter (not success) from core.check_result group by all order by suite"
        ).fetchall()
        failed = self.published.rows(
            "select * from core.check_result where not success order by suite, subject, check_name"
        )
        return {"suites": suites, "failed": failed}

    @cached_property
    def attributions(self) -> list[str]:
        """Whom the figures are from, as it is to be said, each once."""
        return sorted({s["attribution"].removeprefix("Bron: ").rstrip(".") for s in self.sources if s["attribution"]})

    # -- indicators ---------------------------------------------------------------------------------------------------

    @cached_property
    def indicators(self) -> dict[str, dict[str, Any]]:
        """The newest version of every indicator, in the order of the registry."""
        return {i["indicator_id"]: i for i in self._versions}

    @cached_property
    def _versions(self) -> list[dict[str, Any]]:
        return [_LATER | i for i in self.published.indicators]

    @cached_property
    def with_figures(self) -> set[str]:
        """The indicators of which the asker sees a figure."""
        rows = self.published.rows(
            f"select distinct v.indicator_id from core.indicator_value as v where {self.published.visible} and v.value is not null"
        )
        return {r["indicator_id"] for r in rows}

    @property
    def themes(self) -> dict[str, str]:
        return self.published.themes

    def of_theme(self, theme: str) -> list[dict[str, Any]]:
        return [i for i in self.indicators.values() if i["theme"] == theme]

    def versions(self, indicator: str) -> dict[int, dict[str, Any]]:
        """Every version of an indicator's definition, the newest last."""
        return {i["version"]: i for i in self._versions if i["indicator_id"] == indicator}

    def indicator(self, name: str) -> dict[str, Any]:
        """:raises Problem: the release has no such indicator (404)."""
        if found := self.indicators.get(name):
            return found
        known([name], list(self.indicators), "Indicator")
        raise Problem(404, f"Indicator {name} is er niet in deze release.")

    # -- areas --------------------------------------------------------------------------------------------------------

    @cached_property
    def areas(self) -> dict[str, Area]:
        """Every area of the release, by its code."""
        found = self.published.rows(
            "select region_code, name, region_type, parent_code, valid_to from core.region order by region_code"
        )
        return {
            r["region_code"]: Area(
                r["region_code"],
                short_name(r["name"] or r["region_code"]),
                r["region_type"],
                r["parent_code"],
                r["valid_to"],
            )
            for r in found
        }

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of areas, by their codes."""
        return {code: area.name for code, area in self.areas.items()}

    def area(self, code: str) -> Area:
        """The area of a code, or of a name that only one has.

        :raises Problem: unknown, or several of that name.
        """
        [found] = [code] if code in self.areas else region_codes([code], self.published)
        return self.areas[found]

    @cached_property
    def own(self) -> list[Area]:
        """The municipalities of the data centre, in its own order."""
        return [self.areas[code] for code in self.center.codes if code in self.areas]

    @cached_property
    def group(self) -> Area | None:
        """The municipalities together."""
        return self.areas.get(self.center.code)

    @cached_property
    def comparable(self) -> list[str]:
        """The codes of the municipalities that the data centre compares its own with."""
        groups = [g for g in self.center.groups.values() if g.type == "vergelijking"]
        return list(dict.fromkeys(m.code for g in groups for m in g.members if m.valid_to is None))

    def around(self, area: Area) -> list[Area]:
        """The area and what it is seen against: its municipality, the group, the COROP area, the province, the country."""
        codes = [area.code, area.municipality]
        if area.municipality is None or area.municipality in self.center.members:
            codes += [self.center.code, self.center.corop, self.center.province]
        codes.append("NL01")
        return [self.areas[c] for c in dict.fromkeys(codes) if c and c in self.areas]

    def inside(self, area: Area, kind: str) -> list[Area]:
        """The wijken or buurten that lie in an area, by name."""
        start = area.code[2:] if area.kind == "wijk" else area.code[2:6]
        return sorted(
            (a for a in self.areas.values() if a.kind == kind and a.code[2:].startswith(start)),
            key=lambda a: (a.name, a.code),
        )

    def boundaries(self, kind: str, year: int) -> Boundaries | None:
        """The areas of a kind as they were in a year; of the nearest year that there is where that one is not there."""
        years = self._boundary_years.get(kind)
        if not years:
            return None
        used = min(years, key=lambda there: (abs(there - year), -there))
        if (kind, used) not in self._boundaries:
            found = self.published.rows(
                "select region_code, name, geometry, attribution from core.region_boundary "
                "where region_type = $1 and valid_year = $2 order by region_code",
                [kind, used],
            )
            shapes = {r["region_code"]: (short_name(r["name"]), json.loads(r["geometry"])) for r in found}
            self._boundaries[kind, used] = Boundaries(used, shapes, found[0]["attribution"])
        return self._boundaries[kind, used]

    @cached_property
    def _boundary_years(self) -> dict[str, list[int]]:
        """The years of which there are boundaries, by kind of area; none in a release from before there were any."""
        if ("core", "region_boundary") not in self.published.tables:
            return {}
        found = self.published.rows(
            "select region_type, list(distinct valid_year) as years from core.region_boundary group by 1"
        )
        return {r["region_type"]: r["years"] for r in found}

    # -- figures ------------------------------------------------------------------------------------------------------

    def figures(
        self,
        indicators: Collection[str] = (),
        areas: Collection[str] = (),
        periods: Collection[str] = (),
        kinds: Collection[str] = (),
    ) -> list[Figure]:
        """The figures of these indicators, areas, periods and kinds of area (none means all), by indicator, area and time."""
        key = (tuple(indicators), tuple(areas), tuple(periods), tuple(kinds))
        if key not in self._figures:
            parameters: list[Any] = []
            parts = [
                among(f"v.{column}", list(values), parameters)
                for column, values in (("indicator_id", indicators), ("region_code", areas), ("period_code", periods))
                if values
            ]
            if kinds:
                parts.append(
                    f"v.region_code in (select k.region_code from core.region as k where {among('k.region_type', list(kinds), parameters)})"
                )
            self._figures[key] = self._asked(" and ".join(parts) or "true", parameters)
        return self._figures[key]

    def _asked(self, where: str, parameters: list[Any]) -> list[Figure]:
        access = self.published.access
        restricted = "false" if self.open or access is None else f"not ({access.visible(PUBLIC, 'v')})"
        sql = self.published.long(where, key=f"{restricted} as restricted, i.decimals, ")
        rows = self.published.rows(
            f"select * from ({sql}) order by indicator_id, region_code, start_date, period_code", parameters
        )
        return [figure_of(r) for r in rows]

    def newest(self, indicator: str, kind: str, areas: Collection[str] = ()) -> list[Figure]:
        """The figures of an indicator in the newest period in which an area of this kind has a number."""
        period = self.newest_period(indicator, kind, areas)
        return self.figures([indicator], areas, [period], [kind]) if period else []

    def newest_period(self, indicator: str, kind: str, areas: Collection[str] = ()) -> str | None:
        """The newest period in which an area of this kind, or one of these areas of it, has a number."""
        parameters: list[Any] = [indicator, kind]
        some = f" and {among('v.region_code', list(areas), parameters)}" if areas else ""
        found = self.published.rows(
            f"select v.period_code from core.indicator_value as v inner join core.period as p using (period_code) "
            f"inner join core.region as r using (region_code) where {self.published.visible} and v.indicator_id = $1 "
            f"and r.region_type = $2 and v.value is not null{some} order by p.start_date desc, v.period_code desc limit 1",
            parameters,
        )
        return found[0]["period_code"] if found else None

    def areas_with(self, indicator: str) -> set[str]:
        """The codes of the areas of which the asker sees a number of an indicator."""
        found = self.published.rows(
            f"select distinct v.region_code from core.indicator_value as v where {self.published.visible} "
            "and v.indicator_id = ? and v.value is not null",
            [indicator],
        )
        return {r["region_code"] for r in found}

    def latest(self, areas: Collection[str], indicators: Collection[str] = ()) -> list[Figure]:
        """Of each indicator and area the figure of the newest period that has a number, or else the newest that is missing.

        Of periods that end on one day the longest goes before.
        """
        parameters: list[Any] = []
        parts = [self.published.visible, among("v.region_code", list(areas), parameters)]
        if indicators:
            parts.append(among("v.indicator_id", list(indicators), parameters))
        newest = f"""
            select v.indicator_id, v.region_code, v.period_code
            from core.indicator_value as v inner join core.period as p using (period_code)
            where {" and ".join(parts)}
            qualify row_number() over (
                partition by v.indicator_id, v.region_code order by v.value is null, p.end_date desc, p.start_date, v.period_code
            ) = 1
        """
        return self._asked(f"(v.indicator_id, v.region_code, v.period_code) in ({newest})", parameters)

    def beside(self, figures: Collection[Figure], areas: Collection[str]) -> dict[tuple[str, str], Figure]:
        """The figures of other areas of the same indicators and periods: by indicator and area."""
        if not figures or not areas:
            return {}
        parameters: list[Any] = [[f"{f.indicator}|{f.period}" for f in figures]]
        where = f"list_contains($1, v.indicator_id || '|' || v.period_code) and {among('v.region_code', list(areas), parameters)}"
        return {(f.indicator, f.area): f for f in self._asked(where, parameters)}

    def exact(self, keys: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], Figure]:
        """The figures of these indicators, areas and periods that the asker sees, by the three."""
        if not keys:
            return {}
        parameters: list[Any] = [["|".join(key) for key in keys]]
        where = (
            f"{among('v.indicator_id', sorted({k[0] for k in keys}), parameters)} and "
            "list_contains($1, v.indicator_id || '|' || v.region_code || '|' || v.period_code)"
        )
        return {(f.indicator, f.area, f.period): f for f in self._asked(where, parameters)}

    def figure_keys(self) -> list[tuple[str, str, str]]:
        """Indicator, area and period of every figure that the asker sees, as far as the release can tell how it came about."""
        if ("core", "cell") not in self.published.tables:
            return []
        return self.published.con.execute(
            "select v.indicator_id, v.region_code, v.period_code from core.indicator_value as v "
            f"where {self.published.visible} order by all"
        ).fetchall()

    def chain(self, indicator: str, area: str, period: str) -> dict[str, Any]:
        """How a figure came about (see :func:`warehouse.reading.explain.chain`).

        :raises Problem: the asker sees no such figure (404).
        """
        found = None
        if indicator in self.indicators and area in self.areas and ("core", "cell") in self.published.tables:
            found = chain(self.published, indicator, area, period, None, self.look_up)
        if found is None:
            raise Problem(404, f"Er is geen cijfer {indicator} van {area} in {period} in deze uitgave.")
        return found

    def path_of(self, area: Area) -> str | None:
        """The page of an area; None where it has none: only those of the data centre have."""
        if area.kind in ("wijk", "buurt"):
            return f"/{area.kind}/{area.code}" if area.municipality in self.center.members else None
        if area.code == self.center.code or area.code in self.center.members:
            return f"/gemeente/{area.slug}"
        return None

    # -- what else there is -------------------------------------------------------------------------------------------

    @cached_property
    def goals(self) -> list[dict[str, Any]]:
        """The policy goals that the asker may see, by municipality."""
        if ("mart", "policy_goal") not in self.published.tables:
            return []
        return self.published.rows(f"select * from ({self.published.goals()}) order by region_name, goal, goal_id")

    @cached_property
    def effects(self) -> list[Asked]:
        """The questions about policy choices, with their answers, that the asker may see."""
        return answers(self.published)
