"""Where alerts go: ``$RDC_HOME/alerts.yml``, or ``RDC_ALERTS`` with the addresses alone.

An address is one of `apprise`'s (https://github.com/caronc/apprise): e-mail, Teams, Slack, ntfy, a webhook. It may hold a password or
a token, so nothing here tells more of it than its kind.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ingest.declaration import SAFE_LOADER
from ingest.errors import MendableError, explained
from ingest.settings import secret
from orchestration.alerts.quiet import USUAL, QuietHours, usual
from orchestration.workspace import PUBLIC

FILE, VARIABLE = "alerts.yml", "RDC_ALERTS"
_BETWEEN = re.compile(r"[\s,]+(?=[a-zA-Z][a-zA-Z0-9+]*://)")


class AlertsError(MendableError):
    """What is declared of alerts can't be used; the message says where, and never an address."""


class Channel(BaseModel):
    """One place where alerts go.

    :param url: its address; or ``url_file`` / ``url_env``, the file or environment variable that has it.
    :param language: Dutch, English, or Dutch with English below it.
    :param level: who reads it: ``public`` sees nothing of a source that is not public but that there is something with it;
        ``partners``, a municipality's code, or ``all``.
    :param quiet: hours in which nothing is sent, in the time of the Netherlands; ``none`` where there are none.
    :param digest: whether the weekly digest goes there too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(pattern=r"^[\w .-]{1,40}$")
    url: str = Field("", repr=False)
    url_file: Path | None = None
    url_env: str | None = None
    language: Literal["nl", "en", "both"] = "both"
    level: str = Field(PUBLIC, pattern=r"^(public|partners|all|GM\d{4})$")
    quiet: str = ""
    digest: bool = True

    @field_validator("quiet")
    @classmethod
    def _hours(cls, value: str) -> str:
        QuietHours.read(value or USUAL)
        return value

    @model_validator(mode="after")
    def _one_address(self) -> Channel:
        if sum(map(bool, (self.url, self.url_file, self.url_env))) != 1:
            raise ValueError("says its address by one of url, url_file and url_env")
        return self

    def hours(self) -> QuietHours:
        return QuietHours.read(self.quiet) if self.quiet else usual()

    def address(self, env: Mapping[str, str] = os.environ) -> str:
        """:raises AlertsError: the file or variable that has the address does not."""
        if self.url_file:
            try:
                return self.url_file.read_text(encoding="utf-8").strip()
            except (OSError, ValueError) as error:
                raise AlertsError(f"channel {self.name}: {self.url_file} can't be read") from error
        if self.url_env and not env.get(self.url_env, "").strip():
            raise AlertsError(f"channel {self.name}: the environment has no {self.url_env}")
        return env[self.url_env].strip() if self.url_env else self.url

    @property
    def id(self) -> str:
        """Tells it from the others in what is remembered; no address follows from it."""
        where = self.url or str(self.url_file or self.url_env)
        return f"{self.name}-{hashlib.sha256(where.encode()).hexdigest()[:8]}"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    channels: list[Channel] = []

    @model_validator(mode="after")
    def _names(self) -> _File:
        names = [c.name for c in self.channels]
        if twice := {n for n in names if names.count(n) > 1}:
            raise ValueError(f"two channels are called {', '.join(sorted(twice))}")
        return self


def declared(home: Path, env: Mapping[str, str] = os.environ) -> list[Channel]:
    """All channels; none where nobody asked to be told.

    :raises AlertsError: the file or the variable can't be used.
    :raises SettingsError: the file that ``RDC_ALERTS_FILE`` names can't be read.
    """
    found: list[Channel] = []
    file = home / FILE
    if file.is_file():
        try:
            content = yaml.load(file.read_text(encoding="utf-8"), Loader=SAFE_LOADER)
        except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
            # YAML quotes the line that it can't read, and that may be an address.
            raise AlertsError(f"{file} can't be read as YAML ({type(error).__name__}); mend it") from None
        try:
            found = _File.model_validate(content or {}).channels
        except ValidationError as error:
            raise AlertsError("\n".join(f"{file}: {line}" for line in explained(error, content))) from None
    said = [url for url in _BETWEEN.split(secret(VARIABLE, env).strip(" ,\n")) if url]
    if wrong := next((n for n, url in enumerate(said, 1) if "://" not in url), None):
        raise AlertsError(
            f"{VARIABLE}: address {wrong} is none; write addresses of apprise, such as mailto://…, with commas between"
        )
    for number, url in enumerate(said, 1):
        found.append(Channel(name=f"{url.partition('://')[0]}.{number}", url=url))
    return found


def send(channel: Channel, title: str, body: str) -> str:
    """Send a text; why it could not be, or nothing. Never raises for what the other side does."""
    import apprise

    # Its own log tells addresses, though masked; what went wrong is told here, once.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    try:
        address = channel.address()
    except AlertsError as error:
        return str(error)
    asset = apprise.AppriseAsset(app_id="Rural Data Center", app_desc="", app_url="", async_mode=False)
    to = apprise.Apprise(asset=asset)
    kind = address.partition("://")[0]
    try:
        if not to.add(address):
            return f"channel {channel.name}: its address is none that apprise knows (it begins with {kind}://)"
        taken = to.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
    except Exception as error:  # a plugin of apprise can raise anything, with the address in its words
        return f"channel {channel.name}: {kind} failed ({type(error).__name__})"
    return "" if taken else f"channel {channel.name}: {kind} did not take the message, or did not answer"
