"""Who may see which figure.

A source table has a sharing level: ``public`` (anyone), ``partners`` (whoever has a key of that level) or ``municipality``
(only for the municipalities that the key names). A figure is as open as the least open table that its binding draws on; a
table without a level counts as the least open. What belongs here: that rule, as SQL on ``core.indicator_value``. Everything
that leaves the released file for someone else goes through it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import duckdb

from ingest.sql import literal

LEVELS = ("public", "partners", "municipality")
_MUNICIPALITY = re.compile(r"GM\d{4}|\*")


@dataclass(frozen=True)
class Scope:
    """What someone may see.

    :param level: the least open level that is within reach.
    :param municipalities: whose figures of level ``municipality``: codes, or ``*`` for every one.
    """

    level: str = "public"
    municipalities: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"{self.level!r} is no sharing level; there are {', '.join(LEVELS)}")
        if wrong := [m for m in self.municipalities if not _MUNICIPALITY.fullmatch(m)]:
            raise ValueError(f"{wrong[0]!r} is no municipality's code such as GM0770, nor * for all")

    @property
    def everything(self) -> bool:
        return self.level == "municipality" and "*" in self.municipalities


PUBLIC = Scope()
EVERYTHING = Scope("municipality", ("*",))


@dataclass(frozen=True)
class Access:
    """The sharing levels of one release.

    :param bindings: level of every binding that a figure can have come from.
    :param groups: members of every group of regions.
    :param sources: level of every source table, whether a figure draws on it or not: its observations are in the file too.
    """

    bindings: Mapping[int, str]
    groups: Mapping[str, frozenset[str]]
    sources: Mapping[str, str]

    @classmethod
    def of(cls, con: duckdb.DuckDBPyConnection, levels: Mapping[str, str] | None = None) -> Access:
        """Who may see what of the release that is open.

        :param levels: of its source tables, as they hold today (see :mod:`warehouse.sharing.closing`); else those it was made with.
        """
        tables = levels_of(con) if levels is None else levels
        bindings: dict[int, str] = {}
        for binding, table in con.execute(
            "select binding_id, table_id from core.indicator_term union "
            "select distinct binding_id, table_id from core.indicator_value where binding_id is not null"
        ).fetchall():
            level = tables.get(table, LEVELS[-1])
            bindings[binding] = least_open([bindings.get(binding, level), level])
        groups: dict[str, set[str]] = {}
        for group, member in con.execute("select group_code, region_code from core.region_group").fetchall():
            groups.setdefault(group, set()).add(member)
        return cls(bindings, {group: frozenset(members) for group, members in groups.items()}, tables)

    @property
    def all_public(self) -> bool:
        return {*self.bindings.values(), *self.sources.values()} <= {LEVELS[0]}

    def whole(self, scope: Scope) -> bool:
        """Whether this scope sees all there is, so that nothing needs to be left out."""
        return scope.everything or self.all_public

    def within(self, scope: Scope) -> list[int]:
        """The bindings of which a scope may see some figure."""
        reach = LEVELS.index(scope.level)
        return [b for b, level in self.bindings.items() if LEVELS.index(level) <= reach]

    def visible(self, scope: Scope, row: str = "v") -> str:
        """SQL that says whether a row of ``core.indicator_value`` (by its alias) may be seen. Unknown means no."""
        if self.whole(scope):
            return "true"
        reach = LEVELS.index(scope.level)
        open_ = [b for b, level in self.bindings.items() if level != LEVELS[-1] and LEVELS.index(level) <= reach]
        # That an indicator has no source here is no figure of any source.
        parts = [_among(f"{row}.binding_id", open_), f"({row}.binding_id is null and {row}.method = 'absent')"]
        if scope.level == LEVELS[-1] and scope.municipalities:
            own = [b for b, level in self.bindings.items() if level == LEVELS[-1]]
            groups = [g for g, members in self.groups.items() if members <= set(scope.municipalities)]
            regions = ", ".join(f"'{code}'" for code in scope.municipalities)
            parts.append(
                f"({_among(f'{row}.binding_id', own)} and ("
                f"case when {row}.region_code like 'GM%' then {row}.region_code "
                f"when {row}.region_code like 'WK%' or {row}.region_code like 'BU%' "
                f"then 'GM' || substr({row}.region_code, 3, 4) end in ({regions})"
                + (f" or {row}.region_code in ({', '.join(literal(g) for g in groups)})" if groups else "")
                + "))"
            )
        return f"coalesce({' or '.join(parts)}, false)"


def levels_of(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The level of every source table of the release that is open."""
    found = con.execute('select table_id, sharing_level from core."table"').fetchall()
    return {table: known(level) for table, level in found}


def delivered(con: duckdb.DuckDBPyConnection) -> set[str]:
    """The source tables of the release that is open which municipalities delivered."""
    return {t for (t,) in con.execute("select table_id from core.\"table\" where protocol = 'municipal'").fetchall()}


def levels_since(then: Mapping[str, str], municipal: Collection[str], now: Mapping[str, str | None]) -> dict[str, str]:
    """The levels of a release, given those of the current one of the same series: the least open of the two.

    What is closed is taken out of a series, so a table of a municipality that the current release does not have was closed.
    """
    gone = dict.fromkeys(municipal, LEVELS[-1])
    return {t: least_open([level, known(now.get(t, gone.get(t, level)))]) for t, level in then.items()}


def known(level: str | None) -> str:
    return level if level in LEVELS else LEVELS[-1]


def least_open(levels: Iterable[str]) -> str:
    return max(levels, key=LEVELS.index)


def _among(column: str, numbers: list[int]) -> str:
    return f"{column} in ({', '.join(str(int(n)) for n in numbers)})" if numbers else "false"


def texts(values: Iterable[str]) -> str:
    """Values as SQL writes a list of them."""
    return ", ".join(literal(v) for v in sorted(values))
