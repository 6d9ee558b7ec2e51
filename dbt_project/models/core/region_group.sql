-- Membership of groups, dated, from four places: declared in region.yml (the data centre itself, products, comparison groups); the province
-- that CBS's code list names; size class and stedelijkheid, from the figures of each year; and, once ingested, the tables
-- «Gebieden in Nederland», which for their years have the last word. A group that is worked out must have all its members:
-- the bundled sample makes none. (A table in the region's scope has all municipalities, only fewer wijken and buurten.)
with declared as (
    select group_code, group_name, group_type, parent_code, region_code, valid_from, valid_to, source
    from {{ ref('region_group_member') }}
),

published as (
    select * from {{ ref('published_region') }}
),

province as (
    select
        region.parent_code as group_code,
        province.name as group_name,
        'provincie' as group_type,
        'NL01' as parent_code,
        region.region_code,
        coalesce(region.valid_from, date '1830-01-01') as valid_from,
        region.valid_to,
        'CBS, indeling van de gemeenten in de codelijst RegioS' as source
    from published as region
    inner join published as province on province.region_code = region.parent_code
    where region.region_type = 'gemeente' and region.in_full_list and province.region_type = 'provincie'
),

-- What the indicators of inhabitants and of stedelijkheid say of each municipality in each year.
figure as (
    select
        term.indicator_id,
        source_row.region_code,
        left(source_row.period_code, 4)::int as year,
        term.table_id,
        coalesce(cell.value, try_cast(cell.text_value as double)) as value
    from {{ ref('indicator_term') }} as term
    inner join {{ ref('cell') }} as cell using (measure_id)
    inner join {{ ref('source_row') }} as source_row
        on source_row.row_id = cell.row_id and source_row.dimensions_key = term.dimensions_key
    inner join {{ ref('snapshot') }} as snapshot on snapshot.snapshot_id = term.snapshot_id
    where
        snapshot.origin <> 'sample'
        and term.indicator_id in ('bev_inwoners', 'rui_stedelijkheid')
        and list_contains(term.regions, 'gemeente')
        and source_row.region_code like 'GM%'
        and source_row.period_code like '____JJ00'
),

size_class as (
    select
        *,
        case
            when value < 5000 then 1 when value < 10000 then 2 when value < 20000 then 3 when value < 50000 then 4
            when value < 100000 then 5 when value < 150000 then 6 when value < 250000 then 7 else 8
        end as class
    from figure
    where indicator_id = 'bev_inwoners' and value > 0
),

area_table as (
    select distinct table_id, left(series.period, 4)::int as year
    from {{ source('raw', 'series') }} as series
    inner join {{ ref('snapshot') }} as snapshot using (table_id)
    where series.series_id = 'gebieden' and snapshot.origin <> 'sample'
),

area_cell as (
    select
        source_row.region_code,
        area_table.year,
        area_table.table_id,
        measure.measure_path,
        measure.stem,
        trim(coalesce(cell.text_value, cell.value::bigint::varchar)) as said
    from area_table
    inner join {{ ref('measure') }} as measure using (table_id)
    inner join {{ ref('cell') }} as cell using (measure_id)
    inner join {{ ref('source_row') }} as source_row using (row_id)
    where
        measure.stem in ('Code', 'Naam', 'Omschrijving')
        and measure.measure_path <> ''
        and source_row.region_code like 'GM%'
),

-- Code and name stand side by side under one topic group.
area as (
    select
        region_code,
        year,
        table_id,
        measure_path,
        max(said) filter (stem = 'Code') as code,
        max(said) filter (stem <> 'Code') as name
    from area_cell
    group by region_code, year, table_id, measure_path
    having code is not null and code <> region_code
),

yearly as (
    select
        case
            when measure_path ilike '%grootte%' then 'GK' || regexp_replace(code, '^GK', '')
            when measure_path ilike '%stedelijkheid%' then 'ST' || regexp_replace(code, '^ST', '')
            else code
        end as group_code,
        name as group_name,
        case
            when measure_path ilike '%grootte%' then 'grootteklasse'
            when measure_path ilike '%stedelijkheid%' then 'stedelijkheid'
            else {{ area_type('code', 'measure_path') }}
        end as group_type,
        region_code,
        year,
        1 as priority,
        'CBS, Gebieden in Nederland ' || year || ' (' || table_id || ')' as source
    from area
    union all by name
    select
        'GK' || class as group_code,
        ['Minder dan 5 000 inwoners', '5 000 tot 10 000 inwoners', '10 000 tot 20 000 inwoners',
            '20 000 tot 50 000 inwoners', '50 000 tot 100 000 inwoners', '100 000 tot 150 000 inwoners',
            '150 000 tot 250 000 inwoners', '250 000 inwoners of meer'][class] as group_name,
        'grootteklasse' as group_type,
        region_code,
        year,
        2 as priority,
        'Afgeleid uit het aantal inwoners op 1 januari (' || table_id || ')' as source
    from size_class
    union all by name
    select
        'ST' || value::int as group_code,
        ['Zeer sterk stedelijk', 'Sterk stedelijk', 'Matig stedelijk', 'Weinig stedelijk', 'Niet stedelijk'][value::int] as group_name,
        'stedelijkheid' as group_type,
        region_code,
        year,
        2 as priority,
        'CBS, Kerncijfers wijken en buurten (' || table_id || ')' as source
    from figure
    where indicator_id = 'rui_stedelijkheid' and value between 1 and 5
),

chosen as (
    select *, max(year) over (partition by group_type) as last_year
    from yearly
    qualify priority = min(priority) over (partition by group_type, year)
),

run as (
    select *, year - row_number() over (partition by group_code, region_code order by year) as run_id
    from chosen
),

by_year as (
    select
        group_code,
        arg_max(group_name, year) as group_name,
        any_value(group_type) as group_type,
        'NL01' as parent_code,
        region_code,
        make_date(min(year), 1, 1) as valid_from,
        -- The newest division holds until there is a newer one.
        case when max(year) < any_value(last_year) then make_date(max(year), 12, 31) end as valid_to,
        arg_max(source, year) as source
    from run
    group by group_code, region_code, run_id
),

covered as (
    select group_code, make_date(min(year), 1, 1) as first_day
    from chosen
    group by group_code
),

fixed as (
    select all_fixed.* replace (
        case
            when covered.first_day is null then all_fixed.valid_to
            else least(coalesce(all_fixed.valid_to, date '9999-12-31'), covered.first_day - 1)
        end as valid_to
    )
    from (select * from declared union all by name select * from province) as all_fixed
    left join covered using (group_code)
    where covered.first_day is null or all_fixed.valid_from < covered.first_day
),

final as (
    select * from fixed
    union all by name
    select * from by_year
)

select group_code, group_name, group_type, parent_code, region_code, valid_from, valid_to, source
from final
order by group_code, region_code, valid_from
