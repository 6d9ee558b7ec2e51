"""Numbers as people write them: what a text may mean, and which meaning a whole column has.

``1.234`` is a thousand and more in one file, and one and a bit in another. Nobody can tell from that number alone, so a column
is decided once, from all that stands in it, and never number by number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Decimals = Literal["comma", "point"]

#: Longer than this is no number of a municipality.
LONGEST = 40

_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
_EURO = re.compile(r"€|\bEUR(?:O)?\b", re.IGNORECASE)
#: Hyphen, minus and the dashes that a word processor makes of them.
_MINUS = "-\u2212\u2013"
_PRICE = re.compile(rf"(?<=\d)[.,][{_MINUS}\u2014=]+$")  # € 12,-

#: What most cells are, at a fraction of the cost.
_SIMPLE = re.compile(r"(?P<minus>-?)(?P<whole>[0-9]{1,15})(?:(?P<sign>[.,])(?P<fraction>[0-9]{1,15}))?")

#: Behind every sign of thousands stand three digits, before the first at most three, and never a zero in front.
_GROUPED = r"[1-9]\d{{0,2}}(?:{0}\d{{3}})+"


def _form(decimal: str, thousands: str) -> re.Pattern[str]:
    whole = "|".join(_GROUPED.format(sign) for sign in (re.escape(thousands), " ", "'"))
    return re.compile(rf"(?P<whole>{whole}|\d+|(?={re.escape(decimal)}\d))(?:{re.escape(decimal)}(?P<fraction>\d*))?")


_FORMS: dict[Decimals, re.Pattern[str]] = {"comma": _form(",", "."), "point": _form(".", ",")}


@dataclass(frozen=True)
class Written:
    """A number as it is written: its digits and signs without currency and minus, and what it means by each decimal sign.

    :param meanings: empty where it is no number under either.
    """

    text: str
    meanings: dict[Decimals, Decimal]
    percent: bool

    @property
    def ambiguous(self) -> bool:
        return len(set(self.meanings.values())) > 1

    def meaning(self, decimal: Decimals | None) -> Decimal | None:
        """What it is with a decimal sign; without one, as it shows itself, else with a comma."""
        return self.meanings.get(decimal or ("comma" if "comma" in self.meanings else "point"))

    @property
    def shape(self) -> str:
        """What it looks like, without what it says."""
        return re.sub(r"\d", "9", self.text)


def written(text: str) -> Written | None:
    """``1.234,56``, ``€ (12,50)``, ``12 %``, ``3-``; an accountant's zero ``€ -``. None where it can't be a number."""
    if len(text) > LONGEST * 2:
        return None
    if (plain := _SIMPLE.fullmatch(text)) is not None:
        sign, fraction = plain["sign"], plain["fraction"]
        value = Decimal(f"{plain['minus']}{plain['whole']}.{fraction or 0}")
        if sign is None:
            return Written(text, {"comma": value, "point": value}, False)
        if len(fraction) != 3 or len(plain["whole"]) > 3 or plain["whole"][0] == "0":
            return Written(text, {"comma" if sign == "," else "point": value}, False)
    bare, euros = _EURO.subn(" ", text)
    bare = _SPACES.sub(" ", bare).strip()
    percent = bare.endswith("%")
    bare = bare.removesuffix("%").strip()
    if euros and bare and not bare.strip(_MINUS + "\u2014 "):
        return Written("0", {"comma": Decimal(0), "point": Decimal(0)}, percent)
    bare = _PRICE.sub("", bare)
    negative = False
    if bare.startswith("(") and bare.endswith(")"):
        bare, negative = bare[1:-1].strip(), True
        percent, bare = percent or bare.endswith("%"), bare.removesuffix("%").strip()
    elif bare[:1] and bare[0] in _MINUS + "+":
        bare, negative = bare[1:].strip(), bare[0] != "+"
    elif bare[-1:] and bare[-1] in _MINUS:
        bare, negative = bare[:-1].strip(), True
    if len(bare) > LONGEST or not re.fullmatch(r"[0-9., ']*[0-9][0-9., ']*", bare):
        return None
    meanings: dict[Decimals, Decimal] = {}
    for decimal, form in _FORMS.items():
        if found := form.fullmatch(bare):
            whole = re.sub(r"\D", "", found["whole"]) or "0"
            value = Decimal(f"{whole}.{found['fraction'] or 0}")
            meanings[decimal] = -value if negative else value
    return Written(bare, meanings, percent)


@dataclass(frozen=True)
class Doubt:
    """Why a column can't be read: two places that contradict each other or the contract, each by its index."""

    kind: Literal["mixed", "against contract"]
    first: int
    second: int | None = None


@dataclass(frozen=True)
class Decision:
    """The decimal sign of a column.

    :param shown: whether its own numbers show it.
    :param either: the first place where the sign matters, if neither the numbers nor the contract decide it.
    """

    decimal: Decimals
    shown: bool = False
    doubt: Doubt | None = None
    either: int | None = None


def decide(cells: Iterable[Written | None], declared: Decimals | None, default: Decimals = "comma") -> Decision:
    """As the contract declares, else as the numbers themselves show, else the default.

    :param cells: those of a column; None for what is no text, or no number.
    """
    first: dict[Decimals, int] = {}  # the first place that can only be read so
    either: dict[str, int] = {}  # the first place that can be read both ways, by its sign
    for at, number in enumerate(cells):
        if number is None:
            continue
        if number.ambiguous:
            either.setdefault("," if "," in number.text else ".", at)
        elif len(number.meanings) == 1:
            first.setdefault(next(iter(number.meanings)), at)
    if len(first) == 2:
        return Decision(default, doubt=Doubt("mixed", *sorted(first.values())))
    shown = next(iter(first), None)
    if declared and shown and shown != declared:
        return Decision(declared, doubt=Doubt("against contract", first[shown]))
    if declared or shown:
        return Decision(declared or shown or default, shown=shown is not None)
    if len(either) == 2:
        # 1.234 and 1,234: one is a thousand times the other, whichever way.
        return Decision(default, doubt=Doubt("mixed", *sorted(either.values())))
    return Decision(default, either=next(iter(either.values()), None))
