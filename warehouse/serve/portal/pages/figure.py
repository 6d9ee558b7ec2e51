"""How a figure came about: its steps, back to the cells of the source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from warehouse.reading.explain import Step
from warehouse.serve.portal import dutch
from warehouse.serve.portal.page import Address, Asking, Kind, Links, Page
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words


def make(view: View, asking: Asking, links: Links) -> Page:
    name, code, period = (asking.path[part] for part in ("indicator", "area", "period"))
    found = view.chain(name, code, period)
    [figure] = view.figures([name], [code], [period])
    indicator, area = view.indicator(name), view.areas[code]
    said = words().figure.steps
    steps = [_named(step, view).said(said, dutch.number) for step in found["steps"]]
    if figure.value is not None and dutch.number(figure.value) != figure.text:
        steps.append(Step("rounded", {"value": figure.text}).said(said, dutch.number))
    return Page(
        title=f"{indicator['name_nl']}: {area.name}, {dutch.period(period)}",
        heading=words().figure.how,
        crumbs=[
            (indicator["theme_title"], links.to(f"/thema/{indicator['theme']}")),
            (indicator["name_nl"], links.to(f"/indicator/{name}", gebied=code)),
        ],
        content={
            "figure": figure,
            "indicator": indicator,
            "definition": found["definition"],
            "area": area,
            "steps": steps,
            "deliveries": _deliveries(found["cells"], view),
            "titles": {s["table_id"]: s["title"] for s in view.sources},
            "history": found["history"] if len(found["history"]) > 1 else [],
            "around": [f for f in view.figures([name], [code]) if f.period != period],
            "as_data": links.file("/v1/waarnemingen", indicator=name, gebied=code, periode=period),
            "permalink": links.here(figure.path, uitgave=view.release_id),
        },
    )


def _named(step: Step, view: View) -> Step:
    """A step with the names of municipalities, not their codes."""
    if step.kind != "members":
        return step
    codes = step.facts["members"].split(", ")
    return Step(step.kind, step.facts | {"members": dutch.listed([view.areas[c].name for c in codes])})


def _deliveries(cells: list[dict[str, Any]], view: View) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """What was delivered by the source, each delivery with the cells that were taken from it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for cell in cells:
        area = view.areas.get("NL01" if cell["source_region"] in ("NL00", "NL1") else cell["source_region"])
        found.setdefault(cell["snapshot_id"], []).append(
            cell
            | {
                "title": " > ".join(filter(None, [cell["measure_path"], cell["measure_title"]])),
                "written": dutch.number(cell["value"]) if cell["value"] is not None else None,
                "area": area.name if area else cell["source_region"],
                # A delivery lies on a disk, where no reader can look.
                "address": cell["url"] if str(cell["url"]).startswith(("http://", "https://")) else None,
            }
        )
    return [(inside[0], inside) for inside in found.values()]


def addresses(view: View) -> Iterable[Address]:
    """Every figure that the asker sees, and those that are missing for a reason."""
    for figure in view.figure_keys():
        yield Address(dict(zip(("indicator", "area", "period"), figure, strict=True)))


KIND = Kind(
    "figure",
    "/cijfer/{indicator}/{area}/{period}",
    make,
    addresses=addresses,
    instead="/indicator/{indicator}",
    listed=False,
)
