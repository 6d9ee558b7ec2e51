"""A table of the OData v4 service, with the metadata that goes with it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.standin import compact
from tests.standin.compact import Codes, Dim, Group, Missing, Topic
from tests.standin.rows import Rows, replaced
from tests.standin.table import Table, Where, next_day, scaled

BASE = "https://datasets.cbs.nl"
#: What comes before the dimensions in an observation.
FIXED = ("Id", "Measure", "ValueAttribute", "Value", "StringValue")
_DATES = ("Modified", "ReleaseDate", "ModificationDate", "ObservationsModified")
_AUTHORITY = "https://standaarden.overheid.nl/owms/terms/Centraal_Bureau_voor_de_Statistiek"
#: Fields of ``Properties`` that the catalogue leaves out.
_NOT_IN_CATALOGUE = frozenset({"LongDescription", "Provenance", "RelatedSources", "Distributions"})


class V4Table(Table):
    """A table of OData v4: ``Properties``, ``Dimensions``, codes and groups, measures, observations.

    ``padded_regions`` makes the service write region codes with trailing blanks, as it does in 03759ned; a
    filter on such a table takes the code with or without them. In a recorded slice ``ObservationCount``
    stays that of the whole table, while everything else is over the slice.
    """

    protocol = "v4"

    def __init__(
        self,
        properties: Mapping[str, Any],
        dimensions: Sequence[Mapping[str, Any]],
        codes: Mapping[str, Sequence[Mapping[str, Any]]],
        measures: Sequence[Mapping[str, Any]],
        rows: Rows,
        *,
        groups: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        measure_groups: Sequence[Mapping[str, Any]] = (),
        padded_regions: bool = False,
    ) -> None:
        super().__init__(rows)
        self._properties = dict(properties)
        self._lists: dict[str, list[Mapping[str, Any]]] = {
            "MeasureCodes": list(measures),
            "MeasureGroups": list(measure_groups),
            "Dimensions": list(dimensions),
        }
        for name, entries in (groups or {}).items():
            self._lists[f"{name}Groups"] = list(entries)
        for name, entries in codes.items():
            self._lists[f"{name}Codes"] = list(entries)
        self._encoded: dict[str, Rows] = {}
        self.padded_regions = padded_regions
        #: Observations that the service counts and that are not here.
        self.unrecorded = max(0, properties.get("ObservationCount", 0) - len(rows))

    # -- where it comes from -----------------------------------------------------------------------

    @classmethod
    def recorded(cls, folder: str | Path, *, padded_regions: bool = False) -> Self:
        """A recorded table: a folder with the answers as captured and ``observations.jsonl.gz``.

        Groups are not recorded; they are made from the group that each code says it is in.
        """
        folder = Path(folder)

        def read(name: str) -> dict[str, Any]:
            return json.loads(gzip.decompress((folder / f"{name}.json.gz").read_bytes()))

        properties = {key: value for key, value in read("properties").items() if not key.startswith("@")}
        dimensions = read("dimensions")["value"]
        codes = {dim["Identifier"]: read(f"codes-{dim['Identifier']}")["value"] for dim in dimensions}
        grouped = [dim["Identifier"] for dim in dimensions if dim["ContainsGroups"]]
        return cls(
            properties,
            dimensions,
            codes,
            read("measure-codes")["value"],
            Rows.load(folder / "observations.jsonl.gz"),
            groups={name: _groups(codes[name]) for name in grouped},
            padded_regions=padded_regions,
        )

    @classmethod
    def build(
        cls,
        id: str,
        *,
        dims: Sequence[str | Dim] | Mapping[str, Codes | Dim],
        measures: Sequence[Topic | Group | str],
        rows: Sequence[Mapping[str, Any] | Sequence[Any]],
        title: str = "",
        modified: str = "2026-03-01T00:00:00+01:00",
        period: str = "",
        frequency: str = "Per jaar",
        padded_regions: bool = False,
        **properties: Any,
    ) -> Self:
        """A synthetic table with complete metadata.

        :param dims: names, names with their codes, or ``Dim``; codes that only the rows use are added.
        :param measures: codes, ``Topic`` or ``Group``; a group becomes an entry of ``MeasureGroups``.
        :param rows: wide, as in v3: mappings by dimension and measure code, or sequences with the
            dimensions first. Each measure in a row makes one observation. A value is a number, a text, None
            (impossible) or ``Missing``.
        :param properties: other fields of ``Properties``.
        """
        listed = [compact.complete(topic).key for topic in compact.topics_in(measures)]
        short = compact.dimensions(dims)
        mappings = compact.as_mappings(rows, [*(dim.key for dim in short), *listed])
        full = compact.with_codes_of(short, mappings)
        title = title or f"Tabel {id}"
        codes = {dim.key: list(_codes(dim)) for dim in full}
        groups = {key: made for key, entries in codes.items() if (made := _groups(entries))}
        entries, measure_groups = _measures(measures)
        said = {
            "Identifier": id,
            "Title": title,
            "Description": "",
            "Language": "nl",
            "Authority": _AUTHORITY,
            "Modified": modified,
            "ReleaseDate": modified,
            "ModificationDate": modified,
            "TemporalCoverage": period,
            "Catalog": "CBS",
            "Publisher": _AUTHORITY,
            "ContactPoint": "infoservice@cbs.nl",
            "Version": _version(modified),
            "VersionNotes": "",
            "VersionReason": "Actualisering",
            "Frequency": frequency,
            "Status": "Regulier",
            "ObservationCount": 0,
            "ObservationsModified": modified,
            "DatasetType": "Numeric",
            "GraphTypes": "Table",
            "License": "https://creativecommons.org/licenses/by/4.0/",
            "Source": "CBS.",
            "Summary": "",
            "LongDescription": "",
            "Provenance": [],
            "RelatedSources": [],
            "Distributions": [
                {
                    "Format": format,
                    "MediaType": format,
                    "DownloadUrl": f"{BASE}/{path}/{id}",
                    "AccessUrl": f"https://dataportal.cbs.nl/detail/CBS/{id}",
                    "Language": "nl",
                }
                for format, path in (("csv", "csv/CBS/nl"), ("odata", "odata/v1/CBS"))
            ],
        }
        table = cls(
            said | properties,
            [_dimension(id, dim, dim.key in groups) for dim in full],
            codes,
            entries,
            Rows([]),
            groups=groups,
            measure_groups=measure_groups,
            padded_regions=padded_regions,
        )
        table.unrecorded = 0
        table.add_rows(mappings)
        table.revision = 0
        return table

    # -- what it is --------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        return self._properties["Identifier"]

    @property
    def title(self) -> str:
        return self._properties["Title"]

    @property
    def modified(self) -> str:
        return self._properties["Modified"]

    @property
    def dimensions(self) -> list[str]:
        return [entry["Identifier"] for entry in self._lists["Dimensions"]]

    @property
    def measures(self) -> list[str]:
        return [entry["Identifier"] for entry in self._lists["MeasureCodes"]]

    @property
    def regions(self) -> list[str]:
        """The dimensions whose codes are regions."""
        return [entry["Identifier"] for entry in self._lists["Dimensions"] if entry["Kind"].startswith("Geo")]

    @property
    def properties(self) -> dict[str, Any]:
        """``Properties``, with a count of observations that keeps up with what was added and dropped."""
        with self.lock:
            return {**self._properties, "ObservationCount": len(self.rows) + self.unrecorded}

    @property
    def resources(self) -> list[str]:
        """The names in the service document; ``MeasureGroups`` only where there are any."""
        lists = [name for name in self._lists if name != "MeasureGroups" or self._lists[name]]
        return [*lists, "Observations", "Properties"]

    def metadata(self, resource: str) -> Rows | None:
        """A metadata list as it is served, or None when the table has no such list."""
        with self.lock:
            if resource not in self._lists:
                return None
            if resource not in self._encoded:
                self._encoded[resource] = Rows.of(self._lists[resource])
            return self._encoded[resource]

    def catalogue_entry(self) -> dict[str, Any]:
        return {key: value for key, value in self.properties.items() if key not in _NOT_IN_CATALOGUE}

    def padded(self, lines: list[bytes]) -> list[bytes]:
        """Observations as they are written: with ``padded_regions``, region codes as wide as the widest."""
        if not self.padded_regions:
            return lines
        for name in self.regions:
            width = max((len(entry["Identifier"]) for entry in self._lists[f"{name}Codes"]), default=0)
            lines = [replaced(line, name, json.loads(line)[name].ljust(width)) for line in lines]
        return lines

    def csv(self) -> bytes:
        """The bulk file: ``;`` between the columns and a decimal comma."""
        text = io.StringIO()
        out = csv.writer(text, delimiter=";", lineterminator="\r\n")
        out.writerow(["Id", "Measure", *self.dimensions, "Value", "StringValue", "ValueAttribute"])
        for row in self.rows.objects():
            value = "" if row["Value"] is None else str(row["Value"]).replace(".", ",")
            codes = [row[name] for name in self.dimensions]
            end = [value, row["StringValue"] or "", row["ValueAttribute"]]
            out.writerow([row["Id"], row["Measure"], *codes, *end])
        return text.getvalue().encode("utf-8")

    # -- what changes ------------------------------------------------------------------------------

    def touch(self, modified: str | None = None) -> None:
        with self.lock:
            moment = modified or next_day(self.modified)
            self.set_properties(**dict.fromkeys(_DATES, moment), Version=_version(moment))

    def set_properties(self, **fields: Any) -> None:
        """Change fields of ``Properties``."""
        with self.lock:
            self._properties = {**self._properties, **fields}
            self.revision += 1

    def rename_measure(self, old: str, new: str) -> None:
        """Give a measure another code, in the metadata and in the observations."""
        with self.lock:
            indices = self.indices({"Measure": old})
            self.set_measure(old, Identifier=new)
            self._rows(self.rows.with_values("Measure", lambda _: new, indices))

    def add_measure(
        self,
        measure: Topic | str,
        value: Any | Callable[[dict[str, Any]], Any] = None,
        group: str | None = None,
    ) -> None:
        """Add a measure, in the measure group of this title or in none, with an observation per combination.

        :param value: the same for every combination of codes, or a function of the combination.
        """
        with self.lock:
            topic = compact.complete(measure)
            parent = next((e["Id"] for e in self._lists["MeasureGroups"] if e["Title"] == group), None)
            if group is not None and parent is None:
                raise KeyError(f"table {self.id} has no measure group {group!r}")
            entries = self._lists["MeasureCodes"]
            index = max((entry["Index"] for entry in entries), default=0) + 1
            self._replace("MeasureCodes", [*entries, _measure(topic, index, parent)])
            columns = [self.rows.column(name) for name in self.dimensions]
            combinations = dict.fromkeys(zip(*columns, strict=True))
            rows = [dict(zip(self.dimensions, codes, strict=True)) for codes in combinations]
            self.add_rows({**row, topic.key: value(row) if callable(value) else value} for row in rows)

    def drop_measure(self, measure: str) -> None:
        with self.lock:
            self._require(measure)
            entries = self._lists["MeasureCodes"]
            self._replace("MeasureCodes", [e for e in entries if e["Identifier"] != measure])
            self.drop_rows({"Measure": measure})

    def set_unit(self, measure: str, unit: str) -> None:
        self.set_measure(measure, Unit=unit)

    def set_measure(self, measure: str, **fields: Any) -> None:
        """Change what ``MeasureCodes`` says of a measure (``Unit``, ``Title``, ``Decimals`` ...)."""
        with self.lock:
            self._require(measure)
            entries = self._lists["MeasureCodes"]
            changed = [{**e, **fields} if e["Identifier"] == measure else e for e in entries]
            self._replace("MeasureCodes", changed)

    def set_code(self, dimension: str, code: str, **fields: Any) -> None:
        """Change or add the metadata entry of a code (``Title``, ``Status`` ...); the observations stay."""
        with self.lock:
            resource = f"{dimension}Codes"
            entries = self._lists[resource]
            if any(entry["Identifier"] == code for entry in entries):
                changed = [{**e, **fields} if e["Identifier"] == code else e for e in entries]
            else:
                kind = next(e["Kind"] for e in self._lists["Dimensions"] if e["Identifier"] == dimension)
                (entry,) = _codes(Dim(dimension, {code: fields}, kind=kind))
                changed = [*entries, {**entry, "Index": len(entries) + 1}]
            self._replace(resource, changed)

    def drop_code(self, dimension: str, code: str) -> None:
        """Take a code out of the metadata; the observations stay as they are."""
        with self.lock:
            resource = f"{dimension}Codes"
            self._replace(resource, [e for e in self._lists[resource] if e["Identifier"] != code])

    def set_value(self, where: Where, measure: str, value: Any) -> int:
        """Put one value in cells: a number, a text, None (impossible) or ``Missing``; returns how many."""
        with self.lock:
            indices = self._of(measure, where)
            rows = self.rows
            for name, part in _cell(value).items():
                rows = rows.with_values(name, lambda _, part=part: part, indices)
            self._rows(rows)
            return len(indices)

    def scale(self, measure: str, factor: float, where: Where = None) -> int:
        with self.lock:
            indices = self._of(measure, where)
            self._rows(self.rows.with_values("Value", lambda value: scaled(value, factor), indices))
            return len(indices)

    def add_rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add observations from wide rows, and the codes that the metadata does not know yet."""
        with self.lock:
            names, measures = self.dimensions, self.measures
            known = {name: {entry["Identifier"] for entry in self._lists[f"{name}Codes"]} for name in names}
            number = max(self.rows.column("Id"), default=-1) + 1
            added = []
            for given in rows:
                codes = {name: str(given[name]).rstrip() for name in names}
                for name, code in codes.items():
                    if code not in known[name]:
                        self.set_code(name, code)
                        known[name].add(code)
                for unknown in given.keys() - codes.keys() - set(measures):
                    self._require(unknown)
                for measure in measures:
                    if measure in given:
                        added.append({"Id": number, "Measure": measure, **_cell(given[measure]), **codes})
                        number += 1
            self._rows(self.rows.followed_by(added))

    def drop_rows(self, where: Where) -> int:
        """Take observations out; the others keep their ``Id``."""
        with self.lock:
            gone = self.indices(where)
            self._rows(self.rows.without(gone))
            return len(gone)

    # -- inside ------------------------------------------------------------------------------------

    def _of(self, measure: str, where: Where) -> list[int]:
        self._require(measure)
        chosen = self.indices(where)
        codes = self.rows.column("Measure")
        return [index for index in chosen if codes[index] == measure]

    def _rows(self, rows: Rows) -> None:
        self.rows = rows
        self.revision += 1

    def _replace(self, resource: str, entries: list[Mapping[str, Any]]) -> None:
        self._lists[resource] = entries
        self._encoded.pop(resource, None)
        self.revision += 1

    def _detach(self) -> None:
        self._lists = dict(self._lists)
        self._encoded = dict(self._encoded)


def _cell(value: Any) -> dict[str, Any]:
    """The three fields that say what is in a cell, in wire order."""
    if value is None:
        value = Missing()
    if isinstance(value, Missing):
        return {"ValueAttribute": value.reason, "Value": None, "StringValue": None}
    if isinstance(value, str):
        return {"ValueAttribute": "None", "Value": None, "StringValue": value}
    return {"ValueAttribute": "None", "Value": value, "StringValue": None}


def _version(modified: str) -> str:
    """``202606230000`` for a table of 23 June 2026."""
    return modified[:16].translate(str.maketrans("", "", "-T:"))


def _dimension(id: str, dim: Dim, grouped: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {} if dim.kind == "Dimension" else {"@odata.type": f"#Cbs.Ccb.Models.{dim.kind}"}
    url = f"{BASE}/odata/v1/CBS/{id}/{dim.key}"
    return entry | {
        "Identifier": dim.key,
        "Title": dim.title,
        "Description": "",
        "MapYear": "" if dim.is_region else None,
        "ReleasePolicy": True if dim.is_time else None,
        "Kind": dim.kind,
        "ContainsGroups": grouped,
        "ContainsCodes": True,
        "CodesUrl": f"{url}Codes",
        "GroupsUrl": f"{url}Groups" if grouped else None,
    }


def _codes(dim: Dim) -> Iterator[dict[str, Any]]:
    """The metadata entries of a dimension's codes; regions are grouped by kind, periods all in group 0."""
    for index, (code, said) in enumerate(dim.entries().items(), start=1):
        group = code[:2] if dim.is_region else "0" if dim.is_time else None
        entry = {
            "Identifier": code,
            "Index": index,
            "Title": code,
            "Description": "",
            "DimensionGroupId": group,
        }
        if dim.is_time:
            entry |= {"Title": compact.period_title(code), "Status": "Definitief"}
        yield entry | said


def _groups(codes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The groups that codes say they are in; municipalities per province (``GMPV30``) are within ``GMPV``."""
    named = {code["DimensionGroupId"]: None for code in codes if code.get("DimensionGroupId") is not None}
    ids: dict[str, str | None] = {}
    for name in named:
        parent = name[:4] if len(name) > 4 and name[2:4] == "PV" else None
        if parent:
            ids.setdefault(parent, None)
        ids[name] = parent
    return [
        {"Id": name, "Index": index, "Title": name, "Description": "", "ParentId": parent}
        for index, (name, parent) in enumerate(ids.items(), start=1)
    ]


def _measures(
    members: Sequence[Topic | Group | str], parent: str | None = None, first: int = 1
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """``MeasureCodes`` and ``MeasureGroups``; both share one numbering."""
    measures: list[dict[str, Any]] = []
    groups: list[dict[str, Any]] = []
    for member in members:
        index = first + len(measures) + len(groups)
        if isinstance(member, Group):
            own = {"Id": f"G{index:06d}", "Index": index, "Title": member.title}
            groups.append(own | {"Description": member.description, "ParentId": parent})
            inner, deeper = _measures(member.members, own["Id"], index + 1)
            measures += inner
            groups += deeper
        else:
            measures.append(_measure(compact.complete(member), index, parent))
    return measures, groups


def _measure(topic: Topic, index: int, group: str | None) -> dict[str, Any]:
    return {
        "Identifier": topic.key,
        "Index": index,
        "Title": topic.title,
        "Description": topic.description,
        "MeasureGroupId": group,
        "DataType": topic.datatype,
        "Unit": topic.unit,
        "Decimals": topic.decimals,
        "PresentationType": topic.presentation,
    }
