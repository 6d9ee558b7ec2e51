"""The kinds of page that there are, a module for each.

A new page is a module here with a ``KIND``, its line below, its template and its texts in ``words.yml``.
"""

from __future__ import annotations

from warehouse.serve.portal.page import Kind
from warehouse.serve.portal.pages import (
    area,
    compare,
    effects,
    figure,
    goals,
    home,
    indicator,
    records,
    search,
    texts,
    theme,
)

#: In the order of the menu.
KINDS: list[Kind] = [
    *(home.KIND, *theme.KINDS, goals.KIND, effects.KINDS[0], compare.KIND, search.KIND, *texts.KINDS, *records.KINDS),
    *(indicator.KIND, *area.KINDS, effects.KINDS[1], figure.KIND),
]
