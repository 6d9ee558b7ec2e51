"""By which rules figures of municipal sources are protected: the one model of them.

A contract declares them, protection and the attacker work by them, ``rules.parquet`` of a snapshot tells them, and
``core.disclosure_rule`` gives them to the audit and to whoever reads a release.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Units = Literal["persons", "households", "objects", "none"]
Zeros = Literal["hide", "publish"]

#: Fewest units behind a figure, by what is counted.
THRESHOLDS = {"persons": 10, "households": 5, "objects": 10}


@dataclass(frozen=True)
class Rules:
    """When a figure is unsafe. The defaults are the safe ones; a contract says otherwise, with its reason.

    :param threshold: fewest units (persons; households or objects if the contract says so) behind a published figure.
    :param rounding: counts below municipality level are rounded to multiples of this; 1 rounds nothing.
    :param zeros: ``hide`` (that nobody has a trait is told of nobody) or ``publish``.
    :param least_denominator: no percentage or mean on a published denominator below this.
    :param dominance: an amount is unsafe when its largest contributor brings more than this share of it.
    :param p_percent: or when the second largest could estimate the largest to within this percentage.
    """

    threshold: int = THRESHOLDS["persons"]
    rounding: int = 5
    zeros: Zeros = "hide"
    least_denominator: int = 50
    dominance: float = 0.5
    p_percent: float = 10.0

    @property
    def floor(self) -> float:
        """The least that a hidden count can be, as everyone knows: where zeros are published it is not zero."""
        return 0.0 if self.zeros == "hide" else 1.0

    def looser(self, units: Units) -> list[str]:
        """What of these is looser than what is safe for such units."""
        protected = units != "none"
        checks = {
            "units: none": not protected,
            "threshold": self.threshold < THRESHOLDS.get(units, 0),
            "rounding": protected and self.rounding < SAFE.rounding,
            "zeros: publish": self.zeros != SAFE.zeros,
            "least_denominator": self.least_denominator < SAFE.least_denominator,
            "dominance": self.dominance > SAFE.dominance,
            "p_percent": self.p_percent < SAFE.p_percent,
        }
        return [name for name, loose in checks.items() if loose]


SAFE = Rules()

#: What is told of each measure: the columns of ``rules.parquet`` and of ``core.disclosure_rule``.
COLUMNS = {
    **dict.fromkeys(("table_id", "measure_code", "kind", "units"), "varchar"),
    **{"threshold": "integer", "rounding": "integer", "zeros": "varchar", "least_denominator": "integer"},
    **{"dominance": "double", "p_percent": "double"},
    **dict.fromkeys(("numerator", "denominator", "why"), "varchar"),
}
