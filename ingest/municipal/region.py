"""From what stands in a row to the code of its region: repaired where that is certain, told where it is not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from ingest.datacenter import here
from ingest.files.sheet import plain
from ingest.home import Home
from ingest.municipal.boundaries import Boundaries, Postcodes
from ingest.snapshot import SAMPLE, Snapshot, SnapshotError, Store
from ingest.sql import literal

_CODE = re.compile(r"(?i)^\s*(GM|WK|BU)\s*0*?(\d+)\s*$")
_LENGTH = {"GM": 4, "WK": 6, "BU": 8}
LEVELS = {"gemeente": "GM", "wijk": "WK", "buurt": "BU"}


class NoRegionError(Exception):
    """A place of which the region is not certain; the message is Dutch and has nothing of the value."""


class Geography:
    """Which regions there are, by year, and where they lie.

    :param lists: year → code → name of gemeenten, wijken and buurten.
    :param folder: where ``<year>.geojson`` and ``postcodes-<year>.geojson`` lie (``$RDC_HOME/boundaries``).
    """

    def __init__(self, lists: Mapping[int, Mapping[str, str]], folder: Path | None = None) -> None:
        self.lists = dict(lists)
        self._folder = folder
        self._boundaries: dict[int, Boundaries | None] = {}
        self._postcodes: dict[int, Postcodes | None] = {}
        for year in self.boundary_years():
            if found := self.boundaries(year):
                self.lists[year] = {**found.names, **self.lists.get(year, {})}
        #: Years whose boundaries a row asked for in vain; whoever reports says so.
        self.missed: set[int] = set()

    @classmethod
    def of(cls, home: Home) -> Geography:
        return cls.load(home.store, home.settings.boundaries)

    @classmethod
    def load(cls, store: Store, folder: Path) -> Geography:
        """From the snapshots of CBS's Kerncijfers wijken en buurten (and the sample's), and the boundaries fetched."""
        lists: dict[int, dict[str, str]] = {}
        # The newest snapshot of each table of one year that lists buurten; the sample's make sure that there is one.
        # A snapshot in the making (its folder starts with a dot) may be gone the next moment.
        roots = [*sorted(SAMPLE.glob("*/snapshot.json")), *sorted(store.root.glob("*/[!.]*/snapshot.json"))]
        for manifest in roots:
            try:
                head = Snapshot.read(manifest.parent)
            except SnapshotError:
                continue  # damaged: the one before serves
            if head.period and head.region_dimension == "WijkenEnBuurten":
                lists.setdefault(int(head.period[:4]), {}).update(_names(head))
        return cls(lists, folder)

    # -- what there is ------------------------------------------------------------------------------------------------

    def boundary_years(self) -> list[int]:
        if self._folder is None or not self._folder.is_dir():
            return []
        return sorted(int(f.stem) for f in self._folder.glob("[12][0-9][0-9][0-9].geojson"))

    def boundaries(self, year: int) -> Boundaries | None:
        if year not in self._boundaries:
            file = self._folder / f"{year}.geojson" if self._folder else None
            self._boundaries[year] = Boundaries.read(file) if file and file.is_file() else None
        return self._boundaries[year]

    def postcodes(self, year: int) -> Postcodes | None:
        if year not in self._postcodes:
            file = self._folder / f"postcodes-{year}.geojson" if self._folder else None
            own = self.boundaries(year)
            self._postcodes[year] = Postcodes.read(file, own) if file and file.is_file() and own else None
        return self._postcodes[year]

    def regions(self, year: int) -> Mapping[str, str]:
        """The regions of a year, or of the year nearest to it of which they are known."""
        return self.lists[min(self.lists, key=lambda y: (abs(y - year), y))] if self.lists else {}

    def known_year(self, year: int) -> int:
        return min(self.lists, key=lambda y: (abs(y - year), y)) if self.lists else year

    def within(self, gemeente: str, level: str, year: int) -> list[str]:
        """The wijken or buurten of a municipality."""
        start = LEVELS[level] + gemeente[2:]
        return sorted(code for code in self.regions(year) if code.startswith(start))

    def name(self, code: str, year: int) -> str:
        return self.regions(year).get(code) or next((n[code] for n in self.lists.values() if code in n), code)

    @cached_property
    def _gemeenten(self) -> dict[str, str]:
        return {plain(name): code for names in self.lists.values() for code, name in names.items() if code[:2] == "GM"}

    # -- repairing ----------------------------------------------------------------------------------------------------

    def gemeente(self, value: object, synonyms: Mapping[str, str] | None = None) -> str:
        """``770``, ``GM770``, ``0770`` → GM0770; ``Reusel-de Mierden``, ``Gemeente Eersel`` → their code."""
        text = str(value).strip()
        for other, code in (synonyms or {}).items():
            if plain(other) == plain(text):
                return code
        digits = re.fullmatch(r"(?i)(?:GM)?\s*(\d{1,4})(?:\.0)?", text)
        padded = f"GM{int(digits[1]):04d}" if digits else None
        if padded and padded in self._gemeenten.values():
            return padded
        name = plain(re.sub(r"(?i)^\s*(gemeente|gem\.?)\s+", "", text))
        if name in self._gemeenten:
            return self._gemeenten[name]
        raise NoRegionError("onbekende gemeente; geef de code (GM0770) of de officiële naam")

    def region(self, value: object, year: int) -> str:
        """``BU07700001``, ``bu 7700001``, ``07700001`` → BU07700001, if there is such a region."""
        text = re.sub(r"\s", "", str(value)).upper().removesuffix(".0")
        known, listed = self.regions(year), self.known_year(year)
        candidates = []
        if found := _CODE.match(text):
            candidates = [found[1].upper() + found[2].zfill(_LENGTH[found[1].upper()])]
        elif text.isdigit():
            # Leading zeros get lost: 7700001 can be a buurt, and 77000 a wijk; which it is, the list of regions says.
            candidates = [
                kind + text.zfill(width) for kind, width in _LENGTH.items() if width - 1 <= len(text) <= width
            ]
        fits = [c for c in candidates if c in known]
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise NoRegionError("de code past op meer dan één regio; zet BU, WK of GM ervoor")
        if candidates:
            raise NoRegionError(
                f"geen regiocode van de indeling van {listed}"
                + ("" if listed == year else f" (die van {year} is hier niet: rdc sources boundaries {year})")
            )
        named = [c for c, name in known.items() if plain(name) == plain(value) and here().owns(c)]
        if len(named) == 1:
            return named[0]
        raise NoRegionError(
            "naam van meer dan één regio; geef de code"
            if named
            else "onbekende wijk of buurt; geef de code (BU07700001)"
        )

    def locate(self, x: float, y: float, year: int) -> str | None:
        """The buurt in which a point lies, in RD or WGS84; None where the boundaries of that year are not here."""
        found = self.boundaries(year)
        if found is None:
            self.missed.add(year)
            return None
        return found.locate(x, y)

    def postcode(self, value: object, year: int) -> str | None:
        """The smallest region in which a whole postcode lies; None where its area is not known."""
        text = re.sub(r"\s", "", str(value)).upper()
        if not re.fullmatch(r"[1-9]\d{3}([A-Z]{2})?", text):
            raise NoRegionError("geen postcode (verwacht 5521 AB)")
        found = self.postcodes(year)
        if found is None:
            self.missed.add(year)
            return None
        return found.region(text)


def _names(snapshot: Snapshot) -> dict[str, str]:
    import duckdb

    with duckdb.connect() as con:
        rows = con.execute(
            f"select code, title from read_parquet({literal(snapshot.file('codes.parquet'))}) "
            "where dimension = ? and left(code, 2) in ('GM', 'WK', 'BU')",
            [snapshot.region_dimension],
        ).fetchall()
    return {code: re.sub(r"^Wijk \d\d\s+", "", title) if code[:2] == "WK" else title for code, title in rows}


def gemeente_of(code: str) -> str:
    return "GM" + code[2:6]


def ancestor(code: str, level: str) -> str | None:
    """The region of a level in which a region lies, itself included; None where it is larger than that."""
    kind = LEVELS[level]
    width = _LENGTH[kind]
    return kind + code[2 : 2 + width] if len(code) >= 2 + width else None
