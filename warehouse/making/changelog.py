"""The changelog of a release, in Dutch, for whoever works with its figures."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from warehouse.making.diff import Diff

_KINDS = {
    "added": "nieuw",
    "removed": "vervallen",
    "value": "gewijzigd",
    "missing_reason": "andere reden dat het ontbreekt",
    "definition_version": "andere definitieversie",
    "period_status": "andere status",
}
#: Figures that a section names; the rest is counted, and stands in diff.json.
_NAMED = 20
#: Earlier sections that a changelog still has.
_SECTIONS = 50
_TITLE = "# Wijzigingen per release\n"


def changelog(diff: Diff, created_at: str, earlier: str = "") -> str:
    """The section of this release, above those of the releases before it."""
    past = [part for part in earlier.removeprefix(_TITLE).split("\n## ") if part.strip()]
    past = ["\n## " + part.removeprefix("## ").removeprefix("\n## ") for part in past][: _SECTIONS - 1]
    return _TITLE + section(diff, created_at) + "".join(past)


def section(diff: Diff, created_at: str) -> str:
    moment = datetime.fromisoformat(created_at)
    lines = [f"\n## {diff.new} ({moment:%d-%m-%Y})\n"]
    if not diff.old:
        return lines[0] + "\nEerste release.\n"
    lines.append(f"Vergeleken met {diff.old}.\n")
    if not diff.changed:
        lines.append("Geen wijzigingen in tabellen, definities of cijfers.\n")
    if diff.schema:
        lines.append("### Tabellen en kolommen\n")
        lines += [f"- {_schema(change)}" for change in diff.schema] + [""]
    if diff.definitions:
        lines.append("### Definities\n")
        for change in diff.definitions:
            name = f"{change['name_nl']} (`{change['indicator_id']}`, versie {change['version']})"
            if change["change"] == "added":
                lines.append(f"- Nieuw: {name}.")
            elif change["change"] == "removed":
                lines.append(f"- Vervallen: {name}.")
            else:
                lines.append(
                    f"- {name}: {change['field']} was «{_short(change['old'])}», is nu «{_short(change['new'])}»."
                )
        lines.append("")
    if diff.effects:
        lines.append("### Effecten van beleidskeuzes\n")
        for effect in diff.effects:
            was, now = effect["old_overall_answer"], effect["new_overall_answer"]
            said = {
                "added": f"nieuwe vraag; {now}",
                "removed": f"vervallen; was {was}",
                "answer": f"was {was}, is nu {now}",
                "estimate": f"opnieuw uitgerekend; nog steeds {now}",
            }[effect["change"]]
            lines.append(f"- {effect['title']} (`{effect['indicator_id']}`): {said}.")
        lines.append("")
    if diff.value_totals:
        lines.append("### Cijfers\n")
        total = ", ".join(f"{count} {_KINDS[kind]}" for kind, count in diff.value_totals.items())
        lines.append(f"{total[0].upper()}{total[1:]}.")
        if diff.became_definitive:
            lines.append(f"{diff.became_definitive} cijfers zijn van voorlopig definitief geworden.")
        lines.append("")
        corrected = [v for v in diff.values if v["kind"] in ("value", "removed", "missing_reason")][:_NAMED]
        if corrected:
            lines += ["| indicator | gebied | periode | was | is nu |", "|---|---|---|---|---|"]
            lines += [
                f"| {v['indicator_id']} | {v['region_code']} | {v['period_code']} | {_figure(v, 'old')} | {_figure(v, 'new')} |"
                for v in corrected
            ]
            rest = sum(diff.value_totals.get(k, 0) for k in ("value", "removed", "missing_reason")) - len(corrected)
            lines.append(f"\nEn nog {rest} in diff.json.\n" if rest else "")
    if diff.sources:
        lines.append("### Bronnen\n")
        for source in diff.sources:
            what = {"added": "nieuw", "removed": "vervallen", "changed": "ververst"}[source["change"]]
            moment_ = (source["new_modified"] or source["old_modified"] or "")[:10]
            lines.append(
                f"- {source['table_id']}, {source['title']}: {what} (stand bij de bron {moment_ or 'onbekend'})."
            )
        lines.append("")
    if diff.rows:
        lines.append("### Rijen per tabel\n")
        lines += [f"- `{r['table']}`: {r['old']} → {r['new']}" for r in diff.rows] + [""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _schema(change: dict[str, Any]) -> str:
    table, column = f"`{change['table']}`", f"`{change['column']}`"
    return {
        "table_added": f"Tabel {table} is nieuw.",
        "table_removed": f"Tabel {table} is vervallen.",
        "column_added": f"{table} heeft een kolom {column} erbij.",
        "column_removed": f"{table} heeft geen kolom {column} meer.",
        "type": f"{table}, kolom {column}: type was {change['old']}, is nu {change['new']}.",
        "description": f"{table}, kolom {column}: de omschrijving is gewijzigd.",
    }[change["change"]]


def _figure(change: dict[str, Any], side: str) -> str:
    value = change[f"{side}_value"]
    if value is not None:
        number = repr(value).removesuffix(".0")
        return number.replace(".", ",")
    return change[f"{side}_missing_reason"] or "geen"


def _short(value: Any, most: int = 200) -> str:
    text = " ".join(str(value if value is not None else "leeg").split())
    return text if len(text) <= most else text[: most - 1] + "…"
