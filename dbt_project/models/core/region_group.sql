with member as (
    select * from {{ ref('region_group_member') }}
),

final as (
    select group_code, group_name, region_code, valid_from, valid_to, source
    from member
)

select * from final
order by group_code, region_code
