"""What goes into a message: what a source said, or an error says of it, in one line, printable and not too long; and names that are near.

A source can send anything. What it sends must not steer the terminal that shows it, nor break the log that keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_WEB_PAGE = re.compile(r"(?i)<(!doctype|html|\?xml)")


def shown(text: str, most: int = 600) -> str:
    """One printable line: no control characters, no half characters (surrogates), cut where it gets long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * most]).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def did_you_mean(name: str, known: Iterable[str], alike: float = 0.5) -> str:
    """The names that come near one that there is not, as a sentence with a space before it; nothing where none does.

    :param alike: how near, from 0 to 1 (``difflib``).
    """
    import difflib

    near = difflib.get_close_matches(name, list(known), n=3, cutoff=alike)
    return f" Did you mean {', '.join(near)}?" if near else ""


def glimpse(body: bytes) -> str:
    """The first words of an answer, and what it is where that can be seen."""
    start = bytes(body[:400])
    if start.startswith(b"\x1f\x8b"):
        return "compressed bytes (gzip), though its headers do not say so"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16 where UTF-8 belongs"
    text = shown(start.decode("utf-8", "replace"), 120)
    return f"a web page: {text}" if _WEB_PAGE.match(text) else text or "an empty answer"
