"""Whole tables are made a few at a time, and how slowly one is read holds up no other."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest
import requests

from tests.warehouse.made import publish
from tests.warehouse.serve.test_limits import listening, opened
from warehouse.serve.making import Making, spooled
from warehouse.serve.problem import Problem


def test_so_many_at_a_time_so_many_wait_and_the_rest_comes_back() -> None:
    making, hold = Making(at_once=2, waiting=3, seconds=20), threading.Event()
    inside, most, ended, lock = 0, 0, [], threading.Lock()

    def one() -> None:
        nonlocal inside, most
        try:
            with making.turn():
                with lock:
                    inside += 1
                    most = max(most, inside)
                hold.wait(10)
                with lock:
                    inside -= 1
            ended.append(200)
        except Problem as problem:
            assert problem.headers["Retry-After"] == "10"
            ended.append(problem.status)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(500):
        if len(ended) == 3:
            break
        time.sleep(0.01)
    assert ended == [503] * 3
    hold.set()
    for thread in threads:
        thread.join(10)
    assert sorted(ended) == [200] * 5 + [503] * 3 and most == 2
    with making.turn():  # every place is free again
        pass


def test_who_waits_too_long_is_asked_to_come_back() -> None:
    making = Making(at_once=1, waiting=1, seconds=0.05)
    with making.turn(), pytest.raises(Problem) as refused, making.turn():
        pass
    assert refused.value.status == 503
    with pytest.raises(ZeroDivisionError), making.turn():
        raise ZeroDivisionError
    with making.turn():
        pass


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
def test_what_is_made_is_whole_and_leaves_nothing(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    made = spooled((content[at : at + 70_000] for at in range(0, size, 70_000)), tmp_path)
    assert (made.size, made.digest) == (size, hashlib.sha256(content).digest())
    assert list(tmp_path.iterdir()) == []
    assert b"".join(made.pieces()) == content and made.file.closed


def test_slow_readers_of_whole_tables_hold_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tmp_path / "warehouse")
    monkeypatch.setattr("warehouse.export.plain.csv_pieces", lambda *_, **__: iter([b"x" * 1_000_000] * 8))
    asks = b"GET /v1/tabellen/wonen?formaat=csv-nl HTTP/1.1\r\nHost: x\r\n\r\n"
    with listening(tmp_path) as host:
        slow = [opened(host, asks) for _ in range(20)]  # none of them reads
        for _ in range(60):  # they are made all at once, and may be in the way as long as that takes
            time.sleep(0.25)
            answer = requests.get(f"http://{host}/v1/tabellen/wonen", params={"formaat": "csv-nl"}, timeout=15)
            if answer.status_code != 503:
                break
        assert (answer.status_code, len(answer.content)) == (200, 8_000_000)
        assert requests.get(f"http://{host}/v1/waarnemingen", timeout=5).status_code == 200
        for there in slow:
            there.close()


def test_a_large_page_of_odata_waits_its_turn_and_a_small_one_does_not(tmp_path: Path) -> None:
    publish(tmp_path / "warehouse")
    with listening(tmp_path) as host, pytest.MonkeyPatch.context() as patched:
        url = f"http://{host}/odata/v1/CBS/KEMPEN-WONEN/Observations"
        full = Problem(503, "vol", headers={"Retry-After": "10"})

        def refuse(_: Making) -> None:
            raise full

        patched.setattr(Making, "turn", refuse)
        refused = requests.get(url, timeout=10)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
        assert requests.get(url, params={"$top": "100"}, timeout=10).status_code == 200
