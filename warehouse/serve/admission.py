"""Who asks: the key, how often it may ask, and what is written down of it.

The audit log (``$RDC_HOME/serve/audit.jsonl``) has a line per request that came with a key, and per key that was refused: when,
the key's name, the resource without its parameters, the status and the release. No address, no name, no question. What can't
be written down is not answered: nothing that is restricted leaves without a trace.
"""

from __future__ import annotations

import base64
import binascii
import logging
import math
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fastapi import Request

from ingest.datacenter import here
from ingest.storage.durable import PRIVATE, Damaged
from ingest.storage.log import Log
from warehouse.serve.keys import Key, Keys
from warehouse.serve.limits import client_of
from warehouse.serve.problem import Fault, Problem
from warehouse.sharing.access import PUBLIC, Scope

#: A secret is no longer than this; what is longer is not looked at.
_LONGEST = 200
_LOG = logging.getLogger("rdc.serve")


@dataclass(frozen=True)
class Caller:
    """:param key: None for someone without a key, who sees what is public."""

    key: Key | None = None

    @property
    def scope(self) -> Scope:
        return self.key.scope if self.key else PUBLIC


class Admission:
    """Takes in requests: knows keys, counts, writes the log."""

    def __init__(self, home: Path, anonymous_per_minute: int) -> None:
        self.keys = Keys(home)
        self.anonymous_per_minute = anonymous_per_minute
        self._log = Log(home / "serve" / "audit.jsonl", PRIVATE, sync=False)
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def admit(self, request: Request) -> Caller:
        """:raises Problem: the key opens nothing (401), or it was used too often (429)."""
        # In memory only, and gone within minutes: an address is personal data.
        who = f"@{client_of(request.client.host if request.client else '')}"
        secret = _secret(request)
        if secret is None:
            self._count(who, self.anonymous_per_minute)
            return Caller()
        try:
            key = self.keys.find(secret) if len(secret) <= _LONGEST else None
        except (Damaged, OSError) as error:
            _LOG.error("The keys can't be read, so that none opens anything: %s", error)
            raise Problem(
                503,
                "Sleutels zijn nu niet na te gaan. Probeer het later weer; wat openbaar is, is er zonder sleutel.",
                headers={"Retry-After": "60"},
            ) from error
        why = key.refused(datetime.now(UTC)) if key else "Deze sleutel is niet bekend."
        if key is None or why:
            self._count(who, self.anonymous_per_minute)
            request.state.key_id = key.key_id if key else "unknown"
            raise Problem(
                401,
                why,
                [Fault("header", "X-Api-Key", why)],
                {"WWW-Authenticate": f'Basic realm="{here().name}", charset="UTF-8"'},
            )
        request.state.key_id = key.key_id
        self._count(key.key_id, key.per_minute)
        return Caller(key)

    def _count(self, who: str, per_minute: int) -> None:
        """A bucket that holds a minute's worth of requests and fills up evenly."""
        now = time.monotonic()
        with self._lock:
            left, at = self._buckets.get(who, (float(per_minute), now))
            left = min(float(per_minute), left + (now - at) * per_minute / 60)
            self._buckets[who] = (left - 1 if left >= 1 else left, now)
            if len(self._buckets) > 10_000:
                self._buckets = {w: b for w, b in self._buckets.items() if now - b[1] < 60}
        if left < 1:
            wait = math.ceil((1 - left) * 60 / per_minute)
            raise Problem(
                429,
                f"Meer dan {per_minute} vragen per minuut; probeer het over {wait} seconden weer.",
                headers={"Retry-After": str(wait)},
            )

    def note(self, request: Request, method: str, status: int, release_id: str | None) -> None:
        """Write down what came with a key, before any of the answer leaves.

        :raises Problem: it can't be written (503): nothing is given on a key without a trace of it.
        """
        key_id = getattr(request.state, "key_id", None)
        if key_id is None:
            return
        route = request.scope.get("route")
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "key_id": key_id,
            "method": method,
            "resource": getattr(route, "path", "unknown"),
            "status": status,
            "release": release_id,
        }
        try:
            with self._lock:
                self._log.append(line)
        except (Damaged, OSError) as error:
            _LOG.error("The audit log can't be written, so that what comes with a key is refused: %s", error)
            raise Problem(
                503,
                "Vragen met een sleutel worden nu niet beantwoord: het logboek ervan is niet te schrijven. Probeer het later "
                "weer; wat openbaar is, is er zonder sleutel.",
                headers={"Retry-After": "60"},
            ) from error


def _secret(request: Request) -> str | None:
    """The key of a request: ``X-Api-Key``, a bearer token, or the password of Basic (any user name), since Excel, Power BI and
    cbsodata know no other way. Never a parameter: addresses end up in logs."""
    if found := request.headers.get("x-api-key"):
        return found
    kind, _, rest = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and rest:
        return rest.strip()
    if kind.lower() == "basic" and rest:
        try:
            return base64.b64decode(rest[: 2 * _LONGEST], validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return None
