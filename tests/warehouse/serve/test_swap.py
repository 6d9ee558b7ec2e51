"""A new release comes while readers read: no error, and no answer of two releases."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import duckdb
import pytest
import requests

from tests.warehouse.conftest import Center, Service
from tests.warehouse.made import INDICATORS, PERIODS, REGIONS, figure_of, publish
from warehouse.releases.release import Releases

OPEN = [i[0] for i in INDICATORS if i[6] == "public"]
SWAPS, READERS = 10, 8


def shift_of(values: dict[tuple[str, str, str], float]) -> float:
    """By how much all figures of one answer are shifted: one number, or the answer is torn."""
    shifts = {value - figure_of(*key) for key, value in values.items()}
    assert len(shifts) == 1, shifts
    return shifts.pop()


def listed(url: str) -> dict[tuple[str, str, str], float]:
    """All figures, page by page."""
    found, at = {}, f"{url}/v1/waarnemingen?limiet=40"
    releases = set()
    while at:
        answer = requests.get(at, timeout=30)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        releases.add(body["release"])
        found |= {(r["indicator"], r["gebied"], r["periode"]): r["waarde"] for r in body["waarnemingen"]}
        at = body["_links"].get("next", {}).get("href")
    assert len(releases) == 1 and len(found) == len(OPEN) * len(REGIONS) * len(PERIODS)
    return found


def odata(url: str) -> dict[tuple[str, str, str], float]:
    answer = requests.get(f"{url}/odata/v1/CBS/KEMPEN-WONEN/Observations", timeout=30)
    assert answer.status_code == 200, answer.text
    return {(o["Measure"], o["RegioS"], o["Perioden"]): o["Value"] for o in answer.json()["value"]}


def table(url: str) -> dict[tuple[str, str, str], float]:
    answer = requests.get(f"{url}/v1/tabellen/wonen?vorm=lang", timeout=30)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert {r["release_id"] for r in body["rows"]} == {body["release"]}
    return {(r["indicator_id"], r["region_code"], r["period_code"]): r["value"] for r in body["rows"]}


def test_ten_releases_under_eight_readers(tmp_path: Path) -> None:
    """Two are published while the readers read, eight were made before and become current by the same rename."""
    folder = tmp_path / "warehouse"
    made = [publish(folder, shift=float(n)).release_id for n in range(SWAPS - 1)]
    releases = Releases(folder)
    releases.rollback(made[0])
    seen: list[float] = []
    problems: list[str] = []
    stop = threading.Event()

    def reader(number: int, url: str) -> None:
        ask = (listed, odata, table)[number % 3]
        while not stop.is_set():
            try:
                seen.append(shift_of(ask(url)))
            except Exception as error:
                problems.append(f"{ask.__name__}: {error!r}")
                return
            stop.wait(0.02)  # two cores: the one that publishes must have its turn too

    def until(number: int) -> None:
        """Until the readers have seen this release, each way of asking."""
        before = len(seen)
        for _ in range(400):
            if problems or seen[before:].count(float(number)) >= 3:
                return
            stop.wait(0.02)
        problems.append(f"release {number} was not seen within 8 seconds: {set(seen[before:])}")

    with Service(tmp_path) as service:
        threads = [threading.Thread(target=reader, args=(n, service.url)) for n in range(READERS)]
        for thread in threads:
            thread.start()
        for number in range(1, SWAPS + 1):
            if number < len(made):
                releases.rollback(made[number])
            else:
                publish(folder, shift=float(number))
            until(number)
        stop.set()
        for thread in threads:
            thread.join(30)
        assert not problems, problems[:3]
        assert set(seen) >= {float(n) for n in range(1, SWAPS + 1)}
        current = service.get("/v1/releases/actueel").json()["release"]
        assert current == releases.current().release_id  # type: ignore[union-attr]


def test_a_reader_that_was_halfway_goes_on_in_its_release(tmp_path: Path) -> None:
    publish(tmp_path / "warehouse")
    with Service(tmp_path) as service:
        first = service.get("/v1/waarnemingen", limiet=30).json()
        odata_first = service.get("/odata/v1/CBS/KEMPEN-WONEN/Observations", **{"$top": 5}).json()
        publish(tmp_path / "warehouse", shift=1.0)
        second = requests.get(first["_links"]["next"]["href"], timeout=30).json()
        assert second["release"] == first["release"] != service.get("/v1/releases/actueel").json()["release"]
        assert {r["release"] for r in second["waarnemingen"]} == {first["release"]}
        assert odata_first["value"]


def _httpfs() -> Path | None:
    from importlib.util import find_spec

    spec = find_spec("duckdb_extension_httpfs")
    place = Path(spec.origin).parent if spec and spec.origin else Path()
    return next(place.glob(f"extensions/v{duckdb.__version__}/httpfs.duckdb_extension"), None)


def test_the_database_and_parquet_over_http(tmp_path: Path) -> None:
    extension = _httpfs()
    if extension is None:
        pytest.skip(f"the package duckdb-extension-httpfs for DuckDB {duckdb.__version__} is not installed")
    release = publish(tmp_path / "warehouse", levels={"T_EIGEN": "public", "T_PARTNER": "public"}).release_id
    with Service(tmp_path) as service, duckdb.connect() as con:
        con.execute(f"load '{extension}'")
        root = f"{service.url}/v1/releases/{release}/bestanden"
        con.execute(f"attach '{root}/rdc.duckdb' as kempen (read_only)")
        value = con.execute(
            "select value from kempen.core.indicator_value where indicator_id = 'won_prijs' and region_code = 'GM0770' "
            "and period_code = '2024JJ00'"
        ).fetchall()
        assert value == [(figure_of("won_prijs", "GM0770", "2024JJ00"),)]
        rows = con.execute(f"select count(*), max(won_prijs) from '{root}/tables/wonen.parquet'").fetchall()
        assert rows == [
            (len(REGIONS) * len(PERIODS), max(figure_of("won_prijs", r[0], p) for r in REGIONS for p in PERIODS))
        ]
        con.execute(f"attach '{service.url}/rdc.duckdb' as now (read_only)")
        assert con.execute("select release_id from now.core.release").fetchall() == [(release,)]


def test_a_whole_release_can_be_checked_with_sha256sum(center: Center) -> None:
    root = f"/v1/releases/{center.releases[-1]}/bestanden"
    sums = center.service.get(f"{root}/SHA256SUMS").text
    for line in sums.splitlines():
        digest, name = line.split("  ")
        if name in ("rdc.duckdb", "report.html", "release.json"):
            assert center.service.get(f"{root}/{name}").status_code == 403
        else:
            assert hashlib.sha256(center.service.get(f"{root}/{name}").content).hexdigest() == digest
