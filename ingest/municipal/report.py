"""The report to the sender, in Dutch: what was taken, and what to repair. It has nothing of the content."""

from __future__ import annotations

from collections import Counter

from ingest.municipal.contract import Contract
from ingest.municipal.record import ACCEPTED, Intake

#: How many rows are named one by one.
NAMED = 200


def write(contract: Contract, name: str, at: str, intake: Intake) -> str:
    """A plain text that opens everywhere.

    :param name: the file's own name: the report lies beside it, with the sender.
    """
    state = "OVERGENOMEN" if intake.state == ACCEPTED else "NIET OVERGENOMEN"
    lines = [
        "Verslag van levering",
        "====================",
        f"Bestand:   {name}",
        f"Bron:      {contract.title} ({contract.id})",
        f"Ontvangen: {at}",
        f"Uitkomst:  {state}",
        "",
    ]
    for reason in intake.reasons:
        lines.append(f"! {reason}")
    for warning in intake.warnings:
        lines.append(f"- {warning}")
    if intake.reasons or intake.warnings:
        lines.append("")
    lines += [
        "Aantallen rijen",
        f"  ontvangen             {_n(intake.received)}",
        f"  overgenomen           {_n(intake.accepted)}",
        f"  in quarantaine        {_n(intake.quarantined)}",
        *(f"  overgeslagen, {kind}".ljust(24) + f"{_n(count)}" for kind, count in sorted(intake.dropped.items())),
        "",
    ]
    if intake.rejected:
        lines.append("Te herstellen, per kolom en reden")
        counted = Counter((r.column, r.reason, r.value_class) for r in intake.rejected)
        for (column, reason, value_class), count in counted.most_common():
            lines.append(f"  {_n(count)} x  kolom {column}: {reason} (gevonden: {value_class})")
        lines += ["", "Waar ze staan (de waarden zelf worden niet bewaard)"]
        for r in intake.rejected[:NAMED]:
            lines.append(f"  werkblad {r.sheet}, regel {r.line}, kolom {r.column}: {r.reason}")
        if len(intake.rejected) > NAMED:
            lines.append(f"  … en nog {_n(len(intake.rejected) - NAMED)}")
        lines.append("")
    if intake.state != ACCEPTED or intake.rejected:
        lines += [
            "Wat te doen",
            "  Herstel het bestand en lever het opnieuw, in zijn geheel. De nieuwe levering vervangt de vorige voor de",
            "  gemeenten en perioden die erin staan.",
            f"  Vragen? {contract.contact}",
        ]
    else:
        lines.append(
            "Ga de opmerkingen hierboven na; verder hoeft u niets te doen."
            if intake.warnings
            else "U hoeft niets te doen."
        )
    return "\n".join(lines) + "\n"


def _n(count: int) -> str:
    return f"{count:,}".replace(",", ".").rjust(7)
