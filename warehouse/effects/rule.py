"""The written rule: every threshold, and which of the three answers follows. Nothing else decides.

The thresholds were chosen with the three published cases in sight; what they do to panels of which the truth is known is
measured, and stands in docs/effecten.md. `NEARLY_AS_GOOD_PREDICTED` was chosen so that the published weights of two cases
count as nearly as good.
"""

from __future__ import annotations

from dataclasses import dataclass

SEEN = "effect gezien"
NOT_SEEN = "geen effect gezien"
CANNOT_TELL = "niet te zeggen"

#: The rate of false answers *effect gezien* that is accepted, for one question. Several questions share it.
WRONG_AT_MOST = 0.10
#: The share of effects of the smallest detectable size that the placebos would have shown.
FOUND_AT_LEAST = 0.80
#: Periods before the start, in the fit; and from the start on.
PERIODS_BEFORE = 6
PERIODS_AFTER = 2
#: How many times the median donor's RMSPE before the own one may be. Above it the area does not lie among its donors.
TIMES_DONORS_FIT = 3.0
#: A fit is nearly as good as the best while its RMSPE before is at most this many times that of the best.
NEARLY_AS_GOOD = 1.10
#: With predictors, whose fit to the outcome is not the aim of the weights: the same for the mean square (MSPE).
NEARLY_AS_GOOD_PREDICTED = 2.0
#: Difference-in-differences: the shortest base, in periods before the start, that is still a base.
PERIODS_OF_BASE = 3
#: What is left of the estimate when any one donor is left out, at the least.
LEFT_WITHOUT_ONE_DONOR = 0.5
#: An earlier date counts as a sign when its gap is as rare as `WRONG_AT_MOST` and at least this share of the estimate.
EARLIER_SHARE = 0.5
#: Where nobody said which size matters: this share of the mean level before.
RELEVANT_SHARE = 0.10


@dataclass(frozen=True)
class Found:
    """What the rule looks at. Sizes in units of the outcome.

    :param wrong_at_most: the accepted rate for this question, after sharing it among all that were asked.
    :param ranks: how many of all areas, the treated one with them, have a ratio at least as great, and how many areas there are.
    :param interval: of the mean effect; ``smallest`` is the smallest detectable effect, None where there is none.
    :param relevant: the size that matters.
    """

    estimate: float
    interval: tuple[float, float]
    wrong_at_most: float
    ranks: tuple[int, int]
    fit: float
    donors_fit: float
    without_one: tuple[float, float]
    spread: tuple[float, float]
    earlier: tuple[float, bool] | None
    smallest: float | None
    relevant: float


@dataclass(frozen=True)
class Answer:
    """One of the three, and why, in Dutch."""

    answer: str
    reason: str


def judge(found: Found) -> Answer:
    """The answer that follows from what was found, looked at in this order."""
    rank, of = found.ranks
    needed = round(1 / found.wrong_at_most)
    if of * found.wrong_at_most < 1:
        return Answer(
            CANNOT_TELL,
            f"er zijn {of - 1} vergelijkingsgebieden; om toeval uit te sluiten zijn er minstens {needed - 1} nodig "
            f"(kans op een verkeerd antwoord: {found.wrong_at_most:.1%})",
        )
    if found.fit > TIMES_DONORS_FIT * found.donors_fit:
        return Answer(
            CANNOT_TELL,
            "de vergelijkingsgebieden volgen het gebied vóór de ingreep te slecht: de afwijking is "
            f"{found.fit / found.donors_fit:.1f} keer zo groot als gewoon is tussen die gebieden (hoogstens "
            f"{TIMES_DONORS_FIT:g} keer mag)",
        )
    if rank / of <= found.wrong_at_most and not _holds_zero(found.interval):
        return _sturdy(found) or Answer(
            SEEN,
            f"de afwijking na de ingreep is groter dan die bij {of - rank} van de {of - 1} vergelijkingsgebieden, en blijft overeind "
            "zonder elk van die gebieden, op een eerder moment en bij bijna even goede vergelijkingen",
        )
    if found.smallest is None or found.smallest > found.relevant:
        size = "geen enkele omvang" if found.smallest is None else f"een effect vanaf {number(found.smallest)}"
        return Answer(
            CANNOT_TELL,
            f"het verschil valt binnen wat ook zonder ingreep voorkomt, maar met deze reeks was {size} te onderscheiden; "
            f"ook een effect dat telt ({number(found.relevant)}) kan dus gemist zijn",
        )
    return Answer(
        NOT_SEEN,
        f"het verschil valt binnen wat ook zonder ingreep voorkomt; een effect vanaf {number(found.smallest)} was te zien geweest",
    )


def _sturdy(found: Found) -> Answer | None:
    """None when what was seen stays, else why it can't be told."""
    left = [share / found.estimate for share in found.without_one]
    if min(left) < LEFT_WITHOUT_ONE_DONOR:
        return Answer(
            CANNOT_TELL,
            f"het verschil hangt aan één vergelijkingsgebied: zonder dat gebied blijft er {max(min(left), 0):.0%} van over "
            f"(minstens {LEFT_WITHOUT_ONE_DONOR:.0%} is nodig)",
        )
    if _holds_zero(found.spread):
        return Answer(
            CANNOT_TELL,
            "bijna even goede vergelijkingen geven verschillen van "
            f"{number(found.spread[0])} tot {number(found.spread[1])}: niet eens de richting staat vast",
        )
    if found.earlier and found.earlier[1] and abs(found.earlier[0]) >= EARLIER_SHARE * abs(found.estimate):
        return Answer(
            CANNOT_TELL,
            f"ook vóór de ingreep week het gebied al af ({number(found.earlier[0])}, gemeten vanaf een eerder moment)",
        )
    return None


def _holds_zero(interval: tuple[float, float]) -> bool:
    return interval[0] <= 0 <= interval[1]


def number(value: float) -> str:
    """Three figures that count, as Dutch writes them."""
    digits = max(0, 2 - int(f"{abs(value):e}".split("e")[1])) if value else 0
    return f"{value:,.{digits}f}".replace(",", " ").replace(".", ",").replace(" ", ".")
