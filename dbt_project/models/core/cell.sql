{{ config(materialized='per_snapshot', load='load_cell', snapshot_no='measure_id // 65536') }}
-- depends_on: {{ source('raw', 'measure') }}
-- depends_on: {{ ref('source_row') }}
select
    null::bigint as row_id,
    null::integer as measure_id,
    null::double as value,
    null::varchar as text_value,
    null::varchar as missing_reason
