with code as (
    select
        {{ canonical_region('code.code') }} as region_code,
        code.title,
        code.description,
        code.group_code,
        snapshot.protocol,
        snapshot.declared_period,
        code.title <> code.code as has_name
    from {{ ref('stg_statline__code') }} as code
    inner join {{ ref('snapshot') }} as snapshot using (snapshot_no)
    where code.kind = 'region'
),

-- v4 tells most about a region: since when, until when, and in which province; titles that repeat the code tell nothing.
merged as (
    select
        region_code,
        arg_max(title, (has_name::int, (protocol = 'v4')::int, coalesce(declared_period, ''))) as title,
        max(regexp_extract(group_code, '(PV\d\d)$', 1)) as province_code,
        max(regexp_extract(description, 'Begindatum (\d\d-\d\d-\d{4})', 1)) as began,
        max(regexp_extract(description, 'Opgeheven per (\d\d-\d\d-\d{4})', 1)) as abolished,
        max(regexp_extract(description, 'Naamswijziging per (\d\d-\d\d-\d{4}),\s*nieuwe naam', 1)) as renamed,
        min(left(declared_period, 4)::int) as first_year,
        max(left(declared_period, 4)::int) as last_year
    from code
    group by region_code
),

published as (
    select
        region_code,
        {{ region_type('region_code') }} as region_type,
        regexp_replace(title, '\s*\((LD|PV|CR|GG|JZ|ES|ET)\)$', '') as name,
        case
            when region_code like 'BU%' then 'WK' || substr(region_code, 3, 6)
            when region_code like 'WK%' then 'GM' || substr(region_code, 3, 4)
            when nullif(province_code, '') is not null then province_code
            when region_code like 'NL%' then null
            else 'NL01'
        end as parent_code,
        case
            when region_code like 'WK%' or region_code like 'BU%' then make_date(first_year, 1, 1)
            else try_strptime(nullif(began, ''), '%d-%m-%Y')::date
        end as valid_from,
        case
            when region_code like 'WK%' or region_code like 'BU%' then make_date(last_year, 12, 31)
            else (try_strptime(coalesce(nullif(abolished, ''), nullif(renamed, '')), '%d-%m-%Y') - interval 1 day)::date
        end as valid_to
    from merged
    -- A table of another data center has our groups among its regions; a group is told of once, from its members.
    where region_code not in (select group_code from {{ ref('region_group_member') }})
),

groups as (
    select group_code, any_value(group_name) as name, any_value(parent_code) as parent_code, min(valid_from) as valid_from
    from {{ ref('region_group_member') }}
    group by group_code
),

final as (
    select * from published
    union all by name
    select group_code as region_code, 'groep' as region_type, name, parent_code, valid_from, null::date as valid_to
    from groups
)

select * from final
order by region_code
