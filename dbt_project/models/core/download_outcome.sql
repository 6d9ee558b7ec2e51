with source as (
    select * from {{ source('raw', 'outcome') }}
),

final as (
    select table_id, "at" as attempted_at, result, nullif(reason, '') as reason, snapshot_id, modified, "rows" as row_count, bytes, seconds
    from source
)

select * from final
order by attempted_at, table_id
