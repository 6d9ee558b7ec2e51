with source as (
    select * from {{ source('raw', 'region_boundary') }}
),

snapshot as (
    select * from {{ source('raw', 'snapshot') }}
),

final as (
    select
        source.region_code,
        source.valid_year,
        {{ region_type('source.region_code') }} as region_type,
        source.name,
        source.geometry,
        nullif(array_to_string(snapshot.warnings, '; '), '') as note,
        snapshot.origin,
        snapshot.source_id,
        snapshot.attribution,
        snapshot.licence,
        source.snapshot_id
    from source
    inner join snapshot using (snapshot_id)
)

select * from final
order by valid_year, region_code
