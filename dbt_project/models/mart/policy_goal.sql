-- A goal, where it stands, and whether it is on track: on a straight line from the baseline to the target, the latest
-- figure must be at least as far as the line is at that period.
with goal as (
    select * from {{ ref('policy_goal_declaration') }}
),

figure as (
    select value_.*, period.start_date
    from {{ ref('indicator_value') }} as value_
    inner join {{ ref('period') }} as period using (period_code)
    where value_.value is not null and period.period_type = 'jaar'
),

latest as (
    select
        indicator_id,
        region_code,
        arg_max(period_code, start_date) as latest_period,
        arg_max(value, start_date) as latest_value,
        arg_max(period_status, start_date) as latest_status,
        max(start_date) as latest_date
    from figure
    group by indicator_id, region_code
),

definition as (
    select indicator_id, arg_max(name_nl, version) as name_nl, arg_max(unit, version) as unit
    from {{ ref('indicator') }}
    group by indicator_id
),

joined as (
    select
        goal.*,
        region.name as region_name,
        definition.name_nl as indicator_name,
        definition.unit,
        baseline.value as baseline_value,
        latest.latest_period,
        latest.latest_value,
        latest.latest_status,
        date_diff('day', {{ period_start('goal.baseline_period') }}, latest.latest_date)
            / nullif(
                date_diff('day', {{ period_start('goal.baseline_period') }}, {{ period_start('goal.target_period') }}), 0
            ) as elapsed
    from goal
    left join definition using (indicator_id)
    left join {{ ref('region') }} as region using (region_code)
    left join figure as baseline
        on baseline.indicator_id = goal.indicator_id
        and baseline.region_code = goal.region_code
        and baseline.period_code = goal.baseline_period
    left join latest on latest.indicator_id = goal.indicator_id and latest.region_code = goal.region_code
),

expected as (
    select *, baseline_value + least(elapsed, 1) * (target_value - baseline_value) as expected_value
    from joined
),

final as (
    select
        goal_id,
        region_code,
        region_name,
        programme,
        taakveld,
        goal,
        indicator_id,
        indicator_name,
        unit,
        baseline_period,
        baseline_value,
        target_period,
        target_value,
        latest_period,
        latest_value,
        latest_status,
        expected_value,
        target_value - latest_value as distance_to_target,
        case
            when latest_value is null or baseline_value is null then null
            when target_value < baseline_value then latest_value <= expected_value
            else latest_value >= expected_value
        end as on_track,
        decided_on,
        decided_by,
        legal_basis,
        example
    from expected
)

select * from final
order by goal_id
