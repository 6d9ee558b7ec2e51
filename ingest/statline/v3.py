"""CBS's OData v3 service (opendata.cbs.nl; third parties at dataderden.cbs.nl).

Catalogue and metadata come through the ``cbsodata`` package; rows come from the Feed with ``requests``, because
cbsodata holds a whole table in memory and takes a short page for the last one. How the service behaves:
https://www.cbs.nl/nl-nl/onze-diensten/open-data/statline-als-open-data
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import cbsodata.cbsodata3 as cbsodata
import orjson
import requests

from ingest.declaration import Table
from ingest.http import Client, FetchError, LoopError, NotFoundError, whole
from ingest.metadata import Codes, Dimension, Measure, Metadata
from ingest.received import Page
from ingest.statline.answer import counted, document, link, moment, named, records
from ingest.statline.model import SUFFIX, Head, Slice, clean, code_list, infer_region, integer, prose
from ingest.statline.page import follow
from ingest.statline.slices import by_code, declared, regions_wanted

_KIND = {"GeoDimension": "region", "GeoDetail": "region", "TimeDimension": "time", "Dimension": "other"}
#: The fields of a catalogue entry that move when CBS publishes a new version of figures or metadata.
_STAMP = ("Modified", "MetaDataModified", "Updated", "RecordCount", "ColumnCount", "Period", "OutputStatus")


class V3:
    """One v3 host."""

    layout = "wide"

    def __init__(self, base: str, client: Client) -> None:
        self.base = base
        self.client = client

    # -- metadata, through cbsodata -----------------------------------------------------------------------------------

    def head(self, table: Table) -> Head:
        source = f"{self.base}/ODataCatalog/Tables"
        entry = self._catalogue_entry(table)
        if entry is None:
            found = self._meta(table, "TableInfos")
            if not found:
                raise NotFoundError(self._resource(table, "TableInfos"), "one row of table information", "none")
            entry = found[0]
        return Head(
            table_id=table.id,
            title=clean(entry.get("Title") or entry.get("ShortTitle")),
            modified=moment(entry.get("Modified") or entry.get("Updated"), source, "Modified"),
            stamp={key: str(entry[key]) for key in _STAMP if entry.get(key) is not None},
            count=counted(entry.get("RecordCount"), source, "RecordCount"),
            count_source=f"{source} (RecordCount)",
            period_text=clean(entry.get("Period")),
        )

    def metadata(self, table: Table) -> Metadata:
        properties = self._meta(table, "DataProperties")
        if not any(p.get("Type") == "Topic" for p in properties):
            raise FetchError(self._resource(table, "DataProperties"), "at least one topic (a column)", "none")
        info = self._meta(table, "TableInfos")
        raw: dict[str, Any] = {"TableInfos": info, "DataProperties": properties}
        raw["CategoryGroups"] = self._meta(table, "CategoryGroups")

        dimensions: list[Dimension] = []
        codes: dict[str, Codes] = {}
        for prop in properties:
            if prop.get("Type") not in _KIND:
                continue
            key = named(prop, "Key", self._resource(table, "DataProperties"))
            raw[key] = self._meta(table, key)
            dimensions.append(Dimension(key, _KIND[prop["Type"]], clean(prop.get("Title")), prop.get("Position") or 0))
            codes[key] = code_list(raw[key], "Key", "CategoryGroupID", self._resource(table, key))
        return Metadata(
            dimensions=tuple(infer_region(dimensions, codes)),
            codes=codes,
            measures=tuple(_measures(properties, self._resource(table, "DataProperties"))),
            info=info[0] if info else {},
            raw=raw,
        )

    def _catalogue_entry(self, table: Table) -> dict[str, Any] | None:
        url = f"{self.base}/ODataCatalog/Tables"
        try:
            with _contained(self.client, url, "the catalogue entry of " + table.id) as host:
                entries = cbsodata.get_table_list(filters=f"Identifier eq '{table.id}'", catalog_url=host)
        except NotFoundError:
            return None
        return next((e for e in entries if str(e.get("Identifier", "")).strip() == table.id), None)

    def _meta(self, table: Table, name: str) -> list[dict[str, Any]]:
        with _contained(self.client, self._resource(table, name), f"metadata {name} of {table.id}") as host:
            return cbsodata.get_meta(table.id, name, catalog_url=host)

    # -- rows, from the Feed ------------------------------------------------------------------------------------------

    def slices(self, table: Table, metadata: Metadata) -> list[Slice]:
        """Regions by code, as wide as the table's own keys: a key of the wrong width finds nothing."""
        raw = {d.key: [str(entry["Key"]) for entry in metadata.raw[d.key]] for d in metadata.dimensions}
        details = [p["Key"] for p in metadata.raw["DataProperties"] if p.get("Type") == "GeoDetail"]
        also = declared(table, metadata, raw, unranged=details)
        dimension, wanted = metadata.dimension("region"), regions_wanted(table, metadata)
        if dimension is None or wanted is None:
            return [Slice(also)]
        chosen = set(wanted)
        return list(by_code(dimension, [k for k in raw[dimension.key] if k.strip() in chosen], also))

    def count(self, table: Table, head: Head, part: Slice) -> tuple[int, str]:
        if part.filter is None and head.count is not None:
            return head.count, head.count_source
        url = self._resource(table, "TypedDataSet/$count") + (f"?$filter={_quote(part.filter)}" if part.filter else "")
        return integer(self.client.text(url, "a number of rows"), url), url

    def pages(self, table: Table, part: Slice, into: Path, before: int, done: Sequence[Page] = ()) -> Iterator[Page]:
        first = self._resource(table, "TypedDataSet") + "?$format=json"
        if part.filter:
            first += f"&$filter={_quote(part.filter)}"
        rebase, what = self._rebase, f"the rows of {table.id}"
        return follow(
            self.client, first, into, before, done, lambda body: rebase(link(body.get("odata.nextLink"), first)), what
        )

    def columns(self, metadata: Metadata) -> list[str]:
        return ["ID", *(d.key for d in metadata.dimensions), *(m.code for m in metadata.measures)]

    def cell_url(self, table: Table, keys: dict[str, str], measure: str) -> str:
        select = ",".join([*keys, measure])
        where = " and ".join(f"startswith({key},{_literal(code)})" for key, code in keys.items())
        return self._resource(table, "TypedDataSet") + f"?$filter={_quote(where)}&$select={select}&$format=json"

    def _resource(self, table: Table, name: str) -> str:
        return f"{self.base}/ODataFeed/odata/{table.id}/{name}"

    def _rebase(self, link: str | None) -> str | None:
        """The next link on the host that we were told to use: a mirror answers with the original's address."""
        if not link:
            return None
        at = link.lower().find("/odatafeed/")
        if at < 0:
            raise FetchError(link, "a next link into the ODataFeed", "another address")
        return self.base + link[at:].replace(" ", "%20")


def _measures(properties: list[dict[str, Any]], url: str) -> Iterator[Measure]:
    by_id = {p.get("ID"): p for p in properties}
    for prop in properties:
        if prop.get("Type") != "Topic":
            continue
        path: list[str] = []
        parent = by_id.get(prop.get("ParentID"))
        while parent is not None and len(path) < 20:
            path.insert(0, clean(parent.get("Title")))
            parent = by_id.get(parent.get("ParentID"))
        key = named(prop, "Key", url)
        found = SUFFIX.match(key)
        yield Measure(
            code=key,
            stem=found["stem"] if found else key,
            title=clean(prop.get("Title")),
            path=" > ".join(path),
            unit=clean(prop.get("Unit")) or None,
            datatype=str(prop.get("Datatype") or "Double"),
            decimals=prop.get("Decimals"),
            description=prose(prop.get("Description")),
            position=prop.get("Position") or 0,
        )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quote(text: str) -> str:
    return quote(text, safe="$'(),")


# -- cbsodata, contained ----------------------------------------------------------------------------------------------

_turn = threading.Condition()
_users = 0
_scheme = ""


class _PoliteSession:
    """Stands where cbsodata opens a session per page: same ``send``, but with our time-outs, retries and limits."""

    def __init__(self, client: Client, host: dict[str, str], expected: str, seen: set[str]) -> None:
        self._client, self._host, self._expected, self._seen = client, host, expected, seen

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
        # A next link may name the public host, or any other: what is asked is the host that we were told to use.
        url = request.url = urlunsplit(urlsplit(str(request.url))._replace(**self._host))
        if url in self._seen:
            raise LoopError(url, "a next link to a page not seen yet", "a loop")
        self._seen.add(url)

        def consume(response: requests.Response) -> requests.Response:
            body = whole(response, url, self._expected)
            found = document(body, url, self._expected)
            records(found, url, self._expected)
            if link(found.get("odata.nextLink"), url) is None:
                found.pop("odata.nextLink", None)
            response._content = orjson.dumps(found)  # what cbsodata reads: checked, and without a mark
            response.encoding = "utf-8"
            return response

        return self._client.read(request, consume, self._expected)


_local = threading.local()


def _session() -> _PoliteSession:
    return _PoliteSession(*_local.asking)


@contextmanager
def _contained(client: Client, url: str, expected: str) -> Iterator[str]:
    """Point cbsodata at the host of ``url`` for one call; yields the host as cbsodata wants it.

    Its options and its session are globals of the module. Calls with the same scheme run side by side, calls with
    another wait; when the last one leaves, the module is as it was found.
    """
    global _users, _scheme
    parts = urlsplit(url)
    prefix = url.split("://", 1)[1]
    host = prefix[: prefix.index("/OData")]
    with _turn:
        _turn.wait_for(lambda: _users == 0 or _scheme == parts.scheme)
        if _users == 0:
            _scheme = parts.scheme
            _found.update(use_https=cbsodata.options.use_https, session=cbsodata.Session)
            cbsodata.options.use_https = parts.scheme == "https"
            cbsodata.Session = _session
        _users += 1
    _local.asking = (client, {"scheme": parts.scheme, "netloc": parts.netloc}, expected, set())
    try:
        yield host
    finally:
        del _local.asking
        with _turn:
            _users -= 1
            if _users == 0:
                cbsodata.options.use_https = _found["use_https"]
                cbsodata.Session = _found["session"]
                _turn.notify_all()


_found: dict[str, Any] = {}
