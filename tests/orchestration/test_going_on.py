"""A build that goes on from the current release gives what a whole build gives: every cell, every figure, every check."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import time_machine
import yaml

from ingest.settings import Settings
from orchestration import pipeline
from orchestration.workspace import Workspace
from tests.orchestration.conftest import Rdc
from tests.sample_tables import only_the_sample, sample_tables
from tests.standin import StandIn, Topic, V3Table
from warehouse.making.same import compare
from warehouse.releases.release import Release, Releases


@dataclass
class Installation:
    """A data folder, its source, and what someone may do to both."""

    cbs: StandIn
    home: Path
    away: set[str] = field(default_factory=set)
    code: str = ""
    #: Later than any release before, and the same for both builds of a step.
    now: datetime = datetime(2030, 1, 1, tzinfo=UTC)

    @property
    def work(self) -> Workspace:
        return Workspace.open(Settings.from_env({"RDC_HOME": str(self.home)} | self.cbs.env))

    def step(self) -> tuple[Release, dict[str, dict[str, str | None]]]:
        """Take in what changed and release it, after seeing that a whole build would be the same; with the parts of the release."""
        work = self.work
        tables = [t for t in work.selected(()) if t.protocol != "municipal"]
        pipeline.ingest(work, tables)
        inputs = [i for i in pipeline.inputs(work) if i.table.id not in self.away]
        whole = self.home / "whole.duckdb"
        self.now += timedelta(days=1)
        for file in (whole, None):
            with time_machine.travel(self.now, tick=False), pytest.MonkeyPatch.context() as patch:
                # A table that is no source any more is no loss; here it is still declared.
                patch.setattr(pipeline, "lost", lambda *_: "")
                pipeline.prepare(work, inputs, whole=file is not None)
            pipeline.build(work)
            pipeline.audit(work)
            pipeline.effects(work)
            pipeline.note_checks(work)
            if file:
                shutil.copyfile(work.candidate.file, file)
        with duckdb.connect() as con:
            con.execute(f"attach '{whole}' as whole (read_only); attach '{work.candidate.file}' as made (read_only)")
            found = compare(con, "whole", "made")
        assert len(found) > 30
        assert [t for t in found if not t.same] == []
        release = pipeline.release(work)
        with duckdb.connect(str(work.releases.current_file), read_only=True) as con:
            parts: dict[str, dict[str, str | None]] = {}
            for kind, part, made_in in con.execute("select kind, part, made_in from core.build_part").fetchall():
                parts.setdefault(kind, {})[part] = made_in
        return release, parts


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with StandIn(sample_tables()) as cbs:
        only_the_sample(tmp_path)
        yield Installation(cbs, tmp_path)


def row(table, number: int) -> dict[str, str]:
    found = next(table.rows.objects([number % len(table.rows)]))
    return {name: found[name] for name in table.dimensions}


# -- what may change --------------------------------------------------------------------------------------------------


def a_value(at: Installation, dice: random.Random) -> None:
    table = dice.choice([t for t in map(at.cbs.table, IDS) if isinstance(t, V3Table)])
    table.set_value(row(table, dice.randrange(10_000)), dice.choice(table.measures), dice.choice([None, 1, 250, 7]))
    table.touch()


def a_status(at: Installation, dice: random.Random) -> None:
    table = at.cbs.table("03759ned")
    period = dice.choice(table.rows.column("Perioden")).strip()
    table.set_code("Perioden", period, Status=dice.choice(["Voorlopig", "NaderVoorlopig", "Definitief"]))
    table.touch()


def a_name(at: Installation, dice: random.Random) -> None:
    table = at.cbs.table("81528NED")
    code = dice.choice([c for c in table.rows.column("RegioS") if c.startswith("GM")])
    table.set_code("RegioS", code.strip(), Title=f"Andere naam {dice.randrange(100)}")
    table.touch()


def rows_less(at: Installation, dice: random.Random) -> None:
    table = at.cbs.table("81528NED")
    table.drop_rows(row(table, dice.randrange(10_000)))
    table.touch()


def a_column_more(at: Installation, dice: random.Random) -> None:
    table = at.cbs.table("85005NED")
    table.add_measure(Topic(f"Extra{dice.randrange(10_000)}"), value=3)
    table.touch()


def a_table(at: Installation, dice: random.Random) -> None:
    at.away ^= {dice.choice(IDS)}


def a_definition(at: Installation, dice: random.Random) -> None:
    own = at.home / "indicators" / "eigen.yml"
    own.parent.mkdir(exist_ok=True)
    definition = {
        "id": "eigen_gas",
        "name": "Aardgas, eigen definitie",
        "direction": "neutraal",
        "source": "CBS",
        "versions": [
            {
                "version": 1,
                "valid_from": "2010-01-01",
                "definition": f"Proef {dice.randrange(100)}.",
                "unit": "m³",
                "decimals": 0,
                "aggregation": "none",
                "why_not": "Een gemiddelde kan niet worden opgeteld.",
                "bindings": [
                    {
                        "table": "81528NED",
                        "regions": ["land", "provincie", "corop", "gemeente"],
                        "value": [{"stem": "GemiddeldAardgasverbruik", "dimensions": {"Woningkenmerken": "T001100"}}],
                    }
                ],
            }
        ],
    }
    own.write_text(yaml.safe_dump({"theme": "milieu_en_energie", "indicators": [definition]}), encoding="utf-8")


def the_code(at: Installation, dice: random.Random) -> None:
    at.code = str(dice.randrange(1_000_000))


def nothing(at: Installation, dice: random.Random) -> None: ...


#: The order of changes follows from a seed; more of them by hand, in turn.
SEEDS = [int(seed) for seed in os.environ.get("RDC_TEST_SEEDS", "2026").split(",")]

IDS = [table.id for table in sample_tables()]
CHANGES: list[Callable[[Installation, random.Random], None]] = [
    *(a_value, a_value, a_status, a_name, rows_less, a_column_more, a_table, a_definition, the_code, nothing)
]


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_changes_the_release_is_what_a_whole_build_gives(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    with StandIn(sample_tables()) as cbs, pytest.MonkeyPatch.context() as patch:
        at = Installation(cbs, tmp_path)
        only_the_sample(at.home)
        code = Releases.code
        patch.setattr(Releases, "code", lambda self: code(self) + at.code)
        at.step()
        for change in dice.choices(CHANGES, k=5):
            print(change.__name__)  # told where the next step fails
            change(at, dice)
            at.step()


@pytest.mark.long
def test_each_change_makes_what_it_must_and_takes_over_the_rest(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, dice = installation, random.Random(1)
    code = Releases.code
    monkeypatch.setattr(Releases, "code", lambda self: code(self) + at.code)
    first, parts = at.step()
    assert first.base is None and all(m == first.release_id for kind in parts.values() for m in kind.values())

    at.cbs.table("85005NED").set_value(row(at.cbs.table("85005NED"), 5), at.cbs.table("85005NED").measures[0], 77)
    at.cbs.table("85005NED").touch()
    second, parts = at.step()
    made = {kind: {p for p, m in of.items() if m == second.release_id} for kind, of in parts.items()}
    assert second.base == first.release_id and second.depth == 1
    assert made["source_table"] == {"85005NED"}
    assert made["mart"] == {"milieu_en_energie"}
    assert 0 < len(made["indicator"]) < 10

    a_table(at, random.Random(3))  # one table less: its cells go, and the figures that drew on it
    third, parts = at.step()
    assert third.depth == 2 and not at.away & parts["source_table"].keys()
    the_code(at, dice)
    fourth, _ = at.step()
    assert (fourth.base, fourth.depth) == (None, 0)
    a_definition(at, dice)
    fifth, parts = at.step()
    assert fifth.base is None and "eigen_gas" in parts["indicator"]
    for change in (a_status, a_name, rows_less, a_column_more):
        change(at, dice)
    assert at.step()[0].base is not None


@pytest.mark.long
def test_rebuild_gives_the_release_that_went_on_from_another(released: Rdc, tmp_path: Path) -> None:
    with StandIn(sample_tables()) as cbs:
        table = cbs.table("85005NED")
        table.set_value(row(table, 3), table.measures[0], 78)
        table.touch()
        own = released.copy(tmp_path, cbs.env)
        own("run")
        [(made, taken)] = own.sql(
            "select count(*) filter (made_in = release_id), count(*) filter (made_in <> release_id) from core.build_part, core.release"
        )
        assert 0 < made < 20 and taken > 200
        told = own.json("rebuild")
        assert told["same"] and not told["released"] and len(told["tables"]) > 30
        assert sum(t["rows"] for t in told["tables"]) > 100_000

        stopped = own.start("rebuild")
        time.sleep(3)
        stopped.send_signal(signal.SIGINT)
        assert "Stopped. The current release stays as it is." in stopped.communicate(timeout=60)[0]
        assert stopped.returncode == 1 and not (own.home / "warehouse" / "candidate").exists()

        [(snapshot,)] = own.sql("select snapshot_id from core.snapshot where table_id = '85005NED'")
        file = own.home / "snapshots" / "85005NED" / snapshot / "data.parquet"
        file.chmod(0o644)
        file.write_bytes(file.read_bytes()[:-9] + b"!" * 9)
        said = " ".join(own("rebuild", status=1).stderr.split())
        assert f"Snapshot {snapshot} of 85005NED is not as it was laid down (data.parquet changed or gone)" in said
        assert own("query", "select 1").returncode == 0
