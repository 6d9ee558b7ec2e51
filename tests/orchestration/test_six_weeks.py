"""Six weeks of schedule in a minute: time is injected, everything else is real — the sensors' decisions, HTTP to a stand-in for CBS,
snapshots and their audit, a webhook and an SMTP server that get the alerts, a release at the beginning and one at the end.

Played at the level of decision and step: what a sensor asks for is ingested and built here, without Dagster's processes (their own
proofs are test_daemon.py and test_one_writer.py). The disk is not really full (test_trouble_in_a_run.py has one that is): a run is
made to need more of it than there is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import time_machine
from dagster import DagsterInstance, RunRequest, build_schedule_context, build_sensor_context

from orchestration import pipeline
from orchestration.alerts import concerns as rules
from orchestration.alerts.quiet import AMSTERDAM
from orchestration.alerts.tell import tell
from orchestration.assets.automation import automation
from orchestration.assets.sources import source_assets
from orchestration.workspace import Workspace
from tests.orchestration.alerts.receivers import Mail, Webhook
from tests.orchestration.test_daemon import CONTRACT
from tests.sample_tables import only_the_sample, sample_tables
from tests.standin import Fault, StandIn

MONDAY = datetime(2027, 1, 4, tzinfo=AMSTERDAM)
#: When something looks, on each day: in quiet hours, at the morning's run, and some more.
LOOKS = (3, 7, 13, 23)
V3, V4 = "81528NED", "83625NED"
DELIVERY = "jaar;gemeente;fractie;kg\n2026;Eersel;Glas;{}\n2026;Bladel;Glas;900\n"


class Centre:
    """A data centre whose time we make."""

    def __init__(self, home: Path) -> None:
        self.home, self.alive = home, True
        work = Workspace.open()
        found = automation(work, source_assets(work))
        self.instance = DagsterInstance.ephemeral()
        self.keys: set[str] = set()
        self.daily = found.schedules[0]
        self.sensors = {s.name: s for s in found.sensors}
        #: When each run was, and what it took in.
        self.runs: list[tuple[datetime, list[str]]] = []

    def look(self, at: datetime) -> None:
        """What the daemon does at this moment."""
        if not self.alive:
            return
        if at.hour == 7:
            self._ingest(at, self.daily(build_schedule_context(instance=self.instance)))
        for name in ("sources_moved", "municipal_deliveries"):
            for asked in self.sensors[name](build_sensor_context(instance=self.instance)):
                self._ingest(at, asked)
        tell(Workspace.open())

    def _ingest(self, at: datetime, asked: object) -> None:
        if not isinstance(asked, RunRequest) or asked.run_key in self.keys:
            return
        assert asked.run_key is not None
        self.keys.add(asked.run_key)
        work = Workspace.open()
        tables = [work.registry.tables[key.path[-1]] for key in asked.asset_selection or []]
        with work.writing("six weeks"):
            pipeline.ingest(work, tables)
        self.runs.append((at, [t.id for t in tables]))

    def build(self) -> None:
        """What `build_what_is_new` asks for."""
        asked = [*self.sensors["build_what_is_new"](build_sensor_context(instance=self.instance))]
        assert [a.partition_key for a in asked if isinstance(a, RunRequest)] == ["public"]
        work = Workspace.open()
        with work.writing("six weeks"):
            pipeline.prepare(work, pipeline.inputs(work))
            pipeline.build(work)
            pipeline.audit(work)
            pipeline.effects(work)
            pipeline.note_checks(work)
            pipeline.release(work)


@pytest.fixture
def six_weeks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, StandIn, Webhook, Mail]]:
    tables = [t for t in sample_tables() if t.id in (V3, V4)]
    with StandIn(tables, page_size=1000) as cbs, Webhook() as hook, Mail() as mail:
        for name in [n for n in os.environ if n.startswith(("RDC_", "DAGSTER_"))]:
            monkeypatch.delenv(name)
        settings = cbs.env | {
            **{
                "RDC_HOME": str(tmp_path),
                "RDC_HTTP_TIMEOUT": "5",
                "RDC_HTTP_ATTEMPTS": "1",
                "RDC_DROP_SETTLE_SECONDS": "0",
            },
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        only_the_sample(tmp_path)
        request = tmp_path / "sources" / "on_request.txt"
        others = [t.id for t in sample_tables() if t.id not in (V3, V4)]
        request.write_text(request.read_text() + "".join(f"{i}\n" for i in others))
        (tmp_path / "sources" / "municipal").mkdir()
        contract = CONTRACT.replace("cadence: year", "cadence: month\ndue_day: 5")
        (tmp_path / "sources" / "municipal" / "afval_proef.yml").write_text(contract)
        (tmp_path / "alerts.yml").write_text(
            f"channels:\n  - {{name: haak, url: '{hook.url}'}}\n  - {{name: post, url: '{mail.url}', language: nl}}\n"
        )
        yield tmp_path, cbs, hook, mail


def deliver(home: Path, kg: int) -> None:
    folder = home / "drop" / "afval_proef"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"levering-{kg}.csv").write_text(DELIVERY.format(kg))


@pytest.mark.long
def test_six_weeks_alert_release_and_serve_as_promised(
    six_weeks: tuple[Path, StandIn, Webhook, Mail], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, cbs, hook, mail = six_weeks
    price = next(m for m in cbs[V4].measures)
    gas = next(m for m in cbs[V3].measures if m.startswith("GemiddeldAardgasverbruik"))

    def outage(fault: Fault) -> None:
        cbs.fault(None, fault, times=None)

    def revision() -> None:
        assert cbs[V4].set_value({"RegioS": "GM0770", "Perioden": "2025JJ00"}, price, 400_000)
        cbs[V4].touch("2027-01-13T02:00:00")

    def rename(old: str, new: str, day: str) -> None:
        cbs[V3].rename_measure(old, new)
        cbs[V3].touch(f"{day}T02:00:00")

    def dies(dead: bool) -> None:
        centre.alive = not dead

    least = rules.LEAST_FREE
    happens: dict[int, Callable[[], object]] = {
        7: lambda: outage(Fault.SERVER_ERROR_503),  # two mornings: nobody needs to know
        9: lambda: (cbs.clear_faults(), revision()),
        14: lambda: outage(Fault.REFUSE),  # four mornings
        18: cbs.clear_faults,
        21: lambda: rename(gas, "Gasverbruik_1", "2027-01-25"),
        23: lambda: rename("Gasverbruik_1", gas, "2027-01-27"),
        25: lambda: monkeypatch.setattr(rules, "LEAST_FREE", 1 << 60),
        26: lambda: monkeypatch.setattr(rules, "LEAST_FREE", least),
        28: lambda: dies(True),
        32: lambda: dies(False),
        36: lambda: deliver(home, 1300),  # due on 5 February, day 32
    }
    alerts: list[tuple[int, str]] = []
    posted: list[str] = []
    with time_machine.travel(MONDAY, tick=True) as clock:
        for table in (V3, V4):
            cbs[table].touch("2027-01-04T02:00:00")
        deliver(home, 1200)
        centre = Centre(home)
        for day in range(42):
            for hour in LOOKS:
                at = MONDAY + timedelta(days=day, hours=hour)
                clock.move_to(at)
                if hour == LOOKS[0] and day in happens:
                    happens[day]()
                centre.look(at)
                if hour == 13:
                    tell(Workspace.open())  # the timer of the system, which runs when the daemon does not
                alerts += [(day, said) for said in hook.texts()]
                posted += mail.texts()
            if day in (0, 41):
                centre.build()
    digests = [(day, said) for day, said in alerts if re.match(r".*: weekbericht", said)]
    told = [(day, said) for day, said in alerts if (day, said) not in digests]

    # What was told, and when: in the morning of the day on which someone had something to do, and once more when it was over.
    def has(number: int, day: int, *words: str) -> None:
        assert told[number][0] == day, told[number]
        for word in words:
            assert word in told[number][1], told[number][1]

    has(0, 17, "niet te bereiken", "(2 tabellen)", "rdc doctor", "Sinds: 18 januari 2027")
    has(1, 18, "opgelost")
    has(2, 21, V3, "quarantaine", "rdc sources accept " + V3, "Dit raakt:")
    has(3, 23, "opgelost", V3)
    has(4, 25, "schijf", "rdc sources prune --yes")
    has(5, 26, "opgelost", "schijf")
    has(6, 30, "geen bronnen bevraagd", "rdc run")
    has(7, 32, "opgelost", "bronnen bevraagd")
    has(8, 33, "afval_proef", "te laat", "rdc sources deliveries afval_proef")
    has(9, 36, "opgelost", "afval_proef")
    assert len(told) == 10, [(day, said.splitlines()[0]) for day, said in told]
    for _, said in told:
        assert "opgelost" in said.splitlines()[0] or "Opdracht: rdc " in said, "it asks for nothing"
    assert [day for day, _ in digests] == [7, 14, 21, 28, 35]
    assert V4 in digests[1][1] and "1 bijgestelde" not in digests[1][1], "the week of the revision, before its release"
    # The same in the mail, twice: for each of its two addresses.
    assert len(posted) == 2 * (len(told) + len(digests))
    assert all("English" not in text for text in posted)

    # Each source was asked by its rhythm, and nothing in quiet hours but what was delivered.
    asked = [(at, tables) for at, tables in centre.runs if "afval_proef" not in tables]
    assert all(7 <= at.hour < 22 for at, _ in asked)
    weekly = [at for at, tables in asked if V3 in tables and at < MONDAY + timedelta(days=2)]
    assert len(weekly) == 1, "what changes once a year is not asked every day"
    caught_up = [tables for at, tables in asked if at.date() == (MONDAY + timedelta(days=32)).date()]
    assert len(caught_up) == 1, "what was missed is caught up once"

    # The figures are the revised ones, the last good ones everywhere else.
    releases = Workspace.open().releases
    assert len(releases.all()) == 2

    def figures(release_id: str) -> tuple[list[tuple[float]], int]:
        with duckdb.connect(str(releases.path(release_id)), read_only=True) as con:
            eersel = "select value from core.observation where table_id = ? and region_code = 'GM0770' and period_code = '2025JJ00'"
            rows = con.execute("select count(*) from core.observation where table_id = ?", [V3]).fetchall()
            return con.execute(eersel, [V4]).fetchall(), rows[0][0]

    (before, rows), (after, rows_after) = (figures(r.release_id) for r in releases.all())
    assert (536817.0,) in before and (400000.0,) in after and (536817.0,) not in after
    assert rows == rows_after > 0
