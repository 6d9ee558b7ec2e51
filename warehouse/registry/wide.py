"""The wide tables of the themes, as files of the dbt project made from the registry: a documented, contracted column per indicator."""

from __future__ import annotations

from pathlib import Path

import yaml

from ingest.datacenter import here
from ingest.project import DBT_PROJECT
from warehouse.columns import OF_PERIOD, of_region
from warehouse.registry.indicators import Registry, Theme

MARTS = DBT_PROJECT / "models" / "mart"
NOTE = (
    "Written by `python -m warehouse.registry.codebook` from dbt_project/indicators/{theme}.yml; edit that, not this."
)

_TYPES = {"string": "varchar", "date": "date"}


def files(theme: Theme) -> dict[Path, str]:
    """The generated model of a theme and its YAML, by their path."""
    note = NOTE.format(theme=theme.theme)
    columns: list[dict[str, object]] = [
        {"name": column.name, "data_type": _TYPES[column.type], "description": column.description}
        for column in (*of_region(), *OF_PERIOD)
        if column.name != "period_type"
    ]
    for indicator in theme.indicators:
        version = indicator.current
        text = f"{indicator.name} ({version.unit}). {' '.join(version.definition.split())} Bron: {indicator.source}."
        if version.no_figure:
            text += f" Geen cijfer: {' '.join(version.no_figure.text.split())}"
        if version.caveats:
            text += f" Let op: {' '.join(version.caveats.split())}"
        columns.append(
            {
                "name": indicator.id,
                "data_type": "double",
                "description": text,
                "config": {"meta": {"indicator_id": indicator.id, "unit": version.unit, "decimals": version.decimals}},
            }
        )
    model = {
        "version": 2,
        "models": [
            {
                "name": theme.theme,
                "description": f"{theme.title}: één rij per regio en periode, een kolom per indicator. Leeg is geen cijfer; de "
                "reden staat in core.indicator_value.",
                "config": {"contract": {"enforced": True}},
                "data_tests": [
                    {
                        "grain": {
                            "name": f"{theme.theme}_one_per_grain",
                            "arguments": {"columns": ["region_code", "period_code"]},
                        }
                    }
                ],
                "columns": columns,
            }
        ],
    }
    text = yaml.safe_dump(model, sort_keys=False, allow_unicode=True, width=120)
    return {
        MARTS / f"{theme.theme}.sql": f"-- {note}\n{{{{ theme_mart() }}}}\n",
        MARTS / f"_{theme.theme}.yml": f"# {note}\n{text}",
    }


#: The models that everything published is told from, besides the wide tables.
_TOLD_FROM = (
    *("indicator_value", "indicator", "indicator_reference", "region", "region_group", "period", "source_table"),
    *("comparison", "policy_goal", "intervention"),
)
#: What is told of policy choices, which no model makes.
_WORKED_OUT = ("policy_effect", "policy_effect_path")
#: Where people meet the tables: name, kind as dbt has them, label, what it is, and what it is made of besides the wide tables.
_EXPOSURES = (
    (
        "api",
        "application",
        "API",
        "The figures and their definitions as JSON and files: /v1 of `rdc serve`.",
        _TOLD_FROM,
    ),
    (
        "odata",
        "application",
        "OData",
        "The same for Excel and Power BI: /odata/v3 and /odata/v4 of `rdc serve`.",
        _TOLD_FROM,
    ),
    ("files", "application", "Files", "The data package of a release, and what `rdc pull` writes.", _TOLD_FROM),
    (
        "portal",
        "dashboard",
        "Portal",
        "The pages for residents and council.",
        ("indicator", "policy_goal", "intervention"),
    ),
)


def exposures(registry: Registry) -> str:
    """Who uses the tables, for `dbt docs`: each way out of a release, with its owner and the models that it is made of."""
    themes = [theme.theme for theme in registry.themes]
    found = {
        "version": 2,
        "exposures": [
            {
                "name": name,
                "label": label,
                "type": kind,
                "maturity": "high",
                "description": text,
                "owner": {"name": here().publisher.name},
                "depends_on": [
                    *(f"ref('{model}')" for model in (*models, *themes)),
                    *(f"source('worked_out', '{table}')" for table in _WORKED_OUT),
                ],
            }
            for name, kind, label, text, models in _EXPOSURES
        ],
    }
    note = "Written by `python -m warehouse.registry.codebook` from warehouse/registry/wide.py; edit that, not this."
    return f"# {note}\n{yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=120)}"


def wide_tables(registry: Registry) -> dict[Path, str]:
    """Every generated file of the dbt project, by its path."""
    found = {path: text for theme in registry.themes for path, text in files(theme).items()}
    return found | {MARTS / "_exposures.yml": exposures(registry)}
