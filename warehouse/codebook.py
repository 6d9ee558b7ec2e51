"""What is generated from the indicator registry, so that it is written once: ``python -m warehouse.codebook``.

For each theme the wide dbt model and its YAML, with a documented, contracted column per indicator. ``--check`` writes
nothing and ends with status 1 when a file is not what the registry says.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from warehouse import indicators
from warehouse.indicators import Theme

MARTS = Path(__file__).parent.parent / "dbt_project" / "models" / "mart"
_NOTE = "Written by `python -m warehouse.codebook` from dbt_project/indicators/{theme}.yml; edit that, not this."

_KEYS = [
    ("region_code", "varchar", "Code van de regio; De Kempen is KEMPEN, Nederland is NL01."),
    ("region_name", "varchar", "Naam van de regio."),
    ("region_type", "varchar", "Soort regio: land, provincie, corop, gemeente, wijk, buurt, groep …"),
    ("period_code", "varchar", "Periode zoals het CBS haar schrijft: 2024JJ00 is het jaar 2024."),
    ("start_date", "date", "Eerste dag van de periode."),
    ("end_date", "date", "Laatste dag van de periode."),
]


def files(theme: Theme) -> dict[Path, str]:
    """The generated files of a theme, by their path."""
    note = _NOTE.format(theme=theme.theme)
    columns: list[dict[str, object]] = [
        {"name": name, "data_type": kind, "description": text} for name, kind, text in _KEYS
    ]
    for indicator in theme.indicators:
        version = indicator.current
        text = f"{indicator.name} ({version.unit}). {' '.join(version.definition.split())} Bron: {indicator.source}."
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
                "columns": columns,
            }
        ],
    }
    text = yaml.safe_dump(model, sort_keys=False, allow_unicode=True, width=120)
    return {
        MARTS / f"{theme.theme}.sql": f"-- {note}\n{{{{ theme_mart() }}}}\n",
        MARTS / f"_{theme.theme}.yml": f"# {note}\n{text}",
    }


def main(arguments: list[str]) -> int:
    expected = {path: text for theme in indicators.load().themes for path, text in files(theme).items()}
    generated = {
        p for p in MARTS.iterdir() if p.is_file() and _NOTE.split("{")[0].split("`")[1] in p.read_text(encoding="utf-8")
    }
    stale = [p for p, text in expected.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
    gone = sorted(generated - set(expected))
    if "--check" in arguments:
        for path in [*stale, *gone]:
            print(f"{path.name} is not what the registry says; run `python -m warehouse.codebook`", file=sys.stderr)
        return 1 if stale or gone else 0
    for path in stale:
        path.write_text(expected[path], encoding="utf-8")
        print(f"wrote {path.name}")
    for path in gone:
        path.unlink()
        print(f"removed {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
