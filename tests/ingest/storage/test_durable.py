"""What is read back is whole, or says that it is not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.outcome import Outcome, Outcomes
from ingest.snapshot import SAMPLE, Landing, Snapshot
from ingest.storage import durable
from ingest.storage.durable import PRIVATE, READABLE, Damaged
from ingest.storage.log import Log


@pytest.mark.parametrize("mode", [PRIVATE, READABLE])
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_file_has_its_mode_whatever_the_umask(tmp_path: Path, mode: int, umask: int) -> None:
    before = os.umask(umask)
    try:
        durable.write(tmp_path / "new" / "file", b"x", mode)
    finally:
        os.umask(before)
    assert (tmp_path / "new" / "file").stat().st_mode & 0o777 == mode
    if mode == PRIVATE:
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    durable.write(file, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        durable.write(file, "new")
    assert [(p.name, p.read_text(encoding="utf-8")) for p in tmp_path.iterdir()] == [("file", "old")]


@given(
    st.dictionaries(st.text(max_size=5).filter(lambda k: k != "checksum"), st.text() | st.integers() | st.none()),
    st.data(),
)
@settings(max_examples=60)
def test_a_flipped_byte_is_never_read_as_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, object], data: st.DataObject
) -> None:
    file = tmp_path_factory.mktemp("record") / "record.json"
    durable.record(file, content)
    assert durable.read_record(file, "") == content
    raw = bytearray(file.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    file.write_bytes(raw)
    try:
        found = durable.read_record(file, "Make it anew.")
    except Damaged as error:
        assert str(file) in str(error) and "Make it anew." in str(error)
    else:
        found.pop(next((k for k in found if k not in content), ""), None)  # the checksum's own name, misspelt
        assert found == content


def test_a_list_and_what_has_no_checksum_yet(tmp_path: Path) -> None:
    durable.record(tmp_path / "list", [{"a": 1}])
    assert durable.read_record(tmp_path / "list", "") == [{"a": 1}]
    (tmp_path / "old").write_text('[{"a": 1}]', encoding="utf-8")
    assert durable.read_record(tmp_path / "old", "") == [{"a": 1}]
    (tmp_path / "folder").mkdir()
    for spoilt in ("", '{"a": 1', "\0\0\0"):
        (tmp_path / "spoilt").write_text(spoilt, encoding="utf-8")
        with pytest.raises(Damaged):
            durable.read_record(tmp_path / "spoilt", "")
    with pytest.raises(Damaged, match="directory"):
        durable.read_record(tmp_path / "folder", "")


def outcomes(root: Path) -> Outcomes:
    log = Outcomes(root)
    for n in range(4):
        log.append(Outcome(f"T{n}", "2026-11-27T00:00:00+00:00", "fetched"))
    return log


@pytest.mark.parametrize("how", ["flipped", "garbage", "not utf-8", "misses a field"])
def test_a_bad_line_costs_no_other_line_and_is_put_aside(tmp_path: Path, how: str) -> None:
    log = outcomes(tmp_path / "snapshots")
    lines = log.file.read_bytes().split(b"\n")
    lines[1] = {
        "flipped": lines[1].replace(b'"T1"', b'"T9"'),
        "garbage": b"{" * 5000,
        "not utf-8": b"\xff\xfe\x00" + lines[1],
        "misses a field": b'{"table_id": "T1"}',
    }[how]
    log.file.write_bytes(b"\n".join(lines))
    spoilt = log.file.read_bytes()
    assert [o.table_id for o in log.all()] == ["T0", "T2", "T3"]
    assert log.log.damage() == "line 2 can't be read"
    kept = log.log.mend(tmp_path)
    assert kept is not None and kept.is_relative_to(tmp_path / "damaged") and kept.read_bytes() == spoilt
    assert (log.log.damage(), log.log.mend(tmp_path)) == ("", None)
    assert [o.table_id for o in log.all()] == ["T0", "T2", "T3"]


def test_a_torn_last_line_is_cut_and_the_next_one_is_whole(tmp_path: Path) -> None:
    log = outcomes(tmp_path)
    log.file.write_bytes(log.file.read_bytes()[:-20])
    assert log.log.damage() == ""
    log.append(Outcome("T4", "2026-11-27T00:00:00+00:00", "fetched"))
    assert [o.table_id for o in log.all()] == ["T0", "T1", "T2", "T4"]
    log.file.write_bytes(log.file.read_bytes()[:-20])
    assert log.log.mend(tmp_path) is None and not (tmp_path / "damaged").exists()
    assert [json.loads(line)["table_id"] for line in log.file.read_bytes().splitlines()] == ["T0", "T1", "T2"]


def test_lines_without_a_checksum_are_read(tmp_path: Path) -> None:
    old = Log(tmp_path / "log")
    old.file.write_text('{"a": 1}\n{"a": 2}\n', encoding="utf-8")
    old.append({"a": 3})
    assert old.read() == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_what_a_killed_commit_left_is_not_in_the_snapshot(tmp_path: Path) -> None:
    sample = Snapshot.read(SAMPLE / "83625NED")
    facts = {
        k: v for k, v in sample.manifest().items() if k not in ("snapshot_id", "sequence", "sha256", "bytes", "files")
    }
    landing = Landing(tmp_path / "83625NED" / ".landing-0")
    landing.path.mkdir(parents=True)
    for name in ("data.parquet", "snapshot.json", ".snapshot.json.0123abcd.part", ".data.parquet.link", "pages.jsonl"):
        (landing.path / name).write_bytes(b"{}")
    made = landing.commit(tmp_path / "83625NED", **facts)
    assert (list(made.files), made.damaged()) == (["data.parquet"], [])
    assert sorted(p.name for p in made.path.iterdir()) == ["data.parquet", "snapshot.json"]
    assert Snapshot.read(made.path) == made


def test_what_a_killed_write_left_goes_and_nothing_else(tmp_path: Path) -> None:
    for name in (".a.json.0123abcd.part", ".mine.part", "a.0123abcd.part", ".a.json.0123abcd"):
        (tmp_path / name).touch()
    durable.sweep(tmp_path, seconds=60)
    assert len(list(tmp_path.iterdir())) == 4
    durable.sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".a.json.0123abcd", ".mine.part", "a.0123abcd.part"]


def test_two_things_put_aside_in_one_second_keep_apart(tmp_path: Path) -> None:
    kept = []
    for n in range(3):
        (tmp_path / "x").write_text(str(n), encoding="utf-8")
        kept.append(durable.set_aside(tmp_path, tmp_path / "x"))
    assert [k.read_text(encoding="utf-8") for k in kept] == ["0", "1", "2"]
    assert (tmp_path / "damaged").stat().st_mode & 0o777 == 0o700
