"""What is generated from the indicator registry, so that it is written once: ``python -m warehouse.registry.codebook``.

For each theme the wide dbt model and its YAML, with a documented, contracted column per indicator; and the codebook: a page
per indicator in Dutch, in ``docs/codebook``. The codebook is in the repository rather than made with each release, so that a
change of a definition is read as a page in the pull request that makes it, and a link to a page holds. ``--check`` writes
nothing and ends with status 1 when a file is not what the registry says.
"""

from __future__ import annotations

import sys
from datetime import date

from ingest.datacenter import here
from ingest.project import ROOT
from ingest.registry import Registry as Tables
from warehouse.registry import indicators
from warehouse.registry.indicators import Indicator, Registry, Source, Term, Theme, Version
from warehouse.registry.labels import in_words
from warehouse.registry.wide import MARTS, NOTE, wide_tables

PROJECT = ROOT
PAGES = PROJECT / "docs" / "codebook"
_DIRECTION = {"hoger_is_beter": "hoger is beter", "lager_is_beter": "lager is beter", "neutraal": "geen van beide"}
_REASON = {
    "eigen_gegevens": "eigen gegevens van de gemeente",
    "geen_open_bron": "geen open bron",
    "vervallen": "vervallen",
    "kolommen_niet_gezien": "er is een open tabel, maar wij nemen dit cijfer er nog niet uit over",
}
_AGGREGATION = {
    "sum": "De aantallen van de leden worden opgeteld.",
    "ratio": "Tellers en noemers van de leden worden opgeteld en dan gedeeld; verhoudingen worden nooit gemiddeld.",
}
_ROLE = {"value": "cijfer", "numerator": "teller", "denominator": "noemer"}
_REGION = {"ggd_regio": "GGD-regio", "corop": "COROP-gebied", "jeugdregio": "jeugdregio"}


# -- the codebook -----------------------------------------------------------------------------------------------------


def pages(registry: Registry, tables: Tables) -> dict[str, str]:
    """The codebook as Markdown, by file name: ``README.md`` and a page per indicator."""
    found = {"README.md": _index(registry)}
    for theme, indicator in registry.indicators():
        found[f"{indicator.id}.md"] = _page(registry, tables, theme, indicator)
    return found


def _index(registry: Registry) -> str:
    lines = [
        "# Codeboek",
        "",
        f"De standaardindicatoren van het {here().name}, een pagina per indicator: wat zij betekent, waar de cijfers",
        "vandaan komen en waarop te letten. Gemaakt uit `dbt_project/indicators` met `python -m warehouse.registry.codebook`.",
        "",
    ]
    for theme in registry.themes:
        lines += [f"## {theme.title}", "", "| indicator | eenheid | tot op | BBV |", "|---|---|---|---|"]
        for indicator in theme.indicators:
            version = indicator.current
            lowest = indicators.lowest_region(version)
            level = _region(lowest) if lowest else f"geen cijfer: {_REASON[version.no_figure.reason]}"  # type: ignore[union-attr]
            lines.append(
                f"| [{_cell(indicator.name)}]({indicator.id}.md) | {_cell(version.unit)} | {level} | {indicator.bbv or ''} |"
            )
        lines.append("")
    return "\n".join(lines)


def _page(registry: Registry, tables: Tables, theme: Theme, indicator: Indicator) -> str:
    current = indicator.current
    facts = [
        ("code", f"`{indicator.id}`"),
        ("thema", f"{theme.title} (`mart.{theme.theme}`)"),
        ("taakveld", indicator.taakveld),
        ("BBV-indicator", f"nummer {indicator.bbv}" if indicator.bbv else None),
        ("eenheid", current.unit),
        ("decimalen", str(current.decimals)),
        ("peildatum", in_words(current.reference)),
        ("gunstig is", _DIRECTION[indicator.direction]),
        ("bron", indicator.source),
        ("uitgever", indicator.publisher),
        ("licentie", indicator.licence),
    ]
    lines = [f"# {indicator.name}", "", " ".join(current.definition.split()), "", "| | |", "|---|---|"]
    lines += [f"| {name} | {_cell(value)} |" for name, value in facts if value]
    for version in reversed(indicator.versions):
        lines += ["", *_version(registry, tables, indicator, version)]
    lines += [
        "",
        "## Opvragen",
        "",
        "```sh",
        f"rdc pull {theme.theme} --region {here().example}",
        f"rdc explain {indicator.id} {here().example} PERIODE",
        "```",
        "",
    ]
    return "\n".join(lines)


def _version(registry: Registry, tables: Tables, indicator: Indicator, version: Version) -> list[str]:
    until = f" tot en met {_day(version.valid_to)}" if version.valid_to else ""
    lines = [f"## Definitie, versie {version.version}: vanaf {_day(version.valid_from)}{until}", ""]
    if len(indicator.versions) > 1:
        lines += [f"{' '.join(version.definition.split())} Eenheid: {version.unit}.", ""]
    if version.series_break:
        lines += [f"**Breuk in de reeks.** {_flat(version.series_break)}", ""]
    if version.not_comparable:
        lines += [f"**Niet te vergelijken in de tijd.** {_flat(version.not_comparable)}", ""]
    if len(indicator.versions) > 1 and version.bindings:
        lines += [f"Peildatum: {in_words(version.reference)}.", ""]
    if version.no_figure:
        lines += [f"**Geen cijfer: {_REASON[version.no_figure.reason]}.** {_flat(version.no_figure.text)}", ""]
    if version.numerator:
        lines += [f"- Teller: {_flat(version.numerator)}", f"- Noemer: {_flat(version.denominator)}"]
        if version.factor != 1:
            lines.append(f"- Uitkomst: {version.factor:g} × teller / noemer")
        lines.append("")
    if version.bindings:
        why = _AGGREGATION.get(version.aggregation) or f"Geen cijfer. {_flat(version.why_not)}"
        lines += [f"**{here().group.name} en andere groepen.** {why}", ""]
    if version.caveats:
        lines += [f"**Let op.** {_flat(version.caveats)}", ""]
    sources = registry.sources(version)
    if sources:
        lines += [
            "### Herkomst",
            "",
            "| tabel | perioden | regio's | kolommen | indeling bekend |",
            "|---|---|---|---|---|",
        ]
        lines += [_source_line(tables, source) for source in sources]
        for item in version.breaks:
            lines += ["", f"**Breuk vanaf {_period(item.first)}.** {_flat(item.why)}"]
        breaks = dict.fromkeys((s.stretch, s.series_break) for s in sources if s.series_break)
        for stretch, text in breaks:
            table = next(s.table for s in sources if s.stretch == stretch)
            lines += ["", f"**Breuk bij {table}.** {_flat(text)}"]
        for binding in version.bindings:
            if binding.continues:
                lines += ["", f"**Vervolg bij {binding.table or binding.series}.** {_flat(binding.continues)}"]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _source_line(tables: Tables, source: Source) -> str:
    declared = tables.tables.get(source.table)
    title = f"{source.table} {declared.title}" if declared else source.table
    if declared and declared.period:
        periods = _period(declared.period)
    else:
        first = f"vanaf {_period(source.first_period)}" if source.first_period else ""
        last = f"tot en met {_period(source.last_period)}" if source.last_period else ""
        periods = f"{first} {last}".strip() or "alle"
    columns = "; ".join(
        f"{_ROLE[role]}: " + " ".join(_term(t, at) for at, t in enumerate(terms))
        for role, terms in source.roles.items()
        if role in _ROLE
    )
    if "lower" in source.roles:
        columns += "; met marges"
    if source.constant:
        columns += f"; opgeteld bij {source.constant:g}"
    regions = ", ".join(_region(r) for r in source.regions)
    return f"| {_cell(title)} | {periods} | {regions} | {_cell(columns)} | {'ja' if source.seen else 'nee'} |"


def _term(term: Term, at: int) -> str:
    name = term.measure or " of ".join(term.stem)
    members = ", ".join(f"{k} {v}" for k, v in term.dimensions.items())
    path = " > ".join(term.path)
    said = name + (f" ({path})" if path else "") + (f" bij {members}" if members else "")
    said += f" uit {term.table}" if term.table else ""
    return ("− " if term.subtract else "+ " if at else "") + said


def _day(day: date) -> str:
    return f"{day.day}-{day.month}-{day.year}"


def _period(code: str) -> str:
    return code[:4] if code[4:] == "JJ00" else code


def _region(kind: str) -> str:
    return _REGION.get(kind, kind)


def _flat(text: str | None) -> str:
    return " ".join((text or "").split())


def _cell(text: str | None) -> str:
    return _flat(text).replace("|", "\\|")


# -- writing ----------------------------------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    registry = indicators.load()
    expected = wide_tables(registry)
    expected |= {PAGES / name: text for name, text in pages(registry, Tables.load()).items()}
    generated = {
        p for p in MARTS.iterdir() if p.is_file() and NOTE.split("{")[0].split("`")[1] in p.read_text(encoding="utf-8")
    }
    generated |= set(PAGES.glob("*.md"))
    stale = [p for p, text in expected.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
    gone = sorted(generated - set(expected))
    if "--check" in arguments:
        for path in [*stale, *gone]:
            print(
                f"{path.name} is not what the registry says; run `python -m warehouse.registry.codebook`",
                file=sys.stderr,
            )
        return 1 if stale or gone else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(expected[path], encoding="utf-8")
    for path in gone:
        path.unlink()
    print(f"{len(stale)} files written, {len(gone)} removed, {len(expected) - len(stale)} as they were")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
