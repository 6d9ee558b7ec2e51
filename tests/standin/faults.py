"""What can go wrong on the way, to be switched on per table, resource and page.

A fault is one of three kinds: the connection breaks (``RESET``, ``REFUSE``, ``STALL``), another answer
comes than the one asked for (``SERVER_ERROR_503`` ...), or the answer looks right and is not
(``SHORT_PAGE`` ...). The last kind is made of the true page, so that nothing but the fault differs.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from enum import Enum

from tests.standin.answers import Host, Page, Target
from tests.standin.rows import dropped, encode, renamed, replaced
from tests.standin.v3 import V3Table


class Fault(Enum):
    """A way in which an answer fails. Named by what the client sees."""

    #: Headers and half of the body, then the connection is reset.
    RESET = "reset"
    #: The connection is taken and closed without a word.
    REFUSE = "refuse"
    #: Headers and half of the body, then nothing for ``seconds``, then the connection is reset.
    STALL = "stall"
    #: HTTP 503 with a page of HTML.
    SERVER_ERROR_503 = "server error 503"
    #: HTTP 429 with ``Retry-After: seconds``.
    TOO_MANY_429 = "too many 429"
    #: HTTP 503 with a page of HTML that says that it is gzip and is not, as some proxies give it.
    GZIP_IN_NAME_503 = "gzip in name 503"
    #: HTTP 503 whose page is shorter than its Content-Length says.
    SHORT_503 = "short 503"
    #: HTTP 503 whose page stops half-way for ``seconds``.
    STALL_503 = "stall 503"
    #: The answer with a byte-order mark in front.
    MARKED = "marked"
    #: The answer compressed, and no header that says so.
    GZIP_UNSAID = "gzip unsaid"
    #: The answer in UTF-16.
    UTF_16 = "utf-16"
    #: HTTP 403 with a page of HTML.
    FORBIDDEN_403 = "forbidden 403"
    #: HTTP 200 with a page of HTML, as a proxy or a maintenance page gives.
    HTML_200 = "html 200"
    #: HTTP 302 to a page of HTML.
    REDIRECT_HTML = "redirect html"
    #: HTTP 200 with nothing in it.
    EMPTY_200 = "empty 200"
    #: The first half of the JSON, with a Content-Length that agrees.
    JSON_CUT = "json cut"
    #: Content-Encoding gzip over damaged bytes, whatever the client accepts.
    GZIP_DAMAGED = "gzip damaged"
    #: The last ``rows`` rows of the page are missing; with ``keep_next_link`` the link to the next stays.
    SHORT_PAGE = "short page"
    #: The next link leads to the page itself, also on what should be the last page.
    LOOPING_NEXT_LINK = "looping next link"
    #: The page has rows of the page before it, as many as it should have. Never the first page.
    DUPLICATED_PAGE = "duplicated page"
    #: The table is published anew (``touch``) once this page was made.
    MODIFIED_HALFWAY = "modified halfway"
    #: v4: in ``rows`` rows the value is null, and the reason is 'None'.
    NULL_WITHOUT_REASON = "null without reason"
    #: All rows carry ``column`` under another name than the metadata says.
    ROW_KEY_RENAMED = "row key renamed"
    #: In ``rows`` rows the number in ``column`` is the text 'n.v.t.'.
    WRONG_TYPE = "wrong type"
    #: No row has ``column``.
    MISSING_COLUMN = "missing column"
    #: Nothing is wrong, but ``rows`` rows, from the middle on, have a line end inside that the others have not.
    UNEVEN_LAYOUT = "uneven layout"


#: What is done to a page of rows; without a resource of their own these rules skip a table's metadata.
ON_ROWS = frozenset(
    {
        Fault.SHORT_PAGE,
        Fault.LOOPING_NEXT_LINK,
        Fault.DUPLICATED_PAGE,
        Fault.MODIFIED_HALFWAY,
        Fault.NULL_WITHOUT_REASON,
        Fault.ROW_KEY_RENAMED,
        Fault.WRONG_TYPE,
        Fault.MISSING_COLUMN,
        Fault.UNEVEN_LAYOUT,
    }
)


@dataclass
class Rule:
    """A fault and when it strikes. ``None`` is any; for ``times`` it is for ever."""

    fault: Fault
    table_id: str | None = None
    resource: str | None = None
    page: int | None = None
    times: int | None = 1
    host: Host | None = None
    seconds: float | None = None
    rows: int = 1
    column: str | None = None
    keep_next_link: bool = True

    def strikes(self, target: Target) -> bool:
        if self.fault in ON_ROWS and self.resource is None and not target.is_data:
            return False
        if self.fault is Fault.DUPLICATED_PAGE and target.page == 1:
            return False
        return (
            self.times != 0
            and self.host in (None, target.host)
            and (self.table_id is None or self.table_id.lower() == (target.table_id or "").lower())
            and self.resource in (None, target.resource)
            and self.page in (None, target.page)
        )


class Plan:
    """The faults that are switched on; the first that fits a request strikes, and no other."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def add(self, rule: Rule) -> None:
        with self._lock:
            self._rules.append(rule)

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def strike(self, target: Target) -> Rule | None:
        """The rule that applies to a request, which counts as having been used."""
        with self._lock:
            rule = next((rule for rule in self._rules if rule.strikes(target)), None)
            if rule and rule.times is not None:
                rule.times -= 1
            return rule


def spoil(page: Page, rule: Rule) -> None:
    """Do to a page what the rule says."""
    lines = page.lines
    match rule.fault:
        case Fault.SHORT_PAGE:
            page.lines = lines[: max(0, len(lines) - rule.rows)]
            page.next_link = page.next_link if rule.keep_next_link else None
        case Fault.LOOPING_NEXT_LINK:
            page.next_link = page.own_link
        case Fault.DUPLICATED_PAGE:
            page.lines = page.previous()[: len(lines)]
        case Fault.MODIFIED_HALFWAY if page.table:
            page.table.touch()
        case Fault.NULL_WITHOUT_REASON:
            full = [at for at, line in enumerate(lines) if json.loads(line).get("Value") is not None]
            for at in full[: rule.rows]:
                lines[at] = replaced(lines[at], "Value", None)
        case Fault.WRONG_TYPE if column := rule.column or _column(page, numeric=True):
            lines[: rule.rows] = [replaced(line, column, "n.v.t.") for line in lines[: rule.rows]]
        case Fault.ROW_KEY_RENAMED if column := rule.column or _column(page):
            page.lines = renamed(lines, column, _other_name(column))
        case Fault.MISSING_COLUMN if column := rule.column or _column(page):
            page.lines = dropped(lines, column)
        case Fault.UNEVEN_LAYOUT:
            for at in range(len(lines) // 2, len(lines))[: rule.rows]:
                lines[at] = lines[at].replace(b",", b",\r\n", 1)


def damaged(compressed: bytes) -> bytes:
    """A gzip stream with wrong bytes in its middle and a checksum that no longer fits."""
    spoiled = bytearray(compressed)
    middle = len(spoiled) // 2
    for at in [*range(middle, min(middle + 8, len(spoiled))), len(spoiled) - 8]:
        spoiled[at] ^= 0xA5
    return bytes(spoiled)


def _column(page: Page, *, numeric: bool = False) -> str | None:
    """The column that a rule means when it names none: the first number, or else the last column."""
    if isinstance(page.table, V3Table):
        topics = [entry for entry in page.table.properties if entry["Type"] == "Topic"]
        figures = [topic["Key"] for topic in topics if topic["Datatype"] != "String"]
        present = [key for key in figures if page.lines and encode(key) + b":" in page.lines[0]]
        return (present[0] if numeric else present[-1]) if present else None
    names = list(json.loads(page.lines[0])) if page.lines else []
    return "Value" if numeric and "Value" in names else names[-1] if names else None


def _other_name(column: str) -> str:
    """The name one further, as when CBS renumbers: ``Koopwoningen_40`` becomes ``Koopwoningen_41``."""
    numbered = re.fullmatch(r"(.*_)(\d+)", column)
    return f"{numbered[1]}{int(numbered[2]) + 1}" if numbered else f"{column}_1"
