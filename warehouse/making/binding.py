"""Indicators bound to the columns of the tables of a build: the registry as tables of schema ``raw``.

What does not fit what arrived (no such column, two, no such member, another unit) is withheld: that binding serves nothing in
this build, with the reason and what comes near. All else goes on. The project's own registry is held to more by its tests.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from ingest.seen import groups_seen
from ingest.sql import literal
from warehouse.making import raw
from warehouse.registry import indicators, labels
from warehouse.registry.indicators import Registry, Source, Term, Version
from warehouse.registry.units import agree, meaning


class Column(NamedTuple):
    """A column of a table: its number in this build, its stem (v3) or code (v4), topic groups and unit."""

    measure_id: int
    stem: str
    path: str
    unit: str | None = None

    def __str__(self) -> str:
        return f"{self.stem} ({self.path})" if self.path else self.stem


class Wrong(NamedTuple):
    """Why a term does not fit its table: for who mends the registry (English), and for who misses the figure (Dutch)."""

    text: str
    dutch: str


class Withheld(NamedTuple):
    """A binding that serves nothing in this build.

    :param place: file, indicator and field to mend.
    """

    indicator_id: str
    version: int
    table_id: str
    binding_id: int
    place: str
    reason: str
    reason_nl: str


def load_registry(con: duckdb.DuckDBPyConnection, registry: Registry) -> list[Withheld]:
    """The registry as tables: definitions and their labels, bindings, their terms with the measure that each is bound to, series.

    A term of a table that is not in this build is left unbound. A binding with a term that does not fit a table that is in it,
    is withheld: none of its terms is bound.
    """
    raw.create(con, "indicator", "binding", "term", "withheld", "series", "label", "reference", "series_break")
    columns = Columns.of(con)
    rows: dict[str, list[dict[str, Any]]] = {"indicator": [], "binding": [], "term": [], "series": []}
    withheld: list[Withheld] = []
    for position, (theme, indicator) in enumerate(registry.indicators(), 1):
        for v in indicator.versions:
            sources = registry.sources(v)
            of_version: list[Withheld] = []
            for s in sources:
                number = len(rows["binding"]) + 1
                rows["binding"].append(
                    {
                        "binding_id": number,
                        "indicator_id": indicator.id,
                        "version": v.version,
                        "table_id": s.table,
                        "regions": list(s.regions),
                        "first_period": s.first_period,
                        "last_period": s.last_period,
                        "constant": s.constant,
                        "stretch": s.stretch,
                        "series_break": s.series_break,
                        "same_areas": s.same_areas,
                        "seen": s.seen,
                        "least_denominator": None,
                    }
                )
                terms, wrong = _bound(number, v, s, columns)
                rows["term"] += [term | {"measure_id": None} for term in terms] if wrong else terms
                place = f"{indicator.file}: indicator {indicator.id}: field versions.{v.version - 1}.{s.place}"
                of_version += [
                    Withheld(indicator.id, v.version, s.table, number, f"{place}.{at}", found.text, found.dutch)
                    for at, found in wrong
                ]
            withheld += of_version
            availability, no_figure = _availability(v, sources, columns, of_version)
            rows["indicator"].append(
                {
                    "indicator_id": indicator.id,
                    "version": v.version,
                    "theme": theme.theme,
                    "theme_title": theme.title,
                    "position": position,
                    "name_nl": indicator.name,
                    "definition": v.definition,
                    "unit": v.unit,
                    "decimals": v.decimals,
                    "direction": indicator.direction,
                    "aggregation": v.aggregation,
                    "factor": v.factor,
                    "why_not": v.why_not,
                    "numerator": v.numerator,
                    "denominator": v.denominator,
                    "caveats": " ".join(filter(None, (v.caveats, _told(of_version)))) or None,
                    "series_break": v.series_break,
                    "source": indicator.source,
                    "publisher": indicator.publisher,
                    "licence": indicator.licence,
                    "source_tables": list(dict.fromkeys(s.table for s in sources)),
                    "lowest_region": indicators.lowest_region(v),
                    "bbv": indicator.bbv,
                    "taakveld": indicator.taakveld,
                    "availability": availability,
                    "no_figure": no_figure,
                    "bindings": indicators.bindings_text(v),
                    "definition_hash": indicators.definition_hash(indicator, v),
                    "valid_from": v.valid_from,
                    "valid_to": v.valid_to,
                }
            )
    for series in registry.series.values():
        for item in series.tables:
            rows["series"].append(
                {
                    "series_id": series.id,
                    "table_id": item.table,
                    "period": item.period,
                    "area_change": series.area_change,
                }
            )
    rows |= labels.rows(registry) | {"withheld": [w._asdict() for w in withheld]}
    for name, content in rows.items():
        raw.insert(con, name, content)
    return withheld


def _amounts(version: Version) -> list[str | None]:
    """What a numerator or denominator counts that says no unit of its own: things, or what the figure is given in (kilogram per
    inhabitant is kilograms over people). A share is never counted in shares: some tables give percentages in columns that others
    give as counts."""
    given = version.factor == 1 and meaning(version.unit) not in ("%", "‰")
    return ["aantal", version.unit] if given else ["aantal"]


def _bound(
    number: int, version: Version, source: Source, columns: Columns
) -> tuple[list[dict[str, Any]], list[tuple[str, Wrong]]]:
    """The terms of a binding as rows, and what of it does not fit, with the field that says so."""
    terms: list[dict[str, Any]] = []
    problems: dict[Wrong, str] = {}
    for role, members in source.roles.items():
        amount = role in ("numerator", "denominator")
        for term_no, term in enumerate(members, 1):
            table = term.table or source.table
            measure_id = None
            names = [term.measure] if term.measure else term.stem
            if table in columns.snapshots:
                units = [term.unit] if term.unit else _amounts(version) if amount else [version.unit]
                measure_id, wrong = columns.find(table, term, groups_seen(table, names), units)
                for found in wrong:
                    # The margins of a value are the same column at other members: a wrong column is told once.
                    problems.setdefault(found, f"{role}.{term_no - 1}.{found.text.partition(':')[0]}")
            bound_to = term.measure or " of ".join(term.stem) + f" ({' > '.join(term.path)})"
            terms.append(
                {
                    "binding_id": number,
                    "role": role,
                    "term_no": term_no,
                    "table_id": table,
                    "bound_to": bound_to,
                    "dimensions_key": dimensions_key(term.dimensions),
                    "sign": -1 if term.subtract else 1,
                    "measure_id": measure_id,
                }
            )
    return terms, [(place, Wrong(found.text.partition(": ")[2], found.dutch)) for found, place in problems.items()]


def _availability(
    version: Version, sources: list[Source], columns: Columns, withheld: list[Withheld]
) -> tuple[str, str | None]:
    """Whether a definition has figures in this build, and if not, why, in Dutch."""
    if version.no_figure:
        return version.no_figure.reason, version.no_figure.text
    here = [s.table for s in sources if s.table in columns.snapshots]
    if set(here) - {w.table_id for w in withheld}:
        return "berekend", None
    if here:
        return "ingehouden", _told(withheld)
    tables = list(dict.fromkeys(s.table for s in sources))
    several = len(tables) > 1
    return "niet_opgehaald", (
        f"De brontabel{'len' if several else ''} {', '.join(tables)} {'zijn' if several else 'is'} niet in deze uitgave "
        f"opgenomen. Ophalen kan met: rdc run --table {tables[-1]}"
    )


def _told(withheld: list[Withheld]) -> str | None:
    """Why what is withheld is not there, Dutch; as core/indicator_value.sql says it of a figure."""
    return "Ingehouden: " + " ".join(dict.fromkeys(w.reason_nl for w in withheld)) if withheld else None


@dataclass(frozen=True)
class Columns:
    """The columns and further dimensions of the tables of this build, to which terms are bound.

    :param measures: per table its columns.
    :param dimensions: per table and dimension, besides region and period, its members.
    """

    snapshots: set[str]
    measures: dict[str, list[Column]]
    dimensions: dict[str, dict[str, dict[str, str]]]

    @classmethod
    def of(cls, con: duckdb.DuckDBPyConnection) -> Columns:
        snapshots = [r[0] for r in con.execute("select table_id from raw.snapshot").fetchall()]
        measures: dict[str, list[Column]] = {t: [] for t in snapshots}
        dimensions: dict[str, dict[str, dict[str, str]]] = {t: {} for t in snapshots}
        for table, *column in con.execute(
            "select s.table_id, m.measure_id, m.stem, coalesce(m.path, ''), m.unit from raw.measure m "
            "join raw.snapshot s using (snapshot_no) order by m.measure_id"
        ).fetchall():
            measures[table].append(Column(*column))
        for table, dimension in con.execute("select table_id, unnest(other_dimensions) from raw.snapshot").fetchall():
            dimensions[table][dimension] = {}
        for table, dimension, code, title in con.execute(
            "select s.table_id, c.dimension, c.code, c.title from raw.code c join raw.snapshot s using (snapshot_no) "
            "where list_contains(s.other_dimensions, c.dimension)"
        ).fetchall():
            dimensions[table][dimension][code] = title
        return cls(set(snapshots), measures, dimensions)

    def find(
        self, table: str, term: Term, strict: bool, units: Sequence[str | None] = (None,)
    ) -> tuple[int | None, list[Wrong]]:
        """The column of a term, and what is wrong when there is not exactly one that counts what it should.

        :param strict: the topic groups of this column were seen, so they must agree; otherwise they only tell columns of one
            stem apart.
        :param units: what the column may count, the first of them told as what is expected; None takes any.
        """
        field = "measure" if term.measure else "stem"
        names = [term.measure] if term.measure else term.stem
        path = " > ".join(term.path)
        named = [m for m in self.measures[table] if m.stem in names]
        found = [m for m in named if not path or m.path == path]
        if not found and len(named) == 1 and not strict:
            found = named
        wrong = list(self._members(table, term))
        said, gezegd = f"{table} has no column {' or '.join(names)}", f"{table} heeft geen kolom {' of '.join(names)}"
        if len(found) == 1:
            [column] = found
            unit = units[0]
            if not any(agree(one, column.unit) for one in units):
                wrong.append(
                    Wrong(
                        f"unit: {column} of {table} is in {column.unit!r}, where {unit!r} is expected. Bind another column, or "
                        "say with `unit` what this one counts and define the figure by it.",
                        f"kolom {column} van {table} is in «{column.unit}», waar de definitie «{unit}» verwacht.",
                    )
                )
            return column.measure_id, wrong
        if len(found) > 1:
            which = "; ".join(map(str, found))
            wrong.append(
                Wrong(
                    f"{field}: {table} has {len(found)} columns {' or '.join(names)}: {which}. Name its `path`.",
                    f"{table} heeft {len(found)} kolommen {' of '.join(names)}: {which}.",
                )
            )
        elif named:
            under = "; ".join(m.path or "none" for m in named)
            wrong.append(
                Wrong(
                    f"path: {said} under {path}. It is under {under}.",
                    f"{gezegd} onder {path}; wel onder {under}.",
                )
            )
        else:
            near = self._near(table, names)
            wrong.append(
                Wrong(
                    f"{field}: {said}. "
                    + (f"Did you mean {near}?" if near else "None of its columns comes near; see core.measure."),
                    f"{gezegd}" + (f"; het meest lijkt daarop {near}." if near else " of iets wat daarop lijkt."),
                )
            )
        return None, wrong

    def _near(self, table: str, names: list[str]) -> str:
        lowered = {m.stem.casefold(): m for m in self.measures[table]}
        near = [
            lowered[key] for n in names for key in difflib.get_close_matches(n.casefold(), lowered, n=3, cutoff=0.5)
        ]
        return "; ".join(map(str, dict.fromkeys(near)))

    def _members(self, table: str, term: Term) -> Iterator[Wrong]:
        """A term names one member of every further dimension; otherwise it would find no row, silently."""
        has = self.dimensions[table]
        for dimension in sorted(has.keys() - term.dimensions.keys()):
            yield Wrong(
                f"dimensions: {table} has the dimension {dimension}; name its member. {_some(has[dimension])}",
                f"{table} heeft de dimensie {dimension}, waarvan de definitie geen waarde kiest.",
            )
        for dimension, member in term.dimensions.items():
            if dimension not in has:
                yield Wrong(
                    f"dimensions: {table} has no dimension {dimension}, but {', '.join(has) or 'none at all'}.",
                    f"{table} heeft geen dimensie {dimension}.",
                )
            elif member not in has[dimension]:
                some = _some(has[dimension], member)
                yield Wrong(
                    f"dimensions: {dimension} of {table} has no member {member}. {some}",
                    f"{dimension} van {table} heeft geen waarde {member}.",
                )


def _some(members: dict[str, str], near: str = "") -> str:
    codes = difflib.get_close_matches(near, members, n=3, cutoff=0.4) or list(members)[:5]
    return "Members: " + ", ".join(f"{c} ({members[c]})" for c in codes) + (", …" if len(codes) < len(members) else "")


def dimensions_key(members: dict[str, str]) -> str:
    """The further dimensions of a row as one text, in alphabetical order: ``Leeftijd=10000;Marges=MW00000``."""
    return ";".join(f"{key}={members[key]}" for key in sorted(members))


#: Columns of a figure that a release goes on with from the one before it.
_KEPT = ", ".join(
    f"figure.{name}"
    for name in (
        *("indicator_id", "definition_version", "region_code", "period_code", "value", "numerator", "denominator"),
        *("lower_bound", "upper_bound", "missing_reason", "period_status", "snapshot_id", "table_id"),
    )
)


def keep_last_good(con: duckdb.DuckDBPyConnection, released: Path | None) -> None:
    """Of what is withheld: the figures that the current release has of the same indicator from the same table.

    Only where they still mean the same (version, unit, factor and aggregation), and draw on no other table than the binding does
    now. Of what a municipality delivered, in whatever term, nothing is kept: how such figures are protected may have changed.
    """
    raw.create(con, "kept_figure")
    withheld = con.execute("select count(*) from raw.withheld").fetchall()[0][0]
    if not withheld or released is None or not released.is_file():
        return
    con.execute(f"attach {literal(released)} as released (read_only)")
    con.execute(
        f"""
        insert into raw.kept_figure
        with draws_on as (
            select term.binding_id, list(distinct term.table_id) as tables
            from raw.term as term
            left join raw.snapshot as snapshot using (table_id)
            group by term.binding_id
            having bool_and(coalesce(snapshot.protocol <> 'municipal', false))
        ),
        drew_on as (
            select binding_id, list(distinct table_id) as tables from released.core.indicator_term group by binding_id
        )
        select {_KEPT}, min(withheld.binding_id), 'Laatste goede cijfer; een nieuwer is ingehouden: '
            || string_agg(distinct withheld.reason_nl, ' ' order by withheld.reason_nl)
        from released.core.indicator_value as figure
        inner join released.core.indicator as then_
            on then_.indicator_id = figure.indicator_id and then_.version = figure.definition_version
        inner join raw.indicator as now_ on now_.indicator_id = then_.indicator_id and now_.version = then_.version
        inner join raw.withheld as withheld
            on withheld.indicator_id = figure.indicator_id
            and withheld.version = figure.definition_version
            and withheld.table_id = figure.table_id
        inner join draws_on on draws_on.binding_id = withheld.binding_id
        inner join drew_on on drew_on.binding_id = figure.binding_id and list_has_all(draws_on.tables, drew_on.tables)
        where
            figure.method <> 'absent'
            and now_.unit = then_.unit and now_.factor = then_.factor and now_.aggregation = then_.aggregation
        group by {_KEPT}
        """
    )
    con.execute("detach released")
