"""Figures (waarnemingen), row by row, and what changed in them since a release."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from warehouse.columns import Column
from warehouse.export import FORMATS, LONG_SHAPE, WIDE, Extract
from warehouse.making.diff import changed_figures
from warehouse.reading.published import LONG, Published, among
from warehouse.serve.api.answers import (
    TABLES,
    Waarnemingen,
)
from warehouse.serve.api.paging import page_links, start
from warehouse.serve.api.questions import (
    PAGE,
    RELEASE,
    Cursor,
    Formaat,
    Limiet,
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
from warehouse.serve.library import Opened
from warehouse.serve.problem import Problem
from warehouse.serve.request import Ask, Asked
from warehouse.sharing.access import texts
from warehouse.sharing.closing import indicators_only_of

router = APIRouter(prefix="/v1")

_NAMES = {
    "indicator_id": "indicator",
    "indicator_name": "naam",
    "theme": "thema",
    "definition_version": "definitieVersie",
    "region_code": "gebied",
    "region_name": "gebiedNaam",
    "region_type": "gebiedSoort",
    "parent_code": "ligtIn",
    "parent_name": "ligtInNaam",
    "period_code": "periode",
    "period_type": "periodeSoort",
    "start_date": "beginDatum",
    "end_date": "eindDatum",
    "reference_period": "peildatum",
    "geography_year": "indelingsjaar",
    "value": "waarde",
    "unit": "eenheid",
    "lower_bound": "ondergrens",
    "upper_bound": "bovengrens",
    "series_break": "reeksbreuk",
    "missing_reason": "redenOntbreekt",
    "reason": "reden",
    "note": "toelichting",
    "period_status": "status",
    "method": "wijze",
    "table_id": "brontabel",
    "attribution": "bronvermelding",
    "origin": "herkomst",
    "release_id": "release",
    "change": "wijziging",
    "old_value": "oudeWaarde",
    "old_missing_reason": "oudeRedenOntbreekt",
    "old_period_status": "oudeStatus",
    "old_definition_version": "oudeDefinitieVersie",
}
_CHANGE = [
    Column(
        "change",
        "string",
        "Wijziging",
        "added (nieuw), removed (vervallen), value, missing_reason, definition_version of period_status.",
    ),
    Column("old_value", "number", "Oude waarde", "De waarde in de eerdere release."),
    Column("old_missing_reason", "string", "Oude reden", "Waarom het cijfer in de eerdere release ontbrak."),
    Column("old_period_status", "string", "Oude status", "De status in de eerdere release."),
    Column("old_definition_version", "integer", "Oude definitieversie", "De versie in de eerdere release."),
]


@router.get("/waarnemingen", summary="De cijfers", responses=TABLES, response_model=Waarnemingen, tags=["cijfers"])
def figures(
    asked: Ask,
    indicator: codes("Indicator, zoals bev_inwoners.") = None,  # type: ignore[valid-type]
    thema: codes("Thema, zoals wonen.") = None,  # type: ignore[valid-type]
    gebied: Regions = None,
    gebiedSoort: codes("Soort gebied, zoals gemeente.") = None,  # type: ignore[valid-type] # noqa: N803
    periode: codes("Periode of jaar, zoals 2024JJ00 of 2024.") = None,  # type: ignore[valid-type]
    sorteer: Annotated[
        Literal["waarde", "-waarde"] | None,
        Query(description="Op waarde, oplopend of (-waarde) aflopend: een rangorde."),
    ] = None,
    sindsRelease: Annotated[  # noqa: N803
        str | None, Query(pattern=RELEASE, description="Alleen wat er sinds die release veranderde, oud en nieuw.")
    ] = None,
    release: Release = None,
    limiet: Limiet = PAGE,
    cursor: Cursor = None,
    formaat: Formaat = None,
) -> Response:
    """Eén rij per indicator, gebied en periode, met status, reden van ontbreken, definitieversie, peildatum en bron.

    Als JSON bladzijde voor bladzijde; in een andere vorm alles in één keer.
    """
    checked(
        asked.request,
        *(
            "indicator",
            "thema",
            "gebied",
            "gebiedSoort",
            "periode",
            "sorteer",
            "sindsRelease",
            "release",
            "limiet",
            "cursor",
        ),
        "formaat",
    )
    fmt = asked.format(formaat)
    opened, after = start(asked, release, cursor, [int] if sorteer else [str] * 3)
    headers = asked.headers(opened, fmt)
    published = asked.published(opened)
    notices: list[str] = []
    names, themes, regions, periods = together(
        lambda: known(indicator, [i["indicator_id"] for i in published.indicators], "Indicator"),
        lambda: known(thema, published.themes, "Thema"),
        lambda: region_codes(gebied, published, notices),
        lambda: period_codes(periode, published),
    )
    if themes:
        of_themes = [i["indicator_id"] for i in published.indicators if i["theme"] in themes]
        names = [n for n in names if n in of_themes] if names else list(dict.fromkeys(of_themes))
        names = names or ["-"]
    where, parameters = _where(
        [
            ("indicator_id", names),
            ("region_code", regions),
            ("period_code", periods),
        ]
    )
    if gebiedSoort:
        parameters.append([s.lower() for s in gebiedSoort])
        where += f" and v.region_code in (select region_code from core.region where list_contains(${len(parameters)}, region_type))"
    columns = list(LONG)
    if sindsRelease:
        earlier = asked.library.get(_checked(asked, sindsRelease))
        sql = _since(asked, opened, earlier, published, where)
        columns += _CHANGE
    else:
        sql = published.long(where)
    order = {"waarde": "value nulls last, ", "-waarde": "value desc nulls last, "}.get(sorteer or "", "")
    key = "indicator_id, region_code, period_code"
    if fmt != "json":
        chosen = set(names) or {i["indicator_id"] for i in published.indicators}
        whole = Extract(
            published,
            "waarnemingen",
            "Waarnemingen",
            LONG_SHAPE,
            columns,
            f"select {', '.join(c.name for c in columns)} from ({sql}) order by {order}{key}",
            parameters,
            [i for i in published.indicators if i["indicator_id"] in chosen],
            published.sources(),
        )
        if FORMATS[fmt].shape == WIDE:
            raise Problem(406, f"Waarnemingen zijn niet als {fmt} te krijgen; neem een tabel: /v1/tabellen.")
        return asked.download(opened, whole, fmt, "waarnemingen")
    skip = 0
    if after:
        if order:
            skip = after[0]
        else:
            parameters += after
            n = len(parameters)
            sql = f"select * from ({sql}) where (indicator_id, region_code, period_code) > (${n - 2}, ${n - 1}, ${n})"
    fields = ", ".join(f"'{_NAMES[c.name]}', {c.name}" for c in columns)
    page = published.con.execute(
        f"select json_object({fields})::varchar, indicator_id, region_code, period_code from ({sql}) "
        f"order by {order}{key} limit {limiet + 1} offset {skip}",
        parameters,
    ).fetchall()
    more: list[Any] | None = None
    if len(page) > limiet:
        more = [skip + limiet] if order else list(page[limiet - 1][1:])
    if not page and not after and not sindsRelease:
        chosen = set(names) or {i["indicator_id"] for i in published.indicators}
        notices.append(published.why_empty(chosen, regions, periods).in_dutch())
    links = page_links(asked, opened, more, headers)
    rows = ",".join(row[0] for row in page[:limiet])
    told = f'"meldingen":{json.dumps(notices, ensure_ascii=False)},' if notices else ""
    body = f'{{"release":"{opened.release_id}",{told}"waarnemingen":[{rows}],"_links":{json.dumps(links)}}}'
    return Response(body, media_type="application/json", headers=headers)


def _checked(asked: Asked, release: str) -> str | None:
    """A release that must be there: its own problem, told before anything else is asked."""
    asked_for = named(release)
    state = getattr(asked.request.state, "release_id", None)
    asked.open(asked_for)
    asked.request.state.release_id = state
    return asked_for


def _where(conditions: Sequence[tuple[str, list[str]]]) -> tuple[str, list[Any]]:
    parameters: list[Any] = []
    parts = ["true", *(among(f"v.{column}", values, parameters) for column, values in conditions if values)]
    return " and ".join(parts), parameters


def _since(asked: Asked, opened: Opened, earlier: Opened, published: Published, where: str) -> str:
    """SQL for the figures that differ from an earlier release: the long rows, with how and from what."""
    scope, current = asked.caller.scope, asked.library.current()
    alias = (
        opened.attach(earlier)
        if earlier is not opened
        else opened.con.execute("select current_database()").fetchall()[0][0]
    )
    # That an indicator has no source any more is no news about a source that was closed.
    hidden = (
        indicators_only_of(opened.con.cursor(), earlier.closed(current, scope), alias)
        if earlier is not opened
        else set()
    )
    absent = f" and not (v.method = 'absent' and v.indicator_id in ({texts(hidden)}))" if hidden else ""
    old = f"(select * from {alias}.core.indicator_value as v where {earlier.access(current).visible(scope)} and ({where}))"
    new = f"(select * from core.indicator_value as v where {published.visible} and ({where}){absent})"
    known = ", ".join(
        f"now_.{c.name}" for c in LONG if c.name not in ("indicator_id", "region_code", "period_code", "release_id")
    )
    # What went has no row any more: its names come from what is left of it.
    return f"""
        select
            difference.indicator_id, difference.region_code, difference.period_code, {known},
            '{opened.release_id}' as release_id, difference.kind as change, old_value, old_missing_reason,
            old_period_status, old_definition_version
        from ({changed_figures(old, new)}) as difference
        left join ({published.long(where)}) as now_ using (indicator_id, region_code, period_code)
    """
