"""A file at a URL, from its declaration in the user's own folder to a figure that leads back to it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.orchestration.conftest import Rdc

CSV = "GEMEENTENUMMER;PEILJAAR;SOORT;AANTAL\r\n0770;2023;vmbo;120\r\n0823;2023;vmbo;<5\r\n0770;2023;vwo;1.204\r\n"
DECLARED = """
source_id: duo
name: Dienst Uitvoering Onderwijs
owner: Dienst Uitvoering Onderwijs
licence: CC0 1.0
attribution: "Bron: DUO"
tables:
  - id: duo_leerlingen
    title: Leerlingen in het voortgezet onderwijs
    protocol: table
    cadence: year
    at:
      url: {url}
      region: {{column: GEMEENTENUMMER, written: gemeente}}
      period: {{column: PEILJAAR, school_year: true}}
      dimensions: [SOORT]
      decimal: comma
      missing: {{"<5": confidential}}
      measures:
        - {{column: AANTAL, title: Leerlingen, unit: aantal}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A file, and the address at which a web server has it."""
    folder = tmp_path / "web"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder / "leerlingen.csv", f"http://127.0.0.1:{server.server_port}/leerlingen.csv"
    server.shutdown()
    server.server_close()


def test_from_a_declaration_to_a_figure_and_back(released: Rdc, tmp_path: Path, file: tuple[Path, str]) -> None:
    where, url = file
    where.write_text(CSV, encoding="utf-8")
    rdc = released.copy(tmp_path / "home", released.env)
    (rdc.home / "sources").mkdir(exist_ok=True)
    (rdc.home / "sources" / "duo.yml").write_text(DECLARED.format(url=url), encoding="utf-8")
    rdc("run", "--table", "duo_leerlingen")
    cells = rdc.sql(
        "select region_code, period_code, dimensions['SOORT'], measure_code, measure_title, unit, value, missing_reason "
        "from core.observation where table_id = 'duo_leerlingen' order by all"
    )
    assert cells == [
        ("GM0770", "2023SJ00", "vmbo", "AANTAL", "Leerlingen", "aantal", 120.0, None),
        ("GM0770", "2023SJ00", "vwo", "AANTAL", "Leerlingen", "aantal", 1204.0, None),
        ("GM0823", "2023SJ00", "vmbo", "AANTAL", "Leerlingen", "aantal", None, "confidential"),
    ]
    assert rdc.sql("select protocol, origin from core.snapshot where table_id = 'duo_leerlingen'") == [
        ("table", "live")
    ]
    (row,) = [s for s in rdc.json("status")["tables"] if s["table_id"] == "duo_leerlingen"]
    assert row["rows"] == 3

    where.write_text(CSV.replace("AANTAL", "AANTALLEN"), encoding="utf-8")
    told = rdc("run", "--table", "duo_leerlingen", status=1)
    assert "without AANTAL" in " ".join((told.stdout + told.stderr).split())
    assert len(rdc.sql("select 1 from core.observation where table_id = 'duo_leerlingen'")) == 3, (
        "the last good one serves on"
    )
    assert rdc("sources", "verify", "duo_leerlingen").stdout.startswith("1 of 1 snapshots")
