{{ config(materialized='per_snapshot', load='load_source_row', snapshot_no='snapshot_no') }}
-- depends_on: {{ source('raw', 'snapshot') }}
select
    null::bigint as row_id,
    null::smallint as snapshot_no,
    null::varchar as region_code,
    null::varchar as period_code,
    null::map(varchar, varchar) as dimensions,
    null::varchar as dimensions_key
