"""Keys by which a partner gets at what is not public.

A key is shown once, when it is made; ``$RDC_HOME/keys.json`` has its SHA-256 only (a key is 256 random bits, which need no
slow hash). Only ``rdc keys`` writes there; the service reads, and sees a key that was revoked at its next request.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from ingest.errors import MendableError
from ingest.storage.durable import PRIVATE, Damaged, folder, read_record, record
from warehouse.sharing.access import LEVELS, Scope

_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,40}")
#: Requests per minute, when nothing else was said.
PER_MINUTE = 600
#: Seconds that a command waits for another one to be done with the keys.
_PATIENCE = 30
_RENEW = "Put back a copy of it, or move it away and make the keys anew with `rdc keys add`."


class AccessKeyError(MendableError, ValueError):
    """A key that can't be made or found; the message says what to do."""


@dataclass(frozen=True)
class Key:
    """What is known of a key. ``key_id`` names the partner's use of it, such as ``eersel-powerbi``.

    :param digest: SHA-256 of the secret.
    :param municipalities: whose own figures it gives, at level ``municipality``; ``*`` for every one.
    :param expires_at: the moment from which it is refused.
    """

    key_id: str
    partner: str
    digest: str
    level: str
    municipalities: tuple[str, ...]
    created_at: str
    expires_at: str
    revoked_at: str | None = None
    per_minute: int = PER_MINUTE

    @property
    def scope(self) -> Scope:
        return Scope(self.level, self.municipalities)

    def refused(self, now: datetime) -> str:
        """Why it opens nothing any more, in Dutch; empty when it does."""
        if self.revoked_at:
            return "De sleutel is ingetrokken."
        if now >= datetime.fromisoformat(self.expires_at):
            return f"De sleutel is verlopen op {self.expires_at[:10]}."
        return ""


class Keys:
    """The keys of one data folder."""

    def __init__(self, home: Path) -> None:
        self.file = home / "keys.json"
        self._seen: tuple[int, int] | None = None
        self._known: dict[str, Key] = {}

    def all(self) -> list[Key]:
        """:raises Damaged: the file is there and can't be trusted; then no key opens anything."""
        try:
            content = read_record(self.file, _RENEW)
        except FileNotFoundError:
            return []
        try:
            return [Key(**(k | {"municipalities": tuple(k["municipalities"])})) for k in content]
        except (TypeError, KeyError) as error:
            raise Damaged(self.file, f"it is no list of keys ({error})", _RENEW) from error

    def add(
        self,
        key_id: str,
        partner: str,
        level: str,
        municipalities: Iterable[str] = (),
        days: int = 365,
        per_minute: int = PER_MINUTE,
    ) -> tuple[Key, str]:
        """Make a key; the key and its secret, which is not kept.

        :raises AccessKeyError: the name is taken or no name, or level and municipalities don't go together.
        """
        codes = tuple(dict.fromkeys(municipalities))
        if not _ID.fullmatch(key_id):
            raise AccessKeyError(f"{key_id!r} is no name for a key: use lower-case letters, digits and hyphens.")
        if (level == LEVELS[-1]) != bool(codes):
            raise AccessKeyError(
                "A key of level municipality needs --municipality (a code such as GM0770, or * for all); other levels take none."
            )
        try:
            Scope(level, codes)
        except ValueError as error:
            raise AccessKeyError(str(error)) from None
        now = datetime.now(UTC)
        secret = f"rdc_{secrets.token_urlsafe(32)}"
        made = Key(
            key_id=key_id,
            partner=partner,
            digest=_digest(secret),
            level=level,
            municipalities=codes,
            created_at=now.isoformat(timespec="seconds"),
            expires_at=(now + timedelta(days=days)).isoformat(timespec="seconds"),
            per_minute=per_minute,
        )
        with self._alone():
            keys = self.all()
            if any(k.key_id == key_id for k in keys):
                raise AccessKeyError(f"There is a key {key_id} already. Revoke it, and give the new one another name.")
            self._write([*keys, made])
        return made, secret

    def revoke(self, key_id: str) -> Key:
        """:raises AccessKeyError: there is no such key."""
        with self._alone():
            keys = self.all()
            found = next((k for k in keys if k.key_id == key_id), None)
            if found is None:
                known = ", ".join(k.key_id for k in keys) or "none"
                raise AccessKeyError(f"There is no key {key_id}. Known: {known}.")
            revoked = replace(found, revoked_at=found.revoked_at or datetime.now(UTC).isoformat(timespec="seconds"))
            self._write([revoked if k.key_id == key_id else k for k in keys])
        return revoked

    def find(self, secret: str) -> Key | None:
        """The key of this secret, whether or not it still opens anything."""
        try:
            stat = self.file.stat()
        except FileNotFoundError:
            return None
        if self._seen != (stat.st_ino, stat.st_mtime_ns):
            self._known = {k.digest: k for k in self.all()}
            self._seen = (stat.st_ino, stat.st_mtime_ns)
        return self._known.get(_digest(secret))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """From reading the keys to writing them back, no other command does: it would write back a list without ours.

        :raises AccessKeyError: another holds on to them.
        """
        lock = self.file.with_name(".keys.lock")
        folder(lock.parent)
        try:
            with FileLock(lock, timeout=_PATIENCE, mode=PRIVATE):
                yield
        except Timeout:
            raise AccessKeyError(
                f"Another `rdc keys` has been at work for {_PATIENCE} seconds ({lock}). Try again when it is done."
            ) from None

    def _write(self, keys: list[Key]) -> None:
        """Whole or not at all, and readable by its owner only from its first byte on."""
        record(self.file, [asdict(k) for k in keys], PRIVATE)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
