-- One figure per indicator, region and period, and how it came about. Three steps: the cells that a binding names, added
-- up per role; the figure of each region from them; the figure of a group (De Kempen) from its members' roles. A ratio of
-- a group is divided from numerators and denominators added up, never an average of ratios.
with term_count as (
    select binding_id, role, count(*) as terms
    from {{ source('raw', 'term') }}
    group by binding_id, role
),

-- Which missing reason wins where several parts miss: the one that can least be mended comes first.
term_value as (
    select
        term.binding_id,
        term.role,
        {{ canonical_region('source_row.region_code') }} as region_code,
        source_row.period_code,
        term.sign * cell.value as value,
        cell.missing_reason,
        term.snapshot_id,
        member.status as period_status
    from {{ ref('indicator_term') }} as term
    inner join {{ ref('cell') }} as cell using (measure_id)
    inner join {{ ref('source_row') }} as source_row
        on source_row.row_id = cell.row_id and source_row.dimensions_key = term.dimensions_key
    left join {{ ref('dimension_member') }} as member
        on member.table_id = term.table_id and member.kind = 'time' and member.code = source_row.period_code
    where
        list_contains(term.regions, {{ region_type(canonical_region('source_row.region_code')) }})
        and source_row.period_code >= coalesce(term.first_period, '')
        and source_row.period_code <= coalesce(term.last_period, '~')
),

role_value as (
    select
        term_value.binding_id,
        term_value.region_code,
        term_value.period_code,
        term_value.role,
        case when count(term_value.value) = any_value(term_count.terms) then sum(term_value.value) end as value,
        any_value(term_count.terms) = 1 as is_single,
        case
            when count(term_value.value) < any_value(term_count.terms)
                then coalesce({{ worst_reason('term_value.missing_reason') }}, 'not_available')
        end as missing_reason,
        min(term_value.snapshot_id) as snapshot_id,
        {{ weakest_status('term_value.period_status') }} as period_status
    from term_value
    inner join term_count using (binding_id, role)
    group by term_value.binding_id, term_value.region_code, term_value.period_code, term_value.role
),

parts as (
    select
        binding_id,
        region_code,
        period_code,
        max(value) filter (role = 'value') as published,
        max(value) filter (role = 'numerator') as numerator,
        max(value) filter (role = 'denominator') as denominator,
        bool_or(role = 'value') as has_published,
        bool_or(role = 'value' and is_single) as is_single,
        bool_or(role = 'denominator') as has_denominator,
        any_value(missing_reason) filter (role = 'value') as published_reason,
        any_value(missing_reason) filter (role = 'numerator') as numerator_reason,
        any_value(missing_reason) filter (role = 'denominator') as denominator_reason,
        coalesce(
            max(snapshot_id) filter (role = 'value'), max(snapshot_id) filter (role = 'numerator')
        ) as snapshot_id,
        {{ weakest_status('period_status') }} as period_status
    from role_value
    group by binding_id, region_code, period_code
    having bool_or(role in ('value', 'numerator'))
),

dated as (
    select
        parts.*,
        binding.indicator_id,
        binding.table_id,
        indicator.version as definition_version,
        indicator.aggregation,
        indicator.factor,
        indicator.why_not,
        period.start_date
    from parts
    inner join {{ source('raw', 'binding') }} as binding using (binding_id)
    inner join {{ ref('period') }} as period using (period_code)
    inner join {{ ref('indicator') }} as indicator
        on indicator.indicator_id = binding.indicator_id
        and indicator.version = binding.version
        and period.start_date >= indicator.valid_from
        and period.start_date <= coalesce(indicator.valid_to, date '9999-12-31')
),

-- CBS rounds figures of wijken and buurten to multiples of 5, so that a ratio on a small denominator says nothing (10 of
-- 5 would be 200%): below the bound we divide none.
bounded as (
    select
        *,
        coalesce(
            not has_published
            and {{ region_type('region_code') }} in ('wijk', 'buurt')
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
        case
            when has_published then published_reason
            when not has_denominator then 'not_available'
            when denominator = 0 then 'impossible'
            else coalesce(numerator_reason, denominator_reason, case when is_too_small then 'suppressed' end)
        end as missing_reason,
        case
            when is_too_small and denominator <> 0 and numerator_reason is null
                then 'De noemer is kleiner dan {{ var("least_denominator") }}; met afgeronde cijfers zegt de verhouding niets.'
        end as note,
        period_status,
        case when has_published and is_single then 'published' else 'computed' end as method,
        snapshot_id,
        table_id,
        binding_id
    from bounded
),

member as (
    select
        region_group.group_code,
        dated.*,
        count(*) over (partition by region_group.group_code, dated.binding_id, dated.period_code) as present
    from dated
    inner join {{ ref('region_group') }} as region_group
        on region_group.region_code = dated.region_code
        and dated.start_date >= region_group.valid_from
        and dated.start_date <= coalesce(region_group.valid_to, date '9999-12-31')
),

group_size as (
    select region_group.group_code, period.period_code, count(*) as members
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
        any_value(member.present) = any_value(group_size.members) as is_whole,
        {{ worst_reason('coalesce(member.published_reason, member.numerator_reason, member.denominator_reason)') }} as missing_reason,
        {{ weakest_status('member.period_status') }} as period_status,
        min(member.snapshot_id) as snapshot_id,
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
        binding_id
    from added
),

final as (
    select * from own
    union all by name
    select * from grouped
)

select
    indicator_id,
    definition_version,
    region_code,
    period_code,
    value,
    numerator,
    denominator,
    missing_reason,
    note,
    period_status,
    method,
    snapshot_id,
    table_id,
    binding_id
from final
order by indicator_id, region_code, period_code
