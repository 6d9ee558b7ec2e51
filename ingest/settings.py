"""Where the data lives and which hosts are asked: the environment, read once, in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The environment that the project honours.

    ``home`` holds all data; the three base URLs may be plain http with a port and never end in a slash.
    """

    home: Path
    v3_url: str = "https://opendata.cbs.nl"
    v4_url: str = "https://datasets.cbs.nl/odata/v1/CBS"
    third_party_url: str = "https://dataderden.cbs.nl"

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Settings:
        def url(name: str, default: str) -> str:
            value = (env.get(name) or default).strip().rstrip("/")
            if not value.startswith(("http://", "https://")):
                raise SettingsError(f"{name} must start with http:// or https://, but is {value!r}")
            return value

        return cls(
            home=Path(env.get("RDC_HOME") or "data").expanduser().resolve(),
            v3_url=url("RDC_STATLINE_V3_URL", cls.v3_url),
            v4_url=url("RDC_STATLINE_V4_URL", cls.v4_url),
            third_party_url=url("RDC_STATLINE_THIRD_PARTY_URL", cls.third_party_url),
        )

    @property
    def snapshots(self) -> Path:
        return self.home / "snapshots"

    @property
    def own_sources(self) -> Path:
        """Sources that the user registered, beside those that the project ships."""
        return self.home / "sources"

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse"


class SettingsError(ValueError):
    """An environment variable has a value that can't be used."""
