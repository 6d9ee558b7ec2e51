with measure as (
    select * from {{ ref('stg_statline__measure') }}
),

snapshot as (
    select * from {{ ref('snapshot') }}
),

final as (
    select
        measure.measure_id,
        snapshot.table_id,
        measure.measure_code,
        measure.stem,
        measure.measure_title,
        measure.measure_path,
        measure.unit,
        measure.datatype,
        measure.decimals,
        measure.description,
        measure.snapshot_no
    from measure
    inner join snapshot using (snapshot_no)
)

select * from final
