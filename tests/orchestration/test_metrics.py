"""What Prometheus reads: on the service, and in a file after a run; and that the dashboard asks for nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from ingest.outcome import FAILED, QUARANTINED, Outcome
from ingest.settings import Settings
from orchestration.workspace import Workspace
from tests.orchestration.conftest import Rdc
from tests.warehouse.conftest import Service

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "rdc.json"


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (s.name, *(f"{k}={v}" for k, v in sorted(s.labels.items()))): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def test_the_service_tells_this_machine_how_all_stands(service: Service) -> None:
    service.get("/v1")
    answer = service.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    found = samples(answer.text)
    current = Workspace.open(Settings(service.home)).releases.current()
    assert current is not None and found[("rdc_release_info", f"release={current.release_id}")] == 1
    assert found[("rdc_source_rows", "table=83625NED")] > 200
    assert found[("rdc_source_age_seconds", "table=83625NED")] > 0
    assert found[("rdc_sources", "state=quarantined")] == 0
    assert found[("rdc_run_failed", "job=build")] == 0 and found[("rdc_run_seconds", "job=build")] > 0
    assert found[("rdc_home_bytes", "part=snapshots")] > 10_000
    before = found[("rdc_http_requests_total", "resource=api", "status=200")]
    service.get("/v1")
    again = samples(service.get("/metrics").text)
    assert again[("rdc_http_requests_total", "resource=api", "status=200")] > before


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"])
def test_who_comes_through_a_proxy_needs_a_key(service: Service, header: str) -> None:
    answer = service.get("/metrics", headers={header: "127.0.0.1"})
    assert answer.status_code == 403 and "rdc_" not in answer.text
    refused = requests.get(f"{service.url}/metrics", headers={header: "a", "X-Api-Key": "none"}, timeout=30)
    assert refused.status_code == 401


def test_every_metric_of_the_dashboard_exists(service: Service) -> None:
    names = {key[0] for key in samples(service.get("/metrics").text)}
    # There is only something wrong now and then; its name is there all the same.
    names |= {family.name for family in text_string_to_metric_families(service.get("/metrics").text)}
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\brdc_\w+", target["expr"])
    }
    assert len(asked) > 15 and asked <= names


def test_a_source_that_is_not_public_is_counted_and_not_named(tmp_path: Path) -> None:
    from prometheus_client import generate_latest

    from orchestration.metrics import collected

    work = Workspace.open(Settings(tmp_path))
    work.outcomes.append(Outcome("klantcontacten", "2026-11-24T09:00:00+00:00", QUARANTINED, "refused"))
    work.outcomes.append(Outcome("83625NED", "2026-11-24T09:00:00+00:00", FAILED, "83625NED: a short page"))
    text = generate_latest(collected(work)).decode()
    assert "klantcontacten" not in text
    found = samples(text)
    assert found[("rdc_sources", "state=quarantined")] == 1
    assert found[("rdc_concerns", "asks=yes", "kind=delivery")] == 1


def test_a_run_writes_them_where_it_is_asked_to(released: Rdc, tmp_path: Path) -> None:
    file = tmp_path / "collector" / "rdc.prom"
    rdc = released.copy(tmp_path / "home", released.env | {"RDC_METRICS_FILE": str(file)})
    rdc("run")
    found = samples(file.read_text())
    assert found[("rdc_release_timestamp_seconds",)] > 0
    assert file.stat().st_mode & 0o044, "node_exporter is another user"
