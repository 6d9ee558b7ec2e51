"""What was seen of the shape of tables before they are taken in: their columns, members, units and topic groups, and where from.

Three files in ``sources/seen``: ``tables.csv`` (how much of a table was seen, and the source of that), ``columns.csv`` (its keys in
order) and ``members.csv`` (its dimensions with the members that are known). ``how`` a key is known: ``metadata`` (of CBS),
``public`` (in public code or on a page), ``order`` (implied by the numbers of its neighbours), ``sister`` (as in the year beside it)
or ``expected`` (nobody saw it). ``said_by`` is the table whose metadata gave title, topic groups and unit.

The tests hold every binding of the indicator registry against this. What a table is like in the end its own metadata say: they are
what a build binds to. ``python -m ingest.seen`` writes what the snapshots of a data folder say into the files.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ingest.storage import durable

FOLDER = Path(__file__).parent / "sources" / "seen"
_SUFFIX = re.compile(r"_\d+$")


class SeenColumn(NamedTuple):
    """A column (v3) or measure (v4) of a table."""

    key: str
    how: str
    title: str
    path: str
    unit: str
    said_by: str

    @property
    def stem(self) -> str:
        return self.key if self.how == "metadata" and not _SUFFIX.search(self.key) else _SUFFIX.sub("", self.key)


class SeenTable(NamedTuple):
    """The shape of a table as far as it was seen.

    :param whole: whether all its columns are here.
    :param members: per dimension the members that are known, with their titles; none of regions and periods.
    """

    whole: bool
    source: str
    columns: tuple[SeenColumn, ...]
    members: dict[str, dict[str, str]]

    def named(self, names: Iterable[str]) -> list[SeenColumn]:
        """The columns of these stems (v3) or codes (v4)."""
        wanted = set(names)
        return [c for c in self.columns if c.stem in wanted or c.key in wanted]


@cache
def seen() -> dict[str, SeenTable]:
    """All tables of which something was seen, by id."""
    columns: dict[str, list[SeenColumn]] = {}
    members: dict[str, dict[str, dict[str, str]]] = {}
    for row in _rows("columns"):
        columns.setdefault(row.pop("table_id"), []).append(SeenColumn(**row))
    for row in _rows("members"):
        of_dimension = members.setdefault(row["table_id"], {}).setdefault(row["dimension"], {})
        if row["code"]:
            of_dimension[row["code"]] = row["title"]
    return {
        row["table_id"]: SeenTable(
            row["seen"] == "whole",
            row["source"],
            tuple(columns.get(row["table_id"], ())),
            members.get(row["table_id"], {}),
        )
        for row in _rows("tables")
    }


def groups_seen(table_id: str, names: Iterable[str]) -> bool:
    """Whether the topic groups of a column were seen in this very table, so that a binding must agree with them.

    Of a table that is not among those seen (a user's own) what the binding says is taken to be so.
    """
    table = seen().get(table_id)
    return table is None or any(c.said_by == table_id and c.path for c in table.named(names))


def column_seen(table_id: str, names: Iterable[str]) -> bool:
    """Whether a column was seen in this very table."""
    table = seen().get(table_id)
    return table is None or any(c.how in ("metadata", "public") for c in table.named(names))


def complete(folder: Path = FOLDER) -> list[str]:
    """Write what the accepted snapshots of the data folder say of their tables in the place of what was known before.

    :returns: the tables that are told anew.
    """
    from ingest.engine import duck
    from ingest.registry import Registry
    from ingest.settings import Settings
    from ingest.snapshot import Store

    store = Store(Settings.from_env().snapshots)
    told: dict[str, list[dict[str, str]]] = {}
    listed: dict[str, list[dict[str, str]]] = {}
    whole: dict[str, dict[str, str]] = {}
    with duck() as con:
        for table in Registry.load().tables.values():
            snapshot = store.good(table.id)
            if snapshot is None or table.protocol == "municipal":
                continue
            measures = con.execute(
                f"select code, title, path, unit from read_parquet('{snapshot.file('measures.parquet')}') order by position"
            ).fetchall()
            told[table.id] = [
                {"table_id": table.id, "key": code, "how": "metadata", "title": title or "", "path": path or ""}
                | {"unit": unit or "", "said_by": table.id}
                for code, title, path, unit in measures
            ]
            codes = con.execute(
                "select d.key, if(d.kind = 'other', c.code, ''), if(d.kind = 'other', c.title, '') "
                f"from read_parquet('{snapshot.file('dimensions.parquet')}') as d "
                f"left join read_parquet('{snapshot.file('codes.parquet')}') as c on c.dimension = d.key "
                "order by d.position, c.position"
            ).fetchall()
            listed[table.id] = [
                {"table_id": table.id, "dimension": key, "code": code or "", "title": title or ""}
                for key, code, title in dict.fromkeys(codes)
            ]
            whole[table.id] = {
                "table_id": table.id,
                "seen": "whole",
                "source": f"its metadata of {snapshot.modified[:10]}",
            }
    for name, new in (("columns", told), ("members", listed)):
        _write(folder / f"{name}.csv", [r for r in _rows(name, folder) if r["table_id"] not in new], new)
    _write(
        folder / "tables.csv",
        [r for r in _rows("tables", folder) if r["table_id"] not in whole],
        {table: [row] for table, row in whole.items()},
    )
    return list(told)


def _rows(name: str, folder: Path = FOLDER) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(file: Path, kept: list[dict[str, str]], new: dict[str, list[dict[str, str]]]) -> None:
    import io

    by_table: dict[str, list[dict[str, str]]] = {}
    for row in kept:
        by_table.setdefault(row["table_id"], []).append(row)
    by_table |= new
    out = io.StringIO()
    rows = [row for table in sorted(by_table) for row in by_table[table]]
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    durable.write(file, out.getvalue())


if __name__ == "__main__":
    for name in complete():
        print(name, file=sys.stderr)
