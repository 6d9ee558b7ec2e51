"""Answers that look like answers: each kind at each request of a landing, of both services, of third parties and of the
addresses of municipal sources. What is not what was asked is told with its address, and leaves no snapshot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from ingest.declaration import Table
from ingest.http import Client
from ingest.municipal.contract import WayIn
from ingest.municipal.layer import Layer
from ingest.outcome import FAILED, FETCHED, UNREACHABLE, Outcomes
from ingest.settings import Settings
from ingest.snapshot import Store
from ingest.statline.landing import land
from orchestration import pipeline
from tests.ingest.municipal.disclosure.test_linked import ALL, open_work
from tests.ingest.statline.test_landing import V3, V4, v3_table, v4_table
from tests.ingest.test_attempt import ERRORS, THIRD, Replay, Spoilt
from tests.standin import Fault, StandIn

SERVICES = {"v3": V3, "v4": V4, "third party": THIRD}
#: What each request is for, on both protocols.
REQUESTS = {
    "catalogue": ("Tables", "Properties"),
    "columns": ("DataProperties", "MeasureCodes"),
    "codes": ("RegioS", "RegioSCodes"),
    "rows": ("TypedDataSet", "Observations"),
}
FAULTS = {
    Fault.GZIP_IN_NAME_503: "HTTP 503",
    Fault.SHORT_503: "HTTP 503",
    Fault.STALL_503: "HTTP 503",
    Fault.GZIP_UNSAID: r"compressed bytes \(gzip\)",
    Fault.UTF_16: "UTF-16",
}


@pytest.fixture(scope="module")
def cbs() -> Iterator[StandIn]:
    third = v3_table(THIRD.id)
    third.info["Catalog"] = "RIVM"
    with StandIn([v3_table(), v4_table(), third], page_size=7, v4_page_size=7) as standin:
        yield standin


def landed(cbs: StandIn, home: Path, table: Table) -> Any:
    settings = Settings.from_env({"RDC_HOME": str(home)} | cbs.env)
    return land(table, settings, Store(settings.snapshots), Client(timeout=0.3, attempts=1, backoff=0.0))


@pytest.mark.parametrize("request_for", REQUESTS)
@pytest.mark.parametrize("service", SERVICES)
def test_an_answer_that_is_none_is_told_with_its_address(
    cbs: StandIn, tmp_path: Path, service: str, request_for: str
) -> None:
    table = SERVICES[service]
    resource = REQUESTS[request_for][table.protocol == "v4"]
    for fault, said in FAULTS.items():
        cbs.clear_faults()
        on = None if resource == "Tables" else table.id
        cbs.fault(on, fault, resource=resource, times=None, seconds=0.6)
        outcome = landed(cbs, tmp_path, table)
        assert outcome.result == FAILED, (fault, outcome)
        assert outcome.reason.startswith(f"{table.id}: http://127.0.0.1") and resource in outcome.reason
        assert outcome.host and outcome.cause
        assert re.search(said, outcome.reason), outcome.reason
        assert not list((tmp_path / "snapshots").glob("*/*/snapshot.json"))
    # The source mends it without a new version.
    cbs.clear_faults()
    outcome = landed(cbs, tmp_path, table)
    assert (outcome.result, outcome.rows) == (FETCHED, 24)


@pytest.mark.parametrize("service", SERVICES)
def test_a_mark_in_front_of_every_answer_costs_nothing(cbs: StandIn, tmp_path: Path, service: str) -> None:
    cbs.clear_faults()
    cbs.fault(None, Fault.MARKED, times=None)
    outcome = landed(cbs, tmp_path, SERVICES[service])
    assert (outcome.result, outcome.rows) == (FETCHED, 24), outcome
    cbs.clear_faults()


KINDS = get_args(WayIn.model_fields["kind"].annotation)


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_address_of_a_municipal_source_answers_is_its_outcome(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RDC_DROP_SETTLE_SECONDS", "0")
    work = open_work(tmp_path, [ALL])
    table = work.registry.tables["eigen_bron"]
    way = WayIn(kind=kind, url="http://gemeente.example/data", resource="laag")
    work.registry.contracts[table.id] = work.registry.contracts[table.id].model_copy(update={"ways_in": (way,)})
    secret = "Jansen, Dorpsstraat 5"
    bodies = [
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[1]",
        b'{"features": 3}',
        b'{"count": "x", "results": [null]}',
        b"\x1f\x8b\x08",
    ]
    bodies += [
        b'{"result": {"resources": [3]}, "success": true}',
        b'{"numberMatched": {}, "features": [7]}',
        b"[" * 100_000,
    ]
    spoilt = [Spoilt(error, in_body, 200, secret.encode()) for error in ERRORS[::7] for in_body in (False, True)]
    spoilt += [Spoilt(body=body, status=status) for body in bodies for status in (200, 503)]
    for one in spoilt:
        one.status = one.status or 200
        answered = {"http://gemeente.example/data": (200, {}, secret.encode())}
        work.client = Replay(answered, 0, one)
        outcome = pipeline.ingest(work, [table])[table.id]
        assert outcome.result in (FAILED, UNREACHABLE, "unchanged", "quarantined"), (one, outcome)
        if one.error is not None:
            assert outcome.result in (FAILED, UNREACHABLE), (one, outcome)
        if outcome.result == FAILED:
            assert outcome.reason.startswith("eigen_bron: ") and "gemeente.example" in outcome.reason, outcome
        assert secret not in outcome.reason and outcome.reason.isprintable()
    assert len(Outcomes(work.settings.snapshots).all()) == len(spoilt)
    assert {(d.state, d.accepted) for d in Layer(work.settings.municipal, table.id).deliveries()} <= {("stopped", 0)}
