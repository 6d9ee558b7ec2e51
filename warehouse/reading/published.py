"""The tables that a release publishes to others, as relations: long (a row per figure) and wide (a column per indicator).

What belongs here: which tables there are, their columns with type and Dutch description, and the SQL that gives their rows
for whoever asks. Every format, the data package, the API and the OData services are made from these, so that all of them
tell the same of a figure: its status, why it is missing, the version of its definition, what date it is about, which
division into regions it holds for, its source and its release.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from ingest.sql import identifier, literal, records
from warehouse.columns import OF_PERIOD, Column, of_region
from warehouse.places import Place, Places
from warehouse.reading import effects
from warehouse.sharing.access import EVERYTHING, Access, Scope, texts
from warehouse.sharing.closing import indicators_only_of

#: Tables beside those of the themes: what a reader needs to understand the figures.
REFERENCE = {
    "indicator": ("Definities van de indicatoren", "Eén rij per indicator en versie van de definitie."),
    "region": ("Gebieden", "De gebieden die voorkomen, met hun soort en het gebied waarin ze liggen."),
    "region_group": (
        "Groepen van gebieden",
        "Welke gemeenten bij een groep horen, zoals die van het datacenter zelf, en wanneer.",
    ),
    "period": ("Perioden", "De perioden die voorkomen, met hun eerste en laatste dag."),
    "policy_goal": ("Beleidsdoelen", "Beleidsdoelen met hun indicator, uitgangspunt, streefwaarde en stand."),
    "comparison": (
        "Vergelijking",
        "Elke eigen gemeente, en alle samen, naast groepen van gemeenten, het land en het eigen verleden.",
    ),
    "intervention": ("Beleidskeuzes", "Beleidskeuzes waarvan het effect gevraagd wordt, zoals ze zijn vastgelegd."),
    "policy_effect": (
        "Effecten van beleidskeuzes",
        "Per keuze, cijfer en methode het antwoord met de reden, de schatting en alles waarop die rust.",
    ),
    "policy_effect_path": (
        "Verloop van een effect",
        "Per keuze, cijfer, methode en periode wat er gebeurde en wat zonder de keuze te verwachten was.",
    ),
}

MISSING_REASONS = {
    "impossible": "kan niet voorkomen",
    "confidential": "geheim bij de bron",
    "not_available": "niet beschikbaar",
    "suppressed": "door ons onderdrukt",
    "not_yet_published": "nog niet gepubliceerd",
    "unknown": "onbekend, onvoldoende betrouwbaar of geheim (de bron zegt niet welke)",
}


_REFERENCE_PERIOD = Column(
    "reference_period",
    "string",
    "Peildatum",
    "Waar het cijfer over gaat, zoals de definitie het zegt: een dag (2024-01-01) of van dag tot dag (2024-01-01/2024-12-31).",
)
_GEOGRAPHY_YEAR = Column(
    "geography_year",
    "integer",
    "Indelingsjaar",
    "Jaar van de gebiedsindeling waarvoor de code geldt: dat van de brontabel waar die het noemt, anders het jaar van de periode.",
)
_RELEASE = Column("release_id", "string", "Release", "De release waaruit dit komt.", required=True)

LONG = [
    Column("indicator_id", "string", "Indicator", "Naam van de indicator in het register.", required=True),
    Column("indicator_name", "string", "Naam", "Naam van de indicator."),
    Column("theme", "string", "Thema", "Thema van de indicator."),
    Column(
        "definition_version",
        "integer",
        "Definitieversie",
        "Versie van de definitie die voor de periode geldt.",
        required=True,
    ),
    *of_region(),
    *OF_PERIOD,
    _REFERENCE_PERIOD,
    _GEOGRAPHY_YEAR,
    Column("value", "number", "Waarde", "Het cijfer; leeg als het er niet is. Leeg is geen nul."),
    Column("unit", "string", "Eenheid", "Eenheid van het cijfer."),
    Column("lower_bound", "number", "Ondergrens", "Ondergrens van het cijfer (95%), als de bron marges geeft."),
    Column("upper_bound", "number", "Bovengrens", "Bovengrens van het cijfer (95%), als de bron marges geeft."),
    Column(
        "series_break",
        "string",
        "Reeksbreuk",
        "Waarom dit cijfer niet met het vorige van zijn reeks te vergelijken is; leeg als dat wel kan.",
    ),
    Column(
        "missing_reason",
        "string",
        "Reden dat het ontbreekt",
        "Waarom er geen cijfer is: " + "; ".join(f"{code} = {text}" for code, text in MISSING_REASONS.items()) + ".",
        categories=tuple(MISSING_REASONS),
    ),
    Column("reason", "string", "Reden", "Waarom er geen cijfer is, in woorden."),
    Column("note", "string", "Toelichting", "Meer over een cijfer dat ontbreekt of uit een eerdere uitgave komt."),
    Column(
        "period_status",
        "string",
        "Status",
        "Status van de periode bij de bron: Definitief, NaderVoorlopig of Voorlopig.",
    ),
    Column(
        "method",
        "string",
        "Wijze",
        "published (een cel van de bron), computed (uit cellen berekend), aggregated (uit de leden van een groep), kept (uit een "
        "eerdere uitgave) of absent (er is geen bron).",
        categories=("published", "computed", "aggregated", "kept", "absent"),
    ),
    Column("table_id", "string", "Brontabel", "De brontabel."),
    Column("attribution", "string", "Bron", "Bronvermelding die bij hergebruik hoort."),
    Column(
        "origin",
        "string",
        "Herkomst",
        "live, last_good (laatste goede levering) of sample (meegeleverd voorbeelduittreksel).",
    ),
    _RELEASE,
]

_PAIRS = (
    "Geldt voor alle cijfers van de rij; een indicator waarvoor iets anders geldt staat erachter als indicator=waarde."
)
#: A number is a number to every reader, so what does not hold for the whole row has a column of its own.
_BUT = "Geldt voor de cijfers van de rij, behalve die in de kolom erachter."
_OTHERS = "Per indicator als indicator=waarde, gescheiden door puntkomma's; leeg als er geen is."
_WIDE_END = [
    Column("reference_period", "string", "Peildatum", f"{_REFERENCE_PERIOD.description} {_PAIRS}"),
    Column("geography_year", "integer", "Indelingsjaar", f"{_GEOGRAPHY_YEAR.description} {_BUT}"),
    Column("geography_year_other", "string", "Ander indelingsjaar", f"Waarvoor een ander jaar geldt. {_OTHERS}"),
    Column("period_status", "string", "Status", f"Status van de periode bij de bron. {_PAIRS}"),
    Column(
        "missing_reason",
        "string",
        "Reden dat een cijfer ontbreekt",
        "Per leeg cijfer van de rij waarom het er niet is: indicator=reden, gescheiden door puntkomma's.",
    ),
    Column(
        "reason",
        "string",
        "Reden",
        "Hetzelfde in woorden, met de toelichting erbij: indicator=reden, gescheiden door puntkomma's.",
    ),
    Column(
        "margins",
        "string",
        "Marges",
        "Onder- en bovengrens (95%) van de cijfers waarvan de bron ze geeft: indicator=ondergrens/bovengrens.",
    ),
    Column(
        "series_break",
        "string",
        "Reeksbreuk",
        "Waarom een cijfer niet met het vorige van zijn reeks te vergelijken is: indicator=waarom; leeg als dat wel kan.",
    ),
    Column(
        "note",
        "string",
        "Toelichting",
        "Meer over een cijfer dat uit een eerdere uitgave komt: indicator=toelichting, gescheiden door puntkomma's.",
    ),
    Column("definition_version", "integer", "Definitieversie", f"Versie van de definitie. {_BUT}"),
    Column(
        "definition_version_other", "string", "Andere definitieversie", f"Waarvoor een andere versie geldt. {_OTHERS}"
    ),
    Column("attribution", "string", "Bron", "Bronvermelding die bij hergebruik van deze rij hoort."),
    _RELEASE,
]

_TYPES = {"BOOLEAN": "boolean", "DATE": "date", "DOUBLE": "number", "FLOAT": "number", "INTEGER": "integer"}
_TYPES |= {"BIGINT": "integer", "SMALLINT": "integer", "HUGEINT": "integer", "TIMESTAMP WITH TIME ZONE": "datetime"}


@dataclass(frozen=True)
class Emptiness:
    """What there is where an answer has nothing.

    :param kinds: kinds of region that have figures of what was asked for.
    :param gone: asked municipalities that are none any more: code, name and last day.
    :param periods: those that the asked regions have figures of.
    """

    kinds: list[str]
    gone: list[tuple[str, str, str]]
    periods: list[str]

    def in_english(self) -> str:
        return self._said(
            "{name} ({code}) is a municipality until {day}.",
            "The regions asked for have figures of {these}.",
            "There are no figures of the regions asked for; there are of: {these}.",
            "Nothing of it has a figure in this release; core.indicator.no_figure says why.",
        )

    def in_dutch(self) -> str:
        return self._said(
            "{name} ({code}) is een gemeente tot en met {day}.",
            "Van de gevraagde gebieden zijn er cijfers over {these}.",
            "Van de gevraagde gebieden zijn er geen cijfers; die zijn er van: {these}.",
            "Niets hiervan heeft in deze release een cijfer; /v1/indicatoren zegt waarom (geenCijfer).",
        )

    def _said(self, gone: str, periods: str, kinds: str, nothing: str) -> str:
        said = [gone.format(code=code, name=name, day=day) for code, name, day in self.gone]
        if self.periods:
            said.append(periods.format(these=_listed(self.periods)))
        elif self.kinds:
            said.append(kinds.format(these=", ".join(self.kinds)))
        else:
            said.append(nothing)
        return " ".join(said)


def _listed(periods: list[str]) -> str:
    short = [p.removesuffix("JJ00") for p in periods]
    return ", ".join(short) if len(short) <= 8 else f"{', '.join(short[:3])} … {', '.join(short[-3:])}"


@dataclass
class Published:
    """What one release publishes, for one scope.

    :param con: the released file, open read-only; its own, or a cursor for one question.
    :param scope: what may be seen; the default is for whoever has the file itself.
    :param scratch: the only folder that ``con`` may write to, where it may not write everywhere.
    :param closed: sources that are not told of, and ``hidden``: indicators that tell of these alone (see :meth:`without`).
    """

    con: duckdb.DuckDBPyConnection
    release_id: str
    scope: Scope = EVERYTHING
    access: Access | None = field(default=None)
    scratch: Path | None = None
    hidden: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.access is None and not self.scope.everything:
            self.access = Access.of(self.con)

    def without(self, closed: Collection[str]) -> Published:
        """The same without a trace of sources that were closed since: neither a figure nor a name."""
        hidden = indicators_only_of(self.con, closed)
        if hidden:
            self.__dict__["indicators"] = [i for i in self.indicators if i["indicator_id"] not in hidden]
            self.__dict__.pop("themes", None)
        self.hidden, self.closed = frozenset(hidden), frozenset(closed)
        return self

    def on(self, con: duckdb.DuckDBPyConnection, scope: Scope, access: Access, scratch: Path) -> Published:
        """The same release for another scope, on another connection; what is the same for all is not read again."""
        other = Published(con, self.release_id, scope, access, scratch)
        for name in (
            "indicators",
            "tables",
            "themes",
            "columns_of",
            "region_codes",
            "period_codes",
            "places",
            "_value_columns",
        ):
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other

    # -- what there is ------------------------------------------------------------------------------------------------

    @cached_property
    def indicators(self) -> list[dict[str, Any]]:
        """Every indicator, one row per version of its definition."""
        return self.rows("select * from core.indicator order by position, version")

    @cached_property
    def themes(self) -> dict[str, str]:
        """Themes that have a table: name and title, in the order of the registry."""
        there = {t for s, t in self.tables if s == "mart"}
        return {i["theme"]: i["theme_title"] for i in self.indicators if i["theme"] in there}

    @cached_property
    def tables(self) -> list[tuple[str, str]]:
        return self.con.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name in ('mart', 'core') "
            "and database_name = current_database() union all "
            "select schema_name, view_name from duckdb_views() where schema_name in ('mart', 'core') "
            "and database_name = current_database() order by all"
        ).fetchall()

    @cached_property
    def _value_columns(self) -> frozenset[str]:
        """The columns of the figures: a release that was made earlier may lack some."""
        return frozenset(
            name
            for (name,) in self.con.execute(
                "select column_name from duckdb_columns() where schema_name = 'core' and table_name = 'indicator_value' "
                "and database_name = current_database()"
            ).fetchall()
        )

    @cached_property
    def region_codes(self) -> frozenset[str]:
        return frozenset(c for (c,) in self.con.execute("select distinct region_code from core.region").fetchall())

    @cached_property
    def places(self) -> Places:
        """The regions as people name them."""
        found = self.con.execute("select region_code, coalesce(name, ''), region_type, valid_to from core.region")
        return Places(Place(*row) for row in found.fetchall())

    @cached_property
    def period_codes(self) -> frozenset[str]:
        return frozenset(c for (c,) in self.con.execute("select distinct period_code from core.period").fetchall())

    @property
    def reference(self) -> list[str]:
        """The reference tables that are there."""
        return [name for name in REFERENCE if (self.schema_of(name), name) in self.tables]

    @staticmethod
    def schema_of(name: str) -> str:
        return "mart" if name in ("policy_goal", "comparison") else effects.TABLES.get(name, "core")

    def current(self, theme: str) -> list[dict[str, Any]]:
        """The indicators that a theme's table has a column for, each with the newest version of its definition."""
        newest = {i["indicator_id"]: i for i in self.indicators if i["theme"] == theme}
        return [i for name, i in newest.items() if name in self.columns_of.get(theme, ())]

    @cached_property
    def columns_of(self) -> dict[str, dict[str, str | None]]:
        """The columns of each table in mart, and their descriptions."""
        found: dict[str, dict[str, str | None]] = {}
        for table, column, comment in self.con.execute(
            "select table_name, column_name, comment from duckdb_columns() where schema_name = 'mart' "
            "and database_name = current_database() order by table_name, column_index"
        ).fetchall():
            found.setdefault(table, {})[column] = comment
        return found

    # -- rows ---------------------------------------------------------------------------------------------------------

    @property
    def visible(self) -> str:
        return "true" if self.access is None else self.access.visible(self.scope, "v")

    @property
    def whole(self) -> bool:
        """Whether nothing is left out for this scope."""
        return self.access is None or self.access.whole(self.scope)

    def long(self, where: str = "true", key: str = "") -> str:
        """SQL for the figures, with all that belongs to them.

        :param where: a condition on the rows of ``core.indicator_value`` (alias ``v``), without anything from outside in it
            but parameters.
        :param key: columns before the others, with a comma behind them.
        """
        reason = f"case v.missing_reason {' '.join(f'when {literal(c)} then {literal(t)}' for c, t in MISSING_REASONS.items())} end"
        others = ", ".join(
            f"v.{name}" if name in self._value_columns else f"null::{kind} as {name}"
            for name, kind in (("lower_bound", "double"), ("upper_bound", "double"), ("series_break", "varchar"))
        )
        # A release from before reference dates were declared has none: there it is the whole period.
        about, dated = "p.start_date::varchar || '/' || p.end_date::varchar", ""
        if ("core", "indicator_reference") in self.tables:
            about = "d.reference_start::varchar || if(d.reference_start = d.reference_end, '', '/' || d.reference_end::varchar)"
            dated = (
                "left join core.indicator_reference as d on d.indicator_id = v.indicator_id "
                "and d.definition_version = v.definition_version and d.period_code = v.period_code"
            )
        return f"""
        select
            {key}v.indicator_id, i.name_nl as indicator_name, i.theme, v.definition_version,
            v.region_code, r.name as region_name, r.region_type, r.parent_code, parent.name as parent_name,
            v.period_code, p.period_type, p.start_date, p.end_date,
            {about} as reference_period,
            coalesce(
                try_cast(nullif(regexp_extract(t.title, 'indeling (\\d{{4}})', 1), '') as integer), year(p.start_date)::integer
            ) as geography_year,
            v.value, i.unit, {others}, v.missing_reason, {reason} as reason, v.note, v.period_status, v.method, v.table_id,
            t.attribution, if(v.method = 'kept', 'last_good', t.origin) as origin, {literal(self.release_id)} as release_id
        from core.indicator_value as v
        inner join core.indicator as i on i.indicator_id = v.indicator_id and i.version = v.definition_version
        left join core.region as r on r.region_code = v.region_code
        left join core.region as parent on parent.region_code = r.parent_code
        left join core.period as p on p.period_code = v.period_code
        left join core."table" as t on t.table_id = v.table_id
        {dated}
        where {self.visible} and ({where})
        """

    def wide(self, theme: str, where: str = "true", figures: str = "") -> str:
        """SQL for a theme's table: a row per region and period in which a figure is there or could be.

        The values are those of ``mart.<theme>``; the columns behind them tell of each row what :meth:`long` tells of each
        figure.

        :param figures: SQL for what :meth:`long` gives of the theme, where that was made already.
        """
        names = [i["indicator_id"] for i in self.current(theme)]
        values = ",\n            ".join(
            f"max(value) filter (indicator_id = {literal(n)}) as {identifier(n)}" for n in names
        )

        def told(condition: str, text: str) -> str:
            kept = f"list_filter(figures, lambda f: {condition})"
            return (
                f"nullif(array_to_string(list_transform({kept}, lambda f: f.indicator_id || '=' || {text}), '; '), '')"
            )

        def others(column: str) -> str:
            return told(f"f.{column} <> least_{column}", f"f.{column}")

        def for_all(column: str) -> str:
            return f"nullif(concat_ws('; ', nullif(least_{column}, ''), {others(column)}), '') as {column}"

        def number(column: str) -> str:
            return f"number_{column} as {column}, {others(column)} as {column}_other"

        said = ("reference_period", "geography_year", "period_status", "definition_version")
        in_words = f"coalesce(f.reason, {literal(MISSING_REASONS['unknown'])}) || coalesce(' (' || f.note || ')', '')"
        # One list of a row's figures, sorted once: an aggregate with an order of its own for each text takes thrice the time.
        return f"""
        select
            region_code, region_name, region_type, parent_code, parent_name, period_code, period_type, start_date, end_date,
            {", ".join(identifier(n) for n in names)},
            {for_all("reference_period")},
            {number("geography_year")},
            {for_all("period_status")},
            {told("f.value is null", "coalesce(f.missing_reason, 'unknown')")} as missing_reason,
            {told("f.value is null", in_words)} as reason,
            {told("f.value is not null and f.lower_bound is not null", "f.lower_bound || '/' || f.upper_bound")} as margins,
            {told("f.value is not null and f.series_break is not null", "f.series_break")} as series_break,
            {told("f.value is not null and f.note is not null", "f.note")} as note,
            {number("definition_version")},
            nullif(array_to_string(list_sort(list_distinct(list_transform(figures, lambda f: f.attribution))), '; '), '') as attribution,
            release_id
        from (
            select
                region_code, any_value(region_name) as region_name, any_value(region_type) as region_type,
                any_value(parent_code) as parent_code, any_value(parent_name) as parent_name,
                period_code, any_value(period_type) as period_type, any_value(start_date) as start_date, any_value(end_date) as end_date,
                {values},
                {", ".join(f"min(coalesce({c}::varchar, '')) as least_{c}" for c in said)},
                {", ".join(f"min({c}) as number_{c}" for c in ("geography_year", "definition_version"))},
                list_sort(list(struct_pack(
                    indicator_id := indicator_id, {", ".join(f"{c} := coalesce({c}::varchar, '')" for c in said)},
                    value := value, missing_reason := missing_reason, reason := reason, note := note,
                    lower_bound := lower_bound, upper_bound := upper_bound, series_break := series_break,
                    attribution := attribution
                ))) as figures,
                any_value(release_id) as release_id
            from ({figures or self.long(f"{self.of_theme(theme)} and ({where})")})
            group by region_code, period_code
            having bool_or(value is not null or missing_reason is distinct from 'impossible')
        )
        """

    def of_theme(self, theme: str) -> str:
        """The condition for a theme's figures: by their indicators, so that DuckDB reads only the part that has them."""
        names = dict.fromkeys(i["indicator_id"] for i in self.indicators if i["theme"] == theme)
        return f"v.indicator_id in ({', '.join(literal(n) for n in names)})"

    def why_empty(self, indicators: Collection[str], regions: Collection[str], periods: Collection[str]) -> Emptiness:
        """What there is instead of what was asked for and is not there.

        :param indicators: those that were asked for; ``regions`` and ``periods`` likewise, empty for all.
        """
        names = ", ".join(literal(n) for n in indicators) or "''"
        of = f"from core.indicator_value as v where {self.visible} and v.value is not null and v.indicator_id in ({names})"
        kinds = [
            kind
            for (kind,) in self.con.execute(
                f"select distinct region_type from core.region where region_code in (select v.region_code {of}) order by 1"
            ).fetchall()
        ]
        asked = ", ".join(literal(r) for r in regions)
        gone = self.con.execute(
            f"select region_code, name, valid_to from core.region where region_code in ({asked or 'null'}) "
            "and valid_to is not null and region_code like 'GM%' order by 1"
        ).fetchall()
        found = self.con.execute(
            f"select distinct v.period_code {of}"
            + (f" and v.region_code in ({asked})" if regions else "")
            + " order by 1"
        ).fetchall()
        return Emptiness(kinds, [(c, n, str(d)) for c, n, d in gone], [p for (p,) in found])

    def goals(self) -> str:
        """SQL for the policy goals. A goal has the figures of other regions beside its own (comparison, country, rank), so that
        one on an indicator of which some figure may not be seen is left out."""
        if self.whole:
            return "select * from mart.policy_goal"
        told = f"goal.indicator_id not in ({texts(self.hidden)}) and " if self.hidden else ""
        return f"""
        select goal.* from mart.policy_goal as goal
        where {told}not exists (
            select 1 from core.indicator_value as v where v.indicator_id = goal.indicator_id and not ({self.visible})
        )
        """

    def comparisons(self) -> str:
        """SQL for the comparisons: as with a goal, only of indicators of which all may be seen."""
        told = f"c.indicator_id not in ({texts(self.hidden)})" if self.hidden else "true"
        if self.whole:
            return f"select * from mart.comparison as c where {told}"
        return f"""
        select c.* from mart.comparison as c
        where {told} and c.indicator_id not in (
            select v.indicator_id from core.indicator_value as v where not coalesce({self.visible}, false)
        )
        """

    def relation(self, name: str) -> str:
        """SQL for a reference table."""
        if name == "policy_goal":
            return self.goals()
        if name == "comparison":
            return self.comparisons()
        if name in effects.TABLES:
            return effects.relation(self, name)
        told = f" where indicator_id not in ({texts(self.hidden)})" if name == "indicator" and self.hidden else ""
        return f"select * from core.{identifier(name)}{told}"

    # -- columns ------------------------------------------------------------------------------------------------------

    def wide_columns(self, theme: str) -> list[Column]:
        described = self.columns_of[theme]
        return [
            *of_region(),
            *OF_PERIOD,
            *(
                Column(
                    name=i["indicator_id"],
                    type="number",
                    title=f"{i['name_nl']} ({i['unit']})",
                    description=described.get(i["indicator_id"]) or i["definition"],
                    decimals=i["decimals"],
                    unit=i["unit"],
                    is_indicator=True,
                )
                for i in self.current(theme)
            ),
            *_WIDE_END,
        ]

    def table_columns(self, schema: str, name: str) -> list[Column]:
        """The columns of any released table, as its documentation in the file has them; of one on policy choices those that go out."""
        left_out = effects.LEFT_OUT.get(name, ())
        return [
            Column(column, _TYPES.get(kind, "string"), column, comment or "")
            for column, kind, comment in self.con.execute(
                "select column_name, data_type, comment from duckdb_columns() where schema_name = ? and table_name = ? "
                "and database_name = current_database() order by column_index",
                [schema, name],
            ).fetchall()
            if column not in left_out
        ]

    def sources(self, theme: str | None = None) -> list[dict[str, Any]]:
        """The source tables that a theme's figures are bound to as far as the scope reaches, or all tables; boundaries are none."""
        bindings = None if self.access is None else self.access.within(self.scope)
        return self.rows(
            """
            select
                table_id, title, owner, licence, attribution, origin, modified, fetched_at, snapshot_id, sharing_level
            from core."table"
            where not list_contains($3::varchar[], table_id) and protocol <> 'boundaries' and ($1::varchar is null or table_id in (
                select term.table_id from core.indicator_term as term
                where term.indicator_id in (select indicator_id from core.indicator where theme = $1)
                    and ($2::integer[] is null or list_contains($2::integer[], term.binding_id))
            ))
            order by table_id
            """,
            [theme, bindings, sorted(self.closed)],
        )

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
        return records(self.con.execute(sql, parameters or []))


def among(column: str, values: Sequence[str], parameters: list[Any]) -> str:
    """A condition with a parameter per value, which DuckDB can look up in the bounds of what it has stored; a list in one
    parameter it can't."""
    places = []
    for value in values:
        parameters.append(value)
        places.append(f"${len(parameters)}")
    return f"{column} = {places[0]}" if len(places) == 1 else f"{column} in ({', '.join(places)})"
