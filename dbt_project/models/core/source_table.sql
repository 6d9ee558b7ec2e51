{{ config(alias='table') }}
with source as (
    select * from {{ source('raw', 'snapshot') }}
),

cells as (
    select source_row.snapshot_no, count(*) as observation_count, count(cell.value) as value_count
    from {{ ref('cell') }} as cell
    inner join {{ ref('source_row') }} as source_row using (row_id)
    group by source_row.snapshot_no
),

final as (
    select
        source.table_id,
        source.source_id,
        source.title,
        source.protocol,
        source.catalog,
        source.origin,
        source.note as origin_note,
        source.snapshot_id,
        source.fetched_at,
        source.modified,
        source.cadence,
        source.owner,
        source.licence,
        source.attribution,
        source.sharing_level,
        source.row_count,
        coalesce(cells.observation_count, 0) as observation_count,
        coalesce(cells.value_count, 0) as value_count
    from source
    left join cells using (snapshot_no)
)

select * from final
