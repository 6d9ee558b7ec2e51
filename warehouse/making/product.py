"""The public record of each data product: what it is for, who answers for it, on which basis, and who may see it.

What a person must decide is declared: of all products in ``products.yml``, of one in the heading of its theme
(:mod:`warehouse.registry.themes`). What a release knows is taken from it. The record is published with the data, so that anyone can
see why a figure is there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from ingest.datacenter import here
from warehouse.reading.published import Published
from warehouse.registry.themes import headings
from warehouse.sharing.access import LEVELS, Access

_FILE = Path(__file__).with_name("products.yml")

WHO = {
    "public": "iedereen",
    "partners": "partners met een sleutel voor gedeelde tabellen",
    "municipality": "alleen de gemeente waarover de cijfers gaan, met haar eigen sleutel",
}


def _common() -> dict[str, str]:
    """What holds for every product."""
    return here().filled(yaml.safe_load(_FILE.read_text(encoding="utf-8")))


def publisher() -> dict[str, str]:
    """Who publishes; ``RDC_PUBLISHER``, ``RDC_CONTACT_URL`` and ``RDC_CONTACT_EMAIL`` go before the file."""
    said = here().publisher
    return {
        "name": os.environ.get("RDC_PUBLISHER") or said.name,
        "contact_url": os.environ.get("RDC_CONTACT_URL") or said.contact_url,
        "contact_email": os.environ.get("RDC_CONTACT_EMAIL") or said.contact_email,
    }


def public_url() -> str:
    """Where the service can be reached from outside (``RDC_PUBLIC_URL``), without a slash at its end."""
    return os.environ.get("RDC_PUBLIC_URL", "http://127.0.0.1:8080").rstrip("/")


def records(published: Published) -> list[dict[str, Any]]:
    """A record per theme that the release has, in Dutch."""
    access = Access.of(published.con)
    levels: dict[str, set[str]] = {}
    for theme, binding in published.con.execute(
        "select distinct i.theme, v.binding_id from core.indicator_value as v inner join core.indicator as i using (indicator_id)"
    ).fetchall():
        levels.setdefault(theme, set()).add(access.bindings.get(binding, LEVELS[-1]))
    goals = (
        published.rows("select goal, region_name, indicator_id, legal_basis, decided_by, example from mart.policy_goal")
        if ("mart", "policy_goal") in published.tables
        else []
    )
    common, declared = _common(), headings()
    found = []
    for theme, title in published.themes.items():
        names = [i["indicator_id"] for i in published.current(theme)]
        # A release of before may have a theme that is gone since.
        said = declared.get(theme)
        seen = sorted(levels.get(theme, {LEVELS[0]}), key=LEVELS.index)
        sources = published.sources(theme)
        found.append(
            {
                "tabel": theme,
                "titel": title,
                "maatschappelijkDoel": said and said.purpose,
                "beleidsdoelen": [
                    {
                        "doel": g["goal"],
                        "gebied": g["region_name"],
                        "indicator": g["indicator_id"],
                        "besluit": g["decided_by"],
                        "grondslag": g["legal_basis"],
                        "voorbeeld": bool(g["example"]),
                    }
                    for g in goals
                    if g["indicator_id"] in names
                ],
                "eigenaar": (said and said.owner) or here().publisher.owner,
                "grondslag": (said and said.legal_basis) or common["legal_basis"],
                "deelniveau": seen[-1],
                "deelniveaus": seen,
                "wieMagHetZien": [WHO[level] for level in seen],
                "bewaartermijn": (said and said.retention) or common["retention"],
                "totstandkoming": (
                    "Cijfers van de bron, per definitie berekend en gecontroleerd; `rdc explain INDICATOR GEBIED PERIODE` toont "
                    "van elk cijfer de broncellen. De uitkomst van elke controle staat in report.html."
                ),
                "algoritme": common["algorithm"],
                "indicatoren": names,
                "bronnen": [
                    {
                        "tabel": s["table_id"],
                        "titel": s["title"],
                        "eigenaar": s["owner"],
                        "licentie": s["licence"],
                        "bronvermelding": s["attribution"],
                        "deelniveau": s["sharing_level"],
                        "herkomst": s["origin"],
                    }
                    for s in sources
                ],
                "release": published.release_id,
            }
        )
    return found
