"""Rows of JSON, kept as the bytes that go over the wire and looked into only when someone must.

A table of CBS may be 60 MB of JSON. A page of it is a slice of lines joined; one column is read, changed,
renamed or left out by finding its key in the line. That is safe because these rows are flat objects: inside
a JSON text a quote is escaped, so ``"Key":`` is found only where it is a key.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.standin.filters import Filter

_VALUE = rb'("(?:[^"\\]|\\.)*"|[^,{}\[\]"]+)'
_OUTSIDE_ASCII = re.compile(r"[^\x00-\x7f]")


def encode(value: Any) -> bytes:
    """JSON as CBS writes it: no blanks, and every character outside ASCII as an escape."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode("ascii")


class Rows:
    """A sequence of JSON objects that is never changed: an edit gives another that shares what it can."""

    def __init__(self, lines: Sequence[bytes], known: Sequence[Mapping[str, Any]] | None = None) -> None:
        self.lines = lines
        self._known = known
        self._columns: dict[str, list[Any]] = {}

    @classmethod
    def of(cls, objects: Iterable[Mapping[str, Any]]) -> Rows:
        """Rows of these objects; needed where values are lists or objects themselves."""
        known = list(objects)
        return cls([encode(row) for row in known], known)

    @classmethod
    def load(cls, path: Path) -> Rows:
        """Read a gzipped file with one JSON object a line, without blanks around its colons and commas."""
        text = gzip.decompress(path.read_bytes())
        if not text.isascii():
            text = _OUTSIDE_ASCII.sub(_escape, text.decode("utf-8")).encode("ascii")
        return cls(text.splitlines())

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def names(self) -> list[str]:
        """The names of the columns, as they turn up; of rows that are not parsed, those of the first."""
        if self._known is None:
            return list(json.loads(self.lines[0])) if self.lines else []
        return list(dict.fromkeys(name for row in self._known for name in row))

    def objects(self, indices: Iterable[int] | None = None) -> Iterator[dict[str, Any]]:
        """The rows, parsed: all of them, or those at these places."""
        lines = self.lines if indices is None else (self.lines[index] for index in indices)
        return (json.loads(line) for line in lines)

    def column(self, name: str) -> list[Any]:
        """The values of one column; ``None`` where a row lacks it."""
        if name not in self._columns:
            if self._known is not None:
                self._columns[name] = [row.get(name) for row in self._known]
            else:
                find = _finder(name).search
                hits = map(find, self.lines)
                self._columns[name] = [json.loads(hit[1]) if hit else None for hit in hits]
        return self._columns[name]

    def matching(self, wanted: Filter) -> Sequence[int]:
        """The places of the rows that a filter lets through."""
        names = sorted(wanted.columns)
        test = wanted.over(names)
        if not names:
            return range(len(self)) if test(()) else []
        columns = [self.column(name) for name in names]
        return [index for index, row in enumerate(zip(*columns, strict=True)) if test(row)]

    # -- edits -------------------------------------------------------------------------------------

    def with_values(
        self,
        name: str,
        change: Callable[[Any], Any],
        indices: Iterable[int] | None = None,
    ) -> Rows:
        """Another value in one column, of all rows or of those at these places."""
        find = _finder(name).search
        lines = list(self.lines)
        for index in range(len(lines)) if indices is None else indices:
            line = lines[index]
            if hit := find(line):
                lines[index] = line[: hit.start(1)] + encode(change(json.loads(hit[1]))) + line[hit.end(1) :]
        return Rows(lines)

    def with_column(self, name: str, values: Iterable[Any]) -> Rows:
        """One more column, at the end of each row."""
        key = b"," + encode(name) + b":"
        pairs = zip(self.lines, values, strict=True)
        return Rows([line[:-1] + key + encode(value) + b"}" for line, value in pairs])

    def without_column(self, name: str) -> Rows:
        """The rows without a column; never the first one of a row."""
        return Rows(dropped(self.lines, name))

    def renamed(self, old: str, new: str) -> Rows:
        return Rows(renamed(self.lines, old, new))

    def without(self, indices: Iterable[int]) -> Rows:
        gone = set(indices)
        return Rows([line for index, line in enumerate(self.lines) if index not in gone])

    def followed_by(self, objects: Iterable[Mapping[str, Any]]) -> Rows:
        return Rows([*self.lines, *(encode(row) for row in objects)])


def projected(lines: Iterable[bytes], names: Sequence[str]) -> list[bytes]:
    """Lines of only these columns, in the order in which each row has them."""
    wanted = frozenset(names)
    rows = map(json.loads, lines)
    return [encode({key: value for key, value in row.items() if key in wanted}) for row in rows]


def renamed(lines: Iterable[bytes], old: str, new: str) -> list[bytes]:
    """Lines in which one key is written otherwise."""
    before, after = encode(old) + b":", encode(new) + b":"
    return [line.replace(before, after, 1) for line in lines]


def dropped(lines: Iterable[bytes], name: str) -> list[bytes]:
    """Lines without one key, which is not the first."""
    gone = re.compile(b"," + re.escape(encode(name)) + b":" + _VALUE)
    return [gone.sub(b"", line, count=1) for line in lines]


def replaced(line: bytes, name: str, value: Any) -> bytes:
    """The line with another value under this key; unchanged when it has no such key."""
    return _finder(name).sub(lambda hit: encode(name) + b":" + encode(value), line, count=1)


def _finder(name: str) -> re.Pattern[bytes]:
    return re.compile(re.escape(encode(name)) + b":" + _VALUE)


def _escape(hit: re.Match[str]) -> str:
    return json.dumps(hit[0])[1:-1]
