-- Whether a wijk or buurt is what it was a year before, by CBS's own flag in Kerncijfers wijken en buurten. Figures of
-- different years are one series only as far back as `unchanged_since`: an unbroken run of years with flag 1.
with flagged as (
    select
        source_row.region_code,
        left(source_row.period_code, 4)::int as year,
        source_row.period_code,
        coalesce(cell.text_value, cell.value::int::varchar) as change_code,
        measure.table_id
    from {{ source('raw', 'series') }} as series
    inner join {{ ref('measure') }} as measure
        on measure.table_id = series.table_id and list_contains(series.area_change, measure.stem)
    inner join {{ ref('cell') }} as cell using (measure_id)
    inner join {{ ref('source_row') }} as source_row using (row_id)
    where source_row.region_code[1:2] in ('WK', 'BU')
),

run as (
    select *, year - row_number() over (partition by region_code, change_code = '1' order by year) as run_id
    from flagged
    qualify row_number() over (partition by region_code, year order by table_id) = 1
),

final as (
    select
        region_code,
        period_code,
        year,
        change_code,
        case
            when change_code = '1' then min(year) over (partition by region_code, change_code = '1', run_id) - 1
            else year
        end as unchanged_since,
        table_id
    from run
)

select * from final
order by region_code, year
