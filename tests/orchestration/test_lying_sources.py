"""Several sources that answer with what can't be read, in one run of the real command: each costs its own table and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.ingest.municipal.disclosure.test_linked import ALL, CONTRACT
from tests.ingest.statline.test_landing import v3_table, v4_table
from tests.orchestration.conftest import Rdc
from tests.orchestration.test_fault_matrix import _figures
from tests.standin import Fault, StandIn

#: Per table: the service, what goes wrong, at which of its resources, and what is said.
BROKEN = {
    "86101NED": ("v3", Fault.GZIP_IN_NAME_503, "TypedDataSet", "HTTP 503"),
    "86102NED": ("v3", Fault.UTF_16, "RegioS", "UTF-16"),
    "87101NED": ("v4", Fault.SHORT_503, "Observations", "HTTP 503"),
    "87102NED": ("v4", Fault.GZIP_UNSAID, "RegioSCodes", "compressed bytes (gzip)"),
    "50101NED": ("third-party", Fault.GZIP_IN_NAME_503, "DataProperties", "HTTP 503"),
}
WHOLE = {"86109NED": "v3", "87109NED": "v4", "50109NED": "third-party"}


def made(table_id: str, service: str):
    table = (v4_table if service == "v4" else v3_table)(table_id)
    if service == "third-party":
        table.info["Catalog"] = "RIVM"
    return table


def declare(home: Path, services: dict[str, str], address: str) -> None:
    terms = {"source_id": "test", "name": "T", "licence": "CC0", "attribution": "T", "owner": "T"}
    tables = [
        {"id": i, "title": i, "protocol": "v4" if s == "v4" else "v3", "cadence": "year", "on_request": True}
        | ({"catalog": s} if s == "third-party" else {})
        for i, s in services.items()
    ]
    (home / "sources" / "municipal").mkdir(parents=True)
    (home / "sources" / "test.yml").write_text(yaml.safe_dump(terms | {"tables": tables}), encoding="utf-8")
    contract = CONTRACT | {
        "observation": {"period": "datum", "measures": [ALL]},
        "ways_in": [{"kind": "ogc_features", "url": address, "resource": "laag"}],
    }
    (home / "sources" / "municipal" / "eigen_bron.yml").write_text(yaml.safe_dump(contract), encoding="utf-8")


@pytest.mark.long
def test_each_costs_its_own_table_and_no_other(tmp_path: Path) -> None:
    services = {i: found[0] for i, found in BROKEN.items()} | WHOLE
    asked = [word for i in [*services, "eigen_bron"] for word in ("--table", i)]
    with StandIn([made(i, s) for i, s in services.items()], page_size=7, v4_page_size=7) as cbs:
        declare(tmp_path, services, f"{cbs.v3_url}/gemeente")
        rdc = Rdc(tmp_path, cbs.env)
        rdc("run", *asked, status=1)  # the municipal address never answers as it should
        before = {i: _figures(rdc, i) for i in services}
        assert all(before.values())
        for i in services:
            cbs[i].touch()
        for i, (_, fault, resource, _) in BROKEN.items():
            cbs.fault(i, fault, resource=resource, times=None)

        done = rdc("run", "--json", *asked, status=1)

        record = json.loads(done.stdout)
        tables = {t["table_id"]: t for t in record["tables"]}
        states = {t["table_id"]: t for t in rdc.json("status")["tables"]}
        assert record["new_release"] is True
        for i in WHOLE:
            assert (tables[i]["result"], tables[i]["origin"], states[i]["state"]) == ("fetched", "live", "ok")
            assert states[i]["modified"] == cbs[i].modified
        for i, (_, _, resource, said) in BROKEN.items():
            assert (tables[i]["result"], tables[i]["origin"], states[i]["state"]) == ("failed", "last_good", "failed")
            for words in (tables[i]["reason"], states[i]["why"]):
                assert words.startswith(f"{i}: http://127.0.0.1") and resource in words and said in words, words
        assert "HTTP 404" in states["eigen_bron"]["why"]
        assert {i: _figures(rdc, i) for i in services} == before
        costs = {i for cause in record["causes"] for i in cause["tables"]}
        assert costs == {*BROKEN, "eigen_bron"}
