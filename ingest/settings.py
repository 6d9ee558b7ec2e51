"""Where the data lives and which hosts are asked: the environment, read once, in one place."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ingest.errors import MendableError

N = TypeVar("N", int, float)

#: The name of the database, wherever it lies: the candidate, a release, what is published.
DATABASE = "rdc.duckdb"


@dataclass(frozen=True)
class Settings:
    """The environment that the project honours.

    ``home`` holds all data; the three base URLs may be plain http with a port and never end in a slash.
    """

    home: Path
    v3_url: str = "https://opendata.cbs.nl"
    v4_url: str = "https://datasets.cbs.nl/odata/v1/CBS"
    third_party_url: str = "https://dataderden.cbs.nl"
    pdok_url: str = "https://service.pdok.nl"

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Settings:
        def url(name: str, default: str) -> str:
            value = (env.get(name) or default).strip().rstrip("/")
            if not value.startswith(("http://", "https://")):
                raise SettingsError(f"{name} must start with http:// or https://, but is {value!r}")
            return value

        return cls(
            home=home_of(env),
            v3_url=url("RDC_STATLINE_V3_URL", cls.v3_url),
            v4_url=url("RDC_STATLINE_V4_URL", cls.v4_url),
            third_party_url=url("RDC_STATLINE_THIRD_PARTY_URL", cls.third_party_url),
            pdok_url=url("RDC_PDOK_URL", cls.pdok_url),
        )

    @property
    def snapshots(self) -> Path:
        return self.home / "snapshots"

    @property
    def own_sources(self) -> Path:
        """Sources that the user registered, beside those that the project ships."""
        return self.home / "sources"

    @property
    def own_indicators(self) -> Path:
        """Indicators that the user declared, beside those that the project ships."""
        return self.home / "indicators"

    @property
    def own_interventions(self) -> Path:
        """Policy choices that the user declared, beside those that the project ships."""
        return self.home / "interventions"

    def releases(self, level: str) -> Path:
        """Where the releases of a sharing level are: the public ones apart from all others.

        :raises SettingsError: there is no such level.
        """
        if not re.fullmatch(r"public|partners|GM\d{4}", level):
            raise SettingsError(
                f"{level!r} is no sharing level; there are public, partners and municipalities (GM0770)"
            )
        return self.warehouse if level == "public" else self.warehouse / "restricted" / level

    @property
    def restricted(self) -> list[str]:
        """The sharing levels, besides public, that have a series of releases."""
        return sorted(f.name for f in (self.warehouse / "restricted").glob("*") if (f / "releases").is_dir())

    @property
    def drop(self) -> Path:
        """Where municipalities put their deliveries, in a folder per contract."""
        return self.home / "drop"

    @property
    def municipal(self) -> Path:
        """The municipal layer: what was accepted, and nobody else may see."""
        return self.home / "municipal"

    @property
    def boundaries(self) -> Path:
        """Boundaries of buurten and postcodes, by year."""
        return self.home / "boundaries"

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse"


def home_of(env: Mapping[str, str] = os.environ) -> Path:
    """The data folder, as an absolute path."""
    return Path(env.get("RDC_HOME") or "data").expanduser().resolve()


def number(name: str, default: N, least: float, env: Mapping[str, str] = os.environ) -> N:
    """A number in the environment, of the kind that the default is of.

    :raises SettingsError: it is no such number, or smaller than the least that makes sense.
    """
    text = (env.get(name) or "").strip()
    if not text:
        return default
    try:
        found = type(default)(text)
    except ValueError:
        found = None
    if found is None or not least <= found < float("inf"):
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise SettingsError(f"{name} must be {kind} of {least:g} or more, but is {text!r}; mend it in the environment")
    return found


def secret(name: str, env: Mapping[str, str] = os.environ) -> str:
    """A secret of the environment, or the content of the file that ``<name>_FILE`` names, without white space around it; empty
    where neither is set.

    :raises SettingsError: both are set, or the file can't be read.
    """
    text, file = env.get(name) or "", env.get(f"{name}_FILE") or ""
    if not file:
        return text
    if text:
        raise SettingsError(f"{name} and {name}_FILE are both set; take one of them out of the environment")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise SettingsError(f"{name}_FILE names {file}, which can't be read ({why}); mend one of the two") from error


class SettingsError(MendableError, ValueError):
    """An environment variable has a value that can't be used."""
