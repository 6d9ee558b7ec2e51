"""What a unit counts, however it is written: so that a share is never taken for a count, nor a thousand for one.

CBS writes units as text (``aantal``, ``x 1 000``, ``1 000 euro``, ``m3``, ``aantal inwoners per km²``), and so does the
registry. Two of them agree when they count the same thing in the same measure. A word that is not known here agrees only with
itself: what it measures is not guessed.
"""

from __future__ import annotations

import re

#: Words for a number of things.
_THINGS = re.compile(
    r"aantal|adressen|apparaten|auto's|banen|bedrijven|bewoners|cliënten|dieren|gebouwen|gemeenten|gevallen|gezinnen|huishoudens|"
    r"incidenten|indicaties|installaties|inwoners|jongeren|kinderen|leerlingen|medewerkers|meldingen|mensen|misdrijven|objecten|"
    r"ouderen|overnachtingen|panden|personen|plaatsen|scholen|slachtoffers|stuks|studenten|trajecten|uitkeringen|verdachten|"
    r"vestigingen|voertuigen|voorzieningen|werknemers|woningen"
)
_SAME = {
    **dict.fromkeys(("hectare", "hectaren"), "ha"),
    "aren": "are",
    **dict.fromkeys(("kw", "kwp"), "kW"),
    **dict.fromkeys(("kilo", "kilogram"), "kg"),
    **dict.fromkeys(("l", "liters"), "liter"),
    **dict.fromkeys(("€", "eur", "euro's"), "euro"),
    **dict.fromkeys(("code", "klasse", "naam", "omschrijving"), "code"),
}
_NUMBERS = {
    **{"duizend": "1 000", "mln": "1 000 000", "miljoen": "1 000 000"},
    **{"mld": "1 000 000 000", "miljard": "1 000 000 000"},
}
#: A number that what is counted is multiplied by: ``x 1 000``, ``€ 1 000``, ``(x 10)``. The 2015 of ``2015=100`` is none.
_TIMES = re.compile(r"(?<![\w,=])[x×*]?\s*(\d{1,3}(?: \d{3})+|\d+)(?![\w,=])\.?")


def meaning(unit: str | None) -> str | None:
    """A unit in one spelling; None for a text that says nothing.

    >>> meaning("1 000 euro"), meaning("€ x 1 000"), meaning("Aantal"), meaning("kWp"), meaning("% van de huishoudens")
    ('1000 euro', '1000 euro', 'aantal', 'kW', '%')
    """
    text = " ".join((unit or "").casefold().replace("³", "3").replace("²", "2").split())
    text = re.sub(r"(?<=\d)\.(?=\d{3}\b)", " ", re.sub(r"\s*=\s*", "=", text))
    text = re.sub(rf"\b({'|'.join(_NUMBERS)})\b", lambda found: _NUMBERS[found[1]], text)
    if not text.strip("-. "):
        return None
    if "%" in text or text.startswith(("procent", "percent")):
        return "%"
    if "‰" in text or "promille" in text:
        return "‰"
    what, per, each = text.partition("per ") if text.startswith("per ") else text.partition(" per ")
    if not per:
        what, per, each = text.partition("/")
    scale = 1
    for found in _TIMES.finditer(what):
        scale *= int(found[1].replace(" ", ""))
    # «per 1 000 inwoners van 15 tot 65 jaar» and «per 1 000 inwoners» are one measure of different groups.
    parts = [str(scale)] if scale > 1 else []
    parts.append(_counted(_TIMES.sub(" ", what).strip(" x×*()")))
    if per:
        thing = re.match(r"((?:\d+ )*\d+)?\s*(\S*)", each)
        assert thing is not None
        parts.append(" ".join(filter(None, ("per", (thing[1] or "").replace(" ", ""), thing[2]))))
        if parts[-2] == "aantal":
            del parts[-2]
    return " ".join(parts)


def agree(one: str | None, other: str | None) -> bool:
    """Whether two units are one; a unit that says nothing contradicts none."""
    first, second = meaning(one), meaning(other)
    if first is None or second is None:
        return True
    # «per 1 000» leaves out of what.
    short, long = sorted((first, second), key=len)
    return short == long or (short.startswith("per ") and long.startswith(f"{short} "))


def _counted(text: str) -> str:
    """What is counted: a number of things, or a measure by its name."""
    word = text.split()[0].strip("().,;") if text else "aantal"
    return "aantal" if _THINGS.fullmatch(word) else _SAME.get(word, word)
