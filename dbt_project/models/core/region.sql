-- One row per region, as it is or last was; core.region_version has what it was called from year to year.
with published as (
    select * from {{ ref('published_region') }}
),

groups as (
    select group_code, arg_max(group_name, valid_from) as name, arg_max(parent_code, valid_from) as parent_code, min(valid_from) as valid_from
    from {{ ref('region_group') }}
    group by group_code
),

final as (
    select * exclude (in_full_list) from published
    union all by name
    select group_code as region_code, 'groep' as region_type, name, parent_code, valid_from, null::date as valid_to
    from groups
    anti join published on published.region_code = groups.group_code
)

select * from final
order by region_code
