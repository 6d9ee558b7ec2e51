"""The start page, for residents and council: themes, policy goals and downloads. One page, no script, nothing from elsewhere."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from ingest.datacenter import here
from warehouse.making import product
from warehouse.serve.api.questions import checked
from warehouse.serve.request import Ask

router = APIRouter(include_in_schema=False)


@lru_cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
    )
    found.filters["getal"] = _number
    return found.get_template("portal.html")


def _number(value: float | None) -> str:
    """A figure as Dutch writes it: a point between thousands, a decimal comma."""
    if value is None:
        return "geen cijfer"
    text = f"{value:,.1f}".removesuffix(".0")
    return text.replace(",", "\u00a0").replace(".", ",").replace("\u00a0", ".")


@router.get("/", response_class=HTMLResponse)
def start(asked: Ask) -> Response:
    checked(asked.request)
    opened = asked.open()
    headers = asked.headers(opened)
    published = asked.published(opened)
    themes = [
        {"name": name, "title": title, "indicators": [i["name_nl"] for i in published.current(name)]}
        for name, title in published.themes.items()
    ]
    goals = (
        published.rows(f"select * from ({published.goals()}) order by region_name, goal")
        if (
            "mart",
            "policy_goal",
        )
        in published.tables
        else []
    )
    page = _template().render(
        center=here(),
        release=opened.release,
        day=opened.created_at.strftime("%d-%m-%Y"),
        themes=themes,
        goals=goals,
        is_sample=any(s["origin"] == "sample" for s in published.sources()),
        sources=published.sources(),
        publisher=product.publisher(),
        root=asked.root,
    )
    return HTMLResponse(page, headers=headers)
