"""The ways in over real HTTP: read to the end, held to the service's own count, and without a secret in any log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ingest.http import Client, FetchError, LoopError, UnreachableError
from ingest.municipal import source
from ingest.municipal.contract import Contract, WayIn
from ingest.municipal.layer import Layer
from ingest.municipal.region import Geography
from ingest.municipal.remote import SecretMissingError, boundaries, fetch
from ingest.outcome import FAILED, FETCHED, UNCHANGED, UNREACHABLE
from orchestration.workspace import Workspace
from tests.conftest import shared
from tests.ingest.municipal.conftest import found_in
from tests.ingest.municipal.standin import Services, reply

SECRET = "geheim-token-5521-xyz"


@pytest.fixture
def services() -> Iterator[Services]:
    with Services() as found:
        yield found


@pytest.fixture
def client() -> Client:
    return Client(sleep=lambda _: None)


def records(way: WayIn, client: Client) -> list[dict[str, Any]]:
    fetched = fetch(way, client, {})
    assert fetched is not None
    return json.loads(fetched.data)


def with_way(work: Workspace, contract: str, way: WayIn) -> Contract:
    changed = work.registry.contracts[contract].model_copy(update={"ways_in": (way,)})
    work.registry.contracts[contract] = changed
    return changed


# -- each way in ------------------------------------------------------------------------------------------------------


def test_a_file_is_fetched_once_per_version(services: Services, client: Client) -> None:
    services.file("/export.csv", b"a;b\n1;2\n")
    way = WayIn(kind="http_file", url=f"{services.url}/export.csv")
    first = fetch(way, client, {})
    assert first is not None and (first.name, first.data) == ("export.csv", b"a;b\n1;2\n")
    assert fetch(way, client, first.stamp) is None
    services.file("/export.csv", b"a;b\n1;3\n", '"2"')
    again = fetch(way, client, first.stamp)
    assert again is not None and again.data == b"a;b\n1;3\n"


def test_ckan_reads_the_datastore_to_the_end_or_takes_the_file(services: Services, client: Client) -> None:
    rows = [{"jaar": n} for n in range(8)]
    services.file("/files/a.csv", b"jaar\n1\n")
    resources = [
        {"id": "r1", "format": "CSV", "url": f"{services.url}/files/a.csv", "datastore_active": False},
        {"id": "r2", "format": "JSON", "datastore_active": True},
    ]
    services.ckan("afval", resources, rows)
    way = {"kind": "ckan", "url": services.url, "resource": "afval"}
    stored = records(WayIn(**way, parameters={"resource_id": "r2"}), client)
    assert sorted(r["jaar"] for r in stored) == list(range(8))
    assert "_id" not in stored[0]
    fetched = fetch(WayIn(**way, parameters={"format": "csv"}), client, {})
    assert fetched is not None and fetched.data == b"jaar\n1\n"
    with pytest.raises(FetchError, match="a resource of package"):
        fetch(WayIn(**way, parameters={"resource_id": "r9"}), client, {})


def test_arcgis_pages_while_it_says_that_it_left_some_out(
    services: Services, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"OBJECTID": n, "datum": 1_704_067_200_000, "x": 153_000 + n, "y": 374_000} for n in range(5)]
    services.arcgis("/FeatureServer/0", rows, token=SECRET)
    way = WayIn(kind="arcgis", url=f"{services.url}/FeatureServer", resource="0", token_env="RDC_TEST_TOKEN")
    monkeypatch.setenv("RDC_TEST_TOKEN", SECRET)
    found = records(way, client)
    assert [r["OBJECTID"] for r in found] == [0, 1, 2, 3, 4]
    assert (found[0]["datum"], found[0]["x"]) == ("2024-01-01", 153_000)
    monkeypatch.setenv("RDC_TEST_TOKEN", "wrong")
    # It answers 200 with an error in it.
    with pytest.raises(FetchError, match="error 499"):
        fetch(way, client, {})


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (1_704_063_600_000, "2024-01-01"),  # midnight here, as ArcGIS Online keeps it: 31 December 23:00 UTC
        (1_719_784_800_000, "2024-07-01"),  # in summer: 30 June 22:00 UTC
        (1_711_839_600_000, "2024-03-31"),  # the day on which the clock goes forward
        (1_719_792_000_000, "2024-07-01"),  # midnight UTC: a date that somebody loaded as it was
        (-2_208_988_800_000, "1900-01-01"),
    ],
)
def test_arcgis_keeps_local_midnight_as_utc(services: Services, client: Client, at: int, day: str) -> None:
    services.arcgis("/FeatureServer/0", [{"OBJECTID": 1, "datum": at, "x": 1, "y": 2}])
    [record] = records(WayIn(kind="arcgis", url=f"{services.url}/FeatureServer", resource="0"), client)
    assert record["datum"] == day


@pytest.mark.parametrize("tells", ["name", "type", "page"])
@pytest.mark.parametrize("key", ["FID", "gid"])
def test_arcgis_calls_its_objects_numbers_as_it_likes(services: Services, client: Client, tells: str, key: str) -> None:
    rows = [{key: n, "x": 153_000, "y": 374_000} for n in range(5)]
    services.arcgis("/FeatureServer/1", rows, key=key, tells=tells)
    way = WayIn(kind="arcgis", url=f"{services.url}/FeatureServer", resource="1")
    assert [r[key] for r in records(way, client)] == [0, 1, 2, 3, 4]


def test_arcgis_that_gives_an_object_twice_is_not_believed(services: Services, client: Client) -> None:
    """As many as it counts, and yet one is missing: its pages are not in one order."""
    services.arcgis("/FeatureServer/1", [{"FID": n, "x": 1, "y": 1} for n in (0, 1, 1, 3)], key="FID", tells="name")
    with pytest.raises(FetchError, match="each object once"):
        fetch(WayIn(kind="arcgis", url=f"{services.url}/FeatureServer", resource="1"), client, {})


def test_arcgis_that_gives_fewer_than_it_counts_is_not_believed(services: Services, client: Client) -> None:
    services.on("/FeatureServer/0/query", lambda a: reply({"count": 9, "features": []}))
    with pytest.raises(FetchError, match="expected 9 features, got 0"):
        fetch(WayIn(kind="arcgis", url=f"{services.url}/FeatureServer", resource="0"), client, {})


def test_ogc_api_features_follows_its_links_and_is_held_to_its_count(services: Services, client: Client) -> None:
    features = [
        {"id": n, "properties": {"n": n}, "geometry": {"type": "Point", "coordinates": [5.3, 51.3]}} for n in range(5)
    ]
    services.ogc("/ogc/v1/collections/meldingen/items", features)
    way = WayIn(kind="ogc_features", url=f"{services.url}/ogc/v1", resource="meldingen")
    found = records(way, client)
    assert [r["n"] for r in found] == [0, 1, 2, 3, 4]
    assert (found[0]["x"], found[0]["y"]) == (5.3, 51.3)
    services.ogc("/ogc/v1/collections/meldingen/items", features, lie=3)
    with pytest.raises(FetchError, match="expected 8 features, got 5"):
        fetch(way, client, {})


def test_a_next_link_in_a_circle_or_to_another_host_is_refused(services: Services, client: Client) -> None:
    way = WayIn(kind="ogc_features", url=services.url, resource="a")
    path = "/collections/a/items"
    services.on(path, lambda a: reply({"features": [], "links": [{"rel": "next", "href": f"{services.url}{path}"}]}))
    with pytest.raises(LoopError):
        fetch(way, client, {})
    services.on(path, lambda a: reply({"features": [], "links": [{"rel": "next", "href": "http://127.0.0.2:1/x"}]}))
    with pytest.raises(FetchError, match="another host"):
        fetch(way, client, {})


def test_wfs_pages_by_start_index_and_does_not_trust_a_page_size(services: Services, client: Client) -> None:
    features = [{"id": f"f.{n}", "properties": {"n": n}, "geometry": None} for n in range(7)]
    services.wfs("/wfs", features, most=3)
    way = WayIn(kind="wfs", url=f"{services.url}/wfs", resource="a:b", page_size=5000)
    assert sorted(r["n"] for r in records(way, client)) == list(range(7))
    services.wfs("/wfs", features, most=3, ignores_start=True)
    with pytest.raises(LoopError, match="ignores startIndex"):
        fetch(way, client, {})
    with pytest.raises(ValueError, match="ignores cql_filter without a word"):
        WayIn(kind="wfs", url=f"{services.url}/wfs", resource="a:b", parameters={"CQL_FILTER": "gemeentecode='GM0770'"})


def test_open311_pages_until_nothing_new_comes(services: Services, client: Client) -> None:
    rows = [{"service_request_id": str(n), "status": "open"} for n in range(5)]
    way = WayIn(kind="open311", url=f"{services.url}/v2")
    services.open311("/v2", rows)
    assert len(records(way, client)) == 5
    services.open311("/v2", rows, one_page=True)
    assert len(records(way, client)) == 5


def test_the_same_records_in_another_order_are_the_same_delivery(services: Services, client: Client) -> None:
    rows = [{"service_request_id": str(n)} for n in range(5)]
    way = WayIn(kind="open311", url=f"{services.url}/v2")
    services.open311("/v2", rows)
    one = fetch(way, client, {})
    services.open311("/v2", rows[::-1])
    other = fetch(way, client, {})
    assert one is not None and other is not None and one.data == other.data


# -- through the door -------------------------------------------------------------------------------------------------


def signals(count: int) -> list[dict[str, Any]]:
    return [
        {
            **{
                "id": 90_000_000 + n,
                "created_at": f"2024-0{1 + n % 9}-11T10:00:00+01:00",
                "text": "Jan Verzonnenaar belt",
            },
            **{"category": {"main": "Afval", "sub": "x"}, "status": {"state": "o", "user": "ambtenaar@verzonnen.nl"}},
            **{"location": {"buurt_code": "BU07700001", "geometrie": {"type": "Point", "coordinates": [5.32, 51.36]}}},
            **{"reporter": {"email": f"melder{n}@verzonnen.nl", "phone": "0612345678"}, "source": "online"},
        }
        for n in range(count)
    ]


def test_signalen_comes_in_with_a_token_and_leaves_no_secret_and_nobody_behind(
    work: Workspace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.signalen("/signals/v1/private/signals", signals(25), SECRET)
    way = WayIn(kind="signalen", url=f"{services.url}/signals/v1/private/signals", token_env="SIGNALEN_TOKEN")
    with_way(work, "meldingen_signalen", way)
    table = work.registry.tables["meldingen_signalen"]

    outcome = source.land(work, table)
    assert outcome.result == FAILED and "set SIGNALEN_TOKEN in the environment" in outcome.reason
    work.outcomes.append(outcome)

    monkeypatch.setenv("SIGNALEN_TOKEN", SECRET)
    outcome = source.land(work, table)
    work.outcomes.append(outcome)
    assert (outcome.result, outcome.reason) == (FETCHED, "")
    assert source.land(work, table).result == UNCHANGED

    monkeypatch.setenv("SIGNALEN_TOKEN", SECRET + "-wrong")
    refused = source.land(work, table)
    work.outcomes.append(refused)
    assert refused.result == FAILED and "HTTP 401" in refused.reason
    assert found_in(work.settings.home, [SECRET, "verzonnen.nl", "Verzonnenaar", "0612345678", "90000001"]) == []


def test_a_token_is_not_taken_along_to_another_host(services: Services, client: Client, monkeypatch) -> None:
    monkeypatch.setenv("RDC_TEST_TOKEN", SECRET)
    with Services() as other:
        other.file("/a.csv", b"x\n")
        services.ckan("p", [{"id": "r", "url": f"{other.url}/a.csv"}], [])
        way = WayIn(kind="ckan", url=services.url, resource="p", token_env="RDC_TEST_TOKEN")
        assert fetch(way, client, {}) is not None
        assert all("Authorization" in a.headers for a in services.asked)
        assert all("Authorization" not in a.headers for a in other.asked)


def test_what_is_missing_or_out_of_reach_is_said_without_the_query(client: Client) -> None:
    way = WayIn(kind="http_file", url="http://127.0.0.1:9/x.csv", parameters={"sleutel": SECRET})
    with pytest.raises(UnreachableError) as error:
        fetch(way, client, {})
    assert SECRET not in str(error.value)
    with Services() as services:
        with pytest.raises(FetchError) as refused:
            fetch(WayIn(kind="http_file", url=f"{services.url}/x", parameters={"sleutel": SECRET}), client, {})
        assert SECRET not in str(refused.value)
    with pytest.raises(SecretMissingError, match="RDC_NOT_SET"):
        fetch(WayIn(kind="http_file", url="http://127.0.0.1:9/x", token_env="RDC_NOT_SET"), client, {})
    with pytest.raises(ValueError, match="user or password"):
        WayIn(kind="http_file", url="https://jan:geheim@voorbeeld.nl/x")


def test_a_service_that_is_away_is_no_failure_of_the_run(work: Workspace) -> None:
    with_way(work, "klantcontacten", WayIn(kind="http_file", url="http://127.0.0.1:9/x.csv"))
    assert source.land(work, work.registry.tables["klantcontacten"]).result == UNREACHABLE


def test_an_unchanged_file_is_judged_anew_under_a_changed_contract(work: Workspace, services: Services) -> None:
    content = "datum;gemeente;kanaal;onderwerp;in_een_keer;tekst\n" + "2024-01-02;Eersel;Chat;Overig;ja;x\n" * 12
    services.file("/kcc.csv", content.encode())
    contract = with_way(work, "klantcontacten", WayIn(kind="http_file", url=f"{services.url}/kcc.csv"))
    table = work.registry.tables["klantcontacten"]
    assert source.land(work, table).result == "quarantined"
    assert source.land(work, table).result == "quarantined"
    assert len(Layer(work.settings.municipal, contract.id).deliveries()) == 1
    dropped = contract.columns[-1].model_copy(update={"name": "tekst", "aliases": ()})
    work.registry.contracts["klantcontacten"] = contract.model_copy(update={"columns": (*contract.columns, dropped)})
    assert source.land(work, table).result == FETCHED


def test_what_an_address_takes_back_is_taken_back(work: Workspace, services: Services) -> None:
    def content(count: int) -> bytes:
        return ("datum;gemeente;kanaal;onderwerp;in_een_keer\n" + "2024-01-02;Eersel;Chat;Overig;ja\n" * count).encode()

    contract = with_way(work, "klantcontacten", WayIn(kind="http_file", url=f"{services.url}/kcc.csv"))
    table = work.registry.tables["klantcontacten"]
    layer = Layer(work.settings.municipal, contract.id)
    received = []
    for version, count in enumerate([40, 60, 40, 40]):
        services.file("/kcc.csv", content(count), f'"{version}"')
        source.land(work, table)
        [newest] = {d.delivery_id for d in layer.in_force(False).values()}
        received.append(next(d.received for d in reversed(layer.deliveries()) if d.delivery_id == newest))
    assert received == [40, 60, 40, 40]
    assert len(layer.deliveries()) == 3, "the same once more is not judged once more"


# -- boundaries -------------------------------------------------------------------------------------------------------


def square(x: float, y: float, size: float = 1000) -> dict[str, Any]:
    ring = [[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_boundaries_of_a_year_make_buurten_of_points_and_postcodes(work: Workspace, services: Services, client) -> None:
    buurten = [
        ("BU07700001", "A", square(150_000, 374_000)),
        ("BU07700002", "B", square(151_000, 374_000)),
        ("BU17280001", "C", square(145_000, 374_000)),
        ("BU07720001", "Eindhoven", square(160_000, 383_000)),
    ]
    features = [
        {"id": code, "properties": {"buurtcode": code, "buurtnaam": name, "water": "NEE"}, "geometry": shape}
        for code, name, shape in buurten
    ]
    areas = {"5521AA": square(150_100, 374_100, 500), "5521AB": square(150_500, 374_100, 900)}
    codes = [{"id": c, "properties": {"postcode6": c}, "geometry": s} for c, s in areas.items()]
    services.wfs("/cbs/wijkenbuurten/2024/wfs/v1_0", features, most=2)
    services.wfs("/cbs/postcode6/2024/wfs/v1_0", codes)
    ours = {"GM0770", "GM1728"}
    written = boundaries(client, services.url, 2024, work.settings.boundaries, ours, postcodes=True)
    assert [f.name for f in written] == ["2024.geojson", "postcodes-2024.geojson"]

    geography = Geography.of(work)
    assert geography.within("GM0770", "buurt", 2024) == ["BU07700001", "BU07700002"]
    assert "BU07720001" not in geography.regions(2024)
    assert geography.locate(150_500, 374_500, 2024) == "BU07700001"
    # The same point in WGS84, and with its two numbers the other way round.
    assert geography.locate(5.32259, 51.35968, 2024) == geography.locate(51.35968, 5.32259, 2024) == "BU07700001"
    assert geography.postcode("5521 aa", 2024) == "BU07700001"
    # It lies in two buurten of one wijk: the wijk is certain, the buurt is not.
    assert geography.postcode("5521AB", 2024) == "WK077000"
    assert geography.locate(150_500, 374_500, 2023) is None and geography.missed == {2023}


@pytest.mark.shared
def test_every_real_buurt_holds_a_point_of_its_own() -> None:
    from shapely import get_coordinates

    from ingest.municipal.boundaries import Boundaries

    folder = shared()
    file = folder / "geo" / "buurten_kempen_2024_approx.geojson" if folder else None
    if file is None or not file.is_file():
        pytest.skip("the real boundaries are not here (set RDC_SHARED to their folder)")
    found = Boundaries.read(file)
    assert len(found.codes) == 134
    inside = 0
    for code, shape in zip(found.codes, found.shapes, strict=True):
        [(x, y)] = get_coordinates(shape.representative_point())
        inside += found.locate(x, y) == code
    assert inside == 134
