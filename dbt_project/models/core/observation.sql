{{ config(materialized='view') }}
with cell as (
    select * from {{ ref('cell').include(database=false) }}
),

source_row as (
    select * from {{ ref('source_row').include(database=false) }}
),

measure as (
    select * from {{ ref('measure').include(database=false) }}
),

snapshot as (
    select * from {{ ref('snapshot').include(database=false) }}
),

period_status as (
    select table_id, code as period_code, status as period_status
    from {{ ref('dimension_member').include(database=false) }}
    where kind = 'time'
),

final as (
    select
        snapshot.source_id,
        snapshot.table_id,
        measure.measure_code,
        measure.measure_title,
        measure.measure_path,
        measure.unit,
        source_row.region_code,
        source_row.period_code,
        source_row.dimensions,
        cell.value,
        cell.text_value,
        cell.missing_reason,
        period_status.period_status,
        snapshot.snapshot_id,
        snapshot.origin,
        snapshot.sharing_level
    from cell
    inner join source_row using (row_id)
    inner join measure using (measure_id)
    inner join snapshot on snapshot.snapshot_no = source_row.snapshot_no
    left join period_status
        on period_status.table_id = snapshot.table_id and period_status.period_code = source_row.period_code
)

select * from final
