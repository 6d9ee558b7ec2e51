"""One way to ask a host: time-outs, retries with back-off, politeness, and errors that say what was expected.

Every request of the project goes through :class:`Client`. At most four connections are open per host. A host that does not
answer is not asked again by the other tables of the same run; one that keeps failing is left to rest, then tried with one
request at a time, and given up when that fails too (circuit breaker).
"""

from __future__ import annotations

import http.client
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from ingest.datacenter import here
from ingest.errors import MendableError
from ingest.settings import number
from ingest.words import glimpse, shown

T = TypeVar("T")

CONNECTIONS_PER_HOST = 4
#: So many requests in a row that failed for good, none of a success between them, open the circuit; so many tries at one
#: request each, after longer and longer rests, close it or give the host up.
BREAK_AFTER, PROBES = 4, 3
#: The metadata of the largest table of wijken and buurten are some 20 MB; an answer without an end stops here.
MOST_BYTES = 256 << 20
#: Statuses after which the same request may succeed: rate limit, and the server's own trouble.
TRANSIENT = frozenset({429, 500, 502, 503, 504})
#: What an answer that can't be read raises: below requests there are urllib3, http.client and zlib, which requests does not
#: wrap everywhere, and a body or a Location that is nonsense is a ValueError of whoever looks at it.
_DAMAGED = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    zlib.error,
    ValueError,
    RecursionError,
)


def _user_agent() -> str:
    """Who asks: ``RuralDataCenterKempen/0.1 (…)``."""
    return f"{here().name.replace(' ', '')}/0.1 (regional data warehouse of Dutch municipalities; polite client)"


class FetchError(MendableError):
    """A request that did not bring what was asked: which URL, what was expected, what came instead."""

    def __init__(self, url: str, expected: str, got: str) -> None:
        super().__init__(f"{url}: expected {expected}, got {got}")
        self.url, self.expected, self.got = url, expected, got
        #: What lies behind it, in the same words for every request that it costs.
        self.cause = got


class LoopError(FetchError):
    """A next link leads back to a page that was already seen: what was fetched can't be trusted either."""


class TransientError(FetchError):
    """Worth another try: a reset, a time-out, a damaged body, a status that passes."""

    retry_after: float | None = None


class UnreachableError(FetchError):
    """The host can't be reached: no name, no route, refused, or it did not take the connection in time."""

    def __str__(self) -> str:
        return f"{urlsplit(self.url).netloc}: {self.got}"


class _NoAnswerError(TransientError):
    """One try at a host that has not answered yet in this run; after the last try it counts as unreachable."""


class NotFoundError(FetchError):
    """The host answers, but has no such thing (404, 410)."""


class NotModifiedError(FetchError):
    """The host says that nothing changed since the version whose ETag or time was sent along (304)."""


@dataclass
class _Host:
    slots: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(CONNECTIONS_PER_HOST))
    #: Those that no request uses now. A request takes one with its slot, so that however many threads ask, no more
    #: connections are open than there are slots.
    idle: list[requests.Session] = field(default_factory=list)
    #: The way to it (proxies, certificates) as the environment has it, read once.
    way: dict[str, Any] | None = None
    answered: bool = False
    #: Why the host counts as out of reach: it never answered, or it kept failing; and what lies behind it.
    down: str | None = None
    cause: str = ""
    #: Requests in a row that failed for good.
    failures: int = 0
    #: Held by the one request that tries whether a failing host has recovered; the others wait for it.
    probe: threading.Lock = field(default_factory=threading.Lock)


class Client:
    """A polite HTTP client for one run. Safe to use from several threads.

    :param timeout: seconds without a byte after which an answer counts as stalled (``RDC_HTTP_TIMEOUT``, default 60).
    :param attempts: how often one request is tried, first time included (``RDC_HTTP_ATTEMPTS``, default 4).
    :param backoff: seconds before the second try; doubles with each further one.
    """

    def __init__(
        self,
        timeout: float | None = None,
        attempts: int | None = None,
        backoff: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.timeout = timeout or number("RDC_HTTP_TIMEOUT", 60.0, 0.001)
        self.attempts = attempts or number("RDC_HTTP_ATTEMPTS", 4, 1)
        self.backoff = backoff
        self._sleep = sleep
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    # -- asking -------------------------------------------------------------------------------------------------------

    def text(self, url: str, expected: str) -> str:
        """An answer that is a word or a number, such as a count."""
        request = requests.Request("GET", url).prepare()
        return self.read(request, lambda got: whole(got, url, expected).decode("utf-8", "replace"), expected)

    def read(
        self,
        request: requests.PreparedRequest,
        consume: Callable[[requests.Response], T],
        expected: str,
    ) -> T:
        """Send a request and let ``consume`` read the streamed answer; all of it is tried again when it breaks off.

        :param consume: must start from nothing at every call; may raise :class:`TransientError` for a body that is damaged.
        :raises UnreachableError: the host does not answer, now or earlier in this run.
        :raises NotFoundError: the host has no such thing.
        :raises FetchError: anything else that is not what was expected, after the last try.
        """
        host = self._host(str(request.url))
        while host.failures >= BREAK_AFTER:
            with host.probe:
                if host.failures < BREAK_AFTER:
                    break
                if not host.down:
                    self._sleep(self.backoff * 2 ** (self.attempts + host.failures - BREAK_AFTER))
                return self._tried(host, request, consume, expected)
        return self._tried(host, request, consume, expected)

    def _tried(
        self,
        host: _Host,
        request: requests.PreparedRequest,
        consume: Callable[[requests.Response], T],
        expected: str,
    ) -> T:
        request.headers.setdefault("User-Agent", _user_agent())
        request.headers.setdefault("Accept-Encoding", "gzip, deflate")
        try:
            for attempt in Retrying(
                retry=retry_if_exception_type(TransientError),
                stop=stop_after_attempt(self.attempts if host.failures < BREAK_AFTER else 1),
                wait=self._wait,
                sleep=self._sleep,
                reraise=True,
            ):
                with attempt, host.slots:
                    if host.down:
                        error = UnreachableError(str(request.url), expected, host.down)
                        error.cause = host.cause
                        raise error
                    answer = self._once(host, request, consume, expected)
                    host.failures = 0
                    return answer
        except _NoAnswerError as error:
            if not host.answered:
                host.down = host.cause = error.got
            raise UnreachableError(error.url, error.expected, error.got) from error
        except TransientError as error:
            host.failures += 1
            if host.failures >= BREAK_AFTER + PROBES:
                host.down = (
                    f"{host.failures} requests in a row failed, so it is left alone for the rest of this run (the last: "
                    f"{error.got})"
                )
                host.cause = error.cause
            raise
        raise AssertionError("tenacity reraises the last error")

    def _once(
        self,
        host: _Host,
        request: requests.PreparedRequest,
        consume: Callable[[requests.Response], T],
        expected: str,
    ) -> T:
        url = str(request.url)
        try:
            with self._sent(host, request) as response:
                host.answered = True
                if response.status_code in (404, 410):
                    raise NotFoundError(url, expected, f"HTTP {response.status_code}")
                if response.status_code == 304:
                    raise NotModifiedError(url, expected, "HTTP 304")
                if response.status_code in TRANSIENT:
                    error = TransientError(url, expected, f"HTTP {response.status_code}: {_words(response)}")
                    error.retry_after = _retry_after(response.headers.get("Retry-After"))
                    raise error
                if response.status_code != 200:
                    raise FetchError(url, expected, f"HTTP {response.status_code}: {_words(response)}")
                return consume(response)
        except requests.exceptions.ChunkedEncodingError as error:
            raise TransientError(url, expected, f"a broken connection ({_root(error)})") from error
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ConnectionError) as error:
            if host.answered:
                raise TransientError(url, expected, f"a broken connection ({_root(error)})") from error
            raise _NoAnswerError(url, expected, f"no answer ({_root(error)})") from error
        except requests.exceptions.Timeout as error:
            raise TransientError(url, expected, f"nothing for {self.timeout:g} seconds") from error
        except _DAMAGED as error:
            raise TransientError(url, expected, f"a damaged answer ({_root(error)})") from error

    @contextmanager
    def _sent(self, host: _Host, request: requests.PreparedRequest) -> Iterator[requests.Response]:
        """The answer to a request, over a connection that is kept open for the next one."""
        try:
            session = host.idle.pop()
        except IndexError:
            session = _Session()
        try:
            way = _way(host, session, str(request.url))
            with session.send(request, stream=True, timeout=(10, self.timeout), **way) as response:
                yield response
        finally:
            host.idle.append(session)

    # -- the policy ---------------------------------------------------------------------------------------------------

    def _wait(self, state: RetryCallState) -> float:
        """Back off 1, 2, 4 … times ``backoff`` seconds, or as long as the host asks (at most two minutes)."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, TransientError) else None
        own = self.backoff * 2 ** (state.attempt_number - 1)
        return min(max(asked, own), 120.0) if asked is not None else own

    def _host(self, url: str) -> _Host:
        with self._lock:
            return self._hosts.setdefault(urlsplit(url).netloc, _Host())


class _Session(requests.Session):
    """Follows no redirect that leaves encryption: what comes then could be anybody's."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target and urlsplit(resp.url).scheme == "https":
            onward = urljoin(resp.url, target)
            if urlsplit(onward).scheme != "https":
                raise FetchError(resp.url, "an answer over https", f"a redirect to {shown(onward, 120)}, which is not")
        return target


def _way(host: _Host, session: requests.Session, url: str) -> dict[str, Any]:
    """What ``Session.request`` would take from the environment, and ``Session.send`` does not."""
    if host.way is None:
        settings = session.merge_environment_settings(url, {}, None, None, None)
        host.way = {"proxies": settings["proxies"], "verify": settings["verify"], "cert": settings["cert"]}
    return host.way


def body(response: requests.Response, url: str, expected: str, most: int) -> bytes:
    """A body that is for memory, not for disk, read to its end.

    :param most: so many bytes are taken; of an answer without an end no more.
    """
    found = bytearray()
    for chunk in response.iter_content(1 << 18):
        found += chunk
        if len(found) > most:
            raise FetchError(url, f"{expected} of at most {most:,} bytes", "more")
    return bytes(found)


def whole(response: requests.Response, url: str, expected: str) -> bytes:
    """A body of a service, without a byte-order mark."""
    return body(response, url, expected, MOST_BYTES).removeprefix(b"\xef\xbb\xbf")


def bare(url: str) -> str:
    """An address without its query, in which there may be a secret, and without a user or password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _words(response: requests.Response) -> str:
    """The first words of a refusal. Whatever is wrong with them, its status is told all the same."""
    try:
        start = response.raw.read(1000, decode_content=False) or b""
    except Exception as error:
        return f"(its body can't be read: {_root(error)})"
    # Compressed or not is seen here, not believed: error pages of proxies often say the one and are the other.
    with suppress(zlib.error):
        start = zlib.decompressobj(47).decompress(start, 400)
    return glimpse(start)


def _root(error: BaseException) -> str:
    """The innermost reason in words; urllib3 wraps it several times over and puts its own objects in front."""
    reason = error
    while True:
        inner = getattr(reason, "reason", None) or next((a for a in reason.args if isinstance(a, BaseException)), None)
        if not isinstance(inner, BaseException):
            text = shown(str(reason), 300)
            return re.sub(r"^<?\w*Connection(Pool)?[( ].*?[)>]: ", "", text) or type(reason).__name__
        reason = inner


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait as the host asks, from either form of the header (RFC 9110, 10.2.3)."""
    if not value:
        return None
    if value.strip().isascii() and value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
