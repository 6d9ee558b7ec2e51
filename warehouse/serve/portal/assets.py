"""The files of ``style``, at addresses that change when they do, so that a browser may keep them for good."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from warehouse.serve.portal.charts import theme

#: The files, and how each is served.
STYLE = {"portal.css": "text/css; charset=utf-8", "portal.js": "text/javascript; charset=utf-8"}


@cache
def style(name: str) -> bytes:
    """A file of ``style``. :raises KeyError: there is none of this name."""
    if name not in STYLE:
        raise KeyError(name)
    own = (Path(__file__).parent / "style" / name).read_bytes()
    # The colours of charts have their place where charts are made.
    return theme.css().encode() + own if name == "portal.css" else own


@cache
def fingerprint(name: str) -> str:
    return hashlib.sha256(style(name)).hexdigest()[:12]
