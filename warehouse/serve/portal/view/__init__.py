"""What pages ask of a release: one way to a figure, the one that the API takes, with what the asker may see.

What belongs here: every question that a page has, in a module by what it is about: the release itself, its indicators and goals
(``released``), areas and their boundaries (``areas``, with ``atlas`` for what is the same for every asker), figures (``figures``).
No page writes SQL of its own.
"""

from warehouse.serve.portal.view.atlas import Atlas
from warehouse.serve.portal.view.figures import View

__all__ = ["Atlas", "View"]
