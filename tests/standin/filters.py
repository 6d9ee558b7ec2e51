"""The filter language of the two OData services: read, weighed as the services weigh it, applied to rows.

What belongs here: everything that is true of ``$filter`` whatever table it is put to. What a service makes
of a filter on one of its columns (ignored ranges, topics that may not be filtered on) is with that service.

**Weight.** Both services refuse a filter of more than 1,000 nodes. CBS v4 takes 165 terms ``X eq 'y'``
joined by ``or`` and refuses 180 (measured by others, 2026-09). That fits OData's own count, in which such a
term weighs five nodes (the comparison, the property and the row it is read from, the literal and its
conversion) and the ``or`` one more: 166 terms weigh 995, 167 weigh 1,001. How an ``in`` list is weighed was
not measured; here each item weighs one.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Test = Callable[[Sequence[Any]], Any]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<date>datetime(?:offset)?'[^']*'|\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?(?!\w))
    | (?P<string>'(?:[^']|'')*')
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[lLmMfFdD]?(?!\w))
    | (?P<name>[A-Za-z_]\w*)
    | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)

_ORDER = {"gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}
_COMPARISONS = frozenset(_ORDER) | {"eq", "ne"}

#: Function -> (number of arguments, is it true or false, what it does). ``None`` as an argument yields
#: ``None``.
_FUNCTIONS: dict[str, tuple[int, bool, Callable[..., Any]]] = {
    "startswith": (2, True, lambda text, part: text.startswith(part)),
    "endswith": (2, True, lambda text, part: text.endswith(part)),
    "contains": (2, True, lambda text, part: part in text),
    "substringof": (2, True, lambda part, text: part in text),
    "tolower": (1, False, lambda text: text.lower()),
    "toupper": (1, False, lambda text: text.upper()),
    "trim": (1, False, lambda text: text.strip()),
    "length": (1, False, len),
    "indexof": (2, False, lambda text, part: text.find(part)),
    "concat": (2, False, lambda left, right: left + right),
}
#: What only the other version of the protocol has.
_UNKNOWN_IN = {3: frozenset({"contains"}), 4: frozenset({"substringof"})}


class FilterError(ValueError):
    """A filter that the service refuses with HTTP 400; the message is what it says."""


@dataclass(frozen=True)
class Literal:
    value: Any
    nodes: int = 1


@dataclass(frozen=True)
class Column:
    name: str
    nodes: int = 2


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple[Node, ...]

    @property
    def nodes(self) -> int:
        return 1 + sum(argument.nodes for argument in self.arguments)


@dataclass(frozen=True)
class Compare:
    operator: str
    left: Node
    right: Node

    @property
    def nodes(self) -> int:
        return 2 + self.left.nodes + self.right.nodes


@dataclass(frozen=True)
class In:
    left: Node
    items: tuple[Any, ...]

    @property
    def nodes(self) -> int:
        return 1 + self.left.nodes + len(self.items)


@dataclass(frozen=True)
class Chain:
    """``and`` or ``or`` over two or more parts."""

    operator: str
    parts: tuple[Node, ...]

    @property
    def nodes(self) -> int:
        return len(self.parts) - 1 + sum(part.nodes for part in self.parts)


@dataclass(frozen=True)
class Not:
    part: Node

    @property
    def nodes(self) -> int:
        return 1 + self.part.nodes


Node = Literal | Column | Call | Compare | In | Chain | Not


@dataclass(frozen=True)
class Filter:
    """A filter as read: what it weighs, which columns it looks at, and how to put it to a row."""

    root: Node
    nodes: int = field(init=False)
    columns: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", self.root.nodes)
        object.__setattr__(self, "columns", frozenset(_columns(self.root)))

    def over(self, columns: Sequence[str]) -> Test:
        """A test of rows that are given as the values of these columns, in this order."""
        return _compile(self.root, {name: index for index, name in enumerate(columns)})

    def ignoring_ranges(self, columns: Iterable[str]) -> Filter:
        """The same filter in which ``gt ge lt le`` on these columns hold for every row."""
        ignored = frozenset(columns)

        def change(node: Node) -> Node:
            if (
                isinstance(node, Compare)
                and node.operator in _ORDER
                and any(isinstance(side, Column) and side.name in ignored for side in (node.left, node.right))
            ):
                return Literal(True)
            return node

        return Filter(_map(self.root, change))

    def trimming_literals(self) -> Filter:
        """The same filter whose literals have lost their trailing spaces."""

        def trim(value: Any) -> Any:
            return value.rstrip(" ") if isinstance(value, str) else value

        def change(node: Node) -> Node:
            match node:
                case Literal(value):
                    return Literal(trim(value))
                case In(left, items):
                    return In(left, tuple(trim(item) for item in items))
            return node

        return Filter(_map(self.root, change))


def parse(text: str, version: int) -> Filter:
    """Read a filter of OData version 3 or 4.

    :raises FilterError: when it is not in the language.
    """
    try:
        return Filter(_Parser(text, version).whole())
    except RecursionError:
        raise FilterError("The recursion limit has been exceeded.") from None


class _Parser:
    """Recursive descent; chains of ``or`` and ``and`` are read in a loop, for they may be long."""

    def __init__(self, text: str, version: int) -> None:
        self.text, self.version = text, version
        self.tokens: list[tuple[str, str, int]] = []
        self.at = 0
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if not match:
                raise self.wrong(position)
            kind = str(match.lastgroup)
            self.tokens.append((kind, match[kind], match.start(kind)))
            position = match.end()

    def whole(self) -> Node:
        node = self.chain("or")
        if self.at < len(self.tokens):
            raise self.wrong(self.tokens[self.at][2])
        return self.truth(node)

    def chain(self, joint: str) -> Node:
        def part() -> Node:
            return self.chain("and") if joint == "or" else self.comparison()

        parts = [part()]
        while self.take("name", joint):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Chain(joint, tuple(self.truth(node) for node in parts))

    def comparison(self) -> Node:
        left = self.unary()
        if self.version == 4 and self.take("name", "in"):
            self.expect("(")
            items = [self.literal()]
            while self.take("mark", ","):
                items.append(self.literal())
            self.expect(")")
            return In(left, tuple(items))
        kind, word, _ = self.peek()
        if kind == "name" and word in _COMPARISONS:
            self.at += 1
            return Compare(word, left, self.unary())
        return left

    def unary(self) -> Node:
        if self.take("name", "not"):
            return Not(self.truth(self.unary()))
        if self.take("mark", "("):
            node = self.chain("or")
            self.expect(")")
            return node
        kind, word, position = self.peek()
        if kind != "name" or word in ("true", "false", "null"):
            return Literal(self.literal())
        self.at += 1
        if not self.take("mark", "("):
            return Column(word)
        if word not in _FUNCTIONS or word in _UNKNOWN_IN[self.version]:
            raise FilterError(f"An unknown function with name '{word}' was found.")
        arguments = [self.chain("or")]
        while self.take("mark", ","):
            arguments.append(self.chain("or"))
        self.expect(")")
        if len(arguments) != _FUNCTIONS[word][0]:
            raise self.wrong(position)
        return Call(word, tuple(arguments))

    def literal(self) -> Any:
        kind, word, position = self.peek()
        self.at += 1
        if kind == "string":
            return word[1:-1].replace("''", "'")
        if kind == "number":
            digits = word.rstrip("lLmMfFdD")
            return float(digits) if re.search(r"[.eE]", digits) else int(digits)
        if kind == "date":
            try:
                return _moment(word.split("'")[1] if "'" in word else word)
            except ValueError:
                raise self.wrong(position) from None
        if kind == "name" and word in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[word]
        raise self.wrong(position)

    def truth(self, node: Node) -> Node:
        match node:
            case Call(name, _):
                boolean = _FUNCTIONS[name][1]
            case Literal(value):
                boolean = isinstance(value, bool)
            case _:
                boolean = not isinstance(node, Column)
        if not boolean:
            raise FilterError("The $filter expression must evaluate to a single boolean value.")
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
        return FilterError(f"Syntax error at position {position} in '{self.text}'.")


def _columns(node: Node) -> Iterable[str]:
    match node:
        case Column(name):
            yield name
        case Compare(_, left, right):
            yield from _columns(left)
            yield from _columns(right)
        case In(left, _):
            yield from _columns(left)
        case Not(part):
            yield from _columns(part)
        case Call(_, parts) | Chain(_, parts):
            for part in parts:
                yield from _columns(part)


def _map(node: Node, change: Callable[[Node], Node]) -> Node:
    """The tree in which ``change`` was made of every node, leaves first."""
    match node:
        case Compare(sign, left, right):
            node = Compare(sign, _map(left, change), _map(right, change))
        case In(left, items):
            node = In(_map(left, change), items)
        case Not(part):
            node = Not(_map(part, change))
        case Call(name, parts):
            node = Call(name, tuple(_map(part, change) for part in parts))
        case Chain(sign, parts):
            node = Chain(sign, tuple(_map(part, change) for part in parts))
    return change(node)


def _compile(node: Node, position: dict[str, int]) -> Test:
    match node:
        case Literal(value):
            return lambda row: value
        case Column(name):
            return operator.itemgetter(position[name])
        case Call(name, arguments):
            do = _FUNCTIONS[name][2]
            parts = [_compile(argument, position) for argument in arguments]
            return lambda row: _called(name, do, [part(row) for part in parts])
        case Compare(sign, left, right):
            return _compare(sign, _compile(left, position), _compile(right, position))
        case In(left, items):
            read, wanted = _compile(left, position), frozenset(items)
            return lambda row: read(row) in wanted
        case Not(part):
            inner = _compile(part, position)
            return lambda row: not inner(row)
        case Chain("and", parts):
            tests = [_compile(part, position) for part in parts]
            return lambda row: all(test(row) for test in tests)
        case Chain(_, parts):
            return _any(parts, position)
    raise AssertionError(node)


def _any(parts: tuple[Node, ...], position: dict[str, int]) -> Test:
    """``or``, in which the many ``X eq 'y'`` on one column become one look-up."""
    wanted: dict[int, set[str]] = {}
    tests: list[Test] = []
    for part in parts:
        match part:
            case Compare("eq", Column(name), Literal(str() as value)):
                wanted.setdefault(position[name], set()).add(value)
            case _:
                tests.append(_compile(part, position))
    look_ups = list(wanted.items())
    return lambda row: any(row[at] in values for at, values in look_ups) or any(test(row) for test in tests)


def _called(name: str, do: Callable[..., Any], arguments: list[Any]) -> Any:
    if any(argument is None for argument in arguments):
        return None
    try:
        return do(*arguments)
    except (AttributeError, TypeError):
        raise FilterError(f"No function signature for the function with name '{name}' matches.") from None


def _compare(sign: str, left: Test, right: Test) -> Test:
    def test(row: Sequence[Any]) -> bool:
        one, other = _alike(left(row), right(row))
        if sign == "eq":
            return one == other
        if sign == "ne":
            return one != other
        return one is not None and other is not None and _ORDER[sign](one, other)

    return test


def _alike(one: Any, other: Any) -> tuple[Any, Any]:
    """Both sides in one type; a date arrives as text in a row and as a moment in a filter."""
    if one is None or other is None or type(one) is type(other):
        return one, other
    if isinstance(one, datetime) and isinstance(other, str):
        return one, _moment(other)
    if isinstance(one, str) and isinstance(other, datetime):
        return _moment(one), other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one, other
    raise FilterError("A binary operator with incompatible types was detected.")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
