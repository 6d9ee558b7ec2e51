{%- set roles = ['value', 'numerator', 'denominator', 'lower', 'upper'] -%}
-- One figure per indicator, region and period, and how it came about. In steps: the cells that a binding names, added up per
-- role; the figure of each region from them; the figure of a group (De Kempen) from its members' roles; a row with the
-- reason for an indicator that has none; and where each series breaks. A ratio of a group is divided from numerators and
-- denominators added up, never an average of ratios. No figure is moved from one area to another.
with shape as (
    select
        binding_id
        {%- for role in roles %},
        count(*) filter (role = '{{ role }}') as {{ role }}_terms
        {%- endfor %}
    from {{ source('raw', 'term') }}
    group by binding_id
),

-- A column without a single value in its table is one that the source has not filled (yet). Of such a column only De
-- Kempen and the country get a row, to say so: a hundred thousand others would say nothing.
unfilled as (
    select measure_id
    from {{ ref('cell') }}
    group by measure_id
    having count(value) = 0 and count(text_value) = 0
),

kempen as (
    select distinct substr(region_code, 3, 4) as municipality
    from {{ ref('region_group_member') }}
    where group_code = 'KEMPEN'
),

-- Which missing reason wins where several parts miss: the one that can least be mended comes first.
found as (
    select
        term.binding_id,
        {{ canonical_region('source_row.region_code') }} as region_code,
        source_row.period_code
        {%- for role in roles %},
        sum(term.sign * cell.value) filter (term.role = '{{ role }}') as {{ role }}_sum,
        count(cell.value) filter (term.role = '{{ role }}') as {{ role }}_found
        {%- endfor %}
        {%- for role in roles[:3] %},
        count(*) filter (term.role = '{{ role }}') > 0 as has_{{ role }},
        {{ worst_reason("case when unfilled.measure_id is not null then 'not_yet_published' else cell.missing_reason end") }}
            filter (term.role = '{{ role }}') as {{ role }}_worst
        {%- endfor %}
    from {{ ref('indicator_term') }} as term
    inner join {{ ref('cell') }} as cell using (measure_id)
    inner join {{ ref('source_row') }} as source_row
        on source_row.row_id = cell.row_id and source_row.dimensions_key = term.dimensions_key
    left join unfilled on unfilled.measure_id = cell.measure_id
    where
        list_contains(term.regions, {{ region_type(canonical_region('source_row.region_code')) }})
        and (term.first_period is null or source_row.period_code >= term.first_period)
        and (term.last_period is null or source_row.period_code <= term.last_period)
        and (
            unfilled.measure_id is null
            or source_row.region_code[1:2] = 'NL'
            or substr(source_row.region_code, 3, 4) in (select municipality from kempen)
        )
    group by term.binding_id, {{ canonical_region('source_row.region_code') }}, source_row.period_code
),

status as (
    select term.binding_id, member.code as period_code, {{ weakest_status('member.status') }} as period_status
    from (select distinct binding_id, table_id from {{ ref('indicator_term') }}) as term
    inner join {{ ref('dimension_member') }} as member on member.table_id = term.table_id and member.kind = 'time'
    group by term.binding_id, member.code
),

dated as (
    select
        found.binding_id,
        found.region_code,
        found.period_code,
        case when shape.value_terms > 0 and found.value_found = shape.value_terms then binding.constant + found.value_sum end as published,
        case when found.numerator_found = shape.numerator_terms then found.numerator_sum end as numerator,
        case when found.denominator_found = shape.denominator_terms then found.denominator_sum end as denominator,
        case when shape.lower_terms > 0 and found.lower_found = shape.lower_terms then binding.constant + found.lower_sum end as lower_bound,
        case when shape.upper_terms > 0 and found.upper_found = shape.upper_terms then binding.constant + found.upper_sum end as upper_bound,
        found.has_value as has_published,
        found.has_denominator,
        shape.value_terms = 1 and binding.constant = 0 as is_single,
        {%- for role in roles[:3] %}
        case when found.{{ role }}_found < shape.{{ role }}_terms then coalesce(found.{{ role }}_worst, 'not_available') end as {{ role }}_reason,
        {%- endfor %}
        status.period_status,
        snapshot.snapshot_id,
        binding.table_id,
        binding.stretch,
        indicator.indicator_id,
        indicator.version as definition_version,
        indicator.aggregation,
        indicator.factor,
        indicator.why_not,
        period.start_date
    from found
    inner join shape using (binding_id)
    inner join {{ source('raw', 'binding') }} as binding using (binding_id)
    inner join {{ ref('period') }} as period using (period_code)
    inner join {{ ref('indicator') }} as indicator
        on indicator.indicator_id = binding.indicator_id
        and indicator.version = binding.version
        and period.start_date >= indicator.valid_from
        and period.start_date <= coalesce(indicator.valid_to, date '9999-12-31')
    left join {{ ref('snapshot') }} as snapshot on snapshot.table_id = binding.table_id
    left join status on status.binding_id = found.binding_id and status.period_code = found.period_code
    where found.has_value or found.has_numerator
),

-- CBS rounds figures of wijken and buurten to multiples of 5, so that a ratio on a small denominator says nothing (10 of
-- 5 would be 200%): below the bound we divide none.
bounded as (
    select
        *,
        coalesce(
            not has_published
            and region_code[1:2] in ('WK', 'BU')
            and denominator < {{ var('least_denominator') }},
            false
        ) as is_too_small
    from dated
),

own as (
    select
        indicator_id,
        definition_version,
        region_code,
        period_code,
        case
            when has_published then published
            when denominator <> 0 and not is_too_small then factor * numerator / denominator
        end as value,
        numerator,
        denominator,
        lower_bound,
        upper_bound,
        case
            when has_published then value_reason
            when not has_denominator then 'not_available'
            when denominator = 0 then 'impossible'
            else coalesce(numerator_reason, denominator_reason, case when is_too_small then 'suppressed' end)
        end as missing_reason,
        case
            when is_too_small and denominator <> 0 and numerator_reason is null
                then 'De noemer is kleiner dan {{ var("least_denominator") }}; met afgeronde cijfers zegt de verhouding niets.'
            when coalesce(case when has_published then value_reason end, numerator_reason, denominator_reason) = 'not_yet_published'
                then 'De bron heeft deze kolom (nog) niet gevuld.'
        end as note,
        period_status,
        case when has_published and is_single then 'published' else 'computed' end as method,
        snapshot_id,
        table_id,
        binding_id,
        null::varchar as composition
    from bounded
),

member as (
    select region_group.group_code, dated.*
    from dated
    inner join {{ ref('region_group') }} as region_group
        on region_group.region_code = dated.region_code
        and dated.start_date >= region_group.valid_from
        and dated.start_date <= coalesce(region_group.valid_to, date '9999-12-31')
    where dated.region_code like 'GM%'
),

-- How many members a group has at a time, and which: a group of other members is another group.
group_size as (
    select
        region_group.group_code,
        period.period_code,
        count(*) as members,
        md5(string_agg(region_group.region_code, ',' order by region_group.region_code)) as composition
    from {{ ref('region_group') }} as region_group
    inner join {{ ref('period') }} as period
        on period.start_date >= region_group.valid_from
        and period.start_date <= coalesce(region_group.valid_to, date '9999-12-31')
    group by region_group.group_code, period.period_code
),

added as (
    select
        member.indicator_id,
        member.definition_version,
        member.group_code as region_code,
        member.period_code,
        any_value(member.aggregation) as aggregation,
        any_value(member.factor) as factor,
        any_value(member.why_not) as why_not,
        case when count(member.published) = any_value(group_size.members) then sum(member.published) end as total,
        case when count(member.numerator) = any_value(group_size.members) then sum(member.numerator) end as numerator,
        case when count(member.denominator) = any_value(group_size.members) then sum(member.denominator) end as denominator,
        count(*) = any_value(group_size.members) as is_whole,
        {{ worst_reason('coalesce(member.value_reason, member.numerator_reason, member.denominator_reason)') }} as missing_reason,
        any_value(member.period_status) as period_status,
        any_value(member.snapshot_id) as snapshot_id,
        any_value(group_size.composition) as composition,
        member.table_id,
        member.binding_id
    from member
    inner join group_size using (group_code, period_code)
    group by
        member.indicator_id, member.definition_version, member.group_code, member.period_code,
        member.table_id, member.binding_id
),

grouped as (
    select
        indicator_id,
        definition_version,
        region_code,
        period_code,
        case aggregation
            when 'sum' then total
            when 'ratio' then case when denominator <> 0 then factor * numerator / denominator end
        end as value,
        case when aggregation = 'ratio' then numerator end as numerator,
        case when aggregation = 'ratio' then denominator end as denominator,
        case
            when aggregation = 'none' then 'not_available'
            when aggregation = 'sum' and total is not null then null
            when aggregation = 'ratio' and numerator is not null and denominator is not null
                then case when denominator = 0 then 'impossible' end
            else coalesce(missing_reason, 'not_available')
        end as missing_reason,
        case
            when aggregation = 'none' then why_not
            when not is_whole then 'Niet voor alle gemeenten van de groep is er een cijfer.'
        end as note,
        period_status,
        'aggregated' as method,
        snapshot_id,
        table_id,
        binding_id,
        composition
    from added
    -- What the source itself publishes of a province or a COROP region goes before what we add up.
    anti join own using (indicator_id, definition_version, region_code, period_code)
),

-- An indicator without any source in this release still says why, once for each municipality and for De Kempen.
latest as (
    select max(start_date) as start_date, arg_max(period_code, start_date) as period_code
    from {{ ref('period') }}
    where period_type = 'jaar' and start_date <= (select max(fetched_at)::date from {{ ref('snapshot') }})
),

absent as (
    select
        indicator.indicator_id,
        indicator.version as definition_version,
        region.region_code,
        latest.period_code,
        'not_available' as missing_reason,
        indicator.no_figure as note,
        'absent' as method
    from {{ ref('indicator') }} as indicator
    cross join latest
    cross join (
        select region_code from {{ ref('region_group_member') }} where group_code = 'KEMPEN'
        union all
        select 'KEMPEN'
    ) as region
    where
        latest.start_date >= indicator.valid_from
        and latest.start_date <= coalesce(indicator.valid_to, date '9999-12-31')
        and indicator.indicator_id not in (select indicator_id from {{ ref('indicator_term') }})
),

figure as (
    select * from own
    union all by name
    select * from grouped
    union all by name
    select * from absent
),

placed as (
    select
        figure.*,
        binding.stretch,
        binding.same_areas,
        binding.series_break as break_here,
        period.period_type,
        period.start_date,
        year(period.start_date) as year,
        lag(figure.period_code) over series as previous_period,
        lag(year(period.start_date)) over series as previous_year,
        lag(figure.definition_version) over series as previous_version,
        lag(binding.stretch) over series as previous_stretch,
        lag(figure.table_id) over series as previous_table,
        lag(figure.composition) over series as previous_composition
    from figure
    inner join {{ ref('period') }} as period using (period_code)
    left join {{ source('raw', 'binding') }} as binding using (binding_id)
    window series as (partition by figure.indicator_id, figure.region_code, period.period_type order by period.start_date)
),

broken as (
    select
        placed.*,
        case
            when placed.previous_period is null then null
            when placed.previous_version <> placed.definition_version
                then coalesce(indicator.series_break, 'Andere definitie: versie ' || placed.definition_version || ' in plaats van ' || placed.previous_version || '.')
            when placed.previous_stretch <> placed.stretch and placed.break_here is not null then placed.break_here
            when placed.composition <> placed.previous_composition then 'De samenstelling van de groep is veranderd.'
            when placed.region_code[1:2] not in ('WK', 'BU') or placed.year = placed.previous_year then null
            when placed.same_areas and placed.table_id = placed.previous_table then null
            when area_change.unchanged_since <= placed.previous_year then null
            when area_change.change_code = '2' then 'De code is veranderd (CBS: indelingswijziging 2): onder deze code viel eerder een ander gebied.'
            when area_change.change_code = '3' then 'De afbakening van het gebied is veranderd (CBS: indelingswijziging 3).'
            else 'Niet is na te gaan of het gebied sinds ' || placed.previous_year || ' hetzelfde is: niet van elk jaar is er een indeling, of zij is veranderd.'
        end as series_break
    from placed
    inner join {{ ref('indicator') }} as indicator
        on indicator.indicator_id = placed.indicator_id and indicator.version = placed.definition_version
    left join {{ ref('area_change') }} as area_change
        on area_change.region_code = placed.region_code and area_change.year = placed.year
),

final as (
    select
        indicator_id,
        definition_version,
        region_code,
        period_code,
        value,
        numerator,
        denominator,
        lower_bound,
        upper_bound,
        missing_reason,
        note,
        period_status,
        method,
        series_break,
        1 + count(series_break) over (
            partition by indicator_id, region_code, period_type order by start_date rows unbounded preceding
        ) as series_segment,
        snapshot_id,
        table_id,
        binding_id
    from broken
)

select * from final
order by indicator_id, region_code, period_code
