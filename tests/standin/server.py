"""The server: it listens on loopback, logs what is asked, lets the services answer unless a fault strikes."""

from __future__ import annotations

import contextlib
import gzip
import math
import os
import selectors
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.standin.answers import Ask, Document, Host, Page, ServiceError, Target
from tests.standin.faults import Fault, Plan, Rule, damaged, spoil
from tests.standin.table import Table
from tests.standin.v3 import V3Table
from tests.standin.v3_service import V3Service
from tests.standin.v4 import V4Table
from tests.standin.v4_service import V4Service

_HTML = "text/html; charset=utf-8"
_MAINTENANCE = "/onderhoud.html"
_PAGE = "<!DOCTYPE html><html lang='nl'><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_PLAIN_FAULTS = {
    Fault.SERVER_ERROR_503: (503, "Service Unavailable"),
    Fault.TOO_MANY_429: (429, "Too Many Requests"),
    Fault.GZIP_IN_NAME_503: (503, "Service Unavailable"),
    Fault.SHORT_503: (503, "Service Unavailable"),
    Fault.STALL_503: (503, "Service Unavailable"),
    Fault.FORBIDDEN_403: (403, "Forbidden"),
    Fault.HTML_200: (200, "Onderhoud"),
    Fault.EMPTY_200: (200, ""),
    Fault.REDIRECT_HTML: (302, "Verplaatst"),
}


@dataclass(frozen=True)
class Request:
    """A request as it came in, also when a fault kept it from being answered."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    #: Seconds since the epoch.
    at: float
    host: Host | None = None
    #: The table's identifier as the client wrote it; None for the catalogue.
    table: str | None = None
    #: ``TypedDataSet``, ``TypedDataSet/$count``, ``Tables`` ...; empty for a service document.
    resource: str = ""
    page: int = 1


@dataclass(frozen=True)
class _Reply:
    """What goes over the wire, and what happens to it there."""

    status: int
    body: bytes
    content_type: str = _HTML
    headers: Mapping[str, str] | None = None
    #: RESET or STALL: how the connection breaks halfway the body.
    breaks: Rule | None = None


class StandIn:
    """CBS's two OData services and that of the third parties, on loopback.

    Use it as a context manager, or ``start`` and ``stop`` it. v3 and v4 share a port, third parties have
    their own; ``separate_hosts`` gives v4 its own too, as CBS does. The tables are copied: changing the
    ones that are served (``cbs["84799NED"]``) leaves those that were given as they were.

    :param page_size: rows on a page of ODataFeed; ``v4_page_size``: cells on a page of observations.
    :param latency: seconds before each answer; may be changed while it runs.
    :param gzip: compress JSON for a client that accepts it.
    :param value_first: v3 answers with ``value`` before ``odata.metadata``, as in some recorded pages.
    :param etag: send entity tags and honour ``If-None-Match``; CBS is not known to.
    :param port: that of v3; 0 takes any. With a port given, the others follow it.
    :param node_limit: how much a filter may weigh; ``api_limit``: how many rows ODataApi gives;
        ``address_limit``: how long an address v4 takes (CBS's true limit is above 6,000).
    """

    def __init__(
        self,
        tables: Iterable[Table] = (),
        *,
        page_size: int = 10_000,
        v4_page_size: int = 100_000,
        latency: float = 0.0,
        gzip: bool = True,
        value_first: bool = False,
        etag: bool = False,
        separate_hosts: bool = False,
        port: int = 0,
        node_limit: int = 1000,
        api_limit: int = 10_000,
        address_limit: int = 8192,
    ) -> None:
        self.latency, self.gzip, self.etag = latency, gzip, etag
        #: Every request in the order of arrival; may be cleared.
        self.requests: list[Request] = []
        #: The most requests that were under way at one moment.
        self.most_at_once = 0
        #: The connections that were opened, each for one request or more.
        self.opened = 0
        #: What went wrong in the stand-in itself; leaving the context raises when there is any.
        self.errors: list[str] = []
        self.stopping = threading.Event()
        self._faults = Plan()
        self._under_way = 0
        self._lock = threading.Lock()
        self._v3: dict[str, V3Table] = {}
        self._third: dict[str, V3Table] = {}
        self._v4: dict[str, V4Table] = {}
        for table in tables:
            self.add(table)
        options = {"page_size": page_size, "api_limit": api_limit, "node_limit": node_limit}
        v3 = V3Service(lambda: self._v3, value_first=value_first, **options)
        third = V3Service(lambda: self._third, value_first=value_first, **options)
        v4 = V4Service(lambda: self._v4, v4_page_size, node_limit, address_limit)
        served: list[dict[Host, V3Service | V4Service]] = [{"v3": v3, "v4": v4}, {"third_party": third}]
        if separate_hosts:
            served = [{"v3": v3}, {"third_party": third}, {"v4": v4}]
        self._doors = [_Door(self, services, port + n if port else 0) for n, services in enumerate(served)]

    # -- running -----------------------------------------------------------------------------------

    def start(self, host: Host | None = None) -> Self:
        """Listen, on the same ports as before; for one host, only on its port (v3 and v4 may share it)."""
        self.stopping.clear()
        for door in self._of(host):
            door.open()
        return self

    def stop(self, host: Host | None = None) -> None:
        """Stop listening and break every connection: from now on a client finds the port closed."""
        self.stopping.set()
        for door in self._of(host):
            door.close()
        if any(door.is_open for door in self._doors):
            self.stopping.clear()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self.errors and error is None:
            raise RuntimeError("the stand-in itself failed:\n" + "\n".join(self.errors))

    # -- where it is -------------------------------------------------------------------------------

    @property
    def v3_url(self) -> str:
        return self._door("v3").origin

    @property
    def v4_url(self) -> str:
        return self._door("v4").origin + "/odata/v1/CBS"

    @property
    def third_party_url(self) -> str:
        return self._door("third_party").origin

    @property
    def catalog_url(self) -> str:
        """What cbsodata calls ``catalog_url``: host and port of v3, without a scheme."""
        return self.v3_url.removeprefix("http://")

    @property
    def env(self) -> dict[str, str]:
        """The environment that points the project at this stand-in."""
        return {
            "RDC_STATLINE_V3_URL": self.v3_url,
            "RDC_STATLINE_V4_URL": self.v4_url,
            "RDC_STATLINE_THIRD_PARTY_URL": self.third_party_url,
            "RDC_PDOK_URL": "http://127.0.0.1:9",  # nobody: boundaries have a stand-in of their own
        }

    # -- tables ------------------------------------------------------------------------------------

    def __getitem__(self, table_id: str) -> V3Table | V4Table:
        """The live table of this identifier; ``table`` where both protocols have one."""
        return self.table(table_id)

    def table(self, table_id: str, protocol: Literal["v3", "v4"] | None = None) -> Any:
        """The live table of this identifier (a ``V3Table`` or ``V4Table``); changes show in the next answer.

        :raises KeyError: when there is none, or one in each protocol and none is named.
        """
        found = [
            served[table_id]
            for served in (self._v3, self._third, self._v4)
            if table_id in served and protocol in (None, served[table_id].protocol)
        ]
        if len(found) != 1:
            raise KeyError(
                f"table {table_id} is served over both protocols; say which: table({table_id!r}, 'v4')"
                if found
                else f"no table {table_id}; there are {[*self._v3, *self._third, *self._v4]}"
            )
        return found[0]

    def add(self, table: Table) -> None:
        """Serve one more table (a copy of it), or another version of one that is served."""
        copy = table.copy()
        if isinstance(copy, V4Table):
            self._v4 = {**self._v4, copy.id: copy}
        elif isinstance(copy, V3Table) and copy.catalog == "CBS":
            self._v3 = {**self._v3, copy.id: copy}
        elif isinstance(copy, V3Table):
            self._third = {**self._third, copy.id: copy}

    def remove(self, table_id: str) -> None:
        """Withdraw a table: from now on it is not found."""
        self._v3, self._third, self._v4 = (
            {key: table for key, table in served.items() if key != table_id}  # type: ignore[misc]
            for served in (self._v3, self._third, self._v4)
        )

    # -- faults and the log ------------------------------------------------------------------------

    def fault(
        self,
        table_id: str | None,
        fault: Fault,
        *,
        resource: str | None = None,
        page: int | None = None,
        times: int | None = 1,
        host: Host | None = None,
        seconds: float | None = None,
        rows: int = 1,
        column: str | None = None,
        keep_next_link: bool = True,
    ) -> None:
        """Let requests fail. Of several faults that fit a request, the one switched on first strikes.

        :param table_id: None for any table and the catalogue.
        :param resource: ``TypedDataSet``, ``Observations``, ``TypedDataSet/$count``, ``TableInfos``,
            ``Tables`` ...; None for any, or for the rows only where the fault is one of rows.
        :param page: from 1; None for any.
        :param times: after how many requests it is over; None for never.
        :param seconds: how long STALL hangs (30), what TOO_MANY_429 asks for (1).
        :param rows: how many rows SHORT_PAGE, WRONG_TYPE and NULL_WITHOUT_REASON concern.
        :param column: of ROW_KEY_RENAMED and MISSING_COLUMN (else the last), WRONG_TYPE (else the first
            number).
        :param keep_next_link: whether SHORT_PAGE keeps the link to the next page.
        :raises ValueError: when it can never strike: no such table, or no such resource of it.
        """
        if table_id is not None:
            self._require(table_id, resource, fault)
        rule = Rule(fault, table_id, resource, page, times, host, seconds, rows, column, keep_next_link)
        self._faults.add(rule)

    def _require(self, table_id: str, resource: str | None, fault: Fault) -> None:
        """Refuse a fault that would wait for ever."""
        served = [tables[table_id] for tables in (self._v3, self._third, self._v4) if table_id in tables]
        if fault is Fault.NULL_WITHOUT_REASON:
            served = [table for table in served if table.protocol == "v4"]
        if not served:
            raise ValueError(f"no table {table_id} for {fault.name}")
        known = {"", "csv", *(name for table in served for name in table.resources)}
        if resource is not None and resource.removesuffix("/$count") not in known:
            raise ValueError(f"table {table_id} has no resource {resource!r}; it has {sorted(known)}")

    def clear_faults(self) -> None:
        self._faults.clear()

    def count(self, table_id: str | None = None, resource: str | None = None) -> int:
        """How many requests came in, for a table and a resource where these are named."""
        return sum(
            table_id in (None, request.table) and resource in (None, request.resource)
            for request in list(self.requests)
        )

    # -- answering, on a thread per connection -----------------------------------------------------

    def reply(self, handler: _Handler, services: Mapping[Host, V3Service | V4Service]) -> _Reply | None:
        """What to send for a request; None when the connection is to be closed without a word."""
        parts = urlsplit(handler.path)
        options = tuple(parse_qsl(parts.query, keep_blank_values=True))
        origin = f"http://{handler.headers.get('Host') or handler.door.origin.removeprefix('http://')}"
        segments = tuple(unquote(segment) for segment in parts.path.split("/") if segment)
        service, ask, target = None, None, None
        for host, candidate in services.items():
            ask = Ask(host, origin, parts.path, segments, options, len(handler.path))
            if target := candidate.target(ask):
                service = candidate
                break
        self._log(handler, parts.path, options, target)
        if self.latency:
            self.stopping.wait(self.latency)
        if parts.path == _MAINTENANCE:
            return _html(200, "Onderhoud")
        if service is None or ask is None or target is None:
            return _html(404, "Not Found")
        rule = self._faults.strike(target)
        if rule and rule.fault is Fault.REFUSE:
            return None
        if rule and rule.fault in _PLAIN_FAULTS:
            return _plain_fault(rule)
        try:
            answer = service.answer(ask, target)
            status = 200
        except ServiceError as refused:
            answer, status = service.error(refused), refused.status
        if rule and isinstance(answer, Page):
            spoil(answer, rule)
        headers = {}
        if self.etag and isinstance(answer, Page) and answer.table:
            headers["ETag"] = f'"{answer.table.id}-{answer.table.revision}"'
            if handler.headers.get("If-None-Match") == headers["ETag"]:
                return _Reply(304, b"", headers=headers)
        body, content_type = _laid_out(answer)
        return self._packed(_Reply(status, body, content_type, headers), rule, handler)

    def _packed(self, reply: _Reply, rule: Rule | None, handler: _Handler) -> _Reply:
        """The reply compressed where the client accepts that, and damaged where a rule says so."""
        fault = rule.fault if rule else None
        body = reply.body[: len(reply.body) // 2] if fault is Fault.JSON_CUT else reply.body
        headers = dict(reply.headers or {})
        accepts = "gzip" in handler.headers.get("Accept-Encoding", "")
        if fault in (Fault.MARKED, Fault.UTF_16):
            body = b"\xef\xbb\xbf" + body if fault is Fault.MARKED else body.decode().encode("utf-16")
        elif fault is Fault.GZIP_UNSAID:
            return replace(reply, body=gzip.compress(body, 1))
        if fault is Fault.GZIP_DAMAGED:
            body = damaged(gzip.compress(body, 1))
            headers["Content-Encoding"] = "gzip"
        elif self.gzip and accepts and reply.content_type.startswith("application/json"):
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        if self.gzip:
            headers["Vary"] = "Accept-Encoding"
        breaks = rule if fault in (Fault.RESET, Fault.STALL) else None
        return _Reply(reply.status, body, reply.content_type, headers, breaks)

    def _log(
        self,
        handler: _Handler,
        path: str,
        options: Iterable[tuple[str, str]],
        target: Target | None,
    ) -> None:
        about = (target.host, target.table_id, target.resource, target.page) if target else ()
        self.requests.append(
            Request(handler.command, path, dict(options), dict(handler.headers.items()), time.time(), *about)
        )

    def connected(self) -> None:
        """Count a connection."""
        with self._lock:
            self.opened += 1

    @contextlib.contextmanager
    def under_way(self) -> Any:
        """Count a request as long as it lasts."""
        with self._lock:
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def _of(self, host: Host | None) -> list[_Door]:
        return self._doors if host is None else [self._door(host)]

    def _door(self, host: Host) -> _Door:
        return next(door for door in self._doors if host in door.services)


class _Door:
    """A port and what is served on it; it keeps its number when it is closed and opened again."""

    def __init__(self, standin: StandIn, services: Mapping[Host, V3Service | V4Service], port: int) -> None:
        self.standin, self.services, self.port = standin, services, port
        self._server: _Server | None = None

    @property
    def is_open(self) -> bool:
        return self._server is not None

    @property
    def origin(self) -> str:
        if not self.port:
            raise RuntimeError("the stand-in has no address before it has been started")
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        if self._server is None:
            self._server = _Server(self)
            self.port = self._server.server_address[1]
            threading.Thread(target=self._server.serve, daemon=True).start()

    def close(self) -> None:
        server, self._server = self._server, None
        if server:
            server.end()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, door: _Door) -> None:
        self.door = door
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._bell, self._ring = socket.socketpair()
        self._ended = threading.Event()
        # Should a client be gone before it is accepted, the loop must not wait for the next one.
        self.timeout = 0.1
        super().__init__(("127.0.0.1", door.port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer would look up the name of the address here, which may take seconds without a network.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]

    def serve(self) -> None:
        """Take connections until the bell rings; ``serve_forever`` would look many times a second."""
        with self._bell, selectors.DefaultSelector() as ready:
            ready.register(self, selectors.EVENT_READ)
            ready.register(self._bell, selectors.EVENT_READ)
            while not any(key.fileobj is self._bell for key, _ in ready.select()):
                self.handle_request()
        self._ended.set()

    def end(self) -> None:
        """Stop listening and break the connections that are still open; their threads end by themselves."""
        with self._ring:
            self._ring.send(b".")
            self._ended.wait()
        self.server_close()
        with self._lock:
            sockets = list(self._sockets)
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._sockets.add(request)
        self.door.standin.connected()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._sockets.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            self.door.standin.errors.append(traceback.format_exc())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: Headers and body go in two writes; with Nagle's algorithm the second would wait for an acknowledgement.
    disable_nagle_algorithm = True
    server: _Server

    @property
    def door(self) -> _Door:
        return self.server.door

    def do_GET(self) -> None:
        standin = self.door.standin
        with standin.under_way():
            try:
                reply = standin.reply(self, self.door.services)
            except Exception:
                standin.errors.append(traceback.format_exc())
                reply = _Reply(500, traceback.format_exc().encode(), "text/plain; charset=utf-8")
            if reply is None:
                self.close_connection = True
            else:
                self._send(reply)

    do_HEAD = do_GET  # noqa: N815 - the name is http.server's

    def version_string(self) -> str:
        return "Microsoft-IIS/10.0"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: ``StandIn.requests`` is the log."""

    def _send(self, reply: _Reply) -> None:
        self.send_response(reply.status)
        if reply.status != 304:
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
        for name, value in (reply.headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if reply.breaks is None:
            self.wfile.write(reply.body)
            return
        self.wfile.write(reply.body[: len(reply.body) // 2])
        if reply.breaks.fault in (Fault.STALL, Fault.STALL_503):
            seconds = reply.breaks.seconds
            self.door.standin.stopping.wait(30 if seconds is None else seconds)
        if reply.breaks.fault is Fault.SHORT_503:
            self.close_connection = True  # an end, and not a reset
            return
        self._reset()

    def _reset(self) -> None:
        """Close with SO_LINGER 0: the client gets a reset, not an end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Python's socket stays open as long as a file of it does, so the descriptor itself is closed.
        os.close(self.connection.detach())


def _html(status: int, title: str, headers: Mapping[str, str] | None = None) -> _Reply:
    return _Reply(status, _PAGE.format(title).encode() if title else b"", _HTML, headers)


def _plain_fault(rule: Rule) -> _Reply:
    """An answer that has nothing to do with what was asked."""
    status, title = _PLAIN_FAULTS[rule.fault]
    match rule.fault:
        case Fault.TOO_MANY_429:
            seconds = 1 if rule.seconds is None else math.ceil(rule.seconds)
            return _html(status, title, {"Retry-After": str(seconds)})
        case Fault.GZIP_IN_NAME_503:
            return _html(status, title, {"Content-Encoding": "gzip"})
        case Fault.SHORT_503 | Fault.STALL_503:
            return replace(_html(status, title), breaks=rule)
        case Fault.REDIRECT_HTML:
            return _html(status, title, {"Location": _MAINTENANCE})
        case Fault.EMPTY_200:
            return _Reply(status, b"", "application/json; charset=utf-8")
    return _html(status, title)


def _laid_out(answer: Page | Document) -> tuple[bytes, str]:
    if isinstance(answer, Document):
        return answer.body, answer.content_type
    if answer.layout == "v4":
        return answer.body(), "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8"
    return answer.body(), "application/json; odata=minimalmetadata; streaming=true; charset=utf-8"
