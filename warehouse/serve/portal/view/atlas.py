"""The areas of a release: the same for every asker, so read once as long as the release is open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from warehouse.reading.published import Published
from warehouse.serve.portal.figures import Area, short_name


@dataclass
class Atlas:
    """:param areas: every area of the release, by its code."""

    areas: dict[str, Area]

    @classmethod
    def of(cls, published: Published) -> Atlas:
        found = published.con.execute(
            "select region_code, name, region_type, parent_code, valid_to from core.region order by region_code"
        ).fetchall()
        return cls({code: Area(code, short_name(name or code), *rest) for code, name, *rest in found})

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of areas, by their codes."""
        return {code: area.name for code, area in self.areas.items()}

    def inside(self, code: str, kind: str) -> list[Area]:
        """The wijken or buurten of a municipality, or the buurten of a wijk, by name."""
        within = self._by_municipality.get(code[2:6], [])
        return [a for a in within if a.kind == kind and a.code[2:].startswith(code[2:])]

    @cached_property
    def _by_municipality(self) -> dict[str, list[Area]]:
        found: dict[str, list[Area]] = {}
        for area in sorted(self.areas.values(), key=lambda a: (a.name, a.code)):
            if area.kind in ("wijk", "buurt"):
                found.setdefault(area.code[2:6], []).append(area)
        return found
