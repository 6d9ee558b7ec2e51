"""Pulling from another data center's service: a table in a format, or a release as it is, whole and checked.

A file of a release is fetched with its SHA-256 known beforehand, goes on where it broke off, and is refused by name when its
content is not what was released. A table in another form is made by the service when asked for, which sends its digest along
(RFC 9530). Whatever a service says is checked before it becomes a path, an address or a line on a terminal
(:mod:`warehouse.stranger`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterable
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from urllib3.exceptions import HTTPError

from ingest.errors import MendableError
from ingest.verified import file_sha256
from warehouse import stranger
from warehouse.formats import FORMATS, WIDE
from warehouse.places import Place, PlaceError, Places
from warehouse.releases.sums import SUMS, read_sums
from warehouse.stranger import StrangeError, plain

#: Called with a file's name, the bytes that are there, and the bytes that there are in all (0 when unknown).
Progress = Callable[[str, int, int], None]

_ATTEMPTS = 4
#: A service that asks for more seconds than this is asked again sooner all the same, and then given up.
_PATIENCE = 30
#: What is lost of an answer that breaks off is at most this much: less than a chunk is not handed over.
_CHUNK = 1 << 13
#: A listing is never larger, nor are there ever more pages of one; a server that goes on longer is not ours.
_LARGEST, _MOST_PAGES = 1 << 26, 1000


class PullError(MendableError):
    """What could not be pulled or trusted, and what to do about it."""


class Center:
    """A data center's service, from outside.

    :param url: its address, such as ``https://data.example.nl``.
    :param key: for what is not public.
    """

    def __init__(self, url: str, key: str | None = None, timeout: float = 60, wait: float = 0.5) -> None:
        try:
            stranger.origin(url)
            parts = urlsplit(url)
        except StrangeError:
            raise PullError(f"{url!r} is no address of a service; it looks like https://data.example.nl") from None
        if parts.username or parts.password:
            raise PullError(
                "A key in an address ends up in logs. Put it in an environment variable and name that: --key-env NAME"
            )
        self.url = url.rstrip("/")
        self.timeout, self.wait = timeout, wait
        #: Which place each name was taken for, where that is worth saying.
        self.notices: list[str] = []
        self._session = stranger.GuardedSession(url)
        self._session.headers["User-Agent"] = "rdc-pull/1"
        if key:
            self._session.headers["X-Api-Key"] = key

    # -- asking -------------------------------------------------------------------------------------------------------

    def json(self, path: str, **params: Any) -> dict[str, Any]:
        try:
            body = json.loads(self._content(path, params))
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise self._strange(f"its {path.partition('?')[0]} is no JSON object")
        return body

    def release(self, as_of: str | None) -> str:
        """The id of a release that the service has, or of its current one."""
        try:
            said = self.json(f"/v1/releases/{quote(as_of or 'actueel', safe='')}").get("release")
            return stranger.release_id(said)
        except StrangeError as error:
            raise self._strange(str(error)) from None

    def _strange(self, what: str) -> PullError:
        return PullError(
            f"{self.url} does not answer as a data center's service does: {what}. Nothing of it was used; check the address."
        )

    def region(self, text: str) -> str:
        """A region's code from its code or its name; a municipality goes before a wijk of the same name.

        :raises PullError: no region has that name, or several have.
        """
        try:
            found = self._places.find(text)
        except PlaceError as error:
            raise PullError(f"{self.url}: {error}") from None
        if found.notice:
            self.notices.append(found.notice)
        return found.code

    @cached_property
    def _places(self) -> Places:
        path = "/v1/gebieden?limiet=10000"
        places: list[Place] = []
        for _ in range(_MOST_PAGES):
            body = self.json(path)
            try:
                places += [
                    Place(
                        *(plain(f["gebied"], 40), plain(f["naam"] or "", 200), plain(f["soort"], 40)),
                        until=date.fromisoformat(f["geldigTotEnMet"]) if f.get("geldigTotEnMet") else None,
                    )
                    for f in body["gebieden"]
                ]
                further = self._next(body["_links"])
            except (KeyError, TypeError, AttributeError, ValueError):
                raise self._strange("its list of regions is no such list") from None
            if further is None:
                break
            path = further
        else:
            raise self._strange(f"its list of regions has more than {_MOST_PAGES} pages")
        return Places(places)

    def _next(self, links: dict[str, Any]) -> str | None:
        """What to ask for the next page: at this service, since the key goes along."""
        if "next" not in links:
            return None
        href = links["next"]["href"]
        if not (isinstance(href, str) and href.startswith(self.url + "/")):
            raise self._strange(f"its next page is elsewhere ({plain(href, 200)})")
        return href.removeprefix(self.url)

    def _content(self, path: str, params: dict[str, Any] | None = None) -> bytes:
        """A listing, whole."""
        what, content = path.partition("?")[0], b""
        with self._ask(path, params) as answer:
            try:
                for chunk in answer.iter_content(1 << 16):
                    content += chunk
                    if len(content) > _LARGEST:
                        raise self._strange(f"its {what} is larger than {_LARGEST >> 20} MB")
            except requests.RequestException as error:
                raise PullError(f"{self.url}{what} broke off ({type(error).__name__}). Try again later.") from error
        return content

    def _ask(
        self,
        path: str,
        params: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        taken: Collection[int] = (200, 206),
    ) -> requests.Response:
        """The head of an answer; what follows it is yet to be read.

        :param taken: the statuses that are no error.
        :raises PullError: no answer, or one that is an error; the service's own words in it.
        """
        for attempt in range(_ATTEMPTS):
            pause = self.wait * 2**attempt
            try:
                answer = self._session.get(
                    self.url + path, params=params, headers=headers, timeout=self.timeout, stream=True
                )
            except StrangeError as error:
                raise self._strange(str(error)) from None
            except requests.RequestException as error:
                if attempt + 1 == _ATTEMPTS:
                    raise PullError(f"{self.url} does not answer ({type(error).__name__}). Try again later.") from error
            else:
                if answer.status_code in taken:
                    return answer
                if answer.status_code not in (429, 502, 503, 504) or attempt + 1 == _ATTEMPTS:
                    raise PullError(f"{self.url}{path}: {_said(answer)}")
                answer.close()
                pause = max(pause, min(_number(answer, "Retry-After"), _PATIENCE))
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    # -- files of a release -------------------------------------------------------------------------------------------

    def sums(self, release: str) -> dict[str, str]:
        """File → SHA-256 of the files that we may have.

        :raises PullError: the list of sums itself is not what the service says it is.
        """
        try:
            items = self.json(f"/v1/releases/{stranger.release_id(release)}/bestanden")["bestanden"]
            listed = {stranger.file_name(f["bestand"]): stranger.digest(f["sha256"]) for f in items}
            if SUMS not in listed:
                return listed
            content = self._content(f"/v1/releases/{release}/bestanden/{SUMS}")
            if hashlib.sha256(content).hexdigest() != listed[SUMS]:
                raise PullError(_refusal(SUMS, release, hashlib.sha256(content).hexdigest(), listed[SUMS]))
            known = read_sums(content.decode())
            return {name: stranger.digest(known.get(name, said)) for name, said in listed.items()}
        except StrangeError as error:
            raise self._strange(str(error)) from None
        except (KeyError, TypeError, ValueError):
            raise self._strange(f"its list of files of release {release} is no such list") from None

    def file(
        self, release: str, name: str, digest: str, target: Path, progress: Progress, replaces: bool = False
    ) -> None:
        """Fetch a file of a release; a file that is there already is checked and left.

        :param replaces: another file that is there makes place for this one, once it is whole.
        :raises PullError: what is there and may not be replaced, or what came, is not what was released.
        """
        found = file_sha256(target) if target.is_file() else None
        if found == digest:
            progress(name, target.stat().st_size, target.stat().st_size)
            return
        if found and not replaces:
            raise PullError(
                f"{target} was changed: its SHA-256 is {found}, but {name} of release {release} has {digest}. "
                "Move it away and pull again."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{digest[:16]}.part")
        for attempt in range(_ATTEMPTS):
            try:
                self._append(release, name, digest, part, progress)
                break
            except StrangeError as error:
                raise self._strange(str(error)) from None
            except requests.RequestException as error:
                # What came stays, and the next attempt (or the next pull) goes on behind it.
                if attempt + 1 == _ATTEMPTS:
                    raise PullError(
                        f"{name} broke off after {part.stat().st_size if part.is_file() else 0:,} bytes "
                        f"({type(error).__name__}); pull again to go on there."
                    ) from error
                time.sleep(self.wait * 2**attempt)
        found = file_sha256(part)
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
        with self._ask(path, headers=headers, taken=(200, 206, 416)) as answer:
            if answer.status_code == 416:  # all of it came before
                return
            whole = have if answer.status_code == 206 else 0
            total = whole + _number(answer, "Content-Length")
            with part.open("ab" if whole else "wb") as out:
                for chunk in answer.iter_content(_CHUNK):
                    out.write(chunk)
                    whole += len(chunk)
                    progress(name, whole, total)

    def whole(self, release: str, folder: Path, progress: Progress) -> list[str]:
        """Every file of a release that we may have, into a folder; their names."""
        sums = self.sums(release)
        try:
            targets = {name: stranger.within(folder, name) for name in sums}
        except StrangeError as error:
            raise self._strange(str(error)) from None
        for name, target in targets.items():
            self.file(release, name, sums[name], target, progress)
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
                with self._ask(path, params, headers) as answer:
                    said = answer.headers.get("Repr-Digest", "")
                    total, have, sha = _number(answer, "Content-Length"), 0, hashlib.sha256()
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
        try:
            expected = base64.b64decode(said.removeprefix("sha-256=:").rstrip(":"), validate=True).hex()
        except binascii.Error:
            expected = plain(said, 80)
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

        A file that the user names is written anew, as with any other command.

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
                others = ", ".join(f.name for f in FORMATS.values() if f.shape != WIDE and f.name != "json")
                raise PullError(f"What changed can be had as {others}; json comes page by page, from the API.")
            self.made(path, params, target, progress)
        elif own in sums and not regions and not periods and "X-Api-Key" not in self._session.headers:
            self.file(release, own, sums[own], target, progress, replaces=True)
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
                self.file(release, name, sums[name], file, progress, replaces=True)
                written.append(file)
        return written


def _refusal(name: str, release: str, found: str, expected: str) -> str:
    return (
        f"{name} is refused: its SHA-256 is {found}, but {f'release {release}' if release else 'the service'} says {expected}. "
        "It was changed on its way or at the service; nothing of it was kept."
    )


def _number(answer: requests.Response, header: str) -> int:
    said = answer.headers.get(header, "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 16 else 0


def _said(answer: requests.Response) -> str:
    """What the service says of an error, fit for a terminal."""
    try:
        body = json.loads(answer.raw.read(1 << 16, decode_content=True))
        more = "; ".join(f"{e['name']} {e['detail']}" for e in body.get("errors", []))
        return plain(f"HTTP {answer.status_code}: {body['detail']}" + (f" ({more})" if more else ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError, HTTPError):
        return f"HTTP {answer.status_code}"
    finally:
        answer.close()
