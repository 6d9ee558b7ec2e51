{{ config(materialized='table') }}
-- The regions that the sources list, one row each, by the code list that tells most about it: v4's says since when, until
-- when, and in which province; titles that repeat the code tell nothing. Lists may contradict each other (83625NED says of
-- Oisterwijk, Boxtel and Vught, which exist, that they were abolished in 2021): the longest description is believed.
with code as (
    select
        {{ canonical_region('code.code') }} as region_code,
        code.title,
        code.description,
        code.snapshot_no,
        code.position,
        code.group_code,
        snapshot.protocol,
        snapshot.period as declared_period,
        code.title <> code.code as has_name,
        snapshot.origin <> 'sample' and code.group_code like 'GMPV%' as in_full_list
    from {{ ref('stg_statline__code') }} as code
    inner join {{ source('raw', 'snapshot') }} as snapshot using (snapshot_no)
    where code.kind = 'region'
),

merged as (
    select
        region_code,
        arg_max(title, (has_name::int, (protocol = 'v4')::int, coalesce(declared_period, ''), -snapshot_no, -position)) as title,
        max(regexp_extract(group_code, '(PV\d\d)$', 1)) as province_code,
        arg_max(description, (length(description), -snapshot_no, -position)) as description,
        min(left(declared_period, 4)::int) as first_year,
        max(left(declared_period, 4)::int) as last_year,
        bool_or(in_full_list) as in_full_list
    from code
    group by region_code
),

dated as (
    select
        *,
        -- Of a new municipality the list may say only that it came into being.
        coalesce(
            nullif(regexp_extract(description, 'Begindatum (\d\d-\d\d-\d{4})', 1), ''),
            regexp_extract(description, 'Ontstaan per (\d\d-\d\d-\d{4})', 1)
        ) as began,
        regexp_extract(description, 'Opgeheven per (\d\d-\d\d-\d{4})', 1) as abolished,
        regexp_extract(description, 'Naamswijziging per (\d\d-\d\d-\d{4}),\s*nieuwe naam', 1) as renamed
    from merged
),

final as (
    select
        region_code,
        {{ region_type('region_code') }} as region_type,
        {{ region_name('title') }} as name,
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
        end as valid_to,
        coalesce(in_full_list, false) as in_full_list,
        -- A municipality that kept its code but became another area; a shift of a border without inhabitants is none.
        list_transform(
            regexp_extract_all(description, 'Gemeentelijke herindeling per (\d\d-\d\d-\d{4})', 1),
            lambda day: strptime(day, '%d-%m-%Y')::date
        ) as reorganised
    from dated
)

select * from final
