"""Tables that a benchmark declares in the data folder of a user."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml


def declare(home: Path, ids: Iterable[str], **more: str) -> None:
    """Declare tables of OData v3 by their ids.

    :param more: what else is declared of each, such as its period.
    """
    tables = [{"id": id, "title": id, "protocol": "v3", "cadence": "year", **more} for id in ids]
    terms = {"source_id": "bench", "name": "B", "licence": "CC0", "attribution": "B", "owner": "B", "tables": tables}
    (home / "sources" / "bench.yml").write_text(yaml.safe_dump(terms), encoding="utf-8")
