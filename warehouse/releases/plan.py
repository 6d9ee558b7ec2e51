"""What a build is made from: chosen once, written down, and compared before the build is published.

Every step of a build, and the release's record, take the inputs from here. What arrives while a build is going on is for
the next one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from ingest.errors import MendableError
from ingest.storage import durable

if TYPE_CHECKING:
    from warehouse.releases.inputs import Input

NAME = "plan.json"


class PlanError(MendableError):
    """A build without a plan, or one that holds something else than its plan says; the current release stays."""


@dataclass(frozen=True)
class Plan:
    """The plan of one build.

    :param build_id: tells this build from every other; the candidate carries it too.
    :param known_at: the moment from which the figures of this build are known (ISO 8601, UTC).
    :param inputs: per table ``snapshot_id``, ``sha256``, ``origin`` and ``note``.
    :param corrections: how many corrections of the clock are made in its history.
    :param base: the release that it goes on from, and ``depth`` that release's own place after a whole build.
    :param code: SHA-256 over what turns snapshots into figures, and ``fingerprint`` over that and the inputs.
    """

    build_id: str
    known_at: str
    inputs: dict[str, dict[str, str]]
    code: str
    fingerprint: str
    corrections: int = 0
    base: str | None = None
    depth: int = 0

    @classmethod
    def of(cls, inputs: Iterable[Input], known_at: str, code: str, fingerprint: str, corrections: int = 0) -> Plan:
        chosen = {
            i.table.id: {
                "snapshot_id": i.snapshot.snapshot_id,
                "sha256": i.snapshot.sha256,
                "origin": i.origin,
                "note": i.note,
            }
            for i in inputs
        }
        return cls(uuid.uuid4().hex, known_at, chosen, code, fingerprint, corrections)

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """:raises PlanError: the candidate in the folder has no plan, or one that can't be read."""
        try:
            return cls(**durable.read_record(folder / NAME, "Run `rdc run` again."))
        except (FileNotFoundError, durable.Damaged, TypeError) as error:
            raise PlanError(f"{folder} has no plan of a build that can be read ({error}); run `rdc run`") from error

    def write(self, folder: Path) -> None:
        durable.record(folder / NAME, asdict(self))

    def check(self, con: duckdb.DuckDBPyConnection, code: str) -> None:
        """Compare the candidate with this plan: both what was laid out for dbt, and what dbt made of it.

        :param code: what :attr:`code` would be now.
        :raises PlanError: they differ, and how.
        """
        found = con.execute("select build_id from raw.build").fetchall()
        if found != [(self.build_id,)]:
            raise PlanError(
                "The candidate is of another build than its plan, so it can't be released. Run `rdc run` again."
            )
        planned = {
            (table, chosen["snapshot_id"], chosen["sha256"], chosen["origin"]) for table, chosen in self.inputs.items()
        }
        for schema in ("raw", "core"):
            held = set(con.execute(f'select table_id, snapshot_id, sha256, origin from {schema}."snapshot"').fetchall())
            if held != planned:
                differ = ", ".join(sorted({row[0] for row in held ^ planned}))
                raise PlanError(
                    f"The candidate does not hold what its plan says (in {schema}.snapshot differ: {differ}), so it can't be "
                    "released. Run `rdc run` again."
                )
        strange = con.execute(
            # What is kept of a source that does not fit is of an earlier release, and says so.
            "select distinct snapshot_id from core.indicator_value where snapshot_id is not null and method <> 'kept' "
            'and snapshot_id not in (select snapshot_id from core."snapshot")'
        ).fetchall()
        if strange:
            raise PlanError(
                f"The candidate has figures of {', '.join(sorted(s for (s,) in strange))}, which its plan does not name, so it "
                "can't be released. Run `rdc run` again."
            )
        if code != self.code:
            raise PlanError(
                "A model, a definition or a check was changed while the build was going on, so it can't be released. "
                "Run `rdc run` again."
            )
