"""Which region is meant by a name: the place of that name as it is today, not one that was abolished long ago.

What belongs here: the choice between regions of one name. Whoever asks (the command, the service, a pull from elsewhere) brings
the regions and says what was chosen. Messages are in English; the service has the same facts in Dutch.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

#: How CBS begins the name of a wijk of most municipalities.
_NUMBERED = re.compile(r"^wijk \d\d\s+", re.IGNORECASE)
#: What CBS adds to a name that another region has too: ``Utrecht (gemeente)``, ``Bergen (NH.)``.
_ADDED = re.compile(r"\s+\([^()]*\)$")
#: Of regions that are there today, the one that people mean by a name comes first.
_ORDER = ("gemeente", "provincie", "groep", "wijk", "buurt", "corop", "landsdeel", "land")
#: Of these neither goes before the other: Utrecht and Groningen are both.
_EQUAL = ("gemeente", "provincie")
_SMALL = ("wijk", "buurt")
#: How many places or names a message lists.
_LISTED = 8


@dataclass(frozen=True)
class Place:
    """A region as it can be found.

    :param until: its last day; in :class:`Places` None for one of today.
    :param owner: of a wijk or buurt, the name of its municipality: few know a wijk by its number.
    """

    code: str
    name: str
    kind: str
    until: date | None = None
    owner: str | None = None

    def __str__(self) -> str:
        if self.until:
            return f"{self.code} ({self.kind} {self.name} until {self.until})"
        return f"{self.code} ({self.kind} in {self.owner})" if self.owner else f"{self.code} ({self.kind})"


class PlaceError(LookupError):
    """A name that is not one place of today.

    :param asked: the name; ``places``: those that have it.
    """

    def __init__(self, asked: str, places: list[Place], message: str) -> None:
        super().__init__(message)
        self.asked, self.places = asked, places[:_LISTED]


class UnknownPlaceError(PlaceError):
    """No region has this name.

    :param near: names that come near, each with its code where that is another thing.
    """

    def __init__(self, asked: str, near: list[str]) -> None:
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        super().__init__(
            asked, [], f"This data center has no region {asked!r}.{hint} Table region lists those that there are."
        )
        self.near = near


class PastPlaceError(PlaceError):
    """Only regions that are there no more have this name."""

    def __init__(self, asked: str, places: list[Place]) -> None:
        listed = "; ".join(map(str, places[:_LISTED]))
        super().__init__(asked, places, f"{asked!r} is no place of today: {listed}. Name it by its code.")


class SeveralPlacesError(PlaceError):
    """Several regions of today have this name, and none goes before the others."""

    def __init__(self, asked: str, places: list[Place]) -> None:
        listed = ", ".join(map(str, places[:_LISTED]))
        super().__init__(asked, places, f"Several regions are called {asked!r}: {listed}. Name one by its code.")


@dataclass(frozen=True)
class NamedRegion:
    """The region that was meant.

    :param place: None where it was named by its code or by all of its name, so that nothing needs to be said.
    :param others: a few more of that name.
    """

    code: str
    asked: str
    place: Place | None = None
    others: tuple[Place, ...] = ()

    @property
    def notice(self) -> str | None:
        """What was taken for it, where that is worth saying."""
        if self.place is None:
            return None
        also = f"; there is also {', '.join(map(str, self.others))}" if self.others else ""
        return f"{self.asked} is taken as {self.place.name}, {self.place}{also}"


class Places:
    """The regions that there are, by code and by the names that people have for them."""

    def __init__(self, places: Iterable[Place]) -> None:
        there = list(places)
        newest: dict[str, date] = {}
        for place in there:
            if place.until:
                newest[place.kind] = max(newest.get(place.kind, place.until), place.until)
        owners = {p.code: p.name for p in there if p.kind == "gemeente"}
        self._by_code: dict[str, Place] = {}
        self._by_name: dict[str, list[Place]] = {}
        for place in there:
            if place.kind in _SMALL:
                # A wijk or buurt is known as long as tables list it: up to their newest day it is one of today.
                until = place.until if place.until != newest.get(place.kind) else None
                place = replace(place, until=until, owner=owners.get(f"GM{place.code[2:6]}"))
            self._by_code[place.code] = place
            for name in {form.casefold() for form in _forms(place.name)}:
                self._by_name.setdefault(name, []).append(place)

    def find(self, text: str) -> NamedRegion:
        """The region of a code or a name.

        :raises PlaceError: unknown, or a name that no place of today has, or several have.
        """
        asked = text.strip()
        if asked.upper() in self._by_code:
            return NamedRegion(asked.upper(), asked)
        named = self._by_name.get(asked.casefold(), [])
        today = [p for p in named if not p.until]
        if not today:
            raise PastPlaceError(asked, named) if named else UnknownPlaceError(asked, self._near(asked))
        first = min(map(_rank, today))
        chosen = [p for p in today if _rank(p) == first]
        if {p.kind for p in today} >= {*_EQUAL}:
            chosen = [p for p in today if p.kind in _EQUAL]
        # A wijk is what people mean rather than the buurt of its name inside it, and not rather than one elsewhere.
        if chosen[0].kind == "wijk" and len({p.code[2:6] for p in today if p.kind in _SMALL}) > 1:
            chosen = [p for p in today if p.kind in _SMALL]
        if len(chosen) > 1:
            raise SeveralPlacesError(asked, chosen)
        [place] = chosen
        if place.name.casefold() == asked.casefold() and place.kind in ("gemeente", "groep", "land", "provincie"):
            return NamedRegion(place.code, asked)
        return NamedRegion(place.code, asked, place, tuple(p for p in named if p is not place)[:3])

    def _near(self, text: str) -> list[str]:
        larger = {p.name: p for p in self._by_code.values() if p.name and p.kind not in _SMALL}
        words = {name: p for p in self._by_code.values() if p.kind == "wijk" for name in _forms(p.name)} | larger
        near = difflib.get_close_matches(text, [*words, *(p.code for p in larger.values())], n=3, cutoff=0.6)
        return [f"{n} ({words[n].code})" if n in words else n for n in near]


def _forms(name: str) -> set[str]:
    """A name as CBS writes it and as people say it."""
    return {name, _NUMBERED.sub("", name), _ADDED.sub("", name)}


def unnumbered(name: str) -> str:
    """The name of a wijk as people say it: ``Hapert`` for ``Wijk 02 Hapert``."""
    return _NUMBERED.sub("", name)


def _rank(place: Place) -> int:
    return _ORDER.index(place.kind) if place.kind in _ORDER else len(_ORDER)
