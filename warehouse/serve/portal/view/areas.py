"""What pages ask about areas: which there are, what lies in and around one, and where their boundaries run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from warehouse.serve.api.questions import region_codes
from warehouse.serve.portal.figures import Area, Boundaries, short_name
from warehouse.serve.portal.view.atlas import Atlas
from warehouse.serve.portal.view.released import OfRelease


@dataclass
class OfAreas(OfRelease):
    """:param given: the atlas of the release, where it was made already."""

    given: Atlas | None = None
    _drawn: dict[tuple[str, int], dict[str, tuple[str, str, str]]] = field(default_factory=dict)
    _shapes: dict[tuple[str, int, str], dict[str, Any]] = field(default_factory=dict)

    @cached_property
    def atlas(self) -> Atlas:
        return self.given or Atlas.of(self.published)

    @property
    def areas(self) -> dict[str, Area]:
        """Every area of the release, by its code."""
        return self.atlas.areas

    @property
    def names(self) -> dict[str, str]:
        """The names of areas, by their codes."""
        return self.atlas.names

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

    @property
    def elsewhere(self) -> int:
        """How many areas have figures that the pages do not tell of."""
        return 0

    def inside(self, area: Area, kind: str) -> list[Area]:
        """The wijken or buurten that lie in an area, by name."""
        return self.atlas.inside(area.code, kind)

    def path_of(self, area: Area) -> str | None:
        """The page of an area; None where it has none: only those of the data centre have."""
        if area.kind in ("wijk", "buurt"):
            return f"/{area.kind}/{area.code}" if area.municipality in self.center.members else None
        if area.code == self.center.code or area.code in self.center.members:
            return f"/gemeente/{area.slug}"
        return None

    def boundaries(self, kind: str, year: int, shown: Callable[[str], bool]) -> Boundaries | None:
        """The areas of a kind as they were in a year; of the nearest year that there is where that one is not there.

        :param shown: whether an area is wanted, by its code.
        """
        years = self._boundary_years.get(kind)
        if not years:
            return None
        used = min(years, key=lambda there: (abs(there - year), -there))
        every = self._boundaries(kind, used)
        shapes = {code: (name, self._shape(kind, used, code)) for code, (name, _, _) in every.items() if shown(code)}
        return Boundaries(used, shapes, next(iter(every.values()))[2])

    def _boundaries(self, kind: str, year: int) -> dict[str, tuple[str, str, str]]:
        """Name, geometry as text and attribution, by code."""
        if (kind, year) not in self._drawn:
            found = self.published.con.execute(
                "select region_code, name, geometry, attribution from core.region_boundary "
                "where region_type = $1 and valid_year = $2 order by region_code",
                [kind, year],
            ).fetchall()
            self._drawn[kind, year] = {code: (short_name(name), *rest) for code, name, *rest in found}
        return self._drawn[kind, year]

    def _shape(self, kind: str, year: int, code: str) -> dict[str, Any]:
        if (kind, year, code) not in self._shapes:
            self._shapes[kind, year, code] = json.loads(self._boundaries(kind, year)[code][1])
        return self._shapes[kind, year, code]

    @cached_property
    def _boundary_years(self) -> dict[str, list[int]]:
        """The years of which there are boundaries, by kind of area; none in a release from before there were any."""
        if ("core", "region_boundary") not in self.published.tables:
            return {}
        found = self.published.rows(
            "select region_type, list(distinct valid_year) as years from core.region_boundary group by 1"
        )
        return {r["region_type"]: r["years"] for r in found}
