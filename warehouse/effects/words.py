"""An answer in Dutch words: what must be known of it, and its figures, for the command and for pages."""

from __future__ import annotations

from warehouse.effects.effect import Effect
from warehouse.effects.rule import number

#: An end that is so much smaller than the other is zero, but for rounding.
_ROUNDING = 1e-9


def caveats(effect: Effect) -> list[str]:
    """What a reader must know before the figures."""
    found = [effect.assumes]
    if effect.questions > 1:
        found.append(
            f"Er zijn {effect.questions} vragen tegelijk gesteld; de kans op een verkeerd *effect gezien* is daarover verdeeld."
        )
    if effect.placebo and effect.placebo["in_time"] is None:
        found.append("Er zijn te weinig perioden vóór de ingreep om een eerder moment te proberen.")
    return [*found, *effect.left_out]


def figures(effect: Effect) -> list[tuple[str, str]]:
    """What was worked out, each with what it means. Nothing of a refusal."""
    if effect.estimate is None or effect.interval is None or effect.spread is None:
        return []
    space, time = effect.placebo["in_space"], effect.placebo["in_time"]
    without = _range((min(effect.without_one.values()), max(effect.without_one.values())))
    smallest = "geen" if effect.smallest_detectable is None else number(effect.smallest_detectable)
    rows = [
        ("gemiddeld verschil per periode vanaf de ingreep", number(effect.estimate)),
        (f"interval van {effect.confidence:.0%}", _range(effect.interval)),
        ("kleinste effect dat te zien was geweest", smallest),
        ("effect dat telt", number(effect.relevant or 0.0)),
        ("afwijking vóór de ingreep (RMSPE)", number(effect.fit["rmspe"])),
    ]
    if space:
        rows += [
            ("dezelfde bij de andere gebieden, de middelste", number(effect.fit["rmspe_of_donors"])),
            ("verschil als de lijn van vóór de ingreep doorliep", number(effect.fit["trend"])),
            ("plaats van die lijn tussen alle gebieden", f"{effect.fit['trend_rank']} van {space['of']}"),
            ("plaats tussen alle gebieden, alsof elk de ingreep kreeg", f"{space['rank']} van {space['of']}"),
            ("verschil zonder telkens één vergelijkingsgebied", without),
        ]
    else:
        rows += [
            ("groei per periode vóór de ingreep", number(effect.fit["growth"])),
            ("samenhang van de groei met die ervoor", number(effect.fit["persistence"])),
            ("verschil zonder telkens één periode erna", without),
        ]
    rows.append(("verschil bij bijna even goede vergelijkingen", _range(effect.spread)))
    if time:
        rows.append(
            (
                f"verschil alsof het begon in {time['start']}",
                f"{number(time['estimate'])} ({time['rank']} van {time['of']})",
            )
        )
    return rows


def _range(ends: tuple[float, float]) -> str:
    size = max(map(abs, ends))
    low, high = (0.0 if abs(end) < _ROUNDING * size else end for end in ends)
    return f"{number(low)} tot {number(high)}"
