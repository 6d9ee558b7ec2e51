"""The service on a real release: our own ingest takes its tables back, and the figures are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.add import add
from ingest.http import Client
from ingest.outcome import FETCHED
from ingest.settings import Settings
from ingest.snapshot import Snapshot, Store
from ingest.statline.landing import land
from tests.orchestration.conftest import Rdc
from tests.warehouse.conftest import Service
from warehouse.serve.odata.tables import ATTRIBUTES, LABELS


def taken_back(service: Service, home: Path, table_id: str, protocol: str) -> Snapshot:
    settings = Settings(home, service.url, f"{service.url}/odata/v1/CBS", service.url)
    client = Client(timeout=30)
    table, _, _ = add(settings, client, table_id, protocol, "cbs", None, None)
    store = Store(settings.snapshots)
    outcome = land(table, settings, store, client)
    assert (outcome.result, outcome.reason) == (FETCHED, "")
    newest = store.newest(table_id)
    assert newest is not None
    return newest


@pytest.fixture(scope="module")
def service(released: Rdc):
    with Service(released.home) as service:
        yield service


def test_our_own_ingest_takes_a_table_back_by_v3(released: Rdc, service: Service, tmp_path: Path) -> None:
    snapshot = taken_back(service, tmp_path, "KEMPEN-WERK-EN-INKOMEN", "v3")
    assert (snapshot.region_dimension, snapshot.time_dimension) == ("RegioS", "Perioden")
    names = [r[0] for r in released.sql("select indicator_id from core.indicator where theme = 'werk_en_inkomen'")]
    assert snapshot.row_count == released.sql("select count(*) from mart.werk_en_inkomen")[0][0]
    listed = ", ".join(names)
    back = duckdb.sql(
        f'select "RegioS", "Perioden", {listed} from \'{snapshot.file("data.parquet")}\' order by all'
    ).fetchall()
    assert back == released.sql(f"select region_code, period_code, {listed} from mart.werk_en_inkomen order by all")


def test_our_own_ingest_takes_a_table_back_by_v4(released: Rdc, service: Service, tmp_path: Path) -> None:
    snapshot = taken_back(service, tmp_path, "KEMPEN-BEVOLKING", "v4")
    back = duckdb.sql(
        'select "Measure", "RegioS", "Perioden", "Value", "ValueAttribute" from '
        f"'{snapshot.file('data.parquet')}' order by all"
    ).fetchall()
    ours = released.sql(
        "select indicator_id, region_code, period_code, value, missing_reason from core.indicator_value "
        "where indicator_id in (select indicator_id from core.indicator where theme = 'bevolking')"
    )
    assert back == sorted(
        ((i, r, p, v, ATTRIBUTES[why] if v is None else "None") for i, r, p, v, why in ours),
        key=lambda row: (row[0], row[1], row[2]),
    )
    units = duckdb.sql(f"select code, unit, decimals from '{snapshot.file('measures.parquet')}' order by 1").fetchall()
    assert units == released.sql(
        "select indicator_id, unit, decimals from core.indicator where theme = 'bevolking' order by 1"
    )


def test_both_versions_of_odata_tell_the_same_of_every_figure(released: Rdc, service: Service) -> None:
    """Of a theme with figures that are missing for a reason."""

    def rows(path: str) -> list[dict[str, Any]]:
        body = service.get(path, **{"$select": "*"}).json()
        assert not {"odata.nextLink", "@odata.nextLink"} & set(body)
        return body["value"]

    long = rows("/odata/v1/CBS/KEMPEN-WERK-EN-INKOMEN/Observations")
    wide = {(r["RegioS"], r["Perioden"]): r for r in rows("/ODataFeed/odata/KEMPEN-WERK-EN-INKOMEN/TypedDataSet")}
    told = 0
    for figure in long:
        if row := wide.get((figure["RegioS"], figure["Perioden"])):
            for label in LABELS:
                assert row[f"{figure['Measure']}_{label}"] == figure[label], (figure, label)
            told += figure["Reason"] is not None
    assert (
        told
        and sum(row[f"{m}_Reason"] is not None for row in wide.values() for m in {f["Measure"] for f in long}) == told
    )


def test_figures_of_a_real_release_over_http(released: Rdc, service: Service) -> None:
    [row] = service.get("/v1/waarnemingen", indicator="bev_inwoners", gebied="KEMPEN", periode="2026").json()[
        "waarnemingen"
    ]
    assert (row["waarde"], row["peildatum"], row["indelingsjaar"]) == (94549, "2026-01-01", 2026)
    tables = service.get("/ODataCatalog/Tables").json()["value"]
    assert [t["Identifier"] for t in tables if "Bronnen: ." in t["Summary"]] == []
    page = service.get("/").text
    assert "Gemiddelde verkoopprijs bestaande koopwoningen" in page and "verzonnen voorbeeld" in page
    whole = service.get("/v1/releases/actueel/bestanden/rdc.duckdb", headers={"Range": "bytes=0-15"})
    assert (whole.status_code, whole.content[8:12]) == (206, b"DUCK")
