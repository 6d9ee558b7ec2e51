"""Whatever a source does is that table's outcome: any error of any library and any bytes, at every request of a landing.

The answers of a true landing are recorded once and given again without a server, but for the one that is spoilt.
"""

from __future__ import annotations

import gzip
import http.client
import io
import json
import re
import ssl
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import h11
import orjson
import pydantic_core
import pytest
import requests
import urllib3
import yaml
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.attempt import attempt
from ingest.declaration import Table
from ingest.http import Client
from ingest.outcome import FAILED, FETCHED, UNREACHABLE, Outcome, Outcomes
from ingest.settings import Settings, SettingsError
from ingest.snapshot import Store
from ingest.statline.landing import land
from tests.ingest.statline.test_landing import V3, V4, replace_table, v3_table, v4_table
from tests.standin import StandIn

THIRD = replace_table(V3, id="50090NED", catalog="third-party", source_id="third_party")
BULK = replace_table(V4, via="csv")
TABLES = {"v3": V3, "v4": V4, "third party": THIRD, "v4 bulk file": BULK}


class _Panic(BaseException):
    """As a library in Rust raises it."""


_Panic.__module__ = "pyo3_runtime"


class _WordlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("even its words are an error")


def errors() -> list[BaseException]:
    """An instance of every built-in error, and of those of the libraries that a landing passes through."""
    found: list[BaseException] = [_Panic("index out of bounds"), _WordlessError(), Exception("\x1b[2J\ud800")]
    modules = (requests.exceptions, urllib3.exceptions, http.client, duckdb, zstandard, yaml, h11, ssl, zlib)
    builtin = [k for k in vars(__import__("builtins")).values() if isinstance(k, type) and issubclass(k, Exception)]
    named = [k for m in modules for k in vars(m).values() if isinstance(k, type) and issubclass(k, Exception)]
    kinds = {*builtin, *named, orjson.JSONEncodeError, pydantic_core.PydanticCustomError} - {MemoryError}
    # A set of classes has another order in every process; the examples are to be the same in each.
    for kind in sorted(kinds, key=lambda k: (k.__module__, k.__qualname__)):
        for arguments in (
            (),
            ("it broke",),
            ("it broke", None),
            (None, "/a", "it broke"),
            ("utf-8", b"x", 0, 1, "it broke"),
        ):
            try:
                found.append(kind(*arguments))
                break
            except Exception:
                continue
    return found


ERRORS = errors()


@dataclass
class Spoilt:
    """What comes in the place of an answer: an error before it, an error in its body, or another answer."""

    error: BaseException | None = None
    in_body: bool = False
    status: int | None = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


class _Body(io.BytesIO):
    error: BaseException | None = None

    def read(self, *amount: Any) -> bytes:
        if self.error is not None:
            raise self.error
        return super().read(*amount)

    read1 = readinto = read


class Replay(Client):
    """Gives recorded answers; that to request number ``at`` is spoilt."""

    def __init__(self, recorded: dict[str, tuple[int, dict[str, str], bytes]], at: int, spoilt: Spoilt) -> None:
        super().__init__(timeout=1.0, attempts=1, backoff=0.0, sleep=lambda _: None)
        self.recorded, self.at, self.spoilt, self.asked = recorded, at, spoilt, 0

    @contextmanager
    def _sent(self, _: object, request: requests.PreparedRequest) -> Iterator[requests.Response]:
        status, headers, body = self.recorded.get(str(request.url), (404, {}, b""))
        raw, error = _Body(body), None
        if self.asked == self.at:
            error = self.spoilt.error
            if error is not None and not self.spoilt.in_body:
                self.asked += 1
                raise error
            status = self.spoilt.status or status
            raw = _Body(body if self.spoilt.body is None else self.spoilt.body)
            raw.error = error
            headers = self.spoilt.headers
        self.asked += 1
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = status, str(request.url), request
        answer.raw = urllib3.HTTPResponse(raw, headers=headers, status=status, preload_content=False)
        answer.headers.update(headers)
        with answer:
            yield answer


@dataclass
class Landing:
    table: Table
    settings: Settings
    recorded: dict[str, tuple[int, dict[str, str], bytes]]
    order: list[str]
    #: The cells that a landing keeps when every answer is whole.
    whole: set[tuple[Any, ...]] = field(default_factory=set)

    def spoil(self, home: Path, at: int, spoilt: Spoilt) -> Outcome:
        """Land with one answer spoilt, and write down what came of it, as a run does."""
        home = Path(tempfile.mkdtemp(dir=home))  # what one example leaves is not for the next to go on with
        store = Store(home / "snapshots")
        outcome = land(self.table, self.settings, store, Replay(self.recorded, at, spoilt))
        log = Outcomes(home)
        log.append(outcome)
        assert log.all()[-1] == outcome
        assert outcome.reason.isprintable()
        if outcome.result != FETCHED:
            assert self.table.id in outcome.reason or outcome.result == UNREACHABLE, outcome
            assert store.all(self.table.id) == []
        return outcome

    def figures(self, home: Path) -> set[tuple[Any, ...]]:
        """The cells that the last landing kept: row, column, value, and whether it is a text."""
        [data] = sorted(home.glob("*/snapshots/*/[!.]*/data.parquet"), key=lambda f: f.stat().st_mtime_ns)[-1:]
        with duckdb.connect() as con:
            found = con.execute(f"select * exclude (origin) from read_parquet('{data}')")
            names = [d[0] for d in found.description or []]
            return {
                (row[0], key, value, isinstance(value, str))
                for row in found.fetchall()
                for key, value in zip(names, row, strict=True)
            }


@pytest.fixture(scope="module", params=TABLES)
def landing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landing]:
    home = tmp_path_factory.mktemp("recorded")
    recorded: dict[str, tuple[int, dict[str, str], bytes]] = {}
    order: list[str] = []

    class Recording(Client):
        def read(self, asked: requests.PreparedRequest, consume: Any, expected: str) -> Any:
            got = requests.get(str(asked.url), headers=dict(asked.headers), timeout=5)
            recorded[str(asked.url)] = (got.status_code, {}, got.content)
            order.append(str(asked.url))
            return super().read(asked, consume, expected)

    table = TABLES[request.param]
    third = v3_table(THIRD.id)
    third.info["Catalog"] = "RIVM"
    with StandIn([v3_table(), v4_table(), third], page_size=7, v4_page_size=7) as cbs:
        own = Settings.from_env({"RDC_HOME": str(home)} | cbs.env)
        outcome = land(table, own, Store(own.snapshots), Recording())
    assert outcome.result == FETCHED, outcome
    made = Landing(table, own, recorded, order)
    made.whole = made.figures(home.parent)
    yield made


QUICK = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(data=st.data())
def test_no_error_of_any_library_gets_past(landing: Landing, tmp_path: Path, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(landing.order) - 1), "request")
    spoilt = Spoilt(
        data.draw(st.sampled_from(ERRORS)), data.draw(st.booleans()), data.draw(st.sampled_from([200, 403, 503]))
    )
    assert landing.spoil(tmp_path, at, spoilt).result in (FAILED, UNREACHABLE)


@QUICK
@given(data=st.data())
def test_no_bytes_get_past(landing: Landing, tmp_path: Path, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(landing.order) - 1), "request")
    body = data.draw(st.binary(max_size=200) | st.text(max_size=100).map(str.encode) | anything_json(), "body")
    status = data.draw(st.sampled_from([200, 200, 403, 500, 503]), "status")
    encoding = data.draw(st.sampled_from(["", "", "gzip", "deflate", "br", "\xff"]), "encoding")
    headers = {"Content-Encoding": encoding} if encoding else {}
    outcome = landing.spoil(tmp_path, at, Spoilt(status=status, body=body, headers=headers))
    if status != 200:
        assert f"HTTP {status}" in outcome.reason
    # What is made up can pass for an answer that says nothing of the figures, by chance; the figures are the source's all the same.
    if outcome.result not in (FAILED, UNREACHABLE):
        assert status == 200 and landing.figures(tmp_path) == landing.whole, (landing.order[at], body)


@QUICK
@given(data=st.data())
def test_no_true_answer_with_a_part_of_another_kind_gets_past(
    landing: Landing, tmp_path: Path, data: st.DataObject
) -> None:
    """Right on the outside: one value, anywhere in the JSON, is of another kind, or gone, or there twice."""
    at = data.draw(st.sampled_from([n for n, u in enumerate(landing.order) if is_json(landing.recorded[u][2])]))
    whole = json.loads(landing.recorded[landing.order[at]][2])
    spot = data.draw(st.sampled_from(sorted(places(whole), key=str)), "place")
    put(whole, spot, data.draw(st.sampled_from([None, [], {}, "", "\ud800", "NaN", -1, 2**63, 1e308, True, DROPPED])))
    outcome = landing.spoil(tmp_path, at, Spoilt(body=json.dumps(whole).encode()))
    rows = landing.order[at].partition("?")[0].endswith(("/Observations", "/TypedDataSet"))
    if outcome.result == FETCHED and rows:
        assert landing.figures(tmp_path) >= {figure for row in whole["value"] for figure in of_row(row)}


def of_row(row: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """The cells of a row as they are to be kept: a number as one, and nothing else as a number."""
    number = row.get("Id", row.get("ID"))
    for key, value in row.items():
        yield (number, key, value.strip() if isinstance(value, str) else value, isinstance(value, str))


@pytest.mark.parametrize("text", ["true", "false", "[]", "{}", "[1]", "  true"])
@pytest.mark.parametrize("column", ["figure", "reason", "region"])
def test_a_value_that_is_no_number_and_no_text_is_refused(
    landing: Landing, tmp_path: Path, text: str, column: str
) -> None:
    """``true`` would be kept as 1, and a list as its text."""
    v4 = landing.table.protocol == "v4"
    if landing.table.via == "csv" or (column == "reason" and not v4):
        pytest.skip("rows of JSON, with a reason in v4 only")
    name = {"figure": "Value" if v4 else "Aardgas_1", "reason": "ValueAttribute", "region": "RegioS"}[column]
    at = rows_at(landing)
    body = re.sub(
        rf'("{name}":\s*)("[^"]*"|[0-9.]+)', rf"\g<1>{text}", landing.recorded[landing.order[at]][2].decode(), count=1
    )
    outcome = landing.spoil(tmp_path, at, Spoilt(body=body.encode()))
    assert outcome.result == FAILED
    assert f"expected numbers and texts in every row, got {text.strip()} for {name}" in outcome.reason


def test_a_reason_that_is_no_word_is_refused(landing: Landing, tmp_path: Path) -> None:
    if landing.table.protocol != "v4":
        pytest.skip("v3 has no reasons")
    at = rows_at(landing)
    body = landing.recorded[landing.order[at]][2].replace(b"None", b"[]", 1)
    assert "a word for every reason" in landing.spoil(tmp_path, at, Spoilt(body=body)).reason


DROPPED = object()


def anything_json() -> st.SearchStrategy[bytes]:
    values: st.SearchStrategy[Any] = st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "Key", "a"]), inner),
        max_leaves=8,
    )
    return st.one_of(values, st.fixed_dictionaries({"value": st.lists(values, max_size=3)})).map(
        lambda value: json.dumps(value).encode()
    )


def is_json(body: bytes) -> bool:
    return body.startswith(b"{")


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*above, key)
        yield from places(item, (*above, key))


def put(value: Any, spot: tuple[Any, ...], other: Any) -> None:
    for key in spot[:-1]:
        value = value[key]
    if other is DROPPED:
        del value[spot[-1]]
    else:
        value[spot[-1]] = other


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), MemoryError()], ids=repr)
def test_what_is_about_this_process_passes(error: BaseException) -> None:
    def take(_: object) -> Outcome:
        raise error

    with pytest.raises(type(error)):
        attempt("85001NED", take)


def test_a_full_disk_is_not_laid_at_the_door_of_the_source() -> None:
    def take(_: object) -> Outcome:
        raise OSError(28, "No space left on device", "/data/page")

    reason = attempt("85001NED", take).reason
    assert reason.startswith("85001NED: this machine failed, and not the source: No space left on device")
    assert "/data" not in attempt("85001NED", take, quote=False).reason


@pytest.mark.parametrize(
    "error",
    [duckdb.IOException("IO Error: No space left on device"), duckdb.OutOfMemoryException("Out of Memory Error: x")],
    ids=["disk", "memory"],
)
def test_what_the_engine_lacks_here_is_not_laid_at_the_door_of_the_source(
    landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: duckdb.Error
) -> None:
    """And what was fetched is kept for the next run."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("ingest.statline.landing.write_data", fail)
    outcome = landing.spoil(tmp_path, -1, Spoilt())
    assert outcome.result == FAILED
    assert outcome.reason.startswith(f"{landing.table.id}: this machine failed, and not the source: ")
    assert list(tmp_path.glob("*/snapshots/*/.landing*"))


def test_what_a_user_can_mend_is_told_as_it_is() -> None:
    def take(_: object) -> Outcome:
        raise SettingsError("RDC_HTTP_TIMEOUT must be a number")

    assert attempt("85001NED", take, quote=False).reason == "85001NED: RDC_HTTP_TIMEOUT must be a number"


# -- the kinds that were met ------------------------------------------------------------------------------------------


def edited(landing: Landing, at: int, change: Any) -> bytes:
    whole = json.loads(landing.recorded[landing.order[at]][2])
    change(whole)
    return json.dumps(whole).encode()


def of(landing: Landing, ending: str) -> int:
    return next(n for n, url in enumerate(landing.order) if url.split("?")[0].endswith(ending))


def rows_at(landing: Landing) -> int:
    return next(
        n for n, u in enumerate(landing.order) if any(w in u for w in ("/Observations", "/csv/", "/TypedDataSet"))
    )


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_an_error_page_that_can_not_be_read_keeps_its_status(landing: Landing, tmp_path: Path, status: int) -> None:
    for spoilt in (
        Spoilt(status=status, body=b"<html>Onderhoud</html>", headers={"Content-Encoding": "gzip"}),
        Spoilt(status=status, body=b"<html>", headers={"Content-Length": "5000"}),
        Spoilt(urllib3.exceptions.ReadTimeoutError(None, "/", "Read timed out."), True, status),  # type: ignore[arg-type]
        Spoilt(status=status, body=gzip.compress(b"<html>Onderhoud</html>")[:-9], headers={"Content-Encoding": "gzip"}),
    ):
        at = rows_at(landing)
        outcome = landing.spoil(tmp_path, at, spoilt)
        assert (outcome.result, f"HTTP {status}" in outcome.reason) == (FAILED, True), outcome


def test_an_entry_without_a_key_is_told_with_its_address(landing: Landing, tmp_path: Path) -> None:
    v4 = landing.table.protocol == "v4"
    at = of(landing, "RegioSCodes" if v4 else "/RegioS")
    body = edited(landing, at, lambda d: d["value"][1].pop("Identifier" if v4 else "Key"))
    reason = landing.spoil(tmp_path, at, Spoilt(body=body)).reason
    assert landing.order[at].split("?")[0] in reason and "in every entry" in reason


@pytest.mark.parametrize("count", ["veel", -1, 2.5, {"n": 1}, True, "²"], ids=repr)
def test_a_count_that_is_no_number_is_told(landing: Landing, tmp_path: Path, count: object) -> None:
    v4 = landing.table.protocol == "v4"
    body = edited(
        landing,
        0,
        lambda d: d.update(ObservationCount=count) if v4 else d["value"][0].update(RecordCount=count),
    )
    outcome = landing.spoil(tmp_path, 0, Spoilt(body=body))
    assert outcome.result == FAILED and "expected a number of rows" in outcome.reason


def test_a_mark_in_front_of_an_answer_is_taken_off(landing: Landing, tmp_path: Path) -> None:
    body = b"\xef\xbb\xbf" + landing.recorded[landing.order[0]][2]
    assert landing.spoil(tmp_path, 0, Spoilt(body=body)).result == FETCHED


def test_compressed_bytes_that_are_not_called_so_are_told(landing: Landing, tmp_path: Path) -> None:
    body = gzip.compress(landing.recorded[landing.order[0]][2])
    assert "compressed bytes (gzip)" in landing.spoil(tmp_path, 0, Spoilt(body=body)).reason


def test_a_bulk_file_in_utf_16_is_told(landing: Landing, tmp_path: Path) -> None:
    if landing.table.via != "csv":
        pytest.skip("only the bulk file is CSV")
    at = next(n for n, url in enumerate(landing.order) if "/csv/" in url)
    text = "Id;Measure;ValueAttribute;Value;StringValue\r\n1;M000352;None;2,5;\r\n"
    assert "UTF-16" in landing.spoil(tmp_path, at, Spoilt(body=text.encode("utf-16"))).reason


@pytest.mark.parametrize(
    ("number", "said"),
    [(b"NaN", "a number that is none"), (b'"NaN"', "a number that is none"), (b"1e999", "a number that is none")],
)
def test_a_number_that_is_none_is_no_figure(landing: Landing, tmp_path: Path, number: bytes, said: str) -> None:
    if landing.table.via == "csv":
        pytest.skip("rows of JSON")
    at = rows_at(landing)
    old, new = (b'"Value":101', b'"Value":') if landing.table.protocol == "v4" else (b'_1":1010', b'_1":')
    body = landing.recorded[landing.order[at]][2].replace(b": ", b":")
    assert old in body
    reason = landing.spoil(tmp_path, at, Spoilt(body=body.replace(old, new + number, 1))).reason
    assert said in reason, reason


def test_a_name_twice_in_an_object_is_refused(landing: Landing, tmp_path: Path) -> None:
    for at in {0, rows_at(landing)} if landing.table.via != "csv" else {0}:
        body = landing.recorded[landing.order[at]][2]
        name = b'"Identifier"' if at == 0 else b'"Perioden"'
        body = body.replace(name, name + b':"2024JJ00",' + name, 1)
        reason = landing.spoil(tmp_path, at, Spoilt(body=body)).reason
        assert "twice in one object" in reason or "duplicate key" in reason, reason


def test_one_row_with_another_key_is_told(landing: Landing, tmp_path: Path) -> None:
    """It would come in as a figure that is not there."""
    if landing.table.protocol == "v4":
        pytest.skip("a value without its reason is told by itself")
    at = rows_at(landing)
    before, _, after = landing.recorded[landing.order[at]][2].rpartition(b'"Aardgas_1"')
    for other, said in (
        (b'"Aardgas_9"', "1 rows without Aardgas_1 and with Aardgas_9"),
        (b'"Perioden"', "duplicate key"),
    ):
        reason = landing.spoil(tmp_path, at, Spoilt(body=before + other + after)).reason
        assert said in reason or "same keys" in reason, reason


def test_an_address_without_encryption_is_not_followed() -> None:
    from ingest.http import FetchError, _Session

    redirect = requests.Response()
    redirect.status_code, redirect.url = 302, "https://opendata.cbs.nl/a"
    for target in ("http://opendata.cbs.nl/a", "ftp://x/"):
        redirect.headers["Location"] = target
        with pytest.raises(FetchError, match="a redirect to"):
            _Session().get_redirect_target(redirect)
    redirect.headers["Location"] = "/b"
    assert _Session().get_redirect_target(redirect) == "/b"
