"""A kill (-9) or a full disk at every named write of a delivery, a verdict, a key and a release: the next try ends well, with no
step by hand, and what is told of is not damage."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.settings import Settings
from tests.faulty import at_write, in_a_child, named, writes

PROJECT = Path(__file__).parents[2]
CONTRACT = "wmo_jeugd_clienten"


def delivered(home: Path) -> None:
    """What a municipality put in the drop folder."""
    from tests.ingest.municipal.test_deliveries import PLENTY, clients

    (home / "drop" / CONTRACT).mkdir(parents=True)
    (home / "drop" / CONTRACT / "2024.csv").write_text(clients(PLENTY), encoding="utf-8")


def everything(home: Path) -> None:
    """Something of all that a run writes, but for dbt and the audits."""
    from ingest.municipal import source
    from ingest.snapshot import Verdict
    from orchestration.workspace import Workspace
    from tests.warehouse import made
    from warehouse.serve.keys import Keys

    work = Workspace.open(Settings(home))
    contract = work.registry.contracts[CONTRACT]
    fewer = contract.observation.model_copy(update={"dimensions": ("wet",)})
    work.registry.contracts[CONTRACT] = contract.model_copy(update={"observation": fewer})
    [table] = work.registry.select((CONTRACT,))
    with work.writing("a test"):
        work.sweep()
        outcome = source.land(work, table)
        work.outcomes.append(outcome)
        if outcome.failed:
            raise AssertionError(outcome.reason)
        for snapshot in work.store.unjudged(CONTRACT):
            work.store.judge(snapshot, Verdict(True, "2026-11-27T00:00:00+00:00", [], []))
        keys = Keys(home)
        if not keys.all():
            keys.add("partner", "Omgevingsdienst", "partners")
        shutil.rmtree(work.candidate.folder, ignore_errors=True)  # as a build begins
        made.publish(work.settings.warehouse, keep=2)


def looked_over(home: Path) -> None:
    """What a kill or a full disk left is no damage: nothing is told, nothing put aside."""
    from orchestration.damage import mended

    found = mended(Settings(home))
    assert found == [], found


def whole(home: Path) -> None:
    from ingest.municipal.layer import Layer
    from ingest.snapshot import Store
    from ingest.verified import file_sha256
    from orchestration.damage import mended
    from warehouse.releases.release import Releases
    from warehouse.releases.sums import SUMS, read_sums
    from warehouse.serve.keys import Keys

    assert mended(Settings(home)) == []
    layer = Layer(home / "municipal", CONTRACT)
    [delivery] = layer.deliveries()
    assert len(layer.rows(delivery.delivery_id) or []) == delivery.accepted > 0
    store = Store(home / "snapshots")
    assert store.good(CONTRACT) is not None and all(not s.damaged() for s in store.all(CONTRACT))
    assert [k.key_id for k in Keys(home).all()] == ["partner"]
    releases = Releases(home / "warehouse")
    kept, current = releases.all(), releases.current()
    assert current == kept[-1] and file_sha256(releases.current_file) == current.sha256
    for release in kept:
        folder = releases.path(release.release_id).parent
        sums = read_sums((folder / SUMS).read_text(encoding="utf-8"))
        assert {name: file_sha256(folder / name) for name in sums} == sums
    names = {p.name for p in (home / "warehouse" / "releases").iterdir()}
    assert names == {r.release_id for r in kept}
    left = [p for p in home.rglob("*") if p.name.endswith(".part") or p.name.startswith(".landing")]
    left = [p for p in left if p.parent not in (home, home / "snapshots")]  # these go when they are a minute old
    assert left == [] and list((home / "tmp").iterdir()) == []


def everywhere(folder: Path, what: str, each: int) -> None:
    """Run in a process of its own, that forks before DuckDB has threads."""
    import pandas  # noqa: F401  (once here, instead of in every child; DuckDB looks for it)

    from orchestration import damage, workspace  # noqa: F401
    from tests.warehouse import made  # noqa: F401

    os.environ["RDC_PSEUDONYM_KEY"] = "a secret for tests, and for nothing else"
    os.environ["RDC_DROP_SETTLE_SECONDS"] = "0"
    first = folder / "first" / "home"
    delivered(first)
    found = writes(first, lambda: everything(first))
    assert len(found) > 30, found
    met = 0
    for number, name in enumerate(found[::each]):
        home = folder / f"{number}" / "home"
        delivered(home)
        if "releases" in name or "warehouse" in name:
            _well(lambda home=home: everything(home), name)  # a release that was there before
        ended = in_a_child(lambda home=home, name=name: (at_write(home, named(name), what), everything(home)))
        met += ended != 0
        _well(lambda home=home: looked_over(home), f"{name} ({ended}), looked over")
        _well(lambda home=home: everything(home), f"{name} ({ended}), once more")
        _well(lambda home=home: whole(home), f"{name} ({ended}), whole")
    print(met, len(found))


def _well(work: Callable[[], object], where: str) -> None:
    if in_a_child(work) != 0:
        raise AssertionError(f"after {where}")


@pytest.mark.long
@pytest.mark.parametrize(("what", "each"), [("kill", 1), ("full", 2)])
def test_at_every_named_write(tmp_path: Path, what: str, each: int) -> None:
    program = (
        "import sys, pathlib; from tests.orchestration.test_killed import everywhere; "
        "everywhere(pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), what, str(each)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    met, all_of_them = map(int, done.stdout.split()[-2:])
    assert met > 0.7 * all_of_them / each  # at the others it was taken in its stride
