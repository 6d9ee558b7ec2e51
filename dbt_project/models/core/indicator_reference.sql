-- What date a figure is about, by the rule that its definition declares for the period, its kind, or all. Also for the
-- periods that a goal names, of which there may be no figure yet, and of what was published under an earlier definition.
with definition as (
    select * from {{ ref('indicator') }}
),

goal as (
    select indicator_id, unnest([baseline_period, target_period]) as period_code
    from {{ source('raw', 'policy_goal') }}
),

named as (
    select distinct indicator_id, definition_version, period_code from {{ ref('indicator_value') }}
    union
    select distinct indicator_id, definition_version, period_code from {{ source('raw', 'published') }}
    union
    select goal.indicator_id, {{ version_on(period_start('goal.period_code')) }} as definition_version, goal.period_code
    from goal
    inner join definition using (indicator_id)
    group by goal.indicator_id, goal.period_code
),

dated as (
    select *, {{ period_start('period_code') }} as start_date from named
),

typed as (
    select *, {{ period_type('period_code', 'start_date') }} as period_type
    from dated
    where start_date is not null
),

ruled as (
    select
        typed.*,
        {{ period_end('typed.period_type', 'typed.start_date') }} as end_date,
        coalesce(
            max(rule.rule) filter (rule.period = typed.period_code),
            max(rule.rule) filter (rule.period = typed.period_type),
            max(rule.rule) filter (rule.period = '*'),
            'period'
        ) as rule
    from typed
    left join {{ source('raw', 'reference') }} as rule
        on rule.indicator_id = typed.indicator_id and rule.version = typed.definition_version
    group by all
),

final as (
    select
        indicator_id,
        definition_version,
        period_code,
        {%- for side, place in (('start', 1), ('end', -1)) %}
        case rule
            when 'period' then {{ side }}_date
            when 'start' then start_date
            when 'end' then end_date
            when 'previous_start' then (start_date - interval 1 year)::date
            else {{ day_in_period("split_part(rule, '/', " ~ place ~ ")", 'start_date') }}
        end as reference_{{ side }}{{ ',' if not loop.last }}
        {%- endfor %}
    from ruled
)

select * from final
order by indicator_id, definition_version, period_code
