"""Who receives alerts: a real SMTP server and a real webhook, on loopback."""

from __future__ import annotations

import email
import json
import threading
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook:
    """Takes what is posted to it; ``refuses`` lets it answer 500."""

    def __enter__(self) -> Webhook:
        taken: list[dict[str, Any]] = []
        self.taken, self.refuses, hook = taken, False, self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not hook.refuses:
                    taken.append(json.loads(body))
                self.send_response(500 if hook.refuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server.server_address[1]}/geheim-token"

    def texts(self) -> list[str]:
        """Title and text of everything that came since the last time."""
        found = [f"{m['title']}\n{m['message']}" for m in self.taken]
        self.taken.clear()
        return found


class Mail:
    """An SMTP server that keeps what it is given."""

    def __enter__(self) -> Mail:
        from aiosmtpd.controller import Controller

        taken: list[EmailMessage] = []
        self.taken = taken

        class Handler:
            async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
                message = email.message_from_bytes(envelope.content, policy=default)
                assert isinstance(message, EmailMessage)
                taken.append(message)
                return "250 OK"

        self.controller = Controller(Handler(), hostname="127.0.0.1", port=_free())
        self.controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.controller.stop()

    @property
    def url(self) -> str:
        return (
            f"mailto://127.0.0.1:{self.controller.port}/?from=rdc@example.org&to=beheer@example.org,wacht@example.org"
        )

    def texts(self) -> list[str]:
        found = []
        for message in self.taken:
            body = message.get_body(("plain",))
            found.append(f"{message['Subject']}\n{body.get_content() if body else ''}")
        self.taken.clear()
        return found


def _free() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
