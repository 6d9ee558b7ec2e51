"""When CBS says that new figures come. There is no calendar for machines; a table's explanation has a heading for it, «Wanneer komen er
nieuwe cijfers?», and an answer in words: *medio juni 2026*, *in het tweede kwartaal van 2027*. What names no year is not taken."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import zstandard

from ingest.months import MONTHS

_HEADING = re.compile(r"(?i)wanneer komen er nieuwe cijfers\s*\??(.{0,400})", re.DOTALL)
#: The next heading ends the answer.
_NEXT = re.compile(r"\s\d\.\s+[A-Z]{3}|copyright", re.IGNORECASE)
_MONTH = re.compile(rf"(?i)\b({'|'.join(MONTHS)})\s+((?:20)\d\d)\b")
_QUARTER = re.compile(r"(?i)\b(eerste|tweede|derde|vierde)\s+kwartaal\s+(?:van\s+)?(20\d\d)\b")
_QUARTERS = ("eerste", "tweede", "derde", "vierde")


def announced(text: str) -> tuple[date, date] | None:
    """The first and the last day of the month or quarter in which new figures come, the earliest that is named; None where none is."""
    found: list[tuple[date, date]] = []
    for match in _HEADING.finditer(text):
        answer = _NEXT.split(match[1], maxsplit=1)[0]
        # «De cijfers over december 2025 komen in maart 2026»: what the figures are about is no announcement.
        answer = re.sub(
            r"(?i)\b(over|van|tot en met|t/m)\s+(?:geheel\s+)?(?:\d{1,2}\s+)?(?:[a-z]+\s+)?20\d\d",
            _keep_quarters,
            answer,
        )
        found += [_months(int(m[2]), MONTHS.index(m[1].lower()) + 1, 1) for m in _MONTH.finditer(answer)]
        found += [_months(int(m[2]), 3 * _QUARTERS.index(m[1].lower()) + 1, 3) for m in _QUARTER.finditer(answer)]
    return min(found, default=None)


def _keep_quarters(match: re.Match[str]) -> str:
    """«kwartaal van 2027» says when; «van 1 januari 2027» says about what."""
    return match[0] if re.fullmatch(r"(?i)van\s+20\d\d", match[0]) else " "


def _months(year: int, month: int, number: int) -> tuple[date, date]:
    after = month + number
    return date(year, month, 1), date(year + (after - 1) // 12, (after - 1) % 12 + 1, 1) - timedelta(days=1)


@lru_cache(maxsize=512)
def announced_in(metadata: Path) -> tuple[date, date] | None:
    """The same, in the metadata of a snapshot, which never changes; None where it has none, or can't be read."""
    try:
        raw = zstandard.ZstdDecompressor().decompress(metadata.read_bytes(), max_output_size=64 << 20)
    except (OSError, zstandard.ZstdError):
        return None
    return announced(re.sub(r"(?:\\r|\\n|\s)+", " ", raw.decode("utf-8", "replace")))
