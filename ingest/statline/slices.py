"""Which part of a table is asked for, in filters that each service takes as they are meant.

CBS's services answer a filter that they do not understand with rows all the same, or with none, and HTTP 200: a v3 key of
the wrong width finds nothing, ``ge`` on wijken and buurten is ignored, a filter on a topic fails as «more than 10000
records» (measured by others, 2026). So a declared filter is looked at before it is sent, the regions of a scope become
filters of known weight, and every slice says which regions it may bring, so that an ignored filter shows.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from ingest.datacenter import here
from ingest.declaration import Table
from ingest.metadata import Dimension, Metadata
from ingest.scope import wanted
from ingest.statline.model import Slice

#: v4 takes 165 codes in a filter and refuses 180 («node count limit of '1000'»), and addresses up to some 6,000 characters.
MOST_CODES = 150
LONGEST_FILTER = 5_000

_OPERATORS = ("and", "or", "not", "eq", "ne", "gt", "ge", "lt", "le", "in", "true", "false", "null")
_FUNCTIONS = (
    "startswith",
    "endswith",
    "contains",
    "substringof",
    "tolower",
    "toupper",
    "trim",
    "length",
    "indexof",
    "concat",
)
_WORDS = frozenset([*_OPERATORS, *_FUNCTIONS])
_TEXT = re.compile(r"'(?:[^']|'')*'")
_EQUALS = re.compile(r"(?P<dimension>[A-Za-z_]\w*)(?P<between>\s+(?:eq|ne)\s+)'(?P<code>(?:[^']|'')*)'")
_RANGE = re.compile(r"(?P<dimension>[A-Za-z_]\w*)\s+(?:gt|ge|lt|le)\s")


class FilterError(ValueError):
    """A declared filter that the service would refuse, ignore, or answer with nothing."""


def regions_wanted(table: Table, metadata: Metadata) -> list[str] | None:
    """The regions of a table that its scope wants, in the table's own order; None where that is all of them."""
    dimension = metadata.dimension("region")
    if table.scope == "nederland" or dimension is None:
        return None
    codes = metadata.codes[dimension.key].code
    center = here()
    found = [code for code in codes if wanted(code, center)]
    return None if len(found) == len(codes) else found


def declared(
    table: Table, metadata: Metadata, raw_codes: dict[str, list[str]], unranged: Iterable[str] = ()
) -> str | None:
    """The declared filter as it must be sent: known dimensions only, literals as wide as the table's own keys.

    :param raw_codes: per dimension the keys as the service writes them, padding included.
    :param unranged: dimensions on which the service ignores ``gt ge lt le``.
    :raises FilterError: the service would not do what the filter says.
    """
    if table.filter is None:
        return None
    bare = _TEXT.sub("''", table.filter)
    dimensions = [d.key for d in metadata.dimensions]
    known = {*dimensions, *(("Measure",) if table.protocol == "v4" else ())}
    for name in re.findall(r"[A-Za-z_]\w*", bare):
        if name not in known and name not in _WORDS:
            raise FilterError(
                f"the filter {table.filter!r} names {name}, which is no dimension of the table ({', '.join(dimensions)}); "
                f"CBS refuses a filter on a topic. Mend `filter:` of {table.id} in {table.file}"
            )
    for match in _RANGE.finditer(bare):
        if match["dimension"] in set(unranged):
            raise FilterError(
                f"the filter {table.filter!r} asks for a range of {match['dimension']}, which the service ignores without "
                f"saying so; name the codes with eq or startswith. Mend `filter:` of {table.id} in {table.file}"
            )

    def fitted(match: re.Match[str]) -> str:
        keys = raw_codes.get(match["dimension"])
        code = match["code"].replace("''", "'").strip()
        if keys is None:
            return match[0]
        fitting = next((key for key in keys if key.strip() == code), None)
        if fitting is None:
            near = difflib.get_close_matches(code, [k.strip() for k in keys], n=3)
            raise FilterError(
                f"the filter {table.filter!r} asks for {match['dimension']} {code!r}, which the table does not have"
                + (f" (near it: {', '.join(near)})" if near else "")
                + f". Mend `filter:` of {table.id} in {table.file}"
            )
        return f"{match['dimension']}{match['between']}'{fitting.replace(chr(39), chr(39) * 2)}'"

    return _EQUALS.sub(fitted, table.filter)


def by_code(dimension: Dimension, keys: Sequence[str], also: str | None) -> Iterator[Slice]:
    """Slices that name every region: at most 150 codes each, and an address that the service takes.

    :param keys: the keys as the service writes them, padding included.
    :param also: a filter that holds besides.
    """
    terms: list[str] = []
    codes: list[str] = []
    length = 0
    for key in keys:
        term = f"{dimension.key} eq '{key}'"
        size = len(quote(f"{term} or ", safe="$'(),"))
        if terms and (len(terms) == MOST_CODES or length + size > LONGEST_FILTER):
            yield Slice(both(also, " or ".join(terms)), frozenset(codes))
            terms, codes, length = [], [], 0
        terms.append(term)
        codes.append(key.strip())
        length += size
    if terms:
        yield Slice(both(also, " or ".join(terms)), frozenset(codes))


def by_prefix(
    dimension: Dimension, wanted: Sequence[str], all_codes: Sequence[str], also: str | None
) -> Iterator[Slice]:
    """Slices that name regions by what their codes start with: few terms, whatever the width of the keys.

    A prefix is as short as it can be without bringing a region that is not wanted.
    """
    unwanted = set(all_codes) - set(wanted)
    prefixes: list[str] = []
    for code in sorted(wanted):
        if any(code.startswith(p) for p in prefixes):
            continue
        prefixes.append(
            next(
                code[:n]
                for n in range(2, len(code) + 1)
                if n == len(code) or not any(u.startswith(code[:n]) for u in unwanted)
            )
        )
    for at in range(0, len(prefixes), MOST_CODES):
        some = prefixes[at : at + MOST_CODES]
        terms = " or ".join(f"startswith({dimension.key},'{p}')" for p in some)
        yield Slice(both(also, terms), frozenset(c for c in wanted if c.startswith(tuple(some))))


def both(first: str | None, second: str) -> str:
    return f"({first}) and ({second})" if first else second
