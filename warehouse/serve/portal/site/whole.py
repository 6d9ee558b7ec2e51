"""A release as the pages of the static site see it: what is asked for page after page is read once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from warehouse.reading.explain import ALL_CELLS, HISTORY, Facts, told, written
from warehouse.serve.portal.figures import Figure
from warehouse.serve.portal.view import View
from warehouse.serve.problem import Problem

_FIGURE = ("indicator_id", "region_code", "period_code")


@dataclass
class WholeView(View):
    """The figures of the data centre's own areas and of what they are seen against, by indicator in memory.

    Asked as any view, and with the same answers, but for areas elsewhere: these have no page in the site.
    """

    _by_indicator: dict[str, list[Figure]] = field(default_factory=dict)
    _chains: tuple[str, dict[tuple[str, str, str], Facts]] = ("", {})

    @cached_property
    def shown(self) -> frozenset[str]:
        """The codes of the areas that the site tells of."""
        own = {a.code for a in self.own}
        found = {*own, *self.comparable, self.center.code, self.center.corop, self.center.province, "NL01"}
        found |= {a.code for a in self.areas.values() if a.municipality in own or a.kind in ("groep", "landbouwgebied")}
        corop = self.center.groups.get(self.center.corop)
        found |= {m.code for m in corop.members} if corop else set()
        return frozenset(found & self.areas.keys())

    @cached_property
    def elsewhere(self) -> int:
        rows = self.published.con.execute(
            f"select distinct v.region_code from core.indicator_value as v where {self.published.visible} and v.value is not null"
        ).fetchall()
        return len({code for (code,) in rows} - self.shown)

    def figures(
        self,
        indicators: Collection[str] = (),
        areas: Collection[str] = (),
        periods: Collection[str] = (),
        kinds: Collection[str] = (),
    ) -> list[Figure]:
        names = sorted(set(indicators)) if indicators else sorted(self.indicators)
        codes, months, sorts = set(areas), set(periods), set(kinds)
        return [
            f
            for name in names
            for f in self._all(name)
            if (not codes or f.area in codes)
            and (not months or f.period in months)
            and (not sorts or f.area_kind in sorts)
        ]

    def _all(self, indicator: str) -> list[Figure]:
        if indicator not in self._by_indicator:
            found = super().figures([indicator], sorted(self.shown))
            self._figures.clear()
            self._by_indicator[indicator] = found
        return self._by_indicator[indicator]

    def newest_period(self, indicator: str, kind: str, areas: Collection[str] = ()) -> str | None:
        there = (f for f in self.figures([indicator], areas, kinds=[kind]) if f.value is not None)
        return max(((f.start, f.period) for f in there), default=(None, None))[1]

    def areas_with(self, indicator: str) -> set[str]:
        return {f.area for f in self._all(indicator) if f.value is not None}

    def figure_keys(self) -> list[tuple[str, str, str]]:
        return [key for key in super().figure_keys() if key[1] in self.shown]

    def chain(self, indicator: str, area: str, period: str) -> dict[str, Any]:
        if self._chains[0] != indicator:
            self._chains = (indicator, dict(self._facts(indicator)))
        facts = self._chains[1].get((indicator, area, period))
        if facts is None:
            raise Problem(404, f"Er is geen cijfer {indicator} van {area} in {period} in deze uitgave.")
        return told(facts, self.release_id, None, self.look_up)

    # -- what is behind all figures of an indicator -------------------------------------------------------------------

    def _facts(self, indicator: str) -> Iterator[tuple[tuple[str, str, str], Facts]]:
        published = self.published
        rows = published.rows(
            f"select v.* from core.indicator_value as v where {published.visible} and v.indicator_id = ?", [indicator]
        )
        about = {(f.area, f.period): f.reference for f in self._all(indicator)}
        versions = [i for i in published.indicators if i["indicator_id"] == indicator]
        history = self._history(indicator)
        cells = {b: self._cells(b) for b in sorted({r["binding_id"] for r in rows} - {None})}
        for row in rows:
            key = (row["indicator_id"], row["region_code"], row["period_code"])
            if key[1] not in self.shown:
                continue
            members = self._members(key[1], key[2]) if row["method"] == "aggregated" else [key[1]]
            there = cells.get(row["binding_id"], {})
            yield (
                key,
                Facts(
                    row | {"reference_period": about[key[1:]]},
                    versions,
                    self._names[key[1]],
                    members,
                    [cell for _, cell in sorted(n for code in written(members) for n in there.get((key[2], code), []))],
                    history.get((*key, row["definition_version"]), []),
                ),
            )

    def _cells(self, binding: int) -> dict[tuple[str, str], list[tuple[int, dict[str, Any]]]]:
        """By period and region as the source writes it, each cell with its place in the order in which cells are told."""
        found: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]] = {}
        for place, cell in enumerate(self.published.rows(ALL_CELLS, [binding])):
            found.setdefault((cell["period_code"], cell["source_region"]), []).append((place, cell))
        return found

    def _history(self, indicator: str) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
        found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        if not self.published.whole or self.published.closed:
            return found
        key_columns = (*_FIGURE, "definition_version")
        sql = f"select {', '.join(key_columns)}, {HISTORY} from core.indicator_history where indicator_id = ? order by known_from"
        for row in self.published.rows(sql, [indicator]):
            key = tuple(row.pop(name) for name in key_columns)
            found.setdefault(key, []).append(row)
        return found

    @cached_property
    def _names(self) -> dict[str, str]:
        return {r["region_code"]: r["name"] for r in self.published.rows("select region_code, name from core.region")}

    @cached_property
    def _groups(self) -> dict[tuple[str, str], list[str]]:
        found: dict[tuple[str, str], list[str]] = {}
        for row in self.published.rows(
            "select g.group_code, p.period_code, g.region_code from core.region_group g, core.period p "
            "where p.start_date >= g.valid_from and p.start_date <= coalesce(g.valid_to, date '9999-12-31') order by all"
        ):
            found.setdefault((row["group_code"], row["period_code"]), []).append(row["region_code"])
        return found

    def _members(self, group: str, period: str) -> list[str]:
        return self._groups.get((group, period), [])
