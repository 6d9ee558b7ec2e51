"""A data folder in which one file after another is spoilt: told, put aside, mended, and never taken for an empty one."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ingest.municipal.layer import Delivery, Layer
from ingest.outcome import FETCHED, Outcome, Outcomes
from ingest.settings import Settings
from ingest.snapshot import SAMPLE, Snapshot, Store, Verdict
from ingest.storage.clock import Clock
from ingest.storage.durable import PRIVATE, write
from orchestration.cli import main
from orchestration.damage import mended
from orchestration.instance import dagster_home
from tests.warehouse import made
from warehouse.releases.release import Releases
from warehouse.serve.keys import Keys

ODD = "a'b;c?d#e %20 [x]*"
TABLE, CONTRACT = "83625NED", "wmo_jeugd_clienten"


def delivery(n: int) -> Delivery:
    return Delivery(
        *(f"2026110{n}T000000-abc-def", f"2026-11-0{n}T00:00:00+00:00", "a.csv", f"{n}" * 64, 9, "drop", "accepted"),
        *([], [], 2, 2, 0, {}, [["GM0770", f"202{n}JJ00"]], "i"),
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with something of every kind in it."""
    home = tmp_path_factory.mktemp("template")
    for shift in (1, 2):
        made.publish(home / "warehouse", shift=shift)
    store = Store(home / "snapshots")
    earlier = Snapshot.read(SAMPLE / TABLE)
    for snapshot_id in (earlier.snapshot_id, f"{TABLE}-20300101T000000000Z-12345678"):
        shutil.copytree(earlier.path, home / "snapshots" / TABLE / snapshot_id)
        store.judge(Snapshot.read(home / "snapshots" / TABLE / snapshot_id), Verdict(True, "2026-11-01", [], []))
    for n in range(3):
        Outcomes(home / "snapshots").append(Outcome(TABLE, f"2026-11-0{n + 1}T00:00:00+00:00", FETCHED))
    layer = Layer(home / "municipal", CONTRACT)
    for n in range(1, 4):
        layer.add(delivery(n), [{"gemeente": "GM0770", "period": f"202{n}JJ00"}], [])
    Clock(highest="2026-11-01T00:00:00+00:00").write(home)
    Keys(home).add("partner", "Omgevingsdienst", "partners")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        runs = dagster_home(home) / "storage" / "runs.db"
    runs.parent.mkdir()
    with closing(sqlite3.connect(runs)) as con:
        con.execute("create table runs as select 1 as run_id")
        con.commit()
    return home


#: Each kind of file: where it is, and whether what it says is made again whole (else it is told as lost).
FILES = {
    "current file": ("warehouse/rdc.duckdb", True),
    "pointer": ("warehouse/current.json", True),
    "kept file of the current release": ("warehouse/releases/{new}/rdc.duckdb", True),
    "kept file of an earlier release": ("warehouse/releases/{old}/rdc.duckdb", False),
    "release.json": ("warehouse/releases/{new}/release.json", True),
    "release.json of an earlier release": ("warehouse/releases/{old}/release.json", True),
    "record": ("warehouse/records/{new}.json", True),
    "last number": ("warehouse/last.json", True),
    "sums": ("warehouse/releases/{new}/SHA256SUMS", True),
    "mark": ("warehouse/releases/{new}/promoted", True),
    "manifest": (f"snapshots/{TABLE}/{TABLE}-20300101T000000000Z-12345678/snapshot.json", True),
    "parquet": (f"snapshots/{TABLE}/{TABLE}-20300101T000000000Z-12345678/data.parquet", True),
    "verdict": (f"snapshots/{TABLE}/{TABLE}-20300101T000000000Z-12345678.verdict.json", True),
    "clock": ("clock.json", True),
    "levels": ("warehouse/levels.json", True),
    "outcomes": ("snapshots/outcomes.jsonl", True),
    "deliveries": (f"municipal/{CONTRACT}/deliveries.jsonl", True),
    "delivery": (f"municipal/{CONTRACT}/records/{delivery(2).delivery_id}.json", True),
    "keys": ("keys.json", False),
    "dagster's settings": ("dagster/dagster.yaml", True),
    "dagster's runs": ("dagster/storage/runs.db", True),
}


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes() or b"x")
    content[len(content) // 2] ^= 1
    rewrite(file, bytes(content))


def rewrite(file: Path, content: bytes) -> None:
    file.chmod(0o600)
    file.write_bytes(content)


def folder_instead(file: Path) -> None:
    file.unlink()
    file.mkdir()
    (file / "mine.txt").touch()


WAYS: dict[str, Callable[[Path], Any]] = {
    "cut": lambda f: rewrite(f, f.read_bytes()[: f.stat().st_size // 2]),
    "empty": lambda f: rewrite(f, b""),
    "garbage": lambda f: rewrite(f, b"\x00\xff{not what it was" * 300),
    "one byte": flip,
    "missing": Path.unlink,
    "a folder": folder_instead,
}
#: Not damage: nothing to read back in it, or it says the same without.
HARMLESS = {("mark", how) for how in WAYS if how != "missing"} | {
    *(
        ("pointer", "missing"),
        ("record", "missing"),
        ("last number", "missing"),
        ("verdict", "missing"),
        ("clock", "missing"),
        ("levels", "missing"),
        ("outcomes", "missing"),
        ("keys", "missing"),
    ),
    *(("outcomes", "empty"), ("outcomes", "cut")),  # nothing, or one line that a kill may have torn
    *(("dagster's settings", how) for how in ("missing", "one byte")),  # YAML all the same
    *(("dagster's runs", how) for how in ("missing", "empty", "one byte")),
    *(("delivery", how) for how in WAYS),  # the log has it
    ("parquet", "one byte"),  # compared when it is used
}
CASES = [
    pytest.param(
        *(what, how),
        id=f"{what}, {how}",
        marks=() if how in ("one byte", "missing") and (what, how) not in HARMLESS else pytest.mark.long,
    )
    for what in FILES
    for how in WAYS
]


def said(result: Result) -> str:
    """What was said, whatever the width of the terminal and the frames around it."""
    return re.sub(r"[\s│]", "", result.output)


class Home:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, *arguments: str) -> Result:
        done = CliRunner().invoke(main, arguments, env={"RDC_HOME": str(self.path), "COLUMNS": "300"})
        assert done.exception is None or isinstance(done.exception, SystemExit), done.output
        assert "Traceback" not in done.output
        return done

    def answers(self) -> tuple[Any, ...]:
        figures = self("query", "select count(*), sum(value) from core.indicator_value", "--format", "csv")
        listed = {r["release_id"]: r["current"] for r in json.loads(self("releases", "--json").stdout)}
        deliveries = [d.delivery_id for d in Layer(self.path / "municipal", CONTRACT).deliveries()]
        return figures.stdout, listed, deliveries


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Home:
    return Home(Path(shutil.copytree(template, tmp_path / "home")))


@pytest.mark.parametrize(("what", "how"), CASES)
def test_what_is_damaged_is_told_put_aside_and_made_again(home: Home, what: str, how: str) -> None:
    before = home.answers()
    old, new = sorted(before[1])
    name, whole = FILES[what]
    file = home.path / name.format(old=old, new=new)
    if what.endswith("an earlier release") and how == "one byte" and file.suffix == ".duckdb":
        whole = True  # compared when it is gone back to
    WAYS[how](file)
    spoilt = None if not file.is_file() else file.read_bytes()

    told = home("status")
    after = home.answers()

    if what == "kept file of an earlier release" and not whole:
        assert after == (before[0], {new: True}, before[2])
        assert f"Release{old}can'tbegonebacktoanymore." in said(told)
    else:
        assert after == before
    if (what, how) in HARMLESS or (what.startswith("kept") and how == "one byte"):
        assert "DAMAGED" not in told.output, told.output
    elif what == "keys":
        assert "rdc keys add" in told.output
    else:
        assert "DAMAGED" in told.output, told.output
        assert str(file if what not in ("manifest", "parquet") else file.parent) in said(told), told.output
        kept = [f for f in (home.path / "damaged").rglob(file.name) if f.is_file()]
        assert spoilt is None or spoilt in [f.read_bytes() for f in kept], "what was damaged was not kept"
    lost = not whole and (what, how) not in HARMLESS
    assert told.exit_code == home("status").exit_code == int(lost)  # as long as nobody looked at it
    again = home("status")
    assert "DAMAGED" not in again.output
    if lost:
        (home.path / "damaged").rename(home.path.parent / "looked at")
        assert home("status").exit_code == 0


def test_the_current_release_is_taken_from_the_folder_and_the_folder_from_it(home: Home) -> None:
    before = home.answers()
    shutil.rmtree(home.path / "warehouse" / "releases")
    told = home("status")
    assert told.exit_code == 1 and "can'tbegonebacktoanymore" in said(told)
    assert home.answers()[0] == before[0]
    # Nothing whole is left: said, and not taken for a beginning.
    for file in (home.path / "warehouse").rglob("rdc.duckdb"):
        rewrite(file, b"garbage")
    told = home("query", "select 1")
    assert told.exit_code == 1 and "Noreleasecanbeused.`rdcrun`makesone" in said(told)


@pytest.mark.parametrize("how", ["file", "file and record", "folder", "all, with the memory of numbers"])
def test_a_number_is_given_once_whatever_is_lost(home: Home, how: str) -> None:
    warehouse = home.path / "warehouse"
    old, new = sorted(home.answers()[1])
    if how == "folder":
        shutil.rmtree(warehouse / "releases" / new)
        (warehouse / "rdc.duckdb").unlink()
    else:
        for file in (warehouse / "rdc.duckdb", warehouse / "releases" / new / "rdc.duckdb"):
            rewrite(file, b"garbage")
    if how == "file and record":
        for file in (warehouse / "records" / f"{new}.json", warehouse / "releases" / new / "release.json"):
            rewrite(file, b"garbage")
    if how.startswith("all"):
        flip(warehouse / "last.json")
    told = home("status")
    assert told.exit_code == 1 and said(told).count(f"Release{new}can'tbegonebacktoanymore.") <= 2
    assert not (warehouse / "releases" / new).exists() and not list(warehouse.glob(f"records/{new}.*"))
    again = home("status")
    assert "DAMAGED" not in again.output
    assert made.publish(warehouse, shift=3).release_id not in (old, new)


def test_a_release_that_was_gone_back_to_is_the_one_that_comes_back(home: Home) -> None:
    old, new = sorted(home.answers()[1])
    assert home("rollback", old).exit_code == 0
    before = home.answers()
    (home.path / "warehouse" / "rdc.duckdb").unlink()
    assert home.answers() == before and before[1] == {old: True, new: False}
    # And where that is not known any more, the newest, said as a guess.
    (home.path / "warehouse" / "rdc.duckdb").unlink()
    (home.path / "warehouse" / "current.json").unlink()
    assert "Lookwhetherthatisright" in said(home("status"))
    assert home.answers()[1] == {old: False, new: True}


@pytest.mark.parametrize("corrections", [0, 1])
def test_what_is_known_of_the_clock_is_lost_with_its_corrections(
    home: Home, corrections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Releases.all
    monkeypatch.setattr(Releases, "all", lambda self: [replace(r, corrections=corrections) for r in kept(self)])
    flip(home.path / "clock.json")
    told = home("clock")
    assert ("Thecorrections" in said(told)) == bool(corrections) and "DAMAGED" in told.output
    assert home("status").exit_code == corrections


def test_a_run_of_dagster_looks_first(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    import dagster as dg

    from orchestration.resource import Run

    monkeypatch.setenv("RDC_HOME", str(home.path))
    flip(home.path / "snapshots" / "outcomes.jsonl")
    rewrite(home.path / "warehouse" / "rdc.duckdb", b"garbage")
    current = []
    with dg.build_init_resource_context() as context, Run().yield_for_execution(context) as run:
        current.append(run.workspace().releases.current())
    assert current[0] is not None
    assert len([f for f in (home.path / "damaged").rglob("*") if f.name in ("outcomes.jsonl", "rdc.duckdb")]) == 2


def test_a_delivery_whose_line_and_record_are_damaged_keeps_its_rows(home: Home) -> None:
    layer = Layer(home.path / "municipal", CONTRACT)
    lost = delivery(2).delivery_id
    (layer.folder / "records" / f"{lost}.json").unlink()
    rewrite(layer.log.file, layer.log.file.read_bytes().replace(b"2022JJ00", b"2025JJ00"))
    layer.sweep()
    assert layer.rows(lost) is not None
    told = home("status")
    assert told.exit_code == 1 and "mustbedeliveredagain" in said(told)


def test_who_has_dagsters_databases_open_does_not_look_at_them(home: Home) -> None:
    """A look would give up SQLite's locks on them, and two would write at once."""
    runs = home.path / "dagster" / "storage" / "runs.db"
    rewrite(runs, b"garbage" * 100)
    assert mended(Settings(home.path), dagster=False) == [] and runs.read_bytes() == b"garbage" * 100
    assert [Path(found.path) for found in mended(Settings(home.path))] == [runs]


def test_nothing_is_done_while_a_run_is_working(home: Home) -> None:
    from filelock import FileLock

    file = home.path / "snapshots" / "outcomes.jsonl"
    flip(file)
    spoilt = file.read_bytes()
    with FileLock(home.path / ".run.lock"):
        assert "DAMAGED" not in home("status").output
        assert file.read_bytes() == spoilt and not (home.path / "damaged").exists()
    assert "DAMAGED" in home("status").output


def test_a_whole_folder_costs_no_copy_and_no_word(home: Home) -> None:
    assert "DAMAGED" not in home("status").output
    assert not (home.path / "damaged").exists()
    assert Releases(home.path / "warehouse").current() is not None


def test_a_folder_is_where_the_lock_should_be(home: Home) -> None:
    (home.path / ".run.lock").mkdir()
    assert home("status").exit_code == 0
    write(home.path / "damaged" / "x", b"", PRIVATE)
    assert not (home.path / ".run.lock").is_dir()


def test_a_data_folder_may_be_called_anything(template: Path, tmp_path: Path) -> None:
    home = Home(Path(shutil.copytree(template, tmp_path / ODD)))
    whole = Home(template).answers()
    assert home.answers() == whole
    third = made.publish(home.path / "warehouse", shift=3)
    assert home("status").exit_code == 0
    assert home("pull", "bevolking", "--output", str(home.path / "out.csv")).exit_code == 0
    assert home("query", "select 1", "--format", "parquet", "--output", str(home.path / "out.parquet")).exit_code == 0
    old, new, _ = sorted(home.answers()[1])
    assert home("diff", old, third.release_id).exit_code == 0
    assert home("rollback", new).exit_code == 0
    assert home.answers()[0] == whole[0]
    assert not list(tmp_path.glob("a'b;c*.wal*")) and [p.name for p in tmp_path.iterdir()] == [ODD]
