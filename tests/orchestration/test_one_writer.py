"""One writer at a time, whoever started it; and what a build is made from is chosen once."""

# No `from __future__ import annotations` here: Dagster reads the annotations of a step's parameters as they are.
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from orchestration import pipeline
from orchestration.instance import KILLED, PROCESS, close_dead_runs, dagster_home
from orchestration.resource import Run
from orchestration.workspace import Workspace
from orchestration.writer import SIGNS, WRITER, BusyError, lives, sign_of_life, writing
from tests.ingest.statline.test_landing import V3
from tests.orchestration.test_pipeline import cbs, take, work  # noqa: F401
from tests.standin import StandIn
from warehouse.making.publishing import publish
from warehouse.releases.inputs import Input
from warehouse.releases.plan import Plan, PlanError

HOLD = """
import sys
import threading
from pathlib import Path
from orchestration.writer import writing, sign_of_life
home = Path(sys.argv[1])
with writing(home, "a long build"):
    print(sign_of_life(home), flush=True)
    sys.stdin.read()
"""

TRY = """
import sys
import threading
from pathlib import Path
from orchestration.writer import BusyError, writing
try:
    with writing(Path(sys.argv[1]), "an other"):
        print("got it")
except BusyError as error:
    print(error)
"""


class Other:
    """Another process that writes in a data folder until it is told to stop, or killed."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.sign = self.process.stdout.readline().strip()

    def stop(self) -> None:
        self.process.communicate("")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def other_says(home: Path) -> str:
    return subprocess.run([sys.executable, "-c", TRY, str(home)], capture_output=True, text=True, check=True).stdout


def test_the_one_that_must_wait_hears_for_whom(tmp_path: Path) -> None:
    other = Other(tmp_path)
    try:
        said = rf"a long build \(process {other.process.pid}, since 20[-0-9: ]*\)"
        with pytest.raises(BusyError, match=said), writing(tmp_path, "mine"):
            pass
    finally:
        other.stop()
    with writing(tmp_path, "mine"), writing(tmp_path, "mine, further in"):
        assert json.loads((tmp_path / WRITER).read_text())["what"] == "mine"
        assert "mine (process" in other_says(tmp_path)
    assert not (tmp_path / WRITER).exists()
    assert other_says(tmp_path) == "got it\n"


def test_a_killed_writer_leaves_nothing_to_put_right(tmp_path: Path) -> None:
    other = Other(tmp_path)
    assert lives(tmp_path, other.sign)
    other.kill()
    assert not lives(tmp_path, other.sign)
    with writing(tmp_path, "mine"):
        assert "mine" in (tmp_path / WRITER).read_text()


def test_something_else_in_the_place_of_a_file_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / WRITER).mkdir()
    (tmp_path / SIGNS).write_text("not a folder")
    with writing(tmp_path, "mine"):
        assert "mine" in (tmp_path / WRITER).read_text()
    assert lives(tmp_path, sign_of_life(tmp_path))
    assert {f.name for f in tmp_path.glob("damaged/*/*")} == {WRITER, SIGNS}


def test_one_that_waits_gets_its_turn_and_told_for_whom_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.writer.LOOK_SECONDS", 0.1)
    other, told = Other(tmp_path), []

    def waiting(text: str) -> None:
        told.append(text)
        other.stop()

    with writing(tmp_path, "mine", waiting):
        pass
    assert len(told) == 1 and "a long build" in told[0]


def test_one_that_waits_can_be_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDC_HOME", str(tmp_path))
    monkeypatch.setattr("orchestration.writer.LOOK_SECONDS", 0.1)
    other = Other(tmp_path)

    @dg.op
    def work_of_it(run: Run) -> None: ...

    @dg.job(resource_defs={"run": Run()}, executor_def=dg.in_process_executor)
    def build() -> None:
        work_of_it()

    def look(home: Path) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return "a long build"

    monkeypatch.setattr("orchestration.writer._writer", look)  # asked for once the wait has begun
    try:
        with dg.DagsterInstance.ephemeral() as instance:
            with pytest.raises((KeyboardInterrupt, dg.DagsterExecutionInterruptedError)):
                build.execute_in_process(instance=instance)
            [run] = instance.get_runs()
        assert run.is_finished and not run.is_success
        assert other.process.poll() is None, "it got its turn, and was not ended while it waited"
    finally:
        other.stop()


def test_a_dagster_run_is_the_writer_from_its_first_step_to_its_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It once let go of the lock as soon as it had it, so a second build went along with it."""
    monkeypatch.setenv("RDC_HOME", str(tmp_path))
    heard = []

    @dg.op
    def first(run: Run) -> int:
        heard.append(other_says(tmp_path))
        return 1

    @dg.op
    def last(number: int, run: Run) -> None:
        heard.append(other_says(tmp_path))

    @dg.job(resource_defs={"run": Run()}, executor_def=dg.in_process_executor)
    def build() -> None:
        last(first())

    with dg.DagsterInstance.ephemeral() as instance:
        done = build.execute_in_process(instance=instance)
        run = instance.get_run_by_id(done.run_id)
    assert done.success and len(heard) == 2
    assert all("Dagster, job build, run" in text for text in heard)
    assert run and lives(tmp_path, run.tags[PROCESS])
    assert other_says(tmp_path) == "got it\n"


def test_a_run_whose_process_was_killed_is_marked_failed(tmp_path: Path) -> None:
    other = Other(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:

        @dg.job
        def build() -> None: ...

        signs = {"theirs": other.sign, "ours": sign_of_life(tmp_path), "too new to have one": ""}
        runs = {
            name: instance.create_run_for_job(
                build, status=dg.DagsterRunStatus.STARTED, tags={PROCESS: sign} if sign else {}
            ).run_id
            for name, sign in signs.items()
        }
        assert close_dead_runs(instance, tmp_path) == 0
        other.kill()
        assert close_dead_runs(instance, tmp_path) == 1
        found = {name: instance.get_run_by_id(run_id) for name, run_id in runs.items()}
    assert {n for n, r in found.items() if r and r.status == dg.DagsterRunStatus.FAILURE} == {"theirs"}
    assert found["theirs"] and found["theirs"].tags[KILLED] == "yes"


def test_runs_of_the_daemon_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "dagster").mkdir()
    # As an earlier version left it.
    (tmp_path / "dagster" / "dagster.yaml").write_text("telemetry:\n  enabled: false\nnux:\n  enabled: false\n")
    with dg.DagsterInstance.from_config(str(dagster_home(tmp_path))) as instance:
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1
        assert instance.run_coordinator.dequeue_interval_seconds == 1  # type: ignore[attr-defined]
        assert instance.run_monitoring_enabled and not instance.telemetry_enabled
    (tmp_path / "dagster" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    assert (dagster_home(tmp_path) / "dagster.yaml").read_text() == "telemetry:\n  enabled: false\n"


# -- what a build is made from ----------------------------------------------------------------------------------------


def chosen(work: Workspace) -> list[Input]:  # noqa: F811
    return [c.input for c in pipeline.choose(work, "live", work.outcomes.latest()) if c.input]


def test_what_arrives_during_a_build_is_for_the_next(work: Workspace, cbs: StandIn) -> None:  # noqa: F811
    take(work)
    [first] = chosen(work)
    pipeline.prepare(work, [first])
    cbs[V3.id].touch()
    take(work)
    [second] = chosen(work)
    assert second.snapshot != first.snapshot
    assert pipeline.planned(work) == [first]
    plan = Plan.read(work.candidate.folder)
    assert plan.fingerprint == work.releases.fingerprint([first]) != work.releases.fingerprint([second])
    assert work.releases.is_new([second])


def test_a_candidate_without_a_plan_can_not_be_released(work: Workspace) -> None:  # noqa: F811
    with pytest.raises(PlanError, match="run `rdc run`"):
        pipeline.planned(work)


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        ("update raw.build set build_id = 'of another'", "another build"),
        ("update raw.snapshot set snapshot_id = 'T-2'", "raw.snapshot"),
        ("delete from core.snapshot", f"core.snapshot differ: {V3.id}"),
        ("update core.snapshot set sha256 = 'else'", "core.snapshot"),
        ("insert into core.indicator_value values ('T-9', 'published')", "figures of T-9"),
        (None, "was changed while"),
    ],
)
def test_a_release_holds_what_its_record_says(work: Workspace, cbs: StandIn, spoilt: str | None, says: str) -> None:  # noqa: F811
    take(work)
    pipeline.prepare(work, chosen(work))
    plan = Plan.read(work.candidate.folder)
    with work.candidate.connect() as con:
        con.execute("create schema core; create table core.snapshot as select * from raw.snapshot")
        con.execute("create table core.indicator_value as select snapshot_id, 'published' as method from raw.snapshot")
        plan.check(con, plan.code)
        if spoilt:
            con.execute(spoilt)
    if spoilt is None:
        work.settings.own_indicators.mkdir()
        (work.settings.own_indicators / "mine.yml").write_text("theme: wonen\n")
    with pytest.raises(PlanError, match=says):
        publish(work.releases, work.candidate, [], {"passed": 1}, "", plan)
    assert work.releases.all() == [] and work.candidate.file.is_file()


def test_the_record_is_the_plan_s(work: Workspace, cbs: StandIn) -> None:  # noqa: F811
    take(work)
    [first] = chosen(work)
    pipeline.prepare(work, [first])
    assert Plan.read(work.candidate.folder).inputs == {
        V3.id: {
            "snapshot_id": first.snapshot.snapshot_id,
            "sha256": first.snapshot.sha256,
            "origin": "live",
            "note": "",
        }
    }
