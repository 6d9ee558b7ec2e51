"""Which region is meant by a name: the place of that name as it is today, not one that was abolished long ago.

What belongs here: the choice between regions of one name. Whoever asks (the command, the service, a pull from elsewhere) brings
the regions and says what was chosen.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

#: How CBS begins the name of a wijk of most municipalities.
_NUMBERED = re.compile(r"^wijk \d\d\s+", re.IGNORECASE)
#: Of regions that are there today, the one that people mean by a name comes first.
_ORDER = ("gemeente", "groep", "wijk", "buurt", "corop", "provincie", "landsdeel", "land")


class PlaceError(LookupError):
    """No region of this name, or several; the message says which come near, or which there are."""


@dataclass(frozen=True)
class Place:
    """A region as it can be found.

    :param until: its last day, as far as is known; a wijk or buurt is known as long as tables list it.
    """

    code: str
    name: str
    kind: str
    parent: str | None = None
    until: date | None = None

    @property
    def called(self) -> set[str]:
        """The names that people have for it."""
        return {self.name.casefold(), _NUMBERED.sub("", self.name).casefold()}


@dataclass(frozen=True)
class Found:
    """The region that was meant, and how: None where it was named by its code or by all of its name."""

    code: str
    said: str | None = None


def find(text: str, places: Iterable[Place]) -> Found:
    """The region of a code or a name.

    :raises PlaceError: unknown, or a name that several places of today have.
    """
    there = list(places)
    by_code = {p.code: p for p in there}
    asked = text.strip()
    if asked.upper() in by_code:
        return Found(asked.upper())
    newest = _newest(there)
    named = [p for p in there if asked.casefold() in p.called]
    today = [p for p in named if _is_today(p, newest)]
    if not today:
        if named:
            raise PlaceError(
                f"{text!r} is no place of today: {'; '.join(_gone(p) for p in named[:4])}. Name it by its code."
            )
        raise PlaceError(f"There is no region {text!r}.{_near(asked, there)}")
    first = min(_rank(p) for p in today)
    chosen = [p for p in today if _rank(p) == first]
    # A wijk is what people mean rather than the buurt of its name inside it, and not rather than one elsewhere.
    if chosen[0].kind == "wijk" and len({p.code[2:6] for p in today if p.kind in ("wijk", "buurt")}) > 1:
        chosen = [p for p in today if p.kind in ("wijk", "buurt")]
    if len(chosen) > 1:
        listed = ", ".join(f"{p.code} ({_kind(p, by_code)})" for p in chosen[:8])
        raise PlaceError(f"Several regions are called {text!r}: {listed}. Name one by its code.")
    [place] = chosen
    others = [p for p in named if p is not place]
    if place.name.casefold() == asked.casefold() and place.kind in ("gemeente", "groep", "land", "provincie"):
        return Found(place.code)
    also = f"; ook {', '.join(_also(p, by_code, newest) for p in others[:3])}" if others else ""
    return Found(place.code, f"{text.strip()} is hier {place.name} ({place.code}), {_kind(place, by_code)}{also}")


def _newest(places: list[Place]) -> dict[str, date]:
    """Per kind the last day that any region of it is known: up to there a wijk or buurt is one of today."""
    last: dict[str, date] = {}
    for place in places:
        if place.until:
            last[place.kind] = max(last.get(place.kind, place.until), place.until)
    return last


def _is_today(place: Place, newest: dict[str, date]) -> bool:
    if place.until is None:
        return True
    return place.kind in ("wijk", "buurt") and place.until == newest[place.kind]


def _rank(place: Place) -> int:
    return _ORDER.index(place.kind) if place.kind in _ORDER else len(_ORDER)


def _kind(place: Place, by_code: dict[str, Place]) -> str:
    # A buurt is in a wijk, which few know by its number: the municipality says where it is.
    owner = by_code.get(f"GM{place.code[2:6]}") if place.kind in ("wijk", "buurt") else None
    return f"{place.kind} van {owner.name}" if owner else place.kind


def _also(place: Place, by_code: dict[str, Place], newest: dict[str, date]) -> str:
    return f"{place.code} ({_kind(place, by_code)})" if _is_today(place, newest) else f"{place.code} ({_gone(place)})"


def _gone(place: Place) -> str:
    return f"{place.kind} {place.name} tot en met {place.until}"


def _near(text: str, places: list[Place]) -> str:
    larger = {p.name: p for p in places if p.name and p.kind not in ("wijk", "buurt")}
    words = {name: p for p in places for name in (p.name, _NUMBERED.sub("", p.name)) if p.kind == "wijk"} | larger
    near = difflib.get_close_matches(text, [*words, *(p.code for p in larger.values())], n=3, cutoff=0.6)
    hint = ", ".join(f"{n} ({words[n].code})" if n in words else n for n in near)
    return f" Did you mean {hint}?" if hint else ""
