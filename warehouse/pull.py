"""Pulling from another data center's service: a table in a format, or a release as it is, whole and checked.

A file of a release is fetched with its SHA-256 known beforehand, goes on where it broke off, and is refused by name when its
content is not what was released. A table in another form is made by the service when asked for, which sends its digest along
(RFC 9530).
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from warehouse.datapackage import SUMS, read_sums, sha256

#: Called with a file's name, the bytes that are there, and the bytes that there are in all (0 when unknown).
Progress = Callable[[str, int, int], None]

_ATTEMPTS = 4
#: What is lost of an answer that breaks off is at most this much: less than a chunk is not handed over.
_CHUNK = 1 << 13


class PullError(Exception):
    """What could not be pulled or trusted, and what to do about it."""


class Center:
    """A data center's service, from outside.

    :param url: its address, such as ``https://data.example.nl``.
    :param key: for what is not public.
    """

    def __init__(self, url: str, key: str | None = None, timeout: float = 60, wait: float = 0.5) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise PullError(f"{url!r} is no address of a service; it looks like https://data.example.nl")
        if parts.username or parts.password:
            raise PullError(
                "A key in an address ends up in logs. Put it in an environment variable and name that: --key-env NAME"
            )
        self.url = url.rstrip("/")
        self.timeout, self.wait = timeout, wait
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "rdc-pull/1"
        if key:
            self._session.headers["X-Api-Key"] = key

    # -- asking -------------------------------------------------------------------------------------------------------

    def json(self, path: str, **params: Any) -> dict[str, Any]:
        return self._ask(path, params).json()

    def release(self, as_of: str | None) -> str:
        """The id of a release that the service has, or of its current one."""
        return self.json(f"/v1/releases/{as_of or 'actueel'}")["release"]

    def region(self, text: str) -> str:
        """A region's code from its code or its name; a municipality goes before a wijk of the same name.

        :raises PullError: no region has that name, or several have.
        """
        path: str | None = "/v1/gebieden?limiet=10000"
        named: list[dict[str, Any]] = []
        while path:
            body = self.json(path)
            for found in body["gebieden"]:
                if found["gebied"] == text.strip().upper():
                    return found["gebied"]
                if (found["naam"] or "").casefold() == text.strip().casefold():
                    named.append(found)
            path = body["_links"].get("next", {}).get("href", "").removeprefix(self.url) or None
        large = [f for f in named if f["soort"] in ("gemeente", "groep")]
        named = large if len(large) == 1 else named
        if len(named) == 1:
            return named[0]["gebied"]
        if named:
            listed = ", ".join(f"{f['gebied']} ({f['soort']})" for f in named[:8])
            raise PullError(f"Several regions are called {text!r}: {listed}. Name one by its code.")
        raise PullError(f"{self.url} has no region {text!r}.")

    def _ask(self, path: str, params: dict[str, Any] | None = None, **options: Any) -> requests.Response:
        """:raises PullError: no answer, or one that is an error; the service's own words in it."""
        for attempt in range(_ATTEMPTS):
            try:
                answer = self._session.get(self.url + path, params=params, timeout=self.timeout, **options)
            except requests.RequestException as error:
                if attempt + 1 == _ATTEMPTS:
                    raise PullError(f"{self.url} does not answer ({type(error).__name__}). Try again later.") from error
            else:
                if answer.status_code in (200, 206):
                    return answer
                if answer.status_code not in (429, 502, 503, 504) or attempt + 1 == _ATTEMPTS:
                    raise PullError(f"{self.url}{path}: {_said(answer)}")
            time.sleep(self.wait * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    # -- files of a release -------------------------------------------------------------------------------------------

    def sums(self, release: str) -> dict[str, str]:
        """File → SHA-256 of the files that we may have.

        :raises PullError: the list of sums itself is not what the service says it is.
        """
        listed = {f["bestand"]: f["sha256"] for f in self.json(f"/v1/releases/{release}/bestanden")["bestanden"]}
        if SUMS not in listed:
            return listed
        content = self._ask(f"/v1/releases/{release}/bestanden/{SUMS}").content
        if hashlib.sha256(content).hexdigest() != listed[SUMS]:
            raise PullError(_refusal(SUMS, release, hashlib.sha256(content).hexdigest(), listed[SUMS]))
        known = read_sums(content.decode())
        return {name: known.get(name, digest) for name, digest in listed.items()}

    def file(self, release: str, name: str, digest: str, target: Path, progress: Progress) -> None:
        """Fetch a file of a release; a file that is there already is checked and left.

        :raises PullError: what is there, or what came, is not what was released. What is there is never overwritten.
        """
        if target.is_file():
            found = sha256(target)
            if found != digest:
                raise PullError(
                    f"{target} was changed: its SHA-256 is {found}, but {name} of release {release} has {digest}. "
                    "Move it away and pull again."
                )
            progress(name, target.stat().st_size, target.stat().st_size)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{digest[:16]}.part")
        for attempt in range(_ATTEMPTS):
            try:
                self._append(release, name, digest, part, progress)
                break
            except requests.RequestException as error:
                # What came stays, and the next attempt (or the next pull) goes on behind it.
                if attempt + 1 == _ATTEMPTS:
                    raise PullError(
                        f"{name} broke off after {part.stat().st_size if part.is_file() else 0:,} bytes "
                        f"({type(error).__name__}); pull again to go on there."
                    ) from error
                time.sleep(self.wait * 2**attempt)
        found = sha256(part)
        if found != digest:
            part.unlink()
            raise PullError(_refusal(name, release, found, digest))
        part.replace(target)

    def _append(self, release: str, name: str, digest: str, part: Path, progress: Progress) -> None:
        have = part.stat().st_size if part.is_file() else 0
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers |= {"Range": f"bytes={have}-", "If-Range": f'"{digest}"'}
        path = f"/v1/releases/{release}/bestanden/{name}"
        with self._session.get(self.url + path, headers=headers, stream=True, timeout=self.timeout) as answer:
            if answer.status_code == 416:  # all of it came before
                return
            if answer.status_code not in (200, 206):
                raise PullError(f"{self.url}{path}: {_said(answer)}")
            whole = have if answer.status_code == 206 else 0
            total = whole + int(answer.headers.get("Content-Length", 0))
            with part.open("ab" if whole else "wb") as out:
                for chunk in answer.iter_content(_CHUNK):
                    out.write(chunk)
                    whole += len(chunk)
                    progress(name, whole, total)

    def whole(self, release: str, folder: Path, progress: Progress) -> list[str]:
        """Every file of a release that we may have, into a folder; their names."""
        sums = self.sums(release)
        for name, digest in sums.items():
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise PullError(f"{self.url} offers a file outside its folder: {name!r}. Nothing more was fetched.")
            self.file(release, name, digest, folder / name, progress)
        return list(sums)

    # -- tables -------------------------------------------------------------------------------------------------------

    def made(self, path: str, params: dict[str, Any], target: Path, progress: Progress) -> None:
        """Fetch what the service makes when asked for, checked against the digest that it sends along."""
        name = target.name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{name}.part")
        for attempt in range(_ATTEMPTS):
            try:
                headers = {"Accept-Encoding": "identity", "Want-Repr-Digest": "sha-256=10"}
                with self._ask(path, params, headers=headers, stream=True) as answer:
                    said = answer.headers.get("Repr-Digest", "")
                    total, have, sha = int(answer.headers.get("Content-Length", 0)), 0, hashlib.sha256()
                    with part.open("wb") as out:
                        for chunk in answer.iter_content(_CHUNK):
                            out.write(chunk)
                            sha.update(chunk)
                            have += len(chunk)
                            progress(name, have, total)
                break
            except requests.RequestException as error:
                part.unlink(missing_ok=True)
                if attempt + 1 == _ATTEMPTS:
                    raise PullError(f"{name} broke off ({type(error).__name__}); pull again.") from error
                time.sleep(self.wait * 2**attempt)
        if not said.startswith("sha-256=:"):
            part.unlink()
            raise PullError(f"{self.url} sent {name} without a digest, so it can't be checked.")
        expected = base64.b64decode(said.removeprefix("sha-256=:").rstrip(":")).hex()
        if sha.hexdigest() != expected:
            part.unlink()
            raise PullError(_refusal(name, "", sha.hexdigest(), expected))
        part.replace(target)

    def table(
        self,
        table: str,
        fmt: str,
        target: Path,
        *,
        release: str,
        regions: Iterable[str] = (),
        periods: Iterable[str] = (),
        shape: str | None = None,
        since: str | None = None,
        progress: Progress = lambda *_: None,
    ) -> list[Path]:
        """A table in a format, with its codebook and licence beside it; the files that were written.

        :param since: only what changed since that release, a row per figure, old and new.
        """
        regions, periods = [self.region(r) for r in regions], list(periods)
        sums = self.sums(release)
        own = f"tables/{table}{'.long' if shape == 'lang' else ''}.{fmt}"
        if since:
            params = {
                "thema": table,
                "sindsRelease": since,
                "formaat": fmt,
                "release": release,
                "gebied": regions,
                "periode": periods,
            }
            path = "/v1/waarnemingen"
            if fmt == "json":
                raise PullError(
                    "What changed can be had as csv, csv-nl, xlsx or parquet; json comes page by page, from the API."
                )
            self.made(path, params, target, progress)
        elif own in sums and not regions and not periods and "X-Api-Key" not in self._session.headers:
            self.file(release, own, sums[own], _free(target, sums[own]), progress)
        else:
            params = {"formaat": fmt, "release": release, "gebied": regions, "periode": periods}
            self.made(f"/v1/tabellen/{table}", params | ({"vorm": shape} if shape else {}), target, progress)
        beside = [
            (target.with_name(f"{target.stem}-codeboek.csv"), "tables/indicator.csv"),
            (target.with_name(f"{target.stem}-licentie.md"), "LICENTIE.md"),
        ]
        written = [target]
        for file, name in beside:
            if name in sums:
                self.file(release, name, sums[name], _free(file, sums[name]), progress)
                written.append(file)
        return written


def _free(target: Path, digest: str) -> Path:
    """A file that the user names is written anew, as with any other command; only what is the same already stays."""
    if target.is_file() and sha256(target) != digest:
        target.unlink()
    return target


def _refusal(name: str, release: str, found: str, expected: str) -> str:
    return (
        f"{name} is refused: its SHA-256 is {found}, but {f'release {release}' if release else 'the service'} says {expected}. "
        "It was changed on its way or at the service; nothing of it was kept."
    )


def _said(answer: requests.Response) -> str:
    try:
        body = answer.json()
        more = "; ".join(f"{e['name']} {e['detail']}" for e in body.get("errors", []))
        return f"HTTP {answer.status_code}: {body['detail']}" + (f" ({more})" if more else "")
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
