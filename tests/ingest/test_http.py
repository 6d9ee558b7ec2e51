"""The one client: who waits for whom when a host fails, and how long."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ingest.http import Client, FetchError, TransientError, UnreachableError, _retry_after
from tests.standin import Fault, StandIn, V3Table


def table(n: int) -> V3Table:
    return V3Table.build(f"9000{n}NED", dims={"RegioS": ["NL01"]}, topics=["A"], rows=[("NL01", 1)])


@pytest.fixture
def cbs():
    with StandIn([table(n) for n in range(10)]) as standin:
        yield standin


def url(cbs: StandIn, n: int) -> str:
    return f"{cbs.v3_url}/ODataFeed/odata/9000{n}NED/TypedDataSet"


def client(**options) -> Client:
    return Client(**{"timeout": 1.0, "attempts": 2, "backoff": 0.01} | options)


def test_a_host_that_keeps_failing_is_left_alone(cbs: StandIn) -> None:
    cbs.fault(None, Fault.SERVER_ERROR_503, times=None)
    asking = client()
    errors = []
    for n in range(10):
        with pytest.raises(FetchError) as error:
            asking.text(url(cbs, n), "rows")
        errors.append(error.value)
    # Four with two attempts each, three tries of one, and from then on silence.
    assert len(cbs.requests) == 4 * 2 + 3
    assert isinstance(errors[0], TransientError)
    assert isinstance(errors[-1], UnreachableError)
    assert "left alone for the rest of this run" in str(errors[-1]) and "HTTP 503" in str(errors[-1])


def test_a_host_that_recovers_goes_on_for_all_that_waited(cbs: StandIn) -> None:
    cbs.fault(None, Fault.SERVER_ERROR_503, times=4 * 2)
    asking = client()
    for n in range(4):
        with pytest.raises(TransientError):
            asking.text(url(cbs, n), "rows")
    cbs.requests.clear()
    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(lambda n: asking.text(url(cbs, n), "rows"), range(4, 10)))
    assert len(cbs.requests) == 6


def test_however_many_ask_a_host_has_four_connections(cbs: StandIn) -> None:
    cbs.latency = 0.02
    asking = client()
    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(lambda n: asking.text(url(cbs, n % 10), "rows"), range(40)))
    assert (cbs.opened, cbs.most_at_once, len(cbs.requests)) == (4, 4, 40)


def test_one_broken_table_does_not_take_its_host_down(cbs: StandIn) -> None:
    cbs.fault("90000NED", Fault.SERVER_ERROR_503, times=None)
    asking = client()
    for n in range(1, 10):
        with pytest.raises(TransientError):
            asking.text(url(cbs, 0), "rows")
        assert asking.text(url(cbs, n), "rows")


def test_while_a_host_is_tried_the_others_wait(cbs: StandIn) -> None:
    cbs.fault(None, Fault.SERVER_ERROR_503, times=4 * 2)
    asking = client()
    for n in range(4):
        with pytest.raises(TransientError):
            asking.text(url(cbs, n), "rows")
    cbs.latency = 0.5
    cbs.most_at_once = 0
    cbs.requests.clear()
    threads = [threading.Thread(target=asking.text, args=(url(cbs, n), "rows")) for n in range(4)]
    for thread in threads:
        thread.start()
    while not cbs.requests:
        time.sleep(0.01)
    time.sleep(0.2)  # for the others to come along, if they would
    assert cbs.most_at_once == 1
    for thread in threads:
        thread.join(20)
    assert len(cbs.requests) == 4 and cbs.most_at_once > 1, "once it answered, the others go on together"


def test_a_wait_that_the_host_asks_for_is_kept(cbs: StandIn) -> None:
    slept: list[float] = []
    cbs.fault("90000NED", Fault.TOO_MANY_429, times=1, seconds=7)
    assert client(sleep=slept.append).text(url(cbs, 0), "rows")
    assert slept == [7.0]


def test_a_date_in_retry_after_is_read() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert _retry_after(format_datetime(later, usegmt=True)) == pytest.approx(90, abs=2)
    assert _retry_after("120") == 120
    assert _retry_after("soon") is None
    assert _retry_after(None) is None
