-- Names and parents as they were. A table of one year tells what its regions were called in that year; a wijk or buurt
-- exists in the years that list it. Only tables of one statistic are asked (Kerncijfers wijken en buurten), since others
-- write the same name in another way («Utrecht (gemeente)»). What they don't list has the one version of core.region.
with listed as (
    select
        {{ canonical_region('code.code') }} as region_code,
        left(series.period, 4)::int as year,
        arg_min({{ region_name('code.title') }}, (code.snapshot_no, code.position)) as name
    from {{ ref('stg_statline__code') }} as code
    inner join {{ ref('snapshot') }} as snapshot using (snapshot_no)
    inner join {{ source('raw', 'series') }} as series
        on series.table_id = snapshot.table_id and len(series.area_change) > 0
    where code.kind = 'region' and code.title <> code.code
    group by all
),

marked as (
    select
        listed.*,
        listed.region_code[1:2] in ('WK', 'BU') as is_small,
        coalesce(lag(name) over by_year <> name or (is_small and lag(year) over by_year <> year - 1), true) as is_new
    from listed
    window by_year as (partition by region_code order by year)
),

numbered as (
    select *, sum(is_new::int) over (partition by region_code order by year) as version_no
    from marked
),

version as (
    select region_code, version_no, is_small, any_value(name) as name, min(year) as first_year, max(year) as last_year
    from numbered
    group by region_code, version_no, is_small
),

final as (
    select
        region.region_code,
        region.region_type,
        coalesce(version.name, region.name) as name,
        region.parent_code,
        case
            when version.is_small or version.version_no > 1 then make_date(version.first_year, 1, 1)
            else region.valid_from
        end as valid_from,
        case
            when version.is_small then make_date(version.last_year, 12, 31)
            else coalesce(
                (make_date(lead(version.first_year) over (partition by region.region_code order by version_no), 1, 1)
                    - interval 1 day)::date,
                region.valid_to
            )
        end as valid_to
    from {{ ref('region') }} as region
    left join version using (region_code)
)

select *, name as region_name from final
order by region_code, valid_from
