"""The wide tables of the themes, as files of the dbt project made from the registry: a documented, contracted column per indicator."""

from __future__ import annotations

from pathlib import Path

import yaml

from ingest.datacenter import here
from ingest.project import DBT_PROJECT
from warehouse.registry.indicators import Registry, Theme

MARTS = DBT_PROJECT / "models" / "mart"
NOTE = (
    "Written by `python -m warehouse.registry.codebook` from dbt_project/indicators/{theme}.yml; edit that, not this."
)

_KEYS = [
    ("region_code", "varchar", "Code van de regio; $groep is $code, Nederland is NL01."),
    ("region_name", "varchar", "Naam van de regio."),
    ("region_type", "varchar", "Soort regio: land, provincie, corop, gemeente, wijk, buurt, groep …"),
    ("parent_code", "varchar", "Code van de regio waarin zij ligt: van een buurt de wijk, van een wijk de gemeente."),
    ("parent_name", "varchar", "Naam van de regio waarin zij ligt."),
    ("period_code", "varchar", "Periode zoals het CBS haar schrijft: 2024JJ00 is het jaar 2024."),
    ("start_date", "date", "Eerste dag van de periode."),
    ("end_date", "date", "Laatste dag van de periode."),
]


def files(theme: Theme) -> dict[Path, str]:
    """The generated model of a theme and its YAML, by their path."""
    note = NOTE.format(theme=theme.theme)
    columns: list[dict[str, object]] = [
        {"name": name, "data_type": kind, "description": text} for name, kind, text in here().filled(_KEYS)
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


def wide_tables(registry: Registry) -> dict[Path, str]:
    """Every generated file of the dbt project, by its path."""
    return {path: text for theme in registry.themes for path, text in files(theme).items()}
