"""What may be asked: parameters as the OpenAPI document has them, and how names of figures, regions and periods are understood."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request
from pydantic import Field

from warehouse.formats import FORMATS
from warehouse.places import NamedRegion, PastPlaceError, Place, PlaceError, SeveralPlacesError, UnknownPlaceError
from warehouse.reading.published import Published
from warehouse.serve.problem import Fault, Problem
from warehouse.serve.request import only

#: Rows on a page, and at most.
PAGE, MOST = 1000, 10_000
#: Values that one parameter may have.
_VALUES = 500

CODE = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$"
#: A region may be named, and names have blanks and marks: De Kempen, 's-Hertogenbosch.
PLACE = r"^\S(.{0,98}\S)?$"
RELEASE = r"^(actueel|[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,6})$"

Release = Annotated[
    str | None, Query(pattern=RELEASE, description="Een eerdere release, zoals 2026.11.1; zonder is het de actuele.")
]
Formaat = Annotated[
    Literal[*FORMATS] | None,  # type: ignore[valid-type]
    Query(description="In welke vorm; zonder beslist de Accept-header. csv-nl is voor een Nederlandse Excel."),
]
Cursor = Annotated[
    str | None,
    Query(
        max_length=500, pattern=r"^[A-Za-z0-9_=-]+$", description="Waar de vorige bladzijde ophield; uit _links.next."
    ),
]
Limiet = Annotated[int, Query(ge=1, le=MOST, description="Hoeveel op een bladzijde.")]
Codes = Annotated[list[Annotated[str, Field(pattern=CODE)]] | None, Query(max_length=_VALUES)]


def codes(text: str) -> Any:
    return Annotated[
        list[Annotated[str, Field(pattern=CODE)]] | None,
        Query(max_length=_VALUES, description=text + " Mag vaker voorkomen."),
    ]


Regions = Annotated[
    list[Annotated[str, Field(pattern=PLACE)]] | None,
    Query(
        max_length=_VALUES,
        description="Gebied: code van het CBS (GM, WK, BU of PV met een nummer) of van een groep, of naam. Mag vaker voorkomen.",
    ),
]
ReleaseName = Annotated[str, Path(pattern=RELEASE, description="Naam van de release, of actueel.")]


def checked(request: Request, *known: str) -> None:
    """:raises Problem: a parameter that this resource does not have."""
    if found := only(request, set(known)):
        raise Problem(400, "De vraag heeft parameters die hier niet bestaan.", found)


def named(release: str | None) -> str | None:
    return None if release in (None, "actueel") else release


def known(asked: list[str] | None, there: Collection[str], what: str) -> list[str]:
    """The names that were asked for, as they are written.

    :raises Problem: one of them is not there (404); an empty answer to a typing error would be no answer.
    """
    if not asked or all(a in there for a in asked):
        return asked or []
    # Only now: there are as many names as regions.
    upper = {code.upper(): code for code in there}
    wrong = [a for a in asked if a.upper() not in upper]
    if wrong:
        near = difflib.get_close_matches(wrong[0].upper(), list(upper), n=3, cutoff=0.6)
        hint = f" Bedoelt u {', '.join(upper[n] for n in near)}?" if near else ""
        detail = f"{what} {', '.join(wrong[:5])} is er niet in deze release.{hint}"
        raise Problem(404, detail, [Fault("path" if what == "Tabel" else "query", what.lower(), detail)])
    return [upper[a.upper()] for a in asked]


def region_codes(asked: list[str] | None, published: Published, notices: list[str] | None = None) -> list[str]:
    """The codes of regions that were named by their code, or by the name that people have for them.

    :param notices: takes which place each name was taken for.
    """
    if not asked or all(a in published.region_codes for a in asked):
        return asked or []
    codes, wrong = [], []
    for name in asked:
        try:
            found = published.places.find(name)
        except PlaceError as error:
            wrong.append(error)
            continue
        codes.append(found.code)
        if notices is not None and found.place:
            notices.append(_taken(found, found.place))
    if wrong:
        # A name that fits several places is no question yet; one that fits none is a question for what is not there.
        status = 400 if any(isinstance(w, SeveralPlacesError) for w in wrong) else 404
        details = [_no_place(w) for w in wrong[:5]]
        raise Problem(status, " ".join(details), [Fault("query", "gebied", d) for d in details])
    return codes


def _no_place(error: PlaceError) -> str:
    """What is wrong with a name, and which to take."""
    places = [_place(p) for p in error.places]
    match error:
        case SeveralPlacesError():
            return f"Meer gebieden heten {error.asked}: {', '.join(places)}. Noem de code van een ervan."
        case PastPlaceError():
            return f"Gebied {error.asked} is er niet meer: {'; '.join(places)}. Noem het bij zijn code."
        case UnknownPlaceError(near=near):
            hint = f" Bedoelt u {', '.join(near)}?" if near else ""
            return f"Gebied {error.asked} is er niet in deze release.{hint} /v1/gebieden noemt de gebieden die er zijn."
        case _:
            raise AssertionError(error)


def _taken(found: NamedRegion, place: Place) -> str:
    """Which place a name was taken for."""
    kind = f"{place.kind} van {place.owner}" if place.owner else place.kind
    also = f"; ook {', '.join(map(_place, found.others))}" if found.others else ""
    return f"{found.asked} is hier {place.name} ({place.code}), {kind}{also}"


def _place(place: Place) -> str:
    if place.until:
        return f"{place.code} ({place.kind} {place.name} tot en met {place.until})"
    return f"{place.code} ({place.kind} van {place.owner})" if place.owner else f"{place.code} ({place.kind})"


def period_codes(asked: list[str] | None, published: Published) -> list[str]:
    codes = [f"{a}JJ00" if a.isdigit() and len(a) == 4 else a for a in asked or []]
    return known(codes, published.period_codes, "Periode")


def together(*asks: Callable[[], list[str]]) -> list[list[str]]:
    """What each of them finds.

    :raises Problem: one finds a fault (as it says itself), or several do (400, with all of them).
    """
    found: list[list[str]] = []
    wrong: list[Problem] = []
    for ask in asks:
        try:
            found.append(ask())
        except Problem as problem:
            wrong.append(problem)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise Problem(400, " ".join(w.detail for w in wrong), [f for w in wrong for f in w.faults])
    return found
