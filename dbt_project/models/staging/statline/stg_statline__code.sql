with source as (
    select * from {{ source('raw', 'code') }}
),

dimension as (
    select * from {{ source('raw', 'dimension') }}
),

final as (
    select
        source.snapshot_no,
        source.dimension,
        dimension.kind,
        source.code,
        source.title,
        source.description,
        source."group" as group_code,
        source.status,
        source.position
    from source
    inner join dimension on dimension.snapshot_no = source.snapshot_no and dimension.key = source.dimension
)

select * from final
