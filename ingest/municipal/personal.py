"""Telling personal data, and what may be said of a value without giving it away.

Recognising is left to libraries: BSN (eleven-test) and IBAN to python-stdnum, telephone numbers to phonenumbers. A name
can't be recognised, which is why nothing is kept that a contract does not declare, and no text without allowed values or
a pattern.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import PurePath

from ingest.words import shown

BSN, EMAIL, PHONE, IBAN = "BSN", "e-mailadres", "telefoonnummer", "IBAN"

_EMAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\W\d_]{2,}")
_DIGITS = re.compile(r"(?<![\d.,])\d(?:[ .]?\d){7,8}(?![\d.,]?\d)")
_IBAN = re.compile(r"(?i)(?<![a-z0-9])[a-z]{2}\d{2}(?: ?[a-z0-9]{2,4}){3,8}(?![a-z0-9])")
_PHONE = re.compile(r"(?<!\d)(?:\+|00?)\s?\d(?:[\s()./-]{0,2}\d){7,13}(?!\d)")
_POSTCODE = re.compile(r"(?i)^\s*[1-9]\d{3}\s?[a-z]{2}\s*$")
_ADDRESS = re.compile(r"(?i)\b[1-9]\d{3}\s?[a-z]{2}\b.*\d|\b[a-z' .-]{3,}\s\d{1,4}\s?[a-z]?\b")
_DATE = re.compile(r"^\s*(\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{4}-\d{2}-\d{2})")
_NUMBER = re.compile(r"^\s*[-+]?[€\s]*\d[\d., ]*%?\s*$")


def personal_class(text: str) -> str | None:
    """Which kind of personal data stands in a text, if one of those that can be recognised."""
    from stdnum import iban
    from stdnum.nl import bsn

    if "@" in text and _EMAIL.search(text):
        return EMAIL
    if any(char.isdigit() for char in text):
        for found in _IBAN.finditer(text):
            if iban.is_valid(found[0]):
                return IBAN
        if _PHONE.search(text) and _is_phone(text):
            return PHONE
        for found in _DIGITS.finditer(text):
            # The register writes a BSN with its leading zero; spreadsheets lose it.
            digits = re.sub(r"\D", "", found[0])
            if bsn.is_valid(digits.zfill(9)):
                return BSN
    return None


def _is_phone(text: str) -> bool:
    import phonenumbers

    found = phonenumbers.PhoneNumberMatcher(text, "NL", leniency=phonenumbers.Leniency.VALID)
    return next(iter(found), None) is not None


def quotable(value: object, most: int = 60) -> str:
    """A cell as a message may have it: its words, or only what kind of personal data it is."""
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    if found := personal_class(str(whole)):
        return f"({found})"
    return shown(repr(value), most)


def is_bsn(number: float) -> bool:
    """Whether a bare number is one: eight or nine digits that pass the eleven-test."""
    from stdnum.nl import bsn

    whole = int(number)
    return whole == number and 10_000_000 <= whole <= 999_999_999 and bsn.is_valid(f"{whole:09d}")


def value_class(value: object) -> str:
    """What kind of value it is, in Dutch: all that quarantine, reports and logs may know of it."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return "leeg"
    if isinstance(value, bool):
        return "ja/nee"
    if isinstance(value, datetime | date):
        return "datum"
    if isinstance(value, int | float):
        return BSN if is_bsn(value) else "getal"
    if not isinstance(value, str):
        return "samengestelde waarde"
    if _DATE.fullmatch(value.strip()):
        return "datum"
    if found := personal_class(value):
        return found
    for pattern, name in ((_POSTCODE, "postcode"), (_DATE, "datum"), (_NUMBER, "getal"), (_ADDRESS, "adres")):
        if pattern.search(value):
            return name
    return "tekst"


def masked_name(name: str, sha256: str) -> str:
    """A file's name as it may be written down. A name says who a file is about, or nothing: only its ending and, where it
    is made of ordinary words of a delivery, its year are kept."""
    path = PurePath(name)
    suffix = path.suffix.lower() if re.fullmatch(r"\.[A-Za-z]{2,5}", path.suffix) else ""
    year = re.search(r"(?<!\d)20\d\d(?!\d)", path.stem)
    return f"levering-{year[0] + '-' if year else ''}{sha256[:8]}{suffix}"
