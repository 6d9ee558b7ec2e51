"""What policy choices did, worked out on a candidate that dbt is done with: ``mart.policy_effect`` and its path.

It never keeps a release back: what breaks an answer off is that answer's reason. An answer of which nothing changed is taken over
from the release that the candidate goes on from; where there are no choices, two empty tables are made and nothing is imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from ingest.sql import add_rows, identifier, literal, literals, records
from warehouse.effects.asked import Known
from warehouse.making import raw, written
from warehouse.registry.interventions import Intervention, Written
from warehouse.registry.repository import standing_since

EFFECT, PATH = "mart.policy_effect", "mart.policy_effect_path"
_QUESTION = "(intervention_id, indicator_id)"


@dataclass(frozen=True)
class WorkedOut:
    """:param questions: answered anew; ``taken_over``: of which nothing changed; ``broke_off``: what went wrong, per question."""

    questions: int = 0
    taken_over: int = 0
    broke_off: tuple[str, ...] = ()


def lay_out(con: duckdb.DuckDBPyConnection, declared: Iterable[Written], released: Path | None) -> None:
    """Lay out the choices, and since when the release before had their questions."""
    raw.create(con, "intervention", "asked_before")
    raw.insert(
        con,
        "intervention",
        [
            {
                "intervention_id": one.intervention.id,
                "position": place,
                "declaration": one.intervention.model_dump_json(),
                "committed_on": standing_since(one.file, one.intervention.id),
            }
            for place, one in enumerate(declared)
        ],
    )
    if released is not None and released.is_file():
        con.execute(f"attach {literal(released)} as released (read_only)")
        with suppress(duckdb.CatalogException):  # one from before there were effects
            names = ", ".join(raw.columns("asked_before"))
            con.execute(f"insert into raw.asked_before select distinct {names} from released.{EFFECT}")
        con.execute("detach released")


def work_out(con: duckdb.DuckDBPyConnection) -> WorkedOut:
    """Make the two tables; only what changed is worked out."""
    try:
        return _work_out(con)
    except Exception as error:  # no figure waits for what is wrong here
        for table in (EFFECT, PATH):
            written.create(con, table)
        return WorkedOut(broke_off=(f"{type(error).__name__}: {error}",))


def _work_out(con: duckdb.DuckDBPyConnection) -> WorkedOut:
    declared = [
        (Intervention.model_validate_json(row["declaration"]), row["committed_on"])
        for row in records(con.execute("select declaration, committed_on from raw.intervention order by position"))
    ]
    if not declared:
        for table in (EFFECT, PATH):
            written.create(con, table)
        return WorkedOut()
    from warehouse.effects import kept
    from warehouse.effects.declared import answer, askings
    from warehouse.effects.figures import figures

    there = _there(con)
    committed = {one.id: day for one, day in declared}
    stays, made, paths, broke_off = [], [], [], []
    for asking in askings([one for one, _ in declared]):
        one, indicator = asking.intervention.id, asking.indicator.indicator
        known = _known(con, one, indicator, asking.question, committed[one])
        found = figures(con, asking.intervention, asking.indicator)
        made_from = asking.made_from(found, known)
        if there.get((one, indicator)) == made_from:
            stays.append((one, indicator))
            continue
        asked = answer(asking, found, known)
        if asked.broke_off:
            broke_off.append(f"{one}, {indicator}: {asked.effect.reason}")
        made += kept.rows(asked, asking.question, "" if asked.broke_off else made_from)
        own = {r["period_code"]: r["snapshot_id"] for r in found.rows if r["region_code"] == asking.intervention.region}
        paths += kept.path_rows(asked, own)
    for table, rows in ((EFFECT, made), (PATH, paths)):
        if stays:
            same = ", ".join(literals(pair) for pair in stays)
            con.execute(f"delete from {table} where {_QUESTION} not in ({same})")
        names = written.columns(table) if stays else written.create(con, table)
        add_rows(con, table, [[row[name] for name in names] for row in rows])
    return WorkedOut(len({(r["intervention_id"], r["indicator_id"]) for r in made}), len(stays), tuple(broke_off))


def say_where_made(con: duckdb.DuckDBPyConnection, release_id: str) -> None:
    """What was worked out for this release, and which questions are new in it."""
    with suppress(duckdb.CatalogException):  # a file that dbt did not make
        for column in ("made_in", "first_release"):
            con.execute(
                f"update {EFFECT} set {identifier(column)} = $1 where {identifier(column)} is null", [release_id]
            )


def _there(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """The answers that the candidate has already, as it goes on from a release: what each was made from."""
    try:
        found = con.execute(
            f"select intervention_id, indicator_id, any_value(made_from) from {EFFECT} group by all"
        ).fetchall()
    except duckdb.CatalogException:
        return {}
    return {(one, indicator): made_from for one, indicator, made_from in found}


def _known(con: duckdb.DuckDBPyConnection, one: str, indicator: str, question: str, committed: date | None) -> Known:
    """Since when the question is there: as the release before knew it, where it is the same question still."""
    before = con.execute(
        "select min(committed_on), any_value(first_release), min(first_released_on) from raw.asked_before "
        "where intervention_id = ? and indicator_id = ? and question = ?",
        [one, indicator, question],
    ).fetchall()
    [(told, release, day)] = before
    if day is None:
        [(day,)] = con.execute("select known_at::date from raw.build").fetchall()
    return Known(min(filter(None, (told, committed)), default=None), release, day)
