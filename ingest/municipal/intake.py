"""The door: a delivery judged against its contract, row by row, before anything of it is written.

What comes out has no personal data in it: only declared columns are taken, places have become region codes, the key a keyed
hash, dates periods. A row that can't be used leaves a note of where it stood and what is wrong, never its values. A column
that the contract does not know stops the whole file, and so do more bad rows than it tolerates.

The books balance for every file: received = accepted + quarantined + dropped.
"""

from __future__ import annotations

import difflib
import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ingest.errors import MendableError
from ingest.files import reader, sheet, unnoticed
from ingest.files.periods import far_years
from ingest.files.sheet import Faulty, Header, Row, Sheet, UnreadableError, blank, find_header, plain
from ingest.municipal import reading
from ingest.municipal.boundaries import OutsideError
from ingest.municipal.contract import TOTAL, UNKNOWN, Column, Contract
from ingest.municipal.counting import why_missing
from ingest.municipal.personal import value_class
from ingest.municipal.reading import Cell, Decided
from ingest.municipal.region import Geography, NoRegionError, gemeente_of
from ingest.municipal.values import BadValueError, Missing, agreed, nothing, parse, period_code

ACCEPTED, STOPPED = "accepted", "stopped"

#: A short secret can be guessed, and with it who is behind a hash.
LEAST_SECRET = 16


@dataclass(frozen=True)
class Rejected:
    """Why a row is in quarantine: where it stood and what is wrong, in Dutch. Never the value."""

    sheet: int
    line: int
    column: str
    value_class: str
    reason: str


@dataclass
class Intake:
    """What came of a delivery.

    :param rows: accepted rows: ``region``, ``gemeente``, ``period``, ``key`` and the declared columns that are counted.
    :param received: rows below the header that are not blank.
    :param dropped: rows that are no data, by kind: totals, repeated headers, headings, notes.
    :param withheld: good rows of a delivery that was stopped; they count as quarantined.
    """

    state: str = ACCEPTED
    reasons: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    received: int = 0
    bad: int = 0
    withheld: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    missing_boundaries: list[int] = field(default_factory=list)
    places: set[tuple[str, ...]] = field(default_factory=set)
    faults: set[tuple[int, str]] = field(default_factory=set)

    @property
    def accepted(self) -> int:
        return len(self.rows)

    @property
    def quarantined(self) -> int:
        return self.bad + self.withheld

    @property
    def balances(self) -> bool:
        return self.received == self.accepted + self.quarantined + self.dropped.total()

    @property
    def covers(self) -> list[tuple[str, str]]:
        """The municipalities and periods that it has rows of."""
        return sorted({(row["gemeente"], row["period"]) for row in self.rows})

    def stop(self, reason: str) -> None:
        """Nothing of the delivery is taken: its good rows are withheld."""
        self.state = STOPPED
        self.reasons.append(reason)
        self.withheld += len(self.rows)
        self.rows = []


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
            'with `python -c "import secrets; print(secrets.token_hex(32))"`, keep it outside the data, and set it.'
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
        found = _header(sheet, contract)
        if found is None:
            unnamed.append(sheet)
        elif not _twice(intake, sheet, found, taken):
            taken.append((sheet, found))
            _unseen(intake, sheet, found)
            lines += _sheet(intake, contract, sheet, found, name, geography)
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
    taken_in: list[tuple[Line, dict[str, Any]]] = []
    for line in lines:
        if (row := _row(intake, contract, line, decided, geography, secret)) is not None:
            taken_in.append((line, row))
    intake.rows += _without_slips(intake, contract, taken_in)


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


# -- header -----------------------------------------------------------------------------------------------------------


def _aliases(contract: Contract) -> dict[str, Column]:
    found: dict[str, Column] = {}
    for column in contract.columns:
        for name in (column.name, *column.aliases, *([column.title] if column.title else [])):
            found.setdefault(plain(name.rstrip("*")), column)
    return found


def _header(sheet: Sheet, contract: Contract) -> Header | None:
    aliases = _aliases(contract)
    if contract.layout.spread:
        aliases = {k: c for k, c in aliases.items() if c.name != contract.layout.spread}
    return find_header(sheet, aliases, bool(contract.layout.spread))


def _match(names: tuple[str, ...], aliases: Mapping[str, Column], contract: Contract) -> tuple[Column | None, str]:
    """The column that a header means, and the value above it where values are spread."""
    spread = contract.layout.spread
    above, own = ("", names)
    if spread and len(names) > 1 and plain(names[0]) not in aliases:
        above, own = names[0], names[1:]
    distinct = [n for n in dict.fromkeys(own) if n]
    for text in (*(distinct[-1:]), " ".join(distinct), *distinct[:-1]):
        if column := aliases.get(plain(text)):
            return column, above
    for column in contract.columns:
        start = column.name.rstrip("*")
        if column.name.endswith("*") and any(n.lower().startswith(start.lower()) for n in distinct):
            return column, above
    return None, above


@dataclass(frozen=True)
class _Shape:
    """Where each declared column stands: once, or once per value that is spread over the header."""

    shared: dict[str, int]
    groups: list[tuple[str, dict[str, int]]]
    known: frozenset[int]


def _shape(intake: Intake, contract: Contract, sheet: Sheet, header: Header) -> _Shape | None:
    aliases = _aliases(contract)
    body = sheet.rows[header.last + 1 :]
    used = {n for row in body for n in row.filled}
    shared: dict[str, int] = {}
    groups: dict[str, dict[str, int]] = {}
    strange: list[str] = []
    known: set[int] = set()
    for at, names in enumerate(header.names):
        if not any(names):
            if at in used:
                strange.append(f"kolom {unnoticed.letter(at)} (zonder kop)")
            continue
        column, above = _match(names, aliases, contract)
        if column is None:
            strange.append(f"kolom {unnoticed.letter(at)}" + _hint(names, aliases))
            continue
        known.add(at)
        if column.type == "drop":
            continue
        into = groups.setdefault(above, {}) if above and contract.layout.spread else shared
        if column.name in into:
            intake.stop(
                f"Kolom {column.name} staat er twee keer in (kolom {unnoticed.letter(into[column.name])} en {unnoticed.letter(at)})."
            )
            return None
        into[column.name] = at
    if strange:
        intake.stop(
            f"Het bestand heeft kolommen die niet zijn afgesproken: {', '.join(strange)}. Haal ze weg, of laat ze in het "
            f"contract opnemen. Er is niets overgenomen."
        )
        return None
    filled = {contract.layout.spread, contract.layout.section, contract.layout.file_year}
    everywhere = set(shared) | {name for _, group in groups.items() for name in group} | filled
    absent = [c.name for c in contract.columns if c.required and c.type != "drop" and c.name not in everywhere]
    if absent:
        intake.stop(f"Het bestand mist de kolommen {', '.join(absent)}.")
        return None
    return _Shape(shared, list(groups.items()) or [("", {})], frozenset(known))


def _hint(names: tuple[str, ...], aliases: Mapping[str, Column]) -> str:
    """Which declared column an unknown header resembles. The header itself is not repeated: where a file has no header, it
    is someone's data."""
    near = difflib.get_close_matches(plain(" ".join(names)), list(aliases), n=1, cutoff=0.75)
    return f" (lijkt op {aliases[near[0]].name})" if near else ""


# -- rows -------------------------------------------------------------------------------------------------------------


def _sheet(
    intake: Intake,
    contract: Contract,
    sheet: Sheet,
    header: Header,
    name: str,
    geography: Geography,
) -> list[Line]:
    """The lines of a sheet that are data; the others are counted by kind."""
    body = [row for row in sheet.rows[header.last + 1 :] if row.filled]
    shape = _shape(intake, contract, sheet, header)
    if shape is None:
        intake.received += len(body)
        intake.withheld += len(body)
        return []
    heads = {plain(n) for names in header.names for n in names if n}
    width = len(header.names)
    section: Any = None
    lines: list[Line] = []
    last_data = max((n for n, row in enumerate(body) if len(row.filled) > 1), default=-1)
    columns = {at: contract.by_name[key] for _, group in shape.groups for key, at in (shape.shared | group).items()}
    labels = [shape.shared[c.name] for c in contract.columns if c.type not in _NUMBERS and c.name in shape.shared]
    for n, row in enumerate(body):
        only = row.cells[row.filled[0]] if len(row.filled) == 1 else None
        if contract.layout.section and only is not None and (value := _section(only, contract, geography)) is not None:
            section = value
            intake.received += 1
            intake.dropped["tussenkoppen"] += 1
        elif _is_total(row, labels, columns):
            intake.received += 1
            intake.dropped["totalen"] += 1
        elif len(row.filled) > 1 and {plain(row.cells[c]) for c in row.filled} <= heads and _repeats(row, header):
            intake.received += 1
            intake.dropped["herhaalde koppen"] += 1
        elif only is not None and width > 1 and n > last_data and isinstance(only, str):
            intake.received += 1
            intake.dropped["voetnoten"] += 1
        else:
            lines += _lines(intake, contract, sheet, row, shape, section, name, width)
    _faults(intake, sheet, body)
    return lines


def _faults(intake: Intake, sheet: Sheet, body: list[Row]) -> None:
    """Cells without a value: in what is taken in they stop the file, for what they stand for would be missing in the totals."""
    found = unnoticed.faults(body)
    counting = {place: cell for place, cell in found.items() if (sheet.number, place) in intake.faults}
    if counting:
        intake.stop(
            unnoticed.told(sheet, counting)
            + " Open het bestand in Excel, laat het rekenen, herstel de fouten, sla het op en lever het opnieuw."
        )
    if rest := {place: cell for place, cell in found.items() if place not in counting}:
        intake.warnings.append(unnoticed.told(sheet, rest) + " Die cellen tellen niet mee.")


#: Types of columns in which no word stands that could say «Totaal».
_NUMBERS = ("integer", "decimal", "x", "y", "date", "key")


def _repeats(row: Row, header: Header) -> bool:
    return any(
        plain(row.cells[c]) == plain(names[-1]) for c, names in enumerate(header.names) if c in row.filled and names[-1]
    )


def _is_total(row: Row, labels: list[int], columns: Mapping[int, Column]) -> bool:
    """A word such as «Totaal» where a row's first text or one of its labels stands, unless it is an agreed value there."""
    first = next((at for at in row.filled if isinstance(row.cells[at], str)), None)
    places = [*([] if first is None else [first]), *(at for at in labels if at < len(row.cells))]
    return any(
        isinstance(text := row.cells[at], str)
        and len(text) < 60
        and sheet.TOTAL_WORDS.match(text) is not None
        and (not agreed(text, columns[at]) if at in columns else _is_label(text, row, columns))
        for at in places
    )


def _is_label(text: str, row: Row, columns: Mapping[int, Column]) -> bool:
    """Whether a text of a dropped column is the label of a totals row, and not somebody's «Totaal kapotte lantaarn»: of such a
    row nothing is missing."""
    needed = [at for at, column in columns.items() if column.required and not column.empty]
    return len(text.split()) < 3 or any(at >= len(row.cells) or blank(row.cells[at]) for at in needed)


def _section(value: Any, contract: Contract, geography: Geography) -> Any:
    """The value of a heading above a block of rows, if it is one."""
    if isinstance(value, Faulty):
        return None
    column = contract.by_name[contract.layout.section or ""]
    try:
        if column.type == "gemeente":
            geography.gemeente(value, column.synonyms)
        elif column.type == "region":
            return None
        else:
            parse(value, column)
    except (BadValueError, NoRegionError):
        return None
    return value


@dataclass(frozen=True)
class Line:
    """A row of data by column of the contract; of a row with years side by side there is one per year.

    :param outside: filled cells beside the columns of the header, by their letter.
    """

    sheet: int
    number: int
    cells: dict[str, Any]
    outside: tuple[tuple[str, Any], ...] = ()


def _lines(
    intake: Intake, contract: Contract, sheet: Sheet, row: Row, shape: _Shape, section: Any, name: str, width: int
) -> Iterator[Line]:
    columns = contract.by_name
    outside = tuple((unnoticed.letter(at), row.cells[at]) for at in row.filled if at >= width)
    for above, group in shape.groups:
        places = shape.shared | group
        cells = {key: row.cells[at] if at < len(row.cells) else None for key, at in places.items()}
        if group and all(nothing(cells[key]) for key in group):
            continue  # nothing stands under this heading
        if above:
            cells[contract.layout.spread or ""] = above
        if section is not None and blank(cells.get(contract.layout.section or "")):
            cells[contract.layout.section or ""] = section
        if contract.layout.file_year and blank(cells.get(contract.layout.file_year)):
            year = re.search(r"(?<!\d)20\d\d(?!\d)", name)
            cells[contract.layout.file_year] = year[0] if year else None
        for key, at in places.items():
            fault = cells[key]
            if not isinstance(fault, Faulty):
                continue
            if sign := next((s for s in unnoticed.written(fault) if columns[key].reason(s)), None):
                cells[key] = sign  # the contract says why there is no number
            else:
                intake.faults.add((sheet.number, f"{unnoticed.letter(at)}{row.line}"))
        yield Line(sheet.number, row.line, cells, outside)


def _row(
    intake: Intake, contract: Contract, line: Line, decided: Decided, geography: Geography, secret: bytes
) -> dict[str, Any] | None:
    """The row as it is taken in; None where it goes to quarantine."""
    problems = [
        Rejected(line.sheet, line.number, letter, value_class(value), "staat buiten de kolommen van de kopregel")
        for letter, value in line.outside
    ]
    problems += [
        Rejected(line.sheet, line.number, name, "geen waarde", "heeft geen waarde (fout of formule)")
        for name, value in line.cells.items()
        if isinstance(value, Faulty)
    ]
    accepted = {} if problems else _judge(contract, line, decided, geography, secret, problems)
    if not problems and not _once(contract, intake, accepted):
        problems.append(
            Rejected(line.sheet, line.number, contract.observation.period, "dubbel", "dezelfde regel komt vaker voor")
        )
    if problems:
        intake.bad += 1
        intake.rejected += problems
        return None
    return accepted


def _without_slips(
    intake: Intake, contract: Contract, taken: list[tuple[Line, dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """The rows but those of a year far outside the others, unless the contract says how far it may be."""
    column = contract.by_name[contract.observation.period]
    years = Counter(int(row["period"][:4]) for _, row in taken)
    far = far_years(years.elements())
    middle = max(years, key=lambda year: years[year], default=0)
    for line, row in taken:
        year = int(row["period"][:4])
        if year in far and (column.maximum if year > middle else column.minimum) is None:
            intake.bad += 1
            intake.rejected.append(
                Rejected(
                    *(line.sheet, line.number, column.name, value_class(line.cells.get(column.name))),
                    "het jaar ligt ver buiten de andere jaren van het bestand (een tikfout?); klopt het, laat dan `minimum` of "
                    "`maximum` van de kolom in het contract zetten",
                )
            )
        else:
            yield row


def _once(contract: Contract, intake: Intake, row: dict[str, Any]) -> bool:
    """Whether figures that are taken as delivered stand there once for their region, period and members."""
    if not any(m.value for m in contract.observation.measures):
        return True
    place = (row["region"], row["period"], *(row[d] for d in contract.observation.dimensions))
    if place in intake.places:
        return False
    intake.places.add(place)
    return True


def _judge(
    contract: Contract,
    line: Line,
    decided: Decided,
    geography: Geography,
    secret: bytes,
    problems: list[Rejected],
) -> dict[str, Any]:
    """The accepted row, or what is wrong with it in ``problems``."""
    cells = line.cells
    values: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for column in contract.columns:
        if column.type == "drop":
            continue
        if column.name not in cells and not column.required:
            values[column.name] = None
            continue
        raw = cells.get(column.name)
        try:
            found = parse(raw, column, decided.of(column))
            if isinstance(found, Missing):
                reasons[column.name], found = found.reason, None
            values[column.name] = found
        except BadValueError as error:
            problems.append(Rejected(line.sheet, line.number, column.name, value_class(raw), str(error)))
    if problems:
        return {}
    o = contract.observation
    try:
        period = period_code(values[o.period], o.period_type) if values[o.period] is not None else None
        if period is None:
            raise BadValueError("is leeg, maar moet gevuld zijn")
    except BadValueError as error:
        problems.append(Rejected(line.sheet, line.number, o.period, value_class(cells.get(o.period)), str(error)))
        return {}
    region = _region(contract, values, line, int(period[:4]), geography, problems)
    if region is None:
        return {}
    accepted: dict[str, Any] = {"region": region, "gemeente": gemeente_of(region), "period": period}
    for column in contract.columns:
        value = values.get(column.name)
        if column.age_classes:
            accepted[column.name] = _age_class(value, column, period)
        elif column.type == "key":
            accepted["key"] = hmac.new(secret, str(value).encode(), hashlib.sha256).hexdigest() if value else None
        elif column.type in ("category", "text"):
            accepted[column.name] = UNKNOWN if value is None and column.allowed else value
        elif column.type in ("integer", "decimal"):
            accepted[column.name] = value
            if column.name in reasons:
                accepted[why_missing(column.name)] = reasons[column.name]
    return accepted


def _age_class(value: Any, column: Column, period: str) -> str:
    """The age on the first day of the period's year, in its class."""
    if value is None:
        return UNKNOWN
    year = int(period[:4])
    age = year - value.year - ((value.month, value.day) > (1, 1)) if isinstance(value, date) else year - int(value)
    classes = [c for c in column.members if c != UNKNOWN]
    below = [n for n, start in enumerate(column.age_classes or ()) if age >= start]
    return classes[below[-1]] if below else classes[0]


def _region(
    contract: Contract,
    values: Mapping[str, Any],
    line: Line,
    year: int,
    geography: Geography,
    problems: list[Rejected],
) -> str | None:
    """The smallest region that is certain: from a code, else the point, else the postcode, else the municipality."""
    columns = {kind: contract.of_type(kind) for kind in ("gemeente", "region", "postcode", "x", "y")}

    def value(kind: str) -> Any:
        column = columns[kind]
        return values.get(column.name) if column else None

    def wrong(kind: str, reason: str) -> None:
        column = columns[kind]
        raw = line.cells.get(column.name) if column else None
        problems.append(
            Rejected(line.sheet, line.number, column.name if column else "(gebied)", value_class(raw), reason)
        )

    found: dict[str, str] = {}
    at = ""
    finer = len(contract.observation.levels) > 1 or columns["gemeente"] is None
    try:
        if value("gemeente") is not None:
            at = "gemeente"
            column = columns["gemeente"]
            found[at] = geography.gemeente(value(at), column.synonyms if column else None)
        if value("region") is not None:
            at = "region"
            found[at] = geography.region(value(at), year)
        if finer and value("x") is not None and value("y") is not None:
            at = "x"
            if place := geography.locate(value("x"), value("y"), year):
                found[at] = place
        if finer and value("postcode") is not None and "region" not in found and "x" not in found:
            at = "postcode"
            if place := geography.postcode(value(at), year):
                found[at] = place
    except (NoRegionError, OutsideError) as error:
        wrong(at, str(error))
        return None
    if not found and len(contract.municipalities) == 1:
        return contract.municipalities[0]
    if not found:
        wrong(
            next((k for k in ("gemeente", "region", "x", "postcode") if columns[k]), "gemeente"),
            "het gebied is niet te bepalen" + (f" (grenzen van {year} ontbreken)" if geography.missed else ""),
        )
        return None
    if len({gemeente_of(code) for code in found.values()}) > 1:
        wrong(at, "de gemeente en de plaats spreken elkaar tegen")
        return None
    best = max(found.values(), key=len)
    if gemeente_of(best) not in contract.municipalities:
        wrong(at, "ligt in een gemeente waarvoor deze levering niet is afgesproken")
        return None
    return best


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


__all__ = ["ACCEPTED", "STOPPED", "TOTAL", "Intake", "KeyMissingError", "Rejected", "quarantine_lines", "take_in"]
