"""A table of the OData v3 service, with the metadata that goes with it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.standin import compact
from tests.standin.compact import Codes, Dim, Group, Topic
from tests.standin.rows import Rows
from tests.standin.table import Table, Where, next_day, scaled

DIMENSION_TYPES = frozenset({"Dimension", "TimeDimension", "GeoDimension", "GeoDetail"})
#: How wide UntypedDataSet writes a figure, as in the recorded pages of 83599NED.
FIGURE_WIDTH = 8
#: What the catalogue says of a table, as recorded.
CATALOGUE_FIELDS = (
    "Updated",
    "ID",
    "Identifier",
    "Title",
    "ShortTitle",
    "ShortDescription",
    "Summary",
    "Modified",
    "MetaDataModified",
    "ReasonDelivery",
    "ExplanatoryText",
    "OutputStatus",
    "Source",
    "Language",
    "Catalog",
    "Frequency",
    "Period",
    "SummaryAndLinks",
    "ApiUrl",
    "FeedUrl",
    "DefaultPresentation",
    "DefaultSelection",
    "GraphTypes",
    "RecordCount",
    "ColumnCount",
    "SearchPriority",
)
#: An entry of a metadata resource; never changed, only replaced.
Entry = Mapping[str, Any]


class V3Table(Table):
    """A table of OData v3: ``TableInfos``, ``DataProperties``, ``CategoryGroups``, dimensions, rows.

    Region codes are padded to a fixed width, as CBS does; a method takes a code with or without its blanks.
    ``record_count``, when set, is what the catalogue announces instead of the true number of rows.
    """

    protocol = "v3"

    def __init__(self, metadata: Mapping[str, Sequence[Mapping[str, Any]]], rows: Rows) -> None:
        super().__init__(rows)
        self._metadata: dict[str, list[Entry]] = {name: list(entries) for name, entries in metadata.items()}
        self._encoded: dict[str, Rows] = {}
        self.record_count: int | None = None

    # -- where it comes from -----------------------------------------------------------------------

    @classmethod
    def recorded(cls, folder: str | Path) -> Self:
        """A recorded table: a folder with ``meta.json.gz`` and ``rows.jsonl.gz``."""
        folder = Path(folder)
        return cls(
            json.loads(gzip.decompress((folder / "meta.json.gz").read_bytes())),
            Rows.load(folder / "rows.jsonl.gz"),
        )

    @classmethod
    def build(
        cls,
        id: str,
        *,
        dims: Sequence[str | Dim] | Mapping[str, Codes | Dim],
        topics: Sequence[Topic | Group | str],
        rows: Sequence[Mapping[str, Any] | Sequence[Any]],
        title: str = "",
        modified: str = "2026-03-01T02:00:00",
        period: str = "",
        frequency: str = "Perjaar",
        catalog: str = "CBS",
        **infos: Any,
    ) -> Self:
        """A synthetic table with complete metadata.

        :param dims: names, names with their codes, or ``Dim``; codes that only the rows use are added.
        :param topics: keys (a missing number is added: ``Inwoners`` becomes ``Inwoners_1``), ``Topic`` or
            ``Group``.
        :param rows: mappings by dimension and topic key, or sequences with the dimensions first. A topic
            that a mapping leaves out is null; its key may be given without its number.
        :param catalog: a catalog other than CBS is served on the third-party host.
        :param infos: other fields of ``TableInfos``.
        """
        members = compact.numbered(topics)
        keys = [topic.key for topic in compact.topics_in(members)]
        short = compact.dimensions(dims)
        mappings = compact.as_mappings(rows, [*(dim.key for dim in short), *keys])
        full = compact.with_codes_of(short, mappings)
        title = title or f"Tabel {id}"
        info = {
            "ID": 0,
            "Title": title,
            "ShortTitle": title,
            "Identifier": id,
            "Summary": "",
            "Modified": modified,
            "MetaDataModified": modified,
            "ReasonDelivery": "Actualisering",
            "ExplanatoryText": "",
            "OutputStatus": "Regulier",
            "Source": f"{catalog}.",
            "Language": "nl",
            "Catalog": catalog,
            "Frequency": frequency,
            "Period": period,
            "ShortDescription": "",
            "Description": "",
            "DefaultPresentation": "graphType=table",
            "DefaultSelection": "",
            "GraphTypes": "Table",
            "SearchPriority": "2",
        }
        metadata: dict[str, list[dict[str, Any]]] = {
            "TableInfos": [info | infos],
            "DataProperties": list(_properties(full, members)),
            "CategoryGroups": [],
        }
        for dim in full:
            metadata[dim.key] = [_code(dim, code, said) for code, said in dim.entries().items()]
        table = cls(metadata, Rows([]))
        table.add_rows(mappings)
        table.revision = 0
        return table

    # -- what it is --------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        return self.info["Identifier"]

    @property
    def title(self) -> str:
        return self.info["Title"]

    @property
    def modified(self) -> str:
        return self.info["Modified"]

    @property
    def info(self) -> Mapping[str, Any]:
        """The one entry of ``TableInfos``."""
        return self._metadata["TableInfos"][0]

    @property
    def catalog(self) -> str:
        return self.info.get("Catalog") or "CBS"

    @property
    def properties(self) -> list[Mapping[str, Any]]:
        """``DataProperties``: dimensions, topic groups and topics, in order."""
        return self._metadata["DataProperties"]

    @property
    def dimensions(self) -> list[str]:
        return [entry["Key"] for entry in self.properties if entry["Type"] in DIMENSION_TYPES]

    @property
    def measures(self) -> list[str]:
        return [entry["Key"] for entry in self.properties if entry["Type"] == "Topic"]

    @property
    def resources(self) -> list[str]:
        """The names in the service document, in CBS's order."""
        first = ["TableInfos", "UntypedDataSet", "TypedDataSet", "DataProperties", "CategoryGroups"]
        return first + [name for name in self._metadata if name not in first]

    def metadata(self, resource: str) -> Rows | None:
        """A metadata resource as it is served, or None when the table has no such resource."""
        with self.lock:
            if resource not in self._metadata:
                return None
            if resource not in self._encoded:
                self._encoded[resource] = Rows.of(self._metadata[resource])
            return self._encoded[resource]

    def catalogue_entry(self, number: int) -> dict[str, Any]:
        """What the catalogue says of it; the count is true unless ``record_count`` says otherwise."""
        with self.lock:
            services = ("ODataApi", "ODataFeed")
            urls = [f"https://opendata.cbs.nl/{service}/OData/{self.id}" for service in services]
            links = [self.info.get("Summary", ""), *(f'<a href="{url}">{url}</a>' for url in urls)]
            known = {
                "Updated": self.modified,
                "MetaDataModified": self.modified,
                "SummaryAndLinks": "<br />".join(links),
                **self.info,
                "ID": number,
                "ApiUrl": urls[0],
                "FeedUrl": urls[1],
                "RecordCount": len(self.rows) if self.record_count is None else self.record_count,
                "ColumnCount": len(self.dimensions) + len(self.measures),
            }
            return {field: known.get(field, "") for field in CATALOGUE_FIELDS}

    def untyped(self, lines: Iterable[bytes]) -> list[bytes]:
        """The rows as ``UntypedDataSet`` has them: texts, figures to the right, a point for an empty cell."""
        decimals = {
            entry["Key"]: None if entry["Datatype"] == "String" else entry["Decimals"]
            for entry in self.properties
            if entry["Type"] == "Topic"
        }
        rows = [json.loads(line) for line in lines]
        for row in rows:
            for key, places in decimals.items():
                if key in row:
                    row[key] = _untyped(row[key], places)
        return Rows.of(rows).lines  # type: ignore[return-value]

    # -- what changes ------------------------------------------------------------------------------

    def touch(self, modified: str | None = None) -> None:
        with self.lock:
            moment = modified or next_day(self.modified)
            dates = {key: moment for key in ("Updated", "MetaDataModified") if key in self.info}
            self.set_info(Modified=moment, **dates)

    def set_info(self, **fields: Any) -> None:
        """Change fields of ``TableInfos``."""
        with self.lock:
            self._replace("TableInfos", [{**self.info, **fields}])

    def rename_measure(self, old: str, new: str) -> None:
        """Give a topic another key, in metadata and rows, as when a yearly table moves its numbers up."""
        with self.lock:
            self.set_property(old, Key=new)
            self.rows = self.rows.renamed(old, new)

    def add_measure(
        self,
        topic: Topic | str,
        value: Any | Callable[[dict[str, Any]], Any] = None,
        group: str | None = None,
    ) -> None:
        """Add a topic, in the topic group of this title or at the end.

        :param value: the same for every row, or a function of the row.
        """
        with self.lock:
            entry: Mapping[str, Any] = _topic(compact.complete(topic))
            properties = list(self.properties)
            at = len(properties)
            if group is not None:
                groups = [e for e in properties if e["Type"] == "TopicGroup"]
                parent = next((e for e in groups if e["Title"] == group), None)
                if parent is None:
                    raise KeyError(f"table {self.id} has no topic group {group!r}")
                entry = {**entry, "ParentID": parent["ID"]}
                at = 1 + max(i for i, e in enumerate(properties) if parent["ID"] in (e["ID"], e["ParentID"]))
            properties.insert(at, {**entry, "ID": None})
            self._replace("DataProperties", _renumbered(properties))
            values = map(value, self.rows.objects()) if callable(value) else [value] * len(self.rows)
            self.rows = self.rows.with_column(entry["Key"], values)

    def drop_measure(self, measure: str) -> None:
        with self.lock:
            self._require(measure)
            self._replace("DataProperties", _renumbered([e for e in self.properties if e["Key"] != measure]))
            self.rows = self.rows.without_column(measure)

    def set_unit(self, measure: str, unit: str) -> None:
        self.set_property(measure, Unit=unit)

    def set_property(self, key: str, **fields: Any) -> None:
        """Change what ``DataProperties`` says of a dimension or topic (``Unit``, ``Title`` ...)."""
        with self.lock:
            if key not in self.dimensions:
                self._require(key)
            changed = [{**e, **fields} if e["Key"] == key else e for e in self.properties]
            self._replace("DataProperties", changed)

    def set_code(self, dimension: str, code: str, **fields: Any) -> None:
        """Change or add the metadata entry of a code (``Title``, ``Status`` ...); the rows stay."""
        with self.lock:
            entries = self._metadata[dimension]
            if any(entry["Key"].rstrip() == code.rstrip() for entry in entries):
                changed = [{**e, **fields} if e["Key"].rstrip() == code.rstrip() else e for e in entries]
            else:
                changed = [*entries, _code(self._dim(dimension), code, fields)]
            self._replace(dimension, changed)

    def drop_code(self, dimension: str, code: str) -> None:
        """Take a code out of the metadata; the rows stay as they are."""
        with self.lock:
            entries = self._metadata[dimension]
            self._replace(dimension, [e for e in entries if e["Key"].rstrip() != code.rstrip()])

    def set_value(self, where: Where, measure: str, value: Any) -> int:
        with self.lock:
            self._require(measure)
            indices = self.indices(where)
            self._rows(self.rows.with_values(measure, lambda _: value, indices))
            return len(indices)

    def scale(self, measure: str, factor: float, where: Where = None) -> int:
        with self.lock:
            self._require(measure)
            indices = self.indices(where)
            self._rows(self.rows.with_values(measure, lambda value: scaled(value, factor), indices))
            return len(indices)

    def add_rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows at the end, and codes that the metadata does not know yet. Topics left out are null."""
        with self.lock:
            dims = {key: self._dim(key) for key in self.dimensions}
            known = {key: {entry["Key"].rstrip() for entry in self._metadata[key]} for key in dims}
            stems = [topic.rpartition("_")[0] for topic in self.measures]
            pairs = zip(stems, self.measures, strict=True)
            topics = {stem: topic for stem, topic in pairs if stems.count(stem) == 1}
            added = []
            for number, given in enumerate(rows, start=len(self.rows)):
                row: dict[str, Any] = {"ID": number}
                for key, dim in dims.items():
                    code = str(given[key]).rstrip()
                    if code not in known[key]:
                        self.set_code(key, code)
                        known[key].add(code)
                    row[key] = code.ljust(dim.width or 0)
                row.update(dict.fromkeys(self.measures))
                for name, value in given.items():
                    if name not in dims:
                        key = name if name in row else topics.get(name, name)
                        self._require(key)
                        row[key] = value
                added.append(row)
            self._rows(self.rows.followed_by(added))

    def drop_rows(self, where: Where) -> int:
        """Take rows out; the others are numbered anew, as in a new delivery."""
        with self.lock:
            gone = self.indices(where)
            numbers = iter(range(len(self.rows)))
            self._rows(self.rows.without(gone).with_values("ID", lambda _: next(numbers)))
            return len(gone)

    # -- inside ------------------------------------------------------------------------------------

    def _rows(self, rows: Rows) -> None:
        self.rows = rows
        self.revision += 1
        if "RecordCount" in self.info:
            self.set_info(RecordCount=len(rows))

    def _replace(self, resource: str, entries: list[Mapping[str, Any]]) -> None:
        self._metadata[resource] = entries
        self._encoded.pop(resource, None)
        self.revision += 1

    def _detach(self) -> None:
        self._metadata = dict(self._metadata)
        self._encoded = dict(self._encoded)

    def _dim(self, key: str) -> Dim:
        kind = next(entry["Type"] for entry in self.properties if entry["Key"] == key)
        width = max((len(entry["Key"]) for entry in self._metadata[key]), default=0)
        return Dim(key, kind=kind, width=width)


def _properties(dims: Sequence[Dim], members: Sequence[Topic | Group]) -> Iterator[dict[str, Any]]:
    """``DataProperties``: first the dimensions, then groups and topics, each after the group it is in."""
    for number, dim in enumerate(dims):
        entry: dict[str, Any] = {
            "odata.type": f"Cbs.OData.{dim.kind}",
            "ID": number,
            "Position": number,
            "ParentID": None,
            "Type": dim.kind,
            "Key": dim.key,
            "Title": dim.title,
            "Description": "",
        }
        if dim.is_time:
            entry["ReleasePolicy"] = False
        if dim.is_region:
            entry["MapYear"] = None
        yield entry
    number, position = len(dims), len(dims)

    def walk(inner: Sequence[Topic | Group | str], parent: int | None) -> Iterator[dict[str, Any]]:
        nonlocal number, position
        for member in inner:
            own, number = number, number + 1
            if isinstance(member, Group):
                yield {
                    "odata.type": "Cbs.OData.TopicGroup",
                    "ID": own,
                    "Position": None,
                    "ParentID": parent,
                    "Type": "TopicGroup",
                    "Key": "",
                    "Title": member.title,
                    "Description": member.description or None,
                }
                yield from walk(member.members, own)
            else:
                yield _topic(compact.complete(member)) | {"ID": own, "Position": position, "ParentID": parent}
                position += 1

    yield from walk(members, None)


def _topic(topic: Topic) -> dict[str, Any]:
    return {
        "odata.type": "Cbs.OData.Topic",
        "ID": None,
        "Position": None,
        "ParentID": None,
        "Type": "Topic",
        "Key": topic.key,
        "Title": topic.title,
        "Description": topic.description or None,
        "Datatype": topic.datatype,
        "Unit": topic.unit,
        "Decimals": topic.decimals,
        "Default": topic.default,
        "PresentationType": topic.presentation if topic.datatype != "String" else "",
    }


def _renumbered(properties: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The same entries numbered from 0, with parents and positions that agree."""
    new_id = {entry["ID"]: number for number, entry in enumerate(properties) if entry["ID"] is not None}
    positions = iter(range(len(properties)))
    return [
        {
            **entry,
            "ID": number,
            "Position": None if entry["Type"] == "TopicGroup" else next(positions),
            "ParentID": None if entry["ParentID"] is None else new_id[entry["ParentID"]],
        }
        for number, entry in enumerate(properties)
    ]


def _code(dim: Dim, code: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata entry of one code of a dimension."""
    entry: dict[str, Any] = {"Key": code.ljust(dim.width or 0), "Title": code, "Description": None}
    if dim.is_time:
        entry |= {"Title": compact.period_title(code), "Status": "Definitief"}
    elif dim.kind == "GeoDetail":
        municipality = "" if code.startswith("NL") else f"GM{code[2:6]}"
        entry |= {"Municipality": municipality, "DetailRegionCode": code if municipality else ""}
    else:
        entry["CategoryGroupID"] = None
    return entry | dict(said)


def _untyped(value: Any, decimals: int | None) -> str:
    if decimals is None:
        return "." if value is None else str(value)
    if value is None:
        return ".".rjust(FIGURE_WIDTH)
    return f"{value:.{decimals}f}".rjust(FIGURE_WIDTH) if isinstance(value, int | float) else str(value)
