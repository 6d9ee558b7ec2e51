"""Dagster's web interface for this machine alone: what a web page elsewhere has a browser ask of it is refused.

``python -m orchestration.webserver dev ARGS…`` is ``dagster dev ARGS…``, ended in good order when the process that started it is
gone; ``serve ARGS…`` is the web server that it starts.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
REFUSED = (
    b"Refused: this interface answers only to a browser on this machine, at http://127.0.0.1 or http://localhost, and not to "
    b"other web pages. From another machine, use a tunnel: ssh -L 3000:127.0.0.1:3000 HOST\n"
)


class Guard:
    """Before Dagster's own application: it has no log-in, so whoever reaches it may start and stop everything.

    A name of a page's own that leads to 127.0.0.1 is told by its Host, another page's script by its Origin.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or _trusted(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(REFUSED))]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": REFUSED})


def _trusted(scope: Scope) -> bool:
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    hosts, origins = headers.get("host", []), headers.get("origin", [])
    if len(hosts) != 1 or _name(f"//{hosts[0]}") not in LOOPBACK:
        return False
    if any(_place(origin) != hosts[0].lower() for origin in origins):
        return False
    # Without an Origin: following a link to a page is fine, anything that does something is not.
    elsewhere = set(headers.get("sec-fetch-site", [])) - {"same-origin", "none"}
    opened = headers.get("sec-fetch-mode") == ["navigate"] and scope.get("method") == "GET"
    return not elsewhere or (opened and "graphql" not in scope["path"])


def _place(origin: str) -> str | None:
    """Name and port of an Origin; none where it is no address."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _name(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        return parts.hostname if not (parts.username or parts.path or parts.query) else None
    except ValueError:
        return None


def serve(arguments: list[str]) -> None:
    """Dagster's web server, guarded."""
    from dagster_webserver import cli

    make = cli.create_app_from_workspace_process_context
    cli.create_app_from_workspace_process_context = lambda *a, **k: Guard(make(*a, **k))  # type: ignore[assignment]
    cli.cli(arguments, auto_envvar_prefix="DAGSTER_WEBSERVER")


def dev(arguments: list[str]) -> None:
    """``dagster dev``, with the guarded web server in the place of Dagster's own."""
    from dagster._cli import dev as command

    start = command.open_ipc_subprocess

    def guarded(parts: list[str], **how: Any) -> Any:
        if parts[1:3] == ["-m", "dagster_webserver"]:
            parts = [parts[0], "-m", __spec__.name, "serve", *parts[3:]]
        return start(parts, **how)

    command.open_ipc_subprocess = guarded  # type: ignore[assignment]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    command.dev_command(arguments)


def _end_with_parent() -> None:
    """Standard input is a pipe from the process that started this one: it ends when that one does, however it ends."""
    while os.read(0, 4096):  # not through sys.stdin, whose lock a thread may hold when Python ends
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    {"serve": serve, "dev": dev}[sys.argv[1]](sys.argv[2:])
