"""A snapshot is read by a build only as it was laid down; one that was changed on disk is told, passed over and fetched anew."""

from __future__ import annotations

import json
import os
from pathlib import Path

import duckdb
import pytest

from ingest.http import Client
from ingest.outcome import FAILED, FETCHED, UNCHANGED, UNREACHABLE
from ingest.registry import Registry
from ingest.settings import Settings
from ingest.snapshot import Snapshot, Store, Verdict, now
from orchestration import pipeline
from orchestration.status import overview
from orchestration.workspace import Workspace
from tests.ingest.statline.test_landing import V3, v3_table
from tests.orchestration.conftest import Rdc
from tests.sample_tables import sample_tables
from tests.standin import StandIn


@pytest.fixture
def source():
    with StandIn([v3_table()], page_size=7) as standin:
        yield standin


@pytest.fixture
def work(source: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    opened = Workspace.open(Settings.from_env({"RDC_HOME": str(tmp_path)} | source.env))
    opened.registry = Registry({V3.id: V3})
    opened.client = Client(timeout=1.0, attempts=1, backoff=0.01)

    def accept(work: Workspace, tables: object) -> dict[str, object]:
        """Everything is accepted: what the audit says is not what is tried here."""
        for snapshot in work.store.unjudged(V3.id):
            work.store.judge(snapshot, Verdict(True, now(), [], []))
        return {}

    monkeypatch.setattr(pipeline, "judge", accept)
    return opened


def rewrite(snapshot: Snapshot, new: int = 17, quiet: bool = True) -> None:
    """One figure changed, as somebody would who has no bad intentions, or as one who covers the traces."""
    file = snapshot.file("data.parquet")
    before = file.stat()
    beside = file.with_suffix(".other")
    duckdb.sql(f"copy (select * replace ({new}::bigint as \"Aardgas_1\") from '{file}') to '{beside}' (format parquet)")
    if quiet:
        content = beside.read_bytes()
        file.write_bytes(content[: before.st_size].ljust(before.st_size, b"\0"))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        beside.unlink()
    else:
        beside.replace(file)


def take(work: Workspace) -> str:
    return pipeline.ingest(work, [V3])[V3.id].result


def chosen(work: Workspace) -> pipeline.Choice:
    [choice] = pipeline.choose(work, "auto", work.outcomes.latest())
    return choice


@pytest.mark.parametrize("quiet", [False, True], ids=["as it comes", "with size and time put back"])
def test_a_rewritten_snapshot_is_passed_over_and_the_one_before_serves(
    work: Workspace, source: StandIn, quiet: bool
) -> None:
    take(work)
    first = work.store.good(V3.id)
    source[V3.id].touch()
    take(work)
    second = work.store.good(V3.id)
    assert first and second and first != second
    # Equal content is kept once (a hard link): what befalls one must not befall the other here.
    own = second.file("data.parquet").read_bytes()
    second.file("data.parquet").unlink()
    second.file("data.parquet").write_bytes(own)
    assert work.store.good(V3.id) == second

    rewrite(second, quiet=quiet)

    choice = chosen(work)
    assert choice.input and choice.input.snapshot == first and choice.input.origin == "last_good"
    for told in (choice.reason, choice.spoilt):
        assert V3.id in told and second.snapshot_id in told and "data.parquet changed or gone" in told
    [state] = [t for t in overview(work)["tables"] if t["table_id"] == V3.id]
    assert (state["state"], state["snapshot_id"]) == ("failed", first.snapshot_id)
    assert "data.parquet changed or gone" in state["why"]


def test_what_was_changed_is_fetched_anew_though_the_source_published_nothing(work: Workspace, source: StandIn) -> None:
    take(work)
    first = work.store.good(V3.id)
    assert first and pipeline.plan(work, [V3])[V3.id].result == UNCHANGED
    rewrite(first, quiet=False)

    assert pipeline.plan(work, [V3])[V3.id].result == FETCHED
    outcome = pipeline.ingest(work, [V3])[V3.id]

    assert outcome.result == FETCHED and "fetched anew" in outcome.reason and first.snapshot_id in outcome.reason
    again = work.store.good(V3.id)
    assert again and again != first
    assert duckdb.sql(f"select min(\"Aardgas_1\") from '{again.file('data.parquet')}'").fetchall() == [(1000,)]
    assert chosen(work).spoilt == ""
    [state] = [t for t in overview(work)["tables"] if t["table_id"] == V3.id]
    assert state["state"] == "ok" and "fetched anew" in state["why"]


def test_where_nothing_else_can_serve_the_current_release_stays(
    work: Workspace, source: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(work)
    good = work.store.good(V3.id)
    assert good
    rewrite(good)
    source.stop()
    assert take(work) in (FAILED, UNREACHABLE)
    choice = chosen(work)
    assert choice.input is None and "no earlier one that could serve" in choice.reason
    used = {V3.id: {"origin": "live", "snapshot_id": good.snapshot_id}}
    monkeypatch.setattr(type(work.releases), "current", lambda _: type("R", (), {"inputs": used})())
    assert "The current release stays" in pipeline.lost(work, [])
    with pytest.raises(pipeline.BlockedError, match=good.snapshot_id):
        pipeline.prepare(work, [])
    # Put aside as damaged, it is gone all the same; and what nobody of this level may see is no loss.
    work.store.remove(good)
    assert "no snapshot of it is left" in pipeline.lost(work, [])
    work.registry = Registry({V3.id: V3.model_copy(update={"sharing_level": "partners"})})
    assert pipeline.lost(work, []) == ""


@pytest.mark.parametrize("name", ["data.parquet", "codes.parquet", "measures.parquet", "dimensions.parquet"])
@pytest.mark.parametrize("how", ["gone", "empty", "one byte"])
def test_every_file_that_a_build_reads_is_looked_at(work: Workspace, name: str, how: str) -> None:
    take(work)
    good = work.store.good(V3.id)
    assert good and work.store.changed(good) == []
    file = good.file(name)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    if how != "gone":
        file.write_bytes(content if how == "one byte" else b"")
    assert work.store.changed(good) == Store(work.store.root).changed(good) == [name]


def test_a_manifest_that_was_made_to_fit_is_seen(work: Workspace) -> None:
    from ingest.verified import file_sha256

    take(work)
    good = work.store.good(V3.id)
    assert good
    rewrite(good, quiet=False)
    facts = json.loads((good.path / "snapshot.json").read_text(encoding="utf-8"))
    facts["files"]["data.parquet"]["sha256"] = file_sha256(good.file("data.parquet"))
    facts.pop("checksum", None)
    (good.path / "snapshot.json").write_text(json.dumps(facts), encoding="utf-8")
    assert work.store.changed(Snapshot.read(good.path)) == ["snapshot.json"]


def test_an_unchanged_file_is_hashed_once(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    take(work)
    good = work.store.good(V3.id)
    assert good and work.store.changed(good) == []
    hashed: list[Path] = []
    monkeypatch.setattr("ingest.verified.file_sha256", lambda file: hashed.append(file) or "")
    assert Store(work.store.root).changed(good) == []
    assert hashed == []
    # What was remembered can't be read, or is gone: everything is looked at again.
    (work.store.root / "verified.json").write_text("{", encoding="utf-8")
    Store(work.store.root).changed(good)
    assert len(hashed) == 4


@pytest.mark.long
def test_a_release_keeps_the_figure_and_names_the_table(released: Rdc, tmp_path: Path) -> None:
    """A figure rewritten on disk, another table published anew: the next release has the figure of the source."""
    figure = (
        "select value from core.observation where table_id = '83625NED' and region_code = 'GM0770' "
        "and period_code = '2025JJ00'"
    )
    with StandIn(sample_tables(), page_size=100) as cbs:
        rdc = released.copy(tmp_path, cbs.env)
        [(before,)] = rdc.sql(figure)
        [snapshot] = Store(tmp_path / "snapshots").all("83625NED")
        file = snapshot.file("data.parquet")
        duckdb.sql(f"copy (select * replace (17 as \"Value\") from '{file}') to '{file}.other' (format parquet)")
        file.with_name(file.name + ".other").replace(file)
        cbs["85098NED"].touch()

        done = rdc("run")

        assert snapshot.snapshot_id in " ".join(done.stderr.split())
        assert rdc.sql(figure) == [(before,)]

        # Again, and the source is away: the release stays as it is, and says why.
        newest = Store(tmp_path / "snapshots").newest("83625NED")
        assert newest
        newest.file("data.parquet").unlink()
        cbs["85098NED"].touch()
        cbs.remove("83625NED")
        done = rdc("run", status=1)
        assert "figures of 83625NED would be gone" in " ".join(done.stderr.split())
        assert rdc.sql(figure) == [(before,)]
