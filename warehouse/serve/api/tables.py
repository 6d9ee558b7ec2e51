"""Whole tables, or a part of one, in every form."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from warehouse.export import FORMATS, LONG_SHAPE, WIDE, ExportError, extract
from warehouse.reading.published import REFERENCE
from warehouse.serve.api.answers import (
    RESPONSES,
    TABLES,
    Item,
    answer_json,
)
from warehouse.serve.api.questions import (
    CODE,
    Formaat,
    Regions,
    Release,
    checked,
    codes,
    known,
    named,
    period_codes,
    region_codes,
    together,
)
from warehouse.serve.problem import Problem
from warehouse.serve.request import Ask

router = APIRouter(prefix="/v1")


@router.get("/tabellen", summary="De standaardtabellen", responses=RESPONSES, response_model=Item, tags=["cijfers"])
def tables(asked: Ask, release: Release = None) -> Response:
    """Een tabel per thema, en de tabellen met begrippen."""
    checked(asked.request, "release")
    opened = asked.open(named(release))
    found = [
        {"tabel": name, "titel": title, "soort": "cijfers"} for name, title in asked.listing(opened).themes.items()
    ]
    found += [{"tabel": name, "titel": REFERENCE[name][0], "soort": "begrippen"} for name in opened.base.reference]
    for item in found:
        item["_links"] = {"self": {"href": f"{asked.root}/v1/tabellen/{item['tabel']}"}}  # type: ignore[assignment]
    return answer_json(asked, opened, {"release": opened.release_id, "tabellen": found})


@router.get("/tabellen/{tabel}", summary="Een tabel", responses=TABLES, response_model=Item, tags=["cijfers"])
def table(
    asked: Ask,
    tabel: Annotated[str, Path(pattern=CODE, description="Naam van de tabel, zoals wonen of region.")],
    gebied: Regions = None,
    periode: codes("Periode of jaar.") = None,  # type: ignore[valid-type]
    vorm: Annotated[
        Literal["breed", "lang"] | None, Query(description="breed: een kolom per indicator; lang: een rij per cijfer.")
    ] = None,
    release: Release = None,
    formaat: Formaat = None,
) -> Response:
    """De hele tabel of een deel ervan, in elke vorm. Van hele tabellen worden er enkele tegelijk gemaakt; daarna 503 met Retry-After."""
    checked(asked.request, "gebied", "periode", "vorm", "release", "formaat")
    fmt = asked.format(formaat)
    opened = asked.open(named(release))
    _ = asked.headers(opened, fmt)
    published = asked.published(opened)
    [name], regions, periods = together(
        lambda: known([tabel], [*published.themes, *published.reference], "Tabel"),
        lambda: region_codes(gebied, published),
        lambda: period_codes(periode, published),
    )
    shape = FORMATS[fmt].shape or ({"breed": WIDE, "lang": LONG_SHAPE}[vorm] if vorm else None)
    if name in published.reference:
        name, shape = f"{published.schema_of(name)}.{name}", shape if vorm or FORMATS[fmt].shape else None
    try:
        found = extract(
            published,
            name,
            regions,
            periods,
            shape,
            # What is told of changes is public at release; a key's own figures are not among them.
            None if opened.tightened(asked.library.current()) else opened.folder,
        )
    except ExportError as error:
        raise Problem(
            404, f"Tabel {tabel} is zo niet te krijgen: zij heeft geen gebieden, perioden of vormen."
        ) from error
    return asked.download(opened, found, fmt, tabel)
