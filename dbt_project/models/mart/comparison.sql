{{ config(materialized='by_part', kind='indicator', part='indicator_id') }}
-- Each of our municipalities, and all of them together, beside others: its place in every group that it belongs to or is compared with,
-- and the difference to that group, to the country, and to its own past. Where a source gives margins, a difference of
-- which the intervals overlap is said to be none that can be shown.
with figure as (
    select value_.*, period.period_type, period.start_date
    from {{ ref('indicator_value') }} as value_
    inner join {{ ref('period') }} as period using (period_code)
    where
        value_.value is not null and value_.region_code[1:2] not in ('WK', 'BU')
        and {{ made_now('value_.indicator_id') }}
),

center as (
    select * from {{ ref('data_center') }}
),

ours as (
    select member.region_code
    from {{ ref('region_group') }} as member
    inner join center on center.region_code = member.group_code
),

-- The region is compared with others as if it were a municipality, but not ranked among them.
subject as (
    select figure.*, indicator.direction, indicator.theme, indicator.is_total, indicator.not_comparable
    from figure
    inner join {{ ref('indicator') }} as indicator
        on indicator.indicator_id = figure.indicator_id and indicator.version = figure.definition_version
    where figure.region_code in (select region_code from center) or figure.region_code in (select region_code from ours)
),

membership as (
    select group_code, group_name, group_type, region_code, valid_from, coalesce(valid_to, date '9999-12-31') as valid_to
    from {{ ref('region_group') }}
),

pair as (
    select distinct
        subject.indicator_id, subject.region_code, subject.period_code, subject.start_date, subject.value,
        subject.direction, subject.is_total, subject.region_code = center.region_code as is_region, membership.group_code
    from subject
    cross join center
    inner join membership
        on subject.start_date between membership.valid_from and membership.valid_to
        and (
            membership.region_code = subject.region_code
            or (membership.group_type = 'vergelijking')
            or (subject.region_code = center.region_code and membership.group_code in (center.corop_code, center.province_code))
        )
),

-- Rank 1 is the best, or the highest where neither is better; equal figures share a rank. How much there is in a place says
-- how large the place is: totals have no rank and no verdict beside a group.
ranked as (
    select
        pair.indicator_id,
        pair.region_code,
        pair.period_code,
        pair.group_code,
        -- The municipality itself counts, also in a group that it is only compared with; the region is none.
        case when not any_value(pair.is_total) then
            count(*) filter (other.region_code <> pair.region_code) + (not any_value(pair.is_region))::int
        end as ranked_municipalities,
        case when not any_value(pair.is_region) and not any_value(pair.is_total) then 1 + count(*) filter (
            other.region_code <> pair.region_code
            and case when any_direction.lower_is_better then other.value < pair.value else other.value > pair.value end
        ) end as rank
    from pair
    inner join membership on membership.group_code = pair.group_code and pair.start_date between membership.valid_from and membership.valid_to
    inner join figure as other
        on other.region_code = membership.region_code
        and other.indicator_id = pair.indicator_id
        and other.period_code = pair.period_code
    inner join (
        select indicator_id, bool_or(direction = 'lager_is_beter') as lower_is_better
        from {{ ref('indicator') }} group by indicator_id
    ) as any_direction on any_direction.indicator_id = pair.indicator_id
    group by pair.indicator_id, pair.region_code, pair.period_code, pair.group_code
),

-- Its own past: the figure before, and the first of the unbroken series, on which the index is based.
past as (
    select
        subject.*,
        lag(period_code) over series as previous_period,
        lag(value) over series as previous_value,
        lag(lower_bound) over series as previous_lower,
        lag(upper_bound) over series as previous_upper,
        lag(series_segment) over series as previous_segment,
        first_value(period_code) over segment as base_period,
        first_value(value) over segment as base_value
    from subject
    window
        series as (partition by indicator_id, region_code, period_type order by start_date),
        segment as (partition by indicator_id, region_code, period_type, series_segment order by start_date)
),

named as (
    select group_code, arg_max(group_name, valid_from) as group_name, any_value(group_type) as group_type
    from membership group by group_code
),

final as (
    select
        past.theme,
        past.indicator_id,
        past.definition_version,
        past.region_code,
        region.name as region_name,
        past.period_code,
        past.value,
        past.lower_bound,
        past.upper_bound,
        past.direction,
        ranked.group_code,
        named.group_name,
        named.group_type,
        ranked.rank,
        ranked.ranked_municipalities,
        whole.value as group_value,
        past.value - whole.value as difference_to_group,
        case when not past.is_total then {{ difference_word('past', 'whole') }} end as group_verdict,
        country.value as country_value,
        past.value - country.value as difference_to_country,
        case when not past.is_total then {{ difference_word('past', 'country') }} end as country_verdict,
        past.previous_period,
        past.previous_value,
        case when past.previous_segment = past.series_segment then past.value - past.previous_value end as difference_to_previous,
        case when past.previous_segment = past.series_segment and past.not_comparable is null then
            {{ verdict('past.value', 'past.lower_bound', 'past.upper_bound', 'past.previous_value', 'past.previous_lower', 'past.previous_upper') }}
        end as previous_verdict,
        past.base_period,
        past.base_value,
        case when past.base_value > 0 and past.not_comparable is null then 100 * past.value / past.base_value end as index_value,
        past.series_break,
        past.not_comparable,
        past.is_total,
        definition.name_nl as indicator_name,
        definition.unit,
        past.period_status,
        reference.reference_start,
        reference.reference_end
    from past
    inner join ranked
        on ranked.indicator_id = past.indicator_id
        and ranked.region_code = past.region_code
        and ranked.period_code = past.period_code
    inner join named on named.group_code = ranked.group_code
    left join figure as whole
        on whole.indicator_id = past.indicator_id
        and whole.period_code = past.period_code
        and whole.region_code = ranked.group_code
    left join figure as country
        on country.indicator_id = past.indicator_id
        and country.period_code = past.period_code
        and country.region_code = 'NL01'
    left join {{ ref('region') }} as region on region.region_code = past.region_code
    left join {{ ref('indicator') }} as definition
        on definition.indicator_id = past.indicator_id and definition.version = past.definition_version
    left join {{ ref('indicator_reference') }} as reference
        on reference.indicator_id = past.indicator_id
        and reference.definition_version = past.definition_version
        and reference.period_code = past.period_code
)

select * from final
order by indicator_id, region_code, period_code, group_code
