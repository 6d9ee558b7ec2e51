"""What must hold of figures that municipalities hold themselves, seen from the published tables alone.

What belongs here: the rules of disclosure control, checked a second time by other means than those that applied them
(``ingest.municipal.disclosure.control``), from ``core.observation`` and ``core.disclosure_rule`` and nothing an outsider does not have.
Dominance within an amount, and which units are behind a count, can't be seen from outside and are not checked here.
"""

from __future__ import annotations

from expectations.check import Check, Subject, rows, shown

_FIGURE = ("cijfer", "cijfers")

#: Published and hidden figures with their rule. A hidden one is at least ``least``; a published one lies between the two
#: figures that are rounded to it.
_FIGURES = """
figure as (
    select
        observation.table_id, observation.measure_code, observation.region_code, observation.period_code,
        observation.dimensions, observation.value, observation.missing_reason,
        rule.kind, rule.units, rule.threshold, rule.rounding, rule.zeros, rule.least_denominator, rule.numerator,
        rule.denominator,
        left(observation.region_code, 2) as level,
        case
            when value is null then case when zeros = 'publish' then 1 else 0 end
            when value = 0 or level = 'GM' then value
            else greatest(value - rounding // 2, threshold)
        end as low,
        case
            when value is null then null
            when value = 0 or level = 'GM' then value
            else value + (rounding - 1) // 2
        end as high
    from audited as observation
    inner join core.disclosure_rule as rule using (table_id, measure_code)
    where rule.units <> 'none'
)
"""

_PLACE = "concat_ws(' ', table_id, measure_code, region_code, period_code, dimensions::varchar)"


def subject() -> Subject:
    return Subject("disclosure", "core.observation", "core", "observation", _checks())


def _checks() -> list[Check]:
    return [
        _rows(
            "threshold",
            "Geen gepubliceerd aantal van een gemeentelijke bron is kleiner dan de drempel van die bron.",
            f"select concat({_PLACE}, ': ', {shown('value')}, ' (drempel ', threshold, ')') as example from figure "
            "where kind in ('count', 'distinct') and value < threshold and not (value = 0 and zeros = 'publish')",
        ),
        _rows(
            "rounded_below_municipality",
            "Onder gemeenteniveau is elk gepubliceerd aantal afgerond zoals de bron voorschrijft.",
            f"select concat({_PLACE}, ': ', {shown('value')}) as example from figure "
            "where kind in ('count', 'distinct') and level <> 'GM' and value is not null and value % rounding <> 0",
        ),
        _rows(
            "ratio_on_enough",
            "Elk percentage of gemiddelde rust op een gepubliceerde teller en op een gepubliceerde, voldoende grote noemer.",
            "select concat_ws(' ', ratio.table_id, ratio.measure_code, ratio.region_code, ratio.period_code, "
            f"ratio.dimensions::varchar, 'noemer', {shown('below.value')}) as example "
            "from (select * from figure where kind = 'ratio' and value is not null) as ratio "
            f"left join figure as below on {_same('below', 'denominator')} "
            f"left join figure as above on {_same('above', 'numerator')} "
            "where below.value is null or above.value is null or below.value < ratio.least_denominator",
        ),
        _rows(
            "not_had_from_regions",
            "Geen verborgen aantal is uit het totaal van de omvattende regio en de andere delen te herleiden tot onder de "
            "drempel.",
            _single(
                "select child.*, parent.high as whole_high, concat_ws(' ', parent.table_id, parent.measure_code, "
                "parent.region_code, parent.period_code, parent.dimensions::varchar) as family "
                "from figure as child inner join figure as parent on parent.table_id = child.table_id "
                "and parent.measure_code = child.measure_code and parent.period_code = child.period_code "
                "and parent.dimensions = child.dimensions and parent.value is not null "
                "where (child.level = 'WK' and parent.region_code = 'GM' || substr(child.region_code, 3, 4)) "
                "or (child.level = 'BU' and parent.region_code = 'WK' || substr(child.region_code, 3, 6))"
            ),
        ),
        _rows(
            "not_had_from_dimensions",
            "Geen verborgen aantal is uit een totaal en de andere onderdelen te herleiden tot onder de drempel.",
            _single(
                "select child.*, parent.high as whole_high, concat_ws(' ', parent.table_id, parent.measure_code, "
                "parent.region_code, parent.period_code, child.dimension, parent.dimensions::varchar) as family "
                "from (select *, unnest(map_keys(dimensions)) as dimension from figure) as child "
                "inner join figure as parent on parent.table_id = child.table_id "
                "and parent.measure_code = child.measure_code and parent.period_code = child.period_code "
                "and parent.region_code = child.region_code and parent.value is not null "
                "and parent.dimensions = map_from_entries(list_transform(map_entries(child.dimensions), "
                "lambda e: if(e.key = child.dimension, row(e.key, 'Totaal'), row(e.key, e.value)))) "
                "where child.dimensions[child.dimension] <> 'Totaal'"
            ),
        ),
        _rows(
            "suppressed_has_no_value",
            "Een onderdrukt cijfer is leeg, met als reden dat het onderdrukt is.",
            f"select {_PLACE} as example from figure where missing_reason = 'suppressed' and value is not null",
        ),
    ]


def _same(other: str, measure: str) -> str:
    """Joins the figure above or below the line of a ratio, of the same place."""
    return f"{other}.measure_code = ratio.{measure} and " + " and ".join(
        f"{other}.{column} = ratio.{column}" for column in ("table_id", "region_code", "period_code", "dimensions")
    )


def _single(families: str) -> str:
    """Families of a total and its parts in which one part alone is hidden, and can't be as large as the threshold."""
    return (
        f"select concat(family, ': hoogstens ', {shown('most')}) as example from ("
        "select family, min(whole_high) - coalesce(sum(low) filter (value is not null), 0) as most, "
        "min(threshold) as threshold, count(*) filter (value is null) as hidden "
        f"from ({families}) as member where kind = 'count' group by family) as family_sum "
        "where hidden = 1 and most < threshold"
    )


def _rows(name: str, description: str, query: str) -> Check:
    return rows(name, description, f"with {_FIGURES} {query}", column="value", noun=_FIGURE)
