"""The written rule: every threshold, and which of the three answers follows. Nothing else decides.

The thresholds were chosen with the three published cases in sight, and on made panels of other shapes and seeds than those
that they are measured on; what they do to panels of which the truth is known stands in docs/effecten.md.
`NEARLY_AS_GOOD_PREDICTED` was chosen so that the published weights of two cases count as nearly as good.
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
#: Areas to compare with that have a whole series; with fewer there is no comparison.
DONORS = 2
#: How many times the median donor's RMSPE before the own one may be. Above it the area does not lie among its donors.
TIMES_DONORS_FIT = 3.0
#: A fit is nearly as good as the best while its RMSPE before is at most this many times that of the best.
NEARLY_AS_GOOD = 1.10
#: The same with predictors, whose fit to the outcome is not the aim of the weights.
NEARLY_AS_GOOD_PREDICTED = 1.50
#: Difference-in-differences: the shortest base, in periods before the start, that is still a base.
PERIODS_OF_BASE = 3
#: What is left of the estimate when any one donor is left out, at the least.
LEFT_WITHOUT_ONE_DONOR = 0.5
#: An earlier date counts as a sign when its gap is as rare as `WRONG_AT_MOST` and at least this share of the estimate ...
EARLIER_RARE_SHARE = 0.5
#: ... and, rare or not, when it goes the same way and is at least this share: an area that goes its own way all along.
EARLIER_SHARE = 0.25
#: The line through the gaps before, drawn on, may be less than this share of the estimate.
TREND_SHARE = 0.5
#: A series without donors: periods before, and how far the growth of one period may tell that of the next (a correlation).
PERIODS_BEFORE_ALONE = 12
PERSISTENCE_AT_MOST = 0.2
#: Where nobody said which size matters: this share of the mean level before.
RELEVANT_SHARE = 0.10


@dataclass(frozen=True)
class Found:
    """What the rule looks at. Sizes in units of the outcome.

    :param wrong_at_most: the accepted rate for this question, after sharing it among all that were asked.
    :param ranks: how many of all areas, the treated one with them, have a ratio at least as great, and how many areas there are.
    :param interval: of the mean effect; ``smallest`` is the smallest detectable effect, None where there is none.
    :param earlier: the estimate as if it began at an earlier date, and whether that is rare; None where it can't be tried.
    :param trend: the mean gap after that the line through the gaps before foretells.
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
    trend: float
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
            f"(kans op een verkeerd antwoord: {number(100 * found.wrong_at_most)}%)",
        )
    if found.fit > TIMES_DONORS_FIT * found.donors_fit:
        return Answer(
            CANNOT_TELL,
            "de vergelijkingsgebieden volgen het gebied vóór de ingreep te slecht: de afwijking is "
            f"{number(found.fit / found.donors_fit)} keer zo groot als gewoon is tussen die gebieden (hoogstens "
            f"{TIMES_DONORS_FIT:g} keer mag)",
        )
    if rank / of <= found.wrong_at_most and not _holds_zero(found.interval):
        return (
            _hangs_on_one(found, "vergelijkingsgebied")
            or _direction(found)
            or _own_way(found)
            or Answer(
                SEEN,
                f"de afwijking na de ingreep is groter dan die bij {of - rank} van de {of - 1} vergelijkingsgebieden; ook zonder elk van "
                "die gebieden en bij bijna even goede vergelijkingen blijft er een verschil, en dat was er niet "
                + ("vanaf een eerder moment" if found.earlier else "al ervoor"),
            )
        )
    return _not_seen(found)


@dataclass(frozen=True)
class FoundAlone:
    """The same of a series without donors.

    :param persistence: the correlation of growth before with the growth of the period before it.
    :param in_time: the place of the estimate among all earlier starts, in units of its error, and the strongest of those.
    :param without_one: the estimate without any one period after.
    """

    estimate: float
    interval: tuple[float, float]
    persistence: float
    in_time: tuple[int, float, str]
    without_one: tuple[float, float]
    spread: tuple[float, float]
    smallest: float
    relevant: float


def judge_alone(found: FoundAlone) -> Answer:
    """The answer for a series without donors, looked at in this order."""
    if found.persistence > PERSISTENCE_AT_MOST:
        return Answer(
            CANNOT_TELL,
            "het cijfer groeide of daalde vóór de ingreep perioden achtereen sneller of langzamer (samenhang van de groei met die ervoor: "
            f"{number(found.persistence)}; hoogstens {number(PERSISTENCE_AT_MOST)} mag), zodat doortrekken niets zegt",
        )
    if _holds_zero(found.interval):
        return _not_seen(found)
    rank, earlier, at = found.in_time
    if rank > 1:
        return Answer(
            CANNOT_TELL,
            f"vóór de ingreep week het cijfer ook al zo sterk af (vanaf {at}: {number(earlier)})",
        )
    return (
        _hangs_on_one(found, "periode na de ingreep")
        or _direction(found)
        or Answer(
            SEEN,
            "het cijfer wijkt sterker af van zijn eigen verloop dan vanaf elk eerder moment, ook zonder elk van de perioden erna",
        )
    )


def _not_seen(found: Found | FoundAlone) -> Answer:
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


def _hangs_on_one(found: Found | FoundAlone, what: str) -> Answer | None:
    left = min(share / found.estimate for share in found.without_one)
    if left >= LEFT_WITHOUT_ONE_DONOR:
        return None
    return Answer(
        CANNOT_TELL,
        f"het verschil hangt aan één {what}: zonder blijft er {max(left, 0):.0%} van over "
        f"(minstens {LEFT_WITHOUT_ONE_DONOR:.0%} is nodig)",
    )


def _direction(found: Found | FoundAlone) -> Answer | None:
    if not _holds_zero(found.spread):
        return None
    return Answer(
        CANNOT_TELL,
        "bijna even goede vergelijkingen geven verschillen van "
        f"{number(found.spread[0])} tot {number(found.spread[1])}: niet eens de richting staat vast",
    )


def _own_way(found: Found) -> Answer | None:
    """What began before the start is no effect of it."""
    if found.earlier:
        gap, rare = found.earlier
        if gap / found.estimate >= EARLIER_SHARE or (rare and abs(gap / found.estimate) >= EARLIER_RARE_SHARE):
            return Answer(
                CANNOT_TELL,
                f"ook vóór de ingreep week het gebied al af ({number(gap)}, gemeten vanaf een eerder moment)",
            )
    if found.trend / found.estimate >= TREND_SHARE:
        return Answer(
            CANNOT_TELL,
            "het gebied ging al vóór de ingreep zijn eigen weg: was het zo doorgegaan, dan was het verschil ook al "
            f"{number(found.trend)} geweest",
        )
    return None


def _holds_zero(interval: tuple[float, float]) -> bool:
    return interval[0] <= 0 <= interval[1]


def number(value: float) -> str:
    """Three figures that count, as Dutch writes them."""
    digits = max(0, 2 - int(f"{abs(value):e}".split("e")[1])) if value else 0
    return f"{value:,.{digits}f}".replace(",", " ").replace(".", ",").replace(" ", ".")
