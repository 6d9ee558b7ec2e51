"""JSON as rows: a list of objects, an object with one such list in it, GeoJSON, or an object a line (NDJSON)."""

from __future__ import annotations

import json
import re
from typing import Any

from ingest.files.sheet import MOST_CELLS, Row, Sheet, UnreadableError

#: What JSON begins with; a heading in square brackets ([datum];[soort]) does not.
BEGINS = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*[\[{\]\"\d-]|\{\s*\Z|\[\s*\Z)")


class _TwiceError(ValueError):
    """A name stands twice in one object: one of its values would be lost."""


def read(text: str) -> Sheet:
    """:raises UnreadableError: it is no JSON, is broken off, or has no list of records."""
    try:
        content = _load(text)
    except json.JSONDecodeError as error:
        content = _lines(text, error)
    flat = [_flat(record) for record in _records(content)]
    header: dict[str, int] = {}
    for record in flat:
        for name in record:
            header.setdefault(name, len(header))
    if len(header) * len(flat) > MOST_CELLS:
        raise UnreadableError(f"Het bestand heeft meer dan {MOST_CELLS // 1_000_000} miljoen cellen.")
    rows = [Row(0, tuple(header))]
    for number, record in enumerate(flat, 1):
        rows.append(Row(number, tuple(record.get(name) for name in header)))
    return Sheet(1, rows)


def _load(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda _: None, object_pairs_hook=_once)
    except _TwiceError:
        raise UnreadableError(
            "In de JSON staat een naam twee keer in één record; welke waarde geldt, is niet te zien."
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found


def _lines(text: str, whole: json.JSONDecodeError) -> list[Any]:
    """An object on every line; the lines are counted, so one that is broken off is told."""
    # Only these end a line: a value may hold what else Unicode calls one.
    lines = [(n, line) for n, line in enumerate(re.split(r"\r\n|\n|\r", text), 1) if line.strip("\x1e \t\ufeff")]
    found: list[Any] = []
    for number, line in lines:
        try:
            record = _load(line.strip("\x1e \t\ufeff"))
        except json.JSONDecodeError:
            record = None
        if not isinstance(record, dict):
            if found:
                raise UnreadableError(
                    f"Het bestand heeft een JSON-object per regel (NDJSON), maar regel {number} is er geen. Er is niets overgenomen."
                )
            raise UnreadableError(f"De JSON is niet te lezen: ze is beschadigd of afgebroken bij regel {whole.lineno}.")
        found.append(record)
    return found


def _records(content: Any) -> list[dict[str, Any]]:
    while isinstance(content, dict):
        lists = [v for v in content.values() if isinstance(v, list) and v and all(isinstance(i, dict) for i in v)]
        inner = [v for v in content.values() if isinstance(v, dict)]
        if len(lists) == 1:
            content = lists[0]
        elif not lists and len(inner) == 1 and len(content) <= 3:
            content = inner[0]
        elif content and not lists and not inner and not any(isinstance(v, list) for v in content.values()):
            content = [content]  # one line of NDJSON
        else:
            raise UnreadableError("De JSON heeft geen (of meer dan één) lijst met records.")
    if not isinstance(content, list) or not all(isinstance(i, dict) for i in content):
        raise UnreadableError("De JSON is geen lijst met records.")
    return content


def _flat(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested fields as ``location.buurt_code``; of GeoJSON the properties as they are, and a point as ``x`` and ``y``."""
    found: dict[str, Any] = {}
    if not prefix and record.get("type") == "Feature" and isinstance(record.get("properties"), dict):
        found |= _flat(record["properties"], "")
        found |= _point(record.get("geometry"), "")
        return found
    for name, value in record.items():
        if isinstance(value, dict):
            point = _point(value, f"{prefix}{name}.")
            found |= point or _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            found[f"{prefix}{name}"] = json.dumps(value, ensure_ascii=False) if value else None
        else:
            found[f"{prefix}{name}"] = value
    return found


def _point(geometry: Any, prefix: str) -> dict[str, Any]:
    if not (isinstance(geometry, dict) and geometry.get("type") == "Point"):
        return {}
    coordinates = geometry.get("coordinates")
    if not (isinstance(coordinates, list) and len(coordinates) >= 2):
        return {}
    return {f"{prefix}x": coordinates[0], f"{prefix}y": coordinates[1]}
