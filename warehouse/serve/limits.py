"""What a client may take of the server before it has asked anything: bytes, connections and time.

What belongs here: limits that hold with the server that really runs, with or without a proxy in front. They are kept where
the bytes come in, since an application sees a request only when its head is whole. Connections that wait make room for new
ones, the oldest first, so that whoever opens many and says nothing shuts nobody out but itself.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ingest.errors import MendableError
from warehouse.serve.problem import Problem, as_json


class ServeError(MendableError, ValueError):
    """A setting of the service that can't be used; the message says which and how it should be."""


@dataclass(frozen=True)
class Limits:
    """:param head_bytes: of a request's first line and headers together.
    :param connections: at one time in all; ``per_client``: from one address (a proxy that is trusted may have all).
    :param head_seconds: from a connection, or the first byte of a next request on it, to the end of that request's head.
    :param idle_seconds: between two requests on one connection.
    :param stall_seconds: without a client taking anything of an answer that waits for it.
    """

    head_bytes: int = 32_768
    connections: int = 512
    per_client: int = 64
    head_seconds: float = 10
    idle_seconds: int = 15
    stall_seconds: float = 60


def client_of(host: str) -> str:
    """What counts as one client: an address, and of IPv6 the network that one subscriber gets."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host


def proxies(value: str) -> list[str]:
    """The addresses and networks in ``RDC_SERVE_PROXIES``, whose ``X-Forwarded-For`` and ``-Proto`` are believed.

    :raises ServeError: one of them is no address.
    """
    found = [part.strip() for part in value.split(",") if part.strip()]
    for part in found:
        try:
            ipaddress.ip_network(part)
        except ValueError:
            raise ServeError(
                f"RDC_SERVE_PROXIES has {part!r}, which is no address or network of a proxy. "
                "Write addresses with commas between them, such as 127.0.0.1,10.0.0.0/8."
            ) from None
    return found


@dataclass
class Gate:
    """The connections that are open, in the order in which they came."""

    limits: Limits
    proxies: Collection[str] = ()
    _open: dict[LimitedProtocol, str] = field(default_factory=dict)
    _per_client: dict[str, int] = field(default_factory=dict)

    def enter(self, connection: LimitedProtocol, host: str) -> bool:
        """Let a connection in, if need be in the place of one that waits; False when there is no such place."""
        client = client_of(host)
        if self._per_client.get(client, 0) >= self.limits.per_client and not self._is_proxy(host):
            if not self._make_room(client):
                return False
        elif len(self._open) >= self.limits.connections and not self._make_room():
            return False
        self._open[connection] = client
        self._per_client[client] = self._per_client.get(client, 0) + 1
        return True

    def leave(self, connection: LimitedProtocol) -> None:
        client = self._open.pop(connection, None)
        if client is not None:
            self._per_client[client] -= 1
            if not self._per_client[client]:
                del self._per_client[client]

    def _make_room(self, client: str | None = None) -> bool:
        for other, its in self._open.items():
            if client in (None, its) and other.waits:
                self.leave(other)
                other.transport.abort()
                return True
        return False

    def _is_proxy(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in ipaddress.ip_network(p) for p in self.proxies)


class LimitedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 on h11, within limits. :attr:`gate` is set by :func:`limited`."""

    gate: Gate
    _head_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None
    _has_line = False
    _refused = False

    @property
    def waits(self) -> bool:
        """Nothing was asked that is not answered."""
        return self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if not self.gate.enter(self, self.client[0] if self.client else ""):
            self._refused = True
            self._refuse(503, "Er zijn te veel verbindingen tegelijk; probeer het zo weer.", {"Retry-After": "5"})
            return
        self._mind()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gate.leave(self)
        _cancel(self._head_timer)
        self._head_timer = None
        _cancel(self._stall_timer)
        self._stall_timer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE:
            self._has_line = self._has_line or b"\n" in data
        super().data_received(data)
        self._mind()

    def on_response_complete(self) -> None:
        self._has_line = False
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self.loop.call_later(self.gate.limits.stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        _cancel(self._stall_timer)
        self._stall_timer = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What can't be read as HTTP, or has a head that is too long: told in the form that all errors have."""
        error = sys.exc_info()[1]
        hint = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        longest = self.gate.limits.head_bytes
        if hint != 431:
            self._refuse(400, "Dit is geen geldige HTTP-vraag.")
        elif self._has_line:
            self._refuse(431, f"De koppen van een vraag mogen samen hoogstens {longest} bytes zijn.")
        else:
            self._refuse(414, f"De eerste regel van een vraag mag hoogstens {longest} bytes lang zijn.")

    def _mind(self) -> None:
        """From the first byte on there is so much time for a whole head, however slowly the rest comes."""
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(self.gate.limits.head_seconds, self.transport.abort)
        else:
            _cancel(self._head_timer)
            self._head_timer = None

    def _refuse(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(as_json(Problem(status, detail), ""), ensure_ascii=False).encode()
        said = {"Content-Type": "application/problem+json", "Content-Length": str(len(body)), "Connection": "close"}
        try:
            head = h11.Response(status_code=status, headers=[*(said | (headers or {})).items()])
            for event in (head, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        except h11.LocalProtocolError:  # An answer is on its way already; it ends here.
            pass
        self.transport.close()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def limited(gate: Gate) -> type[LimitedProtocol]:
    """The protocol for one server."""
    made: dict[str, Any] = {"gate": gate}
    return type("LimitedProtocol", (LimitedProtocol,), made)
