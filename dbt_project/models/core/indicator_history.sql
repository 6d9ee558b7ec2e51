{{ config(materialized='by_part', kind='indicator', part='indicator_id') }}
-- What we published when. A figure that stays the same keeps its row; one that changes, or goes, gets an end and the new
-- one a beginning. Only the figure, its reason and its status count: a new snapshot with the same figure changes nothing. What
-- else belongs to a figure is as it was last told with it.
with current_value as (
    select * from {{ ref('indicator_value') }} where {{ made_now('indicator_id') }}
),

published as (
    select * from {{ source('raw', 'published') }} where {{ made_now('indicator_id') }}
),

build as (
    select known_at from {{ source('raw', 'build') }}
),

open_row as (
    select * from published where known_to is null
),

compared as (
    select
        open_row.* exclude (note, lower_bound, upper_bound, series_break),
        coalesce(
            current_value.indicator_id is not null
            and current_value.value is not distinct from open_row.value
            and current_value.missing_reason is not distinct from open_row.missing_reason
            and current_value.period_status is not distinct from open_row.period_status,
            false
        ) as still_holds
        {%- for label in ['note', 'lower_bound', 'upper_bound', 'series_break'] %},
        case when still_holds then current_value.{{ label }} else open_row.{{ label }} end as {{ label }}
        {%- endfor %}
    from open_row
    left join current_value using (indicator_id, definition_version, region_code, period_code)
),

fresh as (
    select
        current_value.indicator_id,
        current_value.definition_version,
        current_value.region_code,
        current_value.period_code,
        current_value.value,
        current_value.missing_reason,
        current_value.period_status,
        current_value.snapshot_id,
        current_value.note,
        current_value.lower_bound,
        current_value.upper_bound,
        current_value.series_break,
        build.known_at as known_from,
        null::timestamptz as known_to
    from current_value
    cross join build
    anti join (select * from compared where still_holds) as same
        using (indicator_id, definition_version, region_code, period_code)
),

final as (
    select * from published where known_to is not null
    union all by name
    select compared.* exclude (still_holds)
        replace (case when still_holds then null else build.known_at end as known_to)
    from compared
    cross join build
    union all by name
    select * from fresh
)

select
    indicator_id, definition_version, region_code, period_code, value, missing_reason, period_status, snapshot_id,
    known_from, known_to, note, lower_bound, upper_bound, series_break
from final
order by indicator_id, region_code, period_code, known_from
