"""What a client may take of the server that really runs: over sockets, without a proxy."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.warehouse.conftest import Center, Service
from tests.warehouse.made import publish
from warehouse.serve.app import server
from warehouse.serve.limits import Limits, ServeError, client_of, proxies


def opened(host: str, said: bytes = b"") -> socket.socket:
    name, _, port = host.partition(":")
    made = socket.create_connection((name, int(port)), timeout=10)
    made.sendall(said)
    return made


def answer_to(host: str, *pieces: bytes) -> tuple[int, bytes]:
    """The status and body, however much of what was to be sent could be."""
    with opened(host) as there:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                there.sendall(piece)
        got = b""
        with contextlib.suppress(ConnectionError):
            while piece := there.recv(65_536):
                got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


def rss(service: Service) -> int:
    status = Path(f"/proc/{service.process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def test_six_hundred_half_open_connections_shut_nobody_out(center: Center) -> None:
    waiting = [opened(center.service.host, b"GET /v1 HTTP/1.1\r\nHost: x\r\nX-Slow: ") for _ in range(600)]
    try:
        for again in range(5):
            for there in waiting[again::5]:
                with contextlib.suppress(ConnectionError):
                    there.sendall(b"a")
            assert center.service.get("/v1/releases").status_code == 200
    finally:
        for there in waiting:
            there.close()


@pytest.mark.parametrize(
    ("start", "status"),
    [(b"GET /v1 HTTP/1.1\r\nHost: x\r\nX-Long: ", 431), (b"GET /v1?x=", 414), (b"\r\n", 400), (b"\x16\x03\x01", 400)],
)
def test_a_head_without_end_is_cut_off(center: Center, start: bytes, status: int) -> None:
    before = rss(center.service)
    filler = b"\r\n" * 500_000 if start == b"\r\n" else b"a" * 1_000_000
    with opened(center.service.host, start) as there, pytest.raises(ConnectionError):
        for _ in range(30):
            there.sendall(filler)
    # Whoever goes on sending finds the connection gone before the answer is read; who stops reads why.
    got, body = answer_to(center.service.host, start, filler[:40_000])
    assert (got, json.loads(body)["status"]) == (status, status)
    assert rss(center.service) - before < 20
    assert center.service.get("/v1").status_code == 200


def test_a_head_that_is_too_long_is_told_so(center: Center) -> None:
    for headers, status in (({"X-Long": "a" * 30_000}, 200), ({"X-Long": "a" * 40_000}, 431)):
        answer = center.service.get("/v1", headers=headers)
        assert (answer.status_code, answer.json().get("status", 200)) == (status, status)
    many = b"".join(b"X-%d: a\r\n" % n for n in range(4000))
    assert answer_to(center.service.host, b"GET /v1 HTTP/1.1\r\nHost: x\r\n", many, b"\r\n")[0] in (431, 0)
    long = answer_to(
        center.service.host, b"GET /v1?x=" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert long[0] == 414


@pytest.mark.parametrize(
    "headers", [b"Content-Length: 5", b"Content-Length: 99999999999", b"Transfer-Encoding: chunked"]
)
def test_nothing_is_taken_in(center: Center, headers: bytes) -> None:
    for method in (b"POST", b"GET"):
        asks = method + b" /v1/waarnemingen HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n" + headers + b"\r\n\r\n"
        status, body = answer_to(center.service.host, asks)
        assert (status, json.loads(body)["status"]) == (413, 413)


# -- the same server, with limits that a test can wait for ------------------------------------------------------------


@contextlib.contextmanager
def listening(home: Path, limits: Limits | None = None) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = server(home, "127.0.0.1", port, limits)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    while not made.started:
        time.sleep(0.01)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        made.should_exit = True
        thread.join(15)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("limits")
    publish(made / "warehouse")
    return made


def until_closed(there: socket.socket, trickle: bytes = b"") -> float:
    """Seconds until the other side lets go, while a byte is sent now and then."""
    started = time.monotonic()
    there.settimeout(0.05)
    while time.monotonic() - started < 10:
        with contextlib.suppress(TimeoutError):
            try:
                if trickle:
                    there.sendall(trickle)
                if there.recv(65_536) == b"":
                    return time.monotonic() - started
            except ConnectionError:
                return time.monotonic() - started
    raise AssertionError("it stays open")


def within(seconds: float, found: Callable[[], bool]) -> bool:
    """Whether something comes true in time."""
    ends = time.monotonic() + seconds
    while not (so := found()) and time.monotonic() < ends:
        time.sleep(0.05)
    return so


def test_a_head_that_does_not_come_is_not_waited_for(home: Path) -> None:
    whole = b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    with listening(home, Limits(head_seconds=0.5, idle_seconds=1)) as host:
        for said, trickle in ((b"", b""), (b"GET /v1 HTTP/1.1\r\nX: ", b"a"), (whole + b"GET", b"a")):
            with opened(host, said) as there:
                assert until_closed(there, trickle) > 0.3, (said, trickle)
        with opened(host, whole) as there:  # idle, and then gone
            assert until_closed(there) > 0.8


def test_the_limits_that_are_given_hold(home: Path) -> None:
    with listening(home, Limits(head_bytes=2_000)) as host:
        answers = [requests.get(f"http://{host}/v1", headers={"X-Long": "a" * n}, timeout=10) for n in (1_000, 1_900)]
        assert [a.status_code for a in answers] == [200, 431] and "2000 bytes" in answers[1].json()["detail"]


def test_who_takes_nothing_of_an_answer_is_let_go(home: Path) -> None:
    with listening(home, Limits(stall_seconds=0.5, per_client=1)) as host:
        url = f"http://{host}"
        asks = b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 400
        with opened(host) as there:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with contextlib.suppress(ConnectionError, TimeoutError):
                there.settimeout(2)
                there.sendall(asks)
            # Its place comes free: with one connection per client, this one gets in.
            assert within(10, lambda: requests.get(f"{url}/v1", timeout=5).status_code == 200)


def test_a_client_has_so_many_questions_at_a_time(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold, asked = threading.Event(), []
    monkeypatch.setattr(
        "warehouse.serve.portal.looks.drawn", lambda *_: "".join(map(str, (asked.append(1), hold.wait(10))[2:]))
    )
    with listening(home, Limits(per_client=2)) as host:
        asks = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        busy = [opened(host, asks) for _ in range(2)]
        assert within(10, lambda: len(asked) == 2)
        status, body = answer_to(host)
        assert (status, json.loads(body)["status"]) == (503, 503)
        hold.set()
        for there in busy:
            there.close()


def test_an_address_in_a_header_counts_only_from_a_proxy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDC_SERVE_RATE", "3")

    def statuses(host: str) -> list[int]:
        asks = [{"X-Forwarded-For": f"192.0.2.{n}", "X-Forwarded-Proto": "https"} for n in range(5)]
        answers = [requests.get(f"http://{host}/v1", headers=h, timeout=10) for h in asks]
        schemes = {a.json()["_links"]["releases"]["href"].partition(":")[0] for a in answers if a.ok}
        assert schemes == {"https" if "proxy" in host_kind else "http"}
        return [a.status_code for a in answers]

    host_kind = "direct"
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # of the server below us; ours alone decides
    with listening(home) as host:
        assert statuses(host) == [200, 200, 200, 429, 429]
    host_kind = "proxy"
    monkeypatch.setenv("RDC_SERVE_PROXIES", "10.0.0.0/8, 127.0.0.1")
    with listening(home) as host:
        assert statuses(host) == [200] * 5


def test_settings_that_say_nothing_are_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxies("") == [] and proxies("127.0.0.1, ::1,10.0.0.0/8") == ["127.0.0.1", "::1", "10.0.0.0/8"]
    with pytest.raises(ServeError, match="RDC_SERVE_PROXIES has 'proxy'"):
        proxies("127.0.0.1,proxy")
    for wrong in ("0", "-1", "veel", "", "1e3"):
        monkeypatch.setenv("RDC_SERVE_RATE", wrong)
        with pytest.raises(ServeError, match="RDC_SERVE_RATE"):
            server(home, "127.0.0.1", 1)


def test_a_subscriber_of_ipv6_is_one_client() -> None:
    assert client_of("2001:db8:1:2::5") == client_of("2001:db8:1:2:ffff::1") != client_of("2001:db8:1:3::5")
    assert client_of("::ffff:192.0.2.1") == client_of("192.0.2.1") == "192.0.2.1" and client_of("") == ""
