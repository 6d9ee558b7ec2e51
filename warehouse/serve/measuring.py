"""``/metrics``: how often the service was asked, how long it took, and what else whoever starts it measures; for Prometheus.

It answers this machine, and who has a key. A request that came through a proxy is not of this machine, wherever the proxy is.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from starlette.types import Message, Scope, Send

from warehouse.serve.problem import Problem

router = APIRouter(include_in_schema=False)
#: What is asked, by the beginning of its path; never the path itself, which has no end of values.
_RESOURCES = {"/v1": "api", "/odata": "odata", "/embed": "charts", "/metrics": "metrics"}
_FORWARDED = ("x-forwarded-for", "x-real-ip", "forwarded", "via")
_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Measures:
    """The requests of one service.

    :param more: other measures, in Prometheus' text; asked at each scrape.
    """

    def __init__(self, more: Callable[[], bytes] = lambda: b"") -> None:
        self.more, self.registry = more, CollectorRegistry()
        self.requests = Counter(
            "rdc_http_requests", "Requests that were answered", ("resource", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "rdc_http_request_seconds",
            "Until the last byte was sent",
            ("resource",),
            buckets=_SECONDS,
            registry=self.registry,
        )

    def measured(self, scope: Scope, send: Send) -> Send:
        """``send``, that counts the answer when it is whole."""
        began, status = time.monotonic(), 0
        path = scope["path"].lower()
        resource = next((name for start, name in _RESOURCES.items() if path.startswith(start)), "portal")
        if "/bestanden" in path:
            resource = "files"

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self.requests.labels(resource, str(status)).inc()
                self.seconds.labels(resource).observe(time.monotonic() - began)

        return sending

    def text(self) -> bytes:
        return generate_latest(self.registry) + self.more()


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """:raises Problem: asked from elsewhere without a key."""
    caller = request.app.state.admission.admit(request)
    if caller.key is None and not _of_this_machine(request):
        raise Problem(403, "Metingen zijn er voor deze machine, en voor wie een sleutel heeft.")
    measures: Measures = request.app.state.measures
    return Response(measures.text(), media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def _of_this_machine(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
