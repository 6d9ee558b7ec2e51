with source as (
    select * from {{ source('raw', 'snapshot') }}
),

final as (
    select
        snapshot_no,
        snapshot_id,
        source_id,
        table_id,
        protocol,
        catalog,
        layout,
        origin,
        url,
        fetched_at,
        modified,
        version_stamp,
        filter,
        scope,
        period as declared_period,
        row_count,
        expected_count,
        count_source,
        bytes,
        schema_fingerprint,
        sha256,
        warnings,
        coalesce(sharing_level, 'public') as sharing_level
    from source
)

select * from final
