"""The OData v4 service: the catalogue of datasets, a dataset's metadata and observations, and the bulk file.

Identifiers are case-sensitive, ``$orderby`` is taken and ignored, a list of metadata comes in one answer
whatever its length, and observations come in pages of so many cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.standin.answers import (
    Ask,
    Document,
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
from tests.standin.v4 import BASE, FIXED, V4Table

_OBSERVATION = "Cbs.Ccb.Models.Observation"
_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8"


@dataclass
class V4Service:
    """The host of the v4 services; only the catalog CBS is there."""

    tables: Callable[[], Mapping[str, V4Table]]
    page_size: int
    node_limit: int
    #: The longest address (path and query) that is taken; longer is answered with HTTP 414.
    address_limit: int

    def target(self, ask: Ask) -> Target | None:
        """What is asked for; None when the address is of another service."""
        match ask.segments:
            case ("odata", "v1", "CBS"):
                return Target("v4", None, "")
            case ("odata", "v1", "CBS", name, *rest) if name == "Datasets" or name.startswith("Datasets("):
                return Target("v4", None, "/".join([name, *rest]))
            case ("odata", "v1", "CBS", table_id, *rest):
                resource = "/".join(rest)
                is_data = resource == "Observations"
                page = page_number(ask, self.page_size) if is_data else 1
                return Target("v4", table_id, resource, page, is_data)
            case ("csv", "CBS", _, table_id):
                return Target("v4", table_id, "csv")
        return None

    def answer(self, ask: Ask, target: Target) -> Page | Document:
        """:raises ServiceError: when the service would answer with an error."""
        if ask.length > self.address_limit:
            raise ServiceError(414, "The request address is too long.")
        root = f"{ask.origin}/odata/v1/CBS"
        if target.table_id is None:
            return self._catalogue(ask, target.resource, f"{root}/$metadata")
        table = self.tables().get(target.table_id)
        if table is None:
            raise ServiceError(404, f"The dataset '{target.table_id}' was not found.")
        with table.lock:
            context = f"{root}/{table.id}/$metadata"
            match target.resource:
                case "csv":
                    return Document(table.csv(), "text/csv; charset=utf-8")
                case "":
                    entries = [
                        {
                            "name": name,
                            "kind": "Singleton" if name == "Properties" else "EntitySet",
                            "url": name,
                        }
                        for name in table.resources
                    ]
                    return Page("v4", context, list(Rows.of(entries).lines), table)
                case "Properties":
                    return _entity(table.properties, f"{context}#Properties", ask.origin)
                case "Observations":
                    return self._observations(ask, table, f"{context}#Observations")
                case "Observations/$count":
                    return Document(b"%d" % len(self._rows_asked(ask, table)), _TEXT)
            name, _, of_list = target.resource.partition("/")
            rows = table.metadata(name)
            if rows is None or of_list not in ("", "$count"):
                raise ServiceError(404, f"Resource not found for the segment '{target.resource}'.")
            return self._list(ask, rows, f"{context}#{name}", table, only_count=of_list == "$count")

    def error(self, refused: ServiceError) -> Document:
        return Document(encode({"error": {"code": "", "message": str(refused)}}), _JSON)

    # -- inside ------------------------------------------------------------------------------------

    def _catalogue(self, ask: Ask, resource: str, context: str) -> Page | Document:
        if resource == "":
            entry = {"name": "Datasets", "kind": "EntitySet", "url": "Datasets"}
            return Page("v4", context, list(Rows.of([entry]).lines))
        if resource.startswith("Datasets('") and resource.endswith("')"):
            table = self.tables().get(resource[len("Datasets('") : -len("')")])
            if table is None:
                raise ServiceError(404, f"Resource not found for the segment '{resource}'.")
            return _entity(table.catalogue_entry(), f"{context}#Datasets/$entity", ask.origin)
        if resource not in ("Datasets", "Datasets/$count"):
            raise ServiceError(404, f"Resource not found for the segment '{resource}'.")
        rows = Rows.of(table.catalogue_entry() for table in self.tables().values())
        return self._list(ask, rows, f"{context}#Datasets", None, only_count=resource.endswith("$count"))

    def _list(
        self,
        ask: Ask,
        rows: Rows,
        context: str,
        table: V4Table | None,
        *,
        only_count: bool,
    ) -> Page | Document:
        lines, count = listing(ask, rows, context.rpartition("#")[2], 4, self.node_limit)
        if only_count:
            return Document(b"%d" % count, _TEXT)
        lines = [_here(line, ask.origin) for line in lines]
        return Page("v4", _with_select(context, ask), lines, table, _count(ask, count), own_link=ask.link)

    def _observations(self, ask: Ask, table: V4Table, context: str) -> Page:
        indices = self._rows_asked(ask, table)
        asked = window(ask, indices)
        names = selected(ask, [*FIXED, *table.dimensions], _OBSERVATION)
        rows = table.rows

        def lines(places: Sequence[int]) -> list[bytes]:
            chosen = table.padded([rows.lines[place] for place in places])
            return chosen if names is None else projected(chosen, names)

        start = ask.number("$skip") or 0
        return Page(
            "v4",
            _with_select(context, ask),
            lines(asked[: self.page_size]),
            table,
            count=_count(ask, len(indices)),
            next_link=ask.link_after(self.page_size) if len(asked) > self.page_size else None,
            own_link=ask.link,
            previous=lambda: lines(indices[max(0, start - self.page_size) : start]),
        )

    def _rows_asked(self, ask: Ask, table: V4Table) -> Sequence[int]:
        condition = wanted(ask, 4, self.node_limit)
        if condition is not None:
            require(sorted(condition.columns), [*FIXED, *table.dimensions], _OBSERVATION)
            if table.padded_regions:
                condition = condition.trimming_literals()
        return matching(table.rows, condition)


def _entity(fields: Mapping[str, object], context: str, origin: str) -> Document:
    return Document(_here(encode({"@odata.context": context, **fields}), origin), _JSON)


def _count(ask: Ask, count: int) -> int | None:
    return count if ask.option("$count") == "true" else None


def _with_select(context: str, ask: Ask) -> str:
    names = ask.option("$select")
    return f"{context}({names})" if names else context


def _here(line: bytes, origin: str) -> bytes:
    """Metadata whose addresses of CBS's services are the stand-in's own."""
    for path in ("/odata/v1/", "/csv/"):
        line = line.replace(f"{BASE}{path}".encode(), f"{origin}{path}".encode())
    return line
