with code as (
    select * from {{ ref('stg_statline__code') }}
),

snapshot as (
    select * from {{ ref('snapshot') }}
),

final as (
    select
        snapshot.table_id,
        code.dimension,
        code.kind,
        code.code,
        code.title,
        code.description,
        code.group_code,
        code.status,
        code.position
    from code
    inner join snapshot using (snapshot_no)
)

select * from final
