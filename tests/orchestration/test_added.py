"""Sources that a user adds without code: StatLine tables by their ids, and a file at a URL from its declaration in the user's own
folder; to a figure that leads back to it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.orchestration.conftest import Rdc
from tests.sample_tables import sample_tables
from tests.standin import StandIn, V3Table

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


#: Of every kind: with our regions; with provinces and large cities only, so none of ours; without regions or periods at all.
ADDED = [
    V3Table.build(
        "84948NED",
        dims={"RegioS": ["NL01", "GM0770"], "Perioden": ["2023KW01", "2023JJ00"]},
        topics=["Vacatures"],
        rows=[("NL01", "2023KW01", 4.5), ("GM0770", "2023JJ00", 7)],
    ),
    V3Table.build(
        "85792NED",
        dims={"RegioS": ["NL01", "PV30", "GM0363"], "Perioden": ["2023JJ00"]},
        topics=["Banen"],
        rows=[(code, "2023JJ00", 1) for code in ("NL01", "PV30", "GM0363")],
    ),
    V3Table.build("85001NED", title="Prijzen 2023", dims={"Soort": ["A"]}, topics=["Prijs"], rows=[("A", 3)]),
]


@pytest.mark.long
def test_from_what_a_user_adds_to_a_figure_and_back(released: Rdc, tmp_path: Path, file: tuple[Path, str]) -> None:
    where, url = file
    where.write_text(CSV, encoding="utf-8")
    with StandIn([*sample_tables(), *ADDED], page_size=100) as own:
        rdc = released.copy(tmp_path / "home", own.env)
        for table in ADDED:
            rdc("sources", "add", table.id)
        (rdc.home / "sources" / "duo.yml").write_text(DECLARED.format(url=url), encoding="utf-8")
        rdc("run")
        states = {t["table_id"]: t for t in rdc.json("status")["tables"]}
        the_tables_are_there(rdc, states)
        the_file_is_there(rdc, states)

        where.write_text(CSV.replace("AANTAL", "AANTALLEN"), encoding="utf-8")
        told = rdc("run", "--table", "duo_leerlingen", status=1)
    assert "without AANTAL" in " ".join((told.stdout + told.stderr).split())
    assert len(rdc.sql("select 1 from core.observation where table_id = 'duo_leerlingen'")) == 3, (
        "the last good one serves on"
    )
    assert rdc("sources", "verify", "duo_leerlingen").stdout.startswith("1 of 1 snapshots")


def the_tables_are_there(rdc: Rdc, states: dict[str, Any]) -> None:
    assert {states[table.id]["state"] for table in ADDED} == {"ok"}
    assert rdc.sql("select region_code, period_code, value from core.observation where table_id = '85001NED'") == [
        (None, "2023JJ00", 3)
    ]
    assert len(rdc.sql("from core.observation where table_id = '85792NED'")) == 3
    assert rdc.sql(
        "select region_code, period_code, value from core.observation where table_id = '84948NED' order by all"
    ) == [("GM0770", "2023JJ00", 7), ("NL01", "2023KW01", 4.5)]
    assert rdc.sql("select start_date::varchar, end_date::varchar from core.period where period_code = '2023KW01'") == [
        ("2023-01-01", "2023-03-31")
    ]


def the_file_is_there(rdc: Rdc, states: dict[str, Any]) -> None:
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
    assert states["duo_leerlingen"]["rows"] == 3
