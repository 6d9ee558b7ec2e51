"""What must hold of schema ``mart``: that its figures are those of core, and that they are possible.

What belongs here: rules that follow from what an indicator is (its unit, how its parts add up), for whichever marts
and indicators there are. A mart is a table with a region and a period; its columns that are in ``core.indicator`` are
its figures. Nothing here names a mart, and an indicator only where a rule can't hold for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from expectations.check import Check, Subject, not_empty, own_regions, rows, shown
from expectations.codes import PERIOD_FORM
from ingest.datacenter import here
from ingest.sql import identifier, literal, literals

#: Percentages that may pass 100, because their numerator is no part of their denominator. By the names that the
#: registry has, or will have, for them.
MAY_PASS_100 = {
    "bev_dem_druk": "0-20 and 65+ over 20-65 (2026-11-24)",
    "bev_groene_druk": "0-20 over 20-65 (2026-11-24)",
    "bev_grijze_druk": "65+ over 20-65 (2026-11-24)",
    "mil_hernieuwbaar_pct": "a municipality may generate more than it uses (2026-11-24)",
}
#: Figures that may be below zero, because they are balances or changes.
MAY_BE_NEGATIVE = {
    "bev_binnenl_migratiesaldo": "came minus left (2026-11-24)",
}
#: A count jumps when it is more than this many times what it was a year ago, or less than one over that ...
JUMP_FACTOR = 2
#: ... and the change is at least this much, since small numbers jump by chance;
JUMP_LEAST = 50
#: a percentage, when it changes by more than this many points.
JUMP_POINTS = 25
#: CBS rounds figures of wijken to multiples of 5 (Kerncijfers wijken en buurten), so that a sum may be off by as much.
WIJK_ROUNDING = 5
#: How far the sum of doubles may be off by the order in which they are added, relative to the sum.
FLOAT = 1e-9

_FIGURE = ("cijfer", "cijfers")


@dataclass(frozen=True)
class Indicator:
    """What the rules look at, over all versions of its definition."""

    indicator_id: str
    units: frozenset[str]
    aggregations: frozenset[str]

    @property
    def is_percentage(self) -> bool:
        return any(unit.startswith("%") for unit in self.units)

    @property
    def is_sum(self) -> bool:
        return "sum" in self.aggregations

    @property
    def is_count(self) -> bool:
        return (self.is_sum or "aantal" in self.units) and self.indicator_id not in MAY_BE_NEGATIVE

    @property
    def is_ratio(self) -> bool:
        return "ratio" in self.aggregations


def subjects(con: duckdb.DuckDBPyConnection) -> list[Subject]:
    """The marts of this candidate with the checks that their indicators call for, and the policy goals."""
    found = con.execute(
        """
        select table_name, list(distinct column_name) from information_schema.columns
        where table_schema = 'mart' group by table_name order by table_name
        """
    ).fetchall()
    indicators = {
        row[0]: Indicator(row[0], frozenset(row[1]), frozenset(row[2]))
        for row in con.execute(
            """
            select indicator_id, list(distinct unit), list(distinct aggregation)
            from core.indicator group by indicator_id
            """
        ).fetchall()
    }
    marts = [
        Subject(
            "mart", f"mart.{table}", "mart", table, _theme([indicators[c] for c in sorted(columns) if c in indicators])
        )
        for table, columns in found
        if {"region_code", "period_code"} <= set(columns) and indicators.keys() & set(columns)
    ]
    return [
        *marts,
        Subject("mart", "mart.comparison", "mart", "comparison", _comparison()),
        Subject("mart", "mart.policy_goal", "mart", "policy_goal", _policy_goal()),
    ]


def _theme(indicators: list[Indicator]) -> list[Check]:
    percentages = [i for i in indicators if i.is_percentage]
    sums = [i for i in indicators if i.is_sum]
    counts = [i for i in indicators if i.is_count]
    parts = [i for i in sums if i.is_count]
    ratios = [i for i in indicators if i.is_ratio]
    return [
        not_empty("De tabel is er.", least=0),
        *([_equals_core(indicators)] if indicators else []),
        *([*_percentages(percentages), _jump_in_points(percentages)] if percentages else []),
        *([_group_sum(sums), _jump_by_factor(sums)] if sums else []),
        *([_not_negative(counts)] if counts else []),
        *([_wijken(parts), _parent(parts)] if parts else []),
        *([_between_members(ratios)] if ratios else []),
    ]


def _figures(indicators: Iterable[Indicator], where: str = "true", nulls: bool = False) -> str:
    """SQL: the mart's figures one below the other, each with its definition as it holds in the period."""
    columns = ", ".join(identifier(i.indicator_id) for i in indicators)
    return (
        "select f.region_code, f.period_code, f.indicator_id, f.value, p.start_date, i.unit, i.aggregation, i.decimals, "
        "concat_ws(' ', f.indicator_id, f.region_code, f.period_code) as name "
        f"from (select region_code, period_code, {columns} from audited where {where}) "
        f"unpivot {'include nulls' if nulls else ''} (value for indicator_id in ({columns})) as f "
        "inner join core.period as p on p.period_code = f.period_code "
        "inner join core.indicator as i on i.indicator_id = f.indicator_id and p.start_date >= i.valid_from "
        "and p.start_date <= coalesce(i.valid_to, date '9999-12-31')"
    )


# -- the figures are those of core ------------------------------------------------------------------------------------


def _equals_core(indicators: list[Indicator]) -> Check:
    columns = ", ".join(identifier(i.indicator_id) for i in indicators)
    ids = literals(i.indicator_id for i in indicators)
    return rows(
        "equals_core",
        "Elk cijfer is gelijk aan dat in core.indicator_value, en er ontbreekt er geen.",
        "select region_code, concat(concat_ws(' ', indicator_id, region_code, period_code), ': ', "
        f"{shown('m.value')}, ' in plaats van ', {shown('c.value')}) as example "
        f"from (select region_code, period_code, {columns} from audited) unpivot (value for indicator_id in ({columns})) as m "
        "full join (select indicator_id, region_code, period_code, value from core.indicator_value "
        f"where value is not null and indicator_id in {ids}) as c using (indicator_id, region_code, period_code) "
        "where m.value is distinct from c.value",
        first=own_regions(),
        noun=_FIGURE,
    )


# -- the figures are possible -----------------------------------------------------------------------------------------


def _percentages(indicators: list[Indicator]) -> list[Check]:
    """Ours must be possible; what a source publishes is carried as it is, and told.

    CBS itself has impossible ones (111% in 82972NED for a few municipalities, 2016), and two figures of a wijk or buurt
    that were each rounded to a multiple of 5 may divide to a little over 100 (2026-11-24).
    """
    impossible = (
        f"select figure.region_code, concat(name, ': ', {shown('figure.value')}) as example "
        f"from ({_figures(indicators)}) as figure "
        "inner join core.indicator_value as v using (indicator_id, region_code, period_code) "
        "where figure.unit[1] = '%' "
        f"and ((figure.value < 0 and indicator_id not in {literals(tuple(MAY_BE_NEGATIVE))}) "
        f"or (figure.value > 100 and indicator_id not in {literals((*MAY_PASS_100, *MAY_BE_NEGATIVE))})) and "
    )
    ours = "(v.method <> 'published' and figure.region_code[1:2] not in ('WK', 'BU'))"
    return [
        rows(
            "percentage_between_0_and_100",
            "Een percentage dat wij uitrekenen ligt tussen 0 en 100.",
            impossible + ours,
            first=own_regions(),
            noun=_FIGURE,
        ),
        rows(
            "carried_percentage_between_0_and_100",
            "Een percentage dat de bron geeft, of uit afgeronde cijfers volgt, ligt tussen 0 en 100.",
            f"{impossible} not {ours}",
            severity="warning",
            first=own_regions(),
            noun=_FIGURE,
        ),
    ]


def _not_negative(indicators: list[Indicator]) -> Check:
    return rows(
        "count_not_negative",
        "Een aantal is niet kleiner dan nul.",
        f"select region_code, concat(name, ': ', {shown('value')}) as example from ({_figures(indicators)}) as figure "
        "where (aggregation = 'sum' or unit = 'aantal') and value < 0",
        first=own_regions(),
        noun=_FIGURE,
    )


def _jump(name: str, description: str, indicators: list[Indicator], kind: str, jumps: str) -> Check:
    """Against the same period of the year before. Wijken and buurten are left out: small, and drawn anew every year."""
    figures = _figures(indicators, "region_code not like 'WK%' and region_code not like 'BU%'")
    return rows(
        name,
        description,
        f"with figure as ({figures}) "
        "select new.region_code, "
        f"concat(new.name, ': van ', {shown('old.value')}, ' naar ', {shown('new.value')}) as example "
        "from figure as new inner join figure as old on old.region_code = new.region_code "
        "and old.indicator_id = new.indicator_id and old.unit = new.unit "
        "and old.period_code = concat(try_cast(left(new.period_code, 4) as integer) - 1, substr(new.period_code, 5)) "
        f"where new.{kind} and ({jumps})",
        severity="warning",
        first=own_regions(),
        noun=("sprong", "sprongen"),
    )


def _jump_by_factor(indicators: list[Indicator]) -> Check:
    return _jump(
        "no_jump_by_factor",
        f"Een aantal van een gemeente of groter gebied wordt in een jaar niet meer dan {JUMP_FACTOR} keer zo groot "
        "of zo klein.",
        indicators,
        "aggregation = 'sum'",
        f"abs(new.value - old.value) >= {JUMP_LEAST} "
        f"and (new.value > {JUMP_FACTOR} * old.value or new.value < old.value / {JUMP_FACTOR})",
    )


def _jump_in_points(indicators: list[Indicator]) -> Check:
    return _jump(
        "no_jump_in_points",
        f"Een percentage van een gemeente of groter gebied verandert in een jaar niet meer dan {JUMP_POINTS} punten.",
        indicators,
        "unit[1] = '%'",
        f"abs(new.value - old.value) > {JUMP_POINTS}",
    )


# -- parts and wholes -------------------------------------------------------------------------------------------------


def _members(indicators: list[Indicator], aggregation: str) -> str:
    """SQL: per group, indicator and period what its members give: how many should, how many do, and the figures."""
    own = "region_code in (select unnest([group_code, region_code]) from core.region_group)"
    return (
        f"with figure as ({_figures(indicators, own)}), "
        "member as (select g.group_code, g.region_code, p.period_code from core.region_group as g "
        "inner join core.period as p on p.start_date >= g.valid_from "
        "and p.start_date <= coalesce(g.valid_to, date '9999-12-31')), "
        "size as (select group_code, period_code, count(*) as members from member group by group_code, period_code), "
        "part as (select m.group_code, f.indicator_id, f.period_code, any_value(f.decimals) as decimals, "
        "count(*) as present, sum(f.value) as total, min(f.value) as lowest, max(f.value) as highest "
        "from figure as f inner join member as m on m.region_code = f.region_code and m.period_code = f.period_code "
        f"where f.aggregation = {literal(aggregation)} group by m.group_code, f.indicator_id, f.period_code), "
        # What the source itself publishes of a province is not made of its municipalities.
        "compared as (select part.*, size.members, whole.value, "
        "concat_ws(' ', part.indicator_id, part.group_code, part.period_code) as name "
        "from part inner join size on size.group_code = part.group_code and size.period_code = part.period_code "
        "left join figure as whole on whole.region_code = part.group_code "
        "and whole.indicator_id = part.indicator_id and whole.period_code = part.period_code "
        "left join core.indicator_value as made on made.region_code = part.group_code "
        "and made.indicator_id = part.indicator_id and made.period_code = part.period_code "
        "where coalesce(made.method, 'aggregated') = 'aggregated') "
    )


def _group_sum(indicators: list[Indicator]) -> Check:
    return rows(
        "group_is_sum_of_members",
        f"Het aantal van een groep zoals {here().group.name} is precies de som van haar leden, en leeg als er een lid ontbreekt.",
        _members(indicators, "sum")
        + f"select concat(name, ': ', {shown('value')}, ', de leden samen ', {shown('total')}, "
        "' (', present, ' van ', members, ' leden)') as example from compared where case when present = members "
        f"then value is null or abs(value - total) > {FLOAT} * greatest(1, abs(total)) else value is not null end",
        noun=_FIGURE,
    )


def _between_members(indicators: list[Indicator]) -> Check:
    return rows(
        "group_ratio_between_members",
        "Een verhoudingscijfer van een groep ligt tussen het laagste en het hoogste van haar leden.",
        # The members' own may be published rounded, hence one unit of the last decimal.
        _members(indicators, "ratio")
        + f"select concat(name, ': ', {shown('value')}, ', de leden van ', {shown('lowest')}, ' tot ', {shown('highest')}) "
        "as example from compared where present = members "
        "and (value < lowest - pow(10, -decimals) or value > highest + pow(10, -decimals))",
        noun=_FIGURE,
    )


def _wijken(indicators: list[Indicator]) -> Check:
    where = "region_code like 'WK%' or region_code like 'GM%'"
    return rows(
        "wijken_add_up",
        "De wijken van een gemeente zijn samen de gemeente, op de afronding na.",
        # A wijk without a figure counts as nothing, so then the sum may only be too high.
        f"with figure as ({_figures(indicators, where, nulls=True)}), "
        "wijk as (select 'GM' || substr(region_code, 3, 4) as municipality, indicator_id, period_code, "
        "sum(value) as total, count(*) as wijken, count(value) as known from figure "
        "where region_code like 'WK%' and aggregation = 'sum' group by municipality, indicator_id, period_code) "
        f"select whole.region_code, concat(whole.name, ': ', {shown('whole.value')}, ', zijn wijken (', wijken, ') samen ', "
        f"{shown('total')}) as example from wijk inner join figure as whole on whole.region_code = wijk.municipality "
        "and whole.indicator_id = wijk.indicator_id and whole.period_code = wijk.period_code "
        f"where total - whole.value > {WIJK_ROUNDING} * wijken "
        f"or (known = wijken and whole.value - total > {WIJK_ROUNDING} * wijken)",
        severity="warning",
        first=own_regions(),
        noun=("gemeentecijfer", "gemeentecijfers"),
    )


def _parent(indicators: list[Indicator]) -> Check:
    where = "region_code like 'GM%' or region_code like 'PV%' or region_code = 'NL01'"
    return rows(
        "municipality_within_province",
        "Een gemeente heeft van geen aantal meer dan de provincie of het land waarin zij ligt.",
        f"with figure as ({_figures(indicators, where)}) "
        f"select part.region_code, concat(part.name, ': ', {shown('part.value')}, ', maar ', whole.region_code, ' ', "
        f"{shown('whole.value')}) as example from figure as part "
        "inner join core.region as region on region.region_code = part.region_code "
        "inner join figure as whole on whole.region_code = region.parent_code "
        "and whole.indicator_id = part.indicator_id and whole.period_code = part.period_code "
        "where part.region_code like 'GM%' and whole.region_code not like 'GM%' "
        "and part.aggregation = 'sum' and part.value > whole.value",
        severity="warning",
        first=own_regions(),
        noun=("gemeentecijfer", "gemeentecijfers"),
    )


# -- comparison -------------------------------------------------------------------------------------------------------


def _comparison() -> list[Check]:
    row = "concat_ws(' ', indicator_id, region_code, period_code, group_code)"
    return [
        not_empty("De tabel is er.", least=0),
        rows(
            "rank_within_group",
            "Een plaats ligt tussen 1 en het aantal gemeenten.",
            f"select {row} as example from audited where rank < 1 or rank > ranked_municipalities",
            column="rank",
            noun=("vergelijking", "vergelijkingen"),
        ),
    ]


# -- policy goals -----------------------------------------------------------------------------------------------------


def _policy_goal() -> list[Check]:
    goal = ("doel", "doelen")
    return [
        not_empty("De tabel is er.", least=0),
        *(
            rows(
                f"{column}_form",
                f"De {word} van elk doel heeft de vorm die het CBS gebruikt, zoals 2030JJ00.",
                f"select concat(goal_id, ': ', coalesce({column}, 'leeg')) as example from audited "
                f"where not coalesce(regexp_full_match({column}, {literal(PERIOD_FORM)}), false)",
                column=column,
                noun=goal,
            )
            for column, word in (("baseline_period", "beginperiode"), ("target_period", "doelperiode"))
        ),
        rows(
            "latest_value_there",
            "Van elk doel is er een laatste cijfer.",
            "select concat_ws(' ', goal_id, indicator_id, region_code) as example from audited where latest_value is null",
            severity="warning",
            column="latest_value",
            noun=goal,
        ),
    ]
