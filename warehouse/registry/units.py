"""What a unit counts, however it is written: so that a share is never taken for a count, nor a thousand for one.

CBS writes units as text (``aantal``, ``x 1 000``, ``1 000 euro``, ``m3``, ``aantal inwoners per km²``), and so does the
registry. Two of them agree when they count the same thing in the same measure.
"""

from __future__ import annotations

import re

_MEASURES = {
    **dict.fromkeys(("ha", "hectare", "hectaren"), "ha"),
    **dict.fromkeys(("are", "aren"), "are"),
    **dict.fromkeys(("kw", "kwp"), "kW"),
    **dict.fromkeys(("m3", "m2", "km2", "km", "m", "kwh", "mwh", "gwh", "kg", "ton", "gj", "tj"), ""),
    **dict.fromkeys(("code", "klasse", "naam", "omschrijving"), "code"),
    **dict.fromkeys(("index", "verhouding", "dagen", "jaar", "maanden", "uren"), ""),
}
_THOUSANDS = re.compile(r"^[x×]?\s*(1(?: ?000)+)\b\s*")
_MILLION = re.compile(r"^[x×]?\s*(?:1 )?(?:mln|miljoen)\b\.?\s*")


def meaning(unit: str | None) -> str | None:
    """A unit in one spelling; None for a text that says nothing.

    >>> meaning("1 000 euro"), meaning("x 1 000 euro"), meaning("Aantal"), meaning("kWp"), meaning("% van de huishoudens")
    ('1000 euro', '1000 euro', 'aantal', 'kW', '%')
    """
    text = " ".join((unit or "").replace("\u00a0", " ").casefold().replace("³", "3").replace("²", "2").split())
    text = re.sub(r"(?<=\d)\.(?=\d{3}\b)", " ", text)
    if not text.strip("-. "):
        return None
    if "%" in text or text.startswith("procent"):
        return "%"
    scale = 1
    if found := _THOUSANDS.match(text):
        scale, text = int(found[1].replace(" ", "")), text[found.end() :]
    elif found := _MILLION.match(text):
        scale, text = 1_000_000, text[found.end() :]
    what, per, each = text.partition("per ") if text.startswith("per ") else text.partition(" per ")
    if not per:
        what, per, each = text.partition("/")
    # «per 1 000 inwoners van 15 tot 65 jaar» and «per 1 000 inwoners» are one measure of different groups.
    parts = [str(scale)] if scale > 1 else []
    parts.append(_counted(what.strip()))
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
    """What is counted: money and measures by name; anything else is a number of things."""
    if text.startswith("euro") or text == "€":
        return "euro"
    word = text.split()[0] if text else ""
    return (_MEASURES[word] or word) if word in _MEASURES else "aantal"
