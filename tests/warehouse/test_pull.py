"""A partner's script at night: what is pulled is whole, checked, and refused by name when it is not what was released."""

from __future__ import annotations

import csv
import hashlib
import http.server
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from tests.orchestration.conftest import Rdc
from tests.warehouse.conftest import Center as Running
from tests.warehouse.made import PERIODS, REGIONS, figure_of
from warehouse.pull import Center, PullError

Change = Callable[[str, bytes], bytes | int | None]


@contextmanager
def between(origin: str, change: Change) -> Iterator[tuple[str, list[str]]]:
    """A proxy that changes a body on its way, or breaks off behind what is left of it (a shorter body), or answers with an
    error of its own (a status); notes the ranges."""
    ranges: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            asked = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            if "Range" in asked:
                ranges.append(asked["Range"])
            with urllib.request.urlopen(urllib.request.Request(origin + self.path, headers=asked)) as answer:
                body = answer.read()
                sent = change(self.path, body)
                if isinstance(sent, int):
                    self.send_response(sent)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in ("connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body if sent is None else sent)
                self.close_connection = True

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", ranges
    finally:
        server.shutdown()


def nothing(*_: object) -> None: ...


def test_a_table_with_codebook_and_licence_beside_it(center: Running, tmp_path: Path) -> None:
    rdc = Rdc(tmp_path / "home", {})
    target = tmp_path / "wonen.csv"
    said = rdc("pull", "wonen", "--from", center.service.url, "--output", str(target)).stderr
    assert f"wonen of release {center.releases[-1]}" in " ".join(said.split())
    with target.open(encoding="utf-8", newline="") as file:
        rows = {(r["region_code"], r["period_code"]): float(r["won_prijs"]) for r in csv.DictReader(file)}
    assert rows == {(r[0], p): figure_of("won_prijs", r[0], p) for r in REGIONS for p in PERIODS}
    assert "won_prijs" in (tmp_path / "wonen-codeboek.csv").read_text(encoding="utf-8")
    assert "Bron: CBS" in (tmp_path / "wonen-licentie.md").read_text(encoding="utf-8")


def test_a_part_of_a_table_by_name_in_another_form(center: Running, tmp_path: Path) -> None:
    rdc = Rdc(tmp_path / "home", {})
    target = tmp_path / "w.parquet"
    rdc(
        *("pull", "wonen", "--from", center.service.url, "--format", "parquet", "--output", str(target)),
        *("--region", "Eersel", "--period", "2024", "--long", "--as-of", center.releases[1]),
    )
    assert duckdb.sql(f"select region_code, value, release_id from '{target}'").fetchall() == [
        ("GM0770", figure_of("won_prijs", "GM0770", "2024JJ00") + 0.125, center.releases[1])
    ]
    text = rdc("pull", "wonen", "--from", center.service.url, "--region", "GM0770", "--format", "json").stdout
    assert '"won_prijs"' in text


def test_with_a_key_from_the_environment(center: Running, tmp_path: Path) -> None:
    rdc = Rdc(tmp_path / "home", {"MY_KEY": center.keys["eersel"]})
    text = rdc("pull", "bevolking", "--from", center.service.url, "--key-env", "MY_KEY", "--long").stdout
    own = {
        (r["region_code"], r["value"])
        for r in csv.DictReader(text.splitlines())
        if r["indicator_id"] == "soc_meldingen"
    }
    assert {r for r, _ in own} == {"GM0770", "WK077000", "BU07700000"}
    rdc("pull", "bevolking", "--from", center.service.url, "--key-env", "OTHER_KEY", status=2)
    with pytest.raises(PullError, match="--key-env"):
        Center("http://user:secret@127.0.0.1")


def test_only_what_changed(center: Running, tmp_path: Path) -> None:
    rdc = Rdc(tmp_path / "home", {})
    text = rdc("pull", "wonen", "--from", center.service.url, "--since", center.releases[1]).stdout
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == len(REGIONS) * len(PERIODS)
    assert {(r["change"], float(r["old_value"]) - float(r["value"])) for r in rows} == {("value", 0.125)}
    assert {(r["region_code"], r["period_code"]): float(r["value"]) for r in rows} == {
        (r[0], p): figure_of("won_prijs", r[0], p) for r in REGIONS for p in PERIODS
    }
    assert {r["indicator_name"] for r in rows} == {"Gemiddelde verkoopprijs"}
    nothing_new = rdc("pull", "wonen", "--from", center.service.url, "--since", center.releases[2]).stdout
    assert len(nothing_new.splitlines()) == 1


def test_a_whole_release_and_again(center: Running, tmp_path: Path) -> None:
    rdc = Rdc(tmp_path / "home", {})
    folder = tmp_path / "release"
    said = " ".join(rdc("pull", "--from", center.service.url, "--output", str(folder)).stderr.split())
    assert "all as they were released" in said
    names = {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()}
    assert {"datapackage.json", "SHA256SUMS", "tables/wonen.parquet", "CHANGELOG.md", "LICENTIE.md"} <= names
    assert "rdc.duckdb" not in names
    rdc("pull", "--from", center.service.url, "--output", str(folder))
    # One byte changed since: refused, and told which.
    file = folder / "tables" / "wonen.csv"
    whole = file.read_bytes()
    file.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    error = " ".join(rdc("pull", "--from", center.service.url, "--output", str(folder), status=1).stderr.split())
    assert "tables/wonen.csv was changed" in error.replace("/ ", "/")


@pytest.mark.parametrize("name", ["tables/wonen.csv", "SHA256SUMS", "datapackage.json"])
def test_one_byte_changed_on_the_way_is_refused_by_name(center: Running, tmp_path: Path, name: str) -> None:
    def flip(path: str, body: bytes) -> bytes | None:
        return body[:50] + bytes([body[50] ^ 1]) + body[51:] if path.endswith(f"/bestanden/{name}") else None

    with between(center.service.url, flip) as (url, _), pytest.raises(PullError, match=f"{name} is refused"):
        Center(url, wait=0).whole(center.releases[-1], tmp_path, nothing)
    assert not (tmp_path / name).exists() and not list(tmp_path.rglob(".*.part"))


def test_what_the_user_has_is_there_until_the_new_one_is_whole(center: Running, tmp_path: Path) -> None:
    """A file that is named by the user is written anew: in one step, and not at all where the pull fails."""
    mine = [tmp_path / name for name in ("wonen.csv", "wonen-codeboek.csv", "wonen-licentie.md")]
    for file in mine:
        file.write_text("mine")
    release = center.releases[-1]
    for name, kept in (("tables/wonen.csv", 3), ("tables/indicator.csv", 2), ("LICENTIE.md", 1)):

        def flip(path: str, body: bytes, name: str = name) -> bytes | None:
            return body[:-1] + bytes([body[-1] ^ 1]) if path.endswith(f"/bestanden/{name}") else None

        with between(center.service.url, flip) as (url, _), pytest.raises(PullError, match=f"{name} is refused"):
            Center(url, wait=0).table("wonen", "csv", mine[0], release=release)
        assert [file.read_text() == "mine" for file in mine] == [False] * (3 - kept) + [True] * kept
    Center(center.service.url).table("wonen", "csv", mine[0], release=release)
    assert not [file for file in mine if file.read_text() == "mine"] and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_service_that_is_busy_for_a_moment_is_asked_again(center: Running, tmp_path: Path, status: int) -> None:
    asked: dict[str, int] = {}

    def busy(path: str, _: bytes) -> int | None:
        asked[path] = asked.get(path, 0) + 1
        return status if asked[path] == 1 and "/tables/" in path else None

    with between(center.service.url, busy) as (url, _):
        names = Center(url, wait=0).whole(center.releases[-1], tmp_path, nothing)
    assert all((tmp_path / name).is_file() for name in names) and max(asked.values()) == 2


def test_what_is_made_on_request_is_checked_too(center: Running, tmp_path: Path) -> None:
    def flip(path: str, body: bytes) -> bytes | None:
        return body[:-1] + bytes([body[-1] ^ 1]) if "/tabellen/" in path else None

    with between(center.service.url, flip) as (url, _), pytest.raises(PullError, match=r"wonen\.xlsx is refused"):
        Center(url, wait=0).table("wonen", "xlsx", tmp_path / "wonen.xlsx", release=center.releases[-1])
    assert not (tmp_path / "wonen.xlsx").exists()


def test_a_download_goes_on_where_it_broke_off(center: Running, tmp_path: Path) -> None:
    breaks = iter([9000, 700])  # whole chunks of 8 KB are kept

    def cut(path: str, body: bytes) -> bytes | None:
        return body[: next(breaks, len(body))] if path.endswith("datapackage.json") else None

    release = center.releases[-1]
    with between(center.service.url, cut) as (url, ranges):
        there = Center(url, wait=0)
        digest = there.sums(release)["datapackage.json"]
        there.file(release, "datapackage.json", digest, tmp_path / "d.json", nothing)
    assert ranges == ["bytes=8192-", "bytes=8192-"]
    assert hashlib.sha256((tmp_path / "d.json").read_bytes()).hexdigest() == digest


def test_what_goes_wrong_is_one_line(center: Running, tmp_path: Path) -> None:
    rdc = Rdc(tmp_path, {})
    url = center.service.url
    for arguments, said in (
        (["pull", "wone", "--from", url], "Bedoelt u wonen"),
        (
            ["pull", "wonen", "--from", url, "--region", "Nergens"],
            "This data center has no region 'Nergens'. Table region lists those that there are.",
        ),
        (["pull", "wonen", "--from", url, "--region", "Centrum"], "Several regions are called"),
        (["pull", "wonen", "--from", url, "--since", "1999.1.1"], "Release 1999.1.1 is er niet;"),
        (["pull", "wonen", "--from", "ftp://x"], "is no address of a service"),
    ):
        error = " ".join(rdc(*arguments, status=1).stderr.split())
        assert said in error and "Traceback" not in error
    rdc("pull", status=2)
