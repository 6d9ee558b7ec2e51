"""A theme as a StatLine table: its identifier, dimensions, topics and rows, whatever version of OData it goes out by."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ingest.datacenter import here
from ingest.months import MONTHS
from ingest.sql import literal
from warehouse.reading.published import Published
from warehouse.registry.themes import headings
from warehouse.serve.library import Opened
from warehouse.serve.odata.filters import Field, FilterError, to_sql
from warehouse.serve.problem import Fault, Problem
from warehouse.serve.request import Asked

REGION, PERIOD = "RegioS", "Perioden"
#: Columns of an observation that StatLine does not have: what belongs to the figure. Given when `$select` names them, or `*`.
LABELS = {
    "LowerBound": "number",
    "UpperBound": "number",
    **dict.fromkeys(("SeriesBreak", "Status", "ReferencePeriod", "PeriodType", "Reason", "Note"), "text"),
}
#: Our reasons in the words of v4's ValueAttribute. What we suppressed is confidential to whoever reads it here.
ATTRIBUTES = {
    "impossible": "Impossible",
    "confidential": "Confidential",
    "not_available": "NotAvailable",
    "suppressed": "Confidential",
    "not_yet_published": "NotAvailable",
    "unknown": "Unknown",
}
_LONGEST_FILTER = 6_000
#: Rows of a page that is made in turn with the whole tables.
_LARGE = 10_000


def identifier(theme: str) -> str:
    return f"{here().code}-" + theme.upper().replace("_", "-")


@dataclass
class StatLine:
    """One theme of one release, as its caller may see it."""

    asked: Asked
    opened: Opened
    published: Published
    theme: str

    @classmethod
    def find(cls, asked: Asked, name: str, release: str | None) -> StatLine:
        """:raises Problem: there is no such table."""
        opened = asked.open(release)
        for theme in asked.listing(opened).themes:
            if identifier(theme) == name.upper():
                return cls(asked, opened, asked.published(opened), theme)
        known = ", ".join(identifier(t) for t in asked.listing(opened).themes)
        raise Problem(404, f"Er is geen tabel {name}; er zijn {known}.")

    @property
    def id(self) -> str:
        return identifier(self.theme)

    @property
    def title(self) -> str:
        return f"{self.published.themes[self.theme]}; standaardindicatoren {here().group.name}"

    @property
    def topics(self) -> list[dict[str, Any]]:
        """The indicators that the table has a column for."""
        return self.published.current(self.theme)

    @property
    def modified(self) -> str:
        return self.opened.created_at.strftime("%Y-%m-%dT%H:%M:%S")

    # -- rows ---------------------------------------------------------------------------------------------------------

    def wide(self) -> str:
        """SQL: ID, RegioS, Perioden and a column per topic. An ID is a row's place in the whole table, filtered or not."""
        names = ", ".join(f'"{i["indicator_id"]}"' for i in self.topics)
        if self.published.whole:
            return f'select rowid as "ID", region_code as "{REGION}", period_code as "{PERIOD}", {names} from mart."{self.theme}"'
        return (
            f'select row_number() over (order by region_code, period_code) - 1 as "ID", region_code as "{REGION}", '
            f'period_code as "{PERIOD}", {names} from ({self.published.wide(self.theme)})'
        )

    @property
    def labels(self) -> dict[str, str]:
        """The columns of a row that tell of its figures, ``<topic>_<label>``, and their kinds; a row has eight times as many as
        topics."""
        return {f"{i['indicator_id']}_{label}": kind for i in self.topics for label, kind in LABELS.items()}

    def labelled(self, sql: str, names: Iterable[str]) -> str:
        """SQL: these rows with these of the :attr:`labels` behind them."""
        told = ", ".join(
            f"""max("{label}") filter (where "Measure" = {literal(topic)}) as "{name}\""""
            for name in names
            for topic, _, label in [name.rpartition("_")]
        )
        if not told:
            return sql
        return (
            f'select * from ({sql}) left join (select "{REGION}", "{PERIOD}", {told} from ({self.long()}) group by all) '
            f'using ("{REGION}", "{PERIOD}")'
        )

    def long(self) -> str:
        """SQL: what StatLine has of an observation (Id, Measure, ValueAttribute, Value, StringValue, RegioS, Perioden), and
        behind it what belongs to the figure."""
        attribute = " ".join(f"when '{ours}' then '{theirs}'" for ours, theirs in ATTRIBUTES.items())
        names = ", ".join(literal(i["indicator_id"]) for i in self.topics)
        return f"""
            select
                figure_id as "Id", indicator_id as "Measure",
                case when value is not null then 'None' else case missing_reason {attribute} else 'Unknown' end end
                    as "ValueAttribute",
                value as "Value", null::varchar as "StringValue",
                region_code as "{REGION}", period_code as "{PERIOD}",
                lower_bound as "LowerBound", upper_bound as "UpperBound", series_break as "SeriesBreak",
                period_status as "Status", reference_period as "ReferencePeriod", period_type as "PeriodType",
                reason as "Reason", note as "Note"
            from ({self.published.long(f"v.indicator_id in ({names})", key="v.rowid as figure_id, ")})
        """

    def count(self, sql: str) -> int:
        return self.published.con.execute(f"select count(*) from ({sql})").fetchall()[0][0]

    # -- codes --------------------------------------------------------------------------------------------------------

    def regions(self) -> list[dict[str, Any]]:
        """Regions with a row, each with a title that no other has: ``cbsodata`` puts titles where codes were."""
        rows = self.published.rows(
            f"select region_code, name, region_type, parent_code from core.region where region_code in "
            f'(select "{REGION}" from ({self.wide()}) union select "{REGION}" from ({self.long()})) order by region_code'
        )
        names = [r["name"] or r["region_code"] for r in rows]
        twice = {n for n in names if names.count(n) > 1} if len(names) < 2000 else _twice(names)
        return [
            r | {"title": f"{name} ({r['region_code']})" if name in twice else name}
            for r, name in zip(rows, names, strict=True)
        ]

    def periods(self) -> list[dict[str, Any]]:
        """Periods with a row. A period is as provisional as its most provisional figure."""
        rows = self.published.rows(
            f"""
            select v.period_code, arg_min(v.period_status, case v.period_status when 'Voorlopig' then 1 when 'NaderVoorlopig'
                then 2 when 'Definitief' then 3 end) as status
            from core.indicator_value as v
            where {self.published.visible} and v.indicator_id in ({", ".join(literal(i["indicator_id"]) for i in self.topics)})
            group by v.period_code order by v.period_code
            """
        )
        return [r | {"title": period_title(r["period_code"])} for r in rows]

    def describe(self) -> str:
        sources = self.published.sources(self.theme)
        listed = "; ".join(f"{s['title']} ({s['attribution']}, {s['table_id']})" for s in sources)
        heading = headings().get(self.theme)
        purpose = heading.purpose if heading else ""
        sample = (
            "LET OP: een deel komt uit het meegeleverde voorbeelduittreksel. "
            if any(s["origin"] == "sample" for s in sources)
            else ""
        )
        return (
            f"{sample}Release {self.opened.release_id}. {purpose} Bronnen: {listed or 'nog geen in deze release'}. "
            f"Bewerking: {here().name}, CC BY 4.0. "
            "Waarom een cijfer ontbreekt, zijn marges, peildatum, status en reeksbreuk geeft OData bij $select=* (v4: Observations; "
            "v3: TypedDataSet, als <onderwerp>_Reason en zo verder), en de API (/v1/waarnemingen)."
        )

    def span(self) -> str:
        years = [p["period_code"][:4] for p in self.periods()]
        return f"{years[0]} - {years[-1]}" if years else ""


def _twice(names: list[str]) -> set[str]:
    seen: set[str] = set()
    return {n for n in names if n in seen or seen.add(n)}  # type: ignore[func-returns-value]


def period_title(code: str) -> str:
    """A period as StatLine writes it."""
    year, kind, number = code[:4], code[4:6], code[6:]
    if kind == "JJ":
        return year
    if kind == "SJ":
        return f"{year}/'{(int(year) + 1) % 100:02d}"
    if kind == "KW":
        return f"{year} {int(number)}e kwartaal"
    if kind == "HJ":
        return f"{year} {int(number)}e halfjaar"
    if kind == "MM" and number.isdigit() and 1 <= int(number) <= 12:
        return f"{year} {MONTHS[int(number) - 1]}"
    return code


# -- options ----------------------------------------------------------------------------------------------------------


@dataclass
class Options:
    """The system query options of a request.

    :param known: the columns that may be named.
    :param unasked: those of them that are given only when they are named, or with ``$select=*``.
    :raises Problem: an option that is not known, not a number, or names what is not there.
    """

    asked: Asked
    known: dict[str, Field]
    version: int
    unasked: Collection[str] = ()

    def __post_init__(self) -> None:
        self.given: dict[str, str] = {}
        self.parameters: list[Any] = []
        self._wrong: list[Problem] = []
        self._read()
        json_only(self.asked, "text/plain" if self.asked.request.url.path.lower().endswith("/$count") else "")
        if len(self.given.get("$filter", "")) > _LONGEST_FILTER:
            self._refuse("$filter", f"Een filter mag hoogstens {_LONGEST_FILTER} tekens lang zijn.")
        self.top, self.skip = self._number("$top"), self._number("$skip") or 0
        counting = "$inlinecount" if self.version == 3 else "$count"
        wants = self.given.get(counting, "")
        if wants not in ("", "allpages", "none", "true", "false"):
            self._refuse(counting, f"{wants[:40]!r} is geen antwoord op de vraag om te tellen.")
        self.counted = wants in ("allpages", "true")
        self.where = self._filter() if not any(f.name == "$filter" for w in self._wrong for f in w.faults) else "false"
        self.columns = self._columns()
        self.order = self._order()
        if self._wrong:
            # An option that we don't have is 501; beside anything else that is wrong it is one of the faults.
            statuses = {w.status for w in self._wrong}
            told = dict.fromkeys(w.detail for w in self._wrong)
            raise Problem(
                statuses.pop() if len(statuses) == 1 else 400,
                " ".join(told),
                [f for w in self._wrong for f in w.faults],
            )

    def _read(self) -> None:
        allowed = {"$filter", "$select", "$top", "$skip", "$orderby", "$format", "release"}
        allowed |= {"$inlinecount"} if self.version == 3 else {"$count"}
        for name, value in self.asked.request.query_params.multi_items():
            if name.startswith("$") and name not in allowed:
                self._refuse(name, f"De optie {name[:40]} is er niet; er zijn {', '.join(sorted(allowed))}.", 501)
            if name in self.given:
                self._refuse(name, f"De optie {name} staat er twee keer.")
            if name in allowed:
                self.given[name] = value
        if (form := self.given.get("$format", "json").lower()) and "json" not in form:
            self._refuse("$format", f"Alleen JSON is te krijgen, geen {form[:40]}.")

    def _refuse(self, name: str, detail: str, status: int = 400) -> None:
        self._wrong.append(Problem(status, detail, [Fault("query", name[:40], detail)]))

    def _filter(self) -> str:
        text = self.given.get("$filter", "").strip()
        try:
            return to_sql(text, self.known, self.parameters) if text else "true"
        except FilterError as error:
            self._refuse("$filter", str(error))
            return "false"

    @property
    def release(self) -> str | None:
        return self.given.get("release")

    def _number(self, name: str) -> int | None:
        text = self.given.get(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) <= 9):
            self._refuse(name, f"{name} moet een heel getal zijn, geen {text[:40]!r}.")
            return None
        return int(text)

    def named(self, names: Iterable[str]) -> list[str]:
        """Those of these columns that the answer gives, or is filtered or sorted by."""
        by = self.given.get("$filter", "") + self.given.get("$orderby", "")
        given = set(self.columns)
        return [name for name in names if name in given or name in by]

    def _columns(self) -> list[str]:
        text = self.given.get("$select", "").strip()
        if text == "*":
            return list(self.known)
        if not text:
            # Whatever reads StatLine gets what StatLine has; the rest is there for who names it.
            return [name for name in self.known if name not in self.unasked]
        names = [n.strip() for n in text.split(",")]
        if missing := [name for name in names if name not in self.known]:
            there = ", ".join(list(self.known)[:30])
            said = ", ".join(repr(n[:80]) for n in missing[:5])
            self._refuse("$select", f"Er is geen kolom {said}; er zijn {there}.")
        return list(dict.fromkeys(names))

    def _order(self) -> str:
        parts = []
        for part in filter(None, (p.strip() for p in self.given.get("$orderby", "").split(","))):
            name, *way = part.split()
            if name not in self.known or way not in ([], ["asc"], ["desc"]):
                self._refuse("$orderby", f"Op {part[:80]!r} is niet te sorteren.")
            else:
                parts.append(f"{self.known[name].sql} {way[0] if way else 'asc'}")
        return ", ".join(parts)

    def link(self, opened: Opened, shown: int) -> str:
        """The address of what comes after so many rows; it names the release, so that all pages are of one."""
        given = dict(self.given)
        if self.top is not None:
            given["$top"] = str(self.top - shown)
        given["$skip"] = str(self.skip + shown)
        given["release"] = opened.release_id
        query = "&".join(f"{quote(k, safe='$')}={quote(v, safe='')}" for k, v in given.items())
        return f"{self.asked.root}{self.asked.request.url.path}?{query}"


def json_only(asked: Asked, besides: str = "") -> None:
    """:raises Problem: the caller takes no JSON (406), and what says so would be no use to it either."""
    if "json" in asked.request.query_params.get("$format", "").lower():
        return
    takes = asked.request.headers.get("accept", "").lower()
    for part in filter(None, (p.strip() for p in takes.split(",")[:50])):
        kind, *options = [p.strip() for p in part.split(";")]
        refused = any(re.fullmatch(r"q=0(\.0*)?", o) for o in options)
        if not refused and kind in ("*/*", "application/*", "application/json", besides or "*/*"):
            return
    if takes.strip():
        raise Problem(
            406, "Deze service geeft OData als JSON, niet als Atom of XML; vraag application/json of $format=json."
        )


def spelled(path: str, names: Iterable[str]) -> str:
    """A path with our own spelling of the names in it: StatLine finds them whatever their case."""
    ours = {name.lower(): name for name in names}
    return "/".join(ours.get(part.lower(), part) for part in path.split("/"))


def text_fields(*names: str) -> dict[str, Field]:
    return {name: Field(f'"{name}"', "text") for name in names}


def number_fields(*names: str) -> dict[str, Field]:
    return {name: Field(f'"{name}"', "number") for name in names}


def rows_page(
    table: StatLine, options: Options, sql: str, default_order: str, size: int
) -> tuple[str, str | None, int | None]:
    """A page of rows: JSON of its rows, the address of the next page, and the number of rows in all where asked for."""
    take = size if options.top is None else min(size, options.top)
    # Another page only when this one is full and more was asked for than it has.
    wants_more = options.top is None or options.top > take
    fields = ", ".join(f"'{name}', \"{name}\"" for name in options.columns)
    order = f"{options.order}, {default_order}" if options.order else default_order
    con, count = table.published.con, None
    # A page of a hundred thousand rows weighs what a whole table does.
    with table.asked.request.app.state.making.turn() if take > _LARGE else nullcontext():
        table.asked.library.begin(table.published)
        found = con.execute(
            f"select json_object({fields})::varchar from ({sql}) where {options.where} order by {order} "
            f"limit {take + (1 if wants_more else 0)} offset {options.skip}",
            options.parameters,
        ).fetchall()
    if options.counted:
        counting = f"select count(*) from ({sql}) where {options.where}"
        [(count,)] = con.execute(counting, options.parameters).fetchall()
    more = options.link(table.opened, take) if wants_more and len(found) > take else None
    return ",".join(row[0] for row in found[:take]), more, count


def list_page(entries: list[dict[str, Any]], options: Options) -> tuple[str, int]:
    """A list of metadata after all options. Few and small, so it is filtered by DuckDB in memory, by the same SQL."""
    import duckdb

    if not entries:
        return "", 0
    with duckdb.connect() as con:
        shape = ", ".join(f'"{n}" {"double" if f.kind == "number" else "varchar"}' for n, f in options.known.items())
        con.execute(f"create table entry (nr integer, {shape})")
        names = list(options.known)
        columns: list[list[Any]] = [list(range(len(entries)))]
        columns += [[_plain(e.get(n), options.known[n].kind) for e in entries] for n in names]
        con.execute(
            f"insert into entry select {', '.join(f'unnest(${i})' for i in range(1, len(columns) + 1))}", columns
        )
        order = f"{options.order}, nr" if options.order else "nr"
        chosen = con.execute(
            f"select nr from entry where {options.where} order by {order}", options.parameters
        ).fetchall()
    upto = None if options.top is None else options.skip + options.top
    kept = set(options.columns)
    shown = [
        {k: v for k, v in entries[nr].items() if k in kept or k.endswith(".type")}
        for (nr,) in chosen[options.skip : upto]
    ]
    return ",".join(json.dumps(e, ensure_ascii=False) for e in shown), len(chosen)


def _plain(value: Any, kind: str) -> Any:
    if value is None:
        return None
    return float(value) if kind == "number" else str(value).rstrip(" ") if isinstance(value, str) else json.dumps(value)


def fields_of(entries: list[dict[str, Any]]) -> dict[str, Field]:
    """The columns of a list of metadata, by what is in it."""
    found: dict[str, Field] = {}
    for entry in entries:
        for name, value in entry.items():
            if not name.endswith(".type"):
                kind = "number" if isinstance(value, int | float) and not isinstance(value, bool) else "text"
                if name not in found or value is not None:
                    found[name] = Field(f'"{name}"', kind)
    return found


def edm_of(entries: list[dict[str, Any]], key: str) -> list[tuple[str, str]]:
    """The properties of a list of metadata and their types in ``$metadata``, by what is in it.

    A strict reader (Power BI, Excel) refuses an answer with a property that is not declared or is of another type.
    """
    kinds: dict[str, set[type]] = {key: set()}
    for entry in entries:
        for name, value in entry.items():
            if not name.endswith(".type"):
                kinds.setdefault(name, set()).update(() if value is None else (type(value),))
    known = {bool: "Edm.Boolean", int: "Edm.Int32", float: "Edm.Double", list: "Collection(Edm.String)"}
    return [
        (name, "Edm.Double" if found == {int, float} else known.get(next(iter(found), str), "Edm.String"))
        for name, found in kinds.items()
    ]


def types_of(entries: list[dict[str, Any]]) -> list[str]:
    """The types that entries say to be of, besides that of their list: a dimension that is of place, or of time."""
    said = [str(value) for entry in entries for name, value in entry.items() if name.endswith(".type")]
    return list(dict.fromkeys(name.rpartition(".")[2] for name in said))


Maker = Callable[[StatLine], list[dict[str, Any]]]
