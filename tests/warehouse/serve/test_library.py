"""Releases as the service holds them open: few at a time, and each again when it is asked for."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pytest

from tests.warehouse.made import publish
from warehouse.releases.release import Releases
from warehouse.serve.app import create_app
from warehouse.serve.library import Library
from warehouse.sharing.access import PUBLIC


def test_a_release_is_opened_again_while_a_question_to_it_is_still_running(tmp_path: Path) -> None:
    releases = [publish(tmp_path).release_id for _ in range(3)]
    library = Library(Releases(tmp_path))
    library.most_open = 1
    try:
        running = library.get(releases[0]).con.cursor()
        library.get(releases[1])
        again = library.get(releases[0])
        assert again.con.execute("select current_setting('enable_external_access')").fetchall() == [(False,)]
        assert running.execute("select count(*) > 0 from core.indicator_value").fetchall() == [(True,)]
    finally:
        library.close()


def test_a_release_that_can_not_be_read_says_why_each_time(tmp_path: Path) -> None:
    release = publish(tmp_path)
    with duckdb.connect(str(tmp_path / "releases" / release.release_id / "rdc.duckdb")) as con:
        con.execute('drop table core."table"')
    library = Library(Releases(tmp_path))
    try:
        told = []
        for _ in range(2):
            # Kept, as a log keeps it: with the error lives what it was raised from.
            with pytest.raises(duckdb.CatalogException, match="table") as error:
                library.current()
            told.append(error)
    finally:
        library.close()


# -- questions ---------------------------------------------------------------------------------------------------------


def status_of(app: Any, url: str) -> int:
    """A request as the server hands it to the application; its status."""
    parts, statuses = urlsplit(url), []
    scope = {"type": "http", "method": "GET", "path": parts.path, "raw_path": parts.path.encode(), "headers": [],
             "query_string": parts.query.encode(), "scheme": "http", "server": ("127.0.0.1", 80),
             "http_version": "1.1", "root_path": "", "client": ("127.0.0.1", 1)}  # fmt: skip

    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(asked, None) or await asyncio.Future()  # it stays connected

    async def send(message: dict[str, Any]) -> None:
        statuses.extend([message["status"]] if message["type"] == "http.response.start" else [])

    asyncio.run(app(scope, receive, send))
    return statuses[0]


def test_a_request_ends_its_own_questions_however_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tmp_path / "warehouse")
    app = create_app(tmp_path)
    library = app.state.libraries.public
    begun: list[duckdb.DuckDBPyConnection] = []
    begin = library.begin
    monkeypatch.setattr(library, "begin", lambda published: (begun.append(published.con), begin(published)))
    try:
        for url, status in (
            ("/v1/waarnemingen", 200),
            ("/v1/waarnemingen?gebied=Nergenshuizen", 404),
            ("/v1/waarnemingen?indicator=bev_inwoners&formaat=swing", 406),
            ("/v1/tabellen/wonen?formaat=gpkg", 406),
            ("/v1/tabellen/wonen?formaat=csv", 200),
            ("/v1/tabellen/indicator?gebied=GM0770", 404),
            ("/v1/gebieden/GM9999", 404),
            ("/ODataFeed/odata/KEMPEN-WONEN/TypedDataSet?$filter=x", 400),
            ("/odata/v1/CBS/Datasets", 200),
            ("/", 200),
        ):
            assert (status_of(app, url), library.running) == (status, 0), url
            assert begun, url
            for cursor in begun:
                with pytest.raises(duckdb.ConnectionException):
                    cursor.execute("select 1")
            begun.clear()
    finally:
        app.state.libraries.close()


def test_a_release_that_is_put_away_is_gone_and_one_that_never_was_is_not_there(tmp_path: Path) -> None:
    first = publish(tmp_path / "warehouse").release_id
    app = create_app(tmp_path)
    asks = [f"/v1/waarnemingen?release={first}", f"/v1/releases/{first}", f"/v1/releases/{first}/bestanden",
            f"/v1/releases/{first}/bestanden/SHA256SUMS", f"/v1/tabellen/wonen?release={first}&formaat=csv",
            f"/odata/v1/CBS/KEMPEN-WONEN/Observations?release={first}"]  # fmt: skip
    try:
        assert [status_of(app, ask) for ask in asks] == [200] * len(asks)
        publish(tmp_path / "warehouse", keep=1)
        asks.append(f"/v1/waarnemingen?sindsRelease={first}")
        assert [status_of(app, ask) for ask in asks] == [410] * len(asks)
        never = first.rpartition(".")[0] + ".99"
        assert [status_of(app, ask.replace(first, never)) for ask in asks] == [404] * len(asks)
        assert status_of(app, "/odata/v1/CBS/KEMPEN-WONEN/Observations?release=" + "x" * 5000) == 404
    finally:
        app.state.libraries.close()


def test_a_question_that_takes_too_long_is_ended_and_the_others_are_not(tmp_path: Path) -> None:
    publish(tmp_path)
    library = Library(Releases(tmp_path), seconds=0.5)
    opened, stop, wrong = library.current(), threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            try:
                with library.asking(opened, PUBLIC) as published:
                    published.con.execute("select 1").fetchall()
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        started = time.monotonic()
        with pytest.raises(duckdb.InterruptException), library.asking(opened, PUBLIC) as published:
            published.con.execute("select sum(random()) from range(10_000_000_000)").fetchall()
        assert time.monotonic() - started < 20
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
        library.close()
    assert not wrong and library.running == 0
