"""A file that takes its reader down is that file's outcome: the other files of the run are taken in, and the next too."""

from __future__ import annotations

import faulthandler
import gzip
import io
import os
import pickle
import shutil
import signal
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from ingest.files import formats, reader
from ingest.files.reader import Limits
from ingest.files.sheet import UnreadableError
from ingest.municipal import examples, source
from ingest.municipal.layer import Layer
from orchestration.workspace import Workspace
from tests.ingest.municipal.conftest import put

GOOD = b"a;b\n1;2\n"


def stray(*places: str) -> bytes:
    """A small sheet with something in cells far outside it."""
    book, target = openpyxl.Workbook(), io.BytesIO()
    for line in (["datum", "soort"], ["2024-01-01", "Afval"]):
        book.active.append(line)
    for place in places:
        book.active[place] = "x"
    book.save(target)
    return target.getvalue()


def zipped(parts: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return target.getvalue()


def repacked(data: bytes, change: dict[str, tuple[str, str]]) -> bytes:
    """A workbook with something replaced in its parts."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    for name, (old, new) in change.items():
        assert old.encode() in parts[name]
        parts[name] = parts[name].replace(old.encode(), new.encode(), 1)
    return zipped(parts)


def test_a_run_goes_on_past_a_file_that_asks_for_all_memory(work: Workspace) -> None:
    """Kept: 4.7 kB whose reader asked for 512 GB, and every run died naming no file."""
    example = next((examples.FOLDER / "klantcontacten").glob("*.csv"))
    put(work, "klantcontacten", "a.xlsx", stray("XFD1048576"))
    put(work, "klantcontacten", "b.csv", example.read_bytes())
    source.land(work, work.registry.tables["klantcontacten"])
    layer = Layer(work.settings.municipal, work.registry.contracts["klantcontacten"].id)
    first, second = layer.deliveries()
    assert (first.state, second.state) == ("stopped", "accepted")
    assert "in cel XFD1048576?" in first.reasons[0] and "CSV" in first.reasons[0]
    told = (work.settings.drop / "klantcontacten" / "verslagen").glob("*.txt")
    assert any("NIET OVERGENOMEN" in t.read_text() and "XFD1048576" in t.read_text() for t in told)


@pytest.mark.parametrize(
    ("places", "told"),
    [
        (["XFD1048576"], "XFD1048576"),
        (["A1048576", "XFD3"], "XFD3 en A1048576"),
        (["C1000000", "AZZ1"], "AZZ1 en C1000000"),
    ],
)
def test_cells_are_counted_before_they_are_laid_out(places: list[str], told: str) -> None:
    with pytest.raises(UnreadableError, match=f"in cel {told}\\?"):
        reader.read(stray(*places), Limits(memory=600 << 20))


def test_a_far_cell_that_fits_is_read(work: Workspace) -> None:
    [sheet] = reader.read(stray("B5000"))
    assert (len(sheet.rows), sheet.rows[-1].cells) == (5000, (None, "x"))


def test_a_far_cell_without_an_address_or_in_an_open_document_counts_too() -> None:
    old = '<c r="B2" t="inlineStr"><is><t>Afval</t></is></c></row>'
    row = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    data = repacked(stray(), {"xl/worksheets/sheet1.xml": (old, old + row)})
    with pytest.raises(UnreadableError, match="XFD1048576"):
        reader.read(data)
    with pytest.raises(UnreadableError, match="in cel XFC900000"):
        reader.read(ods('<table:table-row table:number-rows-repeated="899999"><table:table-cell/></table:table-row>'
                        '<table:table-row><table:table-cell table:number-columns-repeated="16382"/>'
                        '<table:table-cell office:value-type="float" office:value="1"/></table:table-row>'))  # fmt: skip


def ods(rows: str, columns: str = "") -> bytes:
    names = "".join(f' xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    content = (
        f'<office:document-content{names} xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0">'
        f'<office:body><office:spreadsheet><table:table table:name="Blad1">{columns}{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>'
    )
    return zipped(
        {"mimetype": kind.encode(), "content.xml": content.encode(), "META-INF/manifest.xml": manifest.encode()}
    )


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    parts = {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>", "xl/a.bin": bytes(60_000_000)}
    with pytest.raises(UnreadableError, match="uitgepakt veel te groot"):
        reader.read(zipped(parts))
    with pytest.raises(UnreadableError, match="groter dan 200 MB"):
        reader.read(zipped({"a.csv": bytes(200_000_001)}))
    with pytest.raises(UnreadableError, match="groter dan 200 MB"):
        reader.read(gzip.compress(bytes(200_000_001), 1))
    laughs = '<!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><workbook'
    with pytest.raises(UnreadableError, match="DOCTYPE"):
        reader.read(repacked(stray(), {"xl/workbook.xml": ("<workbook", laughs)}))


def test_many_sheets_or_records_that_share_no_name_are_refused() -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        for _ in range(257):
            book.add_worksheet()
    with pytest.raises(UnreadableError, match="meer dan 256 werkbladen"):
        reader.read(target.getvalue())
    records = ",".join(f'{{"k{n}":1}}' for n in range(5000))
    with pytest.raises(UnreadableError, match="miljoen cellen"):
        reader.read(f"[{records}]".encode())


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (Limits(memory=150 << 20), "meer geheugen dan is toegestaan"),
        (Limits(processor=1), "duurt te lang"),
        (Limits(clock=0.3), "duurt te lang"),
    ],
    ids=["memory", "processor", "clock"],
)
def test_what_takes_too_much_is_told_and_the_next_file_is_read(limits: Limits, told: str) -> None:
    large = b"a;b;c;d;e\n" + b'2024-01-01;"Afval";1;2;3\n' * 500_000
    with pytest.raises(UnreadableError, match=told):
        reader.read(large, limits)
    assert len(reader.read(GOOD)[0].rows) == 2


@pytest.mark.parametrize("ending", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_reader_that_crashes_or_is_killed_is_the_files_outcome(ending: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(reader._outcome(64 + ending), UnreadableError)

    # The child really ends so: the same way in, with a format that raises the signal.
    def crash(data: bytes) -> None:
        faulthandler.disable()
        os.kill(os.getpid(), ending)

    monkeypatch.setattr(formats, "read", crash)
    request = b'{"memory": 3000000000, "processor": 60, "clock": 60, "bytes": 1}'
    asked = io.BytesIO(len(request).to_bytes(8, "big") + request + b"x")
    assert reader.serve(asked, io.BytesIO()) == 64 + ending


@pytest.mark.parametrize("handed_down", [signal.SIG_DFL, signal.SIG_IGN])
def test_a_reader_that_is_stopped_from_outside_is_nobodys_fault(handed_down: signal.Handlers) -> None:
    before = signal.signal(signal.SIGTERM, handed_down)
    try:
        reader._stop()
        assert len(reader.read(GOOD)[0].rows) == 2
    finally:
        signal.signal(signal.SIGTERM, before)
    os.killpg(reader._reader.process.pid, signal.SIGTERM)
    reader._reader.process.wait(20)
    assert len(reader.read(GOOD)[0].rows) == 2
    assert isinstance(reader._outcome(-signal.SIGTERM), reader.ReaderError)


def test_a_reader_that_can_not_start_judges_nothing(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    example = next((examples.FOLDER / "klantcontacten").glob("*.csv"))
    put(work, "klantcontacten", "b.csv", example.read_bytes())
    layer = Layer(work.settings.municipal, work.registry.contracts["klantcontacten"].id)
    reader._stop()
    for broken, told in (("/nowhere/python", "could not be started"), (shutil.which("false"), "ended by itself")):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", broken)
            outcome = source.land(work, work.registry.tables["klantcontacten"])
        assert (outcome.result, layer.deliveries()) == ("failed", []) and told in outcome.reason
    assert source.land(work, work.registry.tables["klantcontacten"]).result == "fetched"


def test_the_reader_has_no_secret_and_takes_in_values_only(monkeypatch: pytest.MonkeyPatch) -> None:
    reader._stop()
    monkeypatch.setenv("RDC_PSEUDONYM_KEY", "a secret that is not for readers")
    reader.read(GOOD)
    assert b"a secret" not in Path(f"/proc/{reader._reader.process.pid}/environ").read_bytes()
    with pytest.raises(pickle.UnpicklingError):
        reader._Plain(io.BytesIO(pickle.dumps(os.system))).load()
