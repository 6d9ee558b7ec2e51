"""A delivery judged against its contract, row by row, before anything of it is written.

What comes out has no personal data in it: only declared columns are taken, places have become region codes, the key a keyed
hash, dates periods. A row that can't be used leaves a note of where it stood and what is wrong, never its values. A column
that the contract does not know stops the whole file, and so do more bad rows than it tolerates.

The books balance for every file: received = accepted + quarantined + dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.errors import MendableError
from ingest.files import reader, unnoticed
from ingest.files.sheet import Faulty, Header, Row, Sheet, UnreadableError, blank
from ingest.municipal import reading
from ingest.municipal.contract import Contract
from ingest.municipal.header import header_of
from ingest.municipal.judging import Judge
from ingest.municipal.lines import Line, lines_of
from ingest.municipal.reading import Cell
from ingest.municipal.record import ACCEPTED, Intake
from ingest.municipal.region import Geography

#: A short secret can be guessed, and with it who is behind a hash.
LEAST_SECRET = 16


class KeyMissingError(MendableError):
    """The contract declares a key, and there is no secret to replace it with."""


def take_in(contract: Contract, name: str, data: bytes, geography: Geography, secret: bytes | None) -> Intake:
    """Judge a delivery. Never raises for what is in it.

    :param secret: for the keyed hash; only a contract with a key needs it.
    :raises KeyMissingError: it needs one and there is none.
    """
    if contract.of_type("key") and len(secret or b"") < LEAST_SECRET:
        raise KeyMissingError(
            f"{contract.id} declares a key, which is replaced by a keyed hash, but RDC_PSEUDONYM_KEY is not set (or shorter "
            f"than {LEAST_SECRET} characters). Make one "
            'with `python -c "import secrets; print(secrets.token_hex(32))"`, keep it outside the data, and set it, or '
            "RDC_PSEUDONYM_KEY_FILE to the file that it is in."
        )
    intake = Intake()
    geography.missed.clear()
    try:
        found = reader.read(data)
    except UnreadableError as error:
        intake.stop(str(error))
        return intake
    try:
        _sheets(intake, contract, found, name, geography, secret or b"")
    except Exception as error:
        # A fault of ours must neither hold up the other deliveries nor quote this one.
        intake = Intake()
        for sheet in found:
            _withhold(intake, sheet.rows)
        intake.stop(f"Het bestand kon niet worden beoordeeld ({type(error).__name__}). Meld dit aan de beheerder.")
        return intake
    if intake.state == ACCEPTED:
        data_rows = intake.accepted + intake.bad
        if not data_rows:
            intake.stop("Er staat geen enkele gegevensrij in het bestand.")
        elif intake.bad > contract.tolerance * data_rows:
            # How many rows there are is for the sender's report: what stops a delivery is told to others too.
            most = f"{100 * contract.tolerance:g}".replace(".", ",")
            intake.stop(f"Meer rijen zijn onbruikbaar dan afgesproken (hoogstens {most}%). Er is niets overgenomen.")
    else:
        # One sheet stopped the file; what the others brought is not taken either.
        intake.withheld += len(intake.rows)
        intake.rows = []
    intake.missing_boundaries = sorted(geography.missed)
    if intake.missing_boundaries:
        years = ", ".join(map(str, intake.missing_boundaries))
        intake.warnings.append(
            f"De grenzen van {years} zijn hier niet, dus punten en postcodes zijn niet tot een buurt herleid "
            f"(beheerder: rdc sources boundaries {intake.missing_boundaries[0]})."
        )
    return intake


def _sheets(
    intake: Intake, contract: Contract, delivered: list[Sheet], name: str, geography: Geography, secret: bytes
) -> None:
    taken: list[tuple[Sheet, Header]] = []
    unnamed: list[Sheet] = []
    lines: list[Line] = []
    if all(sheet.hidden for sheet in delivered):
        for sheet in delivered:
            _withhold(intake, sheet.rows)
        intake.stop("Alle gegevens staan op een verborgen werkblad. Maak het zichtbaar en lever het bestand opnieuw.")
        return
    for sheet in delivered:
        if sheet.hidden:
            # Lists to choose from, as a rule. Whoever delivers does not see it, so must be told.
            intake.warnings.append(f"Werkblad {sheet.number} is verborgen en is niet gelezen.")
            continue
        found = header_of(sheet, contract)
        if found is None:
            unnamed.append(sheet)
        elif not _twice(intake, sheet, found, taken):
            taken.append((sheet, found))
            _unseen(intake, sheet, found)
            lines += lines_of(intake, contract, sheet, found, name, geography)
    if not taken:
        for sheet in unnamed:
            _withhold(intake, sheet.rows)
        intake.stop(
            "Er is geen kopregel gevonden met de afgesproken kolommen: "
            + ", ".join(c.name for c in contract.columns if c.required and c.type != "drop")
            + "."
        )
    elif unnamed:
        # A sheet that we can't read may be notes or may be data; data must not be lost in silence.
        for sheet in unnamed:
            _withhold(intake, sheet.rows)
        intake.stop(
            f"Werkblad {', '.join(str(s.number) for s in unnamed)} heeft geen kopregel met de afgesproken kolommen. "
            "Haal het weg of zet de gegevens op één werkblad."
        )
    intake.received += len(lines)
    decided = reading.decide(contract, _by_column(contract, lines))
    intake.warnings += decided.warnings
    for problem in decided.problems:
        intake.stop(problem)
    if decided.problems:
        intake.withheld += len(lines)
        return
    intake.rows += Judge(contract, decided, geography, secret, intake).rows(lines)


def _by_column(contract: Contract, lines: list[Line]) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = {c.name: [] for c in contract.columns if reading.matters(c)}
    several = len({line.sheet for line in lines}) > 1
    for line in lines:
        place = f"werkblad {line.sheet}, regel {line.number}" if several else f"regel {line.number}"
        for name, value in line.cells.items():
            if name in found and not blank(value) and not isinstance(value, Faulty):
                found[name].append(Cell(place, value))
    return found


def _twice(intake: Intake, sheet: Sheet, header: Header, taken: list[tuple[Sheet, Header]]) -> bool:
    """Whether a sheet is an earlier one once more. A copy that was worked on stops the file: which of the two holds?"""
    for earlier, above in taken:
        match unnoticed.copied(sheet, header, earlier, above):
            case "same":
                count = sum(1 for row in sheet.rows[header.last + 1 :] if row.filled)
                intake.received += count
                intake.dropped["van een dubbel werkblad"] += count
                intake.warnings.append(
                    f"Werkblad {sheet.number} is hetzelfde als werkblad {earlier.number} en is niet nog eens meegeteld."
                )
                return True
            case "changed":
                intake.stop(
                    f"Werkblad {sheet.number} lijkt een gewijzigde kopie van werkblad {earlier.number}: veel rijen staan op "
                    "allebei en zouden dubbel tellen. Haal het werkblad weg dat niet geldt."
                )
    return False


def _unseen(intake: Intake, sheet: Sheet, header: Header) -> None:
    """Rows that the sender does not see change the totals, so they stop the file; columns are told."""
    if lines := unnoticed.hidden_rows(sheet, header):
        intake.stop(
            f"Werkblad {sheet.number} heeft verborgen rijen met gegevens (regel {unnoticed.listed(lines)}), door een filter of met "
            "de hand. Maak ze zichtbaar of haal ze weg, zodat vaststaat of ze meetellen."
        )
    if columns := unnoticed.hidden_columns(sheet, header):
        intake.warnings.append(
            f"Werkblad {sheet.number} heeft verborgen kolommen ({unnoticed.listed(columns)}); ze zijn gelezen als de andere."
        )


def _withhold(intake: Intake, rows: list[Row]) -> None:
    count = sum(1 for row in rows if row.filled)
    intake.received += count
    intake.withheld += count


def quarantine_lines(intake: Intake, name: str) -> Iterator[dict[str, Any]]:
    """The quarantine as it is written down: file, sheet, line, column, value class and reason."""
    for item in intake.rejected:
        yield {"file": name, **vars(item)}
    if intake.withheld:
        yield {
            "file": name,
            "sheet": None,
            "line": None,
            "column": None,
            "value_class": None,
            "reason": f"{intake.withheld} rijen niet overgenomen, want de hele levering is gestopt",
        }
