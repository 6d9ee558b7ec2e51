"""The contract of a municipal source: what is delivered, by whom, on which ground, and what becomes of it.

One YAML file is one contract is one table of the warehouse. The shipped ones are in ``ingest/sources/municipal``, the
user's own in ``$RDC_HOME/sources/municipal``. What a contract leaves open takes the safe side.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import fields
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ingest.datacenter import here
from ingest.declaration import CADENCE_DAYS, SAFE_LOADER, RegistryError, Table
from ingest.errors import address, explained
from ingest.rules import SAFE, THRESHOLDS, Rules, Units, Zeros

SHIPPED = Path(__file__).parent.parent / "sources" / "municipal"
TOTAL = "Totaal"
#: Member of a dimension for a row in which a column that may be empty is empty.
UNKNOWN = "Onbekend"

_NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
_CODE = re.compile(r"[^;=<>\"]{1,80}")


#: Why a number is missing, as the warehouse says it (``missing_reason``); ``zero`` is for a sign that is a number after all.
Kind = Literal[
    "key",
    "category",
    "text",
    "integer",
    "decimal",
    "date",
    "year",
    "period",
    "gemeente",
    "region",
    "postcode",
    "x",
    "y",
    "drop",
]
Reason = Literal["confidential", "not_available", "impossible", "not_yet_published", "unknown", "zero"]
_REASONS: dict[str, Reason] = {
    **{"geheim": "confidential", "niet beschikbaar": "not_available", "onmogelijk": "impossible"},
    **{"nog niet gepubliceerd": "not_yet_published", "onbekend": "unknown", "nul": "zero"},
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """A column of the file. What is not declared stops the file; ``drop`` is declared, and not taken.

    :param aliases: other headers under which it comes; upper and lower case, accents and punctuation don't count. In JSON a
        nested field is ``location.buurt_code``; a name that ends in ``*`` stands for all that begin so.
    :param allowed: value → its title; what else stands there puts the row in quarantine. ``synonyms`` maps other spellings.
    :param required: whether the file must have the column; ``empty`` whether a row may leave it out.
    :param minimum, maximum: of numbers and dates.
    :param age_classes: reduces a year or date of birth to an age class at the period: ``[0, 18, 65]`` → 0-17, 18-64, 65+.
    :param counts: what the bare number of a period counts (the 1 of ``2024-1``).
    :param missing: signs that stand where there is no number, and why there is none (``{".": geheim, x: onbekend}``); ``nul``
        is a sign for zero. An empty cell is something else: ``empty``.
    :param personal: what kind of personal data it is, if it is.
    """

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*\*?$")
    type: Kind
    title: str | None = None
    aliases: tuple[str, ...] = ()
    allowed: dict[str, str] | None = None
    synonyms: dict[str, str] = {}
    pattern: str | None = None
    unit: str | None = None
    required: bool = True
    empty: bool = False
    minimum: float | date | None = None
    maximum: float | date | None = None
    age_classes: tuple[int, ...] | None = None
    counts: Literal["month", "quarter", "half_year"] | None = None
    missing: dict[str, Reason] = {}
    personal: (
        Literal[
            "bsn", "naam", "adres", "e-mail", "telefoon", "iban", "geboortedatum", "vrije tekst", "sleutel", "anders"
        ]
        | None
    ) = None

    @field_validator("allowed", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        if isinstance(value, list):
            value = {v if isinstance(v, bool) else str(v): v if isinstance(v, bool) else str(v) for v in value}
        if isinstance(value, dict) and any(isinstance(v, bool) for pair in value.items() for v in pair):
            raise ValueError("allowed has Yes, No, True or False without quotation marks; write 'Yes', 'No'")
        return value

    @field_validator("missing", mode="before")
    @classmethod
    def _reasons(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        known: dict[str, str] = {**_REASONS, **{reason: reason for reason in _REASONS.values()}}
        for sign, reason in value.items():
            if isinstance(sign, bool) or not str(sign).strip():
                raise ValueError(
                    f"missing: {sign!r} is no sign; put it in quotation marks (an empty cell is `empty: true`)"
                )
            if str(reason).strip().lower() not in known:
                raise ValueError(f"missing: {reason!r} is no reason; choose from {', '.join(_REASONS)}")
        return {str(sign): known[str(reason).strip().lower()] for sign, reason in value.items()}

    @model_validator(mode="after")
    def _complete(self) -> Column:
        if self.name.endswith("*") and self.type != "drop":
            raise ValueError(f"column {self.name}: only a column of type drop may stand for several")
        if self.counts and self.type != "period":
            raise ValueError(
                f"column {self.name}: counts says what the numbers of a period count; its type is {self.type}"
            )
        if self.missing and self.type not in ("integer", "decimal"):
            raise ValueError(
                f"column {self.name}: missing is for numbers; of a {self.type}, use `empty: true`, or allowed and synonyms"
            )
        if self.type == "category" and not self.allowed:
            raise ValueError(f"column {self.name}: a category needs allowed values")
        if self.type == "text" and not (self.allowed or self.pattern):
            raise ValueError(
                f"column {self.name}: a text needs allowed values or a pattern; free text is not taken in (use type: drop)"
            )
        if self.pattern:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise ValueError(f"column {self.name}: pattern is not a regular expression ({error})") from error
        if self.age_classes is not None and (
            not self.age_classes or self.age_classes[0] != 0 or any(b <= a for a, b in pairwise(self.age_classes))
        ):
            raise ValueError(
                f"column {self.name}: age_classes are the ages at which a class begins: from 0, each higher than the one "
                "before it (0, 18, 65)"
            )
        for code in self.allowed or {}:
            if not _CODE.fullmatch(code) or code in (TOTAL, UNKNOWN):
                raise ValueError(
                    f"column {self.name}: {code!r} can't be a value (no ; = < >, not {TOTAL} or {UNKNOWN})"
                )
        if strange := set(self.synonyms.values()) - set(self.allowed or {}):
            raise ValueError(f"column {self.name}: synonyms lead to {', '.join(sorted(strange))}, which is not allowed")
        if self.personal == "geboortedatum" and self.type not in ("drop", "key") and not self.age_classes:
            raise ValueError(f"column {self.name}: a date of birth is dropped or reduced to age_classes")
        if self.personal and self.type not in ("drop", "key", "postcode", "x", "y") and not self.age_classes:
            raise ValueError(f"column {self.name}: is personal ({self.personal}), so its type must be drop or key")
        return self

    def reason(self, value: Any) -> Reason | None:
        """What a cell stands for that is one of the signs of ``missing``."""
        if not self.missing or value is None:
            return None
        text = _sign(int(value) if isinstance(value, float) and value.is_integer() else value)
        return next((reason for sign, reason in self.missing.items() if _sign(sign) == text), None)

    @property
    def members(self) -> dict[str, str]:
        """The members of the dimension that it makes: code and title."""
        if self.age_classes:
            ends = [*self.age_classes[1:], None]
            codes = [f"{a}-{b - 1}" if b else f"{a}+" for a, b in zip(self.age_classes, ends, strict=True)]
            found = {
                code: f"{code[:-1]} jaar en ouder"
                if code.endswith("+")
                else f"{code.replace('-', ' tot en met ')} jaar"
                for code in codes
            }
        else:
            found = dict(self.allowed or {})
        return found | ({UNKNOWN: UNKNOWN} if self.empty else {})


def _sign(value: Any) -> str:
    """A sign as it is compared: without spaces, whatever its capitals, and a dash of any length."""
    return re.sub(r"[\u2012-\u2015\u2212]", "-", re.sub(r"\s", "", str(value))).casefold()


class Measure(_Strict):
    """What is counted up: rows, distinct keys, a column added up, or a ratio of two of the others.

    :param where: column → values of the rows that count.
    :param of: the measure that this one is a part of; with ``sensitive`` the rest is protected as well.
    :param amount: whether what is added up is an amount (euros, kilograms) or a number of units.
    :param value: take a figure as delivered, one row per region, period and dimensions; only where no unit is protected.
    """

    code: str = Field(pattern=_NAME)
    title: str
    unit: str
    description: str | None = None
    count: Literal["rows", "distinct"] | None = None
    sum: str | None = None
    value: str | None = None
    ratio: tuple[str, str] | None = None
    factor: float = 1.0
    decimals: int = 0
    where: dict[str, tuple[str, ...]] = {}
    of: str | None = None
    sensitive: bool = False
    amount: bool = True

    @model_validator(mode="after")
    def _one_way(self) -> Measure:
        ways = [name for name in ("count", "sum", "value", "ratio") if getattr(self, name)]
        if len(ways) != 1:
            raise ValueError(f"measure {self.code}: say one of count, sum, value or ratio (it has {ways or 'none'})")
        if self.sensitive and not self.of:
            raise ValueError(f"measure {self.code}: sensitive needs `of`, the measure that it is a part of")
        return self

    @property
    def is_amount(self) -> bool:
        return self.sum is not None and self.amount


class Disclosure(_Strict):
    """When a figure may be published (see :class:`ingest.rules.Rules`); looser than the defaults only with a reason."""

    units: Units = "persons"
    why: str | None = None
    threshold: int | None = Field(None, ge=1)
    rounding: int = Field(SAFE.rounding, ge=1)
    zeros: Zeros = SAFE.zeros
    least_denominator: int = Field(SAFE.least_denominator, ge=1)
    dominance: float = Field(SAFE.dominance, gt=0, le=1)
    p_percent: float = Field(SAFE.p_percent, ge=0)

    @model_validator(mode="after")
    def _loose_has_reason(self) -> Disclosure:
        loose = self.rules.looser(self.units)
        if loose and not self.why:
            raise ValueError(
                f"disclosure is looser than the safe default ({', '.join(loose)}); give the reason in `why`"
            )
        return self

    @property
    def least(self) -> int:
        return self.threshold if self.threshold is not None else THRESHOLDS.get(self.units, 1)

    @property
    def rules(self) -> Rules:
        """What protection and the attacker work by."""
        return Rules(**{f.name: getattr(self, f.name) for f in fields(Rules)} | {"threshold": self.least})


class Observation(_Strict):
    """What becomes an observation, and how rows are counted up."""

    levels: tuple[Literal["gemeente", "wijk", "buurt"], ...] = ("gemeente",)
    period: str = Field(description="the column that says when")
    period_type: Literal["year", "half_year", "quarter", "month"] = "year"
    dimensions: tuple[str, ...] = Field((), max_length=3)
    measures: tuple[Measure, ...] = Field(min_length=1)


class Layout(_Strict):
    """How the sheet is laid out, where that is not one header row with rows below it.

    :param decimal: the decimal sign of the numbers. Left out, each column shows it itself, and ``1.234`` alone is a thousand. A
        column that contradicts what is declared stops the file.
    :param spread: a column whose values stand in a header row of their own, above the others (years side by side).
    :param section: a column whose value stands alone on a row above the rows that it holds for (a block per municipality).
    :param file_year: a column that is filled with the year in the file's name.
    """

    decimal: Literal["comma", "point"] | None = None
    spread: str | None = None
    section: str | None = None
    file_year: str | None = None


class WayIn(_Strict):
    """An address to fetch from. The drop folder is always open.

    :param token_env: name of the environment variable with the token; it goes into a header, never into an address.
    :param token_scheme: what stands before the token in the ``Authorization`` header (Bearer, Token).
    """

    kind: Literal["http_file", "ckan", "arcgis", "ogc_features", "wfs", "open311", "signalen"]
    url: str
    resource: str | None = Field(
        None, description="CKAN: package or resource id; ArcGIS: layer; OGC: collection; WFS: type"
    )
    token_env: str | None = Field(None, pattern=r"^[A-Z][A-Z0-9_]*$")
    token_scheme: str = "Bearer"
    page_size: int = Field(1000, ge=1)
    parameters: dict[str, str] = {}

    @property
    def address(self) -> str:
        """What tells it from the other ways in of its contract: its address, and what is asked there."""
        asked = [self.resource, *(f"{k}={v}" for k, v in sorted(self.parameters.items()))]
        return " ".join([self.url, *filter(None, asked)])

    @field_validator("url")
    @classmethod
    def _no_secret(cls, value: str) -> str:
        return address(value, "; put a token in the environment and its name in token_env")

    @model_validator(mode="after")
    def _honoured(self) -> WayIn:
        if self.kind == "wfs" and "cql_filter" in {name.lower() for name in self.parameters}:
            raise ValueError("PDOK's WFS ignores cql_filter without a word and gives everything; use filter or bbox")
        if self.kind in ("arcgis", "ogc_features", "wfs", "ckan") and not self.resource:
            raise ValueError(f"a way in of kind {self.kind} needs `resource` (layer, collection, type or package)")
        return self


class Contract(_Strict):
    """A municipal source. ``id`` is also its table in the warehouse and its folder under ``$RDC_HOME/drop``.

    :param municipalities: whose rows it may bring; rows of another municipality go to quarantine.
    :param sharing_level: ``public``, ``partners`` or ``municipality`` (then it has exactly one municipality).
    :param retention_days: how long the reduced rows are kept; the counted-up figures stay.
    :param due_day: the day of the month by which a delivery is in, over the period before; a late one is told from the next day on.
    :param tolerance: share of the rows that may go to quarantine before the whole delivery stops.
    :param covers: what a delivery replaces: the municipalities and periods that it has, or everything.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{2,60}$")
    title: str
    owner: str
    contact: str
    purpose: str
    legal_basis: str
    processing_register: str
    sharing_level: Literal["public", "partners", "municipality"]
    licence: str = "CC BY 4.0"
    retention_days: int = Field(ge=1)
    cadence: Literal["month", "quarter", "half_year", "year", "once"]
    due_day: int | None = Field(None, ge=1, le=28)
    municipalities: tuple[str, ...] = Field(default_factory=lambda: here().codes)
    tolerance: float = Field(0.05, ge=0, le=1)
    covers: Literal["municipality_and_period", "everything"] = "municipality_and_period"
    layout: Layout = Layout()
    ways_in: tuple[WayIn, ...] = ()
    columns: tuple[Column, ...]
    observation: Observation
    disclosure: Disclosure = Disclosure()
    file: str = Field("", exclude=True)

    @model_validator(mode="after")
    def _hangs_together(self) -> Contract:
        names = [c.name for c in self.columns]
        if twice := {n for n in names if names.count(n) > 1}:
            raise ValueError(f"column {', '.join(sorted(twice))} is declared twice")
        if bad := [m for m in self.municipalities if not re.fullmatch(r"GM\d{4}", m)]:
            raise ValueError(f"municipalities: {', '.join(bad)} is not a code such as GM0770")
        if self.sharing_level == "municipality" and len(self.municipalities) != 1:
            raise ValueError("sharing_level municipality needs exactly one municipality")
        for kind in ("key", "gemeente", "region", "postcode", "x", "y"):
            if len(found := [c.name for c in self.columns if c.type == kind]) > 1:
                raise ValueError(f"there can be one column of type {kind}, not {', '.join(found)}")
        if bool(self.of_type("x")) != bool(self.of_type("y")):
            raise ValueError("a point needs a column of type x and one of type y")
        has_place = any(self.of_type(t) for t in ("gemeente", "region", "postcode", "x"))
        if not has_place and len(self.municipalities) != 1:
            raise ValueError("no column says where a row belongs, so there must be exactly one municipality")
        self._check_observation(set(names))
        return self

    def _check_observation(self, names: set[str]) -> None:
        seen, o = self.by_name, self.observation
        if o.period not in names or seen[o.period].type not in ("date", "year", "period"):
            raise ValueError(f"observation.period: {o.period} must be a column of type date, year or period")
        for name in o.dimensions:
            if name not in names or not seen[name].members:
                raise ValueError(f"observation.dimensions: {name} must be a column with allowed values or age_classes")
            if not re.fullmatch(_NAME, name):
                raise ValueError(f"observation.dimensions: {name} can't name a dimension (letters, digits, _)")
        measures = {m.code: m for m in o.measures}
        if len(measures) != len(o.measures):
            raise ValueError("observation.measures: a code is declared twice")
        for m in o.measures:
            for needed in filter(None, [m.sum, m.value]):
                if needed not in names or seen[needed].type not in ("integer", "decimal"):
                    raise ValueError(f"measure {m.code}: {needed} must be a column of type integer or decimal")
            if m.sum and self.disclosure.units != "none":
                least = seen[m.sum].minimum
                if not isinstance(least, int | float) or least < 0:
                    raise ValueError(f"measure {m.code}: column {m.sum} needs a minimum of 0 or more to be protected")
            if m.sum and seen[m.sum].missing and self.disclosure.units != "none":
                raise ValueError(
                    f"measure {m.code}: column {m.sum} has signs for missing numbers; a sum without them can't be protected. "
                    "Leave `missing` out (such rows then go to quarantine), or put the figures in another contract with value"
                )
            for name, values in m.where.items():
                if name not in names or set(values) - set(seen[name].members):
                    raise ValueError(f"measure {m.code}: where {name} has values that the column does not allow")
            for other in filter(None, [m.of, *(m.ratio or ())]):
                if other not in measures or measures[other].ratio:
                    raise ValueError(f"measure {m.code}: {other} must be a counted measure of this contract")
            if m.value and self.disclosure.units != "none":
                raise ValueError(
                    f"measure {m.code}: value takes figures as delivered, so disclosure.units must be none"
                )
            if m.count == "distinct" and not self.of_type("key"):
                raise ValueError(f"measure {m.code}: distinct counts keys, but no column has type key")
        for name in filter(None, [self.layout.spread, self.layout.section, self.layout.file_year]):
            if name not in names:
                raise ValueError(f"layout: {name} is not a column")

    @property
    def by_name(self) -> dict[str, Column]:
        return {c.name: c for c in self.columns}

    def of_type(self, kind: str) -> Column | None:
        return next((c for c in self.columns if c.type == kind), None)

    @property
    def table(self) -> Table:
        """The contract as the registry knows it. On request: a source that never delivered is not looked after."""
        return Table(
            id=self.id,
            title=self.title,
            protocol="municipal",
            cadence=self.cadence,
            due_day=self.due_day,
            owner=self.owner,
            licence=self.licence,
            attribution=f"Bron: {self.owner}",
            sharing_level=self.sharing_level,
            municipality=self.municipalities[0] if self.sharing_level == "municipality" else None,
            on_request=True,
            why=self.purpose,
            source_id="gemeenten",
            file=self.file,
        )

    @property
    def intake_hash(self) -> str:
        """Over all that decides how a file is judged. A file that was judged under another is judged anew."""
        return self._hash({"columns", "layout", "municipalities", "tolerance", "covers", "observation"})

    @property
    def publish_hash(self) -> str:
        """Over all that decides what becomes of accepted rows."""
        return self._hash({"columns", "observation", "disclosure", "sharing_level", "municipalities", "title"})

    def _hash(self, parts: set[str]) -> str:
        return hashlib.sha256(
            json.dumps(self.model_dump(mode="json", include=parts), sort_keys=True).encode()
        ).hexdigest()

    @property
    def max_age_days(self) -> int | None:
        return CADENCE_DAYS[self.cadence]


def load(own: Path | None = None, shipped: Path = SHIPPED) -> dict[str, Contract]:
    """All contracts by id: the shipped ones, and the user's own in ``<own>/municipal``.

    :raises RegistryError: naming file and field of every contract that can't be used.
    """
    found: dict[str, Contract] = {}
    folders = [shipped, *([own / "municipal"] if own else [])]
    for file in (f for folder in folders if folder.is_dir() for f in sorted(folder.glob("*.yml"))):
        contract = read(file)
        if contract.id in found:
            raise RegistryError(f"{file}: contract {contract.id} is already in {found[contract.id].file}; rename one")
        found[contract.id] = contract
    return found


#: What of a column and of a measure is text: as it is written, whatever YAML makes of it (``No``, ``010``, ``1.10``).
_TEXTS = {
    "columns": ("name", "title", "aliases", "allowed", "synonyms", "pattern", "unit", "missing"),
    "measures": ("code", "title", "unit", "where"),
}


def _loaded(text: str) -> Any:
    """The YAML of a contract, in which what is text stays as it is written: ``allowed: [Yes, No, 010]`` are three words."""
    content = yaml.load(text, Loader=SAFE_LOADER)
    written = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    for kind, parent, as_written in (
        ("columns", content, written),
        ("measures", _part(content, "observation"), _part(written, "observation")),
    ):
        items, texts = _part(parent, kind), _part(as_written, kind)
        if isinstance(items, list) and isinstance(texts, list):
            for item, own in zip(items, texts, strict=True):
                if isinstance(item, dict) and isinstance(own, dict):
                    item |= {key: own[key] for key in _TEXTS[kind] if item.get(key) is not None and key in own}
    _no_other_number(content, written, "")
    return content


def _no_other_number(content: Any, written: Any, at: str) -> None:
    """YAML 1.1 reads 010 as 8, 1:30 as 90 and 1_000 as 1000: nobody who writes a threshold means that.

    :raises yaml.YAMLError: there is such a number.
    """
    if isinstance(content, dict) and isinstance(written, dict):
        for key, value in content.items():
            _no_other_number(value, written.get(str(key)), f"{at}.{key}".lstrip("."))
    elif isinstance(content, list) and isinstance(written, list):
        for n, (value, own) in enumerate(zip(content, written, strict=True)):
            _no_other_number(value, own, f"{at}.{n}")
    elif (
        isinstance(content, int)
        and not isinstance(content, bool)
        and isinstance(written, str)
        and not re.fullmatch(r"[-+]?(0|[1-9][0-9]*)", written)
    ):
        raise yaml.YAMLError(
            f"field {at}: {written} would be read as {content}; write the number without zeros in front, : or _"
        )


def _part(content: Any, key: str) -> Any:
    return content.get(key) if isinstance(content, dict) else None


def read(file: Path) -> Contract:
    """:raises RegistryError: the file can't be used; a line per field that is wrong."""
    try:
        content = _loaded(file.read_text(encoding="utf-8"))
        return Contract.model_validate(content).model_copy(update={"file": str(file)})
    except yaml.YAMLError as error:
        raise RegistryError(f"{file}: not readable as YAML: {error}") from error
    except UnicodeDecodeError as error:
        raise RegistryError(f"{file}: not UTF-8 ({error}); save it as UTF-8") from error
    except ValidationError as error:
        raise RegistryError("\n".join(f"{file}: {line}" for line in explained(error))) from error
