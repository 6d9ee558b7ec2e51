"""CBS's OData v4 service (datasets.cbs.nl): one row per observation, with the reason why a value is missing.

What the service can do: https://www.cbs.nl/nl-nl/statline/odata4/general/implementatie-odata-v4-functies
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from ingest.declaration import Table
from ingest.http import Client, FetchError, LoopError, NotFoundError, whole
from ingest.metadata import Codes, Dimension, Measure, Metadata
from ingest.received import Page
from ingest.statline.answer import counted, document, link, moment, named, records
from ingest.statline.model import Head, Slice, clean, code_list, infer_region, integer, prose
from ingest.statline.page import bulk, follow
from ingest.statline.slices import by_prefix, declared, regions_wanted

_STAMP = ("Modified", "ObservationsModified", "Version", "ObservationCount", "Status")
_ROW = ["Id", "Measure", "ValueAttribute", "Value", "StringValue"]


class V4:
    """One v4 host and catalogue, for instance ``https://datasets.cbs.nl/odata/v1/CBS``."""

    layout = "long"

    def __init__(self, base: str, client: Client) -> None:
        self.base = base
        self.client = client

    def head(self, table: Table) -> Head:
        url = f"{self.base}/{table.id}/Properties"
        properties = self._json(url, f"the properties of {table.id}")
        if "Identifier" not in properties and properties.get("value"):
            properties = records(properties, url, f"the properties of {table.id}")[0]
        if "Identifier" not in properties:
            raise FetchError(url, "a table's properties with an Identifier", str(sorted(properties))[:120])
        return Head(
            table_id=table.id,
            title=clean(properties.get("Title")),
            modified=moment(properties.get("Modified"), url, "Modified"),
            stamp={key: str(properties[key]) for key in _STAMP if properties.get(key) is not None},
            count=counted(properties.get("ObservationCount"), url, "ObservationCount"),
            count_source=f"{url} (ObservationCount)",
            period_text=clean(properties.get("TemporalCoverage")),
        )

    def metadata(self, table: Table) -> Metadata:
        raw: dict[str, Any] = {"Properties": self._json(f"{self.base}/{table.id}/Properties", "the properties")}
        for name in ("Dimensions", "MeasureCodes"):
            raw[name] = self._list(table, name)
        raw["MeasureGroups"] = self._list(table, "MeasureGroups", needed=False)
        if not raw["MeasureCodes"]:
            raise FetchError(f"{self.base}/{table.id}/MeasureCodes", "at least one measure", "none")

        dimensions: list[Dimension] = []
        codes: dict[str, Codes] = {}
        for position, entry in enumerate(raw["Dimensions"]):
            key, kind = named(entry, "Identifier", f"{self.base}/{table.id}/Dimensions"), str(entry.get("Kind") or "")
            dimensions.append(
                Dimension(
                    key,
                    "region" if kind.startswith("Geo") else "time" if kind.startswith("Time") else "other",
                    clean(entry.get("Title")),
                    position,
                )
            )
            raw[f"{key}Codes"] = self._list(table, f"{key}Codes")
            codes[key] = code_list(
                raw[f"{key}Codes"], "Identifier", "DimensionGroupId", f"{self.base}/{table.id}/{key}Codes"
            )
        return Metadata(
            dimensions=tuple(infer_region(dimensions, codes)),
            codes=codes,
            measures=tuple(
                _measures(raw["MeasureCodes"], raw["MeasureGroups"], f"{self.base}/{table.id}/MeasureCodes")
            ),
            info=raw["Properties"],
            raw=raw,
        )

    def slices(self, table: Table, metadata: Metadata) -> list[Slice]:
        """Regions by what their codes start with: a filter of few terms, as this service is slow and its keys may be padded."""
        raw = {
            d.key: [str(entry["Identifier"]) for entry in metadata.raw[f"{d.key}Codes"]] for d in metadata.dimensions
        }
        also = declared(table, metadata, raw)
        dimension, wanted = metadata.dimension("region"), regions_wanted(table, metadata)
        if dimension is None or wanted is None:
            return [Slice(also)]
        return list(by_prefix(dimension, wanted, metadata.codes[dimension.key].code, also))

    def count(self, table: Table, head: Head, part: Slice) -> tuple[int, str]:
        """Of a slice: ``/$count`` with the same filter; of a whole table: ``ObservationCount``."""
        if part.filter is None and head.count is not None:
            return head.count, head.count_source
        where = f"?$filter={_quote(part.filter)}" if part.filter else ""
        url = f"{self.base}/{table.id}/Observations/$count{where}"
        try:
            return integer(self.client.text(url, "a number of observations"), url), url
        except NotFoundError:
            url = f"{self.base}/{table.id}/Observations{where}{'&' if where else '?'}$count=true&$top=1"
            total = counted(self._json(url, "@odata.count").get("@odata.count"), url, "@odata.count")
            if total is None:
                raise FetchError(url, "a number of observations (@odata.count)", "none") from None
            return total, url

    def pages(self, table: Table, part: Slice, into: Path, before: int, done: Sequence[Page] = ()) -> Iterator[Page]:
        if table.via == "csv":
            return iter(
                [bulk(self.client, self._bulk_file(table), into, f"the bulk file of {table.id}")] if not done else []
            )
        first = f"{self.base}/{table.id}/Observations"
        if part.filter:
            first += f"?$filter={_quote(part.filter)}"
        return follow(
            self.client,
            first,
            into,
            before,
            done,
            lambda body: self._rebase(table, link(body.get("@odata.nextLink"), first)),
            f"the observations of {table.id}",
        )

    def _bulk_file(self, table: Table) -> str:
        """``…/odata/v1/CBS`` has its bulk files at ``…/csv/CBS/nl`` (Distributions in a table's Properties)."""
        address = re.sub(r"/odata/v\d+/(\w+)$", r"/csv/\1/nl", self.base)
        if address == self.base:
            raise FetchError(
                self.base, "an address that ends in /odata/v1/CBS, to derive that of the bulk files from", "another"
            )
        return f"{address}/{table.id}"

    def columns(self, metadata: Metadata) -> list[str]:
        return [*_ROW, *(d.key for d in metadata.dimensions)]

    def cell_url(self, table: Table, keys: dict[str, str], measure: str) -> str:
        where = " and ".join([f"Measure eq '{measure}'", *(f"startswith({k},'{v}')" for k, v in keys.items())])
        return f"{self.base}/{table.id}/Observations?$filter={_quote(where)}"

    def _list(self, table: Table, name: str, needed: bool = True) -> list[dict[str, Any]]:
        url: str | None = f"{self.base}/{table.id}/{name}"
        found: list[dict[str, Any]] = []
        seen: set[str] = set()
        try:
            while url:
                if url in seen:
                    raise LoopError(url, "a next link to a page not seen yet", "a loop")
                seen.add(url)
                body = self._json(url, f"metadata {name} of {table.id}")
                found += records(body, url, f"metadata {name} of {table.id}")
                url = self._rebase(table, link(body.get("@odata.nextLink"), url))
        except NotFoundError:
            if needed:
                raise
        return found

    def _json(self, url: str, expected: str) -> dict[str, Any]:
        def consume(response: requests.Response) -> dict[str, Any]:
            return document(whole(response, url, expected), url, expected)

        return self.client.read(requests.Request("GET", url).prepare(), consume, expected)

    def _rebase(self, table: Table, link: str | None) -> str | None:
        if not link:
            return None
        at = link.find(f"/{table.id}/")
        if at < 0:
            raise FetchError(link, f"a next link into {table.id}", "another address")
        return self.base + link[at:].replace(" ", "%20")


def _measures(codes: list[dict[str, Any]], groups: list[dict[str, Any]], url: str) -> Iterator[Measure]:
    by_id = {str(g.get("Id")): g for g in groups}
    for position, entry in enumerate(codes):
        path: list[str] = []
        group = by_id.get(str(entry.get("MeasureGroupId")))
        while group is not None and len(path) < 20:
            path.insert(0, clean(group.get("Title")))
            group = by_id.get(str(group.get("ParentId")))
        code = named(entry, "Identifier", url).strip()
        yield Measure(
            code=code,
            stem=code,
            title=clean(entry.get("Title")),
            path=" > ".join(path),
            unit=clean(entry.get("Unit")) or None,
            datatype=str(entry.get("DataType") or "Double"),
            decimals=entry.get("Decimals"),
            description=prose(entry.get("Description")),
            position=entry.get("Index") or position,
        )


def _quote(text: str) -> str:
    return quote(text, safe="$'(),")
