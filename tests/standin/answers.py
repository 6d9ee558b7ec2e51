"""What both services share between a question and an answer: options, pages, errors, the layout of JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from tests.standin.filters import Filter, FilterError, parse
from tests.standin.rows import Rows, encode, projected
from tests.standin.table import Table

Host = Literal["v3", "v4", "third_party"]
#: v3 as CBS lays it out, v3 with ``value`` before the rest (as some recorded pages have it), v4.
Layout = Literal["v3", "v3 value first", "v4"]


class ServiceError(Exception):
    """The service answers with an error of its own, in its own form."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def invalid(why: str) -> ServiceError:
    """The refusal of a query option, as both services put it."""
    return ServiceError(400, f"The query specified in the URI is not valid. {why}")


@dataclass(frozen=True)
class Ask:
    """A request as the service reads it."""

    host: Host
    #: Scheme, name and port by which the client came.
    origin: str
    #: The path as it was sent; the next link repeats it.
    path: str
    #: The path, decoded and cut.
    segments: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    #: How many characters of path and query were sent.
    length: int = 0

    def option(self, name: str) -> str | None:
        return next((value for key, value in self.options if key == name), None)

    def number(self, name: str) -> int | None:
        """A query option that is a natural number.

        :raises ServiceError: when it is anything else.
        """
        text = self.option(name)
        if text is None:
            return None
        if not text.isdecimal():
            raise invalid(f"Invalid value '{text}' for {name}.")
        return int(text)

    @property
    def link(self) -> str:
        """Its own address."""
        return self.origin + self.path + ("?" + _query(self.options) if self.options else "")

    def link_after(self, shown: int) -> str:
        """The address of what comes after so many rows: the same question, with ``$skip`` at the end."""
        options = []
        for key, value in self.options:
            if key == "$top" and value.isdecimal():
                options.append((key, str(int(value) - shown)))
            elif key != "$skip":
                options.append((key, value))
        options.append(("$skip", str((self.number("$skip") or 0) + shown)))
        return f"{self.origin}{self.path}?{_query(options)}"


@dataclass
class Page:
    """A collection, or one page of it, before it is laid out."""

    layout: Layout
    context: str
    lines: list[bytes]
    table: Table | None = None
    count: int | None = None
    next_link: str | None = None
    #: The address of this very page.
    own_link: str = ""
    #: The rows of the page before this one.
    previous: Callable[[], list[bytes]] = field(default=list)

    def body(self) -> bytes:
        context, link = encode(self.context), encode(self.next_link)
        if self.layout == "v4":
            count = b"" if self.count is None else b',"@odata.count":%d' % self.count
            after = b"" if self.next_link is None else b',"@odata.nextLink":' + link
            return b'{"@odata.context":%b%b,"value":[%b]%b}' % (context, count, b",".join(self.lines), after)
        count = b"" if self.count is None else b',"odata.count":"%d"' % self.count
        after = b"" if self.next_link is None else b',"odata.nextLink":' + link
        if self.layout == "v3 value first":
            return b'{"value":[%b],"odata.metadata":%b%b%b}' % (b",".join(self.lines), context, count, after)
        head = b'{\r\n  "odata.metadata":%b%b,"value":[\r\n    ' % (context, count)
        rows = b",".join(b"{\r\n      %b\r\n    }" % line[1:-1] for line in self.lines)
        return b"%b%b\r\n  ]%b\r\n}" % (head, rows, after)


@dataclass(frozen=True)
class Document:
    """Any other answer."""

    body: bytes
    content_type: str


@dataclass(frozen=True)
class Target:
    """What a request is about, as faults and the request log name it."""

    host: Host
    #: As the client wrote it; None for the catalogue.
    table_id: str | None
    #: ``TypedDataSet``, ``TypedDataSet/$count``, ``Tables`` ...; empty for a service document.
    resource: str
    #: From 1; only rows have more than one.
    page: int = 1
    #: Whether these are the rows of a table, not its metadata.
    is_data: bool = False


def wanted(ask: Ask, version: int, node_limit: int) -> Filter | None:
    """The filter of a request, if there is one.

    :raises ServiceError: when it is not in the language, or weighs too much.
    """
    text = ask.option("$filter")
    if text is None or not text.strip():
        return None
    try:
        read = parse(text, version)
    except FilterError as error:
        raise invalid(str(error)) from None
    if read.nodes > node_limit:
        raise invalid(
            f"The node count limit of '{node_limit}' has been exceeded. To increase the limit, "
            "set the 'MaxNodeCount' property on EnableQueryAttribute or ODataValidationSettings."
        )
    return read


def matching(rows: Rows, condition: Filter | None) -> Sequence[int]:
    """The places of the rows that fulfil the condition.

    :raises ServiceError: when it compares what can't be compared.
    """
    try:
        return range(len(rows)) if condition is None else rows.matching(condition)
    except FilterError as error:
        raise invalid(str(error)) from None


def window(ask: Ask, indices: Sequence[int]) -> Sequence[int]:
    """What is left after ``$skip`` and ``$top``."""
    skip, top = ask.number("$skip") or 0, ask.number("$top")
    return indices[skip:] if top is None else indices[skip : skip + top]


def page_number(ask: Ask, page_size: int) -> int:
    text = ask.option("$skip") or ""
    return int(text) // page_size + 1 if text.isdecimal() else 1


def selected(ask: Ask, known: Sequence[str], of: str) -> list[str] | None:
    """The columns that ``$select`` names, or None for all of them.

    :raises ServiceError: when it names one that is not there.
    """
    text = ask.option("$select")
    if not text or text.strip() == "*":
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    require(names, known, of)
    return names


def require(names: Sequence[str], known: Sequence[str], of: str) -> None:
    """Refuse a column that is not there."""
    for name in names:
        if name not in known:
            raise invalid(f"Could not find a property named '{name}' on type '{of}'.")


def listing(ask: Ask, rows: Rows, of: str, version: int, node_limit: int) -> tuple[list[bytes], int]:
    """A metadata list after all options, and how many entries its filter left."""
    known = rows.names
    condition = wanted(ask, version, node_limit)
    if condition is not None and known:
        require(sorted(condition.columns), known, of)
    indices = matching(rows, condition)
    lines = [rows.lines[index] for index in window(ask, indices)]
    names = selected(ask, known, of) if known else None
    return (lines if names is None else projected(lines, names)), len(indices)


def _query(options: Sequence[tuple[str, str]]) -> str:
    """A query string as CBS writes it back: the ``$`` of an option stays, all else is escaped."""
    return "&".join(f"{quote(key, safe='$')}={quote(value, safe='')}" for key, value in options)
