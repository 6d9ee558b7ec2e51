-- One row per region, as it is or last was; core.region_version has what it was called from year to year.
with published as (
    select * from {{ ref('published_region') }}
),

groups as (
    select
        group_code,
        -- What CBS divides the country into has a kind of its own; what we or others put together is a group.
        case when any_value(group_type) in ('samenwerking', 'product', 'vergelijking', 'grootteklasse', 'stedelijkheid')
            then 'groep' else any_value(group_type) end as region_type,
        arg_max(group_name, valid_from) as name,
        arg_max(parent_code, valid_from) as parent_code,
        min(valid_from) as valid_from
    from {{ ref('region_group') }}
    group by group_code
),

-- Members of a declared group that no table of this release lists.
member as (
    select region_code, 'gemeente' as region_type, any_value(region_name) as name, any_value(center.province_code) as parent_code
    from {{ ref('region_group_member') }}
    cross join (select province_code from {{ ref('data_center') }}) as center
    anti join published using (region_code)
    group by region_code
),

final as (
    select * exclude (in_full_list, reorganised) from published
    union all by name
    select group_code as region_code, region_type, name, parent_code, valid_from, null::date as valid_to
    from groups
    anti join published on published.region_code = groups.group_code
    union all by name
    select *, null::date as valid_from, null::date as valid_to from member
)

-- The marts call it region_name, and so it can be called here.
select final.*, final.name as region_name, parent.name as parent_name
from final
left join final as parent on parent.region_code = final.parent_code
order by final.region_code
