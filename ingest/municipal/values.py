"""One cell of a delivery as the contract says it is: a number, a date, a member; or what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ingest.files import percents, periods
from ingest.files.dates import HERE, Order, parts
from ingest.files.numbers import Decimals, written
from ingest.files.sheet import blank, plain
from ingest.municipal.contract import Column
from ingest.municipal.personal import is_bsn, personal_class
from ingest.municipal.reading import AS_IT_STANDS, Reading

#: What people write where there is nothing.
NOTHING = {"", "-", "--", "n.v.t.", "nvt", "n.b.", "nb", "null", "\\n", "none", "nan", "#n/a", "#n/b", "onbekend", "?"}

#: What may be a sign for a number that is missing: ``.``, ``x``, ``*``, ``<5``, ``n/a``.
_SIGN = re.compile(r"(?i)[^\w\s]{1,3}|x{1,3}|[<>≤≥]\s?\d{1,3}|n[./]?a\.?|n\.?d\.?|n\.?g\.?|geheim")

#: Numbers that are milliseconds since 1970, and can't be a day of a spreadsheet or seconds: of 1980 to 2100.
_MILLISECONDS = (315_532_800_000, 4_102_444_800_000)

#: A date of before this is a date of birth, or a slip, unless the contract says otherwise.
EARLIEST = date(2000, 1, 1)


class BadValueError(Exception):
    """A value that the contract does not allow; the message is Dutch and does not quote it."""


@dataclass(frozen=True)
class Missing:
    """A number that is not there, with the reason that its sign stands for."""

    reason: str


def nothing(value: Any) -> bool:
    return blank(value) or (isinstance(value, str) and value.strip().lower() in NOTHING)


def parse(value: Any, column: Column, reading: Reading = AS_IT_STANDS) -> Any:
    """The value, typed; None where it is empty and may be; :class:`Missing` where a sign says why there is none.

    :raises BadValueError: it is empty and may not be, is of another type, out of bounds, or personal data.
    """
    if column.type in ("category", "text") and isinstance(value, str) and member(value, column) is not None:
        return member(value, column)
    if (reason := column.reason(value)) is not None:
        return 0.0 if reason == "zero" else Missing(reason)
    if nothing(value):
        if column.empty:
            return None
        raise BadValueError("is leeg, maar moet gevuld zijn")
    match column.type:
        case "category":
            if (known := member(value, column)) is None:
                raise BadValueError("is geen van de toegestane waarden")
            return known
        case "text":
            return _text(value, column)
        case "integer" | "decimal":
            return _number(value, column, reading)
        case "date":
            return _bounded_date(value, column, reading)
        case "year":
            return _year(value, column)
        case "period":
            return _period(value, column)
        case "x" | "y":
            return number(value, reading.decimal)
        case "key":
            return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
        case _:
            return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()


def member(value: Any, column: Column) -> str | None:
    """The allowed value that it stands for, in any spelling that the contract knows."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text, allowed = str(value).strip(), column.allowed or {}
    if text in allowed:
        return text
    known = {plain(k): k for k in allowed} | {plain(k): v for k, v in column.synonyms.items()}
    return known.get(plain(text)) if plain(text) else None


def agreed(text: str, column: Column) -> bool:
    """Whether a word stands under ``allowed``, or has a pattern that the word «Totaal» has not."""
    if member(text, column) is not None:
        return True
    pattern = column.pattern if column.type == "text" else None
    return bool(pattern and re.fullmatch(pattern, text.strip()) and not re.fullmatch(pattern, "Totaal"))


def _text(value: Any, column: Column) -> str:
    text = str(value).strip()
    if column.allowed:
        raise BadValueError("is geen van de toegestane waarden")
    if found := personal_class(text):
        raise BadValueError(f"bevat een persoonsgegeven ({found})")
    if not re.fullmatch(column.pattern or "", text):
        raise BadValueError("heeft niet de afgesproken vorm")
    return text


def _number(value: Any, column: Column, reading: Reading) -> float:
    found = number(percents.meaning(value, reading.percent, reading.decimal), reading.decimal)
    if column.type == "integer" and found != int(found):
        raise BadValueError("is geen heel getal")
    least, most = column.minimum, column.maximum
    if isinstance(least, int | float) and found < least:
        raise BadValueError(f"is kleiner dan {least:g}")
    if isinstance(most, int | float) and found > most:
        raise BadValueError(f"is groter dan {most:g}")
    if most is None and is_bsn(found):
        raise BadValueError("lijkt een BSN (elfproef); geef de kolom een `maximum` als het een getal is")
    return found


def number(value: Any, decimal: Decimals | None = None) -> float:
    """``1.234,56``, ``1,234.56``, ``€ (12,50)``, ``12%`` as a number.

    :param decimal: the decimal sign of its column; None: as this one number shows, else a comma.
    """
    if isinstance(value, bool):
        raise BadValueError("is geen getal")
    if isinstance(value, int | float):
        if value != value or value in (float("inf"), float("-inf")) or abs(value) > 1e15:
            raise BadValueError("is geen getal")
        return float(value)
    found = written(value) if isinstance(value, str) else None
    if found is None and isinstance(value, str) and _SIGN.fullmatch(value.strip()):
        raise BadValueError(
            "is geen getal; is het een teken dat er geen cijfer is, laat dan onder `missing` in het contract zetten waarom niet"
        )
    if found is None:
        raise BadValueError("is geen getal")
    meaning = found.meaning(decimal)
    if meaning is None:
        raise BadValueError("is geen getal (de punten en komma's staan niet goed)")
    return float(meaning)


def as_date(value: Any, order: Order = "dmy") -> date:
    """``31-12-2024``, ``31/12/2024``, ``2024-12-31T23:30:00Z``, ``20241231``, a date of a spreadsheet, or the milliseconds of
    ArcGIS's GeoJSON, as a day here."""
    if isinstance(value, datetime):
        return (value.astimezone(HERE) if value.tzinfo else value).date()
    if isinstance(value, date):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and _MILLISECONDS[0] <= value < _MILLISECONDS[1]:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)).astimezone(HERE).date()
    found = parts(value) if isinstance(value, str) else None
    try:
        if found is not None:
            return found.day(order)
    except (ValueError, OverflowError):
        pass
    raise BadValueError("is geen datum (verwacht dd-mm-jjjj of jjjj-mm-dd)")


def _bounded_date(value: Any, column: Column, reading: Reading) -> date:
    found = as_date(value, reading.order)
    least = (
        column.minimum if isinstance(column.minimum, date) else (date(1900, 1, 1) if column.age_classes else EARLIEST)
    )
    most = column.maximum if isinstance(column.maximum, date) else date(2100, 1, 1)
    if found < least:
        raise BadValueError(f"ligt voor {least:%d-%m-%Y} (een geboortedatum?)")
    if found > most:
        raise BadValueError(f"ligt na {most:%d-%m-%Y}")
    return found


def _year(value: Any, column: Column) -> int:
    if isinstance(value, datetime | date):
        return _bounded_year(value.year, column)
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
    if re.fullmatch(r"(19|20)\d\d", text):
        return _bounded_year(int(text), column)
    raise BadValueError("is geen jaar (verwacht 2024)")


def _period(value: Any, column: Column) -> str:
    """CBS's code for ``2024``, ``2024-03``, ``maart 2024``, ``2024 Q1``, ``1e kwartaal 2024``, or that code itself."""
    if isinstance(value, datetime | date):
        if column.counts not in (None, "month"):
            raise BadValueError(
                "is door een rekenblad een datum geworden; zet de kolom op Tekst en typ de periode opnieuw"
            )
        found: str | None = f"{value.year}MM{value.month:02d}"
    else:
        try:
            found = periods.code(value, column.counts)
        except periods.UncountedError:
            raise BadValueError(
                "is een los nummer achter een jaar: een maand, een kwartaal of een halfjaar? Schrijf 2024-03, 2024 Q1 of "
                "1e halfjaar 2024, of laat `counts` in het contract zetten"
            ) from None
    if found is not None and found[4:6] == "SJ":
        raise BadValueError("is een schooljaar, en dat is geen jaar, halfjaar, kwartaal of maand")
    if found is None:
        raise BadValueError("is geen periode (verwacht 2024, 2024-03, 2024 Q1 of maart 2024)")
    _bounded_year(int(found[:4]), column)
    return found


def _bounded_year(year: int, column: Column) -> int:
    least, most = (b.year if isinstance(b, date) else b for b in (column.minimum, column.maximum))
    if column.age_classes is None and least is not None and year < least:
        raise BadValueError(f"ligt voor {least:g}")
    if column.age_classes is None and most is not None and year > most:
        raise BadValueError(f"ligt na {most:g}")
    return year


def period_code(value: Any, kind: str) -> str:
    """The CBS period in which a date, year or period lies.

    :raises BadValueError: it is longer than the periods that are counted (a year where months are).
    """
    if isinstance(value, date):
        year, month = value.year, value.month
    elif isinstance(value, int):
        year, month = value, None
    else:
        year = int(value[:4])
        months = {"MM": 1, "KW": 3, "HJ": 6}.get(value[4:6])
        month = months and months * (int(value[6:]) - 1) + 1
        fine = {"MM": 4, "KW": 3, "HJ": 2, "JJ": 1}[value[4:6]]
        if fine < {"month": 4, "quarter": 3, "half_year": 2, "year": 1}[kind]:
            month = None
    if kind == "year":
        return f"{year}JJ00"
    if month is None:
        raise BadValueError("is een langere periode dan die waarover geteld wordt")
    match kind:
        case "half_year":
            return f"{year}HJ0{(month + 5) // 6}"
        case "quarter":
            return f"{year}KW0{(month + 2) // 3}"
        case _:
            return f"{year}MM{month:02d}"
