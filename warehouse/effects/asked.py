"""A question about a policy choice, its answer, and since when it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from warehouse.registry.interventions import Expected, Intervention

if TYPE_CHECKING:
    from warehouse.effects.effect import Effect
    from warehouse.effects.rule import Answer


@dataclass(frozen=True)
class Known:
    """Since when a question is there. What its declaration says of that is a claim; these are told by others.

    :param committed_on: earliest day since which it stands so in the repository, as far as that can be told.
    :param first_release: the first release that had it, and the day of that; no name yet in the release in the making.
    """

    committed_on: date | None
    first_release: str | None
    first_released_on: date

    @property
    def proven(self) -> date:
        return min(filter(None, (self.committed_on, self.first_released_on)))

    def before_outcome(self, one: Intervention) -> bool:
        """Whether it is proven to be there before the first period after the start was over: no figure of it could be known."""
        return self.proven <= last_day(one.from_period)

    def told(self, one: Intervention) -> str:
        """The same in Dutch."""
        by_file = self.committed_on is not None and self.committed_on <= self.first_released_on
        where = "in de geschiedenis van de bestanden" if by_file else "in een uitgave van het datacenter"
        said = f"Zelf zegt de vraag van {one.declared_on:%d-%m-%Y} te zijn; aantoonbaar is {self.proven:%d-%m-%Y} ({where})"
        if self.before_outcome(one):
            return f"De vraag is gesteld voordat de uitkomst bekend kon zijn. {said}."
        return f"De vraag is gesteld toen de uitkomst al bekend kon zijn. {said}."


def last_day(period: str) -> date:
    """The last day of a year or school year."""
    year = int(period[:4])
    return date(year + 1, 7, 31) if period[4:6] == "SJ" else date(year, 12, 31)


@dataclass(frozen=True)
class Asked:
    """One question, a choice and one of its indicators, and its answer.

    :param comparison: how the areas beside it were chosen, in Dutch.
    :param caveats: what must be known before the figures, in Dutch.
    :param effects: by each method, the one that decides first.
    :param snapshots: of all figures that it was made from.
    :param broke_off: an error broke the working out off.
    """

    intervention: Intervention
    indicator: Expected
    indicator_name: str
    unit: str
    region_name: str
    comparison: str
    caveats: tuple[str, ...]
    effects: tuple[Effect, ...]
    known: Known
    snapshots: tuple[str, ...]
    broke_off: bool = False

    @property
    def answer(self) -> Answer:
        """The one answer over all methods."""
        from warehouse.effects.together import together

        return together(self.effects)

    @property
    def effect(self) -> Effect:
        """By the method that decides."""
        return self.effects[0]

    def as_dict(self) -> list[dict[str, Any]]:
        """A record per method."""
        one = self.intervention
        return [
            {
                "intervention": one.id,
                "title": one.title,
                "region": one.region,
                "indicator": self.indicator.indicator,
                "unit": self.unit,
                "expected": self.indicator.direction,
                "example": one.example,
                "published": one.published,
                "declared_on": one.declared_on,
                "committed_on": self.known.committed_on,
                "first_release": self.known.first_release,
                "first_released_on": self.known.first_released_on,
                "declared_before_outcome": self.known.before_outcome(one),
                "is_main": effect is self.effect,
                "together": {"answer": self.answer.answer, "reason": self.answer.reason},
                "caveats": list(self.caveats),
                "snapshots": list(self.snapshots),
                **effect.as_dict(),
            }
            for effect in self.effects
        ]
