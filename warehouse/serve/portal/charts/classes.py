"""Classes of a map: about as many areas in each, and areas with the same figure in the same one."""

from __future__ import annotations

from collections.abc import Sequence

#: More shades than this the eye does not tell apart.
MOST = 5
#: How it is told.
METHOD = "In elke klasse zitten ongeveer evenveel gebieden; gelijke cijfers zitten in dezelfde klasse."


def classes(values: Sequence[float]) -> list[tuple[float, float]]:
    """The lowest and highest figure of each class, the lowest class first. No figure lies between two of them.

    :param values: the figures as they are told, at least one.
    """
    ordered = sorted(values)
    number = min(MOST, len(set(ordered)), max(2, len(ordered) // 3))
    bounds: list[tuple[float, float]] = []
    start = 0
    for left in range(number, 0, -1):
        if start >= len(ordered):
            break
        end = max(start + 1, start + round((len(ordered) - start) / left))
        # Ties go with whom the border is nearest to, as long as something is left for every class.
        first, last = ordered.index(ordered[end - 1]), len(ordered) - ordered[::-1].index(ordered[end - 1])
        end = first if start < first and end - first < last - end and left > 1 else last
        if left == 1:
            end = len(ordered)
        bounds.append((ordered[start], ordered[end - 1]))
        start = end
    return bounds


def class_of(value: float, bounds: Sequence[tuple[float, float]]) -> int:
    """The class that a figure is in, counted from 1."""
    return next(number for number, (low, high) in enumerate(bounds, 1) if low <= value <= high)
