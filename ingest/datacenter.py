"""Who this data centre is: the region, its municipalities, whom they are compared with, and who publishes.

One file says so, ``region.yml``: the user's own in ``$RDC_HOME``, else the one that the project ships. Python reads it
here; dbt reads it as ``raw.data_center`` and ``raw.region_group_member``, which a build writes from it. Nothing else in the
project names a municipality or a region of its own.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from string import Template
from typing import Annotated, Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ingest.errors import MendableError, explained
from ingest.project import ROOT
from ingest.settings import home_of

SHIPPED = ROOT / "region.yml"

Municipality = Annotated[str, Field(pattern=r"^GM\d{4}$")]
GroupCode = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{2,}$")]

#: Codes that CBS gives to areas of its own; a group of ours may not look like one.
_CBS_CODE = re.compile(r"(NL|GM|WK|BU|PV|LD|CR)\d+")


class RegionFileError(MendableError, ValueError):
    """``region.yml`` can't be used: which file, which field, and what to write."""


class Membership(NamedTuple):
    """A municipality in a group, from one day to another: a row of ``core.region_group`` before CBS's tables add theirs.

    :param valid_to: the last day; None while it lasts.
    :param source: where this is known from, Dutch.
    """

    group_code: str
    group_name: str
    group_type: str
    parent_code: str
    region_code: str
    region_name: str
    valid_from: date
    valid_to: date | None
    source: str


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnGroup(_Strict):
    """The municipalities of the data centre together."""

    code: GroupCode
    name: str
    source: str
    valid_from: date


class Member(_Strict):
    """A member of a declared group; what differs from the group is said here."""

    code: Municipality
    name: str
    valid_from: date | None = None
    valid_to: date | None = None
    source: str | None = None


class Group(_Strict):
    """A group of municipalities that no table tells."""

    name: str
    type: str = Field(description="product, vergelijking, corop, landbouwgebied …")
    parent: str
    valid_from: date
    source: str
    members: tuple[Member, ...] = Field(min_length=1)


class Publisher(_Strict):
    """Who answers for what is published (DCAT-AP-NL: publisher and contact point)."""

    name: str
    owner: str
    contact_url: str
    contact_email: str
    place: str | None = Field(
        None, description="URI of the area in a published list, such as OWMS; none if there is none"
    )


class DataCenter(_Strict):
    """What ``region.yml`` says.

    :param slug: the name in file names and identifiers, and of this region's scope.
    :param box: the municipalities and a rim around them, in RD metres: west, south, east, north.
    :param texts: what stands for a ``$name`` in the texts of indicators and products, see :meth:`fill`.
    """

    name: str
    slug: str = Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")
    group: OwnGroup
    members: dict[Municipality, str] = Field(min_length=1)
    example: Municipality
    corop: str = Field(pattern=r"^CR\d{2}$")
    province: str = Field(pattern=r"^PV\d{2}$")
    box: tuple[int, int, int, int]
    texts: dict[str, str]
    publisher: Publisher
    groups: dict[str, Group] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> DataCenter:
        for code in (self.group.code, *(c for c, g in self.groups.items() if g.type in ("product", "vergelijking"))):
            if _CBS_CODE.fullmatch(code):
                raise ValueError(f"{code} looks like a code of CBS; give the group a code of its own, such as KEMPEN")
        if self.group.code in self.groups:
            raise ValueError(f"groups: {self.group.code} is the group of the data centre itself; leave it out here")
        if self.slug == "nederland":
            raise ValueError("slug: `nederland` is the name of the scope that has all regions")
        if missing := {"gemeente", "gemeenten", "aantal", "omschrijving"} - self.texts.keys():
            raise ValueError(f"texts: {', '.join(sorted(missing))} missing")
        if self.example not in self.members:
            raise ValueError(f"example: {self.example} is none of the members")
        west, south, east, north = self.box
        if not (west < east and south < north):
            raise ValueError("box: west, south, east, north, in RD metres")
        return self

    @property
    def code(self) -> str:
        """The region code of the municipalities together."""
        return self.group.code

    @property
    def codes(self) -> tuple[str, ...]:
        """The municipalities' codes, in the order of the file."""
        return tuple(self.members)

    @property
    def identifier(self) -> str:
        """The data centre's name as an identifier: ``rural-data-center-kempen``."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")

    @property
    def listed(self) -> str:
        """The municipalities by name: ``Bergeijk, Bladel, Eersel, Oirschot en Reusel-De Mierden``."""
        *first, last = self.members.values()
        return f"{', '.join(first)} en {last}" if first else last

    def owns(self, region_code: str) -> bool:
        """Whether a region is one of the municipalities, or a wijk or buurt of one."""
        return region_code[:2] in ("GM", "WK", "BU") and f"GM{region_code[2:6]}" in self.members

    def memberships(self) -> list[Membership]:
        """Every declared membership, the group of the data centre first."""
        own = [
            Membership(
                *(self.group.code, self.group.name, "samenwerking", self.corop, code, name),
                *(self.group.valid_from, None, self.group.source),
            )
            for code, name in self.members.items()
        ]
        return own + [
            Membership(
                *(code, group.name, group.type, group.parent, member.code, member.name),
                *(member.valid_from or group.valid_from, member.valid_to, member.source or group.source),
            )
            for code, group in self.groups.items()
            for member in group.members
        ]

    def fill(self, text: str) -> str:
        """A text with what it says of the region: ``$groep``, ``$code``, ``$gemeente``, ``$gemeenten``, ``$aantal`` …

        A name that only another region's file has stands for nothing; one that no file has is a mistake.

        :raises RegionFileError: the text names something that neither this file nor the shipped one has.
        """
        if "$" not in text:
            return text
        known = {**dict.fromkeys(_shipped_texts(), ""), **self.texts, **self._standing()}
        try:
            return Template(text).substitute(known).strip()
        except (KeyError, ValueError) as e:
            raise RegionFileError(
                f"The text {text[:80]!r} names {e}, which region.yml does not have under `texts`; known are "
                f"{', '.join('$' + name for name in sorted(known))} (a dollar sign itself is written $$)."
            ) from e

    def filled(self, content: Any) -> Any:
        """The same for every text in a structure of dicts and lists; keys stay."""
        if isinstance(content, str):
            return self.fill(content)
        if isinstance(content, Mapping):
            return {key: self.filled(value) for key, value in content.items()}
        if isinstance(content, list | tuple):
            return type(content)(self.filled(item) for item in content)
        return content

    def _standing(self) -> dict[str, str]:
        return {"groep": self.group.name, "code": self.group.code, "naam": self.name, "namen": self.listed}


def here() -> DataCenter:
    """The data centre that this installation is: ``$RDC_HOME/region.yml``, else the one that the project ships.

    :raises RegionFileError: the file can't be used.
    """
    return at(home_of())


def at(home: Path) -> DataCenter:
    """The data centre of a data folder.

    :raises RegionFileError: the file can't be used.
    """
    own = home / "region.yml"
    file = own if own.is_file() else SHIPPED
    return _read(file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _read(file: Path, changed: int) -> DataCenter:
    try:
        return DataCenter.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except ValidationError as e:
        raise RegionFileError(f"{file} can't be used. Mend: {'; '.join(explained(e))}.") from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise RegionFileError(f"{file} is no YAML in UTF-8: {' '.join(str(e).split())}.") from e


@functools.cache
def _shipped_texts() -> frozenset[str]:
    return frozenset(yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["texts"])
