"""The candidate: a fresh DuckDB file next to the released one, into which dbt builds.

What belongs here: laying out what dbt starts from. Schema ``raw`` holds one row per chosen snapshot, the snapshots'
metadata, a view on each snapshot's rows, the indicator registry, and what earlier releases published. It is dropped
before release: the released file stands on its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path

import duckdb

from ingest.datacenter import here
from ingest.settings import DATABASE
from ingest.snapshot import AFTER_TABLE, AREAS
from ingest.sql import identifier, literal
from ingest.storage.clock import Clock
from ingest.storage.paths import for_duckdb
from warehouse.making import effects, raw
from warehouse.making.base import Base
from warehouse.making.binding import keep_last_good, load_registry
from warehouse.registry import goals, indicators
from warehouse.registry.indicators import Registry
from warehouse.registry.interventions import Written
from warehouse.releases.inputs import Input
from warehouse.releases.plan import Plan


class Candidate:
    """The database in the making. Only one process holds it, and only while it is being built."""

    def __init__(self, folder: Path) -> None:
        self.folder = for_duckdb(folder) / "candidate"
        self.file = self.folder / DATABASE

    @contextmanager
    def connect(self, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        con = duckdb.connect(str(self.file), read_only=read_only)
        try:
            yield con
        finally:
            con.close()

    def prepare(
        self,
        inputs: list[Input],
        released: Path | None,
        outcomes: Path,
        registry: Registry | None = None,
        closed: Collection[str] = (),
        delivered: Collection[str] = (),
        plan: Plan | None = None,
        clock: Clock | None = None,
        corrected: int = 0,
        base: Base | None = None,
        interventions: Collection[Written] = (),
    ) -> datetime:
        """Start anew: a file with schema ``raw``, and its plan beside it.

        :param released: the current release, for what was published before; None for the first one.
        :param outcomes: the log of all attempts to ingest (JSON lines).
        :param registry: the indicator registry; the project's own by default.
        :param closed: tables that this release may know nothing of.
        :param delivered: tables of municipalities: why a delivery of theirs was refused is between it and its sender.
        :param plan: which build this is; without one it can be looked at, and is known from now on.
        :param clock: how moments that a wrong clock told are to be told; as they are by default.
        :param corrected: how many of the clock's corrections the released history has already.
        :param base: the release of which the file is a copy to begin with; without one it is empty, and everything is made.
        :param interventions: the policy choices whose effect is asked for.
        :returns: the moment from which what this build makes is known.
        :raises IndicatorError: the registry can't be used. What of it does not fit the tables is withheld.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        if base:
            base.copy_to(self.file)
        with self.connect() as con:
            con.execute("create schema raw")
            clock = clock or Clock()
            figures = [i for i in inputs if i.snapshot.layout != AREAS]
            areas = [i for i in inputs if i.snapshot.layout == AREAS]
            # Boundaries last, so that the numbers of a first release are the same with them and without.
            numbers = _numbers(con, [*figures, *areas], released)
            _load_parts(con, base)
            _load_inputs(con, [*figures, *areas], numbers, base, clock)
            _load_metadata(con, figures, numbers)
            _load_rows(con, figures, numbers)
            _load_boundaries(con, areas)
            _load_disclosure_rules(con, inputs)
            _load_region(con)
            registry = registry or indicators.load()
            load_registry(con, registry)
            keep_last_good(con, released)
            # What a municipal source divides by its rules, an indicator on it may not divide against them.
            con.execute(
                "update raw.binding set least_denominator = (select max(rule.least_denominator) from raw.term as term "
                "inner join raw.disclosure_rule as rule using (table_id) "
                "where term.binding_id = binding.binding_id and rule.units <> 'none')"
            )
            load_goals(con, goals.load(registry=registry))
            effects.lay_out(con, interventions, released)
            _load_published(con, None if base else released, closed, base)
            _correct_history(con, clock, corrected)
            _load_outcomes(con, outcomes, closed, delivered)
            # In a table and not in a dbt variable: a variable that changes makes dbt parse the whole project anew.
            # Later than all that was known before, also by a clock that was ahead: what follows must not begin earlier.
            raw.create(con, "build")
            con.execute(
                "insert into raw.build select ?::varchar as build_id, date_trunc('second', greatest("
                "coalesce(?::timestamptz, now()), (select max(greatest(known_from, known_to)) + interval 1 second "
                "from raw.published))) as known_at",
                (plan.build_id, plan.known_at) if plan else (None, None),
            )
            [(known_at,)] = con.execute("select known_at from raw.build").fetchall()
        if plan:
            plan.write(self.folder)
        return known_at


#: What a snapshot's rows and its columns are numbered from: its own number times this. So the numbers of one table do not
#: depend on how long the others are, and are the same in every release that has the same snapshot.
ROWS, COLUMNS = 1 << 32, 1 << 16


def _numbers(con: duckdb.DuckDBPyConnection, inputs: list[Input], released: Path | None) -> dict[str, int]:
    """The number of each table's snapshot: what it has in the current release; a table that is new there gets the next."""
    known: dict[str, int] = {}
    if released is not None and released.is_file():
        con.execute(f"attach {literal(released)} as released (read_only)")
        with suppress(duckdb.CatalogException):
            known = dict(con.execute('select table_id, snapshot_no from released.core."snapshot"').fetchall())
        con.execute("detach released")
    following = count(max(known.values(), default=0) + 1)
    return {item.table.id: known.get(item.table.id) or next(following) for item in inputs}


def _load_parts(con: duckdb.DuckDBPyConnection, base: Base | None) -> None:
    """The parts that the candidate has already, as it goes on from a release."""
    raw.create(con, "part")
    if base:
        con.execute("insert into raw.part by name select * from core.build_part")


def _load_inputs(
    con: duckdb.DuckDBPyConnection, inputs: list[Input], numbers: Mapping[str, int], base: Base | None, clock: Clock
) -> None:
    raw.create(con, "snapshot")
    there = base.snapshots if base else {}
    rows = []
    for item in inputs:
        snapshot, table = item.snapshot, item.table
        number = numbers[table.id]
        told = vars(snapshot) | {
            "snapshot_no": number,
            "first_row_id": number * ROWS,
            "origin": item.origin,
            "note": item.note or None,
            "fetched_at": clock.fetched(snapshot),
            "version_stamp": json.dumps(snapshot.stamp, sort_keys=True),
            "owner": table.owner,
            "sharing_level": table.sharing_level,
            "cadence": table.cadence,
            "is_taken_over": there.get(table.id) == (snapshot.snapshot_id, snapshot.sha256),
        }
        rows.append({name: told[name] for name in raw.columns("snapshot")})
    raw.insert(con, "snapshot", rows)


def _load_metadata(con: duckdb.DuckDBPyConnection, inputs: list[Input], numbers: Mapping[str, int]) -> None:
    for name, order in (("dimensions", "position"), ("codes", "dimension, position"), ("measures", "position")):
        parts = [
            f"select {numbers[item.table.id]}::smallint as snapshot_no, * "
            f"from read_parquet({literal(item.snapshot.file(name + '.parquet'))})"
            for item in inputs
        ]
        number = "row_number() over (order by snapshot_no, {order})"
        if name == "measures":
            number = f"snapshot_no * {COLUMNS} + row_number() over (partition by snapshot_no order by {{order}}) - 1"
        con.execute(
            f"create table raw.{name[:-1]} as select {number.format(order=order)} as {name[:-1]}_id, * "
            f"from ({' union all by name '.join(parts)})"
        )
    for item in inputs:
        if stated := item.table.stated_status:
            of = "snapshot_no = $1 and dimension = $2"
            key = [numbers[item.table.id], item.snapshot.time_dimension]
            con.execute(
                f"update raw.code set status = 'Voorlopig' where {of} and code > $3", [*key, max(stated.periods)]
            )
            for code, status in stated.periods.items():
                con.execute(f"update raw.code set status = $3 where {of} and code = $4", [*key, status, code])


def _load_rows(con: duckdb.DuckDBPyConnection, inputs: list[Input], numbers: Mapping[str, int]) -> None:
    """A view on each snapshot's rows. ``row_no`` is the row's place in the snapshot, counted from 0."""
    for item in inputs:
        con.execute(
            f"create view raw.rows_{numbers[item.table.id]} as select file_row_number as row_no, * exclude (file_row_number) "
            f"from read_parquet({literal(item.snapshot.file('data.parquet'))}, file_row_number = true)"
        )


def _load_boundaries(con: duckdb.DuckDBPyConnection, inputs: list[Input]) -> None:
    """The areas that maps are drawn on, by year."""
    raw.create(con, "region_boundary")
    for item in inputs:
        con.execute(
            'insert into raw.region_boundary select ?, "Gebied", "Perioden"[:4]::smallint, "Naam", "Geometrie" '
            f"from read_parquet({literal(item.snapshot.file('data.parquet'))})",
            [item.snapshot.snapshot_id],
        )


def _load_region(con: duckdb.DuckDBPyConnection) -> None:
    """Who this data centre is, and which groups it declares."""
    center = here()
    raw.create(con, "data_center", "region_group_member")
    own = {
        "code": center.code,
        "name": center.name,
        "group_name": center.group.name,
        "slug": center.slug,
        "corop_code": center.corop,
        "province_code": center.province,
    }
    raw.insert(con, "data_center", [own])
    raw.insert(con, "region_group_member", [membership._asdict() for membership in center.memberships()])


def _load_disclosure_rules(con: duckdb.DuckDBPyConnection, inputs: list[Input]) -> None:
    """How the figures of municipal sources were protected, as their snapshots say; tables of CBS have no such rules."""
    raw.create(con, "disclosure_rule")
    for item in inputs:
        if (rules := item.snapshot.file("rules.parquet")).is_file():
            con.execute(f"insert into raw.disclosure_rule by name select * from read_parquet({literal(rules)})")


def load_goals(con: duckdb.DuckDBPyConnection, declared: list[goals.Goal]) -> None:
    """The policy goals, as municipalities declared them."""
    raw.create(con, "policy_goal")
    #: A column of the table by another name than the goal's own.
    differ = {
        "goal_id": "id",
        "region_code": "region",
        "indicator_id": "indicator",
        "target_value": "target",
        "comparison_group": "compare_with",
    }
    names = raw.columns("policy_goal")
    raw.insert(con, "policy_goal", [{n: getattr(goal, differ.get(n, n)) for n in names} for goal in declared])


def _load_published(
    con: duckdb.DuckDBPyConnection, released: Path | None, closed: Collection[str], base: Base | None = None
) -> None:
    """What earlier releases published, so that the history goes on; empty before the first release.

    What drew on a table that was closed since has no history here any more, in whatever version.
    """
    if base:  # it is in the candidate; dbt reads it before it replaces what changed
        names = ", ".join(map(identifier, raw.columns("published")))
        con.execute(f"create view raw.published as select {names} from core.indicator_history")
        return
    raw.create(con, "published")
    if released is None or not released.is_file():
        return
    con.execute(f"attach {literal(released)} as released (read_only)")
    con.execute(
        "insert into raw.published by name select * from released.core.indicator_history where indicator_id not in ("
        "select indicator_id from released.core.indicator_term where list_contains($closed, table_id) union "
        "select indicator_id from released.core.indicator_history "
        "where list_contains($closed, regexp_replace(snapshot_id, $after_table, '')))",
        {"closed": list(closed), "after_table": AFTER_TABLE},
    )
    con.execute("detach released")


def _correct_history(con: duckdb.DuckDBPyConnection, clock: Clock, corrected: int) -> None:
    """Tell the moments that a wrong clock told as they were decided to be told; earlier releases keep what they say."""
    if not clock.corrections[corrected:]:
        return
    for column in ("known_from", "known_to"):
        told = con.execute(f"select distinct {column} from raw.published where {column} is not null").fetchall()
        pairs = [(was, better) for (was,) in told if (better := clock.corrected(was, corrected)) != was]
        if pairs:
            con.executemany(f"update raw.published set {column} = $2 where {column} = $1", pairs)


def _load_outcomes(
    con: duckdb.DuckDBPyConnection, outcomes: Path, closed: Collection[str], delivered: Collection[str]
) -> None:
    """Every attempt to ingest a table; a line that a killed run left torn is passed over."""
    raw.create(con, "outcome")
    if outcomes.is_file():
        shape = ", ".join(f"'{name}': '{kind}'" for name, kind in raw.columns("outcome").items())
        con.execute(
            f"insert into raw.outcome select * from read_json({literal(outcomes)}, format = 'newline_delimited', "
            f"columns = {{{shape}}}, ignore_errors = true) where table_id is not null and not list_contains(?, table_id)",
            [list(closed)],
        )
        con.execute("update raw.outcome set reason = null where list_contains(?, table_id)", [list(delivered)])
