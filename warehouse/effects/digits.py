"""How many digits of an answer are told.

Which kernel of BLAS multiplies depends on the processor, and with it the last digits of a sum. Told to so many that count, an answer is
the same wherever it is worked out again.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from warehouse.effects.effect import Effect

#: Digits that count. Processors differ from the twelfth on.
DIGITS = 9
#: A figure of the source is told as it is.
_FIGURE = "observed"


def told(effect: Effect) -> Effect:
    """The same answer, to as many digits as are told."""
    return Effect(**{field.name: _told(getattr(effect, field.name)) for field in fields(effect)})


def _told(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: one if name == _FIGURE else _told(one) for name, one in value.items()}
    return type(value)(map(_told, value)) if isinstance(value, list | tuple) else value
