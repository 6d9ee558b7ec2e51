"""The OData v3 service: catalogue, feed and API, and the ways in which CBS's own is unlike the standard.

- A filter literal is compared with the padded key: of the wrong width it finds nothing, with HTTP 200.
- ``gt ge lt le`` on a dimension of wijken en buurten is ignored, with HTTP 200; on other dimensions it works.
- A filter on a topic is answered with HTTP 500, and so is a question to the API that 10,000 rows can't
  answer.
- ODataFeed answers in pages; the next link repeats the path as the client wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.standin.answers import (
    Ask,
    Document,
    Layout,
    Page,
    ServiceError,
    Target,
    listing,
    matching,
    page_number,
    require,
    selected,
    wanted,
    window,
)
from tests.standin.rows import Rows, encode, projected
from tests.standin.v3 import V3Table

DATA = ("TypedDataSet", "UntypedDataSet")
#: Where recorded metadata points to; what is served points to the stand-in instead.
_ADDRESSES = tuple(
    f"{scheme}://{host}.cbs.nl/{service}".encode()
    for scheme in ("https", "http")
    for host in ("opendata", "dataderden")
    for service in ("ODataApi", "ODataFeed", "ODataCatalog")
)


@dataclass
class V3Service:
    """One host of the v3 kind: CBS's own, or that of the third parties."""

    tables: Callable[[], Mapping[str, V3Table]]
    page_size: int
    api_limit: int
    node_limit: int
    value_first: bool

    def target(self, ask: Ask) -> Target | None:
        """What is asked for; None when the address is of another service."""
        match [segment.lower() for segment in ask.segments]:
            case ["odatacatalog", *_]:
                return Target(ask.host, None, "/".join(ask.segments[1:]))
            case ["odatafeed" | "odataapi", "odata", _, *_]:
                resource = "/".join(ask.segments[3:])
                is_data = resource in DATA
                page = page_number(ask, self.page_size) if is_data else 1
                return Target(ask.host, ask.segments[2], resource, page, is_data)
        return None

    def answer(self, ask: Ask, target: Target) -> Page | Document:
        """:raises ServiceError: when the service would answer with an error."""
        if target.table_id is None:
            return self._catalogue(ask, target.resource)
        table = self.table(target.table_id)
        if table is None:
            raise ServiceError(404, f"No table with identifier '{target.table_id}' was found.")
        with table.lock:
            service = "ODataApi" if ask.segments[0].lower() == "odataapi" else "ODataFeed"
            context = f"{ask.origin}/{service}/OData/{table.id}/$metadata"
            if target.resource == "":
                root = ask.origin + ask.path.rstrip("/")
                entries = [{"name": name, "url": f"{root}/{name}"} for name in table.resources]
                return Page(self._layout, context, list(Rows.of(entries).lines), table)
            context += f"#Cbs.OData.WebAPI.{target.resource}"
            if target.is_data:
                return self._data(ask, table, target.resource, context, limited=service == "ODataApi")
            name, _, of_list = target.resource.partition("/")
            if of_list == "$count" and name in DATA:
                return Document(b"%d" % len(self._rows_asked(ask, table)), "text/plain; charset=utf-8")
            return self._list(ask, table.metadata(target.resource), target.resource, context, table)

    def table(self, table_id: str) -> V3Table | None:
        """The table of this identifier, whatever its case."""
        return next((table for key, table in self.tables().items() if key.lower() == table_id.lower()), None)

    def error(self, refused: ServiceError) -> Document:
        message = {"lang": "en-US", "value": str(refused)}
        body = encode({"odata.error": {"code": "", "message": message}})
        return Document(body, "application/json; charset=utf-8")

    # -- inside ------------------------------------------------------------------------------------

    @property
    def _layout(self) -> Layout:
        return "v3 value first" if self.value_first else "v3"

    def _catalogue(self, ask: Ask, resource: str) -> Page:
        context = f"{ask.origin}/ODataCatalog/$metadata"
        if resource == "":
            entry = {"name": "Tables", "url": f"{ask.origin}/ODataCatalog/Tables"}
            return Page(self._layout, context, list(Rows.of([entry]).lines))
        tables = enumerate(self.tables().values())
        entries = Rows.of(table.catalogue_entry(number) for number, table in tables)
        rows = entries if resource == "Tables" else None
        return self._list(ask, rows, resource, f"{context}#{resource}", None)

    def _list(self, ask: Ask, rows: Rows | None, resource: str, context: str, table: V3Table | None) -> Page:
        if rows is None:
            raise ServiceError(404, f"Resource not found for the segment '{resource}'.")
        lines, count = listing(ask, rows, f"Cbs.OData.WebAPI.{resource}", 3, self.node_limit)
        lines = [_here(line, ask.origin) for line in lines]
        shown = count if ask.option("$inlinecount") == "allpages" else None
        return Page(self._layout, _with_select(context, ask), lines, table, shown, own_link=ask.link)

    def _data(self, ask: Ask, table: V3Table, resource: str, context: str, *, limited: bool) -> Page:
        indices = self._rows_asked(ask, table)
        asked = window(ask, indices)
        if limited and len(asked) > self.api_limit:
            raise self._too_many()
        size = len(asked) if limited else self.page_size
        names = selected(ask, ["ID", *table.dimensions, *table.measures], f"Cbs.OData.WebAPI.{resource}")
        rows = table.rows

        def lines(places: Sequence[int]) -> list[bytes]:
            chosen = [rows.lines[place] for place in places]
            chosen = chosen if names is None else projected(chosen, names)
            return table.untyped(chosen) if resource == "UntypedDataSet" else chosen

        start = ask.number("$skip") or 0
        return Page(
            self._layout,
            _with_select(context, ask),
            lines(asked[:size]),
            table,
            count=len(indices) if ask.option("$inlinecount") == "allpages" else None,
            next_link=ask.link_after(size) if len(asked) > size else None,
            own_link=ask.link,
            previous=lambda: lines(indices[max(0, start - size) : start]),
        )

    def _rows_asked(self, ask: Ask, table: V3Table) -> Sequence[int]:
        condition = wanted(ask, 3, self.node_limit)
        if condition is not None:
            dimensions, topics = table.dimensions, table.measures
            require(sorted(condition.columns), ["ID", *dimensions, *topics], "Cbs.OData.WebAPI.TypedDataSet")
            if condition.columns & set(topics):
                raise self._too_many()
            details = [entry["Key"] for entry in table.properties if entry["Type"] == "GeoDetail"]
            condition = condition.ignoring_ranges(details)
        return matching(table.rows, condition)

    def _too_many(self) -> ServiceError:
        return ServiceError(500, f"The query returns more than {self.api_limit} records.")


def _with_select(context: str, ask: Ask) -> str:
    names = ask.option("$select")
    return f"{context}&$select={names}" if names else context


def _here(line: bytes, origin: str) -> bytes:
    """Metadata whose addresses of CBS's services are the stand-in's own."""
    if b".cbs.nl/OData" in line:
        for address in _ADDRESSES:
            line = line.replace(address, f"{origin}/{address.rpartition(b'/')[2].decode()}".encode())
    return line
