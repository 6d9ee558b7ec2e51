"""A request and its answer: which release it sees, for whom, and with which headers it leaves."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import ExitStack
from email.utils import format_datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response, StreamingResponse

from warehouse.export import FORMATS, ExportError, Extract, pieces
from warehouse.reading.published import Published
from warehouse.releases.release import ReleaseError
from warehouse.serve.admission import Caller
from warehouse.serve.library import Library, Opened
from warehouse.serve.making import spooled
from warehouse.serve.problem import Fault, Problem

#: What an Accept header may have, and the format that it asks for.
_ACCEPTED = {f.accepted: f.name for f in FORMATS.values() if f.accepted}
_ANY = {"*/*": "json", "application/*": "json", "": "json", "text/*": "csv"}


class Unchanged(Exception):  # noqa: N818
    """The caller has this answer already."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__("304")
        self.headers = headers


class Asked:
    """One request. The release that it names, or that is current when it comes in, is the one that it sees.

    :param questions: what it asks of releases; closed when the request is answered, or failed.
    """

    def __init__(self, request: Request, caller: Caller, questions: ExitStack) -> None:
        self.request = request
        self.caller = caller
        self.library: Library = request.app.state.libraries.of(caller.scope)
        self._questions = questions

    def open(self, release_id: str | None = None) -> Opened:
        """:raises Problem: there is no such release (404) or no more (410), or none at all yet (503)."""
        try:
            opened = self.library.get(release_id)
        except ReleaseError as error:
            if release_id is None:
                raise Problem(
                    503, "Er is nog geen release. Probeer het later weer.", headers={"Retry-After": "60"}
                ) from error
            there = "/v1/releases noemt de releases die er zijn."
            if self.library.releases.is_given(release_id):
                raise Problem(410, f"Release {release_id} is niet meer bewaard; {there}") from error
            raise Problem(404, f"Release {release_id} is er niet; {there}") from error
        self.request.state.release_id = opened.release_id
        return opened

    def published(self, opened: Opened) -> Published:
        """What the caller may see of a release, for as long as the request lasts."""
        return self._questions.enter_context(self.library.asking(opened, self.caller.scope))

    def listing(self, opened: Opened) -> Published:
        """What a release has by name: indicators, themes, tables."""
        return opened.listing(self.library.current(), self.caller.scope)

    def closed(self, opened: Opened) -> set[str]:
        """The source tables that a release has, and that this caller may not know of any more."""
        return opened.closed(self.library.current(), self.caller.scope)

    def sees_all(self, opened: Opened) -> bool:
        return opened.access(self.library.current()).whole(self.caller.scope)

    def needs_untightened(self, opened: Opened) -> None:
        """:raises Problem: what was written for everyone at this release is not for everyone any more (403)."""
        if opened.tightened(self.library.current()) and not self.sees_all(opened):
            raise Problem(
                403,
                f"Bestanden van release {opened.release_id} zijn niet meer openbaar: een brontabel is sindsdien afgeschermd. "
                "De cijfers die u mag zien zijn te krijgen via /v1/waarnemingen en /v1/tabellen.",
            )

    # -- headers ------------------------------------------------------------------------------------------------------

    def headers(self, opened: Opened, salt: str = "") -> dict[str, str]:
        """ETag and Last-Modified from the release, and who may keep the answer.

        :raises Unchanged: the caller has it already.
        """
        scope = self.caller.scope
        what = "\n".join(
            [
                *(self.library.current().release_id, str(self.library.history.count)),
                *(scope.level, *scope.municipalities, salt),
                *(self.request.url.path, self.request.url.query, self.request.headers.get("accept", "")),
                *(self.request.headers.get("host", ""), self.request.url.scheme),
            ]
        )
        tag = f'W/"{opened.release_id}-{hashlib.sha256(what.encode()).hexdigest()[:20]}"'
        found = {
            "ETag": tag,
            "Last-Modified": format_datetime(opened.created_at, usegmt=True),
            "Cache-Control": "private, no-cache" if self.caller.key else "public, no-cache",
        }
        known = {t.strip().removeprefix("W/") for t in self.request.headers.get("if-none-match", "").split(",")}
        if tag.removeprefix("W/") in known:
            raise Unchanged(found)
        return found

    @property
    def root(self) -> str:
        """Scheme and host by which the caller came."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}"

    # -- answers ------------------------------------------------------------------------------------------------------

    def format(self, formaat: str | None) -> str:
        """The format that was asked for: by parameter, or else by ``Accept``.

        :raises Problem: none of those that are accepted can be had (406).
        """
        if formaat:
            return formaat
        accept = self.request.headers.get("accept", "*/*")
        ranked = []
        for at, part in enumerate(accept.split(",")[:50]):
            name, *options = [p.strip() for p in part.split(";")]
            weight = 1.0
            for option in options:
                if option.startswith("q="):
                    try:
                        weight = float(option[2:])
                    except ValueError:
                        weight = 0.0
            ranked.append((-weight, at, name.lower()))
        for weight, _, name in sorted(ranked):
            if weight == 0:
                continue
            if found := (_ANY | _ACCEPTED).get(name):
                return found
        raise Problem(406, "Te krijgen als " + ", ".join(_ACCEPTED) + "; of noem een vorm met ?formaat=.")

    def download(self, opened: Opened, extract: Extract, fmt: str, name: str) -> Response:
        """A table in a format, made whole before any of it leaves, so that an error is one, and its digest can go in front
        (RFC 9530)."""
        found = FORMATS[fmt]
        headers = self.headers(opened, fmt)
        try:
            with self.request.app.state.making.turn():
                self.library.begin(extract.published)
                made = spooled(pieces(extract, fmt, self.request.app.state.geo), self.library.scratch)
        except ExportError as error:
            why = found.refusal or f"Deze tabel is niet als {fmt} te krijgen."
            raise Problem(406, why, [Fault("query", "formaat", why)]) from error
        file = f"{name}-{opened.release_id}{found.ending}"
        headers["Content-Disposition"] = f'{"inline" if found.is_text else "attachment"}; filename="{file}"'
        headers |= {"Release": opened.release_id, "Content-Length": str(made.size)}
        if "sha-256" in self.request.headers.get("want-repr-digest", "").lower():
            headers["Repr-Digest"] = f"sha-256=:{base64.b64encode(made.digest).decode()}:"
        return StreamingResponse(made.pieces(), media_type=found.media_type, headers=headers)


async def _asked(request: Request) -> AsyncIterator[Asked]:
    caller = request.app.state.admission.admit(request)
    with ExitStack() as questions:
        yield Asked(request, caller, questions)


#: What every handler takes: the request, once it was let in. Its questions end with the handler, before the answer leaves.
Ask = Annotated[Asked, Depends(_asked, scope="function")]


def only(request: Request, known: set[str]) -> list[Fault]:
    """Parameters that this resource does not have: a typing error must not go unnoticed."""
    import difflib

    found = []
    for name in dict.fromkeys(request.query_params.keys()):
        if name not in known:
            near: list[Any] = difflib.get_close_matches(name, known, n=1)
            hint = f"; bedoelt u {near[0]}?" if near else ""
            found.append(Fault("query", name, f"bestaat hier niet{hint}"))
    return found
