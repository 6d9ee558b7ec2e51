{{ config(meta={'dagster': {'ref': {'name': 'cell'}}}) }}
-- Every row of a wide table has every measure once; every observation of a long table is there once.
with expected as (
    select
        snapshot.snapshot_id,
        case snapshot.layout
            when 'long' then snapshot.row_count
            else snapshot.row_count * (select count(*) from {{ ref('measure') }} as m where m.table_id = snapshot.table_id)
        end as cells
    from {{ ref('snapshot') }} as snapshot
),

found as (
    select snapshot.snapshot_id, count(*) as cells, count(distinct (cell.row_id, cell.measure_id)) as distinct_cells
    from {{ ref('cell') }} as cell
    inner join {{ ref('source_row') }} using (row_id)
    inner join {{ ref('snapshot') }} as snapshot using (snapshot_no)
    group by snapshot.snapshot_id
)

select expected.snapshot_id, expected.cells as expected_cells, found.cells, found.distinct_cells
from expected
left join found using (snapshot_id)
where found.cells is distinct from expected.cells or found.distinct_cells is distinct from expected.cells
