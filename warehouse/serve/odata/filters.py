"""``$filter`` of OData v3 and v4, read into SQL with parameters.

A parser of our own: what is kept well elsewhere reads names that begin with ``all`` or ``any`` as operators (Dutch indicators
do begin so) and does not know v3's ``substringof``. Nothing of the text gets into SQL but as a parameter: columns are looked
up, operators and functions are those of the tables below.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: What a filter may weigh: names, values, operators and functions, each one.
MOST_NODES = 1000
_DEEPEST = 50

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^']|'')*')
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[lLmMfFdD]?(?!\w))
    | (?P<name>[A-Za-z_]\w*)
    | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)
_COMPARISONS = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
#: Function → kinds of its arguments, its own kind, and its SQL.
_FUNCTIONS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "startswith": (("text", "text"), "truth", "starts_with({0}, {1})"),
    "endswith": (("text", "text"), "truth", "ends_with({0}, {1})"),
    "contains": (("text", "text"), "truth", "contains({0}, {1})"),
    "substringof": (("text", "text"), "truth", "contains({1}, {0})"),
    "tolower": (("text",), "text", "lower({0})"),
    "toupper": (("text",), "text", "upper({0})"),
    "trim": (("text",), "text", "trim({0})"),
    "length": (("text",), "number", "length({0})"),
    "indexof": (("text", "text"), "number", "(strpos({0}, {1}) - 1)"),
    # The first sign is at 0; a place or a length beyond the text gives what is there.
    "substring": (("text", "number", "number"), "text", "substring({0}, {1}, {2})"),
    "concat": (("text", "text"), "text", "concat({0}, {1})"),
    "round": (("number",), "number", "round({0})"),
    "floor": (("number",), "number", "floor({0})"),
    "ceiling": (("number",), "number", "ceil({0})"),
}


#: The same with fewer arguments.
_SHORTER = {"substring": (("text", "number"), "text", "substring({0}, {1})")}


class FilterError(ValueError):
    """A filter that can't be used; the message says what and where."""


@dataclass(frozen=True)
class Field:
    """What a name stands for.

    :param kind: ``text`` or ``number``.
    """

    sql: str
    kind: str


@dataclass(frozen=True)
class _Node:
    sql: str
    kind: str


def to_sql(text: str, fields: Mapping[str, Field], parameters: list[Any]) -> str:
    """A condition in SQL; its values are added to ``parameters``.

    Trailing blanks of a text don't matter: StatLine pads its codes, we don't, and a filter written for one must do for both.

    :raises FilterError: it is not in the language, names a column that is not there, or weighs too much.
    """
    return _Parser(text, fields, parameters).whole()


class _Parser:
    def __init__(self, text: str, fields: Mapping[str, Field], parameters: list[Any]) -> None:
        self.text, self.fields, self.parameters = text, fields, parameters
        self.tokens: list[tuple[str, str, int]] = []
        self.at = self.nodes = self.depth = 0
        position = 0
        while text[position:].strip():
            found = _TOKEN.match(text, position)
            if not found:
                raise self.wrong(position)
            kind = str(found.lastgroup)
            self.tokens.append((kind, found[kind], found.start(kind)))
            if len(self.tokens) > 8 * MOST_NODES:
                raise FilterError("Het filter is te lang.")
            position = found.end()

    def whole(self) -> str:
        node = self.either()
        if self.at < len(self.tokens):
            raise self.wrong(self.tokens[self.at][2])
        return self.of_kind(node, "truth").sql

    def either(self) -> _Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise FilterError(f"Het filter gaat meer dan {_DEEPEST} haakjes diep.")
        parts = [self.both()]
        while self.take("name", "or"):
            parts.append(self.both())
        self.depth -= 1
        return self.joined("or", parts)

    def both(self) -> _Node:
        parts = [self.comparison()]
        while self.take("name", "and"):
            parts.append(self.comparison())
        return self.joined("and", parts)

    def joined(self, word: str, parts: list[_Node]) -> _Node:
        if len(parts) == 1:
            return parts[0]
        return _Node("(" + f" {word} ".join(self.of_kind(p, "truth").sql for p in parts) + ")", "truth")

    def comparison(self) -> _Node:
        left = self.value()
        kind, word, _ = self.peek()
        if kind == "name" and word == "in":
            self.at += 1
            return self.among(left)
        if kind != "name" or word not in _COMPARISONS:
            return left
        self.at += 1
        right = self.value()
        if "null" in (left.kind, right.kind):
            if word not in ("eq", "ne"):
                raise FilterError("Met null is alleen eq en ne te vergelijken.")
            same = "is not distinct from" if word == "eq" else "is distinct from"
            return _Node(f"({left.sql} {same} {right.sql})", "truth")
        if left.kind != right.kind:
            raise FilterError(f"Een {_DUTCH[left.kind]} en een {_DUTCH[right.kind]} zijn niet te vergelijken ({word}).")
        return _Node(f"({left.sql} {_COMPARISONS[word]} {right.sql})", "truth")

    def among(self, left: _Node) -> _Node:
        self.expect("(")
        items = [self.of_kind(self.value(), left.kind).sql]
        while self.take("mark", ","):
            items.append(self.of_kind(self.value(), left.kind).sql)
        self.expect(")")
        return _Node(f"({left.sql} in ({', '.join(items)}))", "truth")

    def value(self) -> _Node:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise FilterError(f"Het filter heeft meer dan {MOST_NODES} delen.")
        if self.take("name", "not"):
            self.depth += 1
            if self.depth > _DEEPEST:
                raise FilterError(f"Het filter gaat meer dan {_DEEPEST} haakjes diep.")
            inner = self.of_kind(self.value(), "truth")
            self.depth -= 1
            return _Node(f"(not {inner.sql})", "truth")
        if self.take("mark", "("):
            inner = self.either()
            self.expect(")")
            return inner
        kind, word, position = self.peek()
        self.at += 1
        if kind == "text":
            self.parameters.append(word[1:-1].replace("''", "'").rstrip(" "))
            return _Node(f"${len(self.parameters)}", "text")
        if kind == "number":
            self.parameters.append(float(word.rstrip("lLmMfFdD")))
            return _Node(f"${len(self.parameters)}", "number")
        if kind != "name":
            raise self.wrong(position)
        if word == "null":
            return _Node("null", "null")
        if word in ("true", "false"):
            return _Node(word, "truth")
        if self.peek()[:2] == ("mark", "("):
            return self.call(word)
        if word not in self.fields:
            raise FilterError(f"Er is geen kolom {word}; er zijn {', '.join(list(self.fields)[:20])}.")
        return _Node(self.fields[word].sql, self.fields[word].kind)

    def call(self, name: str) -> _Node:
        if name not in _FUNCTIONS:
            raise FilterError(f"De functie {name} is er niet; er zijn {', '.join(_FUNCTIONS)}.")
        kinds, own, sql = _FUNCTIONS[name]
        self.expect("(")
        arguments = [self.either()]
        while self.take("mark", ","):
            arguments.append(self.either())
        self.expect(")")
        if name in _SHORTER and len(arguments) == len(_SHORTER[name][0]):
            kinds, own, sql = _SHORTER[name]
        if len(arguments) != len(kinds):
            raise FilterError(f"De functie {name} wil {len(kinds)} argumenten en kreeg er {len(arguments)}.")
        texts = [self.of_kind(a, k).sql for a, k in zip(arguments, kinds, strict=True)]
        if name == "substring":
            texts = [texts[0], f"({_whole(texts[1])} + 1)", *map(_whole, texts[2:])]
        return _Node(sql.format(*texts), own)

    def of_kind(self, node: _Node, kind: str) -> _Node:
        if node.kind != kind:
            raise FilterError(f"Hier hoort een {_DUTCH[kind]}, en er staat een {_DUTCH[node.kind]}.")
        return node

    def peek(self) -> tuple[str, str, int]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "", len(self.text))

    def take(self, kind: str, word: str) -> bool:
        found = self.peek()[:2] == (kind, word)
        self.at += found
        return found

    def expect(self, mark: str) -> None:
        if not self.take("mark", mark):
            raise self.wrong(self.peek()[2])

    def wrong(self, position: int) -> FilterError:
        return FilterError(
            f"Het filter is niet te lezen vanaf teken {position + 1}: {self.text[position : position + 30]!r}."
        )


def _whole(sql: str) -> str:
    """A place in a text: whole, and no further than any text goes."""
    return f"least(greatest(coalesce({sql}, 0), 0), 10000)::integer"


_DUTCH = {"text": "tekst", "number": "getal", "truth": "voorwaarde", "null": "null"}
