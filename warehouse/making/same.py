"""Whether two builds say the same, table by table, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from ingest.sql import identifier

#: What two builds of the same may say otherwise: when and as what they were made, and what was tried to fetch in the meantime.
OTHERWISE: dict[str, set[str]] = {
    "core.release": {"*"},
    "core.check_result": {"ran_at"},
    "core.build_part": {"made_in"},
    "mart.policy_effect": {"made_in"},
    "core.download_outcome": {"*"},
}


@dataclass(frozen=True)
class Compared:
    """A table of two builds.

    :param rows: rows of the first; ``missing`` of them are not in the second, which has ``added`` besides.
    :param columns: columns that only one of the two has.
    """

    table: str
    rows: int
    missing: int = 0
    added: int = 0
    columns: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        return not (self.missing or self.added or self.columns)


def compare(con: duckdb.DuckDBPyConnection, one: str, other: str) -> list[Compared]:
    """Compare the tables of schemas ``core`` and ``mart`` of two attached databases.

    Rows are compared as they are, in whatever order. First by a sum of hashes, which takes no memory; only where those differ are the
    rows themselves counted.

    :param one: name under which the first is attached, ``other`` the second.
    """
    found = {name: _columns(con, name) for name in (one, other)}
    compared = []
    for table in sorted({*found[one], *found[other]}):
        first, second = found[one].get(table, []), found[other].get(table, [])
        left_out = OTHERWISE.get(table, set())
        if "*" in left_out:
            continue
        columns = [c for c in first if c in second and c not in left_out]
        told = tuple(sorted(set(first) ^ set(second)))
        rows = _count(con, one, table) if first else 0
        if not columns or not first or not second:
            compared.append(Compared(table, rows, columns=told))
            continue
        chosen = ", ".join(map(identifier, columns))
        of = {name: f"(select {chosen} from {name}.{_quoted(table)})" for name in (one, other)}
        sums = [
            con.execute(
                f"select count(*), sum(hash({chosen})::hugeint), bit_xor(hash({chosen})) from {rows_}"
            ).fetchall()
            for rows_ in of.values()
        ]
        missing = added = 0
        if sums[0] != sums[1]:
            missing, added = (
                con.execute(f"select count(*) from (from {a} except all from {b})").fetchall()[0][0]
                for a, b in ((of[one], of[other]), (of[other], of[one]))
            )
        compared.append(Compared(table, rows, missing, added, told))
    return compared


def _columns(con: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[str]]:
    return dict(
        con.execute(
            "select columns.schema_name || '.' || table_name, list(column_name order by column_index) from duckdb_columns() as columns "
            "inner join duckdb_tables() as tables using (database_oid, schema_oid, table_oid, table_name) "
            "where columns.database_name = ? and columns.schema_name in ('core', 'mart') group by all",
            [database],
        ).fetchall()
    )


def _count(con: duckdb.DuckDBPyConnection, database: str, table: str) -> int:
    return int(con.execute(f"select count(*) from {database}.{_quoted(table)}").fetchall()[0][0])


def _quoted(table: str) -> str:
    return ".".join(map(identifier, table.split(".")))
