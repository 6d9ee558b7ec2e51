"""A service that means harm, or is none of ours: nothing it says gets out of the folder, along with the key, or onto a terminal."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.orchestration.conftest import Rdc
from warehouse import stranger
from warehouse.pull import Center, PullError

RELEASE = "2026.11.2"
Said = Callable[[str], tuple[int, dict[str, str], bytes]]


@contextmanager
def serving(said: Said) -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    """A service that says what it is told to; and what it was asked, with the headers in lower case."""
    asked: list[tuple[str, dict[str, str]]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            status, headers, body = said(self.path)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def saying(found: dict[str, Any], status: int = 200) -> tuple[int, dict[str, str], bytes]:
    return status, {}, json.dumps(found).encode()


def nothing(*_: object) -> None: ...


def a_release_of(files: dict[str, Any], release: Any = RELEASE, content: bytes = b"ours now") -> Said:
    def said(path: str) -> tuple[int, dict[str, str], bytes]:
        if path.endswith("/actueel"):
            return saying({"release": release})
        if path.endswith("/bestanden"):
            return saying({"bestanden": [{"bestand": n, "sha256": d} for n, d in files.items()]})
        return 200, {}, content

    return said


GOOD = hashlib.sha256(b"ours now").hexdigest()


@pytest.mark.parametrize(
    "release", ["../../up", "..", "/tmp/up", "2026.11.2/../../up", "2026.11.2\n", "٢٠٢٦.1.1", "", None, 7, ["a"]]
)
def test_a_release_that_is_no_name_writes_nothing(tmp_path: Path, release: Any) -> None:
    with (
        serving(a_release_of({"CHANGELOG.md": GOOD}, release)) as (url, _),
        pytest.raises(PullError, match=r"like 2026\.11\.2"),
    ):
        Center(url, wait=0).release(None)


def test_the_command_stays_in_its_folder_and_says_so_in_plain_letters(tmp_path: Path) -> None:
    here = tmp_path / "a" / "b"
    here.mkdir(parents=True)
    rdc = Rdc(tmp_path / "home", {})
    with serving(a_release_of({"CHANGELOG.md": GOOD}, "../../\x1b]0;up\x07\u202e")) as (url, _):
        done = rdc("pull", "--from", url, "--output", str(here / "r"), status=1)
    assert "does not answer as a data center's service does" in " ".join(done.stderr.split())
    assert not set("\x1b\x07\u202e") & set(done.stderr + done.stdout) and "Traceback" not in done.stderr
    assert [f for f in tmp_path.rglob("*") if f.is_file() and "home" not in f.parts] == []


@pytest.mark.parametrize(
    "name",
    [
        *("../up", "/etc/up", "tables/../../up", ".bashrc", "tables/.ssh/up", "a\\..\\up", "a//b", "a/", "x\x00"),
        *("a\x1b[2J", "ü.csv", "a/b/c/d/e", "x" * 101, "", None, 3),
    ],
)
def test_a_file_that_is_no_name_is_not_fetched(tmp_path: Path, name: Any) -> None:
    with serving(a_release_of({name: GOOD, "CHANGELOG.md": GOOD})) as (url, asked):
        with pytest.raises(PullError, match="does not answer as"):
            Center(url, wait=0).whole(RELEASE, tmp_path / "r", nothing)
        assert [p for p, _ in asked if p.endswith("CHANGELOG.md")] == []
    assert not any(f.is_file() for f in tmp_path.rglob("*"))


@pytest.mark.parametrize("digest", ["../../x" + "0" * 57, "A" * 64, "0" * 63, None, 5, ""])
def test_a_digest_that_is_none_names_no_file(tmp_path: Path, digest: Any) -> None:
    with serving(a_release_of({"CHANGELOG.md": digest})) as (url, _), pytest.raises(PullError, match="SHA-256"):
        Center(url, wait=0).whole(RELEASE, tmp_path, nothing)
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_folder_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "tables").symlink_to(tmp_path / "elsewhere")
    with serving(a_release_of({"tables/wonen.csv": GOOD})) as (url, _), pytest.raises(PullError, match="outside"):
        Center(url, wait=0).whole(RELEASE, tmp_path / "r", nothing)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@given(
    st.text(max_size=40) | st.lists(st.sampled_from(["..", "a", ".", "/", "\\", "\n", "%2e"]), max_size=6).map("".join)
)
def test_whatever_passes_as_a_file_name_stays_inside(name: str) -> None:
    folder = Path("/nowhere/release")
    try:
        target = stranger.within(folder, name)
    except stranger.StrangeError:
        return
    assert target.resolve().is_relative_to(folder) and target != folder
    assert name.isascii() and name.isprintable() and not any(p.startswith(".") for p in name.split("/"))


@given(st.text())
def test_no_text_of_a_server_steers_a_terminal(text: str) -> None:
    said = stranger.plain(text + "\x1b]8;;x\x07\x9b2J\u202e\r\n")
    assert said.isprintable() or all(c.isprintable() or c.isspace() for c in said)
    assert not set("\x1b\x07\x9b\u202e\r\n\x08") & set(said)


def test_the_key_stays_with_its_own_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password other-secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(lambda _: saying({"release": RELEASE})) as (elsewhere, theirs):
        # Same host, another port: another service all the same.
        sends = {"/v1/releases/actueel": elsewhere + "/a", "/v1/releases/2026.1.1": "/v1/releases/2026.2.1"}
        with serving(lambda p: (302, {"Location": sends[p]}, b"") if p in sends else saying({"release": RELEASE})) as (
            url,
            ours,
        ):
            center = Center(url, "rdc_secret", wait=0)
            assert center.release(None) == RELEASE
            assert center.release("2026.1.1") == RELEASE
    [(_, there)] = theirs
    assert not {"x-api-key", "authorization", "cookie"} & set(there)
    assert [h["x-api-key"] for _, h in ours] == ["rdc_secret"] * 3
    assert not any("authorization" in h for _, h in ours)


def test_never_from_https_to_http() -> None:
    import requests

    session = stranger.GuardedSession("https://data.example.nl")
    came, goes = requests.Response(), requests.PreparedRequest()
    came.url = "https://data.example.nl/v1"
    goes.prepare("GET", "http://data.example.nl/v1", headers={"X-Api-Key": "rdc_secret"})
    with pytest.raises(stranger.StrangeError, match="from https to http"):
        session.rebuild_auth(goes, came)


@pytest.mark.parametrize("there", ["@127.0.0.1:{port}/x", "http://127.0.0.1:{port}/x", ".evil.example/x", 5])
def test_a_next_page_elsewhere_is_not_asked_for(there: Any) -> None:
    with serving(lambda _: saying({"gebieden": [], "_links": {}})) as (elsewhere, theirs):
        href = there.format(port=elsewhere.rpartition(":")[2]) if isinstance(there, str) else there

        def said(path: str) -> tuple[int, dict[str, str], bytes]:
            whole = f"{url}{href}" if isinstance(href, str) and not href.startswith("http") else href
            return saying({"gebieden": [], "_links": {"next": {"href": whole}}})

        with serving(said) as (url, _), pytest.raises(PullError, match="next page is elsewhere"):
            Center(url, "rdc_secret", wait=0).region("Eersel")
    assert theirs == []


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[]", b"7", b"\xff\xfe", b"", b"[" * 100_000, b'{"bestanden": 5}', b'{"bestanden": [{}]}', b"{}"],
)
def test_what_is_no_service_of_ours_is_told_in_a_line(body: bytes) -> None:
    with serving(lambda _: (200, {}, body)) as (url, _):
        center = Center(url, wait=0)
        for ask in (lambda: center.release(None), lambda: center.sums(RELEASE), lambda: center.region("Eersel")):
            with pytest.raises(PullError, match="does not answer as"):
                ask()


def test_an_error_of_the_service_is_told_without_what_steers_a_terminal() -> None:
    wrong = {"detail": "\x1b[2Jgone\x07", "errors": [{"name": "a\x9b", "detail": "b\r\nc"}]}
    with serving(lambda _: saying(wrong, 404)) as (url, _), pytest.raises(PullError, match=r"404: \[2Jgone \(a b c\)$"):
        Center(url, wait=0).release(None)


def test_a_listing_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.pull._LARGEST", 1 << 18)
    body = b'{"release": "' + b"x" * (1 << 19) + b'"}'
    with serving(lambda _: (200, {}, body)) as (url, _), pytest.raises(PullError, match="larger than"):
        Center(url, wait=0).release(None)
