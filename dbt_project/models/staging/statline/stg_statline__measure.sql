with source as (
    select * from {{ source('raw', 'measure') }}
),

final as (
    select
        measure_id::integer as measure_id,
        snapshot_no,
        code as measure_code,
        stem,
        title as measure_title,
        path as measure_path,
        unit,
        datatype,
        decimals,
        description
    from source
)

select * from final
