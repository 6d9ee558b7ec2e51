"""A data folder with the shipped contracts, and what looks for values that must not be in it."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest
import zstandard

from ingest.municipal.contract import Contract, load
from ingest.municipal.region import Geography
from ingest.settings import Settings
from ingest.snapshot import Store
from orchestration.workspace import Workspace


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDC_DROP_SETTLE_SECONDS", "0")
    monkeypatch.setenv("RDC_PSEUDONYM_KEY", "a secret for tests, and for nothing else")
    monkeypatch.setenv("RDC_HTTP_ATTEMPTS", "2")
    monkeypatch.setenv("RDC_HTTP_TIMEOUT", "5")


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    return Workspace.open(Settings(tmp_path / "home"))


@pytest.fixture(scope="session")
def contracts() -> dict[str, Contract]:
    return load()


@pytest.fixture(scope="session")
def geography(tmp_path_factory: pytest.TempPathFactory) -> Geography:
    return Geography.load(Store(tmp_path_factory.mktemp("none")), Path("/nowhere"))


def put(work: Workspace, contract: str, name: str, content: bytes | str) -> Path:
    """A delivery in the drop folder."""
    folder = work.settings.drop / contract
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def found_in(home: Path, values: Iterable[str], files: Iterable[Path] | None = None) -> list[tuple[str, str]]:
    """Where under a data folder a value stands, outside the drop folder (where the sender's reports are): in the bytes of a
    file or its name, and in what a file holds once it is unpacked.

    :param files: look in these only.
    """
    contents: dict[str, bytes] = {}
    for file in sorted(home.rglob("*") if files is None else files):
        if file.is_dir() or (home / "drop") in file.parents:
            continue
        name, raw = str(file.relative_to(home)), file.read_bytes()
        contents[name] = b"\n".join([raw, name.encode(), *_unpacked(file, raw)])
    everything = b"\n".join(contents.values())
    forms = [(v, form) for v in values for form in (v.encode(), v.encode("utf-16-le"))]
    suspects = forms
    if len(forms) > 1000:  # thousands of values: first see whether a value's beginning is anywhere
        assert all(len(form) >= 8 for _, form in forms)
        beginnings = {everything[n : n + 8] for n in range(len(everything))}
        suspects = [(v, form) for v, form in forms if form[:8] in beginnings]
    suspects = [(v, form) for v, form in suspects if form in everything]
    return [(name, value) for value, form in suspects for name, content in contents.items() if form in content]


def _unpacked(file: Path, raw: bytes) -> list[bytes]:
    if file.suffix == ".zst":
        return [zstandard.ZstdDecompressor().decompressobj().decompress(raw)]
    if file.suffix == ".gz":
        return [gzip.decompress(raw)]
    if file.suffix == ".parquet":
        with duckdb.connect() as con:
            rows = con.execute(f"select t::varchar from read_parquet('{file}') as t").fetchall()
        return ["\n".join(r[0] or "" for r in rows).encode()]
    if file.suffix == ".duckdb":
        texts = []
        with duckdb.connect(str(file), read_only=True) as con:
            for schema, name in con.execute("select schema_name, table_name from duckdb_tables()").fetchall():
                rows = con.execute(f'select t::varchar from "{schema}"."{name}" as t').fetchall()
                texts.append("\n".join(r[0] or "" for r in rows).encode())
        return texts
    return []
