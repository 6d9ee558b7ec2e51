-- A goal, where it stands, and whether it is on track: on a straight line from the baseline to the target, the latest
-- figure must be at least as far as the line is on the day that the figure is about. Over a break in the series nothing is
-- said, nor where the margins of the figure contain the line.
with goal as (
    select goal.*, {{ version_on(period_start('goal.target_period')) }} as target_version
    from {{ source('raw', 'policy_goal') }} as goal
    left join {{ ref('indicator') }} as definition using (indicator_id)
    group by all
),

figure as (
    select value_.*, period.start_date
    from {{ ref('indicator_value') }} as value_
    inner join {{ ref('period') }} as period using (period_code)
    where
        value_.value is not null
        and period.period_type in ('jaar', 'schooljaar')
        and value_.indicator_id in (select indicator_id from goal)
),

-- The latest figure and the one before it.
recent as (
    select
        *,
        lag(period_code) over series as previous_period,
        lag(value) over series as previous_value,
        lag(series_segment) over series as previous_segment,
        lag(lower_bound) over series as previous_lower,
        lag(upper_bound) over series as previous_upper
    from figure
    window series as (partition by indicator_id, region_code order by start_date)
    qualify row_number() over (partition by indicator_id, region_code order by start_date desc) = 1
),

definition as (
    select
        indicator_id, arg_max(name_nl, version) as name_nl, arg_max(unit, version) as unit, max(version) as version,
        arg_max(struct_pack(why := not_comparable), version).why as not_comparable
    from {{ ref('indicator') }}
    group by indicator_id
),

-- The day that a figure is about; of one about more days, the middle of them.
moment as (
    select
        indicator_id, definition_version, period_code, reference_start, reference_end,
        reference_start + (date_diff('day', reference_start, reference_end) // 2)::int as day
    from {{ ref('indicator_reference') }}
),

joined as (
    select
        goal.*,
        definition.not_comparable,
        (
            select string_agg(between_.series_break, ' ' order by between_.start_date)
            from figure as between_
            where
                between_.indicator_id = goal.indicator_id
                and between_.region_code = goal.region_code
                and between_.start_date > baseline.start_date
                and between_.start_date <= recent.start_date
        ) as break_note,
        region.name as region_name,
        definition.name_nl as indicator_name,
        definition.unit,
        baseline.value as baseline_value,
        recent.period_code as latest_period,
        recent.value as latest_value,
        recent.lower_bound as latest_lower,
        recent.upper_bound as latest_upper,
        recent.period_status as latest_status,
        recent.previous_period,
        recent.previous_value,
        case when recent.previous_segment = recent.series_segment and definition.not_comparable is null then
            {{ verdict('recent.value', 'recent.lower_bound', 'recent.upper_bound', 'recent.previous_value', 'recent.previous_lower', 'recent.previous_upper') }}
        end as compared,
        baseline.series_segment = recent.series_segment and definition.not_comparable is null as is_one_series,
        compared_group.name as comparison_name,
        comparison.value as comparison_value,
        place.rank as comparison_rank,
        place.ranked_municipalities as comparison_municipalities,
        country.value as country_value,
        latest_moment.reference_start,
        latest_moment.reference_end,
        date_diff('day', first_moment.day, latest_moment.day) as days_passed,
        date_diff('day', first_moment.day, last_moment.day) as days_in_all
    from goal
    left join definition using (indicator_id)
    left join {{ ref('region') }} as region using (region_code)
    left join figure as baseline
        on baseline.indicator_id = goal.indicator_id
        and baseline.region_code = goal.region_code
        and baseline.period_code = goal.baseline_period
    left join recent on recent.indicator_id = goal.indicator_id and recent.region_code = goal.region_code
    left join moment as first_moment
        on first_moment.indicator_id = goal.indicator_id
        and first_moment.period_code = goal.baseline_period
        and first_moment.definition_version = coalesce(baseline.definition_version, definition.version)
    left join moment as latest_moment
        on latest_moment.indicator_id = goal.indicator_id
        and latest_moment.period_code = recent.period_code
        and latest_moment.definition_version = recent.definition_version
    left join moment as last_moment
        on last_moment.indicator_id = goal.indicator_id
        and last_moment.period_code = goal.target_period
        and last_moment.definition_version = goal.target_version
    left join figure as comparison
        on comparison.indicator_id = goal.indicator_id
        and comparison.region_code = goal.comparison_group
        and comparison.period_code = recent.period_code
    left join {{ ref('comparison') }} as place
        on place.indicator_id = goal.indicator_id
        and place.region_code = goal.region_code
        and place.group_code = goal.comparison_group
        and place.period_code = recent.period_code
    left join {{ ref('region') }} as compared_group on compared_group.region_code = goal.comparison_group
    left join figure as country
        on country.indicator_id = goal.indicator_id
        and country.region_code = 'NL01'
        and country.period_code = recent.period_code
),

expected as (
    select
        *,
        case when is_one_series and days_passed > 0 and days_in_all > 0
            then baseline_value + least(days_passed / days_in_all, 1) * (target_value - baseline_value) end as expected_value
    from joined
),

judged as (
    select
        *,
        coalesce(latest_lower <= expected_value and expected_value <= latest_upper, false) as is_within_margin
    from expected
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
        latest_lower,
        latest_upper,
        latest_status,
        previous_period,
        previous_value,
        case compared when 'hoger' then 'stijgend' when 'lager' then 'dalend' else compared end as trend,
        case when is_one_series and days_passed > 0
            then (latest_value - baseline_value) / (days_passed / 365.25) end as change_per_year,
        expected_value,
        target_value - latest_value as distance_to_target,
        case
            when latest_value is null or expected_value is null or is_within_margin then null
            when target_value < baseline_value then latest_value <= expected_value
            else latest_value >= expected_value
        end as on_track,
        case
            when latest_value is null then 'Er is nog geen cijfer.'
            when baseline_value is null then 'Over de beginperiode is er geen cijfer.'
            when days_passed <= 0 then 'Er is nog geen cijfer van na de beginperiode.'
            when not_comparable is not null then not_comparable
            when not is_one_series then 'De reeks breekt tussen de beginperiode en het laatste cijfer.'
            when coalesce(days_in_all, 0) <= 0 then 'De streefperiode gaat over geen later moment dan de beginperiode.'
            when is_within_margin then 'Geen aantoonbaar verschil: wat op dit moment was te verwachten, ligt binnen de marge van het laatste cijfer.'
        end as on_track_note,
        comparison_group,
        comparison_name,
        comparison_value,
        comparison_rank,
        comparison_municipalities,
        country_value,
        decided_on,
        decided_by,
        legal_basis,
        example,
        case
            when latest_value is null or expected_value is null then 'niet te zeggen'
            when is_within_margin then 'geen aantoonbaar verschil'
            when target_value < baseline_value then if(latest_value <= expected_value, 'ja', 'nee')
            else if(latest_value >= expected_value, 'ja', 'nee')
        end as on_track_verdict,
        reference_start,
        reference_end,
        case when latest_value is not null and baseline_value is not null and not is_one_series then break_note end as series_break
    from judged
)

select * from final
order by goal_id
