"""What pages ask about figures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from warehouse.reading.explain import chain
from warehouse.reading.published import among
from warehouse.serve.portal.figures import Figure, figure_of
from warehouse.serve.portal.view.areas import OfAreas
from warehouse.serve.problem import Problem
from warehouse.sharing.access import PUBLIC


@dataclass
class View(OfAreas):
    """A release as pages see it, for whoever asks."""

    _figures: dict[Any, list[Figure]] = field(default_factory=dict)

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
        """The codes of the areas of which the asker sees a number of an indicator; of wijken and buurten the own ones."""
        found = self.published.con.execute(
            "select r.region_code from core.region as r "
            "where (r.region_type not in ('wijk', 'buurt') or list_contains($2::varchar[], r.region_code[3:6])) and exists ("
            f"select 1 from core.indicator_value as v where v.region_code = r.region_code and {self.published.visible} "
            "and v.indicator_id = $1 and v.value is not null)",
            [indicator, [code[2:] for code in self.center.codes]],
        ).fetchall()
        return {code for (code,) in found}

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
        # The same conditions again, so that no more is read than where these areas can be.
        there = " and ".join(parts)
        return self._asked(f"{there} and (v.indicator_id, v.region_code, v.period_code) in ({newest})", parameters)

    def beside(self, figures: Collection[Figure], areas: Collection[str]) -> dict[tuple[str, str], Figure]:
        """The figures of other areas of the same indicators and periods: by indicator and area."""
        if not figures or not areas:
            return {}
        parameters: list[Any] = []
        return {(f.indicator, f.area): f for f in self._asked(_beside(figures, areas, parameters), parameters)}

    def values(self, figures: Collection[Figure], areas: Collection[str]) -> dict[str, dict[str, float]]:
        """The numbers of other areas of the same indicators and periods, of each indicator by area; where these are many, a quarter
        of the work of :meth:`beside`."""
        found: dict[str, dict[str, float]] = {}
        if not figures or not areas:
            return found
        parameters: list[Any] = []
        rows = self.published.con.execute(
            "select v.indicator_id, v.region_code, v.value from core.indicator_value as v "
            f"where {self.published.visible} and v.value is not null and {_beside(figures, areas, parameters)} order by all",
            parameters,
        ).fetchall()
        for indicator, area, value in rows:
            found.setdefault(indicator, {})[area] = value
        return found

    def exact(self, keys: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], Figure]:
        """The figures of these indicators, areas and periods that the asker sees, by the three."""
        if not keys:
            return {}
        parameters: list[Any] = [list(part) for part in zip(*keys, strict=True)]
        where = (
            "(v.indicator_id, v.region_code, v.period_code) in "
            "(select unnest($1::varchar[]), unnest($2::varchar[]), unnest($3::varchar[])) "
            f"and {among('v.indicator_id', sorted({k[0] for k in keys}), parameters)}"
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


def _beside(figures: Collection[Figure], areas: Collection[str], parameters: list[Any]) -> str:
    """The condition for the figures of some areas of the indicators and periods of others."""
    parameters += [[f.indicator for f in figures], [f.period for f in figures]]
    pairs = "(select unnest($1::varchar[]), unnest($2::varchar[]))"
    return f"(v.indicator_id, v.period_code) in {pairs} and {among('v.region_code', list(areas), parameters)}"
